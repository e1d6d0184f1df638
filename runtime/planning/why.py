"""Why a run redoes something: the change of the constitution that it comes from, or what stands before it."""

from __future__ import annotations

from constitution_lang.diff.model import Change, Difference, SubjectKind, Work
from runtime.ledger.runs import Step
from runtime.planning.model import Reason

__all__ = ["Reasons"]

_STAGES = {Step.REVISE: "revision", Step.LABEL: "preference", Step.EVALUATE: "preference", Step.AUDIT: "preference"}
_TEXTS = {
    Step.TAG: (Work.TAGS,),
    Step.REVISE: (Work.CRITIQUES, Work.REVISIONS),
    Step.LABEL: (Work.VOTES,),
    Step.EVALUATE: (Work.VOTES,),
    Step.AUDIT: (Work.VOTES,),
}
_NEW_TEXTS = Reason(says="the texts that it is asked about are new")
_NEW_POLICY = Reason(says="the policy that answers is trained anew")
_UNKNOWN = Reason(says="the ledger does not have it: data, models or settings are not those of before")


class Reasons:
    """What a difference says about the work of a run; None where no run came before."""

    def __init__(self, difference: Difference | None, *, first: bool) -> None:
        self._changes = () if difference is None else difference.changes
        self._first = first

    def of_answers(self, step: Step, principle: str, *, moved: bool, follows: bool) -> tuple[Reason, ...]:
        """Why answers are asked for, under a principle or (where it is empty) under none.

        Args:
            step: in which step.
            principle: its id.
            moved: some of its draws are not those of before.
            follows: a text that is asked about is new, or where there is no principle the policy that answers.
        """
        if self._first:
            return (Reason(says="it was never done"),)
        if not principle and step is not Step.TAG:
            counted = [_reason(c) for c in self._changes if any(s.work is Work.MEASURES for s in c.stale)]
            found = [_NEW_POLICY] if follows else []
            found += counted if step is Step.EVALUATE else []
            return tuple(found) or (_UNKNOWN,)
        found = [_reason(c) for c in self._changes if _touches(c, step, principle, moved=moved)]
        if follows:
            found.append(_NEW_TEXTS)
        return tuple(found) or (_UNKNOWN,)

    def of_training(self, says: list[str]) -> tuple[Reason, ...]:
        """Why something is trained: what is said of its rows and of what it starts from."""
        if self._first:
            return (Reason(says="it was never done"),)
        return tuple(Reason(says=x) for x in says) or (Reason(says="its checkpoint is not there"),)


def _touches(change: Change, step: Step, principle: str, *, moved: bool) -> bool:
    if change.subject.kind is SubjectKind.SAMPLING and change.subject.id != _STAGES.get(step):
        return False
    texts = _TEXTS.get(step, ())
    for stale in change.stale:
        if stale.work is Work.DRAWS and moved:
            return True
        if stale.work in texts and (not stale.principles or principle in stale.principles):
            return True
    return False


def _reason(change: Change) -> Reason:
    return Reason(says=change.says, grade=change.grade.value, change=change.id)
