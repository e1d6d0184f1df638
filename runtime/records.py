"""What a run makes, as frozen rows. Every row names what it was made from, by id.

Ids are hashes of content (`identify`), never positions, file names or times: the same row made twice is
the same row. Probabilities are fractions in [0, 1]; log-odds are natural logarithms.
"""

from __future__ import annotations

import math
from enum import StrEnum
from hashlib import blake2b, sha256
from typing import TypeAlias

import msgspec
from msgspec import Struct

from constitution_lang.ir.codec import dumps
from constitution_lang.ir.model import Bundle, Origin, Role, Stage

__all__ = [
    "CaseRecord", "CaseValue", "CategoryEvidence", "Checkpoint", "Comparison", "ComparisonPurpose", "Conversation",
    "Critique", "Draw", "FiredRule", "Label", "LabelOutcome", "LabelSource", "LeftOut", "Measure", "PreferenceRow",
    "PromptRecord", "PromptUse", "Provenance", "Record", "Response", "Revision", "RevisionStatus", "SftRow",
    "SftSource", "TrainedKind", "TrainingStep", "Turn", "ValueOrigin", "Vote", "identify",
]  # fmt: skip


def identify(tag: str, *parts: object) -> str:
    """A 32-digit hexadecimal id of `parts` (anything msgspec encodes), apart for every `tag`."""
    body = msgspec.json.encode(parts, order="deterministic")
    return blake2b(tag.encode() + b"\0" + body, digest_size=16).hexdigest()


