"""What the checks find: each mistake once, at its place, and no consequence of it."""

from __future__ import annotations

import pytest

from constitution_lang.diagnostics.model import Severity
from tests.constitution_lang.texts import ATTRIBUTES, BASE, CATEGORIES, HEAD, PRINCIPLES, WHOLE, compiled, found_in


def principle(id: str, *lines: str) -> str:
    return "\n".join((f'\nprinciple {id} "Title"', *(f"  {line}" for line in lines), "  statement:", "    Do so.\n"))


def tension(id: str, sides: str, *rules: str) -> str:
    return "\n".join((f"\ntension {id}", f"  between {sides}", *(f"  {rule}" for rule in rules), ""))


def attribute(values: str, default: str) -> str:
    return f'\nattribute size "How big?"\n  {values}\n  default: {default}\n'


ONE_MISTAKE = {
    "unknown attribute": (principle("harm.a", "applies when severty is grave"), ["E201 severty"]),
    "unknown value": (principle("harm.a", "applies when severity is graev"), ["E201 graev"]),
    "unknown side": (tension("t", "harm and autnomy", "otherwise: prefer harm"), ["E201 autnomy"]),
    "unknown target of an example": (
        "\nexample harm.weapon\n  prompt:\n    P\n  response:\n    R\n  critique:\n    C\n  revision:\n    V\n",
        ["E201 harm.weapon"],
    ),
    "unknown template": ('\ntemplate citique from "c.j2"\n', ["E201 citique"]),
    "unknown side in a test": ('\ntest "t"\n  case\n  expect harm over autonmy\n', ["E201 autonmy"]),
    "unknown value in a test": ('\ntest "t"\n  case severity grav\n  expect harm over autonomy\n', ["E201 grav"]),
    "unknown side that is preferred": (
        tension("t", "harm and autnomy", "otherwise: prefer autonomy"),
        ["E201 autnomy"],
    ),
    "mistakes of a block that is there twice": (
        principle("harm.weapons", "applies when topic is medcal", "weight: 0"),
        ["E202 harm.weapons", "E201 medcal", "E305 0"],
    ),
    "tension twice": (
        tension("t", "harm and autonomy", "otherwise: prefer harm")
        + tension("t", "harm.weapons and autonomy", "otherwise: prefer honesty"),
        ["E202 t", "E501 honesty"],
    ),
    "attribute twice in a case": (
        '\ntest "t"\n  case severity grave, severity none\n  expect harm over autonomy\n',
        ["E302 severity"],
    ),
    "principle twice": (principle("harm.weapons"), ["E202 harm.weapons"]),
    "category twice": ('\ncategory harm "Again"\n', ["E202 harm"]),
    "sampling twice": (
        "\nsampling revision\n  rounds: 1\n\nsampling revision\n  rounds: 2\n",
        ["E202 revision"],
    ),
    "no category": (principle("ham.a"), ["E203 ham"]),
    "no dot": (principle("a"), ["E203 a"]),
    "retired id comes back": ("\nretired principle harm.weapons since 0.9.0\n", ["E204 harm.weapons"]),
    "former id in use": (principle("harm.a", "formerly: harm.weapons"), ["E204 harm.weapons"]),
    "former id retired": (
        principle("harm.a", "formerly: harm.b") + "\nretired principle harm.b since 0.9.0\n",
        ["E204 harm.b"],
    ),
    "former id claimed twice": (
        principle("harm.a", "formerly: harm.c") + principle("harm.b", "formerly: harm.c"),
        ["E204 harm.c"],
    ),
    "retired in the future": ("\nretired principle harm.a since 2.0.0\n", ["E305 2.0.0"]),
    "replaced by nothing": ("\nretired principle harm.a since 0.9.0 replaced by harm.b\n", ["E201 harm.b"]),
    "no such file": ("\nuse ./cases\n", ["E205 ./cases"]),
    "no such library file": ("\nuse std/case\n", ["E205 std/case"]),
    "outside": ("\nuse ../cases\n", ["E207 ../cases"]),
    "weight of zero": (principle("harm.a", "weight: 0"), ["E305 0"]),
    "negative weight": (principle("harm.a", "weight: -1"), ["E305 -1"]),
    "share above all": (principle("harm.a", "share: at least 120%"), ["E305 at least 120%"]),
    "share upside down": (principle("harm.a", "share: 40% to 5%"), ["E305 40% to 5%"]),
    "one value": (attribute("one of: big", "big"), ["E306 one of"]),
    "value twice": (attribute("one of: big, big", "big"), ["E306 big"]),
    "no values": ('\nattribute size "How big?"\n  default: big\n', ["E110 attribute size"]),
    "no statement": ('\nprinciple harm.a "Title"\n  weight: 2\n', ["E110 principle harm.a"]),
    "default": (attribute("levels: big < bigger", "small"), ["E307 small"]),
    "order": (principle("harm.a", "applies when topic >= medical"), ["E308 topic >= medical"]),
    "draws": ("\nsampling preference\n  draw: 3\n", ["E309 3"]),
    "no rounds": ("\nsampling revision\n  rounds: 0\n", ["E305 0"]),
    "decided": ("\nsampling preference\n  decided: 50%\n", ["E305 50%"]),
    "clamp": ("\nsampling preference\n  clamp: 55% to 60%\n", ["E305 55% to 60%"]),
    "never decided": (
        "\nsampling preference\n  reasoning: yes\n  decided: 80%\n",
        ["A501 autonomy", "W504 80%"],
    ),
    "prefer": (tension("t", "harm and autonomy", "otherwise: prefer honesty"), ["E501 honesty"]),
    "weigh": (tension("t", "harm and autonomy", "otherwise: weigh harm 2, harm 1"), ["E501 weigh harm 2, harm 1"]),
    "weigh nothing": (tension("t", "harm and autonomy", "otherwise: weigh harm 2, autonomy 0"), ["E305 0"]),
    "same pair": (
        tension("t", "harm and autonomy", "otherwise: prefer harm")
        + tension("u", "autonomy and harm", "otherwise: prefer harm"),
        ["E502 u"],
    ),
    "crossing pairs": (
        tension("t", "harm and autonomy.choice", "otherwise: prefer harm")
        + tension("u", "autonomy and harm.weapons", "otherwise: abstain"),
        ["E502 u"],
    ),
    "overlap": (tension("t", "harm and harm.weapons", "otherwise: prefer harm"), ["E503 harm.weapons"]),
    "same side": (tension("t", "harm and harm", "otherwise: prefer harm"), ["E503 harm"]),
    "shadowed": (
        tension(
            "t", "harm and autonomy", "when severity >= minor: prefer harm", "when severity is grave: abstain",
            "otherwise: abstain",
        ),
        ["W501 when severity is grave: abstain"],
    ),
    "same condition": (
        tension(
            "t", "harm and autonomy", "when severity is grave: prefer harm", "when severity is grave: abstain",
            "otherwise: abstain",
        ),
        ["W501 when severity is grave: abstain"],
    ),
    "never true": (
        principle("harm.a", "applies when severity is grave and severity is none"),
        ["A501 autonomy", "W502 severity is grave and severity is none"],
    ),
    "specific tension": (
        principle("harm.a")
        + tension("t", "harm and autonomy", "otherwise: prefer harm")
        + tension("u", "harm.weapons and autonomy", "otherwise: prefer autonomy"),
        ["W503 u"],
    ),
    "tension whose pairs another takes": (
        tension("t", "harm and autonomy", "otherwise: prefer harm")
        + tension("u", "harm.weapons and autonomy", "otherwise: prefer harm.weapons"),
        ["W505 t"],
    ),
    "tension with an empty category": (
        '\ncategory truth "Truth"\n' + tension("t", "harm and truth", "otherwise: prefer harm")
        + tension("u", "harm and autonomy", "otherwise: prefer harm"),
        ["W505 t"],
    ),
    "example lacks a field": (
        "\nexample revision\n  prompt:\n    P\n  response:\n    R\n  revision:\n    V\n",
        ["E410 example revision"],
    ),
    "example of a pair lacks reasoning": (
        ("\nsampling preference\n  reasoning: yes\n\nexample preference\n  prompt:\n    P\n  response_a:\n    A\n"
        "  response_b:\n    B\n  answer: A\n"),
        ["E410 example preference"],
    ),
    "example of the other stage": (
        ("\nexample revision\n  prompt:\n    P\n  response:\n    R\n  critique:\n    C\n  revision:\n    V\n"
        "  response_a:\n    A\n"),
        ["E410 response_a"],
    ),
    "share of a principle": (
        principle("harm.a", "weight: 9", "share: at least 70%"),
        ["A501 autonomy", "E506 at least 70%"],
    ),
    "share of a category in one case": (
        "\n" + CATEGORIES.replace("harm", "care").replace("autonomy", "calm").replace("weight: 3", "share: at most 20%")
        + principle("care.a", "applies when topic is medical") + principle("calm.a"),
        ["A501 autonomy"],
    ),
    "no such rule": (
        tension("t", "harm and autonomy", "otherwise: prefer harm") + '\ntest "t"\n  case\n  expect rule 2 of t\n',
        ["E305 2"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ONE_MISTAKE)
def test_one_mistake_is_told_once_at_its_place(name: str) -> None:
    blocks, expected = ONE_MISTAKE[name]
    compilation = compiled(BASE + blocks)
    assert found_in(compilation) == expected
    is_error = any(finding.severity is Severity.ERROR for finding in compilation.diagnostics)
    assert (compilation.bundle is None) is is_error
    assert all(finding.help for finding in compilation.diagnostics)


def test_did_you_mean() -> None:
    [finding] = compiled(BASE + principle("harm.a", "applies when severty is grave")).diagnostics
    assert finding.help == "did you mean `severity`?"


def test_a_clash_shows_both_places() -> None:
    text = BASE + principle("harm.weapons")
    [finding] = compiled(text).diagnostics
    assert [at.span.start for at in finding.secondary] == [text.index("harm.weapons")]
    assert finding.primary.span.start == text.rindex("harm.weapons")


def test_all_mistakes_of_all_files_in_one_run() -> None:
    text = BASE + "\nuse ./more\n" + principle("harm.a", "weight: 0", "applies when size is big")
    more = principle("harm.b", "weight: 0") + '\nattribute severity "Again?"\n  levels: a < b\n  default: c\n'
    compilation = compiled(text, {"more.const": more})
    assert found_in(compilation) == ["E305 0", "E201 size", "E305 0", "E202 severity", "E307 c"]


def test_what_follows_from_a_broken_block_is_not_told() -> None:
    broken = '\ncategory honesty "Honesty"\n  weight: much more\n'
    uses = principle("honesty.a") + tension("t", "harm and honesty", "otherwise: prefer honesty")
    codes = [finding.code for finding in compiled(BASE + broken + uses).diagnostics]
    assert codes
    assert all(code.startswith("E1") for code in codes)


def test_a_broken_attribute_is_told_once() -> None:
    text = BASE + attribute("one of: big", "big") + principle("harm.a", "applies when size is small")
    assert found_in(compiled(text)) == ["E306 one of"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CATEGORIES + PRINCIPLES, ["E208", "E209"]),
        ("edition 2026\n" + CATEGORIES + PRINCIPLES, ["E208"]),
        (HEAD, ["E304"]),
        (HEAD.replace("2026", "1984") + CATEGORIES + PRINCIPLES, ["E209"]),
        ("", ["E208", "E209"]),
    ],
)
def test_the_root_says_what_it_is(text: str, expected: list[str]) -> None:
    assert [finding.code for finding in compiled(text).diagnostics] == expected


