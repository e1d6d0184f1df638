"""Another default of an attribute: the prompts of which nobody knows the value become other cases.

No case changes by it. So what is compared is the new version with itself: once where the attribute has the old default
throughout, and once where it has the new one, over the cases of all other attributes.
"""

from __future__ import annotations

from collections.abc import Collection

from msgspec import structs

from constitution_lang.diff.counts import Cases
from constitution_lang.diff.every_case import all_cases
from constitution_lang.diff.model import Aspect, Change, Grade, Stale, Subject, SubjectKind, Work, change
from constitution_lang.diff.pairing import Pairing, pair
from constitution_lang.diff.principles import principle_changes
from constitution_lang.diff.space import Common
from constitution_lang.diff.tensions import tension_changes
from constitution_lang.diff.words import count_words, listed
from constitution_lang.ir.cases import applicable
from constitution_lang.ir.model import ALWAYS, AllOf, AnyOf, Attribute, Bundle, Compare, Condition, Not

__all__ = ["default_change", "of_cases"]

_NEVER = AnyOf(())
_FOLLOWS = frozenset(Work) - {Work.TAGS, Work.MEASURES}


def default_change(old: Attribute, new: Attribute, pairing: Pairing) -> Change:
    """What becomes of a prompt of which nobody knows the value."""
    subject, places = Subject(SubjectKind.ATTRIBUTE, new.id), (old.origin, new.origin)
    says = f"a prompt whose {new.id} is not known is now {new.default}, and was {old.default}"
    cases, stale = None, of_cases(f"whose {new.id} is not known")
    if old.default in new.values:
        before, after = (_fixed(pairing.new, new.id, value) for value in (old.default, new.default))
        apart, common = pair(before, after), Common(before, after)
        found = [*principle_changes(apart, common), *tension_changes(apart, common)]
        cases = all_cases(found, common) or common.among(())
        stale = of_cases(f"whose {new.id} is not known", {s.work for one in found for s in one.change.stale})
        says += f"; {_what(old, new, pairing.new)}{_where(cases)}"
    return change(
        Grade.BEHAVIOUR, subject, Aspect.DEFAULT, says, places, values=(old.default, new.default), cases=cases,
        stale=stale,
    )  # fmt: skip


def of_cases(which: str, works: Collection[Work] = _FOLLOWS) -> tuple[Stale, ...]:
    """What follows from what a prompt is, for prompts that may be other cases than before."""
    told = [work for work in Work if work in works]
    says = f"{listed(told)} of prompts {which}, where that comes out otherwise"
    return tuple(Stale(work, says) for work in told)


def _where(cases: Cases) -> str:
    if cases.changed == 0:
        return "what applies and what is decided stays the same"
    if cases.changed == cases.total:
        return "it changes what applies or is decided, whatever else a prompt is"
    return f"it changes what applies or is decided in {count_words(cases.changed, cases.total)} of the other attributes"


def _what(old: Attribute, new: Attribute, bundle: Bundle) -> str:
    """Who comes and goes where all else is at its default; empty where nobody does."""
    before, after = ({p.id for p in applicable(bundle, {new.id: value})} for value in (old.default, new.default))
    parts = []
    if after - before:
        parts.append(f"{listed(sorted(after - before), at_most=6)} now appl{'y' if len(after - before) > 1 else 'ies'}")
    if before - after:
        parts.append(f"{listed(sorted(before - after), at_most=6)} no longer")
    return f"where all else is at its default {' and '.join(parts)}; " if parts else ""


def _fixed(bundle: Bundle, id: str, value: str) -> Bundle:
    """The constitution as it is for prompts of this value."""
    return structs.replace(
        bundle,
        attributes=tuple(a for a in bundle.attributes if a.id != id),
        principles=tuple(structs.replace(p, applies=_known(p.applies, id, value)) for p in bundle.principles),
        tensions=tuple(
            structs.replace(
                t, rules=tuple(structs.replace(r, condition=_known(r.condition, id, value)) for r in t.rules)
            )
            for t in bundle.tensions
        ),
    )


def _known(condition: Condition, id: str, value: str) -> Condition:
    match condition:
        case Compare(attribute, values):
            return condition if attribute != id else ALWAYS if value in values else _NEVER
        case AllOf(operands):
            return AllOf(tuple(_known(c, id, value) for c in operands))
        case AnyOf(operands):
            return AnyOf(tuple(_known(c, id, value) for c in operands))
        case Not(operand):
            return Not(_known(operand, id, value))
