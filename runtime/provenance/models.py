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
from runtime.provenance.history import History
from runtime.provenance.kept import KeptAnswers, KeptWorker
from runtime.provenance.replay import PAIR_POLICY, Workers
from runtime.records import identify

__all__ = ["checking_workers"]


@dataclass(frozen=True)
class _Role:
    """Who is asked in some steps. `names` are what the run file calls it, `weights` its identity."""

    title: str
    steps: tuple[Step, ...]
    weights: str
    folders: tuple[Path, ...]


def checking_workers(history: History, answers: KeptAnswers, named: Sequence[Path]) -> tuple[Workers, tuple[str, ...]]:
    """Workers that check each key where they can, and a line for each role where they cannot, with the reason.

    `named` are folders of models to look in; a model is known by its identity, wherever it lies.
    """
    links: dict[str, str | None] = {}
    reasons: list[str] = []
    workers = []
    for role in _roles(history, named):
        tokenizer, why = _tokenizer(history, role)
        models = _models(history, role)
        if tokenizer is not None and not models:
            tokenizer, why = None, "the ledger does not say which engine was asked"
        if tokenizer is None:
            reasons.append(f"keys of {' and '.join(s.value for s in role.steps)}: {why}")
        workers.append(
            KeptWorker(
                answers, role.title, links, tokenizer=tokenizer, models=models,
                too_long=history.config.prompts.too_long,
            )
        )  # fmt: skip
    return Workers(*workers), tuple(reasons)


def _roles(history: History, named: Sequence[Path]) -> Iterable[_Role]:
    config, identities = history.config.models, history.identities()
    policy, critic = config.policy, config.critic or config.policy
    feedback = config.feedback or critic
    listed: list[tuple[str, tuple[Step, ...], str]] = [
        ("policy", (Step.RESPOND,), policy),
        ("critic", (Step.REVISE,), critic),
        ("feedback", (Step.TAG, Step.LABEL), feedback),
    ]
    checkpoints = sorted((history.ledger.path.parent / "checkpoints").glob("*"))
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
        yield _Role("sl-cai", (Step.PAIR,), "" if sl_cai is None else sl_cai.weights, (*named, *checkpoints))


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
    its_own = {m for m in asked if role.weights in m or _scripted(m) == role.weights}
    return tuple(sorted(its_own or asked))


def _scripted(model: str) -> str:
    """The identity that a run gives to a scripted engine of this name."""
    return identify("scripted model", model.removeprefix("scripted/1/").split("/")[0])
