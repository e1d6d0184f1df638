"""The YAML of Rule-Based Rewards: propositions about a response, and classes of responses in an order.

A simple proposition becomes an attribute of the case, answered yes or no; a derived one is written out where it is
used. The best class becomes a category with a principle for each kind of request, which says what is asked of a
response. All other classes become principles of a second category, which say what a response falls short of, each under
the condition that makes a response one of that class. The order of the classes becomes the rules of the tension between
the two: one for each class, from the best to the worst, so that the first that holds decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, TypeAlias

from constitution_lang.compile import compile_text
from constitution_lang.diagnostics import codes
from constitution_lang.interchange.data import Data, list_at, mapping_at, text_at
from constitution_lang.interchange.draft import Draft, Imported, WrongInputError

__all__ = ["from_propositions"]

KIND = "response_type"
GRADES = "grades"
_ITEM = re.compile(r"(?:[-*]|\d+[.)])[ \t]+(.+)")
_KNOWN = ("prompt_template", "completion_class_order", "completion_classes", "derived_propositions",
          "simple_propositions")  # fmt: skip

Wanted: TypeAlias = dict[str, bool]


@dataclass(frozen=True, slots=True)
class _Propositions:
    """The questions of the simple propositions, their ids, and what the derived ones ask for."""

    questions: dict[str, str]
    ids: dict[str, str]
    derived: dict[str, Wanted]

    def condition(self, name: str, value: bool) -> str:  # noqa: FBT001
        """A proposition as a condition; a derived one is in brackets."""
        if name in self.questions:
            return f"{self.ids[name]} is {_word(value)}"
        whole = f"({self.all_of(self.derived[name])})"
        return whole if value else f"not {whole}"

    def all_of(self, wanted: Wanted) -> str:
        """All of some propositions."""
        return " and ".join(self.condition(name, value) for name, value in wanted.items())

    def criteria(self, wanted: Wanted, indent: str = "") -> list[str]:
        """The same for people and models, a line for each."""
        lines: list[str] = []
        for name, value in wanted.items():
            if name in self.questions:
                lines.append(f"{indent}- {_word(value).capitalize()}: {self.questions[name]}")
            elif value:
                lines += self.criteria(self.derived[name], indent)
            else:
                lines += [f"{indent}- Not all of these:", *self.criteria(self.derived[name], indent + "  ")]
        return list(dict.fromkeys(lines))


def from_propositions(data: Data, name: str, title: str) -> Imported:
    """A principle for each class and kind of request.

    Raises:
        WrongInputError: the input is of another form, or names a proposition that it does not have.
    """
    draft = Draft()
    draft.head(name, title, "the name")
    whole = mapping_at(data, data.value, "")
    order = [
        text_at(data, one, f"completion_class_order[{index}]")
        for index, one in enumerate(list_at(data, whole.get("completion_class_order"), "completion_class_order"))
    ]
    classes = {
        name: mapping_at(data, kinds, f"completion_classes.{name}")
        for name, kinds in mapping_at(data, whole.get("completion_classes"), "completion_classes").items()
    }
    _same_classes(data, order, classes)
    kinds = list(dict.fromkeys(kind for name in order for kind in classes[name]))
    if not kinds:
        raise WrongInputError(data.place("completion_classes"), "no class says what makes it one")
    known = _propositions(draft, data, whole)
    _note_derived(draft, data, known, classes)
    for bare in (one for one in order if not classes[one]):
        draft.note(data.place(f"completion_classes.{bare}"), "left out: no kind of request says what makes this class")
    kind_ids = _kinds(draft, data, kinds)
    best, *worse = order
    ideal, short = draft.id(best, data.place(f"completion_classes.{best}")), draft.id(GRADES, "the name")
    draft.lines += ["", f"category {ideal} {draft.quoted(f'{_plain(best)}: what is asked of a response', best)}"]
    if worse:
        draft.lines += ["", f'category {short} "What a graded response falls short of"']
    for kind in kinds:
        path = f"completion_classes.{best}.{kind}"
        wanted = classes[best].get(kind)
        criteria = known.criteria(_wanted(data, wanted, path, known)) if wanted else []
        draft.lines += ["", f"principle {draft.id(kind, data.place(path), ideal)}", f"  applies when {kind_ids[kind]}"]
        _texts(draft, data.place(path), best, kind, order, criteria)
    rules: list[_Rule] = []
    for rank, one in enumerate(worse, 1):
        conditions = []
        for kind, wanted in classes[one].items():
            path = f"completion_classes.{one}.{kind}"
            conditions.append(f"{kind_ids[kind]} and {known.all_of(_wanted(data, wanted, path, known))}")
            id = draft.id(f"{one}-{kind}", data.place(path), short)
            draft.lines += ["", f"principle {id}", f"  applies when {conditions[-1]}"]
            asked = classes[best].get(kind)
            _texts(draft, data.place(path), one, kind, order, known.criteria(asked) if asked else [])
        outcome = f"weigh {ideal} {len(worse) - rank}, {short} {rank}" if rank < len(worse) else f"prefer {short}"
        rules.append(_Rule(one, " or ".join(f"({one})" for one in conditions), outcome))
    _left_out(draft, data, whole)
    return _with_order(draft, name, (ideal, short), [rule for rule in rules if rule.condition])


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a class makes of a response: its condition for all kinds, and what comes first then."""

    of: str
    condition: str
    outcome: str


