"""The formatter's diff is one that `patch` could apply, and that of `difflib` where a file is small."""

import re
from difflib import unified_diff

from hypothesis import given
from hypothesis import strategies as st

from constitution_lang.commands.line_diff import unified

LINES = st.lists(st.sampled_from(["a\n", " a\n", "b  c\n", "\n", "  \n", "d\n"]), max_size=40)
HEAD = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


def formatted(lines: list[str]) -> list[str]:
    return [" ".join(line.split()) + "\n" for line in lines if line.strip()]


def patched(before: list[str], diff: list[str]) -> list[str]:
    made: list[str] = []
    at = 0
    for line in diff[2:]:
        head = HEAD.match(line)
        if head:
            start = int(head[1]) - (head[2] != "0")
            made += before[at:start]
            at = start
        elif line[0] == "+":
            made.append(line[1:])
        else:
            assert before[at] == line[1:]
            made += [line[1:]] if line[0] == " " else []
            at += 1
    return made + before[at:]


@given(LINES, st.integers(1, 20))
def test_the_diff_leads_from_one_to_the_other(lines: list[str], times: int) -> None:
    before = lines * times
    after = formatted(before)
    assert patched(before, list(unified(before, after, "x", "y"))) == after


@given(LINES, LINES)
def test_a_small_diff_is_that_of_difflib(before: list[str], after: list[str]) -> None:
    assert list(unified(before, after, "x", "y")) == list(unified_diff(before, after, "x", "y"))
