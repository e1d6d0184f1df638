"""Mistakes planted into a constitution that has none: each is told once at its place, and nothing else is."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from constitution_lang.compile import compile_text
from constitution_lang.loader import package_loader
from constitution_lang.source import Source
from tests.constitution_lang.syntax.test_mending import HOUSE

TEMPLATE = """\
{% user %}{{ prompt }}{% enduser %}
{% assistant %}{{ response }}{% endassistant %}
{% user %}{{ critique_request }}
{% for one in over %}{{ one }}{% endfor %}
{% if examples %}{{ statement }}{% endif %}
{% enduser %}
"""
PAIR = """\
template critique from "own.j2"
test "pair"
  under harm.weapons
  prompt:
    P
  better:
    B
  worse:
    W
"""
TEXT = HOUSE + PAIR

PLANTS = {
    "levels": ("  default: none", "  default: nun", "E307 nun"),
    "title": ('"Avoiding harm"', '"Avoiding harm', 'E113 "Avoiding harm'),
    "weight": ("  weight: 2", "  weight: -2", "E305 -2"),
    "colon": ('"Own decisions"\n', '"Own decisions"\n  weight 2\n', "E106 weight"),
    "condition": ("when severity >= minor", "when severty >= minor", "E201 severty"),
    "text": ("    Give no help", "   Give no help", "E104    "),
    "unknown key": ("    Respect choices.\n", "    Respect choices.\n  wieght: 1\n", "E107 wieght"),
    "tab": ("  decided: 60%", "\tdecided: 60%", "E103 \t"),
    "outcome": ("grave: prefer harm", "grave: prefr harm", "E106 prefr"),
    "zero": ("otherwise: weigh harm 2, autonomy 1", "otherwise: weigh harm 2, autonomy 0", "E305 0"),
    "digits": ("  draw: 1", "  draw: " + "1" * 20, "E116 " + "1" * 20),
    "field": ("  critique:\n    It helps.", "  critique\n    It helps.", "E106 critique"),
    "case": ("  case severity grave", "  case severity grve", "E201 grve"),
    "expectation": ("  expect harm over autonomy", "  expect harm ovr autonomy", "E106 ovr"),
    "rule": ("  expect rule 1 of first", "  expect rule 1 of frst", "E201 frst"),
    "row": ("    grave | harm over autonomy; rule", "    5 | harm over autonomy; rule", "E106 5"),
    "cell": ("    minor |", "    minr |", "E201 minr"),
    "share": ("| weigh harm 2, autonomy 1", "| harm at least 101%", "E305 at least 101%"),
    "pair": ("  under harm.weapons", "  under harm.wepons", "E201 harm.wepons"),
    "worse": ("    W\n", "    B\n", "E602 B"),
}
PLANTS_IN_TEMPLATE = {
    "filter": ("{{ prompt }}", "{{ prompt | upper }}", "E402 prompt"),
    "tag": ("{% assistant %}", "{% asistant %}", "E401 asistant"),
    "name": ("{{ critique_request }}", "{{ critique_requst }}", "E406 critique_requst"),
    "for": ("for one in over", "for one over over", "E401 over"),
    "if": ("if examples", "if examples ==", "E401 %}"),
    "message": ("{{ statement }}", "{{ statement 5 }}", "E401 5"),
}


@settings(max_examples=60)
@given(st.sets(st.sampled_from(sorted(PLANTS))), st.sets(st.sampled_from(sorted(PLANTS_IN_TEMPLATE))))
def test_each_planted_mistake_is_told_and_nothing_else(planted: set[str], in_template: set[str]) -> None:
    text, template = TEXT, TEMPLATE
    told = []
    for name in planted:
        old, new, expected = PLANTS[name]
        assert old in text
        text = text.replace(old, new, 1)
        told.append(expected)
    for name in in_template:
        old, new, expected = PLANTS_IN_TEMPLATE[name]
        template = template.replace(old, new, 1)
        told.append(expected)
    texts = {"constitution.const": text, "own.j2": template}
    load = lambda name: Source(name, texts[name]) if name in texts else package_loader(name)  # noqa: E731
    compiled = compile_text(text, loader=load)
    found = compiled.diagnostics
    places = [(one.code, one.primary.span) for one in found]
    assert sorted(f"{code} {texts[span.file][span.start : span.end]}" for code, span in places) == sorted(told)
    for number, (_, span) in enumerate(places):
        assert all(span != other for _, other in places[number + 1 :])
