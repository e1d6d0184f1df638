"""A run's rows derived once more, by the same stages that made them, one prompt at a time and without a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from constitution_lang.ir.model import Bundle
from runtime.config import RunConfig
from runtime.engines.base import Decoding
from runtime.ledger.runs import Step
from runtime.provenance.history import History, evaluated_name
from runtime.provenance.kept import KeptAnswers, KeptWorker
from runtime.records import (
    CaseRecord,
    Comparison,
    Critique,
    Draw,
    Label,
    PromptRecord,
    Response,
    Revision,
    ValueOrigin,
    Vote,
    identify,
)
from runtime.stages.label import Question, label, pair
from runtime.stages.respond import respond
from runtime.stages.revise import Subject, critique, revise
from runtime.stages.tag import tag

__all__ = ["PAIR_POLICY", "Replay", "Workers", "workers_of"]

PAIR_POLICY = "policy that pairs stand on"
"""The role of the policy that the run file names for pairs, in a run's manifest."""


@dataclass(frozen=True)
class Workers:
    """One worker for each role. `trained` are the policies that are evaluated, by the names that their answers have."""

    policy: KeptWorker
    critic: KeptWorker
    feedback: KeptWorker
    pair_policy: KeptWorker
    trained: Mapping[str, KeptWorker] = field(default_factory=dict)


def workers_of(history: History, answers: KeptAnswers, links: dict[str, str | None]) -> Workers:
    """Workers that know requests by their texts. A model is told from another by identity, engine and precision."""
    engine, identities = history.config.engine, history.identities()

    def worker(role: str, weights: str | None = None) -> KeptWorker:
        name = identify(
            "kept", engine.kind, weights or identities.get(role, role), engine.generate_dtype, engine.label_dtype
        )
        return KeptWorker(answers, name, links)

    trained = {
        evaluated_name(step, c): worker(step.value, c.weights)
        for step, c in history.checkpoints.items()
        if step is not Step.PREFERENCE_MODEL
    }
    return Workers(worker("policy"), worker("critic"), worker("feedback"), worker(*_pair_policy(history)), trained)


def _pair_policy(history: History) -> tuple[str, str | None]:
    """The policy that the run file names for pairs, else the run's own SL-CAI policy."""
    if history.config.pair.policy is not None:
        return PAIR_POLICY, None
    sl_cai = history.checkpoints.get(Step.SFT)
    return "sl-cai", None if sl_cai is None else sl_cai.weights


class Replay:
    """The stages of a run under `bundle`, which is the run's own or another one."""

    def __init__(self, config: RunConfig, bundle: Bundle, workers: Workers) -> None:
        self.config = config
        self.bundle = bundle
        self.workers = workers
        self._seed = config.seed

    def case(self, prompt: PromptRecord, told: CaseRecord | None = None) -> CaseRecord:
        """The prompt's case. `told` is the row that names the answers."""
        worker = self.workers.feedback if self.config.tag.ask else None
        if worker is not None and told is not None:
            asked = [v for v in told.values if v.origin is not ValueOrigin.DATA]
            worker.tell(choices=[v.key for v in asked])
        return next(tag(worker, self.bundle, [prompt], mass_min=self.config.label.mass_min))

    def answer(self, prompt: PromptRecord, told: Response | None = None) -> Response:
        """The policy's first answer."""
        worker, config = self.workers.policy, self.config.respond
        if told is not None:
            worker.tell(texts=[told.key])
        decoding = Decoding(tokens_max=config.tokens_max, temperature=config.temperature, top_p=config.top_p)
        return next(respond(worker, [prompt], policy="base", seed=self._seed, decoding=decoding, title=""))

    def critique(
        self, prompt: PromptRecord, of: Response | Revision, draw: Draw, told: Critique | None = None
    ) -> Critique:
        """The critique of a text under the principle drawn."""
        worker, config = self.workers.critic, self.config.revision
        if told is not None:
            worker.tell(texts=[told.key])
        decoding = Decoding(
            tokens_max=config.critique_tokens_max, temperature=config.temperature, top_p=config.top_p
        )  # fmt: skip
        subject = Subject(prompt, of, draw)
        return critique(worker, self.bundle, [subject], seed=self._seed, decoding=decoding, title="")[0]

    def revise(
        self,
        prompt: PromptRecord,
        of: Response | Revision,
        draw: Draw,
        critique: Critique | None,
        told: Revision | None = None,
    ) -> Revision:
        """The revision of a text under the principle drawn."""
        worker, config = self.workers.critic, self.config.revision
        if told is not None:
            worker.tell(texts=[told.key])
        decoding = Decoding(
            tokens_max=config.revision_tokens_max, temperature=config.temperature, top_p=config.top_p
        )  # fmt: skip
        subject, critiques = Subject(prompt, of, draw), None if critique is None else [critique]
        return revise(worker, self.bundle, [subject], critiques, seed=self._seed, decoding=decoding, title="")[0]

    def pair_answers(self, prompt: PromptRecord, told: Sequence[Response] | None = None) -> list[Response]:
        """The answers that are paired."""
        worker, config = self.workers.pair_policy, self.config.pair
        if told is not None:
            worker.tell(texts=[r.key for r in told])
        decoding = Decoding(tokens_max=config.tokens_max, temperature=config.temperature, top_p=config.top_p)
        return list(respond(
            worker, [prompt], policy=config.policy or "sl-cai", seed=self._seed, decoding=decoding,
            samples=2 * config.pairs, title="",
        ))  # fmt: skip

    def evaluated(self, worker: KeptWorker, prompt: PromptRecord, told: Response) -> Response:
        """The answer of a policy that is judged."""
        config = self.config.evaluation
        worker.tell(texts=[told.key])
        decoding = Decoding(tokens_max=config.tokens_max, temperature=config.temperature)
        return next(respond(worker, [prompt], policy=told.policy, seed=self._seed, decoding=decoding, title=""))

    def pairs(self, answers: Sequence[Response]) -> list[Comparison]:
        """The pairs of a prompt's answers."""
        return list(pair(answers))

    def label(self, question: Question, told: Sequence[Vote] | None = None) -> Label:
        """The label of a pair: votes from the kept answers, and what follows from them."""
        worker, config = self.workers.feedback, self.config.label
        if told is not None:
            keys = [key for vote in told for key in vote.keys]
            reasoned = self.bundle.preference.reasoning
            worker.tell(texts=keys[::2] if reasoned else (), choices=keys[1::2] if reasoned else keys)
        return next(label(
            worker, self.bundle, [question], seed=self._seed, mass_min=config.mass_min,
            reasoning=Decoding(tokens_max=config.reasoning_tokens_max), title="",
        ))  # fmt: skip