class _Row(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all rows."""


class Turn(Struct, frozen=True):
    """One turn of a conversation."""

    role: Role
    text: str


Conversation: TypeAlias = tuple[Turn, ...]


# --- prompts and cases --------------------------------------------------------------------------


class PromptUse(StrEnum):
    """What a prompt is in a data set for."""

    RED_TEAM = "red-team"
    BENIGN = "benign"
    """Looks unsafe and is not: for over-refusal."""
    HELPFUL = "helpful"


class PromptRecord(_Row, frozen=True):
    """A conversation that ends in a user's turn. `id` is `identify("prompt", turns)`.

    `columns` are the data set's values for attributes, by name. `demonstration` is a good answer that the
    data set gives. `file` and `row` (from 1) say where it stood first.
    """

    id: str
    turns: Conversation
    kind: PromptUse
    columns: tuple[tuple[str, str], ...] = ()
    demonstration: str | None = None
    file: str = ""
    row: int = 0


class ValueOrigin(StrEnum):
    """Where an attribute's value came from."""

    DATA = "data"
    FEEDBACK = "feedback"
    DEFAULT = "default"


class CaseValue(_Row, frozen=True):
    """One attribute's value. `probabilities` are those of the attribute's values, in their order."""

    attribute: str
    value: str
    origin: ValueOrigin
    probabilities: tuple[float, ...] = ()
    key: str | None = None


class CaseRecord(_Row, frozen=True):
    """The case that a prompt is. One per prompt."""

    prompt: str
    values: tuple[CaseValue, ...]

    @property
    def mapping(self) -> dict[str, str]:
        """Attribute to value."""
        return {v.attribute: v.value for v in self.values}


class Draw(_Row, frozen=True):
    """A principle drawn. `share` is its probability in a first draw of this case; `position` is from 0.

    `over` are the sides that come before it in this case, and so the variant of its prompts.
    """

    prompt: str
    stage: Stage
    round: int
    position: int
    principle: str
    share: float
    over: tuple[str, ...] = ()


# --- texts --------------------------------------------------------------------------------------


class Response(_Row, frozen=True):
    """A policy's answer to a prompt. `key` is its work item's; `sample` tells repeated draws apart."""

    id: str
    prompt: str
    policy: str
    sample: int
    text: str
    key: str
    finish: str


class Critique(_Row, frozen=True):
    """What the critic says about a text under one principle. `of` is a Response's or Revision's id."""

    id: str
    prompt: str
    of: str
    round: int
    principle: str
    compiled: str
    """The compiled prompt's id."""
    text: str
    key: str


class RevisionStatus(StrEnum):
    """What came of a revision request."""

    REVISED = "revised"
    UNCHANGED = "unchanged"
    """The same text came back."""
    EMPTY = "empty"
    """Nothing came back; the text before it is kept."""
    DECLINED = "declined"
    """The model said that there is nothing to revise; the text before it is kept."""


class Revision(_Row, frozen=True):
    """The text after one round. `text` is what the next round starts from, whatever `status` says."""

    id: str
    prompt: str
    of: str
    critique: str | None
    round: int
    principle: str
    compiled: str
    status: RevisionStatus
    text: str
    raw: str
    key: str
    finish: str


# --- pairs, votes, labels -----------------------------------------------------------------------


class ComparisonPurpose(StrEnum):
    """What a pair is compared for."""

    TRAINING = "training"
    EVALUATION = "evaluation"
    AUDIT = "audit"
    """People's pairs, to measure the labeler."""


class Comparison(_Row, frozen=True):
    """Two answers to one prompt. `a` and `b` are Response ids; `probability` is that A is better, once known."""

    id: str
    prompt: str
    purpose: ComparisonPurpose
    a: str
    b: str
    text_a: str
    text_b: str
    probability: float | None = None

    def swap(self) -> Comparison:
        """The same pair seen the other way round: its label turns with its sides."""
        turned = None if self.probability is None else 1 - self.probability
        return msgspec.structs.replace(
            self, a=self.b, b=self.a, text_a=self.text_b, text_b=self.text_a, probability=turned
        )


class Vote(_Row, frozen=True):
    """What one principle says about one pair.

    `log_odds` is the log-odds for A where A was shown first; `log_odds_swapped` is the log-odds for the same A
    where it was shown second, None where one order was asked. `mass` is the smallest probability that the two
    options had together. `abstained` says why there is no answer; then the log-odds are None.
    """

    comparison: str
    principle: str
    log_odds: float | None
    log_odds_swapped: float | None = None
    mass: float = 0.0
    reasoning: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    abstained: str | None = None

    @property
    def margin(self) -> float | None:
        """Log-odds for A, averaged over the orders that were asked."""
        if self.log_odds is None:
            return None
        if self.log_odds_swapped is None:
            return self.log_odds
        return (self.log_odds + self.log_odds_swapped) / 2

    @property
    def position_bias(self) -> float | None:
        """Half of what the first place adds to the log-odds; None where one order was asked."""
        if self.log_odds is None or self.log_odds_swapped is None:
            return None
        return (self.log_odds - self.log_odds_swapped) / 2

    @property
    def probability(self) -> float | None:
        """That A is better, unclamped."""
        margin = self.margin
        if margin is None:
            return None
        return 1 / (1 + math.exp(-margin)) if margin > -700 else 0.0


class CategoryEvidence(_Row, frozen=True):
    """What one category says. `probability` is None where no vote of it remains."""

    category: str
    probability: float | None
    weight: float
    votes: int


class FiredRule(_Row, frozen=True):
    """The rule that decided a tension. `rule` is from 1; `effect` says what it did to the label."""

    tension: str
    rule: int
    outcome: str
    effect: str
    origin: Origin


class LeftOut(_Row, frozen=True):
    """A vote that a tension kept out of the label. `side` is the one that came first and is decided."""

    principle: str
    tension: str
    side: str


class LabelOutcome(StrEnum):
    """Whether a pair got a label, and if not, why."""

    LABELLED = "labelled"
    REVIEW = "review"
    """Two sides are decided and disagree where a rule says abstain: for people to look at."""
    NO_EVIDENCE = "no evidence"
    """No readable vote."""
    EQUAL = "equal texts"


class LabelSource(StrEnum):
    """Who labelled."""

    AI = "ai"
    HUMAN = "human"


class Label(_Row, frozen=True):
    """The soft label of a pair: the probability that A is better, with all that led to it."""

    comparison: str
    source: LabelSource
    outcome: LabelOutcome
    probability: float | None
    votes: tuple[Vote, ...] = ()
    categories: tuple[CategoryEvidence, ...] = ()
    fired: tuple[FiredRule, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


# --- training -----------------------------------------------------------------------------------


class SftSource(StrEnum):
    """What the target of an SFT row is."""

    REVISION = "revision"
    DEMONSTRATION = "demonstration"


class SftRow(_Row, frozen=True):
    """A conversation and the answer to learn. `made_from` are ids of the rows behind it."""

    id: str
    prompt: str
    turns: Conversation
    completion: str
    source: SftSource
    principles: tuple[str, ...]
    made_from: tuple[str, ...]
    constitution: str


class PreferenceRow(_Row, frozen=True):
    """A pair to learn from. `probability` is that `chosen` is better: at least a half."""

    id: str
    prompt: str
    turns: Conversation
    chosen: str
    rejected: str
    probability: float
    source: LabelSource
    principles: tuple[str, ...]
    comparison: str
    constitution: str


class Provenance(_Row, frozen=True):
    """What something was made under: the constitution by name and hashes, the run, and the run's seed.

    `bundle_sha256` is of the compiled constitution's bytes, as `cai-compile build` writes them.
    """

    constitution: str
    version: str
    meaning_hash: str
    metadata_hash: str
    bundle_sha256: str
    run: str
    seed: int

    @staticmethod
    def of(bundle: Bundle, run: str, seed: int) -> Provenance:
        """That of a run under `bundle`."""
        return Provenance(
            constitution=bundle.name,
            version=bundle.version,
            meaning_hash=bundle.meaning_hash,
            metadata_hash=bundle.metadata_hash,
            bundle_sha256=sha256(dumps(bundle)).hexdigest(),
            run=run,
            seed=seed,
        )


class TrainedKind(StrEnum):
    """What a checkpoint is."""

    SL_CAI = "sl-cai"
    PREFERENCE_MODEL = "preference-model"
    DPO = "dpo"
    PPO = "ppo"
    RLOO = "rloo"
    GRPO = "grpo"


class TrainingStep(_Row, frozen=True):
    """Metrics of one optimiser step (from 1), by name: loss, reward, kl and the like."""

    trainer: TrainedKind
    step: int
    metrics: tuple[tuple[str, float], ...]


class Checkpoint(_Row, frozen=True):
    """A trained model. `path` is a folder relative to the run's; `weights` is the model identity of its weights."""

    kind: TrainedKind
    path: str
    weights: str
    constitution: str
    data: tuple[str, ...]


class Measure(_Row, frozen=True):
    """One figure of the evaluation, with the ends of its 95% interval. `of` names a policy or the labeler."""

    of: str
    name: str
    value: float
    low: float
    high: float
    count: int


Record: TypeAlias = (
    PromptRecord | CaseRecord | Draw | Response | Critique | Revision | Comparison | Label | SftRow | PreferenceRow
    | TrainingStep | Checkpoint | Measure
)  # fmt: skip
"""What a run keeps. Votes live inside their Label."""
