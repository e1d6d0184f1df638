"""Why a run redoes something: the change of the constitution that it comes from, or what stands before it."""

from __future__ import annotations

from constitution_lang.diff.model import Change, Difference, SubjectKind, Work
from runtime.ledger.runs import Step, StepId
from runtime.planning.model import Reason
from runtime.planning.since import Since

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
_NEVER = Reason(says="it was never done")
_NOT_SO_FAR = Reason(says="the run before did not come so far")


class Reasons:
    """What a difference says about the work of a run; None where no run came before.

    Args:
        difference: between the constitution of before and that of now.
        since: the run before.
    """

    def __init__(self, difference: Difference | None, since: Since | None) -> None:
        self._changes = () if difference is None else difference.changes
        self._since = since

    def of_answers(self, step: StepId, principle: str, *, moved: bool, follows: bool) -> tuple[Reason, ...]:
        """Why answers are asked for, under a principle or (where it is empty) under none.

        Args:
            step: in which step.
            principle: its id.
            moved: some of its draws are not those of before.
            follows: a text that is asked about is new, or where there is no principle the policy that answers.
        """
        if none := self._of_none(step):
            return (none,)
        if not principle and step.step is not Step.TAG:
            counted = [_reason(c) for c in self._changes if any(s.work is Work.MEASURES for s in c.stale)]
            judged = step.step is Step.EVALUATE and step.round % 2
            found = [_NEW_TEXTS if judged else _NEW_POLICY] if follows else []
            found += counted if step.step is Step.EVALUATE else []
        else:
            found = [_reason(c) for c in self._changes if _touches(c, step.step, principle, moved=moved)]
            found += [_NEW_TEXTS] if follows else []
        return tuple(found) or (self._unnamed(step),)

    def of_training(self, step: StepId, says: list[str]) -> tuple[Reason, ...]:
        """Why something is trained: what is said of its rows and of what it starts from."""
        if none := self._of_none(step):
            return (none,)
        return tuple(Reason(says=x) for x in says) or (self._unnamed(step, what="its checkpoint is not there"),)

    def _of_none(self, step: StepId) -> Reason | None:
        """The reason where there is nothing of before that the step could differ from."""
        if self._since is None:
            return _NEVER
        return _NOT_SO_FAR if not self._since.ended and step not in self._since.done else None

    def _unnamed(self, step: StepId, what: str = "the ledger does not have it") -> Reason:
        """The reason where no change of the constitution says one: what else is not as before, and nothing more."""
        since = self._since
        assert since is not None
        if step not in since.done:
            return _NEVER
        if since.other_inputs:
            return Reason(says=f"{what}: {_listed(since.other_inputs)} are not those of before")
        if self._changes:
            return Reason(says=f"{what}: the constitution is not that of before")
        return Reason(says=what)


def _listed(words: tuple[str, ...]) -> str:
    return " and ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else words[0]


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
