"""From pairs of answers to preference rows: each against the rows before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from constitution_lang.ir.model import Stage
from runtime.ledger.runs import Step
from runtime.provenance.checks import Checks
from runtime.provenance.kept import MissingAnswerError
from runtime.provenance.misfits import Misfit, difference, shown
from runtime.provenance.rows import row_misfits
from runtime.records import (
    Comparison,
    Draw,
    Label,
    LabelSource,
    PromptRecord,
    Response,
)
from runtime.stages.draws import draw_principles
from runtime.stages.evidence import label_of
from runtime.stages.label import Question, compare
from runtime.stages.rows import preference_rows

__all__ = ["PairChecks"]


class PairChecks(Checks):
    """Answers in pairs, draws, votes, labels, preference rows; and the labels that only measure."""

    def misfits(self) -> Iterator[Misfit]:
        """All that does not fit, in the order in which the rows were made."""
        yield from self._pairs()
        yield from self._labels()
        yield from self._preferences()
        yield from self._measured()

    def _pairs(self) -> Iterator[Misfit]:
        history = self.history
        if not history.pairs and not history.pair_answers:
            return
        said: dict[str, list[Comparison]] = {}
        for comparison in history.pairs:
            said.setdefault(comparison.prompt, []).append(comparison)
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
        for comparison in history.peoples_pairs:
            sides = [history.peoples_sides.get(id) for id in (comparison.a, comparison.b)]
            if sides[0] is None or sides[1] is None:
                yield self.at(comparison, Step.LABEL, "a", comparison.a, "a reply that is kept")
                continue
            found = difference(comparison, compare(sides[0], sides[1], comparison.purpose))
            if found is not None:
                yield self.at(comparison, Step.LABEL, found.field, found.says, found.should)

    def _paired(self, prompt: PromptRecord, answers: Sequence[Response]) -> Iterator[Misfit]:
        try:
            meant = self.replay.pair_answers(prompt, answers)
        except MissingAnswerError as error:
            yield self.unkept(next((a for a in answers if a.key == error.key), answers[0]), Step.PAIR, error)
            return
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
            yield self.at(says[len(should)], Step.PAIR, "row", "one more", f"{len(should)} pairs for its prompt")

    def _labels(self) -> Iterator[Misfit]:
        history = self.history
        if not history.labels:
            return
        cases = [history.cases[p.id] for p in history.train if p.id in history.cases]
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
            yield from self._label(label, comparison, prompt, tuple(should), Step.LABEL)
        known = {c.id for c in (*history.pairs, *history.peoples_pairs)}
        for label in history.labels.values():
            if label.comparison not in known:
                yield self.at(label, Step.LABEL, "comparison", label.comparison, "a pair of this run")

    def _label(
        self, label: Label, comparison: Comparison, prompt: PromptRecord, draws: tuple[Draw, ...], step: Step
    ) -> Iterator[Misfit]:
        """The votes against the kept choices, then the label against its votes as they stand."""
        case = self.history.cases[prompt.id].mapping
        question = Question(comparison, prompt, case, draws)
        voted = [v.principle for v in label.votes]
        asked = [d.principle for d in draws] if comparison.text_a != comparison.text_b else []
        if voted != asked:
            yield self.at(label, step, "votes", shown(voted), shown(asked))
            return
        try:
            meant = self.replay.label(question, label.votes)
        except MissingAnswerError as error:
            yield self.unkept(label, step, error)
            return
        yield from self.keys(label, step, self.replay.workers.feedback)
        fit = True
        for n, (one, other) in enumerate(zip(label.votes, meant.votes, strict=False)):
            found = difference(one, other)
            if found is not None:
                fit = False
                yield self.at(label, step, f"votes[{n}].{found.field} ({one.principle})", found.says, found.should)
        if not fit:
            try:
                meant = label_of(self.history.bundle, case, comparison.id, label.votes)
            except ValueError:
                return
        found = difference(label, meant)
        if found is not None:
            yield self.at(label, step, found.field, found.says, found.should)

    def _preferences(self) -> Iterator[Misfit]:
        history = self.history
        if not history.preferences:
            return
        pairs = [x for x in (*history.pairs, *history.peoples_pairs) if x.id in history.labels]
        rows = preference_rows(
            history.prompts, pairs, history.labels, constitution=history.bundle.meaning_hash
        )  # fmt: skip
        yield from row_misfits(self.file, history.preferences, rows)

    def _measured(self) -> Iterator[Misfit]:
        """Labels that nothing is trained on: the evaluation's and the audit's. Who votes is taken as it stands."""
        history, ledger = self.history, self.history.ledger
        for step in (Step.EVALUATE, Step.AUDIT):
            pairs = {c.id: c for c in ledger.read(history.run, Comparison, step)}
            for label in ledger.read(history.run, Label, step):
                comparison = pairs.get(label.comparison)
                prompt = None if comparison is None else history.prompts.get(comparison.prompt)
                if comparison is None or prompt is None or prompt.id not in history.cases:
                    yield self.at(label, step, "comparison", label.comparison, "a pair of this step")
                    continue
                if label.source is LabelSource.AI:
                    yield from self._label(label, comparison, prompt, _as_voted(label, prompt), step)


def _as_voted(label: Label, prompt: PromptRecord) -> tuple[Draw, ...]:
    return tuple(
        Draw(prompt=prompt.id, stage=Stage.PREFERENCE, round=0, position=n, principle=v.principle, share=0.0)
        for n, v in enumerate(label.votes)
    )
