"""Each invariant holds for what the compiler makes, and is missed where it is broken."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from constitution_lang.ir.invariants import INVARIANTS, broken_invariants
from constitution_lang.ir.model import Bundle, Compare, Literal, Message, Prefer, Role
from tests.constitution_lang.texts import PAIR, WHOLE, bundle_of


def _first(bundle: Bundle, family: str, **changes: object) -> Bundle:
    node, *others = getattr(bundle, family)
    return replace(bundle, **{family: (replace(node, **changes), *others)})


BREAKS: dict[str, list[Callable[[Bundle], Bundle]]] = {
    "ids_sorted_and_unique": [
        lambda b: replace(b, principles=b.principles[::-1]),
        lambda b: replace(b, categories=(b.categories[0], *b.categories)),
    ],
    "names_resolve": [
        lambda b: _first(b, "principles", category="nowhere"),
        lambda b: _first(b, "principles", applies=Compare("severity", ("huge",))),
        lambda b: _first(b, "tensions", sides=("autonomy", "nowhere")),
        lambda b: _first(b, "prompts", over=("nowhere",)),
    ],
    "tests_resolve": [
        lambda b: _first(b, "model_tests", principle="harm"),
        lambda b: _first(b, "model_tests", at_least=0.3),
    ],
    "numbers_in_bounds": [
        lambda b: _first(b, "categories", weight=0.0),
        lambda b: _first(b, "principles", weight=float("inf")),
        lambda b: replace(b, preference=replace(b.preference, decided=0.5)),
        lambda b: replace(b, revision=replace(b.revision, rounds=0)),
    ],
    "tensions_total": [
        lambda b: _first(b, "tensions", rules=b.tensions[0].rules[:1]),
        lambda b: _first(b, "tensions", sides=b.tensions[0].sides[::-1]),
        lambda b: _first(b, "tensions", rules=(replace(b.tensions[0].rules[1], outcome=Prefer("nowhere")),)),
    ],
    "prompts_well_formed": [
        lambda b: _first(b, "prompts", messages=b.prompts[0].messages * 2),
        lambda b: _first(b, "prompts", options=("A",)),
        lambda b: _first(b, "prompts", messages=(Message(Role.USER, (Literal("a"), Literal("b"))),)),
        lambda b: _first(b, "prompts", messages=(Message(Role.USER, ()),)),
    ],
    "hashes_hold": [
        lambda b: replace(b, meaning_hash=""),
        lambda b: _first(b, "prompts", opening="So: "),
    ],
}


def test_all_are_tried() -> None:
    assert set(BREAKS) == {invariant.__name__ for invariant in INVARIANTS}


@pytest.mark.parametrize(("name", "spoil"), [(name, spoil) for name, spoils in BREAKS.items() for spoil in spoils])
def test_broken(name: str, spoil: Callable[[Bundle], Bundle]) -> None:
    bundle = bundle_of(WHOLE + PAIR)
    assert broken_invariants(bundle) == ()
    assert any(found.startswith(f"{name}: ") for found in broken_invariants(spoil(bundle)))
