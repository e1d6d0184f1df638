"""The ways that gpu.py measures, one in each process: what is asked, and who answers it."""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, GenerationConfig, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from constitution_lang.ir.model import Role
from runtime.config import VllmConfig
from runtime.engines.base import ChooseRequest, Decoding, Engine, GenerateRequest
from runtime.ledger.store import Ledger
from runtime.progress import SilentProgress
from runtime.records import Turn
from runtime.work import Worker

SEVEN = {"hidden_size": 3584, "num_hidden_layers": 28, "num_attention_heads": 28, "num_key_value_heads": 4,
         "intermediate_size": 18944, "vocab_size": 152_064}  # fmt: skip
TINY = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "intermediate_size": 128, "vocab_size": 1024}  # fmt: skip
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
WORDS = ["water", "bread", "stone", "house", "river", "letter", "morning", "window", "garden", "doctor", "winter"]
PRINCIPLES = 16
PAIR_LABELS = 2 * PRINCIPLES
CONTEXT_MAX = 4096
MARGIN = 0.75
"""Of the time that is left, so much is filled with work: a probe is no promise."""
T = TypeVar("T")
Generating = Callable[[Sequence[GenerateRequest]], int]
Labelling = Callable[[Sequence[ChooseRequest]], int]


@dataclass(frozen=True)
class Measured:
    """What was done, by whom, in how many seconds, how many tokens or labels came of it, and from how many requests."""

    what: str
    how: str
    seconds: float
    count: int
    asked: int
    of: int

    @property
    def rate(self) -> float:
        """Tokens or labels a second."""
        return self.count / self.seconds

    def line(self) -> str:
        """For people."""
        part = "" if self.asked == self.of else f" (the time was for {self.asked} of {self.of})"
        unit = "tokens" if self.what == "generate" else "labels"
        return f"{self.how}, {self.what}: {self.rate:,.1f} {unit}/s in {self.seconds:.1f} s{part}"


@dataclass(frozen=True)
class Way:
    """Measures until `end`, and says how many rows it gives."""

    rows: int
    run: Callable[[Budget], None]


def run_way(options: argparse.Namespace, end: float) -> None:
    """Measure one way, in this process, until `end` on the monotonic clock; a line of JSON for each measurement."""
    if not torch.cuda.is_available():
        options.prompts, options.tokens = min(options.prompts, 24), min(options.tokens, 8)
        options.pairs, options.rows = min(options.pairs, 2), min(options.rows, 4)
    way = WAYS[options.way]
    way.run(Budget(options, end, way.rows))