def _with_order(draft: Draft, name: str, sides: tuple[str, str], rules: list[_Rule]) -> Imported:
    """With a rule for each class, the last for what is left. A class that earlier ones take in whole needs none."""
    if not rules:
        return draft.finish(name)
    before = len(draft.lines)
    id = draft.id("order-of-classes", "completion_class_order")
    while True:
        *whens, last = rules
        draft.lines += ["", f"tension {id}", f"  between {sides[0]} and {sides[1]}"]
        draft.lines += [f"  when {rule.condition}: {rule.outcome}" for rule in whens]
        draft.lines += [f"  otherwise: {last.outcome}"]
        made = draft.finish(name)
        idle = _idle_rules(made.text, id, len(rules))
        if not idle:
            draft.note(
                "completion_class_order",
                "the order became the rules of one tension; there are no numbers in it, so the ranks are the weights",
            )
            return draft.finish(name)
        del draft.lines[before:]
        for number in idle:
            draft.note(
                "completion_class_order", f"no rule for {rules[number].of}: every case of it is of a better class"
            )
        rules = [rule for number, rule in enumerate(rules) if number not in idle]


def _idle_rules(text: str, tension: str, count: int) -> set[int]:
    """The numbers, from 0, of the rules that decide nothing."""
    bundle = compile_text(text).bundle
    assert bundle is not None
    [made] = [one for one in bundle.tensions if one.id == tension]
    lines = {rule.origin.line: number for number, rule in enumerate(made.rules)}
    findings = [found for found in compile_text(text).diagnostics if found.code in {codes.W501.id, codes.W505.id}]
    told = {lines.get(text.count("\n", 0, found.primary.span.start) + 1) for found in findings}
    return {number for number in told if number is not None} if len(told) < count else set()


def _word(value: bool) -> str:  # noqa: FBT001
    return "yes" if value else "no"


def _plain(name: str) -> str:
    return name.replace("_", " ").strip()


def _same_classes(data: Data, order: list[str], classes: dict[str, Any]) -> None:
    for index, name in enumerate(order):
        if name not in classes or name in order[:index]:
            what = "is named twice" if name in order[:index] else "is not among the completion_classes"
            raise WrongInputError(data.place(f"completion_class_order[{index}]"), f"the class {name!r} {what}")
    for name in classes:
        if name not in order:
            raise WrongInputError(data.place(f"completion_classes.{name}"), "this class has no place in the order")
    if not order:
        raise WrongInputError(data.place("completion_class_order"), "there is no class in it")


def _wanted(data: Data, value: object, path: str, known: _Propositions | None = None) -> Wanted:
    wanted = mapping_at(data, value, path)
    if not wanted:
        raise WrongInputError(data.place(path), "nothing is asked for here")
    for name, one in wanted.items():
        if not isinstance(one, bool):
            raise WrongInputError(data.place(f"{path}.{name}"), f"expected true or false, found {one!r}")
        if known and name not in known.questions and name not in known.derived:
            raise WrongInputError(data.place(f"{path}.{name}"), f"there is no proposition {name!r}")
    return wanted


def _propositions(draft: Draft, data: Data, whole: dict[str, Any]) -> _Propositions:
    questions: dict[str, str] = {}
    ids: dict[str, str] = {}
    simple = mapping_at(data, whole.get("simple_propositions"), "simple_propositions")
    for name, entry in simple.items():
        path = f"simple_propositions.{name}"
        prompt = text_at(data, mapping_at(data, entry, path).get("prompt"), f"{path}.prompt").strip()
        place = data.place(path)
        question, rest = _question(name, prompt)
        ids[name] = draft.id(name, place)
        draft.lines.append("")
        if rest.strip():
            count = len(rest.split())
            draft.note(place, f"guidance after the question ({count} words) is a comment: no model is shown it")
            draft.comment(rest.strip("\n"), place)
        quoted = draft.quoted(question, place)
        questions[name] = quoted[1:-1]
        draft.lines += [f"attribute {ids[name]} {quoted}", "  one of: no, yes", "  default: no"]
        for key in entry.keys() - {"prompt"}:
            draft.note(data.place(f"{path}.{key}"), f"left out: {entry[key]!r}")
    path = "derived_propositions"
    derived = {
        name: _wanted(data, entry, f"{path}.{name}")
        for name, entry in mapping_at(data, whole.get(path) or {}, path).items()
    }
    known = _Propositions(questions, ids, derived)
    for name, wanted in derived.items():
        _wanted(data, wanted, f"{path}.{name}", known)
        if name in questions:
            raise WrongInputError(data.place(f"{path}.{name}"), "a simple proposition has this name already")
        _no_circle(data, derived, (name,))
    return known


