"""What a template may not do: each mistake at its own line, whatever else is in the file."""

from __future__ import annotations

import pytest

from constitution_lang.check.prompts import check_template
from constitution_lang.check.templating import NEEDS
from constitution_lang.ir.model import PromptKind
from constitution_lang.loader import package_loader
from constitution_lang.source import Source
from tests.constitution_lang.texts import WHOLE, bundle_of, compiled, found_in

GOOD = """\
{% user %}{{ prompt }}{% enduser %}
{% assistant %}{{ response }}{% endassistant %}
{% user %}{{ critique_request }}{% enduser %}
"""
ANSWER = "{% assistant %}Yes.{% endassistant %} "


def findings(text: str, kind: PromptKind = PromptKind.CRITIQUE) -> list[str]:
    """Each finding as `CODE line`."""
    source = Source("t.j2", text)
    return [f"{f.code} {source.position(f.primary.span.start).line}" for f in check_template(kind, source)[1]]


REFUSED = {
    "filter": (ANSWER + "{% user %}{{ prompt | upper }}{% enduser %}\n", ["E402 4"]),
    "filter with arguments": (ANSWER + "{% user %}{{ 'a' | replace('a', prompt) }}{% enduser %}\n", ["E402 4"]),
    "test": (ANSWER + "{% user %}{{ 1 if prompt is defined else 2 }}{% enduser %}\n", ["E402 4"]),
    "condition": ("{% if response %}{% endif %}\n", ["E402 4"]),
    "negation": ("{% if not response %}{% endif %}\n", ["E402 4"]),
    "both": ("{% if response and statement %}{% endif %}\n", ["E402 4"]),
    "inline condition": (ANSWER + "{% user %}{{ prompt if statement else 'x' }}{% enduser %}\n", ["E402 4"]),
    "comparison": ("{% if response == 'x' %}{% endif %}\n", ["E402 4"]),
    "compared with": ("{% if 'x' in response %}{% endif %}\n", ["E402 4"]),
    "attribute": (ANSWER + "{% user %}{{ prompt.name }}{% enduser %}\n", ["E402 4"]),
    "index": (ANSWER + "{% user %}{{ prompt[0] }}{% enduser %}\n", ["E402 4"]),
    "slice": (ANSWER + "{% user %}{{ prompt[:9] }}{% enduser %}\n", ["E402 4"]),
    "call": (ANSWER + "{% user %}{{ prompt() }}{% enduser %}\n", ["E402 4"]),
    "argument": (ANSWER + "{% user %}{{ range(prompt) }}{% enduser %}\n", ["E402 4"]),
    "keyword argument": (ANSWER + "{% user %}{{ namespace(a=prompt) }}{% enduser %}\n", ["E402 4"]),
    "loop": ("{% for word in prompt %}{% endfor %}\n", ["E402 4"]),
    "loop variable": ("{% for prompt in over %}{% endfor %}\n", ["E402 4"]),
    "assignment from": ("{% set x = prompt %}\n", ["E402 4"]),
    "assignment to": ("{% set prompt = 'x' %}\n", ["E402 4"]),
    "with": ("{% with x = prompt %}{% endwith %}\n", ["E402 4"]),
    "concatenation": (ANSWER + "{% user %}{{ prompt ~ 'x' }}{% enduser %}\n", ["E402 4"]),
    "sum": (ANSWER + "{% user %}{{ prompt + 'x' }}{% enduser %}\n", ["E402 4"]),
    "list": (ANSWER + "{% user %}{{ [prompt] }}{% enduser %}\n", ["E402 4"]),
    "block of a filter": (ANSWER + "{% user %}{% filter trim %}{{ prompt }}{% endfilter %}{% enduser %}\n", ["E402 4"]),
    "captured": ("{% set x %}{{ prompt }}{% endset %}\n", ["E402 4"]),
    "macro": ("{% macro m() %}{{ prompt }}{% endmacro %}\n", ["E402 4"]),
    "macro's parameter": ("{% macro m(prompt) %}{% endmacro %}\n", ["E402 4"]),
    "slot of another kind": (ANSWER + "{% user %}{{ response_a }}{% enduser %}\n", ["E404 4"]),
    "text outside": ("\n\nHello\n", ["E405 6"]),
    "text outside, in a loop": ("{% for s in over %}\nHello\n{% endfor %}\n", ["E405 5"]),
    "print outside": ("{{ statement }}\n", ["E405 4"]),
    "slot outside": ("{{ prompt }}\n", ["E405 4"]),
    "undefined": (ANSWER + "{% user %}\n{{ statment }}\n{% enduser %}\n", ["E406 5"]),
    "undefined twice": ("{% if a %}{% endif %}\n{% if b %}{% endif %}\n", ["E406 4", "E406 5"]),
    "include": ('{% include "x.j2" %}\n', ["E409 4"]),
    "import": ('{% import "x.j2" as x %}\n', ["E409 4"]),
    "extends": ('{% extends "x.j2" %}\n', ["E409 4"]),
    "block": ("{% block x %}{% endblock %}\n", ["E409 4"]),
    "nested": ("{% user %}{% assistant %}x{% endassistant %}{% enduser %}\n", ["E409 4"]),
    "message in a macro": ("{% macro m() %}{% user %}x{% enduser %}{% endmacro %}\n", ["E409 4"]),
    "user after user": ("{% user %}Again{% enduser %}\n", ["E407 4"]),
    "assistant last": ("{% assistant %}Me{% endassistant %}\n", ["E407 4"]),
    "late system": ("{% system %}Be kind.{% endsystem %}\n", ["E407 4"]),
    "empty": ("{% assistant %} {% endassistant %}\n", ["E407 4"]),
    "opening before the end": ("{% opening %}(\n{% endopening %}\n{% opening %}({% endopening %}\n", ["E407 4"]),
    "slot in the opening": ("{% opening %}{{ prompt }}{% endopening %}\n", ["E407 4"]),
    "undefined field": (
        "{% for e in examples %}\n{% assistant %}{{ e.a }}{% endassistant %}{% user %}x{% enduser %}\n{% endfor %}\n",
        ["E406 5"],
    ),
    "fails": (ANSWER + "{% user %}{{ 1 / 0 }}{% enduser %}\n", ["E408 4"]),
    "prints a function": (ANSWER + "{% user %}{{ range }}{% enduser %}\n", ["E408 4"]),
    "reaches into Python": (ANSWER + "{% user %}{{ statement.__class__.mro() }}{% enduser %}\n", ["E408 4"]),
    "random": (ANSWER + "{% user %}{{ [1, 2] | random }}{% enduser %}\n", ["E401 4"]),
    "syntax": (ANSWER + "{% user %}{{ statement {% enduser %}\n", ["E401 4"]),
    "unclosed": (ANSWER + "{% user %}x\n", ["E401 4"]),
    "unknown tag": (ANSWER + "{% usr %}x{% endusr %}\n", ["E401 4"]),
    "several": ("{{ prompt | upper }}\n{{ statment }}\nHello\n", ["E405 4", "E402 4", "E405 5", "E406 5", "E405 6"]),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    text, expected = REFUSED[name]
    assert sorted(findings(GOOD + text)) == sorted(expected)


def test_every_finding_says_what_to_do() -> None:
    for text, _ in REFUSED.values():
        for finding in check_template(PromptKind.CRITIQUE, Source("t.j2", GOOD + text))[1]:
            assert finding.help or finding.code == "E408", finding


@pytest.mark.parametrize("text", ["{% user %}{{ prompt }}{% enduser %}\n", ""])
def test_a_slot_left_out(text: str) -> None:
    assert "E403 1" in findings(text)


def test_a_misused_slot_is_not_missed_as_well() -> None:
    assert findings(GOOD.replace("{{ response }}", "{{ response | upper }}")) == ["E402 2"]


def test_a_slot_in_one_branch_only() -> None:
    text = GOOD.replace("{{ response }}", "{% if over %}{{ response }}{% else %}None{% endif %}")
    assert findings(text) == ["E403 1"]


@pytest.mark.parametrize("kind", PromptKind)
def test_standard_templates_are_in_order(kind: PromptKind) -> None:
    source = package_loader(f"<templates>/{kind}.j2")
    assert source is not None
    template, found = check_template(kind, source)
    assert template is not None
    assert found == []
    assert NEEDS[kind]


def test_allowed() -> None:
    text = """\
{# A comment. #}
{% set kind = "brief" %}
{% macro clause(text) %}First of all: {{ text }}{% endmacro %}
{% system %}Be {{ kind }}.{% endsystem %}
""" + GOOD.replace(
        "{{ critique_request }}",
        "{% for s in over %}\n{{ loop.index }}. {{ clause(s) | trim }}\n{% endfor %}{{ statement }}",
    )
    assert findings(text) == []


def test_a_constitution_replaces_one_template() -> None:
    own = GOOD.replace("{{ critique_request }}", "In a word: {{ critique_request }}")
    text = WHOLE + '\ntemplate critique from "prompts/c.j2"\n'
    bundle = bundle_of(text, {"prompts/c.j2": own})
    assert "In a word: " in str(bundle.prompt(PromptKind.CRITIQUE, "harm.weapons").messages)
    standard = bundle_of(WHOLE)
    assert standard.prompt(PromptKind.PREFER, "harm.weapons") == bundle.prompt(PromptKind.PREFER, "harm.weapons")
    assert standard.meaning_hash != bundle.meaning_hash
    assert "prompts/c.j2" in [source.name for source in bundle.sources]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("missing.j2", "E205"),
        ("../c.j2", "E207"),
        ("/etc/passwd", "E207"),
        ("<templates>/critique.j2", "E207"),
    ],
)
def test_a_template_that_cannot_be_had(path: str, expected: str) -> None:
    assert found_in(compiled(f'{WHOLE}\ntemplate critique from "{path}"\n')) == [f'{expected} "{path}"']


