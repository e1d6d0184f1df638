"""What a template may use up while it is evaluated: so many steps, and texts and numbers so large, and no more.

A template is part of a constitution that somebody may have sent: it must not be able to bring down the compiler.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sized
from contextvars import ContextVar
from functools import wraps
from math import prod
from typing import TYPE_CHECKING, Any, TypeVar

from jinja2 import nodes
from jinja2.exceptions import TemplateRuntimeError
from jinja2.nativetypes import NativeCodeGenerator
from jinja2.sandbox import ImmutableSandboxedEnvironment

if TYPE_CHECKING:
    from jinja2.compiler import Frame
    from jinja2.runtime import Context

__all__ = ["LENGTH_MAX", "BoundedEnvironment", "bounded_text", "new_budget", "too_long"]

STEPS_MAX = 100_000
"""Items of loops and calls in one evaluation."""
LENGTH_MAX = 1_000_000
"""Characters of a text, items of a list."""
NUMBER_MAX = 10_000
"""What a width or a count may be."""
_BITS_MAX = 4_096
_WIDE = re.compile(r"\d{5,}")
_GROWING = ("batch", "center", "format", "indent", "join", "replace", "slice", "tojson", "truncate", "wordwrap")
"""Filters whose result may be much larger than what goes in."""

_T = TypeVar("_T")
_left: ContextVar[list[int]] = ContextVar("_left")


def new_budget() -> None:
    """Begin an evaluation."""
    _left.set([STEPS_MAX])


def bounded_text(value: _T) -> _T:
    """The value, unless it is too long.

    Raises:
        TemplateRuntimeError: it is.
    """
    if isinstance(value, Sized) and len(value) > LENGTH_MAX:
        raise too_long()
    return value


def too_long() -> TemplateRuntimeError:
    """The error of what is too long."""
    return TemplateRuntimeError(f"this grows beyond {LENGTH_MAX:,} characters or items")


def _spend(steps: int) -> None:
    left = _left.get([STEPS_MAX])
    left[0] -= steps
    if left[0] < 0:
        raise TemplateRuntimeError(f"the template takes more than {STEPS_MAX:,} steps")


def _loop(items: Iterable[_T]) -> Iterator[_T]:
    for item in items:
        _spend(1)
        yield item


def _bounded_range(*args: int) -> range:
    made = range(*args)
    if len(made) > NUMBER_MAX:
        raise TemplateRuntimeError(f"a range has at most {NUMBER_MAX:,} numbers")
    _spend(len(made))
    return made


def _refuse_growth(values: Iterable[object]) -> None:
    """No large width or count, and no text so often in another that the result is too long."""
    lengths = []
    for value in values:
        if isinstance(value, int | float) and abs(value) > NUMBER_MAX:
            raise TemplateRuntimeError(f"a width or count is at most {NUMBER_MAX:,}")
        if isinstance(value, Sized):
            lengths.append(max(len(value), 1))
        if isinstance(value, list | tuple) and sum(len(one) for one in value if isinstance(one, Sized)) > LENGTH_MAX:
            raise too_long()
    if prod(lengths) > 10 * LENGTH_MAX:
        raise too_long()


def _careful(filter_: Callable[..., Any], name: str) -> Callable[..., Any]:
    @wraps(filter_)
    def bounded(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever a filter takes
        plain = [*(one for one in args if isinstance(one, str | int | float | list | tuple)), *kwargs.values()]
        _refuse_growth(plain)
        if name == "format":
            _refuse_wide(plain)
        return bounded_text(filter_(*args, **kwargs))

    return bounded


def _refuse_wide(values: Iterable[object]) -> None:
    if any(isinstance(value, str) and _WIDE.search(value) for value in values):
        raise TemplateRuntimeError(f"a width or count is at most {NUMBER_MAX:,}")


class _BoundedGenerator(NativeCodeGenerator):
    """Counts the steps of loops, and looks at the length of what is joined."""

    def visit_For(self, node: nodes.For, frame: Frame) -> None:  # noqa: N802 - Jinja's own
        counted = nodes.Call(nodes.EnvironmentAttribute("loop"), [node.iter], [], None, None, lineno=node.lineno)
        parts = node.target, counted, node.body, node.else_, node.test, node.recursive
        loop = nodes.For(*parts, lineno=node.lineno)
        loop.set_environment(self.environment)
        super().visit_For(loop, frame)

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 - Jinja's own
        self.write("environment.bounded_text(")
        super().visit_Concat(node, frame)
        self.write(")")


class BoundedEnvironment(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, with these bounds."""

    code_generator_class = _BoundedGenerator
    intercepted_binops = frozenset({"+", "*", "**", "%"})
    loop = staticmethod(_loop)
    bounded_text = staticmethod(bounded_text)

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - Jinja's own
        super().__init__(**options)
        self.globals["range"] = _bounded_range
        for name in _GROWING:
            self.filters[name] = _careful(self.filters[name], name)

    def call(self, context: Context, obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - Jinja's own
        """Call something in a template: one step, and no method of a text that makes it grow beyond bounds."""
        _spend(1)
        of = getattr(obj, "__self__", None)
        if isinstance(of, str):
            _refuse_growth([of, *args, *kwargs.values()])
        return bounded_text(super().call(context, obj, *args, **kwargs))

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:  # noqa: ANN401 - Jinja's own
        """What `text.format` is in a template; it may ask for no large width."""
        wrapped = super().wrap_str_format(value)
        if wrapped is not None:
            _refuse_wide([value.__self__])
        return wrapped

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401 - Jinja's own
        """What an operator gives, unless that is too large."""
        numbers = isinstance(left, int) and isinstance(right, int)
        if operator == "**" and numbers and left.bit_length() * abs(right) > _BITS_MAX:
            raise TemplateRuntimeError("this number is too large")
        if operator == "*" and numbers and left.bit_length() + right.bit_length() > _BITS_MAX:
            raise TemplateRuntimeError("this number is too large")
        if operator == "*" and not numbers:
            times, of = (left, right) if isinstance(left, int) else (right, left)
            if isinstance(of, Sized) and isinstance(times, int) and len(of) * times > LENGTH_MAX:
                raise too_long()
        if operator == "%" and isinstance(left, str):
            _refuse_wide([left])
            _refuse_growth([right] if isinstance(right, int | float) else right if isinstance(right, tuple) else [])
        return bounded_text(super().call_binop(context, operator, left, right))
