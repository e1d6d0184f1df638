from __future__ import annotations

import json

import pytest

from runtime.ledger.store import Ledger
from runtime.records import (
    Comparison,
    Draw,
    Label,
    LabelOutcome,
    LabelSource,
    PreferenceRow,
    PromptRecord,
    Revision,
    SftRow,
    SftSource,
)
from runtime.report.explain import ExplainError, explain, explain_json
from tests.runtime.report.fake_run import RUN, FakeRun
from tests.runtime.report.fake_texts import HOSTILE


def _flat(text: str) -> str:
    return " ".join(text.replace("│", " ").split())


def _told(ledger: Ledger, what: str, width: int = 100) -> str:
    return explain(ledger, RUN, what, width=width, colour=False)


def test_every_training_row_is_told(ledger: Ledger) -> None:
    for row in [*ledger.read(RUN, SftRow), *ledger.read(RUN, PreferenceRow)]:
        text = _flat(_told(ledger, row.id))
        assert row.id in text
        assert "What it trained" in text
        assert all(f"{p} “" in text for p in row.principles)


def test_an_sft_row_names_what_led_to_it(ledger: Ledger) -> None:
    row = next(r for r in ledger.read(RUN, SftRow)[1:] if r.source is SftSource.REVISION)
    text = _flat(_told(ledger, row.id))
    for revision in [r for r in ledger.read(RUN, Revision) if r.id in row.made_from]:
        assert f"Round {revision.round + 1}: {revision.principle} “" in text
        assert f"by the prompt {revision.compiled};" in text
        assert _flat(revision.text) in text
    assert "house.const:" in text
    assert "(by the feedback model: 10%, 80%, 10%, in the order of its values)" in text
    assert "sl-cai directly: checkpoints/sl-cai" in text
    assert "the hash of its data covers this row" in text
    assert "Pair " not in text


def test_a_preference_row_shows_both_orders_and_the_rules(ledger: Ledger) -> None:
    labels = {x.comparison: x for x in ledger.read(RUN, Label)}
    row = next(r for r in ledger.read(RUN, PreferenceRow) if labels[r.comparison].left_out)
    label = labels[row.comparison]
    text = _flat(_told(ledger, row.id))
    for vote in label.votes:
        if vote.log_odds is None or vote.log_odds_swapped is None:
            continue
        assert f"first {vote.log_odds:+.3f}, second {vote.log_odds_swapped:+.3f}; margin {vote.margin:+.3f}" in text
    assert "left out of the label by the tension safety-over-autonomy, since autonomy comes first" in text
    assert "rule 1 of safety-over-autonomy, prefer harm, house.const:72:1: evidence of autonomy left out" in text
    assert f"A is better with {label.probability:.4f}" in text
    assert _flat(row.chosen) in text
    assert _flat(row.rejected) in text
    assert "ppo through the rewards of the preference-model" in text
    assert "Round 1" not in text


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (LabelOutcome.REVIEW, "none: two sides are decided and disagree"),
        (LabelOutcome.EQUAL, "none: both texts are the same"),
        (LabelOutcome.NO_EVIDENCE, "none: no vote could be read"),
    ],
)
def test_a_pair_without_a_label_says_why(ledger: Ledger, outcome: LabelOutcome, words: str) -> None:
    label = next(x for x in ledger.read(RUN, Label) if x.outcome is outcome)
    assert words in _flat(_told(ledger, label.comparison))


def test_an_abstained_vote_says_why(ledger: Ledger) -> None:
    label = next(x for x in ledger.read(RUN, Label) if x.outcome is LabelOutcome.NO_EVIDENCE)
    assert "no answer: the options held 0 of it" in _flat(_told(ledger, label.comparison))


def test_people_are_named_as_the_source(ledger: Ledger) -> None:
    row = next(r for r in ledger.read(RUN, PreferenceRow) if r.source is LabelSource.HUMAN)
    text = _flat(_told(ledger, row.id))
    assert "A is better with 0.9500, by people" in text
    assert "with 0.9500 (by people), rather this:" in text


