"""What a run works on, loaded and checked before anything is spent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from runtime.config import HumanPairs, PromptSource, RunConfig
from runtime.datasets.pairs import load_pairs
from runtime.datasets.prompts import load_prompts
from runtime.datasets.stored import ById, Chained, by_id, distinct
from runtime.records import Comparison, ComparisonPurpose, Label, PromptRecord, Response
from runtime.stages.label import compare

__all__ = ["Inputs", "PeoplesPair", "load_inputs"]


@dataclass(frozen=True, slots=True)
class PeoplesPair:
    """Two replies of a data set, and people's label of them."""

    prompt: PromptRecord
    sides: tuple[Response, Response]
    comparison: Comparison
    label: Label


@dataclass(frozen=True)
class Inputs:
    """Prompts, pairs labelled by people, and the models as engines and trainers open them."""

    train: Sequence[PromptRecord]
    evaluation: Sequence[PromptRecord]
    demonstrations: Sequence[PromptRecord]
    human: Sequence[PeoplesPair]
    audit: Sequence[PeoplesPair]
    policy: str
    critic: str
    feedback: str
    preference_base: str
    pair_policy: str | None = None
    """Who gives the answers to be paired; None is the SL-CAI policy."""

    def audit_only(self) -> Inputs:
        """The same with nothing to train or evaluate on."""
        return replace(self, train=(), evaluation=(), demonstrations=(), human=())

    @property
    def prompts(self) -> Mapping[str, PromptRecord]:
        """Every prompt by id. Where a conversation stands in several sets, the training set's row counts."""
        return self._kept()

    @property
    def tagged(self) -> Sequence[PromptRecord]:
        """The prompts whose case decides something: all but demonstrations and pairs that people labelled.

        Each is the row that the ledger keeps of it, so that its case follows from what is there to be read.
        """
        found = distinct([[x.prompt for x in self.audit], self.evaluation, self.train])
        return self._kept().pick(prompt.id for prompt in found)

    def _kept(self) -> ById:
        pairs = [x.prompt for x in (*self.audit, *self.human)]
        return by_id([pairs, self.demonstrations, self.evaluation, self.train])


def load_inputs(config: RunConfig, folder: Path, resolve: Callable[[str], str], say: Callable[[str], None]) -> Inputs:
    """Read every data set that the run file in `folder` names and find every model.

    No prompt is both trained and evaluated on: those of pairs that people labelled stay with the training, all others
    with the evaluation.

    Raises:
        DataError: a data set cannot be used.
        EngineError: a model cannot be had.
    """
    policy = config.models.policy
    critic = config.models.critic or policy
    names = {
        "policy": policy,
        "critic": critic,
        "feedback": config.models.feedback or critic,
        "preference_base": config.models.preference or policy,
    }
    if config.pair.policy is not None:
        names["pair_policy"] = config.pair.policy
    found = {name: resolve(name) for name in dict.fromkeys(names.values())}

    def prompts(sources: Sequence[PromptSource], exclude: Iterable[PromptRecord] = ()) -> Sequence[PromptRecord]:
        taken = {p.id for p in exclude}
        parts: list[Sequence[PromptRecord]] = []
        for source in sources:
            loaded, report = load_prompts(source, folder, seed=config.seed, exclude=taken)
            say(str(report))
            parts.append(loaded)
            taken |= {p.id for p in loaded}
        return Chained(parts)

    human = _pairs(config.label.human, folder, ComparisonPurpose.TRAINING, seed=config.seed, say=say)
    evaluation = prompts(config.prompts.evaluation, [x.prompt for x in human])
    return Inputs(
        train=prompts(config.prompts.train, evaluation),
        evaluation=evaluation,
        demonstrations=prompts(config.prompts.demonstrations, evaluation),
        human=human,
        audit=_pairs(config.audit.human, folder, ComparisonPurpose.AUDIT, seed=config.seed, say=say),
        policy=found[names["policy"]],
        critic=found[names["critic"]],
        feedback=found[names["feedback"]],
        preference_base=found[names["preference_base"]],
        pair_policy=found[names["pair_policy"]] if config.pair.policy is not None else None,
    )


def _pairs(
    sources: Sequence[HumanPairs],
    folder: Path,
    purpose: ComparisonPurpose,
    *,
    seed: int,
    say: Callable[[str], None],
) -> list[PeoplesPair]:
    rows = []
    for source in sources:
        loaded, report = load_pairs(source.data, folder, form=source.form, limit=source.limit, seed=seed)
        say(str(report))
        for pair in loaded:
            comparison = compare(*pair.sides, purpose)
            rows.append(PeoplesPair(pair.prompt, pair.sides, comparison, pair.label(comparison.id, source.certainty)))
    return rows
