"""Runs the `test` blocks of a constitution, and makes findings of what does not hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic, Label
from constitution_lang.ir.cases import complete
from constitution_lang.ir.model import Bundle, Origin
from constitution_lang.source import Source, Span
from constitution_lang.syntax import nodes
from constitution_lang.syntax.spelling import spell_expect
from constitution_lang.testing.verdicts import Verdict, judge, rule_words

__all__ = ["Expected", "PlaceOf", "TestRun", "finding", "run_tests", "to_line_end"]

PlaceOf = Callable[[Origin], Span]
"""From a place of the bundle to the text that stands there, to the end of its line."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One expectation in one case, and what came of it. `named` is the case as it is written, `case` all of it."""

    title: str
    named: dict[str, str]
    case: dict[str, str]
    case_span: Span
    span: Span
    expectation: str
    verdict: Verdict

    @property
    def case_words(self) -> str:
        """`severity grave, topic general (default)`; in a constitution without attributes there is one case."""
        return ", ".join(f"{k} {v}{'' if k in self.named else ' (default)'}" for k, v in self.case.items())


@dataclass(frozen=True, slots=True)
class TestRun:
    """All expectations in the order of the text, and the pairs that need a model and were not run."""

    __test__ = False  # pytest must not collect it

    expected: tuple[Expected, ...]
    models: tuple[tuple[str, nodes.ModelCase], ...]

    @property
    def failed(self) -> tuple[Expected, ...]:
        """The expectations that do not hold."""
        return tuple(one for one in self.expected if not one.verdict.holds)


def run_tests(bundle: Bundle, trees: Iterable[nodes.FileTree], *, title: str = "") -> TestRun:
    """Run every test whose title has `title` in it, in either case of letters; `trees` are what was compiled."""
    tests = [
        block
        for tree in trees
        for block in tree.blocks
        if isinstance(block, nodes.TestBlock) and title.casefold() in block.title.value.casefold()
    ]
    expected = tuple(one for test in tests for one in _run(bundle, test))
    return TestRun(expected, tuple((test.title.value, model) for test in tests for model in test.models))


def _run(bundle: Bundle, test: nodes.TestBlock) -> Iterator[Expected]:
    for line, expectations in test.all_cases():
        named = {attribute.text: value.text for attribute, value in line.values}
        whole = complete(bundle, named)
        for expect in expectations:
            yield Expected(
                title=test.title.value,
                named=named,
                case=whole,
                case_span=line.span,
                span=expect.span,
                expectation=spell_expect(expect),
                verdict=judge(bundle, whole, expect),
            )


def to_line_end(source: Source, origin: Origin) -> Span:
    """What stands at a place of the bundle, to the end of its line; a comment does not count."""
    start = source.line_starts[origin.line - 1] + origin.column - 1
    line = source.line(origin.line)[origin.column - 1 :]
    return source.span(start, start + len(line.split(" #")[0].rstrip()))


def finding(expected: Expected, place_of: PlaceOf) -> Diagnostic:
    """What to say of an expectation that does not hold."""
    verdict = expected.verdict
    labels = [Label(expected.case_span, "in this case")]
    labels += [Label(place_of(d.rule.origin), f"{rule_words(d)} decides here") for d in verdict.decisions]
    help = "correct the constitution, or the expectation"
    if expected.case:
        help = f"the case is {expected.case_words}; {help}"
    return codes.E601.at(
        expected.span,
        f"expected `{expected.expectation}`, but {verdict.found}",
        secondary=tuple(labels),
        help=help,
    )
