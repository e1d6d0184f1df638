"""Records to keep, and the error that an act gives."""

from __future__ import annotations

import pytest

from runtime.engines.base import Completion, Finish
from runtime.ledger.runs import (
    RunManifest,
    Step,
    StepId,
    TrainingTally,
)
from runtime.ledger.store import LedgerError
from runtime.records import (
    Response,
)


def completion(text: str) -> Completion:
    return Completion(text, tuple(text.encode()), Finish.STOP)


def response(id: str, text: str = "text") -> Response:
    return Response(id=id, prompt="p", policy="m", sample=0, text=text, key="k", finish="stop")


RUN = RunManifest(
    id="run-1", constitution="house", version="1.0.0", meaning_hash="mm", metadata_hash="dd", bundle=b"{}",
    config=b"{}", models=(("policy", "m"),), versions=(("msgspec", "0"),), started=12.5,
)  # fmt: skip


TRAINED = TrainingTally(step=StepId(Step.SFT), model="m", steps=4, tokens=100, seconds=2.0)


def fault(act: object, *args: object, **kwargs: object) -> LedgerError:
    assert callable(act)
    with pytest.raises(LedgerError) as caught:
        act(*args, **kwargs)
    assert caught.value.remedy
    return caught.value
