"""What the constitutions that ship decide, case by case: their own tests hold, and their tensions agree."""

from itertools import permutations
from pathlib import Path

import pytest

from constitution_lang import cli
from constitution_lang.compile import compile_path
from constitution_lang.ir.cases import cases, decide
from constitution_lang.ir.model import Bundle, Prefer, Stage
from constitution_lang.sampling import shares

CONSTITUTIONS = Path(__file__).resolve().parents[2] / "constitutions"
SHIPPED = sorted(CONSTITUTIONS.glob("*/*.const"))
each = pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)


def bundle_of(path: Path) -> Bundle:
    bundle = compile_path(path).bundle
    assert bundle is not None
    return bundle


@each
def test_its_own_tests_hold(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["test", str(path)]) == 0, capsys.readouterr().out
    line = capsys.readouterr().out
    assert int(line.split(": ")[1].split()[0]) >= 2


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
