"""All that the ledger holds of one run, by what belongs together."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from pydantic import ValidationError

from constitution_lang.ir.codec import BundleError, loads
from constitution_lang.ir.model import Bundle
from runtime.config import EngineKind, RunConfig
from runtime.ledger.faults import LedgerError, RowError
from runtime.ledger.runs import RunManifest, Step, StepId
from runtime.ledger.store import Ledger
from runtime.provenance.shelved import ShelvedGroups, ShelvedMap, grouped, kept_by, shelve
from runtime.provenance.under import Under, made_under
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
    """A run's records, which lie in files until they are looked at.

    Where several belong to one prompt and round, they stand in order of position.
    """

    ledger: Ledger
    manifest: RunManifest
    bundle: Bundle
    config: RunConfig
    prompts: ShelvedMap[str, PromptRecord]
    cases: ShelvedMap[str, CaseRecord]
    answers: ShelvedMap[str, Response]
    """First answers, by prompt, in the order of the training set."""
    revision_draws: ShelvedGroups[tuple[str, int], Draw]
    critiques: ShelvedGroups[tuple[str, int], Critique]
    revisions: ShelvedGroups[tuple[str, int], Revision]
    sft: Sequence[SftRow]
    pair_answers: ShelvedGroups[str, Response]
    pairs: Sequence[Comparison]
    preference_draws: ShelvedGroups[str, Draw]
    """By prompt, all rounds."""
    peoples_sides: ShelvedMap[str, Response]
    """Replies of pairs that people labelled, by id."""
    peoples_pairs: Sequence[Comparison]
    labels: ShelvedMap[str, Label]
    """Of the label step, by comparison."""
    preferences: Sequence[PreferenceRow]
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
    def under(self) -> Under:
        """What constitutions the run was begun under."""
        return made_under(self.ledger, self.manifest)

    @cached_property
    def train(self) -> Sequence[PromptRecord]:
        """The prompts that were trained on, in their order."""
        return self.prompts.pick(self.answers)

    def chain(self, prompt: str) -> list[Revision]:
        """A prompt's revisions, from the first."""
        rounds = range(self.bundle.revision.rounds)
        return [revision for r in rounds for revision in self.revisions.get((prompt, r), ())]

    def sft_of(self, prompt: str) -> list[SftRow]:
        """The SFT rows of a prompt."""
        return self._sft_by_prompt.get(prompt, [])

    @cached_property
    def _sft_by_prompt(self) -> ShelvedGroups[str, SftRow]:
        return grouped(SftRow, self.sft, lambda row: row.prompt)

    def peoples_labels(self) -> list[Label]:
        """The labels that people gave."""
        return [x for x in self.labels.values() if x.source is LabelSource.HUMAN]

    def identities(self) -> dict[str, str]:
        """Role to the identity of its model."""
        return dict(self.manifest.models)


def read_history(ledger: Ledger, run: RunManifest) -> History:
    """A run's records, out of its ledger.

    Raises:
        RowError: the compiled constitution in the ledger cannot be read, or its settings are none.
        LedgerError: its settings are those of another version of this program.
    """
    of = run.id
    try:
        bundle = loads(run.bundle)
    except BundleError as error:
        raise _unreadable(ledger, run, error) from error
    try:
        config = RunConfig.model_validate_json(run.config)
    except ValidationError as error:
        if not any(problem["loc"] for problem in error.errors()):
            raise _unreadable(ledger, run, error) from error
        wrong = ", ".join(".".join(map(str, problem["loc"])) for problem in error.errors())
        raise LedgerError(
            f"the run {of} in {ledger.path} was made by another version of this program: it has settings that this "
            f"one does not know ({wrong})",
            "Run its run file again with this version: what was answered is taken over.",
        ) from error
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
        prompts=kept_by(PromptRecord, ledger.each(of, PromptRecord, Step.DATA), lambda p: p.id),
        cases=kept_by(CaseRecord, ledger.each(of, CaseRecord, Step.TAG), lambda c: c.prompt),
        answers=kept_by(Response, ledger.each(of, Response, StepId(Step.RESPOND)), _prompt),
        revision_draws=grouped(Draw, ledger.each(of, Draw, Step.REVISE), _round),
        critiques=grouped(Critique, ledger.each(of, Critique, Step.REVISE), _round),
        revisions=grouped(Revision, ledger.each(of, Revision, Step.REVISE), _round),
        sft=shelve(SftRow, ledger.each(of, SftRow, Step.SFT)),
        pair_answers=grouped(Response, ledger.each(of, Response, StepId(Step.PAIR)), _prompt),
        pairs=shelve(Comparison, ledger.each(of, Comparison, StepId(Step.PAIR))),
        preference_draws=grouped(Draw, ledger.each(of, Draw, Step.LABEL), _prompt),
        peoples_sides=kept_by(Response, ledger.each(of, Response, StepId(Step.LABEL)), lambda r: r.id),
        peoples_pairs=shelve(Comparison, ledger.each(of, Comparison, StepId(Step.LABEL))),
        labels=kept_by(Label, ledger.each(of, Label, StepId(Step.LABEL)), lambda x: x.comparison),
        preferences=shelve(PreferenceRow, ledger.each(of, PreferenceRow, Step.LABEL)),
        checkpoints=checkpoints,
    )


def _unreadable(ledger: Ledger, run: RunManifest, fault: Exception) -> RowError:
    number = [known.id for known in ledger.runs()].index(run.id) + 1
    return RowError(ledger.path, "run", "", number, fault, id=run.id)


def keys_of(history: History) -> Iterable[str]:
    """The keys of all answers that the run's rows name."""
    yield from (v.key for c in history.cases.values() for v in c.values if v.key is not None)
    yield from (r.key for r in history.answers.values())
    yield from (c.key for cs in history.critiques.values() for c in cs)
    yield from (r.key for rs in history.revisions.values() for r in rs)
    yield from (r.key for rs in history.pair_answers.values() for r in rs)
    yield from (key for x in history.labels.values() for v in x.votes for key in v.keys)


def _prompt(row: Response | Draw) -> str:
    return sys.intern(row.prompt)


def _round(row: Draw | Critique | Revision) -> tuple[str, int]:
    return sys.intern(row.prompt), row.round
