"""From pairs of answers to preference rows: each against the rows before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain

from constitution_lang.diagnostics.numbers import number_of
from constitution_lang.ir.model import Stage
from runtime.datasets.errors import DataError
from runtime.ledger.runs import Step, StepId
from runtime.provenance.checks import Checks
from runtime.provenance.kept import MissingAnswerError
from runtime.provenance.misfits import Misfit, difference
from runtime.provenance.rows import row_misfits
from runtime.provenance.shelved import grouped, shelve
from runtime.records import (
    Comparison,
    PreferenceRow,
    PromptRecord,
    Response,
)
from runtime.stages.draws import draw_principles
from runtime.stages.label import Question
from runtime.stages.rows import preference_row

__all__ = ["PairChecks"]


class PairChecks(Checks):
    """Answers in pairs, draws, votes, labels, preference rows."""

    def misfits(self) -> Iterator[Misfit]:
        """All that does not fit, in the order in which the rows were made."""
        yield from self._pairs()
        yield from self._labels()
        yield from self._preferences()

    def _pairs(self) -> Iterator[Misfit]:
        history = self.history
        if not history.pairs and not history.pair_answers:
            return
        said = grouped(Comparison, history.pairs, lambda comparison: comparison.prompt)
        for prompt in history.train:
            self.task.advance(1)
            answers = history.pair_answers.get(prompt.id, [])
            if len(answers) != 2 * history.config.pair.pairs:
                should = f"{2 * history.config.pair.pairs} answers"
                yield self.of("Response", prompt.id, "answers to pair", str(len(answers)), should)
                continue
            yield from self._paired(prompt, answers)
            yield from self._compared(prompt, said.get(prompt.id, []), self.replay.pairs(answers))
        known = {p.id for p in history.train}
        for comparison in history.pairs:
            if comparison.prompt not in known:
                yield self.at(comparison, Step.PAIR, "prompt", comparison.prompt, "a prompt that is trained on")
        yield from self._peoples_pairs()

    def _peoples_pairs(self) -> Iterator[Misfit]:
        history = self.history
        replies = history.ledger.each(history.run, Response, StepId(Step.LABEL))
        yield from self.replies(replies, history.peoples_pairs, Step.LABEL)
        for comparison in history.peoples_pairs:
            yield from self.sides(comparison, history.peoples_sides, Step.LABEL)
            if comparison.id not in history.labels:
                yield self.of("Label", comparison.id, "row", "missing", "what people said of this pair")

    def _paired(self, prompt: PromptRecord, answers: Sequence[Response]) -> Iterator[Misfit]:
        try:
            meant = self.replay.pair_answers(prompt, answers)
        except MissingAnswerError as error:
            yield self.unkept(next((a for a in answers if a.key == error.key), answers[0]), Step.PAIR, error)
            return
        except DataError as error:
            yield self.at(answers[0], Step.PAIR, "question", str(error), "a question that fits into the context")
            return
        finally:
            self.cuts.take(self.replay.workers.pair_policy, StepId(Step.PAIR))
        yield from self.keys(answers[0], Step.PAIR, self.replay.workers.pair_policy)
        for one, other in zip(answers, meant, strict=True):
            found = difference(one, other)
            if found is not None:
                yield self.at(one, Step.PAIR, found.field, found.says, found.should)

    def _compared(
        self, prompt: PromptRecord, says: Sequence[Comparison], should: Sequence[Comparison]
    ) -> Iterator[Misfit]:
        for one, other in zip(says, should, strict=False):
            found = difference(one, other)
            if found is not None:
                yield self.at(one, Step.PAIR, found.field, found.says, found.should)
        if len(says) < len(should):
            yield self.of("Comparison", should[len(says)].id, "row", "missing", f"a pair for prompt {prompt.id}")
        elif len(says) > len(should):
            yield self.at(
                says[len(should)], Step.PAIR, "row", "one more", f"{number_of(len(should), 'pairs')} for its prompt"
            )

    def _labels(self) -> Iterator[Misfit]:
        history = self.history
        if not history.labels:
            return
        cases = history.cases.pick(p.id for p in history.train)
        pairs = max(history.config.pair.pairs, 1)
        draws = draw_principles(history.bundle, history.seed, Stage.PREFERENCE, cases, pairs)
        nth: Counter[str] = Counter()
        for comparison in history.pairs:
            r = nth[comparison.prompt]
            nth[comparison.prompt] += 1
            prompt = history.prompts.get(comparison.prompt)
            if prompt is None or (prompt.id, r) not in draws:
                continue  # named with the pairs
            self.task.advance(1)
            should = draws[prompt.id, r]
            says = [d for d in history.preference_draws.get(prompt.id, []) if d.round == r]
            yield from self.drawn(prompt, says, should, r)
            label = history.labels.get(comparison.id)
            if label is None:
                yield self.of("Label", comparison.id, "row", "missing", "a label for this pair")
                continue
            question = Question(comparison, prompt, history.cases[prompt.id].mapping, tuple(should))
            yield from self.label(label, question, StepId(Step.LABEL))
        known = {c.id for c in chain(history.pairs, history.peoples_pairs)}
        for label in history.labels.values():
            if label.comparison not in known:
                yield self.at(label, Step.LABEL, "comparison", label.comparison, "a pair of this run")

    def _preferences(self) -> Iterator[Misfit]:
        history = self.history
        if not history.preferences:
            return
        made = (
            preference_row(history.prompts[x.prompt], x, history.labels[x.id], constitution=history.bundle.meaning_hash)
            for x in chain(history.pairs, history.peoples_pairs)
            if x.id in history.labels
        )
        rows = shelve(PreferenceRow, (row for row in made if row is not None))
        yield from row_misfits(self.file, history.preferences, rows)