def test_mistakes_of_a_template_and_of_the_text_in_one_run() -> None:
    text = WHOLE.replace("weight: 3", "weight: 0") + '\ntemplate critique from "c.j2"\n'
    found = compiled(text, {"c.j2": GOOD + "Hello\n"})
    assert [f.code for f in found.diagnostics] == ["E305", "E405"]


SYNTAX = {
    "{{ a 5 }}": "5",
    "{{ statement $ }}": "$",
    "{{ statement | uper }}": "uper",
    "{{ f( }}": "{{ f( }}",
    "{% usr %}x{% endusr %}": "usr",
    "{% user %}x": "{% user %}",
    "{% if over %}x": "{% if over %}",
    "{% endif %}": "{% endif %}",
    "{% else %}": "{% else %}",
    "{% for s over examples %}{{ s }}{% endfor %}": "over",
    "{% %}": "{% %}",
    "{{ statement": "{{",
    "{% set x %}{{ over[ }}{% endset %}": "{{ over[ }}",
}


@pytest.mark.parametrize("wrong", SYNTAX)
def test_a_mistake_of_syntax_hides_no_other(wrong: str) -> None:
    before, after = "{% assistant %}{{ before }}{% endassistant %}", "{% user %}{{ after }}{% enduser %}"
    text = f"{GOOD}{before}\n{wrong}\n{after}\n"
    found = check_template(PromptKind.CRITIQUE, Source("t.j2", text))[1]
    told = [(f.code, text[f.primary.span.start : f.primary.span.end]) for f in found if f.code not in ("E405", "E407")]
    assert told == [("E406", "before"), ("E401", SYNTAX[wrong]), ("E406", "after")]
    assert not any("Jinja" in f.message for f in found)


