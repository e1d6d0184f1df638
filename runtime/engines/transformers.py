"""The engine on transformers: batched generation, and option log-probabilities through shared prefixes.

Generation is a decoding loop of our own: each row draws with its own seed, whatever else is in the batch, and a
finished row leaves the batch at once, which `generate` of the library does not do.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, DynamicCache, PreTrainedModel
from transformers.utils import logging

from runtime.engines.arithmetic import Dtype, faster_dtype
from runtime.engines.base import Choice, ChooseRequest, Completion, EngineError, Finish, GenerateRequest
from runtime.engines.batching import Limits, Node, batches, share_prefixes
from runtime.engines.completions import check_fits, completion, ends_in_plain_form
from runtime.engines.gpu import suit_changing_shapes
from runtime.engines.memory import give_back, in_halves
from runtime.engines.option_scores import OptionScores, selected
from runtime.engines.sampling import draw
from runtime.identity import model_identity
from runtime.prompting import ModelTokenizer

__all__ = ["TransformersEngine"]

_ARITHMETIC = "transformers/2"
"""Changes whenever the same weights would give other completions or other log-probabilities than before."""


_LIMITS = {"cpu": Limits(8192, 16), "cuda": Limits(65_536, 64)}
"""A GPU takes about as long for few rows as for many; what does not fit into its memory is halved."""


class TransformersEngine:
    """A model on this machine.

    Weights are loaded when they are first needed: once for generation and once more for labels where the two are
    computed in different precisions.

    Args:
        folder: The model, as `resolve` gives it.
        device: `auto` takes a GPU where there is one.
        generate_dtype: Precision of generation; `auto` is bfloat16 where the processor computes in it (twice as
            fast, docs/benchmarks.md), else float32. It goes by the kind of processor, not by a measurement,
            since it is part of what a completion is kept under.
        label_dtype: Precision of option log-probabilities. bfloat16 moves them by up to a third.
        batch_tokens: Bound of what is computed at once, padding included; by the device where none is given.
        batch_rows: Most rows of a batch; likewise.
    """

    def __init__(
        self,
        folder: Path,
        *,
        device: Literal["auto", "cpu", "cuda"] = "auto",
        generate_dtype: Literal["auto", "float32", "bfloat16"] = "auto",
        label_dtype: Dtype = "float32",
        batch_tokens: int | None = None,
        batch_rows: int | None = None,
    ) -> None:
        if device == "cuda" and not torch.cuda.is_available():
            raise EngineError("there is no GPU that can be used here", 'write device = "auto" or "cpu" under [engine]')
        chosen = "cuda" if device == "auto" and torch.cuda.is_available() else device
        self._device = torch.device("cpu" if chosen == "auto" else chosen)
        self._folder = folder
        self._generate_dtype: Dtype = faster_dtype(self._device) if generate_dtype == "auto" else generate_dtype
        self._label_dtype: Dtype = label_dtype
        if self._device.type == "cuda":
            suit_changing_shapes()
        usual = _LIMITS[self._device.type]
        self._limits = Limits(batch_tokens or usual.tokens, batch_rows or usual.rows)
        # A processor's time goes by the tokens, and prefixes side by side would be padded.
        self._front_rows = 1 if self._device.type == "cpu" else self._limits.rows
        self._models: dict[Dtype, PreTrainedModel] = {}
        self._tokenizer = ModelTokenizer(folder)
        try:
            weights = model_identity(folder)
        except FileNotFoundError as e:
            raise EngineError(str(e), "name a folder of safetensors") from e
        self._model = f"{weights}:generate={self._generate_dtype}:label={label_dtype}:{_ARITHMETIC}"

    @property
    def generate_dtype(self) -> Dtype:
        """The precision of generation, chosen where the run file leaves it open."""
        return self._generate_dtype

    @property
    def model(self) -> str:
        """Identity of the weights, both precisions, and the way of computing."""
        return self._model

    @property
    def tokenizer(self) -> ModelTokenizer:
        """The model's own."""
        return self._tokenizer

    def close(self) -> None:
        """Give back the memory."""
        self._models.clear()
        give_back()

    # --- generation -----------------------------------------------------------------------------

    def generate(self, requests: Sequence[GenerateRequest]) -> Iterator[tuple[int, Completion]]:
        """Draw a completion for every request; batches come as they are done."""
        for request in requests:
            check_fits(self._tokenizer.context_max, len(request.tokens), request.decoding.tokens_max)
        places: dict[tuple[int, ...], list[int]] = {}
        for index, request in enumerate(requests):
            places.setdefault(request.tokens, []).append(index)
        prompts = list(places)
        # A prefix of its own is worth it only where it fills a batch: decoding few rows at once is slow.
        tree = share_prefixes(prompts, members_min=self._limits.rows)
        yield from self._generate_under(tree, None, prompts, places, requests)

    def _generate_under(
        self,
        node: Node,
        cache: DynamicCache | None,
        prompts: Sequence[tuple[int, ...]],
        places: dict[tuple[int, ...], list[int]],
        requests: Sequence[GenerateRequest],
    ) -> Iterator[tuple[int, Completion]]:
        def length(row: int) -> int:
            return len(requests[row].tokens)

        rows = [row for leaf in node.leaves for row in places[prompts[leaf]]]
        for batch in batches(
            rows,
            lambda row: length(row) - node.depth,
            lambda row: length(row) + requests[row].decoding.tokens_max,
            self._limits,
        ):
            for some, completions in in_halves(
                batch, lambda rows: self._decode([requests[row] for row in rows], node.depth, cache)
            ):
                yield from zip(some, completions, strict=True)
        for child in node.children:
            deeper = self._extend(cache, prompts[_any_leaf(child)], node.depth, child.depth)
            yield from self._generate_under(child, deeper, prompts, places, requests)

    def _decode(self, requests: Sequence[GenerateRequest], depth: int, prefix: DynamicCache | None) -> list[Completion]:
        """Completions of one batch, whose first `depth` tokens are in `prefix`."""
        model = self._loaded(self._generate_dtype)
        stops = self._tokenizer.stops
        dice = [random.Random(request.seed) for request in requests]  # noqa: S311  # drawing, not secrets
        drawn: list[list[int]] = [[] for _ in requests]
        finish = [Finish.LENGTH] * len(requests)
        with torch.inference_mode():
            ids, mask = self._padded_left([request.tokens[depth:] for request in requests], depth)
            positions = (mask.cumsum(-1) - 1).clamp(min=0)[:, depth:]
            cache = selected(prefix, [0] * len(requests)) if prefix is not None else DynamicCache(config=model.config)
            rows = list(range(len(requests)))
            while True:
                out = model(
                    input_ids=ids,
                    attention_mask=mask,
                    position_ids=positions,
                    past_key_values=cache,
                    use_cache=True,
                    logits_to_keep=1,
                )
                chosen = draw(out.logits[:, -1], [requests[row] for row in rows], [dice[row] for row in rows])
                kept = []
                for place, (row, token) in enumerate(zip(rows, chosen, strict=True)):
                    if token in stops:
                        finish[row] = Finish.STOP
                        continue
                    drawn[row].append(token)
                    if ends_in_plain_form(self._tokenizer, drawn[row]):
                        finish[row] = Finish.STOP
                    elif len(drawn[row]) < requests[row].decoding.tokens_max:
                        kept.append(place)
                if not kept:
                    break
                if len(kept) < len(rows):
                    index = torch.tensor(kept, device=self._device)
                    cache.batch_select_indices(index)
                    mask, positions = mask[index], positions[index]
                    rows, chosen = [rows[place] for place in kept], [chosen[place] for place in kept]
                ids = torch.tensor(chosen, device=self._device)[:, None]
                mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)
                positions = positions[:, -1:] + 1
        return [completion(self._tokenizer, tokens, end) for tokens, end in zip(drawn, finish, strict=True)]

    # --- options --------------------------------------------------------------------------------

    def choose(self, requests: Sequence[ChooseRequest]) -> Iterator[tuple[int, Choice]]:
        """Log-probabilities of the options; what shares a prefix is computed together, equal prompts once."""
        for request in requests:
            check_fits(self._tokenizer.context_max, len(request.tokens), 1)
        places: dict[tuple[int, ...], list[int]] = {}
        for index, request in enumerate(requests):
            places.setdefault(request.tokens, []).append(index)
        prompts = list(places)
        wanted = [[requests[index].options for index in places[prompt]] for prompt in prompts]
        scores = OptionScores(
            self._loaded(self._label_dtype), self._tokenizer.pad, self._limits, front_rows=self._front_rows
        )
        for leaf, choices in scores.under(share_prefixes(prompts), prompts, wanted):
            yield from zip(places[prompts[leaf]], choices, strict=True)

    # --- both -----------------------------------------------------------------------------------

    def _extend(self, cache: DynamicCache | None, prompt: tuple[int, ...], start: int, end: int) -> DynamicCache:
        """A cache of the prompt's first `end` tokens, from one of its first `start`, which stays as it is."""
        model = self._loaded(self._generate_dtype)
        with torch.inference_mode():
            deeper = selected(cache, [0]) if cache is not None else DynamicCache(config=model.config)
            for at in range(start, end, self._limits.tokens):
                part = prompt[at : min(end, at + self._limits.tokens)]
                model(
                    input_ids=torch.tensor([part], device=self._device),
                    position_ids=torch.arange(at, at + len(part), device=self._device)[None],
                    past_key_values=deeper,
                    use_cache=True,
                    logits_to_keep=1,
                )
        return deeper

    def _padded_left(self, rows: Sequence[tuple[int, ...]], depth: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids padded on the left, and the mask of prefix and ids: the prefix is real in every row."""
        width = max(len(row) for row in rows)
        pad = self._tokenizer.pad
        ids = [[*[pad] * (width - len(row)), *row] for row in rows]
        mask = [[*[1] * depth, *[0] * (width - len(row)), *[1] * len(row)] for row in rows]
        return torch.tensor(ids, device=self._device), torch.tensor(mask, device=self._device)

    def _loaded(self, dtype: Dtype) -> PreTrainedModel:
        model = self._models.get(dtype)
        if model is None:
            try:
                with _no_bars():
                    model = AutoModelForCausalLM.from_pretrained(
                        self._folder, dtype=getattr(torch, dtype), local_files_only=True
                    )
            except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as e:
                reason = str(e).strip().partition("\n")[0] or type(e).__name__
                raise EngineError(
                    f"the model in {self._folder} cannot be loaded: {reason}",
                    "check that the folder is whole, and that transformers knows this architecture",
                ) from e
            model = model.to(self._device).eval()
            self._models[dtype] = model
        return model


@contextmanager
def _no_bars() -> Iterator[None]:
    """The run has progress bars of its own."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _any_leaf(node: Node) -> int:
    while not node.leaves:
        node = node.children[0]
    return node.leaves[0]
