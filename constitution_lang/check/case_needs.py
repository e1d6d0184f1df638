"""Whether a constitution has anything in it that only its cases can tell. If not, the analysis stays unloaded."""

from __future__ import annotations

from constitution_lang.ir.model import AllOf, AnyOf, Bundle, Compare, Condition

__all__ = ["needs_cases"]


def needs_cases(draft: Bundle) -> bool:
    """Whether `check_cases` could find something.

    Without tensions and shares, only categories that meet, or a condition that is never true.
    """
    if len({p.category for p in draft.principles}) > 1:
        return True
    if draft.tensions or any(c.shares for c in draft.categories) or any(p.shares for p in draft.principles):
        return True
    known: dict[Condition, bool] = {}
    for principle in draft.principles:
        condition = principle.applies
        if condition not in known:
            known[condition] = _is_sometimes_true(condition)
        if not known[condition]:
            return True
    return False


def _is_sometimes_true(condition: Condition) -> bool:
    """Whether it is plain that some case makes a condition true; False where that takes more than a look."""
    match condition:
        case Compare(values=values):
            return bool(values)
        case AnyOf(operands):
            return any(map(_is_sometimes_true, operands))
        case AllOf(operands):
            attributes = {operand.attribute for operand in operands if isinstance(operand, Compare)}
            return len(attributes) == len(operands) and all(map(_is_sometimes_true, operands))
        case _:
            return False
