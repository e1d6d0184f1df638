"""The questions about a prompt: their values, their defaults, and what is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod

from constitution_lang.analysis.outcomes import conditions
from constitution_lang.diagnostics.numbers import number_of
from constitution_lang.diff.defaults import default_change, of_cases
from constitution_lang.diff.model import (
    Aspect,
    Change,
    Grade,
    PromptText,
    Stale,
    Subject,
    SubjectKind,
    Work,
    change,
)
from constitution_lang.diff.pairing import Pairing
from constitution_lang.diff.principles import retired_lines
from constitution_lang.diff.staleness import of_tags
from constitution_lang.diff.tensions import rules_text
from constitution_lang.diff.words import condition_words, listed
from constitution_lang.ir.model import AllOf, AnyOf, Attribute, Bundle, Compare, Condition, Not

__all__ = ["attribute_changes"]


def attribute_changes(pairing: Pairing, texts: Mapping[str, tuple[PromptText, ...]]) -> Iterator[Change]:
    """Every attribute that came, went or changed. `texts` are the differences of tag prompts, by attribute."""
    old = {a.id: a for a in pairing.old.attributes}
    retired = retired_lines(pairing)
    for new in pairing.new.attributes:
        before = old.pop(new.id, None)
        if before is None:
            says = f"{new.id} is new: each prompt is asked for {listed(new.values, 'or')}"
            yield change(
                Grade.BEHAVIOUR, _subject(new), Aspect.ADDED, says, (None, new.origin), values=("", _whole(new)),
                stale=_asked(new, pairing.new),
            )  # fmt: skip
        else:
            yield from _changed(before, new, pairing, texts.get(new.id, ()))
    for gone in old.values():
        line = retired.get((SubjectKind.ATTRIBUTE, gone.id))
        if line is not None:
            says = f"{gone.id} is retired: no prompt is asked for it"
            yield change(
                Grade.BEHAVIOUR, _subject(gone), Aspect.RETIRED, says, (gone.origin, line.origin),
                values=(_values(gone), ""),
                stale=(Stale(Work.TAGS, f"tags of {gone.id} are left; nothing is asked anew", attributes=(gone.id,)),),
            )  # fmt: skip


def _subject(attribute: Attribute) -> Subject:
    return Subject(SubjectKind.ATTRIBUTE, attribute.id)


def _asked(attribute: Attribute, bundle: Bundle) -> tuple[Stale, ...]:
    """The tags, and what follows from those that come out otherwise: nothing where no condition looks at them."""
    tags = of_tags(attribute.id, (f"tag/{attribute.id}",))
    used = any(_looks(c, attribute.id) for c in conditions(bundle))
    return (tags, *of_cases(f"whose {attribute.id} the model gave")) if used else (tags,)


def _looks(condition: Condition, id: str) -> bool:
    match condition:
        case Compare(attribute, _):
            return attribute == id
        case Not(operand):
            return _looks(operand, id)
        case AllOf(operands) | AnyOf(operands):
            return any(_looks(c, id) for c in operands)


def _values(attribute: Attribute) -> str:
    return f"{attribute.kind}: {(' < ' if attribute.kind == 'levels' else ', ').join(attribute.values)}"


def _asks(attribute: Attribute) -> str:
    """What a prompt for its tag is made of."""
    return f"{_values(attribute)}\nquestion: {attribute.question}"


def _whole(attribute: Attribute) -> str:
    return f"{_asks(attribute)}\ndefault: {attribute.default}"


def _changed(old: Attribute, new: Attribute, pairing: Pairing, texts: tuple[PromptText, ...]) -> Iterator[Change]:
    places, subject = (old.origin, new.origin), _subject(new)
    stale = _asked(new, pairing.new)
    if _values(old) != _values(new):
        same = set(old.values) == set(new.values)
        asked = old.values != new.values
        if not same:
            grade, says = Grade.BEHAVIOUR, _came_and_went(old, new, pairing)
        elif asked:
            grade, says = Grade.WORDING, f"the values of {new.id} stand in another order, and so does the question"
        else:
            says = f"the values of {new.id} are {new.kind} now, and were {old.kind}"
            grade = Grade.WORDING if texts else Grade.METADATA
        if old.question != new.question:
            says += ", and its question is put otherwise"
        came = [v for v in new.values if v not in old.values]
        about = (_asks(new), *_said_of(new.id, pairing.new)) if came else (_asks(new),)
        yield change(
            grade, subject, Aspect.VALUES, says, places, values=(_asks(old), "\n".join(about)), prompts=texts,
            stale=stale if asked or texts else (),
        )  # fmt: skip
    elif texts:
        yield change(
            Grade.WORDING, subject, Aspect.WORDING, f"the question of {new.id} is put otherwise", places,
            values=(old.question, new.question), prompts=texts, stale=stale,
        )  # fmt: skip
    elif old.question != new.question:
        says = f"the question of {new.id} is put otherwise, and no prompt carries it"
        grade = Grade.METADATA if pairing.new.prompts else Grade.WORDING
        yield change(grade, subject, Aspect.WORDING, says, places, values=(old.question, new.question))
    if old.default != new.default:
        yield default_change(old, new, pairing)


def _said_of(id: str, bundle: Bundle) -> Iterator[str]:
    """All conditions that look at an attribute: what holds in cases that one version only knows is told with it."""
    declared = {a.id: a for a in bundle.attributes}
    for principle in bundle.principles:
        if _looks(principle.applies, id):
            yield f"{principle.id} applies when {condition_words(principle.applies, declared)}"
    for tension in bundle.tensions:
        if any(_looks(rule.condition, id) for rule in tension.rules):
            yield f"{tension.id}: {rules_text(tension, declared)}"


def _came_and_went(old: Attribute, new: Attribute, pairing: Pairing) -> str:
    came = [v for v in new.values if v not in old.values]
    went = [v for v in old.values if v not in new.values]
    parts = []
    if came:
        parts.append(
            f"has the new value{_s(came)} {listed(came)}: {number_of(_cases(pairing.new, new, came), 'new cases')}"
        )
        if told := [line.partition(" ")[0].rstrip(":") for line in _said_of(new.id, pairing.new)]:
            parts[-1] += f", in which {listed(told)} look{_s_of(told)} at it"
    if went:
        lost = _cases(pairing.old, old, went)
        parts.append(f"lost {listed(went)}: {number_of(lost, 'cases')} that {'is' if lost == 1 else 'are'} no more")
    return f"{new.id} {' and '.join(parts)}"


def _s_of(subjects: list[str]) -> str:
    return "s" if len(subjects) == 1 else ""


def _s(listed: list[str]) -> str:
    return "" if len(listed) == 1 else "s"


def _cases(bundle: Bundle, attribute: Attribute, values: list[str]) -> int:
    return len(values) * prod(len(a.values) for a in bundle.attributes if a.id != attribute.id)
