"""What a report says, before anybody thinks of HTML. Counted from the ledger's rows; nothing is judged anew."""

from __future__ import annotations

from msgspec import Struct

from constitution_lang.ir.model import Origin, Stage
from runtime.records import (
    CaseRecord,
    Comparison,
    ComparisonPurpose,
    Critique,
    Draw,
    Label,
    LabelSource,
    Measure,
    PreferenceRow,
    PromptCut,
    PromptRecord,
    Response,
    Revision,
    SftRow,
    TrainedKind,
)

__all__ = [
    "Agreement", "AttributeUse", "CheckpointFact", "Curve", "CutCount", "DataFact", "Fact", "FactGroup", "LabelCounts",
    "Pair", "PrincipleShare", "PrincipleVotes", "ReportData", "RoundCounts", "RuleUse", "Sample", "StageShares",
    "StepCost", "Story", "StoryRound",
]  # fmt: skip


class _Part(Struct, frozen=True, kw_only=True):
    """Base of the report's parts."""


class Fact(_Part, frozen=True):
    """A name and a value; `code` where the value is a hash or a setting."""

    name: str
    value: str
    code: bool = False


class FactGroup(_Part, frozen=True):
    """Facts that belong together."""

    name: str
    facts: tuple[Fact, ...]


class StepCost(_Part, frozen=True):
    """What one step of the run took. `reused` are results that were in the ledger before."""

    step: str
    calls: int
    reused: int
    prompt_tokens: int
    new_tokens: int
    seconds: float


class DataFact(_Part, frozen=True):
    """How many prompts of a kind came from a file."""

    file: str
    kind: str
    prompts: int


class CutCount(_Part, frozen=True):
    """How many prompts were cut in a step, in how many questions, and how many turns those left out at most."""

    step: str
    prompts: int
    questions: int
    turns_max: int


class AttributeUse(_Part, frozen=True):
    """Which values an attribute had, and where they came from, each with its count."""

    attribute: str
    question: str
    origin: Origin | None
    values: tuple[tuple[str, int], ...]
    origins: tuple[tuple[str, int], ...]


class PrincipleShare(_Part, frozen=True):
    """One principle's share of the first draws of a stage: planned, and drawn with its 95% interval."""

    principle: str
    planned: float
    drawn: int
    share: float
    low: float
    high: float

    @property
    def surprising(self) -> bool:
        """Whether the plan lies outside of the interval."""
        return not self.low <= self.planned <= self.high


class StageShares(_Part, frozen=True):
    """The shares of a stage. `first_draws` is what they are shares of; `draws` counts all."""

    stage: Stage
    first_draws: int
    draws: int
    with_precedence: int
    """Draws whose prompt says that another side comes first."""
    principles: tuple[PrincipleShare, ...]


class RoundCounts(_Part, frozen=True):
    """What came of one round of revision, from 0. Words are means per text."""

    round: int
    revised: int
    unchanged: int
    empty: int
    declined: int
    cut: int
    """Completions that met the limit of tokens."""
    words_before: float
    words_after: float

    @property
    def total(self) -> int:
        """All revisions of the round."""
        return self.revised + self.unchanged + self.empty + self.declined


class LabelCounts(_Part, frozen=True):
    """Outcomes of pairs that were compared for one purpose by one source."""

    purpose: ComparisonPurpose
    source: LabelSource
    labelled: int
    review: int
    no_evidence: int
    equal: int

    @property
    def total(self) -> int:
        """All pairs."""
        return self.labelled + self.review + self.no_evidence + self.equal


class PrincipleVotes(_Part, frozen=True):
    """What a principle's votes looked like over all pairs that the feedback model saw.

    `bias` is the mean position bias and `bias_size` the mean of its absolute value, in log-odds. `flips` counts pairs
    whose answer turns with the order, among the `both_orders` that were asked twice.
    """

    principle: str
    votes: int
    decided: int
    abstained: int
    reasons: tuple[tuple[str, int], ...]
    both_orders: int
    flips: int
    bias: float | None
    bias_size: float | None
    left_out: int

    @property
    def undecided(self) -> int:
        """Votes that were read but reach `decided` for neither response."""
        return self.votes - self.decided - self.abstained


class Agreement(_Part, frozen=True):
    """How often two principles name the same response, of the `both` pairs on which each does."""

    first: str
    second: str
    same: int
    both: int


class RuleUse(_Part, frozen=True):
    """One rule of a tension: how often it fired on a label, and what it did there."""

    tension: str
    sides: tuple[str, str]
    rule: int
    outcome: str
    count: int
    effects: tuple[tuple[str, int], ...]
    left_out: int
    """Votes that the tension kept out; counted at its first rule."""
    origin: Origin


class Curve(_Part, frozen=True):
    """One metric of one trainer over its steps."""

    trainer: TrainedKind
    metric: str
    points: tuple[tuple[int, float], ...]


class CheckpointFact(_Part, frozen=True):
    """A trained model."""

    kind: TrainedKind
    path: str
    weights: str
    rows: int


class StoryRound(_Part, frozen=True):
    """A revision, with the text that it started from."""

    before: str
    critique: Critique | None
    revision: Revision


class Pair(_Part, frozen=True):
    """Two answers, and what was said about them."""

    comparison: Comparison
    label: Label | None


class Story(_Part, frozen=True):
    """All that happened to one prompt, in order. `prompt` is None where its record is missing."""

    id: str
    prompt: PromptRecord | None = None
    case: CaseRecord | None = None
    draws: tuple[Draw, ...] = ()
    responses: tuple[Response, ...] = ()
    rounds: tuple[StoryRound, ...] = ()
    pairs: tuple[Pair, ...] = ()
    sft_rows: tuple[SftRow, ...] = ()
    preference_rows: tuple[PreferenceRow, ...] = ()
    cuts: tuple[PromptCut, ...] = ()


class Sample(_Part, frozen=True):
    """Stories to browse, out of `total` prompts without demonstrations: chosen by a hash of ids, never by content."""

    total: int
    stories: tuple[Story, ...]


class ReportData(_Part, frozen=True):
    """A report."""

    run: str
    title: str
    rehearsed: bool
    """On the scripted engine: its texts are made up."""
    facts: tuple[FactGroup, ...]
    costs: tuple[StepCost, ...]
    data: tuple[DataFact, ...]
    cuts: tuple[CutCount, ...]
    titles: dict[str, str]
    """Of principles and categories, by id."""
    origins: dict[str, Origin]
    """Of principles, by id."""
    decided: float
    attributes: tuple[AttributeUse, ...]
    shares: tuple[StageShares, ...]
    rounds: tuple[RoundCounts, ...]
    labels: tuple[LabelCounts, ...]
    histogram: tuple[int, ...]
    """Labels by the feedback model on training pairs, in equal bins of the probability that A is better."""
    votes: tuple[PrincipleVotes, ...]
    agreements: tuple[Agreement, ...]
    agreement_labels: int
    """How many labels the agreements were counted on."""
    rules: tuple[RuleUse, ...]
    sft_sources: tuple[tuple[str, int], ...]
    preference_sources: tuple[tuple[str, int], ...]
    curves: tuple[Curve, ...]
    checkpoints: tuple[CheckpointFact, ...]
    measures: tuple[Measure, ...]
    """Of policies."""
    audit: tuple[Measure, ...]
    """Of the labeler, on pairs that people judged."""
    sample: Sample
