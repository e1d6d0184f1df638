"""The most that a run can ask where the cases of some prompts are not known before they are asked for.

Such a case decides how many principles there are to draw from, and all that follows. So everything after it counts as
new, and each of these prompts with as many draws as the constitution allows in any case.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from constitution_lang.ir.model import Orders
from runtime.ledger.runs import Step, StepId
from runtime.planning.model import Bound, StageWork
from runtime.planning.session import PlanningSession
from runtime.records import Comparison, Draw, Label, Response

__all__ = ["FOLLOWS_FROM_CASES", "bound_of"]

FOLLOWS_FROM_CASES = frozenset(set(Step) - {Step.DATA, Step.TAG, Step.RESPOND})
"""The steps that come out otherwise where a case does."""


def bound_of(session: PlanningSession, stages: Iterable[StageWork], guessed: Iterable[str]) -> Bound:
    """The bound, from a plan in which all that follows from cases counts as new; `guessed` are ids of prompts."""
    open_cases = frozenset(guessed)
    calls = sum(stage.cost.calls + _missing(session, stage.step, open_cases) for stage in stages)
    return Bound(calls=calls, prompts=len(open_cases))


def _missing(session: PlanningSession, step: StepId, guessed: frozenset[str]) -> int:
    """How many more answers the step may ask for, were as many principles drawn as can be."""
    bundle = session.bundle
    everything = len(bundle.principles)
    each_vote = (2 if bundle.preference.orders is Orders.BOTH else 1) * (2 if bundle.preference.reasoning else 1)
    if step.step is Step.REVISE:
        answered = [r.prompt for r in session.read(Response, StepId(Step.RESPOND))]
        drawn = Counter(d.prompt for d in session.read(Draw, step))
        each = 2 if session.config.revision.critique else 1
        return each * _short(answered, drawn, guessed, min(bundle.revision.draw, everything))
    if step.step in (Step.LABEL, Step.AUDIT):
        pairs = session.read(Comparison, StepId(Step.PAIR) if step.step is Step.LABEL else step)
        heard = _votes(session, step, pairs)
        return each_vote * _short([p.prompt for p in pairs], heard, guessed, min(bundle.preference.draw, everything))
    if step.step is Step.EVALUATE and session.read(Label, step):
        answered = [r.prompt for r in session.read(Response, StepId(Step.EVALUATE, step.round - 1))]
        heard = _votes(session, step, session.read(Comparison, step))
        return each_vote * _short(answered, heard, guessed, _judges(session))
    return 0


def _short(asked: Iterable[str], found: Mapping[str, int], guessed: frozenset[str], most: int) -> int:
    """What is short of `most` for each time that a prompt of an open case is asked about."""
    times = Counter(prompt for prompt in asked if prompt in guessed)
    return sum(most * count - found.get(prompt, 0) for prompt, count in times.items())


def _votes(session: PlanningSession, step: StepId, pairs: Iterable[Comparison]) -> Counter[str]:
    """Votes in a step by prompt."""
    prompts = {pair.id: pair.prompt for pair in pairs}
    found = Counter[str]()
    for label in session.read(Label, step):
        if label.comparison in prompts:
            found[prompts[label.comparison]] += len(label.votes)
    return found


def _judges(session: PlanningSession) -> int:
    """The most principles that judge an answer against the base's."""
    config, bundle = session.config.evaluation, session.bundle
    sizes = Counter(p.category for p in bundle.principles)
    categories = config.categories or tuple(c.id for c in bundle.categories)
    return sum(min(config.principles, sizes[category]) for category in categories)
