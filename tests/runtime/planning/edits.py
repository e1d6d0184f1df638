"""Edits of the small constitution, by kind. Each may follow any others, itself as well, and the text stays valid."""

from __future__ import annotations

import re
from collections.abc import Callable

from hypothesis import strategies as st

from tests.runtime.small_run import CONSTITUTION

Edit = Callable[[str], str]

BASE = CONSTITUTION.replace("  draw: 3\n", "  draw: 2\n").replace(
    'principle autonomy.choice "Their choice"\n',
    'principle autonomy.frank "Frankness"\n  statement:\n    Speak frankly.\n\n'
    'principle autonomy.choice "Their choice"\n',
)
PRINCIPLES = ("harm.weapons", "harm.kindness", "autonomy.choice", "autonomy.frank")


def weighed(principle: str, weight: float) -> Edit:
    block = re.compile(rf"^(principle {re.escape(principle)} .*\n)(?:  weight: .*\n)?", re.MULTILINE)
    return lambda text: block.sub(rf"\g<1>  weight: {weight:g}\n", text)


def category_weighed(weight: float) -> Edit:
    return lambda text: text.replace("  weight: 3\n", f"  weight: {weight:g}\n")


def reworded(words: str) -> Edit:
    return lambda text: text.replace("Let people decide about their own lives.", words)


def outcome(old: str, new: str) -> Edit:
    return lambda text: text.replace(f"severity is {old}: ", f"severity is {new}: ") if old != new else text


def decided(rule: str) -> Edit:
    return lambda text: text.replace("when severity is minor: abstain", f"when severity is minor: {rule}")


def titled(title: str) -> Edit:
    return lambda text: text.replace('"Kindness"', f'"{title}"')


def commented(text: str) -> str:
    return f"# A remark.\n\n{text}"


def moved(text: str) -> str:
    """The blocks in another order: no change of meaning."""
    block = 'principle harm.kindness "Kindness"\n  statement:\n    Be kind.\n\n'
    return text.replace(block, "") + "\n" + block.rstrip() + "\n" if block in text else text


def added(text: str) -> str:
    if "principle harm.care" in text:
        return text
    return text + '\nprinciple harm.care "Care"\n  statement:\n    Take care of the weak.\n'


def retired(text: str) -> str:
    at = text.index("principle autonomy.frank")
    end = text.index("principle autonomy.choice")
    return text[:at] + text[end:] + "\nretired principle autonomy.frank since 1.0.0\n"


def renamed(text: str) -> str:
    if "principle autonomy.frank" not in text:
        return text
    return text.replace("principle autonomy.frank", "principle autonomy.candour").replace(
        '"Frankness"\n', '"Frankness"\n  formerly: autonomy.frank\n'
    )


def rounds(count: int) -> Edit:
    return lambda text: text.replace("  rounds: 2\n", f"  rounds: {count}\n")


def drawn(count: int) -> Edit:
    return lambda text: text.replace("  draw: 2\n  orders", f"  draw: {count}\n  orders")


def narrowed(text: str) -> str:
    return text.replace("applies when severity >= minor", "applies when severity >= grave")


KINDS: dict[str, Edit] = {
    "a weight": weighed("harm.kindness", 1.5),
    "a category's weight": category_weighed(2),
    "a statement": reworded("Let people choose for themselves."),
    "an outcome": decided("prefer autonomy"),
    "a title": titled("Being kind"),
    "a comment": commented,
    "an order of blocks": moved,
    "a principle more": added,
    "a principle less": retired,
    "another name": renamed,
    "more rounds": rounds(3),
    "fewer rounds": rounds(1),
    "more draws": drawn(3),
    "an applicability": narrowed,
}

SOME: st.SearchStrategy[list[Edit]] = st.lists(
    st.one_of(
        st.builds(weighed, st.sampled_from(sorted(PRINCIPLES)), st.sampled_from([0.5, 1.5, 4.0])),
        st.builds(category_weighed, st.sampled_from([1, 2, 5])),
        st.builds(reworded, st.sampled_from(["Let them be.", "Let people choose for themselves."])),
        st.builds(decided, st.sampled_from(["prefer harm", "prefer autonomy", "weigh harm 3, autonomy 1"])),
        st.builds(titled, st.sampled_from(["Being kind", "Warmth"])),
        st.builds(rounds, st.integers(1, 4)),
        st.builds(drawn, st.integers(1, 4)),
        st.sampled_from([commented, moved, added, narrowed, renamed]),
    ),
    min_size=1,
    max_size=3,
)
