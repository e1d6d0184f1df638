"""What people have today, as constitutions: small samples of every form, then the real files where they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from constitution_lang.cli import main
from constitution_lang.compile import compile_text
from constitution_lang.diff.words import outcome_words
from constitution_lang.interchange.data import read_json, read_yaml
from constitution_lang.interchange.draft import WrongInputError
from constitution_lang.interchange.forms import read
from constitution_lang.ir.cases import applicable, decisions
from constitution_lang.ir.model import Bundle, Stage
from constitution_lang.sampling.weights import shares
from tests.constitution_lang.interchange.samples import SPEC, import_text, is_told

REAL = Path(__file__).parents[3].parent / "shared/data/constitutions"

PAPER = {
    "rude0": {
        "prompt": ["\n\nCritiqueRequest: Where is it rude?\n\nCritique:"],
        "edit_request": "\n\nRevisionRequest: Make it polite.\n\nRevision:",
    },
    "rude1": {
        "prompt": ["\n\nCritiqueRequest: # Is it\t{{ curt }}?  \n\n```\ncode\n  more\n```\x07\n\nCritique:", "again"],
        "edit_request": "\n\nRevisionRequest: Be warm.\nBe kind.\n\nRevision:",
        "weight": 2,
    },
}
TURNS = [
    {"role": role, "content": text}
    for role, text in zip(("user", "assistant") * 3, ("Hi?", "Go.", "Rude?", "Yes.", "Fix.", "Hello."), strict=True)
]
RECIPE = {
    "constitutions": [
        {"critic": "Is it rude?", "revision": "Please rewrite it politely and warmly."},
        {"critic": "Is it false?", "revision": "Make it true."},
    ],
    "system_chat": [TURNS, [*TURNS, *TURNS[:2]]],
    "more": 1,
}
RBR = """\
prompt_template: "{question}"
completion_class_order: [good, fair, bad]
completion_classes:
  good:
    refuse: {kind_refusal: true}
    comply: {helps: true}
  fair:
    refuse: {refuses: true, kind_refusal: false}
  bad:
    refuse: {refuses: false}
    comply: {helps: false}
derived_propositions:
  kind_refusal: {refuses: true, judges: false}
simple_propositions:
  refuses:
    prompt: |-
      Does it "refuse"?
      - Yes: "No."
  judges: {prompt: "Does it judge?"}
  helps: {prompt: "Look closely."}
