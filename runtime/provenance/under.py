"""What a run was made under: every constitution that it was begun under, which all mean the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from msgspec.structs import replace

from constitution_lang.ir.codec import BundleError, loads
from constitution_lang.ir.model import Bundle
from runtime.ledger.runs import RunManifest
from runtime.ledger.store import Ledger
from runtime.provenance.misfits import Difference, difference
from runtime.records import Provenance

__all__ = ["Under", "made_under"]


@dataclass(frozen=True)
class Under:
    """A run's constitutions: its hashes are in the run's id, its name, version and layout are not.

    Args:
        run: the manifest that stands, of the run as it was begun last.
        bundles: all that it was begun under, by the SHA-256 of their bytes.
        whole: whether these are all; an older ledger has kept the last alone.
    """

    run: RunManifest
    bundles: Mapping[str, Bundle]
    whole: bool

    def of(self, digest: str, seed: int) -> Provenance:
        """What something says that was made while the constitution with these bytes stood; if none has, with the last.

        Where not all are known, it may have been one of the run's other layouts.
        """
        bundle = self.bundles.get(digest)
        now = Provenance(
            constitution=self.run.constitution, version=self.run.version, meaning_hash=self.run.meaning_hash,
            metadata_hash=self.run.metadata_hash, bundle_sha256=sha256(self.run.bundle).hexdigest(), run=self.run.id,
            seed=seed,
        )  # fmt: skip
        if bundle is None:
            return now if self.whole else replace(now, bundle_sha256=digest)
        return replace(now, constitution=bundle.name, version=bundle.version, bundle_sha256=digest)

    def other(self, says: Provenance, seed: int) -> Difference | None:
        """Where a card says something else than any time that the run was begun; None where it fits."""
        should = self.of(says.bundle_sha256, seed)
        if says.bundle_sha256 not in self.bundles:
            same = (b for b in self.bundles.items() if (b[1].name, b[1].version) == (says.constitution, says.version))
            should = self.of(next(same, (says.bundle_sha256,))[0], seed)
            if not self.whole:
                # Any name and layout that it once had: the ledger has not kept them.
                should = replace(
                    should, constitution=says.constitution, version=says.version, bundle_sha256=says.bundle_sha256
                )
        return difference(says, should, exact=True)


def made_under(ledger: Ledger, run: RunManifest) -> Under:
    """What a run was begun under. A constitution that cannot be read is none; it is named where rows are filed."""
    bodies, whole = ledger.begun_under(run.id)
    bodies = {sha256(run.bundle).hexdigest(): run.bundle, **bodies}
    bundles = {}
    for digest, body in bodies.items():
        try:
            bundle = loads(body)
        except BundleError:
            continue
        if bundle.meaning_hash == run.meaning_hash:
            bundles[digest] = bundle
    return Under(run, bundles, whole)
