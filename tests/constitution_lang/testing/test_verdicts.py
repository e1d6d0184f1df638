"""What each kind of expectation means, one case after the other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution_lang.ir.cases import applicable, cases, decide
from constitution_lang.ir.model import Bundle, Prefer
from constitution_lang.source import Source
from constitution_lang.syntax import nodes
from constitution_lang.syntax.from_text import parse
from constitution_lang.testing.verdicts import Verdict, judge
from tests.constitution_lang.texts import ATTRIBUTES, CATEGORIES, HEAD, bundle_of

TEXT = (
    HEAD
    + ATTRIBUTES
    + CATEGORIES
    + """
category honesty "Honesty"

principle honesty.truth "Truth"
  statement:
    Say what is true.

principle harm.weapons "No weapons"
  statement:
    Give no help with weapons.

principle harm.health "No harm to health"
  applies when topic is medical
  weight: 3
  statement:
    Hurt nobody's health.

principle autonomy.choice "Their choice"
  applies when severity < grave
  statement:
    Respect choices.

tension care
  between harm and autonomy
  when severity is minor: prefer harm
  otherwise: weigh harm 2, autonomy 1

tension health
  between harm.health and autonomy
  when severity is minor: prefer autonomy
  otherwise: abstain
"""
)
BUNDLE = bundle_of(TEXT)


def expectation(text: str) -> nodes.Expect:
    tree, findings = parse(Source("t.const", f'test "t"\n  case\n  expect {text}\n'))
    assert findings == ()
    (block,) = tree.blocks
    assert isinstance(block, nodes.TestBlock)
    return block.cases[0][1][0]


def verdict(case: str, text: str, bundle: Bundle = BUNDLE) -> Verdict:
    pairs = (pair.split() for pair in case.split(", ") if pair)
    return judge(bundle, dict(pairs), expectation(text))


@pytest.mark.parametrize(
    ("case", "expect", "found"),
    [
        # One tension governs every pair that meets.
        ("severity minor", "harm over autonomy", ""),
        ("severity minor", "autonomy over harm", "`care` prefers harm"),
        ("severity minor", "harm.weapons over autonomy.choice", ""),
        ("severity minor", "weigh harm 2, autonomy 1", "`care` prefers harm"),
        ("severity minor", "abstain between harm and autonomy", "`care` prefers harm"),
        ("", "weigh harm 2, autonomy 1", ""),
        ("", "weigh autonomy 1, harm 2", ""),
        ("", "weigh autonomy 2, harm 1", "`care` weighs autonomy 1, harm 2"),
        ("", "weigh harm 4, autonomy 2", "`care` weighs autonomy 1, harm 2"),
        ("", "harm over autonomy", "`care` weighs autonomy 1, harm 2"),
        # A tension about a principle wins for its pairs, so the categories as a whole are not decided one way.
        (
            "severity minor, topic medical",
            "harm over autonomy",
            "`health` prefers autonomy for `autonomy.choice` and `harm.health`",
        ),
        ("severity minor, topic medical", "harm.weapons over autonomy", ""),
        ("severity minor, topic medical", "autonomy over harm.health", ""),
        ("topic medical", "abstain between harm.health and autonomy", ""),
        ("topic medical", "abstain between autonomy and harm.weapons", "`care` weighs autonomy 1, harm 2"),
        # What does not meet is not decided.
        ("severity grave", "harm over autonomy", "no principle of `autonomy` applies"),
        ("severity minor", "harm.health over autonomy", "`harm.health` does not apply"),
        ("severity minor", "harm over honesty", "no tension decides between `harm.weapons` and `honesty.truth`"),
        ("", "harm over harm.weapons", "no two principles of `harm` and `harm.weapons` meet"),
        # Which rule.
        ("severity minor", "rule 1 of care", ""),
        ("severity minor", "rule 2 of care", "rule 1 of `care` decides"),
        ("", "rule 1 of care", "`otherwise` of `care` decides"),
        ("", "rule 2 of care", ""),
        (
            "severity minor",
            "rule 1 of health",
            "`health` is not in play: its two sides have no principles that both apply and that it governs",
        ),
        # Whether it applies.
        ("topic medical", "harm.health applies", ""),
        ("", "harm.health applies", "`harm.health` does not apply"),
        ("", "harm.health does not apply", ""),
        ("topic medical", "harm.health does not apply", "`harm.health` applies"),
        # Shares: harm 3 x 2, autonomy 1 x 1, honesty 1.
        ("", "harm 75% to 75% in revision", ""),
        ("", "harm.weapons at most 75%", ""),
        ("", "harm at least 76% in preference", "its share is 75% in preference"),
        ("", "honesty.truth at most 12%", "its share is 12.5% in revision"),
        ("", "harm.health at most 5%", ""),
        ("", "harm.health at least 5%", "`harm.health` does not apply"),
        ("severity grave", "autonomy at least 5%", "no principle of `autonomy` applies"),
    ],
)
def test_what_an_expectation_means(case: str, expect: str, found: str) -> None:
    assert verdict(case, expect).found == found


def test_what_a_verdict_looked_at() -> None:
    seen = verdict("severity minor, topic medical", "harm over autonomy")
    assert [(d.tension.id, d.index) for d in seen.decisions] == [("care", 0), ("health", 0)]
    assert seen.principles == {"harm.weapons", "harm.health", "autonomy.choice"}
    assert verdict("", "honesty at least 1%").decisions == ()
    assert [d.tension.id for d in verdict("", "harm at least 1%").decisions] == ["care"]
    assert set((verdict("", "harm at least 1% in revision").shares or {}).values()) == {0.75}


@given(st.sampled_from(list(cases(BUNDLE.attributes))), st.permutations(["harm", "autonomy"]))
def test_over_holds_only_where_every_meeting_pair_is_decided_so(case: dict[str, str], sides: list[str]) -> None:
    winner, loser = sides
    here = {p.id for p in applicable(BUNDLE, case)}
    pairs = {(p, q) for p in here for q in here if p.startswith(winner + ".") and q.startswith(loser + ".")}

    def wins(pair: tuple[str, str]) -> bool:
        tension = next(t for t in BUNDLE.tensions if t.id == ("health" if "harm.health" in pair else "care"))
        outcome = decide(tension, case)[1].outcome
        return isinstance(outcome, Prefer) and outcome.side.partition(".")[0] == winner

    assert verdict(", ".join(f"{k} {v}" for k, v in case.items()), f"{winner} over {loser}").holds == (
        bool(pairs) and all(wins(pair) for pair in pairs)
    )