"""


def test_the_form_of_the_paper() -> None:
    imported, bundle = import_text(json.dumps(PAPER), "critique-revision")
    assert [principle.id for principle in bundle.principles] == ["rude.rude0", "rude.rude1"]
    assert "  critique:\n    Where is it rude?\n  revise:\n    Make it polite.\n" in imported.text
    assert "    # Is it\t{{ curt }}?\n\n      ```\n      code\n        more\n      ```\n" in imported.text
    for place, what in [
        ("rude1.prompt[0]", "U+0007"),
        ("rude1.prompt[0]", "spaces at line ends"),
        ("rude1.prompt[0]", "code blocks"),
        ("rude1.prompt[1]", "'again'"),
        ("rude1.edit_request", "line breaks"),
        ("rude1.weight", "left out: 2"),
    ]:
        assert is_told(imported, place, what), (place, what)


def test_keys_of_several_families_are_drawn_alike_and_none_comes_first() -> None:
    """As the paper draws them: a family of two counts twice as much as one of one."""
    several = {**PAPER, "99": {"prompt": ["Why?"], "edit_request": "So."}}
    imported, bundle = import_text(json.dumps(several), "critique-revision")
    drawn = shares(bundle, Stage.REVISION, {})
    assert drawn == {"principles.99": pytest.approx(1 / 3), "rude.rude0": pytest.approx(1 / 3),
                     "rude.rude1": pytest.approx(1 / 3)}  # fmt: skip
    assert "tension rude-and-principles\n" in imported.text
    assert is_told(imported, "the whole", "gives no order")
    assert is_told(imported, "the whole", "drawn alike")


def test_of_many_families_no_tension_is_made() -> None:
    many = {f"of{letter}": PAPER["rude0"] for letter in "abcdefghi"}
    imported = read(json.dumps(many), "critique-revision", "m", "M")
    assert "tension" not in imported.text
    assert is_told(imported, "the whole", "no tension says what comes first between 9 categories")


def test_the_form_of_the_recipe() -> None:
    imported, bundle = import_text(json.dumps(RECIPE), "recipe")
    ids = [principle.id for principle in bundle.principles]
    assert ids == ["recipe.make-true", "recipe.politely-warmly"]
    assert imported.text.count("example revision\n  prompt:\n    Hi?\n") == 1
    assert is_told(imported, "system_chat[1]", "8 turns")
    assert is_told(imported, "system_chat[0][2].content", "'Rude?'")
    assert is_told(imported, "more", "left out: 1")
    fewer = {**RECIPE, "constitutions": RECIPE["constitutions"][1:]}  # type: ignore[index]
    assert [one.id for one in import_text(json.dumps(fewer), "recipe")[1].principles] == ids[:1]


def _applies_and_first(bundle: Bundle, case: dict[str, str]) -> tuple[list[str], str]:
    """What applies in a case, and what the order of the classes makes of it there."""
    decided = [outcome_words(one.rule.outcome, one.tension.sides) for one in decisions(bundle, case)]
    return sorted(principle.id for principle in applicable(bundle, case)), " ".join(decided)


def test_the_form_of_rule_based_rewards_means_what_it_says() -> None:
    imported, bundle = import_text(RBR, "rbr")
    for refuses, judges, helps, kind in product(("no", "yes"), ("no", "yes"), ("no", "yes"), ("refuse", "comply")):
        case = {"refuses": refuses, "judges": judges, "helps": helps, "response_type": kind}
        nice = refuses == "yes" and judges == "no"
        if kind == "comply":
            grade = "good" if helps == "yes" else "bad"
        else:
            grade = "good" if nice else "fair" if refuses == "yes" else "bad"
        applies, first = _applies_and_first(bundle, case)
        assert applies == sorted([f"good.{kind}"] + [f"grades.{grade}-{kind}"] * (grade != "good"))
        assert first == {"good": "", "fair": "weigh good 1, grades 1", "bad": "prefer grades"}[grade]
    assert '# - Yes: "No."\nattribute refuses "Does it \'refuse\'?"' in imported.text
    assert 'attribute helps "Helps, yes or no? Look closely."' in imported.text
    assert is_told(imported, "line 1, prompt_template", "left out")
    assert is_told(imported, "simple_propositions.refuses", "is a comment")
    assert is_told(imported, "completion_class_order", "the rules of one tension")


def test_of_classes_that_meet_the_better_one_decides() -> None:
    _, bundle = import_text(RBR.replace("{refuses: false}", "{judges: true}"), "rbr")
    case = {"refuses": "yes", "judges": "yes", "helps": "no", "response_type": "refuse"}
    applies, first = _applies_and_first(bundle, case)
    assert applies == ["good.refuse", "grades.bad-refuse", "grades.fair-refuse"]
    assert first == "weigh good 1, grades 1"
    assert _applies_and_first(bundle, case | {"refuses": "no"})[1] == "prefer grades"


def test_a_class_that_a_better_one_takes_in_has_no_rule() -> None:
    inside = RBR.replace("[good, fair, bad]", "[good, fair, rude, bad]").replace(
        "  bad:\n", "  rude:\n    refuse: {refuses: true, kind_refusal: false, judges: true}\n  bad:\n", 1
    )
    imported, bundle = import_text(inside, "rbr")
    assert is_told(imported, "completion_class_order", "no rule for rude: every case of it is of a better class")
    [tension] = bundle.tensions
    assert [outcome_words(rule.outcome, tension.sides) for rule in tension.rules] == [
        "weigh good 2, grades 1",
        "prefer grades",
    ]


def test_a_question_that_announces_a_list_has_its_items() -> None:
    text = RBR.replace(
        'judges: {prompt: "Does it judge?"}',
        "judges:\n    prompt: |-\n      Does it do one of these:\n      - Blames.\n        - Example:\n"
        "          Fool!\n\n          Shame!\n      - Preaches.\n\n      Notes:\n      - None.",
    )
    imported, _ = import_text(text, "rbr")
    assert 'attribute judges "Judges, yes or no? Does it do one of these: Blames.; Preaches."' in imported.text
    assert "Shame!" in imported.text
    assert "# - None.\n" in imported.text


def test_two_examples_of_one_title_are_told_apart() -> None:
    example = SPEC[SPEC.index("**Example**: a lie") : SPEC.index("**Example**: of a developer")]
    imported = import_text(SPEC.replace(example, example + example.replace("Is it so?", "Is it?")), "markdown")[0]
    assert [line for line in imported.text.splitlines() if line.startswith("test ")] == [
        'test "a lie"',
        'test "a lie (2)"',
    ]
    assert is_told(imported, "#do_not_lie", 'it became "a lie (2)"')


def test_the_form_of_a_specification() -> None:
    imported, bundle = import_text(SPEC, "markdown")
    assert [one.id for one in bundle.principles] == ["platform.kind", "user.deeper", "user.do_not_lie"]
    assert [one.id for one in bundle.tensions] == ["platform-over-user"]
    assert (
        '    Say what is so. See "Be "kind"", this and [that](#none).\n\n      ```\n      # no heading\n'
        in imported.text
    )
    assert (
        "  under user.do_not_lie\n  prompt:\n    Is it so?\n  better:\n    No.\n  worse:\n    Yes.\n" in imported.text
    )
    for place, what in [
        ("line 1, #overview", "without a level"),
        ("line 5, #do_not_lie", "[^1]"),
        ("line 5, #do_not_lie", "no heading #none"),
        ("line 5, #do_not_lie", "links became words: #kind, #overview"),
        ("line 9", "remark left out"),
        ("line 12", "a lie"),
        ("line 28", "'of a developer' left out"),
        ("line 44", "no level here"),
        ("line 49, #kind", "title is the statement"),
        ("line 51", "footnote left out"),
    ]:
        assert is_told(imported, place, what), (place, what)


@pytest.mark.parametrize(
    ("form", "text", "message"),
    [
        ("critique-revision", "[]", "the top: expected names with values, found a list"),
        ("critique-revision", '{"a": {"prompt": [], "edit_request": "x"}}', "a.prompt: there is no critique request"),
        ("critique-revision", '{"a": {"prompt": ["x"]}}', "a.edit_request: expected a text, found nothing"),
        ("recipe", '{"constitutions": [{"critic": " "}]}', "constitutions[0].critic: expected a text"),
        ("rbr", RBR.replace("[good, fair, bad]", "[good, fair]"), "line 9, completion_classes.bad: this class has no"),
        (
            "rbr",
            RBR.replace("helps: false", "helps: maybe"),
            "line 11, completion_classes.bad.comply.helps: expected true",
        ),
        ("rbr", RBR.replace("{helps: true}", "{aids: true}"), "there is no proposition 'aids'"),
        ("rbr", RBR.replace("{refuses: true, judges", "{kind_refusal: true, judges"), "leads back to itself"),
        ("markdown", "# Title\n\ntext\n", "no heading carries a level"),
        ("markdown", "# A {#a authority=user}\n```\n", "line 2: this code block is not closed"),
        ("markdown", "# A {#a authority=user}\n# B {#a}\n", "line 2: the id #a is given on line 1 already"),
    ],
)
def test_wrong_input_is_told_with_its_place(form: str, text: str, message: str) -> None:
    with pytest.raises(WrongInputError) as caught:
        read(text, form, "x", "X")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("file", "form", "principles"),
    [
        ("nemo_critique_revision.json", "critique-revision", 16),
        ("llm_swarm_anthropic.json", "recipe", 16),
        ("llm_swarm_grok.json", "recipe", 2),
        ("rbr_propositions.yaml", "rbr", 20),
        ("model_spec_2025-02-12.md", "markdown", 51),
        ("model_spec_2025-04-11.md", "markdown", 51),
    ],
)
def test_real_files(tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str, form: str, principles: int) -> None:
    path = REAL / file
    if not path.is_file():
        pytest.skip(f"{path.name} is not beside this checkout")
    out, report = tmp_path / "out.const", tmp_path / "report.json"
    assert main(["import", str(path), "-o", str(out), "--report", str(report)]) == 0
    told = capsys.readouterr().err
    found = json.loads(report.read_text(encoding="utf-8"))
    assert found["form"] == form
    assert all(f"{note['place']}: {note['what']}" in told for note in found["notes"])
    compilation = compile_text(out.read_text(encoding="utf-8"))
    assert compilation.diagnostics == ()
    assert compilation.bundle is not None
    assert len(compilation.bundle.principles) == principles


def test_two_releases_have_the_same_ids() -> None:
    paths = [REAL / f"model_spec_{date}.md" for date in ("2025-02-12", "2025-04-11")]
    if not all(path.is_file() for path in paths):
        pytest.skip("the two releases are not beside this checkout")
    ids = [
        [line for line in read(path.read_text(encoding="utf-8"), "markdown", "m", "M").text.splitlines()
         if line.startswith("principle ")]
        for path in paths
    ]  # fmt: skip
    assert ids[0] == ids[1]


@pytest.mark.parametrize(
    ("reads", "text", "message"),
    [
        (read_json, '{\n"a": {"b": 1,\n "c": [{"b": 2}],\n "\\u0062": 3}}', "line 4: the key 'b' is given twice"),
        (read_json, '[1,\n"NaN",\n-Infinity]', "line 3: -Infinity is not JSON"),
        (read_json, '{"[[": 1,\n"a":\n' + "[" * 100_000, "line 3: this nests too deep"),
        (read_yaml, "a: 1\nb: \x01\n", r"line 2: this is not YAML: the character U\+0001"),
    ],
)
def test_the_first_mistake_of_a_file_has_its_line(reads: Callable[[str], object], text: str, message: str) -> None:
    with pytest.raises(WrongInputError, match=message):
        reads(text)


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "rude.json"
    source.write_text(json.dumps(PAPER), encoding="utf-8")
    const, data, again = tmp_path / "a.const", tmp_path / "a.yaml", tmp_path / "b.const"
    assert main(["import", str(source), "-o", str(const), "--name", "polite"]) == 0
    assert main(["export", str(const), "--to", "yaml", "-o", str(data)]) == 0
    assert main(["import", str(data), "-o", str(again)]) == 0
    assert again.read_bytes() == const.read_bytes()
    assert main(["import", str(tmp_path / "none.json")]) == 2
    source.write_text("{", encoding="utf-8")
    assert main(["import", str(source)]) == 2
    assert "line 1, column 2: this is not JSON" in capsys.readouterr().err
    source.write_bytes(b"{\n\xff")
    assert main(["import", str(source)]) == 2
    assert "line 2: this is not UTF-8" in capsys.readouterr().err
    const.write_text("what\n", encoding="utf-8")
    assert main(["export", str(const)]) == 1
    assert "Traceback" not in capsys.readouterr().err


def test_half_a_character_in_a_key_is_in_the_report(tmp_path: Path) -> None:
    source, report = tmp_path / "a.json", tmp_path / "report.json"
    source.write_text(json.dumps({"harm\ud83d0": PAPER["rude0"]}), encoding="utf-8")
    assert main(["import", str(source), "-o", str(tmp_path / "a.const"), "--report", str(report)]) == 0
    assert json.loads(report.read_text(encoding="utf-8"))["form"] == "critique-revision"


@pytest.mark.parametrize(
    "data",
    [{"block": "princ\ud83d"}, {"block": "use", "path": "\udc00"}, {"\ud83d": "x"}],
    ids=["kind", "value", "key"],
)
def test_half_a_character_is_no_text(data: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "a.json"
    document = {"format": "constitution-program", "version": 1, "blocks": [data]}
    source.write_text(json.dumps(document), encoding="utf-8")
    assert main(["import", str(source)]) == 2
    assert "this holds half of a character (a surrogate)" in capsys.readouterr().err
