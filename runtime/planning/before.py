"""What the run before had, for a plan to be held against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from constitution_lang.ir.model import Bundle
from runtime.ledger.run_store import RunStore
from runtime.ledger.runs import Step, StepId
from runtime.planning.since import Since
from runtime.records import Checkpoint, Comparison, Critique, Draw, PreferenceRow, Response, Revision, SftRow
from runtime.session import Session
from runtime.training.seen import seen_of

__all__ = ["TEXTS", "TRAININGS", "Before", "drawn"]

TRAININGS = (Step.SFT, Step.PREFERENCE_MODEL, Step.DPO, Step.POLICY)
TEXTS: tuple[type[Response | Critique | Revision], ...] = (Response, Critique, Revision)
_Place = tuple[Step, str, int]
"""A step, a prompt and a round."""


@dataclass(frozen=True)
class Before:
    """What the run before had: principle keys drawn at each place, and what its trainings saw.

    `written` are ids of its responses, critiques and revisions, `trained` the weights that its trainings ended with.
    `prompts` are those that were drawn for, by step. Where a step or a prompt is new, no draw of it has moved.
    """

    since: Since
    drawn: Mapping[_Place, frozenset[str]]
    prompts: Mapping[Step, frozenset[str]]
    written: frozenset[str]
    trained: Mapping[Step, str]
    texts: frozenset[object]
    pairs: frozenset[object]

    @staticmethod
    def of(store: RunStore, since: Since) -> Before:
        """Read from the ledger, or from the plan, that holds the run."""
        run = since.run
        draws = [(step, d) for step in (Step.REVISE, Step.LABEL) for d in store.read(run, Draw, step)]
        return Before(
            since,
            drawn(since.bundle, draws),
            {
                Step.REVISE: frozenset(r.prompt for r in store.each(run, Response, Step.RESPOND)),
                Step.LABEL: frozenset(c.prompt for c in store.each(run, Comparison, Step.PAIR)),
            },
            frozenset(x.id for kind in TEXTS for x in store.each(run, kind)),
            {step: x.weights for step in TRAININGS for x in store.read(run, Checkpoint, step)},
            frozenset(seen_of(r) for r in store.read(run, SftRow, Step.SFT)),
            frozenset(seen_of(r) for r in store.read(run, PreferenceRow, Step.LABEL)),
        )

    def moved(self, step: StepId, now: Mapping[_Place, frozenset[str]]) -> dict[_Place, frozenset[str]]:
        """Of the draws of a step, by place, those that are others than before."""
        known = self.prompts.get(step.step, frozenset()) if step in self.since.done else frozenset()
        return {at: keys - self.drawn.get(at, frozenset()) for at, keys in now.items() if at[1] in known}

    def is_new(self, session: Session, training: Step) -> bool:
        """Whether what is trained is not what it was before: in this plan, or in a run that was stopped since."""
        return any(x.weights != self.trained.get(training) for x in session.read(Checkpoint, StepId(training)))


def drawn(bundle: Bundle, draws: Sequence[tuple[Step, Draw]]) -> dict[_Place, frozenset[str]]:
    """Principle keys by place."""
    found: dict[_Place, set[str]] = {}
    for step, draw in draws:
        found.setdefault((step, draw.prompt, draw.round), set()).add(bundle.principle(draw.principle).key)
    return {place: frozenset(keys) for place, keys in found.items()}
