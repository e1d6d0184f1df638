"""What an editor offers where a rule or a tension never decides, or where none is: the edit as text."""

from __future__ import annotations

from constitution_lang.analysis.pairs import Meeting
from constitution_lang.check.program import CheckedProgram
from constitution_lang.diagnostics.model import Fix
from constitution_lang.ir.model import ALWAYS, Tension
from constitution_lang.source import Span
from constitution_lang.syntax.expectations import ExpectDecides

__all__ = ["new_tensions", "without_rule", "without_tension"]


def without_rule(program: CheckedProgram, tension: Tension, index: int) -> Fix | None:
    """Delete a rule (from 0) with its line; None for `otherwise`, or where a test counts the tension's rules."""
    if tension.rules[index].condition == ALWAYS or _is_tested(program, tension):
        return None
    rule = program.tensions[tension.id].block.rules[index]
    return Fix(_lines(program, rule.span), "", f"delete rule {index + 1} of `{tension.id}`", sure=False)


def without_tension(program: CheckedProgram, tension: Tension) -> Fix | None:
    """Delete a tension with one blank line beside it; None where a test names it."""
    if _is_tested(program, tension):
        return None
    span = _lines(program, program.tensions[tension.id].block.span)
    text = _text(program, span.file)
    if text.startswith("\n", span.end):
        span = Span(span.file, span.start, span.end + 1)
    elif span.end == len(text) and text.endswith("\n\n", 0, span.start):
        span = Span(span.file, span.start - 1, span.end)
    return Fix(span, "", f"delete `{tension.id}`", sure=False)


def new_tensions(program: CheckedProgram, met: tuple[Meeting, ...]) -> Fix:
    """Tensions between categories that meet, at the end of the constitution, which leave all weights as they are."""
    file = program.constitution.name.span.file
    text = _text(program, file)
    taken, blocks = set(program.tensions), []
    for meeting in met:
        one, other = meeting.categories
        id, number = f"{one}-{other}", 2
        while id in taken:
            id, number = f"{one}-{other}-{number}", number + 1
        taken.add(id)
        blocks.append(f"\ntension {id}\n  between {one} and {other}\n  otherwise: weigh {one} 1, {other} 1\n")
    added = "".join(blocks)
    named = ", ".join(f"`{id}`" for id in sorted(taken - set(program.tensions)))
    title = f"add {'a tension' if len(met) == 1 else 'tensions'} with equal weights: {named}"
    return Fix(Span(file, len(text), len(text)), added if text.endswith("\n") else f"\n{added}", title, sure=False)


def _is_tested(program: CheckedProgram, tension: Tension) -> bool:
    return any(
        isinstance(expected, ExpectDecides) and expected.tension.text == tension.id
        for test in program.tests
        for _, listed in test.all_cases()
        for expected in listed
    )


def _lines(program: CheckedProgram, span: Span) -> Span:
    """The whole lines on which something stands, with the last one's end."""
    text = _text(program, span.file)
    end = text.find("\n", span.end)
    return Span(span.file, text.rfind("\n", 0, span.start) + 1, len(text) if end < 0 else end + 1)


def _text(program: CheckedProgram, file: str) -> str:
    return next(tree.source.text for tree in program.files if tree.source.name == file)
