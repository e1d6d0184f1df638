"""What only measures: the evaluation and the audit, from who is drawn to judge to the figures in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from constitution_lang.ir.model import Stage
from runtime.datasets.errors import DataError
from runtime.evaluation.audit import audit_measures
from runtime.evaluation.head_to_head import questions as head_to_head
from runtime.evaluation.head_to_head import refusals, win_measures, word_measures
from runtime.ledger.runs import Step, StepId
from runtime.provenance.checks import Checks
from runtime.provenance.history import History, evaluated_name
from runtime.provenance.kept import KeptWorker, MissingAnswerError, SpoiledAnswerError
from runtime.provenance.misfits import Misfit, difference
from runtime.records import Comparison, Label, LabelSource, Measure, Response
from runtime.stages.draws import draw_principles
from runtime.stages.label import Question
from runtime.steps.preference import questions

__all__ = ["MeasuredChecks", "unmeasured"]

_BASE = "base"
_REWARD = "reward"
"""The figure that only the preference model's weights give."""
_OF_PEOPLE = frozenset({"agrees with people", "probability of people's choice"})
"""The figures that people's choices are needed for, which the ledger does not keep."""


def unmeasured(history: History) -> Iterator[str]:
    """Which figures are not derived anew, and why."""
    ledger = history.ledger
    if ledger.count(history.run, Measure, Step.AUDIT):
        yield "the audit's agreement with people: their choices are in the data set and not in the ledger"


