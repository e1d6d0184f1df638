"""Our engine against transformers' own batching, on one GPU, in one command of at most ten minutes.

    python docs/benchmarks/gpu.py [--model FOLDER] [--prompts 512] [--pairs 48]

Without `--model` a model of 7 billion random weights is made, since speed does not depend on what they are; such a
model never ends its turn, so every completion has its full length and all ways write the same number of tokens. Both
sides run in one process in bfloat16, in turn, after a warm-up. The bound of all is the same model's forward pass.
Without a GPU it runs on the CPU, with a tiny model, to show that it works.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, GenerationConfig, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from constitution_lang.ir.model import Role
from runtime.engines.base import ChooseRequest, Decoding, GenerateRequest
from runtime.engines.transformers import TransformersEngine
from runtime.ledger.store import Ledger
from runtime.progress import SilentProgress
from runtime.records import Turn
from runtime.work import Worker

SEVEN = {"hidden_size": 3584, "num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4,
         "intermediate_size": 18944, "vocab_size": 152_064}  # fmt: skip
TINY = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "intermediate_size": 128, "vocab_size": 1024}  # fmt: skip
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
WORDS = ["water", "bread", "stone", "house", "river", "letter", "morning", "window", "garden", "doctor", "winter"]
PRINCIPLES = 16
Row = tuple[str, str, float, int]
T = TypeVar("T")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a folder of safetensors; random weights where none is given")
    parser.add_argument("--prompts", type=int, default=512)
    parser.add_argument("--tokens", type=int, default=128, help="new tokens for each prompt")
    parser.add_argument("--pairs", type=int, default=48)
    parser.add_argument("--rows", type=int, default=64, help="rows in a batch, for both sides")
    options = parser.parse_args()
    gpu = torch.cuda.is_available()
    if not gpu:
        options.prompts, options.tokens, options.pairs, options.rows = 12, 8, 2, 4
    with contextlib.ExitStack() as stack:
        folder = options.model or made(Path(stack.enter_context(tempfile.TemporaryDirectory())), gpu=gpu)
        print(f"{torch.cuda.get_device_name() if gpu else 'CPU'}, torch {torch.__version__}, {folder.name}")
        asked, labels = requests(folder, options)
        rows = Plain(folder, options, gpu=gpu).measured(asked, labels)
        free()
        rows += ours(folder, asked, labels, options)
    report(rows)


def made(folder: Path, *, gpu: bool) -> Path:
    """A folder with random weights and a tokenizer whose options are single tokens."""
    words = pre_tokenizers.Split(Regex(r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|[^\s\p{L}\p{N}]+|\s+"), "isolated")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [words, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        [" ".join(WORDS)] * 3,
        trainers.BpeTrainer(vocab_size=600, special_tokens=special, initial_alphabet=alphabet, show_progress=False),
    )
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=special[2], pad_token=special[0])
    wrapped.chat_template = CHATML
    out = folder / ("random-7b" if gpu else "random-tiny")
    wrapped.save_pretrained(out)
    config = Qwen2Config(**(SEVEN if gpu else TINY), max_position_embeddings=4096, tie_word_embeddings=False)
    torch.manual_seed(0)
    with torch.device("cuda" if gpu else "cpu"):
        model = Qwen2ForCausalLM(config).to(torch.bfloat16)
    model.generation_config.eos_token_id = 2
    model.save_pretrained(out)
    del model
    free()
    return out


def requests(folder: Path, options: argparse.Namespace) -> tuple[list[GenerateRequest], list[ChooseRequest]]:
    """Prompts of 20 to 300 words, and pairs with sixteen questions each in both orders."""
    from runtime.prompting import ModelTokenizer

    dice, tokenizer = random.Random(1), ModelTokenizer(folder)  # noqa: S311 - texts, not secrets
    decoding = Decoding(tokens_max=options.tokens)

    def said(low: int, high: int) -> str:
        return " ".join(dice.choices(WORDS, k=dice.randint(low, high)))

    asked = [
        GenerateRequest(tokenizer.encode((Turn(Role.USER, said(20, 300)),)), decoding, seed)
        for seed in range(options.prompts)
    ]
    choices = (tokenizer.option("(", "A"), tokenizer.option("(", "B"))
    labels = []
    for _ in range(options.pairs):
        prompt, sides = said(20, 60), (said(100, 200), said(100, 200))
        for first, second in (sides, sides[::-1]):
            for principle in range(PRINCIPLES):
                text = f"{prompt}\n\n(A) {first}\n\n(B) {second}\n\nWhich is better, under {principle}: {said(20, 40)}?"
                labels.append(ChooseRequest(tokenizer.encode((Turn(Role.USER, text),), "("), choices))
    dice.shuffle(labels)
    return asked, labels


class Plain:
    """transformers as its documentation shows it: padded batches as they come, and its continuous batching."""

    def __init__(self, folder: Path, options: argparse.Namespace, *, gpu: bool) -> None:
        self.model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
        self.model = self.model.to("cuda" if gpu else "cpu").eval()
        self.rows = options.rows
        self.generation = GenerationConfig(
            max_new_tokens=options.tokens, min_new_tokens=options.tokens, do_sample=True, pad_token_id=0, eos_token_id=2
        )

    def measured(self, asked: Sequence[GenerateRequest], labels: Sequence[ChooseRequest]) -> list[Row]:
        """All ways, after a warm-up."""
        ids, mask = self.padded([r.tokens for r in asked[: self.rows]])
        self.model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=4, pad_token_id=0)
        rows = [timed("generate", "transformers, padded batches", lambda: self.generate(asked))]
        try:
            rows.append(timed("generate", "transformers, continuous batching", lambda: self.continuous(asked)))
        except Exception as error:  # noqa: BLE001 - it is young there; what it says is printed
            print(f"transformers' continuous batching did not run: {type(error).__name__}: {error}")
        rows.append(timed("label", "transformers, padded batches", lambda: self.label(labels)))
        return rows

    def padded(self, rows: Sequence[tuple[int, ...]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids padded on the left, and their mask."""
        width = max(map(len, rows))
        ids = torch.tensor([[0] * (width - len(row)) + list(row) for row in rows], device=self.model.device)
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows], device=self.model.device)
        return ids, mask

    def generate(self, asked: Sequence[GenerateRequest]) -> int:
        """Completions, batch by batch; returns the number of tokens."""
        written = 0
        for batch in batched(asked, self.rows):
            ids, mask = self.padded([r.tokens for r in batch])
            out = self.model.generate(input_ids=ids, attention_mask=mask, generation_config=self.generation)
            written += (out.shape[1] - ids.shape[1]) * len(batch)
        return written

    def continuous(self, asked: Sequence[GenerateRequest]) -> int:
        """Completions, with rows that end replaced by others; returns the number of tokens."""
        prompts = [list(r.tokens) for r in asked]
        out = self.model.generate_batch(prompts, generation_config=self.generation, progress_bar=False)
        return sum(len(result.generated_tokens) for result in out.values())

    def label(self, labels: Sequence[ChooseRequest]) -> int:
        """Every prompt whole, batch by batch; returns the number of labels."""
        with torch.inference_mode():
            for batch in batched(labels, self.rows):
                ids, mask = self.padded([r.tokens for r in batch])
                logits = self.model(input_ids=ids, attention_mask=mask, logits_to_keep=1, use_cache=False).logits
                logits[:, -1].float().log_softmax(-1)[:, list(batch[0].options)].tolist()
        return len(labels)


