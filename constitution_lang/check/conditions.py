"""Conditions with their names resolved: every operator becomes the set of values for which it is true."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from constitution_lang.check.program import CheckedAttribute
from constitution_lang.check.suggest import did_you_mean, nearest
from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Fix, Label
from constitution_lang.ir import model as ir
from constitution_lang.source import Span
from constitution_lang.syntax import nodes
from constitution_lang.syntax.words import TURNED

__all__ = ["ConditionChecker"]


class ConditionChecker:
    """Resolves conditions against the attributes; collects what is wrong with them in `found`."""

    def __init__(
        self, attributes: Mapping[str, CheckedAttribute], broken: Collection[str], *, incomplete: bool
    ) -> None:
        self.attributes = attributes
        self.broken = broken
        """Attributes that are declared, but not well: what is said of them is not looked at."""
        self.incomplete = incomplete
        self.found: list[Diagnostic] = []
        self._kept: dict[tuple[str, str, str], ir.Compare] = {}
        """What comparisons came to in which there was nothing to find: many principles ask the same."""

    def resolve(self, condition: nodes.Condition | None) -> ir.Condition:
        """The condition over value sets; no condition is always true."""
        match condition:
            case None:
                return ir.ALWAYS
            case nodes.And(operands):
                return ir.AllOf(tuple(self.resolve(c) for c in operands))
            case nodes.Or(operands):
                return ir.AnyOf(tuple(self.resolve(c) for c in operands))
            case nodes.Not(operand):
                return ir.Not(self.resolve(operand))
            case nodes.MemberTest(attribute, values):
                return ir.Compare(
                    attribute.text, self._ordered(attribute, [v.text for v in self._known(attribute, values)])
                )
            case nodes.BinaryTest():
                return self._binary(condition)

    def value(self, attribute: nodes.Name, value: nodes.Name, *, beside: bool) -> None:
        """Check one attribute and value, as a `case` line names them, beside each other, or a table."""
        if not (beside and self._flipped(attribute, value, value.text, attribute.span.to(value.span))):
            self._known(attribute, (value,))

    def _binary(self, test: nodes.BinaryTest) -> ir.Condition:
        asked = (test.attribute.text, test.operator, test.value.text)
        kept = self._kept.get(asked)
        if kept is not None:
            return kept
        turned = f"{test.value.text} {TURNED.get(test.operator, test.operator)}"
        if self._flipped(test.attribute, test.value, turned, test.span):
            return ir.Compare(test.value.text, ())
        known = self._known(test.attribute, (test.value,))
        attribute = self.attributes.get(test.attribute.text)
        if attribute is None or not known:
            return ir.Compare(test.attribute.text, ())
        if test.operator in _ORDERING and attribute.kind is not ir.AttributeKind.LEVELS:
            self.found.append(
                codes.E308.at(
                    test.span,
                    f"the values of `{test.attribute.text}` have no order",
                    secondary=(Label(attribute.block.name.span, "declared with `one of`"),),
                    help="compare with `is` or `is one of`, or declare the values as `levels: a < b`",
                )
            )
            return ir.Compare(test.attribute.text, ())
        at = attribute.values.index(test.value.text)
        values = [value for i, value in enumerate(attribute.values) if _holds(test.operator, i, at)]
        result = self._kept[asked] = ir.Compare(test.attribute.text, self._ordered(test.attribute, values))
        return result

    def _flipped(self, first: nodes.Name, second: nodes.Name, turned: str, span: Span) -> bool:
        """Say so where a value stands first and its attribute second; `turned` is what stands before the value then."""
        attribute = self.attributes.get(second.text)
        if attribute is None or first.text in self.attributes or first.text in self.broken:
            return False
        value = nearest(first.text, attribute.values)
        if value is None:
            return False
        why = f": it is a value of `{second.text}`" if value == first.text else ""
        self.found.append(
            codes.E201.at(
                first.span,
                f"there is no attribute `{first.text}`{why}",
                secondary=(Label(attribute.block.name.span, "declared here"),),
                help=f"the attribute comes first: write `{turned} {value}`",
                fix=Fix(span, f"{turned} {value}", f"write `{turned} {value}`"),
            )
        )
        return True

    def _ordered(self, attribute: nodes.Name, values: Collection[str]) -> tuple[str, ...]:
        """Without repetitions and in the order of declaration, levels; sorted, otherwise."""
        declared = self.attributes.get(attribute.text)
        return tuple(value for value in declared.values if value in values) if declared else ()

    def _known(self, attribute: nodes.Name, values: tuple[nodes.Name, ...]) -> tuple[nodes.Name, ...]:
        if attribute.text == nodes.UNREAD:
            return ()
        declared = self.attributes.get(attribute.text)
        if declared is None:
            if attribute.text not in self.broken and not self.incomplete:
                hint = did_you_mean(
                    attribute.span, attribute.text, self.attributes, "declare it with `attribute` and its values"
                )
                self.found.append(codes.E201.at(attribute.span, f"there is no attribute `{attribute.text}`", **hint))
                self._misspelled_beside(attribute, values)
            return ()
        for value in values:
            if value.text not in declared.values and value.text != nodes.UNREAD:
                self._no_value(declared, value)
        return tuple(value for value in values if value.text in declared.values)

    def _misspelled_beside(self, attribute: nodes.Name, values: tuple[nodes.Name, ...]) -> None:
        """Say which values are misspelt beside an attribute that is: those that are nearly some of the one meant."""
        best = nearest(attribute.text, self.attributes)
        if best is None:
            return
        declared = self.attributes[best]
        for value in values:
            if value.text not in declared.values and nearest(value.text, declared.values):
                self._no_value(declared, value)

    def _no_value(self, declared: CheckedAttribute, value: nodes.Name) -> None:
        listed = ", ".join(f"`{v}`" for v in declared.values)
        name = declared.block.name
        self.found.append(
            codes.E201.at(
                value.span,
                f"`{name.text}` has no value `{value.text}`",
                secondary=(Label(name.span, "declared here"),),
                **did_you_mean(value.span, value.text, declared.values, f"its values are {listed}"),
            )
        )


_ORDERING = tuple(TURNED)


def _holds(operator: str, i: int, at: int) -> bool:
    match operator:
        case "is":
            return i == at
        case "is not":
            return i != at
        case "<":
            return i < at
        case "<=":
            return i <= at
        case ">":
            return i > at
        case ">=":
            return i >= at
        case _:
            raise AssertionError(f"unknown operator {operator}")
