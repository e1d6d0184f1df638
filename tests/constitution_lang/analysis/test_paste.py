"""Every printed `test` block compiles, and comes out as the comment above it says."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from constitution_lang.analysis.account import Account, account
from constitution_lang.analysis.circles import circles
from constitution_lang.analysis.paste import FAILS, HOLDS, circle_test
from constitution_lang.analysis.play import Play
from constitution_lang.compile import compile_text
from constitution_lang.emit.account import account_text
from constitution_lang.testing.run import run_tests

CORPUS = Path(__file__).parents[2] / "corpus"
SHIPPED = Path(__file__).parents[3] / "constitutions"
DOCUMENTS = [
    *(CORPUS / "cases").glob("E50[56]*.md"),
    *(CORPUS / "lints").glob("[AW]50*.md"),
]


def blocks_of(found: Account) -> list[str]:
    """All of the account, not only what is printed."""
    tests = [rule.test for tension in found.tensions for rule in tension.rules]
    tests += [tension.test for tension in found.tensions]
    tests += [circle.test for circle in found.circles]
    tests += [test for share in found.shares for test in (*share.tests, *share.broken)]
    tests += [pair.test for pair in (*found.open_pairs, *found.differences)]
    return list(dict.fromkeys(filter(None, tests)))


def come_out_as_said(text: str, blocks: list[str]) -> None:
    pasted = compile_text("\n".join((text, *blocks)))
    assert {f.code for f in pasted.diagnostics} <= {f.code for f in compile_text(text).diagnostics}
    assert pasted.draft is not None
    run = run_tests(pasted.draft, pasted.trees)
    failed = {one.title for one in run.failed}
    said = {block.split('"')[1]: block.splitlines()[0] for block in blocks}
    assert len(said) == len(blocks)
    assert said.keys() <= {one.title for one in run.expected}
    for title, comment in said.items():
        assert comment == (FAILS if title in failed else HOLDS), title


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_of_findings(document: Path) -> None:
    text = document.read_text(encoding="utf-8").split("```const\n")[1].split("```")[0]
    found = compile_text(text).diagnostics
    tests = [finding.test for finding in found if finding.test]
    printed = {"E505", "E506", "W501", "W503", "A501", "A502"}
    without = ("makes its condition true", "more circles than")
    assert all(
        finding.test or any(words in finding.message for words in without)
        for finding in found
        if finding.code in printed
    )
    come_out_as_said(text, list(dict.fromkeys(tests)))


CIRCLE = """edition 2026
constitution round 1.0.0

category a "A"

category b "B"

category c "C"

principle a.p "A"
  statement:
    A.

principle b.p "B"
  statement:
    B.

principle c.p "C"
  statement:
    C.

tension ab
  between a and b
  otherwise: prefer a

tension bc
  between b and c
  otherwise: prefer b

tension ca
  between c and a
  otherwise: prefer c
"""


@pytest.mark.parametrize(("id", "was", "becomes"), [("ab", "a", "b"), ("bc", "b", "c"), ("ca", "c", "a")])
def test_of_a_circle_in_each_way_it_can_be_mended(id: str, was: str, becomes: str) -> None:
    draft = compile_text(CIRCLE).draft
    assert draft is not None
    play = Play(draft)
    [circle] = circles(play)[0]
    blocks = [circle_test(play, circle, at) for at in range(3)]
    assert circle_test(play, circle) == blocks[-1]
    come_out_as_said(CIRCLE, blocks[-1:])
    mended = CIRCLE.replace(f"otherwise: prefer {was}\n", f"otherwise: prefer {becomes}\n")
    holding = []
    for block in blocks:
        pasted = compile_text(f"{mended}\n{block}")
        assert not pasted.diagnostics
        assert pasted.draft is not None
        if not run_tests(pasted.draft, pasted.trees).failed:
            holding.append(block)
    [right] = holding
    assert f"# One way out of 3: `{id}` turns here, to `{becomes} over {was}`." in right
    if right != blocks[-1]:  # what the comment says to do where another tension is mended
        assert f"`{id}` to `{becomes} over {was}`" in blocks[-1]
        last = circle.steps[-1]
        assert f"turn this line back to `{last.winner} over {last.loser}`" in blocks[-1]
        turned = blocks[-1].replace(
            f"expect {last.loser} over {last.winner}", f"expect {last.winner} over {last.loser}"
        )
        turned = turned.replace(f"expect {was} over {becomes}", f"expect {becomes} over {was}")
        assert [x for x in turned.splitlines() if x[0] != "#"] == [x for x in right.splitlines() if x[0] != "#"]


@pytest.mark.parametrize(("line", "weighs"), [("a over b", "ab"), ("b over c", "bc"), ("c over a", "ca")])
def test_of_a_circle_where_a_tension_is_to_weigh_instead(line: str, weighs: str) -> None:
    draft = compile_text(CIRCLE).draft
    assert draft is not None
    play = Play(draft)
    block = circle_test(play, circles(play)[0][0])
    assert "Of a tension that is to weigh or abstain here leave the line out instead." in block
    back = block.replace("expect a over c", "expect c over a")
    assert back.count(f"  expect {line}\n") == 1
    one, other = weighs
    mended = CIRCLE.replace(
        f"between {one} and {other}\n  otherwise: prefer {one}", f"between {one} and {other}\n  otherwise: abstain"
    )
    assert mended != CIRCLE
    pasted = compile_text(mended + "\n" + back.replace(f"  expect {line}\n", ""))
    assert pasted.draft is not None
    assert not pasted.diagnostics
    assert not run_tests(pasted.draft, pasted.trees).failed


def test_of_a_circle_that_passes_a_tension_twice() -> None:
    """Turned, its line stands there once: two lines against each other would hold in no constitution."""
    principles = "".join(
        f'principle {id} "P"\n  statement:\n    Do.\n\n' for id in ("a.one", "a.two", "b.one", "b.two")
    )
    text = f"""edition 2026
