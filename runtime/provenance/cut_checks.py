"""Records of prompts that were cut, held against what is cut when the same questions are put together once more."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from constitution_lang.diagnostics.numbers import number_of
from constitution_lang.ir.model import Role
from runtime.ledger.runs import Step, StepId
from runtime.provenance.history import History
from runtime.provenance.kept import KeptWorker
from runtime.provenance.misfits import Misfit, difference
from runtime.records import PromptCut

__all__ = ["DerivedCuts", "cut_misfits"]


class DerivedCuts:
    """What was cut while rows were derived, by step and id.

    `unknown` are the steps of which some question was put together without the model's tokenizer, so that nobody can
    say whether it fits.
    """

    def __init__(self) -> None:
        self.by_step: dict[StepId, dict[str, PromptCut]] = {}
        self.unknown: set[StepId] = set()

    def take(self, worker: KeptWorker, step: StepId) -> None:
        """What the worker has cut since it was last looked at, all of it in `step`."""
        if not worker.checks_keys:
            self.unknown.add(step)
        for cut in worker.cuts.values():
            self.by_step.setdefault(step, {})[cut.id] = replace(cut, step=step.step.value, round=step.round)
        worker.cuts.clear()


def cut_misfits(history: History, derived: DerivedCuts) -> Iterator[Misfit]:
    """Records that differ, that nothing gives, or that are missing, step by step."""
    recorded: dict[StepId, list[tuple[int, PromptCut]]] = {}
    file, numbers = str(history.ledger.path), dict.fromkeys(Step, 0)
    for cut in history.ledger.read(history.run, PromptCut):
        if cut.step not in set(Step):
            yield _misfit((file, 0), cut, "step", cut.step, f"one of {', '.join(Step)}")
            continue
        step = StepId(Step(cut.step), cut.round)
        numbers[step.step] += 1
        recorded.setdefault(step, []).append((numbers[step.step], cut))
    for step in dict.fromkeys((*recorded, *derived.by_step)):
        should = dict(derived.by_step.get(step, {}))
        for row, cut in recorded.get(step, []):
            meant = should.pop(cut.id, None) or _like(cut, should)
            if meant is not None:
                found = difference(cut, meant, exact=True)
                if found is not None:
                    yield _misfit((file, row), cut, found.field, found.says, found.should)
            elif step in derived.unknown:
                yield from _alone(history, file, row, cut)
            else:
                yield _misfit((file, row), cut, "row", "a prompt that was cut", "no record: it fits, or was not asked")
        for cut in should.values():
            says = f"a record of {number_of(cut.turns, 'turns')} left out of prompt {cut.prompt}"
            yield _misfit((file, 0), cut, "row", "missing", says)


def _like(cut: PromptCut, should: dict[str, PromptCut]) -> PromptCut | None:
    """What was derived about the same question, where the record has another id."""
    id = next((id for id, c in should.items() if (c.prompt, c.asked) == (cut.prompt, cut.asked)), None)
    return None if id is None else should.pop(id)


def _alone(history: History, file: str, row: int, cut: PromptCut) -> Iterator[Misfit]:
    """What a record says of itself, where the model's tokenizer is not at hand."""
    prompt = history.prompts.get(cut.prompt)
    if prompt is None:
        yield _misfit((file, row), cut, "prompt", cut.prompt, "a prompt of this run")
        return
    begins = [n for n, turn in enumerate(prompt.turns) if n and turn.role is Role.USER]
    if cut.turns not in begins:
        should = f"one of {', '.join(map(str, begins))}" if begins else "no record: it has no earlier turns"
        yield _misfit((file, row), cut, "turns", str(cut.turns), should)
    elif not cut.tokens_after <= cut.room < cut.tokens_before:
        says = f"{cut.tokens_before} tokens before and {cut.tokens_after} after, with room for {cut.room}"
        yield _misfit((file, row), cut, "tokens_after", says, "more than there is room for, and then no more than that")


def _misfit(place: tuple[str, int], cut: PromptCut, field: str, says: str, should: str) -> Misfit:
    return Misfit(file=place[0], row=place[1], kind="PromptCut", id=cut.id, field=field, says=says, should=should)