def test_a_used_file_is_no_constitution() -> None:
    assert found_in(compiled(BASE + "\nuse ./b\n", {"b.const": HEAD})) == [f"E208 {HEAD.splitlines()[1]}"]


def test_a_circle_of_files_is_shown_as_a_path() -> None:
    files = {"b.const": "use ./c\n", "c.const": "use ./b\n"}
    [finding] = compiled(BASE + "\nuse ./b\n", files).diagnostics
    assert finding.code == "E206"
    assert finding.message.endswith("b.const → c.const → b.const")
    assert [(at.span.file, at.text) for at in finding.secondary] == [("b.const", "`c.const` is used here")]


def test_a_file_may_be_used_twice_and_names_are_relative_to_it() -> None:
    files = {
        "deep/b.const": "use ./c\nuse ../d\n",
        "deep/c.const": principle("harm.c"),
        "d.const": principle("harm.d"),
    }
    compilation = compiled(BASE + "\nuse ./deep/b\nuse ./deep/c\n", files)
    assert found_in(compilation) == ["A501 autonomy"]
    assert compilation.bundle is not None
    assert [p.id for p in compilation.bundle.principles] == ["autonomy.choice", "harm.c", "harm.d", "harm.weapons"]
    assert [s.name for s in compilation.bundle.sources] == [
        "constitution.const",
        "d.const",
        "deep/b.const",
        "deep/c.const",
    ]


