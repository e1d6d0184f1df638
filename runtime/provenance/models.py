"""Tokenizers that are at hand, by which the keys of answers can be computed once more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.config import EngineKind
from runtime.engines.base import ChatTokenizer, EngineError
from runtime.engines.models import at_hand
from runtime.engines.scripted import ScriptedTokenizer
from runtime.identity import model_identity
from runtime.ledger.runs import Step
from runtime.prompting import ModelTokenizer
from runtime.provenance.history import History, evaluated_name
from runtime.provenance.kept import KeptAnswers, KeptWorker
from runtime.provenance.replay import PAIR_POLICY, Workers
from runtime.records import Label, PromptCut, Response, identify

__all__ = ["checking_workers"]


@dataclass(frozen=True)
class _Role:
    """Who is asked in some steps. `weights` is its identity, `of` what it is asked there, where not all."""

    title: str
    steps: tuple[Step, ...]
    weights: str
    folders: tuple[Path, ...]
    of: str = ""


def checking_workers(history: History, answers: KeptAnswers, named: Sequence[Path]) -> tuple[Workers, tuple[str, ...]]:
    """Workers that check each key where they can, and a line for each role where they cannot, with the reason.

    `named` are folders of models to look in; a model is known by its identity, wherever it lies.
    """
    links: dict[str, str | None] = {}
    reasons: list[str] = []
    what = "keys and cut prompts" if history.ledger.count(history.run, PromptCut) else "keys"

    def worker(role: _Role) -> KeptWorker:
        tokenizer, why = _tokenizer(history, role)
        models = _models(history, role)
        if tokenizer is not None and not models:
            tokenizer, why = None, "the ledger does not say which engine was asked"
        if tokenizer is None:
            reasons.append(f"{what} of {role.of or ' and '.join(s.value for s in role.steps)}: {why}")
        return KeptWorker(
            answers, role.title, links, tokenizer=tokenizer, models=models, too_long=history.config.prompts.too_long
        )

    policy, critic, feedback, pair_policy = (worker(role) for role in _roles(history, named))
    trained = {role.title: worker(role) for role in _trained(history, named)}
    return Workers(policy, critic, feedback, pair_policy, trained), tuple(reasons)


def _roles(history: History, named: Sequence[Path]) -> Iterable[_Role]:
    config, identities = history.config.models, history.identities()
    policy, critic = config.policy, config.critic or config.policy
    feedback = config.feedback or critic
    audited = history.ledger.count(history.run, Label, Step.AUDIT) > 0
    listed: list[tuple[str, tuple[Step, ...], str]] = [
        ("policy", (Step.RESPOND,), policy),
        ("critic", (Step.REVISE,), critic),
        ("feedback", (Step.TAG, Step.LABEL, Step.AUDIT) if audited else (Step.TAG, Step.LABEL), feedback),
    ]
    for title, steps, name in listed:
        found = None if history.scripted else at_hand(name)
        folders = (*named, *(() if found is None else (found,)))
        yield _Role(title, steps, identities.get(title, ""), folders)
    if history.config.pair.policy is not None:
        found = None if history.scripted else at_hand(history.config.pair.policy)
        folders = (*named, *(() if found is None else (found,)))
        yield _Role(PAIR_POLICY, (Step.PAIR,), identities.get(PAIR_POLICY, ""), folders)
    else:
        sl_cai = history.checkpoints.get(Step.SFT)
        yield _Role("sl-cai", (Step.PAIR,), "" if sl_cai is None else sl_cai.weights, _checkpoints(history, named))


def _trained(history: History, named: Sequence[Path]) -> Iterable[_Role]:
    """The policies that are evaluated, as they stand there by name."""
    for step, checkpoint in history.checkpoints.items():
        if step is not Step.PREFERENCE_MODEL and history.ledger.count(history.run, Response, Step.EVALUATE):
            name = evaluated_name(step, checkpoint)
            folders = _checkpoints(history, named)
            yield _Role(name, (Step.EVALUATE,), checkpoint.weights, folders, of=f"{name}'s answers in evaluate")


def _checkpoints(history: History, named: Sequence[Path]) -> tuple[Path, ...]:
    return *named, *sorted((history.ledger.path.parent / "checkpoints").glob("*"))


def _tokenizer(history: History, role: _Role) -> tuple[ChatTokenizer | None, str]:
    if history.scripted:
        return ScriptedTokenizer(), ""
    if history.config.engine.kind is EngineKind.OPENAI:
        return None, "a server was asked, whose tokenizer is not at hand"
    for folder in role.folders:
        try:
            if model_identity(folder) == role.weights:
                vllm = history.config.engine.kind is EngineKind.VLLM
                limit = history.config.engine.vllm.context_max if vllm else None
                return ModelTokenizer(folder, context_max=limit), ""
        except (OSError, EngineError):
            continue
    return None, f"the model {role.weights} is not at hand; name its folder with --model"


def _models(history: History, role: _Role) -> tuple[str, ...]:
    """What the engine called itself when it was asked, in this run or in one whose answers this one took over."""
    ledger = history.ledger
    asked = {
        entry.tally.model for run in ledger.runs() for entry in ledger.tally(run.id) if entry.step.step in role.steps
    }
    names = {Path(c.path).name for c in history.checkpoints.values() if c.weights == role.weights}
    its_own = {m for m in asked if role.weights in m or _scripted(m) == role.weights or m.split("/")[-1] in names}
    return tuple(sorted(its_own or asked))


def _scripted(model: str) -> str:
    """The identity that a run gives to a scripted engine of this name."""
    return identify("scripted model", model.removeprefix("scripted/1/").split("/")[0])