constitution twice 1.0.0

category a "A"

category b "B"

{principles}tension wide
  between a and b
  otherwise: prefer b

tension left
  between a.one and b.two
  otherwise: prefer a.one

tension right
  between a.two and b.one
  otherwise: prefer a.two
"""
    draft = compile_text(text).draft
    assert draft is not None
    play = Play(draft)
    [circle] = circles(play)[0]
    assert [step.tension.id for step in circle.steps] == ["left", "wide", "right", "wide"]
    block = circle_test(play, circle)
    come_out_as_said(text, [block])
    mended = compile_text(text.replace("prefer b\n", "prefer a\n") + "\n" + block)
    assert mended.draft is not None
    assert not run_tests(mended.draft, mended.trees).failed


def test_of_a_circle_where_a_tension_that_is_more_special_decides_otherwise() -> None:
    text = (
        CIRCLE
        + """
principle a.q "Q"
  statement:
    Q.

tension special
  between a.q and b
  otherwise: prefer b
"""
    )
    draft = compile_text(text).draft
    assert draft is not None
    play = Play(draft)
    [circle] = circles(play)[0]
    for at, step in enumerate(circle.steps):
        block = circle_test(play, circle, at)
        come_out_as_said(text, [block])
        was, becomes = one, other = step.tension.id
        rule = f"between {one} and {other}\n  otherwise: prefer "
        mended = compile_text(f"{text.replace(f'{rule}{was}', f'{rule}{becomes}')}\n{block}")
        assert mended.draft is not None
        assert not run_tests(mended.draft, mended.trees).failed
        assert not any(f.code == "E505" for f in mended.diagnostics)


@pytest.mark.parametrize("outcome", ["prefer b", "weigh a 1, b 0.00001", "abstain"])
def test_of_a_rule_that_is_moved_up(outcome: str) -> None:
    attribute = 'attribute bad "Bad?"\n  levels: none < minor < grave\n  default: none\n\ncategory a "A"'
    rules = ["when bad >= minor: prefer a", f"when bad is grave: {outcome}", "otherwise: prefer b"]
    text = CIRCLE.replace('category a "A"', attribute).replace("prefer b\n", "prefer c\n")
    wrong, mended = (
        text.replace("between a and b\n  otherwise: prefer a", "\n  ".join(("between a and b", *lines)))
        for lines in (rules, [rules[1], rules[0], rules[2]])
    )
    [finding] = (f for f in compile_text(wrong).diagnostics if f.code == "W501")
    assert finding.test
    come_out_as_said(wrong, [finding.test])
    pasted = compile_text(f"{mended}\n{finding.test}")
    assert pasted.draft is not None
    assert not run_tests(pasted.draft, pasted.trees).failed


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*/*.const")), ids=lambda path: path.stem)
def test_of_what_is_shipped(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    draft = compile_text(text).draft
    if draft is None:
        pytest.skip("it uses files of its own folder")
    come_out_as_said(text, blocks_of(account(draft)))


@pytest.mark.parametrize("seed", range(12))
def test_of_the_account(seed: int) -> None:
    text = written(Random(seed))  # noqa: S311
    draft = compile_text(text).draft
    assert draft is not None
    found = account(draft)
    blocks = blocks_of(found)
    assert blocks
    come_out_as_said(text, blocks)
    shown = account_text(found)
    wrong = [block for block in blocks if block.startswith(FAILS)]
    assert all(block in shown for block in wrong)


def written(random: Random) -> str:
    """A constitution with about everything wrong that can be."""
    lines = ["edition 2026", "constitution made 1.0.0"]
    for i in range(3):
        lines += [
            "",
            f'attribute a{i} "A?"',
            "  levels: low < middle < high",
            f"  default: {random.choice(('low', 'middle'))}",
        ]
    for c in "fgh":
        lines += ["", f'category {c} "C"', f"  weight: {random.choice((1, 2, 0.3))}"]
        lines += [f"  share: {random.choice(('at least 20%', 'at most 40%', '10% to 70%', 'at most 35% in revision'))}"]
        for n in range(2):
            when = [f"  applies when {condition(random)}"] if random.random() < 0.5 else []
            lines += ["", f'principle {c}.p{n} "P"', *when, f"  weight: {random.choice((1, 2, 0.7))}"]
            lines += ["  statement:", "    Do so."]
    for t, (one, other) in enumerate(random.sample([("f", "g"), ("g", "h"), ("h", "f"), ("f.p0", "g")], 3)):
        lines += ["", f"tension t{t}", f"  between {one} and {other}"]
        for _ in range(2):
            lines += [f"  when {condition(random)}: {outcome(random, one, other)}"]
        lines += [f"  otherwise: {outcome(random, one, other)}"]
    return "\n".join(lines) + "\n"


def condition(random: Random) -> str:
    name, level = f"a{random.randrange(3)}", random.choice(("middle", "high"))
    one = f"{name} {random.choice(('>=', 'is', '<'))} {level}"
    return one if random.random() < 0.6 else f"{one} {random.choice(('and', 'or'))} a{random.randrange(3)} is high"


def outcome(random: Random, one: str, other: str) -> str:
    return random.choice((f"prefer {one}", f"prefer {other}", f"weigh {one} 3, {other} 1", "abstain"))
