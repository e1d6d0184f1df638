from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from runtime.engines.batching import Limits, Node, batches, share_prefixes

# Few tokens and long repeats, so that prefixes are shared.
PROMPT = st.lists(st.sampled_from([(1,) * 70, (2,) * 70, (3,), (4, 5)]), min_size=1, max_size=5).map(
    lambda parts: tuple(token for part in parts for token in part)
)
PROMPTS = st.lists(PROMPT, unique=True, max_size=12)


def nodes(node: Node, path: tuple[int, ...] = ()) -> Iterator[tuple[Node, tuple[int, ...]]]:
    """Every node, with the depths above it."""
    yield node, path
    for child in node.children:
        yield from nodes(child, (*path, node.depth))


def members(node: Node) -> list[int]:
    return [leaf for inner, _ in nodes(node) for leaf in inner.leaves]


@given(prompts=PROMPTS, members_min=st.integers(1, 5))
def test_each_prompt_is_one_leaf_under_a_prefix_that_is_its_own(
    prompts: list[tuple[int, ...]], members_min: int
) -> None:
    tree = share_prefixes(prompts, members_min=members_min)
    assert sorted(members(tree)) == list(range(len(prompts)))
    for node, above in nodes(tree):
        inside = [prompts[n] for n in members(node)]
        assert len({prompt[: node.depth] for prompt in inside}) <= 1
        assert all(len(prompt) > node.depth for prompt in inside)
        assert list(above) == sorted(set(above))
        assert not above or (node.depth > above[-1] and len(inside) >= max(2, members_min))


def test_prefixes_nest() -> None:
    examples, pair, other = (1,) * 100, (2,) * 100, (3,) * 100
    prompts = [examples + pair + (n,) for n in range(10, 14)] + [examples + other + (n,) for n in range(10, 14)]
    tree = share_prefixes([*prompts, (9,)])
    assert tree.leaves == (8,)
    (shared,) = tree.children
    assert (shared.depth, shared.leaves) == (100, ())
    assert [(child.depth, child.leaves) for child in shared.children] == [(200, (0, 1, 2, 3)), (200, (4, 5, 6, 7))]


def test_short_prefix_is_not_worth_a_pass() -> None:
    assert share_prefixes([(1, 2, 3), (1, 2, 4)]) == Node(0, (0, 1), ())
    assert share_prefixes([(1,) * 70 + (n,) for n in range(3)], members_min=4) == Node(0, (0, 1, 2), ())


def test_prompt_that_is_a_prefix_of_the_others_keeps_a_token() -> None:
    prompts = [(1,) * 100, (1,) * 101, (1,) * 102]
    assert share_prefixes(prompts) == Node(0, (), (Node(99, (0, 1, 2), ()),))


def test_nothing_to_share() -> None:
    assert share_prefixes([]) == Node(0, (), ())
    assert share_prefixes([(1, 2)]) == Node(0, (0,), ())


@given(
    lengths=st.lists(st.integers(1, 50), max_size=30),
    depth=st.integers(0, 100),
    limits=st.builds(Limits, st.integers(1, 200), st.integers(1, 8)),
)
def test_batches_hold_every_row_within_the_limits(lengths: list[int], depth: int, limits: Limits) -> None:
    made = list(batches(range(len(lengths)), lengths.__getitem__, lambda n: lengths[n] + depth, limits))
    assert sorted(row for batch in made for row in batch) == list(range(len(lengths)))
    for batch in made:
        widest = max(lengths[row] for row in batch)
        assert len(batch) == 1 or len(batch) <= limits.rows
        assert len(batch) == 1 or len(batch) * widest <= limits.tokens
        assert len(batch) == 1 or len(batch) * (widest + depth) <= 4 * limits.tokens
    flat = [lengths[row] for batch in made for row in batch]
    assert flat == sorted(flat, reverse=True)
