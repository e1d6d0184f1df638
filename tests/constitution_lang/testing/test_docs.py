"""What docs/testing.md shows holds in the constitution that ships."""

from __future__ import annotations

import re
from pathlib import Path

from constitution_lang.compile import compile_text
from constitution_lang.source import Source
from constitution_lang.syntax import nodes, to_text
from constitution_lang.syntax.from_text import parse
from constitution_lang.testing.run import run_tests

ROOT = Path(__file__).parents[3]
EXAMPLES = re.findall(r"```const\n(.*?)```", (ROOT / "docs" / "testing.md").read_text(encoding="utf-8"), re.DOTALL)
HOUSE = (ROOT / "constitutions" / "house-assistant" / "house-assistant.const").read_text(encoding="utf-8")


def test_the_examples_hold_and_are_formatted() -> None:
    assert len(EXAMPLES) == 3
    text = HOUSE + "\n" + "\n".join(EXAMPLES)
    bundle = compile_text(text).bundle
    assert bundle is not None
    assert len(bundle.model_tests) == 1
    tree, _ = parse(Source("docs.const", "\n".join(EXAMPLES)))
    run = run_tests(bundle, [tree])
    assert len(run.expected) >= 9
    assert run.failed == ()
    assert to_text.format(tree) == "\n".join(EXAMPLES)


def test_every_kind_of_expectation_is_explained() -> None:
    page = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?) \|", page, re.MULTILINE)
    kinds = set()
    for row in rows:
        for example in re.findall(r"`([^`]+)`", row):
            tree, found = parse(Source("t.const", f'test "t"\n  case\n  expect {example}\n'))
            assert found == ()
            (block,) = tree.blocks
            assert isinstance(block, nodes.TestBlock)
            kinds.add(type(block.cases[0][1][0]))
    assert kinds == set(nodes.Expect.__args__)
