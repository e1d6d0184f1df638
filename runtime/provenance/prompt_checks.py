"""The prompts of a run: their ids, and all that is said of them beside their turns.

What a prompt is for, its columns, its demonstration and its place in a file are made from nothing that the ledger has.
The mark of the data step and the run's id are hashes of them, of all together: so a change is certain, and whose it
was is known where one row can be found whose change gives the hash again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import msgspec
from msgspec.structs import replace

from runtime.ledger.runs import Step, StepId, run_id
from runtime.provenance.checks import Checks
from runtime.provenance.misfits import Misfit, difference
from runtime.records import Comparison, Each, PromptRecord, PromptUse, SftSource, identify

__all__ = ["PromptChecks"]

_SEARCHED_MAX = 1_000
"""Among so many prompts the changed one is looked for: each that it may be takes as long as all prompts do."""
_DATA = StepId(Step.DATA)
_WHAT = "kind, columns, demonstration, file or row"


class PromptChecks(Checks):
    """Prompts against their turns, and against what they were when the run began."""

    def misfits(self) -> Iterator[Misfit]:
        """Prompts that do not fit, as far as one of them can be named."""
        fit = True
        for prompt in self.history.prompts.values():
            self.task.advance(1)
            should = identify("prompt", prompt.turns)
            if prompt.id != should:
                fit = False
                yield self.at(prompt, Step.DATA, "id", prompt.id, should)
        marks = self._marks()
        changed = (self._taken_over(marks[0]) or self._sought(marks[0])) if fit and marks else None
        if changed is not None:
            prompt, before = changed
            found = difference(prompt, before)
            assert found is not None
            yield self.at(prompt, Step.DATA, found.field, found.says, found.should)

    def marked(self) -> Iterator[Misfit]:
        """What remains to be said where no row is known that does not fit."""
        marks = self._marks()
        if marks is None:
            return
        says, now = marks
        if self._began_so():
            yield self.of("step", str(_DATA), "fingerprint", says, f"{now}, which is of the prompts")
        else:
            should = f"{says}, as the step says: of some prompt this was another one, or a prompt is gone or new"
            yield self.of("PromptRecord", "", _WHAT, f"prompts whose hash is {now}", should)

    def _marks(self) -> tuple[str, str] | None:
        """The mark of the data step and the one that the prompts give, where these differ and there is one."""
        history = self.history
        says = history.ledger.fingerprints(history.run).get((Step.DATA.value, -1))
        now = _mark(history.prompts.values())
        return None if says is None or says == now else (says, now)

    def _taken_over(self, mark: str) -> tuple[PromptRecord, PromptRecord] | None:
        """The first prompt that is another one in a run that began with the same prompts."""
        ledger, mine = self.history.ledger, self.history.run
        for run in ledger.runs():
            same = run.id != mine and ledger.fingerprints(run.id).get((Step.DATA.value, -1)) == mark
            if same and _mark(ledger.each(run.id, PromptRecord, _DATA)) == mark:
                # By their ids: where a prompt is gone, the next one is not a change of it.
                prompts = self.history.prompts
                others = (other for other in ledger.each(run.id, PromptRecord, _DATA) if other.id in prompts)
                return next(((prompts[x.id], x) for x in others if prompts[x.id] != x), None)
        return None

    def _sought(self, mark: str) -> tuple[PromptRecord, PromptRecord] | None:
        """The one prompt that gives the mark when another kind is put into it, or another demonstration."""
        prompts = self.history.prompts
        if len(prompts) > _SEARCHED_MAX:
            return None
        shown = {r.prompt: r.completion for r in self.history.sft if r.source is SftSource.DEMONSTRATION}
        encoded = [msgspec.Raw(msgspec.json.encode(prompt, order="deterministic")) for prompt in prompts.values()]
        for n, prompt in enumerate(prompts.values()):
            others = [replace(prompt, kind=kind) for kind in PromptUse]
            others += [replace(prompt, demonstration=text) for text in (None, shown.get(prompt.id))]
            for other in others:
                if other != prompt and _mark(chain(encoded[:n], [other], encoded[n + 1 :])) == mark:
                    return prompt, other
        return None

    def _began_so(self) -> bool:
        """Whether the run's id is of these prompts. Where people's pairs were audited, their choices are part of it."""
        history, manifest = self.history, self.history.manifest
        if history.ledger.count(history.run, Comparison, Step.AUDIT):
            return False
        people = ((c.id, history.labels[c.id].probability) for c in history.peoples_pairs if c.id in history.labels)
        return manifest.id == run_id(
            manifest.meaning_hash, manifest.metadata_hash, manifest.config, manifest.models,
            prompts=history.prompts.values(), people=people, only_audit=False,
        )  # fmt: skip


def _mark(prompts: Iterable[object]) -> str:
    """From what the data step was done, as a run gives it."""
    return identify("step", str(_DATA), Each(prompts))
