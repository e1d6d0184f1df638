"""Checkpoints: their weights against their cards, and their cards against the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from runtime.config import EngineKind
from runtime.identity import model_identity, weights_sha256
from runtime.ledger.runs import Step, StepId
from runtime.provenance.history import TRAININGS, History
from runtime.provenance.misfits import Misfit, difference
from runtime.provenance.standing import card_misfit, standing_misfits
from runtime.provenance.truncations import truncation_misfits
from runtime.provenance.under import made_under
from runtime.records import Checkpoint, TrainingStep, identify
from runtime.served import is_served_as
from runtime.training.cards import CARD_FILE, Card, read_card

__all__ = ["checkpoint_misfits", "weights_misfits"]


def weights_misfits(folder: Path) -> Iterator[Misfit]:
    """The weights against the card beside them. Every file is read, whatever was remembered of it."""
    path = folder / CARD_FILE
    try:
        card = read_card(folder)
    except (OSError, msgspec.DecodeError) as error:
        said = "missing" if isinstance(error, FileNotFoundError) else getattr(error, "strerror", None) or str(error)
        yield card_misfit(path, "content", said, "the card of a checkpoint")
        return
    if card.rehearsed:
        return  # there are no weights
    try:
        files, weights = weights_sha256(folder, anew=True), model_identity(folder, anew=True)
    except OSError as error:
        yield card_misfit(folder, "weights", error.strerror or str(error), "files of weights")
        return
    for name, should in card.files.items():
        if files.get(name) != should:
            yield card_misfit(
                folder / name, "sha256", files.get(name, "there is no such file"), f"{should} ({CARD_FILE})"
            )
    for name in files.keys() - card.files.keys():
        yield card_misfit(folder / name, "file", "a file of weights", f"none of this name ({CARD_FILE})")
    if weights != card.weights:
        yield card_misfit(folder, "weights, configuration and tokenizer", weights, f"{card.weights} ({CARD_FILE})")


def checkpoint_misfits(history: History, step: Step, folder: Path, named: Sequence[Path]) -> Iterator[Misfit]:
    """The card of the checkpoint that a step trained, against the run that trained it and its rows.

    `named` are folders in which the model that it began as may lie.
    """
    record, path = history.checkpoints[step], folder / CARD_FILE
    try:
        card = read_card(folder)
    except (OSError, msgspec.DecodeError):
        return  # named with the weights
    should_be = (("kind", record.kind), ("weights", record.weights), ("data", record.data[:1]))
    for field, meant in should_be:
        found = difference(getattr(card, field), meant, exact=True)
        if found is not None:
            yield card_misfit(path, field, found.says, found.should)
    if card.rehearsed and not history.scripted:
        yield card_misfit(path, "rehearsed", "true", "false: the run has trained weights")
    yield from _under(history, record, card, path)
    yield from standing_misfits(history, step, record, card, path)
    yield from truncation_misfits(history, step, card, path, named)
    base = _other_base(history, step, card.base)
    if base is not None:
        yield card_misfit(path, "base", card.base, base)
    judge = history.checkpoints.get(Step.PREFERENCE_MODEL)
    rewards = judge.weights if step is Step.POLICY and judge is not None else None
    if card.preference_model != rewards:
        should = rewards or "none, since it was trained without one"
        yield card_misfit(path, "preference_model", card.preference_model or "none", should)
    name = history.config.policy.method.value if step is Step.POLICY else TRAININGS[step]
    seed = int(identify("training seed", history.seed, name)[:8], 16)
    if card.seed != seed:
        yield card_misfit(path, "seed", str(card.seed), str(seed))
    settings = msgspec.json.decode(history.manifest.config, type=dict[str, object])[step.value]
    found = difference(card.settings, settings, exact=True)
    if found is not None:
        yield card_misfit(path, f"settings.{found.field}", found.says, found.should)
    steps = history.ledger.count(history.run, TrainingStep, StepId(step))
    if card.steps != steps:
        yield card_misfit(path, "steps", str(card.steps), f"{steps}, as the ledger counts")


def _under(history: History, record: Checkpoint, card: Card, path: Path) -> Iterator[Misfit]:
    """The run that trained it may be an earlier one, whose rows said the same."""
    run = next((r for r in history.ledger.runs() if r.id == card.provenance.run), None)
    if run is None:
        yield card_misfit(path, "provenance.run", card.provenance.run, f"a run of the ledger, as {history.run}")
        return
    if record.constitution != card.provenance.meaning_hash:
        yield card_misfit(path, "provenance.meaning_hash", card.provenance.meaning_hash, record.constitution)
        return
    found = made_under(history.ledger, run).other(card.provenance, history.seed)
    if found is not None:
        yield card_misfit(path, f"provenance.{found.field}", found.says, found.should)


def _other_base(history: History, step: Step, says: str) -> str | None:
    """What the training began with, where the ledger says another model than the card."""
    if step in {Step.DPO, Step.POLICY}:
        sl_cai = history.checkpoints.get(Step.SFT)
        return None if sl_cai is None or sl_cai.weights == says else sl_cai.weights
    known = history.identities().get("policy" if step is Step.SFT else "preference model's base")
    if known is None or known == says:
        return None
    engine = history.config.engine
    if engine.kind is not EngineKind.OPENAI:
        return known
    # The run knows such a model by its name at the server as well, a training by its weights alone.
    served = is_served_as(known, says, engine.openai)
    return None if served else f"the weights that are {known} by the server's name for them"
