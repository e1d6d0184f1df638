"""Option log-probabilities through shared prefixes: a prefix is computed once, for all prompts that begin with it.

The tree of prefixes is walked in fronts: nodes whose prefixes are computed in one pass. A small pass costs a GPU about
as much as a large one, so there a front is as wide as a batch may be. A processor's time goes by the tokens, and what
pads them is lost: there a front is one node.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer

from runtime.engines.arithmetic import only_at
from runtime.engines.base import Choice
from runtime.engines.batching import Limits, Node, batches
from runtime.engines.memory import in_halves

__all__ = ["OptionScores", "selected"]

Tokens = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Front:
    """Nodes, and a row for each in a cache of their prefixes, padded on the right.

    Attributes:
        cache: None where no node has a prefix.
        real: Which places of the cache hold a token, not padding: (nodes, places). None where all do.
    """

    nodes: Sequence[Node]
    cache: DynamicCache | None
    real: torch.Tensor | None

    @property
    def places(self) -> int:
        return 0 if self.cache is None else self.cache.get_seq_length()


class OptionScores:
    """Log-probabilities of options at the ends of prompts.

    Args:
        model: In evaluation mode.
        pad: What stands where a row has no token.
        limits: Bounds of a batch.
        front_rows: Most prefixes that are computed in one pass.
    """

    def __init__(self, model: PreTrainedModel, pad: int, limits: Limits, front_rows: int) -> None:
        self._model = model
        self._pad = pad
        self._limits = limits
        # Padding in the middle of a row is masked, which only plain attention over all places obeys.
        plain = all(type(layer) is DynamicLayer for layer in DynamicCache(config=model.config).layers)
        self._front_limits = replace(limits, rows=min(front_rows, limits.rows) if plain else 1)

    def under(
        self, root: Node, prompts: Sequence[Tokens], wanted: Sequence[Sequence[Tokens]]
    ) -> Iterator[tuple[int, list[Choice]]]:
        """For each prompt of the tree its place in `prompts`, and a choice for each of its tuples of options."""
        yield from self._walk(_Front((root,), None, None), prompts, wanted)

    def _walk(
        self, front: _Front, prompts: Sequence[Tokens], wanted: Sequence[Sequence[Tokens]]
    ) -> Iterator[tuple[int, list[Choice]]]:
        leaves = [(row, leaf) for row, node in enumerate(front.nodes) for leaf in node.leaves]

        def left(n: int) -> int:
            row, leaf = leaves[n]
            return len(prompts[leaf]) - front.nodes[row].depth

        for batch in batches(range(len(leaves)), left, lambda n: front.places + left(n), self._limits):
            for some, choices in in_halves(
                batch, lambda ns: self._score(front, [leaves[n] for n in ns], prompts, wanted)
            ):
                yield from zip((leaves[n][1] for n in some), choices, strict=True)
        children = [(row, child) for row, node in enumerate(front.nodes) for child in node.children]

        def further(n: int) -> int:
            row, child = children[n]
            return child.depth - front.nodes[row].depth

        for batch in batches(range(len(children)), further, lambda n: front.places + further(n), self._front_limits):
            for _, deeper in in_halves(batch, lambda ns: self._deeper(front, [children[n] for n in ns], prompts)):
                yield from self._walk(deeper, prompts, wanted)

    def _score(
        self,
        front: _Front,
        leaves: Sequence[tuple[int, int]],
        prompts: Sequence[Tokens],
        wanted: Sequence[Sequence[Tokens]],
    ) -> list[list[Choice]]:
        """The choices at the end of each prompt, given by the row of its prefix and its own place."""
        suffixes = [prompts[leaf][front.nodes[row].depth :] for row, leaf in leaves]
        ends = torch.tensor([len(suffix) - 1 for suffix in suffixes], device=self._model.device)
        with torch.inference_mode():
            rows = [row for row, _ in leaves]
            with only_at(self._model, ends):
                logits = self._pass(front, rows, suffixes, self._selected(front, rows)).logits
            scores = logits[:, 0].float().log_softmax(-1)
            # One transfer for all rows: on a GPU each waits for all that was asked before.
            columns = max(len(options) for _, leaf in leaves for options in wanted[leaf])
            asked = [[row, *options, *[0] * (columns - len(options))]
                     for row, (_, leaf) in enumerate(leaves) for options in wanted[leaf]]  # fmt: skip
            table = torch.tensor(asked, device=self._model.device)
            found = iter(scores[table[:, :1], table[:, 1:]].tolist())
        return [[Choice(tuple(next(found)[: len(options)])) for options in wanted[leaf]] for _, leaf in leaves]

    def _deeper(self, front: _Front, children: Sequence[tuple[int, Node]], prompts: Sequence[Tokens]) -> _Front:
        """The front of some children of its nodes, given by the rows of their parents and themselves."""
        rows = [row for row, _ in children]
        parts = [prompts[_any_leaf(node)][front.nodes[row].depth : node.depth] for row, node in children]
        width = max(map(len, parts))
        with torch.inference_mode():
            cache = self._selected(front, rows) or DynamicCache(config=self._model.config)
            # Several rows fit into one pass, by the limits; one long row takes more.
            for at in range(0, width, self._limits.tokens):
                slices = [part[at : at + self._limits.tokens] for part in parts]
                self._pass(front, rows, slices, cache, at=at, logits_to_keep=1)
            ends = torch.tensor([[len(part)] for part in parts], device=self._model.device)
            padded = torch.arange(width, device=self._model.device) < ends
            real = torch.cat([self._real(front, rows), padded], dim=1)
        return _Front([node for _, node in children], cache, None if bool(real.all()) else real)

    def _pass(
        self,
        front: _Front,
        rows: Sequence[int],
        parts: Sequence[Tokens],
        cache: DynamicCache | None,
        *,
        at: int = 0,
        **more: int,
    ) -> Any:  # noqa: ANN401 - each architecture has an output class of its own
        """One pass over a part of each row, `at` tokens after its prefix in the front.

        Padding stands on the right, where no token of this pass sees it; later ones see what `real` says.
        """
        device, width = self._model.device, max(map(len, parts))
        depths = [front.nodes[row].depth + at for row in rows]
        # Padding of a row with a long prefix would come to lie past the context, where learned positions end.
        last = max(depth + len(part) for depth, part in zip(depths, parts, strict=True)) - 1
        positions = torch.tensor(depths, device=device)[:, None] + torch.arange(width, device=device)
        mask = None
        if front.real is not None:
            real = self._real(front, rows)
            mask = torch.cat([real, real.new_ones(len(rows), at + width)], dim=1)
        return self._model(
            input_ids=torch.tensor([[*part, *[self._pad] * (width - len(part))] for part in parts], device=device),
            attention_mask=mask,
            position_ids=positions.clamp(max=last),
            past_key_values=cache,
            use_cache=cache is not None,
            **more,
        )

    def _selected(self, front: _Front, rows: Sequence[int]) -> DynamicCache | None:
        return None if front.cache is None else selected(front.cache, rows)

    def _real(self, front: _Front, rows: Sequence[int]) -> torch.Tensor:
        if front.real is None:
            return torch.ones(len(rows), front.places, dtype=torch.bool, device=self._model.device)
        return front.real[list(rows)]


def selected(cache: DynamicCache, rows: Sequence[int]) -> DynamicCache:
    """A cache of some rows of another, each as often as it is named; the other stays as it is."""
    chosen = copy.copy(cache)
    # A layer's tensors are replaced and never written into, so that they can be shared until then.
    chosen.layers = [copy.copy(layer) for layer in cache.layers]
    chosen.batch_select_indices(torch.tensor(rows, device=_device(cache)))
    return chosen


def _device(cache: DynamicCache) -> torch.device:
    device: torch.device = cache.layers[0].keys.device
    return device


def _any_leaf(node: Node) -> int:
    while not node.leaves:
        node = node.children[0]
    return node.leaves[0]
