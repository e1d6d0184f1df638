"""A GGUF file as the real ones are, small enough for every test: quantised weights, and the settings that mislead."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from tests.runtime.conftest import CHATML, END, PAD, save_tokenizer

if TYPE_CHECKING:
    from gguf import GGUFWriter

__all__ = ["write_gguf"]

WIDTH, INNER, HEADS, TOKENS = 64, 128, 2, 512


def write_gguf(folder: Path, *, architecture: str, output: bool) -> Path:
    """A random model of one layer, as `small.gguf` in `folder`.

    Its padding token is the end of a turn, as SmolLM2's is. With `output` it holds its one embedding twice, rounded in
    two ways, as Qwen's does.
    """
    from gguf import GGUFWriter, TokenType

    save_tokenizer(folder / "tokenizer")  # beside the file it would be taken for the file's own
    spec = json.loads((folder / "tokenizer" / "tokenizer.json").read_text("utf-8"))
    ids = spec["model"]["vocab"] | {token["content"]: token["id"] for token in spec["added_tokens"]}
    names = {id: token for token, id in ids.items()}
    tokens = [names.get(id, f"<unused{id}>") for id in range(TOKENS)]
    special = {token["content"] for token in spec["added_tokens"] if token["special"]}

    file = folder / "small.gguf"
    writer = GGUFWriter(file, architecture)
    writer.add_context_length(2048)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10_000.0)
    writer.add_vocab_size(TOKENS)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre({"llama": "smollm", "qwen2": "qwen2"}[architecture])
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.CONTROL if token in special else TokenType.NORMAL for token in tokens])
    writer.add_token_merges([" ".join(pair) for pair in spec["model"]["merges"]])
    writer.add_bos_token_id(ids["<|im_start|>"])
    writer.add_eos_token_id(ids[END])
    writer.add_unk_token_id(ids[PAD])
    writer.add_pad_token_id(ids[END])
    writer.add_chat_template(CHATML)

    _add_tensors(writer, architecture, output=output)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def _add_tensors(writer: GGUFWriter, architecture: str, *, output: bool) -> None:
    import numpy as np
    from gguf import GGMLQuantizationType
    from gguf.quants import quantize

    dice = np.random.default_rng(0)

    def add(name: str, *shape: int, kind: GGMLQuantizationType = GGMLQuantizationType.Q4_1) -> None:
        drawn = embedding if shape == (TOKENS, WIDTH) else dice.normal(0, 0.3, shape).astype(np.float32)
        if len(shape) == 1:
            writer.add_tensor(name, drawn)
        else:
            writer.add_tensor(name, quantize(drawn, kind), raw_dtype=kind)

    embedding = dice.normal(0, 0.3, (TOKENS, WIDTH)).astype(np.float32)
    add("token_embd.weight", TOKENS, WIDTH)
    add("output_norm.weight", WIDTH)
    if output:
        add("output.weight", TOKENS, WIDTH, kind=GGMLQuantizationType.Q8_0)
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        add(f"blk.0.{name}.weight", WIDTH, WIDTH)
        if architecture == "qwen2" and name != "attn_output":
            add(f"blk.0.{name}.bias", WIDTH)
    for name, shape in (("ffn_gate", (INNER, WIDTH)), ("ffn_up", (INNER, WIDTH)), ("ffn_down", (WIDTH, INNER))):
        add(f"blk.0.{name}.weight", *shape)
    add("blk.0.attn_norm.weight", WIDTH)
    add("blk.0.ffn_norm.weight", WIDTH)
