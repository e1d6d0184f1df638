"""The Bundle: a compiled constitution, the only thing that passes from the compiler to the runtime.

Every node is frozen and typed, and carries the place in the source that it came from. Ids are those
that the author wrote. Weights are relative numbers, shares and probabilities are fractions in [0, 1].
"""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from typing import TypeAlias

from msgspec import Struct

__all__ = [
    "ALWAYS", "FORMAT", "Abstain", "AllOf", "AnyOf", "Attribute", "AttributeKind", "Bundle", "CaseTest", "Category",
    "Compare", "Condition", "Exemplar", "Literal", "Message", "ModelTest", "Not", "Orders", "Origin", "Outcome",
    "Part", "Prefer", "PreferenceSampling", "Principle", "Prompt", "PromptKind", "Retired", "RevisionSampling",
    "Role", "Rule", "ShareBound", "Slot", "SlotName", "SourceFile", "Stage", "TemplateFile", "Tension", "Weigh",
]  # fmt: skip

FORMAT = 1
"""Version of the Bundle's own shape. A reader refuses another one."""


class _Node(Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all IR nodes."""


class Origin(_Node, frozen=True):
    """A place in the source: file name relative to the constitution's folder, line and column from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Stage(StrEnum):
    """The two stages that draw principles."""

    REVISION = "revision"
    PREFERENCE = "preference"


class AttributeKind(StrEnum):
    """Whether the values of an attribute are ordered."""

    LEVELS = "levels"
    ONE_OF = "one of"


class Orders(StrEnum):
    """In which orders a pair is shown to the feedback model."""

    BOTH = "both"
    FIRST = "first"


class Role(StrEnum):
    """Who speaks in a message."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class PromptKind(StrEnum):
    """What a prompt is for. The value is also the name of its standard template."""

    TAG = "tag"
    CRITIQUE = "critique"
    REVISE = "revise"
    REVISE_DIRECT = "revise_direct"
    """A revision asked for without a critique."""
    PREFER = "prefer"
    REASON = "reason"
    """The model thinks about a pair before it is asked to choose."""
    PREFER_REASONED = "prefer_reasoned"
    REFUSAL = "refusal"
    """Did this response refuse? For the evaluation of over-refusal."""


class SlotName(StrEnum):
    """What is filled in at run time."""

    PROMPT = "prompt"
    RESPONSE = "response"
    CRITIQUE = "critique"
    RESPONSE_A = "response_a"
    RESPONSE_B = "response_b"
    REASONING = "reasoning"


# --- cases --------------------------------------------------------------------------------------


class Attribute(_Node, frozen=True):
    """A question about a prompt. `values` are in order of level where `kind` is levels."""

    id: str
    question: str
    kind: AttributeKind
    values: tuple[str, ...]
    default: str
    origin: Origin


class Compare(_Node, frozen=True, tag="compare"):
    """True where the attribute's value is among `values` (every operator is lowered to this set)."""

    attribute: str
    values: tuple[str, ...]


class AllOf(_Node, frozen=True, tag="all"):
    """True where every operand is; with no operand it is always true."""

    operands: tuple[Condition, ...]


class AnyOf(_Node, frozen=True, tag="any"):
    """True where some operand is; with no operand it never is."""

    operands: tuple[Condition, ...]


class Not(_Node, frozen=True, tag="not"):
    """True where the operand is false."""

    operand: Condition


Condition: TypeAlias = Compare | AllOf | AnyOf | Not

ALWAYS = AllOf(())


# --- declarations -------------------------------------------------------------------------------


class ShareBound(_Node, frozen=True):
    """A declared share that has to hold in every case in which the target applies."""

    low: float
    high: float
    stages: tuple[Stage, ...]
    origin: Origin


class Category(_Node, frozen=True):
    """A value, with its principles. `statement` is what a yielding side's prompt says of it."""

    id: str
    title: str
    statement: str
    weight: float
    shares: tuple[ShareBound, ...]
    formerly: tuple[str, ...]
    owner: str
    origin: Origin


class Principle(_Node, frozen=True):
    """One principle. `critique`, `revise` and `prefer` are the requests as prompts will carry them.

    `weight` is its own, within its category. `key` is the id that its draws are keyed by: the first id
    it ever had, so that a rename moves nothing.
    """

    id: str
    category: str
    title: str
    applies: Condition
    weight: float
    statement: str
    critique: str
    revise: str
    prefer: str
    shares: tuple[ShareBound, ...]
    formerly: tuple[str, ...]
    source: str
    owner: str
    key: str
    origin: Origin


class Prefer(_Node, frozen=True, tag="prefer"):
    """The named side comes first."""

    side: str


class Weigh(_Node, frozen=True, tag="weigh"):
    """Multipliers for the two sides, in the order of `Tension.sides`."""

    first: float
    second: float


class Abstain(_Node, frozen=True, tag="abstain"):
    """No label where both sides are decided and disagree."""


Outcome: TypeAlias = Prefer | Weigh | Abstain


class Rule(_Node, frozen=True):
    """Fires where `condition` holds and no earlier rule's did. `otherwise` is the last, with ALWAYS."""

    condition: Condition
    outcome: Outcome
    origin: Origin


class Tension(_Node, frozen=True):
    """Which of two sides comes first, in which case. Sides are ids of categories or principles."""

    id: str
    sides: tuple[str, str]
    rules: tuple[Rule, ...]
    because: str
    owner: str
    origin: Origin


class RevisionSampling(_Node, frozen=True):
    """Rounds of critique and revision, and principles drawn in each."""

    rounds: int
    draw: int
    origin: Origin | None


class PreferenceSampling(_Node, frozen=True):
    """Principles drawn for a pair, and how a vote becomes evidence.

    A side is decided where it gives one response at least `decided`. With `reasoning` the model writes
    before it chooses, and its probability is clamped into [`clamp_low`, `clamp_high`].
    """

    draw: int
    orders: Orders
    decided: float
    reasoning: bool
    clamp_low: float
    clamp_high: float
    origin: Origin | None


class Exemplar(_Node, frozen=True):
    """A few-shot example. `target` is a principle id or a stage; `fields` are in the slots' names."""

    target: str
    stage: Stage
    fields: tuple[tuple[str, str], ...]
    origin: Origin


class Retired(_Node, frozen=True):
    """An id that must never come back meaning something else."""

    kind: str
    id: str
    since: str
    replaced_by: str | None
    origin: Origin


class ModelTest(_Node, frozen=True):
    """A pair of answers that a model has to tell apart under one principle.

    The better one has to get at least `at_least`, more than half where it is None. It is no part of the meaning.
    """

    title: str
    principle: str
    at_least: float | None
    prompt: str
    better: str
    worse: str
    origin: Origin


class CaseTest(_Node, frozen=True):
    """One expectation of a test in one case: attribute and value for what the case names, sorted.

    `expects` is as the formatter writes it. It is no part of any hash: nothing but a difference looks at it.
    """

    title: str
    case: tuple[tuple[str, str], ...]
    expects: str
    origin: Origin


# --- prompts ------------------------------------------------------------------------------------


class Literal(_Node, frozen=True, tag="literal"):
    """Text that is fixed at compile time."""

    text: str


class Slot(_Node, frozen=True, tag="slot"):
    """A place where the runtime prints a text, and does nothing else with it."""

    name: SlotName


Part: TypeAlias = Literal | Slot


class Message(_Node, frozen=True):
    """One turn. A user message that is nothing but the `prompt` slot stands for the conversation's turns."""

    role: Role
    parts: tuple[Part, ...]


class Prompt(_Node, frozen=True):
    """A prompt, ready but for its slots.

    `id` names it: `critique/harm.weapons`, `critique/harm.weapons+over:autonomy`, `tag/severity`.
    `over` are the sides that come before the principle's own, sorted. `opening` begins the
    assistant's turn, so that the next token is one of `options`; `values` are what the options mean.
    `hash` covers all that a model will see.
    """

    id: str
    kind: PromptKind
    principle: str | None
    attribute: str | None
    over: tuple[str, ...]
    messages: tuple[Message, ...]
    opening: str
    options: tuple[str, ...]
    values: tuple[str, ...]
    hash: str


class SourceFile(_Node, frozen=True):
    """A file that was compiled, and the SHA-256 of its bytes."""

    name: str
    sha256: str


class TemplateFile(_Node, frozen=True):
    """The file, one of the sources, that takes the place of the standard template of a kind of prompt."""

    kind: PromptKind
    file: str


class Bundle(_Node, frozen=True, dict=True):
    """A compiled constitution. Ids are sorted in every tuple, rules excepted: their order is meaning."""

    format: int
    edition: int
    name: str
    version: str
    title: str
    owner: str
    attributes: tuple[Attribute, ...]
    categories: tuple[Category, ...]
    principles: tuple[Principle, ...]
    tensions: tuple[Tension, ...]
    revision: RevisionSampling
    preference: PreferenceSampling
    exemplars: tuple[Exemplar, ...]
    retired: tuple[Retired, ...]
    prompts: tuple[Prompt, ...]
    sources: tuple[SourceFile, ...]
    meaning_hash: str
    metadata_hash: str
    model_tests: tuple[ModelTest, ...] = ()
    case_tests: tuple[CaseTest, ...] = ()
    origin: Origin | None = None
    """Where the line with its name stands."""
    templates: tuple[TemplateFile, ...] = ()

    @cached_property
    def _prompts_by_use(self) -> dict[tuple[PromptKind, str | None, tuple[str, ...]], Prompt]:
        return {(p.kind, p.principle or p.attribute, p.over): p for p in self.prompts}

    @cached_property
    def _principles_by_id(self) -> dict[str, Principle]:
        return {p.id: p for p in self.principles}

    def prompt(self, kind: PromptKind, subject: str | None = None, over: tuple[str, ...] = ()) -> Prompt:
        """The prompt of `kind` for a principle or an attribute; KeyError where there is none."""
        return self._prompts_by_use[kind, subject, over]

    def principle(self, id: str) -> Principle:
        """The principle with this id; KeyError where there is none."""
        return self._principles_by_id[id]
