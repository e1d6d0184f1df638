"""Where in the constitution a label's rules stand. What fired is kept; on which line it stands is of today's file."""

from __future__ import annotations

from msgspec.structs import replace

from constitution_lang.ir.model import Bundle, Tension
from runtime.records import Label

__all__ = ["meaning", "placed"]


def meaning(tension: Tension) -> tuple[object, ...]:
    """What a tension decides, without its reason, its owner and its place."""
    return tension.id, tension.sides, [(rule.condition, rule.outcome) for rule in tension.rules]


def placed(bundle: Bundle, label: Label) -> Label:
    """The label with the places that its rules have in `bundle`, in which the same tensions decide the same."""
    if not label.fired:
        return label
    rules = {t.id: t.rules for t in bundle.tensions}
    fired = tuple(replace(f, origin=rules[f.tension][f.rule - 1].origin) for f in label.fired)
    return label if fired == label.fired else replace(label, fired=fired)