def test_mistakes_of_every_kind_in_one_run() -> None:
    text = """\
{% user %}{{ prompt | upper }}{% enduser %}
{% user %}{{ response }}{{ response_a }}{% enduser %}
{% user %}{{ statment }}{{ 1 / 0 }}{% enduser %}
{% for shot in exampels %}{{ shot.promt }}{% endfor %}
{% for one in examples %}
{% assistant %}{{ one.critiqe }}{% endassistant %}
{% user %} {% enduser %}
{% endfor %}
{% opening %}({% endopening %}
{% system %}Be kind.{% endsystem %}
"""
    assert findings(text) == [
        "E402 1", "E407 2", "E404 2", "E406 3", "E408 3", "E406 4", "E405 4", "E406 6", "E407 7", "E407 9", "E407 10",
    ]  # fmt: skip
    told = findings(text.replace("{{ response }}{{ response_a }}", "{{ response }}{{ 5 5 }}"))
    assert told == [
        "E402 1", "E407 2", "E401 2", "E406 3", "E408 3", "E406 4", "E405 4", "E406 6", "E407 9", "E407 10",
    ]  # fmt: skip


def test_a_block_misspelt_at_both_ends_is_mended_at_once() -> None:
    wrong = GOOD.replace("{% user %}", "{% usr %}", 1).replace("enduser", "endusr", 1)
    _, [finding] = check_template(PromptKind.CRITIQUE, Source("t.j2", wrong))
    assert finding.fix
    span = finding.fix.span
    assert wrong[: span.start] + finding.fix.text + wrong[span.end :] == GOOD