class MeasuredChecks(Checks):
    """Answers of policies, comparisons, votes of the principles that are drawn to judge, and figures."""

    def misfits(self) -> Iterator[Misfit]:
        """All that does not fit, in the order in which the rows were made."""
        yield from self._evaluation()
        yield from self._audit()

    # --- policies against the base --------------------------------------------------------------------

    def _evaluation(self) -> Iterator[Misfit]:
        history, ledger = self.history, self.history.ledger
        names = [_BASE]
        names += [evaluated_name(s, history.checkpoints[s]) for s in (Step.SFT, Step.DPO, Step.POLICY)
                  if s in history.checkpoints]  # fmt: skip
        answers: dict[str, dict[str, Response]] = {}
        for n, name in enumerate(names):
            step = StepId(Step.EVALUATE, 2 * n)
            rows = ledger.read(history.run, Response, step)
            answers[name] = {row.prompt: row for row in rows}
            if rows:  # else the run was stopped before, or evaluates nothing
                yield from self._answers(name, rows, step)
        judged = dict.fromkeys(id for mine in answers.values() for id in mine)
        for name, mine in answers.items():
            for id in judged if mine else ():
                if id not in mine:
                    yield self.of("Response", id, "row", "missing", f"an answer of {name} to this prompt")
        for n, name in enumerate(names):
            step = StepId(Step.EVALUATE, 2 * n + 1)
            if answers[name] and ledger.count(history.run, Measure, step):
                yield from self._judged(name, step, answers[_BASE], answers[name])

    def _answers(self, name: str, rows: Sequence[Response], step: StepId) -> Iterator[Misfit]:
        workers = self.replay.workers
        worker = workers.policy if name == _BASE else workers.trained[name]
        for row in rows:
            self.task.advance(1)
            prompt = self.history.prompts.get(row.prompt)
            if prompt is None:
                yield self.at(row, Step.EVALUATE, "prompt", row.prompt, "a prompt of this run")
            elif row.policy != name:
                yield self.at(row, Step.EVALUATE, "policy", row.policy, name)
            else:
                derive = partial(self.replay.evaluated, worker, prompt, row)
                yield from self.same(row, Step.EVALUATE, worker, derive, part=step.round)

    def _judged(
        self, name: str, step: StepId, base: Mapping[str, Response], mine: Mapping[str, Response]
    ) -> Iterator[Misfit]:
        history, config = self.history, self.history.config.evaluation
        known = [id for id in base if id in mine and id in history.cases and id in history.prompts]
        figures: list[Measure] = []
        if name != _BASE:
            asked = head_to_head(
                history.bundle, history.prompts, [history.cases[id] for id in known], base, mine,
                categories=config.categories or tuple(c.id for c in history.bundle.categories),
                principles=config.principles, seed=history.seed,
            )  # fmt: skip
            labels = history.ledger.read(history.run, Label, step)
            yield from self._compared([q for _, q in asked], labels, step)
            kept = {x.comparison: x for x in labels}
            if all(q.comparison.id in kept for _, q in asked):
                figures += win_measures(name, asked, [kept[q.comparison.id] for _, q in asked], history.seed)
        responses = [mine[id] for id in known]
        figures += word_measures(name, history.prompts, responses, history.seed)
        worker = self.replay.workers.feedback
        if worker.checks_keys:
            yield from self._refusals(name, responses, worker, figures)
        self.cuts.take(worker, step)
        left = {_REWARD} if worker.checks_keys else {_REWARD, *_refusing(history, step)}
        yield from self._figures(step, figures, left)

    def _refusals(
        self, name: str, responses: Sequence[Response], worker: KeptWorker, figures: list[Measure]
    ) -> Iterator[Misfit]:
        """Adds to `figures`. No row names these answers: they are found by the questions themselves."""
        worker.tell(choices=[None] * len(responses))
        mass_min = self.history.config.label.mass_min
        try:
            figures += refusals(
                worker, self.history.bundle, self.history.prompts, responses, policy=name, mass_min=mass_min
            )
        except SpoiledAnswerError as error:
            yield self.spoiled(error)
        except MissingAnswerError as error:
            says = f"no answer under {error.key}"
            yield self.of("Measure", name, "refuses", says, "an answer to each question whether it refuses")
        except DataError as error:
            yield self.of("Measure", name, "refuses", str(error), "questions that fit into the model's context")

    def _compared(self, asked: Sequence[Question], labels: Sequence[Label], step: StepId) -> Iterator[Misfit]:
        """Pairs and labels against the questions that the draws give."""
        said = {c.id: c for c in self.history.ledger.read(self.history.run, Comparison, step)}
        given = {x.comparison: x for x in labels}
        for question in asked:
            comparison = said.pop(question.comparison.id, None)
            label = given.pop(question.comparison.id, None)
            self.task.advance(1)
            judges = ", ".join(d.principle for d in question.draws)
            if comparison is None:
                should = f"a pair for prompt {question.prompt.id}, judged under {judges}"
                yield self.of("Comparison", question.comparison.id, "row", "missing", should)
                continue
            found = difference(comparison, question.comparison)
            if found is not None:
                yield self.at(comparison, step.step, found.field, found.says, found.should)
            if label is None:
                yield self.of("Label", comparison.id, "row", "missing", f"a label, judged under {judges}")
            elif label.source is not LabelSource.AI:
                yield self.at(label, step.step, "source", label.source, LabelSource.AI)
            else:
                yield from self.label(label, question, step)
        for comparison in said.values():
            yield self.at(comparison, step.step, "row", "a pair", "no pair: nobody is drawn to judge it")
        for label in given.values():
            yield self.at(label, step.step, "comparison", label.comparison, "a pair of this step")

    # --- the labeler against people -------------------------------------------------------------------

    def _audit(self) -> Iterator[Misfit]:
        history, ledger, step = self.history, self.history.ledger, StepId(Step.AUDIT)
        pairs = ledger.read(history.run, Comparison, step)
        yield from self.replies(ledger.each(history.run, Response, step), pairs, Step.AUDIT)
        if not pairs:
            return
        sides = {r.id: r for r in ledger.read(history.run, Response, step)}
        for comparison in pairs:
            yield from self.sides(comparison, sides, Step.AUDIT)
        known = [c for c in pairs if c.prompt in history.cases and c.prompt in history.prompts]
        for comparison in pairs:
            if comparison not in known:
                yield self.at(comparison, Step.AUDIT, "prompt", comparison.prompt, "a prompt of this run with its case")
        counted = Counter(c.prompt for c in known)
        cases = [history.cases[id] for id in counted]
        draws = draw_principles(history.bundle, history.seed, Stage.PREFERENCE, cases, max(counted.values(), default=1))
        labels = ledger.read(history.run, Label, step)
        asked = list(questions(known, history.cases, history.prompts, draws))
        yield from self._compared(asked, labels, step)
        if len(labels) == len(pairs):
            figures = audit_measures("labeler", labels, [True] * len(labels), history.seed)
            yield from self._figures(step, [m for m in figures if m.name not in _OF_PEOPLE], set(_OF_PEOPLE))

    def _figures(self, step: StepId, should: Sequence[Measure], left: set[str]) -> Iterator[Misfit]:
        """Figures against those that the labels and answers give; those called as in `left` are left alone."""
        ledger = self.history.ledger
        says = {m.name: m for m in ledger.read(self.history.run, Measure, step) if m.name not in left}
        for measure in should:
            mine = says.pop(measure.name, None)
            if mine is None:
                yield self.of("Measure", measure.of, measure.name, "missing", str(measure.value))
                continue
            found = difference(mine, measure)
            if found is not None:
                yield self.at(mine, step.step, f"{measure.of}, {measure.name}: {found.field}", found.says, found.should)
        for mine in says.values():
            yield self.at(
                mine, step.step, f"{mine.of}, {mine.name}", "a figure", "no figure: nothing that was judged gives it"
            )


def _refusing(history: History, step: StepId) -> Iterator[str]:
    """The names of the figures about refusals."""
    measures = history.ledger.read(history.run, Measure, step)
    return (m.name for m in measures if m.name.startswith("refuses: "))
