"""What the constitutions that ship decide, case by case: their own tests hold, and their tensions agree."""

from itertools import permutations
from pathlib import Path

import pytest

from constitution_lang.compile import compile_path
from constitution_lang.ir.cases import applicable, cases, complete, decide
from constitution_lang.ir.model import Abstain, Bundle, Prefer, Stage, Weigh
from constitution_lang.sampling import shares
from constitution_lang.source import Source
from constitution_lang.syntax import nodes
from constitution_lang.syntax.from_text import parse

CONSTITUTIONS = Path(__file__).resolve().parents[2] / "constitutions"
SHIPPED = sorted(CONSTITUTIONS.glob("*/*.const"))
each = pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)


def bundle_of(path: Path) -> Bundle:
    bundle = compile_path(path).bundle
    assert bundle is not None
    return bundle


def share_of(bundle: Bundle, target: str, stage: Stage, case: dict[str, str]) -> float:
    drawn = shares(bundle, stage, case)
    return sum(share for id, share in drawn.items() if target in {id, id.partition(".")[0]})


def holds(bundle: Bundle, case: dict[str, str], expect: nodes.Expect) -> bool:
    """Whether an expectation of the kinds that the shipped files use is met."""

    def outcome(one: str, other: str) -> object:
        (tension,) = [t for t in bundle.tensions if set(t.sides) == {one, other}]
        decided = decide(tension, case)[1].outcome
        if isinstance(decided, Weigh):
            return dict(zip(tension.sides, (decided.first, decided.second), strict=True))
        return decided

    match expect:
        case nodes.ExpectOver(winner, loser):
            return outcome(winner.text, loser.text) == Prefer(winner.text)
        case nodes.ExpectAbstain(sides):
            return outcome(sides[0].text, sides[1].text) == Abstain()
        case nodes.ExpectWeigh(sides):
            return outcome(sides[0][0].text, sides[1][0].text) == {name.text: number.value for name, number in sides}
        case nodes.ExpectApplies(principle, applies):
            return (principle.text in {p.id for p in applicable(bundle, case)}) is applies
        case nodes.ExpectShare(target, bound):
            assert bound.stage is not None
            share = share_of(bundle, target.text, Stage(bound.stage.text), case)
            low = bound.low.value if bound.low else 0.0
            return low <= share <= (bound.high.value if bound.high else 1.0)
    raise AssertionError(expect)


@each
def test_its_own_tests_hold(path: Path) -> None:
    bundle = bundle_of(path)
    tree, _ = parse(Source(path.name, path.read_text(encoding="utf-8")))
    met = 0
    for block in tree.blocks:
        if isinstance(block, nodes.TestBlock):
            for line, expectations in block.cases:
                case = complete(bundle, {name.text: value.text for name, value in line.values})
                for expect in expectations:
                    assert holds(bundle, case, expect), (block.title.value, expect)
                    met += 1
    assert met >= 2


@each
def test_every_rule_decides_some_case(path: Path) -> None:
    bundle = bundle_of(path)
    for tension in bundle.tensions:
        fired = {decide(tension, case)[0] for case in cases(bundle.attributes)}
        assert fired == set(range(len(tension.rules))), tension.id


@each
def test_no_case_has_a_circle_of_preferences(path: Path) -> None:
    bundle = bundle_of(path)
    for case in cases(bundle.attributes):
        over = set()
        for tension in bundle.tensions:
            outcome = decide(tension, case)[1].outcome
            if isinstance(outcome, Prefer):
                (loser,) = set(tension.sides) - {outcome.side}
                over.add((outcome.side, loser))
        orders = permutations({c.id for c in bundle.categories})
        assert any(all(order.index(a) < order.index(b) for a, b in over) for order in orders), case


@each
def test_every_pair_of_values_has_a_tension_and_every_principle_is_drawn_somewhere(path: Path) -> None:
    bundle = bundle_of(path)
    ids = [c.id for c in bundle.categories]
    pairs = {frozenset((a, b)) for a in ids for b in ids if a != b}
    assert {frozenset(t.sides) for t in bundle.tensions} == pairs
    drawn = {id for case in cases(bundle.attributes) for id in shares(bundle, Stage.REVISION, case)}
    assert drawn == {p.id for p in bundle.principles}
    # No case is without enough principles to fill a round, or a pair's votes.
    for case in cases(bundle.attributes):
        assert len(shares(bundle, Stage.REVISION, case)) >= max(bundle.revision.draw, min(bundle.preference.draw, 4))