@pytest.mark.parametrize(
    ("roles", "wrong"),
    [
        ("user user", [2]),
        ("user user user", [2]),
        ("user user assistant user", [2]),
        ("assistant user", [1]),
        ("assistant assistant user", [1]),
        ("user assistant assistant user assistant user user", [3, 7]),
        ("user assistant system user", [3]),
        ("system system user", [2]),
        ("user assistant", [2]),
        ("user system", [2]),
    ],
)
def test_each_message_out_of_order_is_told_once(roles: str, wrong: list[int]) -> None:
    slots = "{{ prompt }}{{ response }}{{ statement }}"
    text = "".join(f"{{% {role} %}}{slots}{{% end{role} %}}\n" for role in roles.split())
    assert findings(text) == [f"E407 {line}" for line in wrong]


def test_a_word_that_is_meant_for_a_slot_is_told_once() -> None:
    assert findings(GOOD.replace("{{ prompt }}", "{{ promt }}")) == ["E406 1"]


@pytest.mark.parametrize(
    "wrong",
    [
        '{{ "a" * 10**9 }}',
        "{{ [1] * 10**9 }}",
        "{{ 10 ** (10 ** 9) }}",
        "{{ 9 ** (9 ** 9) }}",
        "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
        "{% for a in range(99999) %}x{% endfor %}",
        "{% for a in statement * 999 %}{% for b in statement * 999 %}x{% endfor %}{% endfor %}",
        "{% set n = namespace(x='ab') %}{% for a in range(99) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
        "{% set n = namespace(x='ab') %}{% for a in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}",
        "{% set n = namespace(x='ab') %}{% for a in range(99) %}{% set n.x = [n.x, n.x] | join %}{% endfor %}{{ n.x }}",
        "{% set n = namespace(x=[1]) %}{% for a in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
        "{{ 'a' | center(1000000000) }}",
        "{{ 'a'.ljust(1000000000) }}",
        "{{ '%999999999d' % 1 }}",
        "{{ '%*d' % (999999999, 1) }}",
        "{{ '%999999999d' | format(1) }}",
        "{{ '{:>999999999}'.format(1) }}",
        "{{ ('a' * 99999).replace('a', 'b' * 99999) }}",
        "{{ ('a' * 99999) | replace('a', 'b' * 99999) }}",
    ],
)
def test_a_template_has_bounds(wrong: str) -> None:
    found = findings(GOOD + ANSWER + f"{{% user %}}\n{wrong}{{% enduser %}}\n")
    assert found == ["E408 5"]
