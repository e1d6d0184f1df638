"""Where rows are filed: the columns of the ledger's tables against the rows themselves, and the marks of steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, get_args

import msgspec

from constitution_lang.ir.codec import BundleError, loads, verify
from runtime.ledger.runs import Step, StepId
from runtime.ledger.selecting import Filed
from runtime.provenance.checks import Checks
from runtime.provenance.history import TRAININGS
from runtime.provenance.misfits import Misfit
from runtime.records import (
    CaseRecord,
    Checkpoint,
    Comparison,
    Critique,
    Draw,
    Label,
    Measure,
    PreferenceRow,
    PromptCut,
    PromptRecord,
    Record,
    Response,
    Revision,
    SftRow,
    TrainingStep,
)

__all__ = ["FilingChecks"]

_DECODERS = {kind.__name__: msgspec.msgpack.Decoder(kind) for kind in get_args(Record)}
_AUDITED = frozenset({Step.DATA, Step.TAG, Step.AUDIT})
"""The steps of a run that is only an audit."""
_Place = tuple[str, int]


class FilingChecks(Checks):
    """Whether each row stands under its own id and round, in a step that has such rows and is marked as done."""

    def misfits(self) -> Iterator[Misfit]:
        """All that does not fit, in the order of the steps; then the marks that are missing or too many."""
        places, counted = self._places(), Counter[tuple[str, str]]()
        filled: set[_Place] = set()
        for row in self.history.ledger.filed(self.history.run):
            counted[row.step, row.kind] += 1
            filled.add((row.step, row.round))
            found = _placed(row, places) or _said(row)
            if found is not None:
                field, says, should = found
                yield Misfit(
                    file=self.file, row=counted[row.step, row.kind], kind=row.kind, id=_named(row), field=field,
                    says=says, should=should,
                )  # fmt: skip
        yield from self._marks(places, filled)
        yield from self._constitutions()

    def _constitutions(self) -> Iterator[Misfit]:
        """Each constitution that the run was begun under is kept as its bytes, and means what the run says."""
        run = self.history.manifest
        bodies, whole = self.history.ledger.begun_under(run.id)
        for digest, body in bodies.items():
            if digest != (now := sha256(body).hexdigest()):
                yield self.of("constitution", digest, "sha256", digest, f"{now}, which is of its bytes")
                continue
            try:
                bundle = loads(body)
            except BundleError as error:
                yield self.of("constitution", digest, "body", str(error), "a compiled constitution")
                continue
            for wrong in verify(bundle):
                yield self.of("constitution", digest, "body", wrong, "a bundle whose hashes are those of its content")
            for field in ("meaning_hash", "metadata_hash"):
                says, should = getattr(bundle, field), getattr(run, field)
                if says != should:
                    yield self.of("constitution", digest, field, says, f"{should}, which the run is under")
        if whole and (now := sha256(run.bundle).hexdigest()) not in bodies:
            yield self.of("run", run.id, "bundle", f"one with the SHA-256 {now}", "one that the run was begun under")

    def _places(self) -> dict[_Place, tuple[type[Any], ...]]:
        """Every step that such a run can have, in the order in which they are done, with the kinds of its rows."""
        texts, judged = (Response, PromptCut), (Comparison, Label, Measure, PromptCut)
        trained = (TrainingStep, Checkpoint)
        policies = len(TRAININGS)  # the base, and each that is trained but for the preference model
        found: list[tuple[StepId, tuple[type[Any], ...]]] = [
            (StepId(Step.DATA), (PromptRecord,)),
            (StepId(Step.TAG), (CaseRecord, PromptCut)),
            (StepId(Step.RESPOND), texts),
            *(
                (StepId(Step.REVISE, r), (Draw, Critique, Revision, PromptCut))
                for r in range(self.history.bundle.revision.rounds)
            ),
            (StepId(Step.SFT, 0), (SftRow,)),
            (StepId(Step.SFT), trained),
            (StepId(Step.PAIR), (Comparison, *texts)),
            (StepId(Step.LABEL), (Draw, Label, Response, Comparison, PromptCut)),
            (StepId(Step.LABEL, 0), (PreferenceRow,)),
            *((StepId(step), trained) for step in TRAININGS if step is not Step.SFT),
            *((StepId(Step.EVALUATE, 2 * n), texts) for n in range(policies)),
            *((StepId(Step.EVALUATE, 2 * n + 1), judged) for n in range(policies)),
            (StepId(Step.AUDIT), (Response, *judged)),
        ]
        return {(step.step.value, step.round): kinds for step, kinds in found}

    def _marks(self, places: Mapping[_Place, object], filled: set[_Place]) -> Iterator[Misfit]:
        """A step that has rows is done, and so is each before one that is done: rows are made from those before."""
        marked = self.history.ledger.fingerprints(self.history.run)
        there = filled | marked.keys()
        whole = any(step not in _AUDITED for step, _ in there)
        evaluates = bool(self.history.config.prompts.evaluation)
        order = [
            place for place in places
            if (whole or place[0] in _AUDITED) and (place[0] != Step.EVALUATE or evaluates)
        ]  # fmt: skip
        last = max((n for n, place in enumerate(order) if place in there), default=-1)
        for place in order[: last + 1]:
            if place not in marked:
                should = "a mark that the step is done: rows of it are kept"
                if place not in filled:
                    should = "a mark that the step is done: later steps are"
                yield self.of("step", _called(place), "row", "missing", should)
        for place in marked:
            if place not in places:
                yield self.of("step", _called(place), "row", "a mark that it is done", "no such step in this run")


def _placed(row: Filed, places: Mapping[_Place, tuple[type[Any], ...]]) -> tuple[str, str, str] | None:
    """What is wrong with the place of a row."""
    kinds = [kind.__name__ for kind in places.get((row.step, row.round), ())]
    if row.kind in kinds:
        return None
    rounds = [
        r for (step, r), others in places.items() if step == row.step and row.kind in {k.__name__ for k in others}
    ]
    if rounds:
        return "round column", str(row.round), " or ".join(map(str, rounds))
    steps = dict.fromkeys(step for (step, _), others in places.items() if row.kind in {k.__name__ for k in others})
    if steps:
        return "step column", row.step, " or ".join(steps)
    return "kind column", row.kind, "one of " + ", ".join(kinds or _DECODERS)


def _said(row: Filed) -> tuple[str, str, str] | None:
    """What a row itself says against the columns that it is found by."""
    try:
        record = _DECODERS[row.kind].decode(row.body)
    except msgspec.DecodeError as error:
        return "record", str(error), f"a {row.kind} that can be read"
    id = getattr(record, "id", None)
    if row.id != id:
        return "id column", row.id or "nothing", f"{id}, the row's own" if id else f"nothing: a {row.kind} has no id"
    if isinstance(record, PromptCut) and record.step != row.step:
        return "step column", row.step, f"{record.step}, as the row says"
    by_round = isinstance(record, PromptCut) or row.step == Step.REVISE
    if by_round and record.round != row.round:
        return "round column", str(row.round), f"{record.round}, as the row says"
    return None


def _named(row: Filed) -> str:
    """What a row is known by."""
    try:
        record = _DECODERS[row.kind].decode(row.body)
    except (KeyError, msgspec.DecodeError):
        return row.id or ""
    return getattr(record, "id", None) or getattr(record, "comparison", None) or str(getattr(record, "prompt", ""))


def _called(place: _Place) -> str:
    return place[0] if place[1] < 0 else f"{place[0]} {place[1]}"
