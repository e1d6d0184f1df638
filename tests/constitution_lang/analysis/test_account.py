"""The account as people and programs read it."""

from __future__ import annotations

import json

import pytest

from constitution_lang.analysis.account import account
from constitution_lang.cli import main
from constitution_lang.compile import compile_text
from constitution_lang.emit.account import account_text
from constitution_lang.ir.model import ALWAYS, AnyOf, Compare, Prefer
from tests.conftest import BuildBundle

FORTY = "edition 2026\nconstitution big 1.0.0\n" + "".join(
    f'\nattribute a{i} "A?"\n  one of: {", ".join(f"v{n}" for n in range(8))}\n  default: v0\n' for i in range(40)
)
PLAIN = "".join(
    f'\ncategory {c} "C"\n\nprinciple {c}.p "P"\n  statement:\n    Do so.\n' for c in ("harm", "care", "truth")
)
RULES = """
tension one
  between harm and care
  when a1 is v1 or a2 is v2: prefer harm
  when a2 is v2 and a39 is v3: prefer care
  otherwise: prefer harm

tension two
  between care and truth
  otherwise: prefer care

tension three
  between harm and truth
  when a0 is v1 and a5 is v5 and a39 is v7: prefer truth
  otherwise: prefer harm
"""


def test_forty_attributes_of_eight_values() -> None:
    compilation = compile_text(FORTY + PLAIN + RULES)
    assert [f.code for f in compilation.diagnostics] == ["W501", "E505"]
    assert compilation.bundle is None
    assert compilation.draft is not None
    found = account(compilation.draft)
    assert found.cases == 8**40
    assert [rule.cases for rule in found.tensions[0].rules] == [15 * 8**38, 0, 49 * 8**38]
    [circle] = found.circles
    assert circle.case == {"a0": "v1", "a5": "v5", "a39": "v7"}
    assert "no circle of" in account_text(found)


def test_what_is_printed_as_tests_compiles() -> None:
    text = FORTY + PLAIN + RULES.replace("prefer truth", "abstain")
    draft = compile_text(text).draft
    assert draft is not None
    found = account(draft)
    tests = [rule.test for tension in found.tensions for rule in tension.rules]
    assert all(tests)
    pasted = compile_text(text + "\n" + "\n".join(tests))
    assert [f.code for f in pasted.diagnostics] == ["W501"]


def test_the_command(tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    from pathlib import Path

    file = Path(str(tmp_path)) / "big.const"
    file.write_text(FORTY + PLAIN + RULES)
    assert main(["analyze", str(file), "--format", "json"]) == 1
    assert sorted(json.loads(capsys.readouterr().out)["circles"][0]["tensions"]) == ["one", "three", "two"]
    assert main(["analyze", str(file)]) == 1
    assert "decides no case; rule 1 decides before it" in capsys.readouterr().out


def test_forty_attributes_have_exact_shares() -> None:
    text = FORTY + PLAIN.replace('category harm "C"', 'category harm "C"\n  share: at least 25%')
    text += RULES.replace("prefer truth", "weigh harm 1, truth 3").replace("prefer harm", "weigh harm 2, care 1", 1)
    draft = compile_text(text).draft
    assert draft is not None
    found = {share.id: share for share in account(draft).shares}
    assert all(share.exact for share in found.values())
    assert (found["harm"].least, found["harm"].least_case) == (0.2, {"a0": "v1", "a5": "v5", "a39": "v7"})
    assert found["harm"].greatest == 0.5
    assert found["harm"].greatest_case in ({"a1": "v1"}, {"a2": "v2"})
    [test] = found["harm"].broken
    assert test in account_text(account(draft))


def test_counting_is_given_up_where_it_is_too_much(build_bundle: BuildBundle) -> None:
    from constitution_lang.analysis import counts

    odd = AnyOf(tuple(Compare(f"a{i}", ("x",)) for i in range(3)))
    bundle = build_bundle(
        attributes={f"a{i}": ("x", "y") for i in range(3)},
        categories={"h": 1, "c": 1},
        principles={"h.p": 1, "c.p": 1},
        tensions={"t": ("h", "c", [(odd, Prefer("h")), (ALWAYS, Prefer("c"))])},
    )
    assert counts.decided(bundle, bundle.tensions[0]) == (7, 1)
    assert counts.decided(bundle, bundle.tensions[0], nodes_max=4) is None
