"""What the checkpoints of these tests say that they were made under."""

from runtime.records import Provenance

UNDER = Provenance(
    constitution="small", version="1.0.0", meaning_hash="abc", metadata_hash="def", bundle_sha256="012", run="r", seed=4
)