def test_a_prompt_and_a_response_tell_everything(ledger: Ledger) -> None:
    prompt = ledger.read(RUN, PromptRecord)[2]
    text = _flat(_told(ledger, prompt.id))
    assert "Training rows that came of it" in text
    assert text.count("Round ") == 3
    pair = next(c for c in ledger.read(RUN, Comparison) if c.prompt == prompt.id)
    assert _flat(_told(ledger, pair.a)).split(" Prompt ", 1)[1] == text.split(" Prompt ", 1)[1]


def test_a_prefix_is_enough(ledger: Ledger) -> None:
    row = ledger.read(RUN, SftRow)[0]
    assert _told(ledger, row.id[:10].upper()) == _told(ledger, row.id)


def test_hostile_text_cannot_reach_the_terminal(ledger: Ledger, fake: FakeRun) -> None:
    prompt = next(p for p in ledger.read(RUN, PromptRecord) if p.turns[-1].text == HOSTILE)
    text = _told(ledger, prompt.id, width=60)
    assert not set(text) & set("\x1b\x00\u202e")
    assert "␛[31mred" in text
    assert "{{ 7 * 7 }}" in text
    assert max(map(len, text.split("\n"))) <= 60
    assert json.loads(explain_json(ledger, RUN, prompt.id))["row"]["turns"][-1]["text"] == HOSTILE
    assert fake.records(PromptRecord)


def test_colour_is_only_ours(ledger: Ledger) -> None:
    row = ledger.read(RUN, SftRow)[1]
    assert "\x1b[1m" in explain(ledger, RUN, row.id, width=80, colour=True)
    assert "\x1b" not in _told(ledger, row.id)


def test_a_principle(ledger: Ledger) -> None:
    text = _flat(_told(ledger, "harm.weapons"))
    drawn = [d for d in ledger.read(RUN, Draw) if d.principle == "harm.weapons" and d.stage == "revision"]
    first = sum(d.round == 0 for d in drawn)
    assert f"revision 1 drawn for {first} of 60 prompts; first for {first}, {first / 60:.0%}, where 32%" in text
    made = [r for r in ledger.read(RUN, Revision) if r.principle == "harm.weapons"]
    assert f"Revisions made under it {len(made)}: " in text
    assert "position bias +0.500" in text
    assert "“No uplift for weapons”, house.const:20:1" in text
    row = next(r for r in ledger.read(RUN, PreferenceRow) if "harm.weapons" in r.principles)
    assert row.id in text
    assert "left out by the tension safety-over-autonomy" in _flat(_told(ledger, "autonomy.choice"))
    assert _told(ledger, "harm.arms") == _told(ledger, "harm.weapons")


def test_a_principle_as_json(ledger: Ledger) -> None:
    told = json.loads(explain_json(ledger, RUN, "honesty.doubt"))
    assert told["principle"]["origin"] == {"file": "house.const", "line": 40, "column": 1}
    votes = [v for x in ledger.read(RUN, Label) for v in x.votes if v.principle == "honesty.doubt"]
    assert told["votes"]["votes"] == len(votes)
    assert told["labels"] == sum(v.log_odds is not None for v in votes)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("harm.weapon", "This run knows no “harm.weapon”. Did you mean harm.weapons"),
        ("weapons", "Did you mean harm.weapons?"),
        ("harm", "harm is a category of the constitution, not a principle. Ask for one of its principles: harm.injury"),
        ("topic", "topic is an attribute of the constitution"),
        ("ffffffff", "No row of this run has an id that begins with ffffffff."),
        ("abc", "“abc” is too short for an id."),
        ("", "This run knows no “”."),
    ],
)
def test_what_is_unknown(ledger: Ledger, what: str, message: str) -> None:
    with pytest.raises(ExplainError) as raised:
        explain(ledger, RUN, what)
    assert message in str(raised.value)
    assert "digits" in raised.value.remedy


def test_a_pair_judged_twice_is_quoted_once(ledger: Ledger) -> None:
    prompt = next(p for p in ledger.read(RUN, PromptRecord) if p.file == "held-out.jsonl")
    text = _flat(_told(ledger, prompt.id).split("\nPair ", 1)[1])
    assert text.count("By dpo.") == 1
    assert text.count(", by dpo, the same text as above") == 1
    assert text.count("A is better with 0.7000") == 2
