import os
from importlib.util import find_spec

# Before ray is imported: a token of its own would be wanted otherwise.
os.environ.setdefault("RAY_AUTH_MODE", "disabled")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")

collect_ignore = [] if find_spec("ray") else [
    "test_at_a_server.py", "test_cluster.py", "test_spread.py", "test_whole_run.py",
]  # fmt: skip