def test_the_standard_library_can_be_used() -> None:
    text = HEAD + "\nuse std/cases\nuse std/categories\n" + principle("harm.a", "applies when severity >= serious")
    compilation = compiled(text)
    assert found_in(compilation) == []


def test_preferences_in_a_circle_come_with_a_case() -> None:
    circle = (
        '\ncategory honesty "Honesty"\n'
        + principle("honesty.a")
        + tension("one", "harm and autonomy", "otherwise: prefer harm")
        + tension("two", "autonomy and honesty", "otherwise: prefer autonomy")
        + tension("three", "harm and honesty", "when severity is grave: prefer honesty", "otherwise: prefer harm")
    )
    [finding] = compiled(BASE + circle).diagnostics
    assert finding.code == "E505"
    assert "where severity is grave" in finding.message
    assert finding.help == "change one of these for `case severity grave`"
    assert len(finding.secondary) == 2


def test_a_circle_that_no_case_draws_is_none() -> None:
    circle = (
        '\ncategory honesty "Honesty"\n'
        + principle("honesty.a", "applies when severity is none")
        + tension("one", "harm and autonomy", "otherwise: prefer harm")
        + tension("two", "autonomy and honesty", "otherwise: prefer autonomy")
        + tension("three", "harm and honesty", "when severity is grave: prefer honesty", "otherwise: prefer harm")
    )
    assert found_in(compiled(BASE + circle)) == ["W501 when severity is grave: prefer honesty"]


