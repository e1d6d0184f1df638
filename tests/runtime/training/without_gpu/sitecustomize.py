"""Lets accelerate share out weights on a CPU: Python imports this by itself, where a test puts its folder on the path.

accelerate 1.15 knows FSDP for GPUs alone: `AcceleratorState.__init__` takes it up only for its kinds of GPUs. torch's
`fully_shard` itself works on a CPU over gloo. So the one function is replaced that says what there is; all else is
the library's own.
"""

import os

if os.environ.get("LOCAL_RANK") and os.environ.get("ACCELERATE_USE_FSDP") == "true":
    from accelerate.state import PartialState
    from accelerate.utils import DistributedType

    PartialState._prepare_backend = lambda *_, **__: ("gloo", DistributedType.MULTI_GPU)
