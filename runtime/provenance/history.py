"""All that the ledger holds of one run, by what belongs together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from pydantic import ValidationError

from constitution_lang.ir.codec import loads
from constitution_lang.ir.model import Bundle
from runtime.config import EngineKind, RunConfig
from runtime.ledger.faults import LedgerError
from runtime.ledger.runs import RunManifest, Step, StepId
from runtime.ledger.store import Ledger
from runtime.records import (
    CaseRecord,
    Checkpoint,
    Comparison,
    Critique,
    Draw,
    Label,
    LabelSource,
    PreferenceRow,
    PromptRecord,
    Response,
    Revision,
    SftRow,
)

__all__ = ["TRAININGS", "History", "evaluated_name", "keys_of", "read_history"]

Q = TypeVar("Q", Draw, Critique, Revision)

TRAININGS = {
    Step.SFT: "sl-cai",
    Step.PREFERENCE_MODEL: "preference-model",
    Step.DPO: "dpo",
    Step.POLICY: "policy",
}
"""The steps that train, and what their checkpoints are called; the policy's is named by its method."""


def evaluated_name(step: Step, checkpoint: Checkpoint) -> str:
    """What a trained policy is called where it is evaluated."""
    return {Step.SFT: "SL-CAI", Step.DPO: "DPO"}.get(step, checkpoint.kind.value.upper())


@dataclass(frozen=True)
class History:
    """A run's records. Where several belong to one prompt and round, they stand in order of position."""

    ledger: Ledger
    manifest: RunManifest
    bundle: Bundle
    config: RunConfig
    prompts: dict[str, PromptRecord]
    cases: dict[str, CaseRecord]
    answers: dict[str, Response]
    """First answers, by prompt, in the order of the training set."""
    revision_draws: dict[tuple[str, int], list[Draw]]
    critiques: dict[tuple[str, int], list[Critique]]
    revisions: dict[tuple[str, int], list[Revision]]
    sft: list[SftRow]
    pair_answers: dict[str, list[Response]]
    pairs: list[Comparison]
    preference_draws: dict[str, list[Draw]]
    """By prompt, all rounds."""
    peoples_sides: dict[str, Response]
    """Replies of pairs that people labelled, by id."""
    peoples_pairs: list[Comparison]
    labels: dict[str, Label]
    """Of the label step, by comparison."""
    preferences: list[PreferenceRow]
    checkpoints: dict[Step, Checkpoint]

    @property
    def run(self) -> str:
        """The run's id."""
        return self.manifest.id

    @property
    def seed(self) -> int:
        """The run's seed, which its draws follow from."""
        return self.config.seed

    @property
    def scripted(self) -> bool:
        """Whether no model was asked."""
        return self.config.engine.kind is EngineKind.SCRIPTED

    @cached_property
    def train(self) -> list[PromptRecord]:
        """The prompts that were trained on, in their order."""
        return [self.prompts[id] for id in self.answers if id in self.prompts]

    def chain(self, prompt: str) -> list[Revision]:
        """A prompt's revisions, from the first."""
        rounds = range(self.bundle.revision.rounds)
        return [revision for r in rounds for revision in self.revisions.get((prompt, r), ())]

    def sft_of(self, prompt: str) -> list[SftRow]:
        """The SFT rows of a prompt."""
        return self._sft_by_prompt.get(prompt, [])

    @cached_property
    def _sft_by_prompt(self) -> dict[str, list[SftRow]]:
        found: dict[str, list[SftRow]] = {}
        for row in self.sft:
            found.setdefault(row.prompt, []).append(row)
        return found

    def peoples_labels(self) -> list[Label]:
        """The labels that people gave."""
        return [x for x in self.labels.values() if x.source is LabelSource.HUMAN]

    def identities(self) -> dict[str, str]:
        """Role to the identity of its model."""
        return dict(self.manifest.models)


def read_history(ledger: Ledger, run: RunManifest) -> History:
    """A run's records, out of its ledger.

    Raises:
        BundleError: the compiled constitution in the ledger cannot be read.
        LedgerError: its settings are those of another version of this program.
    """
    of = run.id
    bundle = loads(run.bundle)
    try:
        config = RunConfig.model_validate_json(run.config)
    except ValidationError as error:
        wrong = ", ".join(".".join(map(str, problem["loc"])) for problem in error.errors())
        raise LedgerError(
            f"the run {of} in {ledger.path} was made by another version of this program: it has settings that this "
            f"one does not know ({wrong})",
            "Run its run file again with this version: what was answered is taken over.",
        ) from error
    draws = ledger.read(of, Draw, Step.REVISE)
    labelled = ledger.read(of, Draw, Step.LABEL)
    answers = ledger.read(of, Response, StepId(Step.RESPOND))
    by_prompt: dict[str, list[Draw]] = {}
    for draw in labelled:
        by_prompt.setdefault(draw.prompt, []).append(draw)
    pair_answers: dict[str, list[Response]] = {}
    for response in ledger.read(of, Response, StepId(Step.PAIR)):
        pair_answers.setdefault(response.prompt, []).append(response)
    checkpoints = {}
    for step in TRAININGS:
        found = ledger.read(of, Checkpoint, StepId(step))
        if found:
            checkpoints[step] = found[-1]
    return History(
        ledger=ledger,
        manifest=run,
        bundle=bundle,
        config=config,
        prompts={p.id: p for p in ledger.read(of, PromptRecord, Step.DATA)},
        cases={c.prompt: c for c in ledger.read(of, CaseRecord, Step.TAG)},
        answers={r.prompt: r for r in answers},
        revision_draws=_by_round(draws),
        critiques=_by_round(ledger.read(of, Critique, Step.REVISE)),
        revisions=_by_round(ledger.read(of, Revision, Step.REVISE)),
        sft=ledger.read(of, SftRow, Step.SFT),
        pair_answers=pair_answers,
        pairs=ledger.read(of, Comparison, StepId(Step.PAIR)),
        preference_draws=by_prompt,
        peoples_sides={r.id: r for r in ledger.read(of, Response, StepId(Step.LABEL))},
        peoples_pairs=ledger.read(of, Comparison, StepId(Step.LABEL)),
        labels={x.comparison: x for x in ledger.read(of, Label, StepId(Step.LABEL))},
        preferences=ledger.read(of, PreferenceRow, Step.LABEL),
        checkpoints=checkpoints,
    )


def keys_of(history: History) -> Iterable[str]:
    """The keys of all answers that the run's rows name."""
    yield from (v.key for c in history.cases.values() for v in c.values if v.key is not None)
    yield from (r.key for r in history.answers.values())
    yield from (c.key for cs in history.critiques.values() for c in cs)
    yield from (r.key for rs in history.revisions.values() for r in rs)
    yield from (r.key for rs in history.pair_answers.values() for r in rs)
    yield from (key for x in history.labels.values() for v in x.votes for key in v.keys)


def _by_round(rows: Sequence[Q]) -> dict[tuple[str, int], list[Q]]:
    found: dict[tuple[str, int], list[Q]] = {}
    for row in rows:
        found.setdefault((row.prompt, row.round), []).append(row)
    return found
