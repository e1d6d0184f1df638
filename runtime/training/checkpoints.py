"""Checkpoints: self-contained folders of safetensors with a card, whole or not there at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import torch

from constitution_lang.diagnostics.numbers import number_of
from runtime.identity import model_identity, weights_sha256
from runtime.records import Checkpoint, Provenance, TrainedKind
from runtime.training.cards import CARD_FILE, Card, CardTruncation, card_bytes, read_card
from runtime.training.encoding import TRUNCATION_RULE, Truncation

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["CardDraft", "save_checkpoint"]

_LIBRARIES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets")


class CardDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What the trainer knows of the card before the weights are written."""

    kind: TrainedKind
    provenance: Provenance
    data: tuple[str, ...]
    rows: int
    steps: int
    seed: int
    settings: dict[str, object]
    base: Path
    truncation: Truncation
    preference_model: Path | None = None
    final: dict[str, float] = {}


def save_checkpoint(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, draft: CardDraft, out: Path
) -> Checkpoint:
    """Write weights, tokenizer, card and README to `out`, which appears when all of it is there.

    Under `accelerate launch` one process writes and all return the same. Weights are written in the base's own
    dtype. What stood at `out` before is replaced. `Checkpoint.path` is
    the folder's name.
    """
    from accelerate import PartialState

    state = PartialState()
    if state.is_main_process:
        _write(model, tokenizer, draft, out)
    state.wait_for_everyone()
    return Checkpoint(
        kind=draft.kind,
        path=out.name,
        weights=read_card(out).weights,
        constitution=draft.provenance.meaning_hash,
        data=draft.data,
    )


def _write(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, draft: CardDraft, out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-"))
    try:
        model.to(_base_dtype(draft.base)).save_pretrained(work)
        tokenizer.save_pretrained(work)
        card = _card(draft, work)
        (work / CARD_FILE).write_bytes(card_bytes(card))
        (work / "README.md").write_text(_readme(card), encoding="utf-8")
        work.chmod(0o755)
        if out.exists():
            old = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-old-"))
            out.rename(old / out.name)
            work.rename(out)
            shutil.rmtree(old)
        else:
            work.rename(out)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _base_dtype(base: Path) -> torch.dtype:
    fields = json.loads((base / "config.json").read_bytes())
    dtype = getattr(torch, str(fields.get("dtype") or fields.get("torch_dtype") or "float32"), torch.float32)
    return dtype if isinstance(dtype, torch.dtype) else torch.float32


def _card(draft: CardDraft, work: Path) -> Card:
    return Card(
        kind=draft.kind,
        provenance=draft.provenance,
        data=draft.data,
        rows=draft.rows,
        steps=draft.steps,
        seed=draft.seed,
        settings=draft.settings,
        base=model_identity(draft.base),
        weights=model_identity(work),
        files=weights_sha256(work),
        libraries={name: version(name) for name in _LIBRARIES},
        truncation=CardTruncation(
            rule=TRUNCATION_RULE,
            rows=draft.truncation.rows,
            prompts=tuple(draft.truncation.prompts),
            answers=tuple(draft.truncation.answers),
        ),
        preference_model=None if draft.preference_model is None else model_identity(draft.preference_model),
        final=draft.final,
    )


_TITLES = {
    TrainedKind.SL_CAI: "Policy fine-tuned on revisions (SL-CAI)",
    TrainedKind.PREFERENCE_MODEL: "Preference model",
    TrainedKind.DPO: "Policy trained on preferences (DPO)",
    TrainedKind.PPO: "Policy trained against a preference model (PPO)",
    TrainedKind.RLOO: "Policy trained against a preference model (RLOO)",
    TrainedKind.GRPO: "Policy trained against a preference model (GRPO)",
}

_LOADERS = {TrainedKind.PREFERENCE_MODEL: "AutoModelForSequenceClassification"}


def _readme(card: Card) -> str:
    under, cut = card.provenance, card.truncation or CardTruncation(rule="", rows=0)
    loader = _LOADERS.get(card.kind, "AutoModelForCausalLM")
    lines = [
        f"# {_TITLES[card.kind]}",
        "",
        f"Trained under the constitution {under.constitution} {under.version}, whose meaning hash is",
        f"`{under.meaning_hash}`,",
        f"for {number_of(card.steps, 'steps')} on {number_of(card.rows, 'rows')}, from the model `{card.base}`.",
        f"Cut to fit: {number_of(len(cut.prompts), 'prompts')}, {number_of(len(cut.answers), 'answers')}; {cut.rule}.",
        "",
        f"Load it with `transformers.{loader}.from_pretrained`. `{CARD_FILE}` holds the hashes of the data and the",
        "weights, the settings, and the versions of the libraries. `cai-run verify` checks it against the run's",
        "ledger, and `cai-run stale` says what another constitution would have made of the rows.",
        "",
        "It inherits the licence and the limits of the model that it was trained from.",
        "",
    ]
    return "\n".join(lines)