def batched(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Slices, in their order."""
    return (items[at : at + size] for at in range(0, len(items), size))


def ours(
    folder: Path, asked: Sequence[GenerateRequest], labels: Sequence[ChooseRequest], options: argparse.Namespace
) -> list[Row]:
    """The engine, and the engine behind the ledger as a run uses it."""
    engine = TransformersEngine(
        folder, device="auto", generate_dtype="bfloat16", label_dtype="bfloat16",
        batch_tokens=options.rows * 1024, batch_rows=options.rows,
    )  # fmt: skip
    list(engine.generate(asked[: options.rows]))
    list(engine.choose(labels[:PRINCIPLES]))
    rows = [
        timed("generate", "this engine", lambda: sum(len(c.tokens) for _, c in engine.generate(asked))),
        timed("label", "this engine", lambda: len(list(engine.choose(labels)))),
    ]
    with tempfile.TemporaryDirectory() as work, Ledger.open(Path(work) / "ledger.sqlite") as ledger:
        worker = Worker(engine, ledger, SilentProgress())
        rows += [
            timed("generate", "this runtime, with its ledger",
                  lambda: sum(len(a.value.tokens) for a in worker.generate(asked, "generate"))),
            timed("label", "this runtime, with its ledger", lambda: len(worker.choose(labels, "label"))),
        ]  # fmt: skip
    engine.close()
    return rows


def timed(what: str, how: str, work: Callable[[], int]) -> Row:
    """What was done, by whom, in how many seconds, and how many tokens or labels came of it."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    begun = time.perf_counter()
    count = work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return what, how, time.perf_counter() - begun, count


def report(rows: Sequence[Row]) -> None:
    """A table, and the same as a line of JSON."""
    for what, unit in (("generate", "tokens"), ("label", "labels")):
        found = [row for row in rows if row[0] == what]
        bound = found[0][3] / found[0][2]
        print(f"\n| {what} | s | {unit}/s | against padded batches |\n| --- | --- | --- | --- |")
        for _, how, seconds, count in found:
            print(f"| {how} | {seconds:.1f} | {count / seconds:,.0f} | {count / seconds / bound:.2f} |")
    print("\n" + json.dumps(rows))


def free() -> None:
    """Give back the memory."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
