"""What a checkpoint's card says was cut to fit into its training, held against the rows cut once more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from runtime.engines.base import ChatTokenizer, EngineError
from runtime.engines.models import at_hand
from runtime.identity import data_hash, model_identity
from runtime.ledger.runs import Step
from runtime.prompting import ModelTokenizer
from runtime.provenance.history import History
from runtime.provenance.misfits import Misfit, difference
from runtime.provenance.standing import card_misfit, rows_of
from runtime.records import PreferenceRow, PromptRecord, SftRow
from runtime.training.cards import Card, CardTruncation
from runtime.training.encoding import TRUNCATION_RULE, Truncation, encode_pairs, encode_prompts, encode_sft
from runtime.training.errors import TrainingError

__all__ = ["truncation_misfits"]


def truncation_misfits(history: History, step: Step, card: Card, path: Path, named: Sequence[Path]) -> Iterator[Misfit]:
    """The rows that the card says lost something, where the tokenizer of what it began as is at hand.

    They are those of the run that trained it, by its ids. A card that names other rows is told by its hash.
    """
    if card.truncation is None:
        if not history.scripted:
            yield card_misfit(path, "truncation", "nothing", "what was cut to fit, if only that nothing was")
        return
    rows = rows_of(history.ledger, card.provenance.run, step)
    tokenizer = _tokenizer(history, card.base, named)
    if tokenizer is None or card.data != (data_hash([row.id for row in rows]),):
        return
    try:
        seen = _cut(history, step, tokenizer, rows)
    except TrainingError as error:
        yield card_misfit(path, "truncation", "rows that were trained on", str(error))
        return
    should = CardTruncation(
        rule=TRUNCATION_RULE, rows=seen.rows, prompts=tuple(seen.prompts), answers=tuple(seen.answers)
    )
    found = difference(card.truncation, should, exact=True)
    if found is not None:
        yield card_misfit(path, f"truncation.{found.field}", found.says, found.should)


def _cut(history: History, step: Step, tokenizer: ChatTokenizer, rows: Sequence[object]) -> Truncation:
    config = history.config
    if step is Step.SFT:
        return encode_sft(tokenizer, [r for r in rows if isinstance(r, SftRow)], config.sft.tokens_max)[1]
    if step is Step.POLICY:
        room = config.policy.tokens_max - config.policy.completion_tokens_max
        return encode_prompts(tokenizer, [r for r in rows if isinstance(r, PromptRecord)], room)[1]
    most = config.dpo.tokens_max if step is Step.DPO else config.preference_model.tokens_max
    return encode_pairs(tokenizer, [r for r in rows if isinstance(r, PreferenceRow)], most)[1]


def _tokenizer(history: History, base: str, named: Sequence[Path]) -> ChatTokenizer | None:
    models = history.config.models
    here = (at_hand(name) for name in dict.fromkeys((models.policy, models.preference or models.policy)))
    checkpoints = (history.ledger.path.parent / "checkpoints").glob("*")
    for folder in (*named, *(f for f in here if f is not None), *sorted(checkpoints)):
        try:
            if model_identity(folder) == base:
                return ModelTokenizer(folder)
        except (OSError, EngineError):
            continue
    return None