class Budget:
    """Time until `end`, and how much work fits into each of `measurements` in it."""

    def __init__(self, options: argparse.Namespace, end: float, measurements: int) -> None:
        self.options = options
        self._end = end
        self._left = measurements
        self.asked, self.labels = requests(options.model, options)

    def generate(self, how: str, work: Generating, *, fresh: Callable[[], object] = lambda: None) -> None:
        """Measure completions; `fresh` empties what the probe left in caches."""
        work(self.asked[-2:])  # kernels and buffers
        probe = self.asked[-self.options.rows :]
        many = self._fitting(lambda: work(probe), len(probe), len(self.asked), self.options.rows)
        fresh()
        self._measure("generate", how, lambda: work(self.asked[:many]), many, len(self.asked))

    def label(self, how: str, work: Labelling, *, fresh: Callable[[], object] = lambda: None) -> None:
        """Measure labels, of whole pairs, so that as much is shared in few as in many."""
        probe = self.labels[-PAIR_LABELS:]
        work(probe[:2])
        many = self._fitting(lambda: work(probe), PAIR_LABELS, len(self.labels), PAIR_LABELS)
        some = self.labels[:many]
        random.Random(1).shuffle(some)  # noqa: S311 - an order, not a secret
        fresh()
        self._measure("label", how, lambda: work(some), many, len(self.labels))

    def _fitting(self, probe: Callable[[], int], size: int, most: int, unit: int) -> int:
        seconds = _seconds(probe)[0]
        room = (self._end - time.monotonic()) / self._left * MARGIN
        return max(unit, min(most, int(room / seconds * size) // unit * unit))

    def _measure(self, what: str, how: str, work: Callable[[], int], asked: int, of: int) -> None:
        seconds, count = _seconds(work)
        if not count:
            raise RuntimeError(f"{how} wrote no tokens")
        self._left -= 1
        print(json.dumps(asdict(Measured(what, how, seconds, count, asked, of))), flush=True)


def _seconds(work: Callable[[], int]) -> tuple[float, int]:
    _wait()
    begun = time.perf_counter()
    count = work()
    _wait()
    return time.perf_counter() - begun, count


def _wait() -> None:
    # Where vLLM computes, this process must not begin with the GPU before vLLM does.
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()


def made(folder: Path) -> Path:
    """A folder with random weights and a tokenizer whose options are single tokens."""
    gpu = torch.cuda.is_available()
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
    torch.set_default_dtype(torch.bfloat16)  # never 28 GB in float32
    with torch.device("cuda" if gpu else "cpu"):
        model = Qwen2ForCausalLM(config)
    model.generation_config.eos_token_id = 2
    model.save_pretrained(out)
    return out


def requests(folder: Path, options: argparse.Namespace) -> tuple[list[GenerateRequest], list[ChooseRequest]]:
    """Prompts of 20 to 300 words, and pairs with sixteen questions each in both orders, pair by pair."""
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
    return asked, labels


class Plain:
    """transformers as its documentation shows it: padded batches as they come, and its continuous batching."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.model: Any = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.bfloat16)
        self.model = self.model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
        self.rows = options.rows
        self.generation = GenerationConfig(
            max_new_tokens=options.tokens, min_new_tokens=options.tokens, do_sample=True, pad_token_id=0, eos_token_id=2
        )

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


def _padded(budget: Budget) -> None:
    plain = Plain(budget.options)
    budget.generate("transformers, padded batches", plain.generate)
    budget.label("transformers, padded batches", plain.label)


def _continuous(budget: Budget) -> None:
    # Never in inference_mode: its own thread then writes nothing, without an error.
    budget.generate("transformers, continuous batching", Plain(budget.options).continuous)


def _ours(budget: Budget) -> None:
    from runtime.engines.transformers import TransformersEngine

    rows = budget.options.rows
    engine = TransformersEngine(
        budget.options.model, device="auto", generate_dtype="bfloat16", label_dtype="bfloat16",
        batch_tokens=rows * 1024, batch_rows=rows,
    )  # fmt: skip
    budget.generate("this engine on transformers", lambda asked: sum(len(c.tokens) for _, c in engine.generate(asked)))
    budget.label("this engine on transformers", lambda labels: len(list(engine.choose(labels))))
    _runtime(budget, engine, "this runtime on transformers")


def _runtime(budget: Budget, engine: Engine, how: str, fresh: Callable[[], object] = lambda: None) -> None:
    """As a run asks: through a ledger, one of its own for each call."""

    def through(ask: Callable[[Worker], T]) -> T:
        with tempfile.TemporaryDirectory() as work, Ledger.open(Path(work) / "ledger.sqlite") as ledger:
            return ask(Worker(engine, ledger, SilentProgress()))

    def generate(asked: Sequence[GenerateRequest]) -> int:
        return through(lambda worker: sum(len(a.value.tokens) for a in worker.generate(asked, "generate")))

    def label(labels: Sequence[ChooseRequest]) -> int:
        return through(lambda worker: sum(1 for _ in worker.choose(labels, "label")))

    budget.generate(how, generate, fresh=fresh)
    budget.label(how, label, fresh=fresh)


def _vllm(budget: Budget) -> None:
    for name, value in _on_a_cpu().items():
        os.environ.setdefault(name, value)
    from vllm import LLM, SamplingParams

    options = budget.options
    # As this engine does there: a prompt in two parts would need dice that a CPU does not have.
    on_a_cpu = {"enforce_eager": True, "block_size": 32, "enable_chunked_prefill": False}
    more: dict[str, Any] = {} if torch.cuda.is_available() else on_a_cpu
    llm = LLM(
        str(options.model), dtype="bfloat16", max_model_len=CONTEXT_MAX, enable_prefix_caching=True, seed=0, **more
    )

    def ask(prompts: Sequence[tuple[int, ...]], params: Any) -> list[Any]:  # noqa: ANN401 - vLLM is untyped here
        return list(llm.generate([{"prompt_token_ids": list(p)} for p in prompts], params, use_tqdm=False))

    def generate(asked: Sequence[GenerateRequest]) -> int:
        params = [
            SamplingParams(max_tokens=options.tokens, temperature=1, seed=r.seed, ignore_eos=True, detokenize=False)
            for r in asked
        ]
        return sum(len(done.outputs[0].token_ids) for done in ask([r.tokens for r in asked], params))

    def label(labels: Sequence[ChooseRequest]) -> int:
        options_ = list(labels[0].options)
        params = SamplingParams(max_tokens=1, temperature=0, logprob_token_ids=options_, detokenize=False)
        return len(ask([r.tokens for r in labels], params))

    budget.generate("vLLM alone", generate, fresh=llm.reset_prefix_cache)
    budget.label("vLLM alone", label, fresh=llm.reset_prefix_cache)


def _vllm_ours(budget: Budget) -> None:
    for name, value in _on_a_cpu().items():
        os.environ.setdefault(name, value)
    from runtime.engines.vllm import VllmEngine
    from runtime.engines.vllm_process import hold

    engine = VllmEngine(
        budget.options.model, generate_dtype="bfloat16", label_dtype="bfloat16",
        settings=VllmConfig(context_max=CONTEXT_MAX),
    )  # fmt: skip
    _runtime(budget, engine, "this runtime on vLLM", lambda: hold(engine._load("bfloat16")).reset_prefix_cache())  # noqa: SLF001
    engine.close()


def _on_a_cpu() -> dict[str, str]:
    if torch.cuda.is_available():
        return {}
    return {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_CPU_OMP_THREADS_BIND": "nobind", "VLLM_CPU_KVCACHE_SPACE": "1"}


WAYS = {
    "transformers-padded": Way(2, _padded),
    "transformers-ours": Way(4, _ours),
    "vllm-alone": Way(2, _vllm),
    "vllm-ours": Way(2, _vllm_ours),
    # Last: it is the youngest, and what it does not use of its share nobody else can.
    "transformers-continuous": Way(1, _continuous),
}
