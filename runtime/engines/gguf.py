"""A GGUF file as a folder of safetensors: weights dequantised, tokenizer and chat template beside them."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.engines.base import EngineError
from runtime.prompting import PADS

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["convert"]

# Twice the disk of bfloat16, and no slower to load. Rounding to bfloat16 moves log-probabilities of SmolLM2 by up
# to 0.24, so that labels in float32 would be those of another model than the file holds.
_DTYPE = "float32"


def convert(file: Path, folder: Path) -> None:
    """Write the model in `file` into `folder`, which exists and is empty."""
    try:
        import gguf  # noqa: F401
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging
        from transformers.utils.quantization_config import GgufConfig
    except ImportError as e:
        raise EngineError(
            f"{file.name} cannot be read without the model libraries", "pip install 'constitution-compiler[train]'"
        ) from e
    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        place = str(file.parent)
        # Without dequantising, the model can neither be trained nor saved.
        with contextlib.redirect_stderr(io.StringIO()):  # a progress bar that cannot be turned off
            model = AutoModelForCausalLM.from_pretrained(
                place, gguf_file=file.name, quantization_config=GgufConfig(dequantize=True), dtype=_DTYPE
            )
        tokenizer = AutoTokenizer.from_pretrained(place, gguf_file=file.name)
        _tie_again(model)
        _choose_pad(tokenizer, model)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        # The class of a saved tokenizer knows what the file does not say (Qwen's normalisation): written down here,
        # it holds for whoever reads tokenizer.json.
        AutoTokenizer.from_pretrained(folder).save_pretrained(folder)
    except (ValueError, KeyError, OSError, NotImplementedError) as e:
        raise EngineError(
            f"{file.name} cannot be converted: {str(e).strip().splitlines()[0]}",
            "check that the file is whole, and that transformers can read its architecture",
        ) from e
    finally:
        if bars:
            logging.enable_progress_bar()
    for written in folder.iterdir():
        with contextlib.suppress(OSError):
            written.chmod(0o644)


def _tie_again(model: PreTrainedModel) -> None:
    """Make the two embeddings one again, where the file holds one tensor twice, rounded in two ways (Qwen's does)."""
    first, last = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    if first is last or first.shape != last.shape:
        return
    some = slice(0, 4096)
    apart = (first[some].float() - last[some].float()).norm() / last[some].float().norm()
    # Rounding to four bits moves a row by about a tenth of its length; two tensors that are not one differ by more
    # than their length.
    if apart < 0.3:
        # The output's copy is the one that is kept with more bits.
        first.data.copy_(last.data)
        model.config.tie_word_embeddings = True
        model.tie_weights()


def _choose_pad(tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> None:
    """A pad token that is not the end of a turn; else a loss mask over padding blanks the turns' ends too."""
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id == tokenizer.eos_token_id:
        vocabulary = tokenizer.get_vocab()
        for token in PADS:
            if token in vocabulary and vocabulary[token] != tokenizer.eos_token_id:
                tokenizer.pad_token = token
                break
    model.config.pad_token_id = tokenizer.pad_token_id
    if model.generation_config is not None:
        model.generation_config.pad_token_id = tokenizer.pad_token_id