def test_a_principle_that_yields_to_too_many_sides() -> None:
    names = [f"c{i}" for i in range(7)]
    blocks = "".join(
        f'\ncategory {name} "{name}"\n{principle(f"{name}.a")}'
        f'\nattribute {name} "?"\n  one of: yes, no\n  default: no\n'
        + tension(
            f"t-{name}", f"{name} and harm", f"when {name} is yes: prefer {name}", f"otherwise: weigh {name} 1, harm 1"
        )
        for name in names
    )
    told = found_in(compiled(BASE + blocks))
    assert [finding for finding in told if not finding.startswith("A501")] == ["E411 harm.weapons"]


def test_bytes_that_are_not_text() -> None:
    assert [f.code for f in compiled(WHOLE + "# caf\udce9\n").diagnostics] == ["E101"]


def test_a_broken_constitution_line_is_not_told_twice() -> None:
    text = WHOLE.replace("1.0.0", "one")
    codes = [finding.code for finding in compiled(text).diagnostics]
    assert "E208" not in codes
    assert codes


def test_attributes_alone_are_no_constitution() -> None:
    assert [f.code for f in compiled(ATTRIBUTES).diagnostics] == ["E208", "E209"]


def test_a_share_that_fails_in_some_case_comes_with_it() -> None:
    text = WHOLE.replace("  weight: 3\n", "  weight: 3\n  share: at least 80% in revision\n")
    [finding] = compiled(text).diagnostics
    assert finding.code == "E506"
    assert finding.message == "`harm` has a share of 75.0% where severity is grave"


@pytest.mark.parametrize(
    ("use", "files", "expected"),
    [
        ("use ./more", {}, ["E205"]),
        ("use ../more", {}, ["E207"]),
        ("use ./more", {"more.const": "caf\udce9"}, ["E101"]),
    ],
)
def test_what_a_missing_file_would_declare_is_not_missed(use: str, files: dict[str, str], expected: list[str]) -> None:
    text = (
        HEAD
        + f"\n{use}\n"
        + principle("harm.a", "applies when severity is grave")
        + tension("t", "harm and autonomy", "otherwise: prefer harm")
    )
    assert [finding.code for finding in compiled(text, files).diagnostics] == expected