def _note_derived(draft: Draft, data: Data, known: _Propositions, classes: dict[str, Any]) -> None:
    """Say of each derived proposition what became of it."""
    used: set[str] = set()
    left = [name for kinds in classes.values() for wanted in kinds.values() for name in wanted or ()]
    while left:
        name = left.pop()
        if name in known.derived and name not in used:
            used.add(name)
            left += known.derived[name]
    for name in known.derived:
        what = "a derived proposition has no name of its own: written out where used"
        if name not in used:
            what = "left out: no class asks for it, and a derived proposition has no name of its own"
        draft.note(data.place(f"derived_propositions.{name}"), what)


def _question(name: str, prompt: str) -> tuple[str, str]:
    """The question on one line, and what follows it.

    Where the first line asks nothing, what comes before the first blank line or list does; and where that ends in a
    colon, the list that it announces is part of it, without what stands below its items.
    """
    first, _, rest = prompt.partition("\n")
    if "?" in first:
        return first, rest
    lines = prompt.split("\n")
    end = next((n for n, line in enumerate(lines) if not line.strip() or _ITEM.match(line)), len(lines))
    opening = " ".join(line.strip() for line in lines[:end])
    if opening.endswith(":"):
        opening += f" {'; '.join(_items(lines[end:]))}"
    return f"{_plain(name).capitalize()}, yes or no? {opening}", "\n".join(lines[end:])


def _items(lines: list[str]) -> list[str]:
    """The items of the first list, whose own heading may stand before it."""
    items: list[str] = []
    for line in lines:
        found = _ITEM.match(line)
        if found:
            items.append(found.group(1).strip())
        elif items and line.strip() and not line[0].isspace():
            break
    return items


_DEEP = 40
"""Conditions nest no deeper than fifty, with what stands around them."""


def _no_circle(data: Data, derived: dict[str, Wanted], path: tuple[str, ...]) -> None:
    if len(path) > _DEEP:
        place = data.place(f"derived_propositions.{path[0]}")
        raise WrongInputError(
            place, f"this builds on more than {_DEEP} others, each on the next; write some of them out"
        )
    for name in derived[path[-1]]:
        if name in path:
            place = data.place(f"derived_propositions.{path[0]}")
            raise WrongInputError(place, f"this leads back to itself: {', '.join((*path, name))}")
        if name in derived:
            _no_circle(data, derived, (*path, name))


def _kinds(draft: Draft, data: Data, kinds: list[str]) -> dict[str, str]:
    """The attribute for the kind of response that a request calls for; the condition of each kind."""
    place = data.place("completion_classes")
    id = draft.id(KIND, place)
    draft.lines += ["", f'attribute {id} "What kind of response does the request call for?"']
    if len(kinds) == 1:
        kinds = [*kinds, "other"]
        draft.note(place, "one kind of response is all there is; `other` stands beside it")
    made = {kind: draft.id(kind, place, id).removeprefix(f"{id}.") for kind in kinds}
    made = {kind: word if word[0].isalpha() and word != "not" else f"x-{word}" for kind, word in made.items()}
    default = made.get("comply", made[kinds[0]])
    draft.lines += [f"  one of: {', '.join(made.values())}", f"  default: {default}"]
    draft.note(place, f"the kinds under each class became the attribute {id}, with {default} where nothing is known")
    return {kind: f"{id} is {word}" for kind, word in made.items()}


def _texts(  # noqa: PLR0917 - all of them are texts
    draft: Draft, place: str, name: str, kind: str, order: list[str], criteria: list[str]
) -> None:
    best = _plain(order[0])
    ranks = ", ".join(_plain(one) for one in order)
    opening = f"Where the request calls for {_plain(kind)}, the response is {best}."
    lines = [opening, "", "Of such a response this is true:", "", *criteria] if criteria else [opening]
    if not criteria:
        draft.note(place, f"the class {order[0]} does not say what it asks of {kind}")
    draft.prose("statement", "\n".join(lines), place)
    missing = (
        "Say what keeps it from being better" if name != order[0] else "Say whether anything keeps it from staying so"
    )
    draft.prose(
        "critique", f"The response was graded as {_plain(name)}. {missing}. From best to worst: {ranks}.", place
    )
    draft.prose("revise", f"Rewrite the response so that it is {best}, with all that is asked of it.", place)
    draft.prose("prefer", f"Which response is of the better class? From best to worst: {ranks}.", place)


def _left_out(draft: Draft, data: Data, whole: dict[str, Any]) -> None:
    if "prompt_template" in whole:
        draft.note(data.place("prompt_template"), "left out: how a question is put stands in the templates")
    for key, value in whole.items():
        if key not in _KNOWN:
            draft.note(data.place(key), f"left out: {value!r}")
    draft.note(
        "the whole",
        "these propositions are about a response, and attributes are about a prompt with what the data set says of it: "
        "give each graded proposition as a column, since a model that sees the prompt alone can't answer",
    )
    draft.note("the whole", "the weights of the reward, fitted to the classes, are in neither file")
    draft.note("the whole", "comments of the YAML were left out")
