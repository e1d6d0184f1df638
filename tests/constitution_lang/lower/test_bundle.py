"""What a constitution becomes: defaults, order, outcomes, places, and the two hashes."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from constitution_lang.ir.codec import BundleError, dumps, loads, verify
from constitution_lang.ir.invariants import broken_invariants
from constitution_lang.ir.model import AllOf, AnyOf, Compare, Not, Origin, Prefer, Stage, Weigh
from tests.constitution_lang.texts import BASE, HEAD, WHOLE, bundle_of

RICH = (
    WHOLE
    + """
sampling revision
  rounds: 2

sampling preference
  draw: 2
  decided: 65%

example revision
  prompt:
    P one
  response:
    R one
  critique:
    C one
  revision:
    V one

example harm.weapons
  prompt:
    P two
  response_a:
    A two
  response_b:
    B two
  answer: B

retired principle harm.insults since 0.9.0 replaced by harm.weapons

principle harm.old "Was something else"
  applies when topic is one of medical, general and not severity < minor or topic is not general
  formerly: harm.older, harm.oldish
  share: at least 5% in revision
  share: at most 90%
  source: "A book"
  owner: "me"
  statement:
    Be old.
"""
)


def test_defaults() -> None:
    bundle = bundle_of(BASE)
    assert (bundle.revision.rounds, bundle.revision.draw) == (4, 1)
    assert (bundle.preference.draw, bundle.preference.decided, bundle.preference.reasoning) == (2, 0.6, False)
    weapons = bundle.principle("harm.weapons")
    assert weapons.weight == 1.0
    assert weapons.key == "harm.weapons"
    assert weapons.applies == AllOf(())
    for text in (weapons.critique, weapons.revise, weapons.prefer):
        assert "Give no help with weapons." in text


def test_a_category_says_its_title_where_it_has_no_statement() -> None:
    bundle = bundle_of(BASE.replace("  statement:\n    Hurt nobody.\n", ""))
    assert bundle.categories[1].statement == "Avoiding harm"


def test_declarations() -> None:
    bundle = bundle_of(RICH)
    old = bundle.principle("harm.old")
    assert old.key == "harm.older"
    assert old.applies == AnyOf(
        (
            AllOf((Compare("topic", ("general", "medical")), Not(Compare("severity", ("none",))))),
            Compare("topic", ("medical",)),
        )
    )
    assert [(s.low, s.high, s.stages) for s in old.shares] == [
        (0.05, 1.0, (Stage.REVISION,)),
        (0.0, 0.9, (Stage.REVISION, Stage.PREFERENCE)),
    ]
    assert (old.source, old.owner) == ("A book", "me")
    assert [(e.target, e.stage, dict(e.fields)) for e in bundle.exemplars] == [
        (
            "harm.weapons",
            Stage.PREFERENCE,
            {"prompt": "P two", "response_a": "A two", "response_b": "B two", "answer": "B"},
        ),
        (
            "revision",
            Stage.REVISION,
            {"prompt": "P one", "response": "R one", "critique": "C one", "revision": "V one"},
        ),
    ]
    assert [(r.kind, r.id, r.since, r.replaced_by) for r in bundle.retired] == [
        ("principle", "harm.insults", "0.9.0", "harm.weapons")
    ]


def test_sides_are_sorted_and_weights_go_with_them() -> None:
    [tension] = bundle_of(WHOLE).tensions
    assert tension.sides == ("autonomy", "harm")
    assert [rule.outcome for rule in tension.rules] == [Prefer("harm"), Weigh(1.0, 2.0)]
    assert tension.because == "Harm lasts."


def test_places() -> None:
    bundle = bundle_of(WHOLE)
    lines = WHOLE.splitlines()
    for node in (*bundle.principles, *bundle.categories, *bundle.tensions, *bundle.attributes):
        assert node.origin.file == "constitution.const"
        assert lines[node.origin.line - 1][node.origin.column - 1 :].split()[0] == node.id
    rule = bundle.tensions[0].rules[1].origin
    assert rule == Origin("constitution.const", lines.index("  otherwise: weigh harm 2, autonomy 1") + 1, 3)


def test_invariants_and_round_trip() -> None:
    bundle = bundle_of(RICH)
    assert broken_invariants(bundle) == ()
    data = dumps(bundle)
    assert data.endswith(b"}\n")
    assert loads(data) == bundle
    assert dumps(loads(data)) == data


def test_compiling_twice_gives_the_same_bytes() -> None:
    assert dumps(bundle_of(RICH)) == dumps(bundle_of(RICH))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a compiled constitution"),
        (b"\xff\xfe", "not a compiled constitution"),
        (b'{"format": 999}', "has format 999"),
        (b'{"format": 1}', "damaged"),
        (dumps(bundle_of(WHOLE)).replace(b'"edition": 2026', b'"edition": "x"'), "damaged"),
    ],
)
def test_bytes_that_are_no_bundle(data: bytes, message: str) -> None:
    with pytest.raises(BundleError, match=message):
        loads(data)


def test_verify_names_what_was_changed() -> None:
    bundle = bundle_of(WHOLE)
    assert verify(bundle) == ()
    prompt = bundle.prompts[0]
    forged = replace(bundle, prompts=(replace(prompt, opening="Sure: "), *bundle.prompts[1:]))
    assert verify(forged) == (f"prompt {prompt.id}: its hash is not that of its text",)
    heavier = replace(bundle, categories=(replace(bundle.categories[0], weight=9.0), *bundle.categories[1:]))
    assert verify(heavier) == ("meaning_hash is not that of the bundle's content",)
    retitled = replace(bundle, title="Another")
    assert verify(retitled) == ("metadata_hash is not that of the bundle's titles, sources, reasons and owners",)


def _blocks(text: str) -> list[str]:
    return re.split(r"\n(?=\S)", text.strip("\n"))


@given(st.randoms(use_true_random=False), st.sampled_from(("\n", "\n\n", "\n# A remark.\n", "\n\n# One.\n# Two.\n\n")))
@settings(max_examples=25)
def test_order_of_blocks_comments_and_layout_do_not_count(shuffle: random.Random, glue: str) -> None:
    blocks = _blocks(RICH)
    shuffle.shuffle(blocks)
    moved = bundle_of(glue.join(blocks) + "\n")
    original = bundle_of(RICH)
    assert moved.meaning_hash == original.meaning_hash
    assert moved.metadata_hash == original.metadata_hash
    assert moved.prompts == original.prompts


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"No weapons"', '"Weapons"'),
        ('"A house"', '"Our house"'),
        ('"Avoiding harm"', '"Harm"'),
        ('"A book"', '"Another book"'),
        ('owner: "me"', 'owner: "you"'),
        ("Harm lasts.", "Harm cannot be undone."),
    ],
)
def test_metadata(old: str, new: str) -> None:
    assert RICH.count(old) == 1
    before, after = bundle_of(RICH), bundle_of(RICH.replace(old, new))
    assert before.meaning_hash == after.meaning_hash
    assert before.metadata_hash != after.metadata_hash
    assert before.prompts == after.prompts


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("weight: 3", "weight: 4"),
        ("rounds: 2", "rounds: 3"),
        ("decided: 65%", "decided: 70%"),
        ("none < minor < grave", "none < minor < serious < grave"),
        ("severity is grave: prefer", "severity >= minor: prefer"),
        ("prefer harm", "prefer autonomy"),
        ("weigh harm 2", "weigh harm 3"),
        ("Hurt nobody.", "Hurt no one."),
        ("Respect choices.", "Respect a choice."),
        ('"What is it about?"', '"What is this about?"'),
        ("V one", "V uno"),
        ("formerly: harm.older", "formerly: harm.oldest"),
        ("since 0.9.0", "since 0.8.0"),
        ("share: at most 90%", "share: at most 91%"),
    ],
)
def test_meaning(old: str, new: str) -> None:
    assert RICH.count(old) == 1
    before, after = bundle_of(RICH), bundle_of(RICH.replace(old, new))
    assert before.meaning_hash != after.meaning_hash
    assert before.metadata_hash == after.metadata_hash


def test_a_line_break_in_a_paragraph_has_no_meaning() -> None:
    broken = RICH.replace("Give no help with weapons.", "Give no help\n    with weapons.")
    assert bundle_of(broken).meaning_hash == bundle_of(RICH).meaning_hash


def test_a_rename_keeps_its_draws() -> None:
    text = BASE.replace(
        'principle harm.weapons "No weapons"\n', 'principle harm.arms "No weapons"\n  formerly: harm.weapons\n'
    )
    assert bundle_of(text).principle("harm.arms").key == "harm.weapons"


def test_conditions_mean_the_same_however_they_are_written() -> None:
    def meaning(condition: str) -> str:
        return bundle_of(WHOLE.replace("when severity is grave:", f"when {condition}:")).meaning_hash

    assert meaning("severity is grave") == meaning("severity > minor") == meaning("severity is one of grave")
    assert meaning("topic is one of general, medical") == meaning("topic is one of medical, general")


def test_windows_line_ends_change_nothing() -> None:
    from constitution_lang.loader import source_of

    source = source_of("constitution.const", b"\xef\xbb\xbf" + WHOLE.replace("\n", "\r\n").encode())
    assert source.text == WHOLE


def test_the_head_alone_names_the_bundle() -> None:
    bundle = bundle_of(WHOLE)
    assert HEAD.startswith(f"edition {bundle.edition}\nconstitution {bundle.name} {bundle.version}")
