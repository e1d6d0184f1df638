"""Files that nobody would write in good faith: each ends in findings that a person can read, and soon."""

import pytest

from constitution_lang.compile import check_source, compile_source
from constitution_lang.diagnostics.render import Format, render
from constitution_lang.loader import package_loader, source_of
from constitution_lang.source import Source
from constitution_lang.syntax.characters import unseen_characters
from constitution_lang.syntax.words import closest

HEAD = 'edition 2026\nconstitution x 1.0.0 "X"\ncategory harm "Harm"\n'
GOOD = HEAD + 'principle harm.a "A"\n  statement:\n    Hurt nobody.\n'


def codes(text: str | bytes) -> list[str]:
    data = text if isinstance(text, bytes) else text.encode()
    return [found.code for found in check_source(source_of("x.const", data), package_loader).diagnostics]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", ["E208", "E209"]),
        (b"\xef\xbb\xbf" + GOOD.encode(), []),
        (GOOD.replace("\n", "\r\n").encode(), []),
        (GOOD.replace("\n", "\r").encode(), ["E102"]),
        (GOOD.encode() + b"\0\n", ["E102"]),
        (GOOD.encode("utf-16"), ["E101"]),
        (b"\xff" * 1_000, ["E101"]),
        (GOOD.encode() + b"# caf\xe9\n", ["E101"]),
        (GOOD.encode() + b"#" * 5_000_000, []),
        (GOOD.encode() + b"\n" * 1_000_000, []),
        (GOOD.encode() + b"z" * 5_000_000, ["E105"]),
        (GOOD.replace("1.0.0", "1" * 10_000 + ".0.0").encode(), ["E106"]),
        (GOOD.replace("2026", "9" * 10_000).encode(), ["E116"]),
    ],
)
def test_files_of_any_kind(data: bytes, expected: list[str]) -> None:
    assert codes(data) == expected


@pytest.mark.parametrize("opening", ["(", "not "])
def test_deep_conditions(opening: str) -> None:
    closing = ")" if opening == "(" else ""
    condition = f"{opening * 20_000}s is a{closing * 20_000}"
    attribute = 'attribute s "S?"\n  one of: a, b\n  default: a\n'
    assert codes(GOOD.replace("  statement", f"  applies when {condition}\n  statement") + attribute) == ["E116"]


@pytest.mark.parametrize("format", list(Format))
def test_a_long_word_is_not_repeated_in_messages(format: Format) -> None:
    compilation = check_source(Source("x.const", GOOD + "z" * 1_000_000 + "\n"), package_loader)
    assert len(render(compilation.diagnostics, compilation.sources, format)) < 5_000


def test_the_nearest_of_very_many_names_is_found() -> None:
    names = [f"harm.number-{i}" for i in range(5_000)]
    assert closest("harm.nmber-4321", names) == "harm.number-4321"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("plain", 0),
        ("\u202eturned\u202c", 1),
        ("\u2066turned\u2069\nand \u2067again\u2069", 2),
        ("wea\u200bpons", 1),
        ("wea\u200dpons", 1),
        ("\u0645\u06cc\u200c\u062e", 0),
        ("\u2764\ufe0f\u200d\U0001f525", 0),
        ("\u05d0 (x\u200e)", 0),
        ("Latin\u200e only", 1),
        ("\u200d", 1),
    ],
)
def test_characters_that_nobody_sees(text: str, told: int) -> None:
    assert len(list(unseen_characters(Source("x", text)))) == told


def test_a_check_says_what_a_compilation_says() -> None:
    for text in (GOOD, HEAD, GOOD.replace("harm.a", "harn.a"), GOOD + 'template critique from "none.j2"\n'):
        source = Source("x.const", text)
        assert check_source(source, package_loader).diagnostics == compile_source(source, package_loader).diagnostics
