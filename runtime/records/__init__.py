"""What a run makes, as frozen rows. Every row names what it was made from, by id.

Ids are hashes of content (`identify`), never positions, file names or times: the same row made twice is
the same row. Probabilities are fractions in [0, 1]; log-odds are natural logarithms.
"""

from __future__ import annotations

from typing import TypeAlias

from runtime.records.labels import (
    CategoryEvidence,
    Comparison,
    ComparisonPurpose,
    FiredRule,
    Label,
    LabelOutcome,
    LabelSource,
    LeftOut,
    Vote,
)
from runtime.records.prompts import CaseRecord, CaseValue, Draw, PromptCut, PromptRecord, PromptUse, ValueOrigin
from runtime.records.row import Conversation, Each, Turn, identify
from runtime.records.texts import Critique, Response, Revision, RevisionStatus
from runtime.records.training import (
    Checkpoint,
    Measure,
    PreferenceRow,
    Provenance,
    SftRow,
    SftSource,
    TrainedKind,
    TrainingStep,
)

__all__ = [
    "CaseRecord", "CaseValue", "CategoryEvidence", "Checkpoint", "Comparison", "ComparisonPurpose", "Conversation",
    "Critique", "Draw", "Each", "FiredRule", "Label", "LabelOutcome", "LabelSource", "LeftOut", "Measure",
    "PreferenceRow", "PromptCut", "PromptRecord", "PromptUse", "Provenance", "Record", "Response", "Revision",
    "RevisionStatus", "SftRow", "SftSource", "TrainedKind", "TrainingStep", "Turn", "ValueOrigin", "Vote", "identify",
]  # fmt: skip

Record: TypeAlias = (
    PromptRecord | CaseRecord | Draw | PromptCut | Response | Critique | Revision | Comparison | Label | SftRow
    | PreferenceRow | TrainingStep | Checkpoint | Measure
)  # fmt: skip
"""What a run keeps. Votes live inside their Label."""
