"""Write docs/codes.md and docs/commands.md: `make docs`. A test fails where they are stale.

They come from the registry of codes and from the parsers of the two commands.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from textwrap import dedent

import constitution_lang.cli
import runtime.cli
from constitution_lang.diagnostics.codes import all_codes
from constitution_lang.diagnostics.codes.code import Code

__all__ = ["PAGES", "codes_page", "commands_page"]

FOLDER = Path(__file__).parent

FAMILIES = {
    "E1": "How it is written",
    "E2": "Names",
    "E3": "Values and bounds",
    "E4": "Templates",
    "E5": "Cases",
    "E6": "Tests",
    "W": "Warnings",
    "A": "Advice",
}

CODES_HEAD = """\
# Codes

Made by `make docs` from the compiler's own registry. `cai-compile explain CODE` prints one. A code begins with E for an
error, W for a warning, A for advice; only errors keep a constitution from being compiled. A code never changes its
meaning.
"""

COMMANDS_HEAD = """\
# Commands

Made by `make docs` from the commands' own parsers; `--help` says the same.
"""


def codes_page() -> str:
    """Every code, by family."""
    parts = [CODES_HEAD]
    for family, listed in groupby(sorted(all_codes(), key=_order), _family):
        codes = list(listed)
        parts.append(f"## {FAMILIES.get(family, family)}\n")
        parts.append("| code | |\n| --- | --- |")
        parts += [f"| [{code.id}](#{code.id.lower()}) | {_cell(code.title)} |" for code in codes]
        parts += ["", *map(_code, codes)]
    return "\n".join(parts)


def commands_page() -> str:
    """Every command of both programs, with every flag."""
    programs = (constitution_lang.cli._parser(), runtime.cli._parser())  # noqa: SLF001 - they are built nowhere else
    return "\n".join([COMMANDS_HEAD, *("\n".join(_program(parser)) for parser in programs)])


PAGES: dict[str, Callable[[], str]] = {"codes.md": codes_page, "commands.md": commands_page}
"""The pages that are generated."""


def _order(code: Code) -> tuple[int, str]:
    return "EWA".index(code.id[0]), code.id


def _family(code: Code) -> str:
    return code.id[:2] if code.id.startswith("E") else code.id[0]


def _code(code: Code) -> str:
    what, why = (" ".join(text.split()) for text in (code.what, code.why))
    example, instead = (dedent(text).strip("\n") for text in (code.example, code.instead))
    return (
        f'<a id="{code.id.lower()}"></a>\n\n### {code.id}: {code.title}\n\n{what}\n{why}\n\n'
        f"{_fenced(example)}\n\nWrite instead:\n\n{_fenced(instead)}\n"
    )


def _fenced(text: str) -> str:
    return f"```text\n{text}\n```"


def _program(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield f"## {parser.prog}\n"
    yield f"{parser.description}\n"
    yield from _epilog(parser)
    for action in parser._actions:  # noqa: SLF001 - argparse gives no other way to ask
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            about = {choice.dest: choice.help for choice in action._choices_actions}  # noqa: SLF001
            for name, command in action.choices.items():
                yield from _command(command, about.get(name) or "")


def _command(parser: argparse.ArgumentParser, about: str) -> Iterator[str]:
    told = parser.description or about
    yield f"### {parser.prog}\n"
    yield f"{told[:1].upper()}{told[1:]}{'' if told.endswith('.') else '.'}\n"
    actions = [a for a in parser._actions if not isinstance(a, argparse._HelpAction)]  # noqa: SLF001
    nested = [a for a in actions if isinstance(a, argparse._SubParsersAction)]  # noqa: SLF001
    listed = [a for a in actions if a not in nested and a.help is not argparse.SUPPRESS]
    if listed:
        yield "| | |\n| --- | --- |"
        for action in listed:
            yield f"| {_cell(_usage(action))} | {_cell(_help(action, parser.prog))} |"
        yield ""
    yield from _epilog(parser)
    for action in nested:
        shown = {choice.dest: choice.help for choice in action._choices_actions}  # noqa: SLF001
        for name, command in action.choices.items():
            yield from _command(command, shown.get(name) or "")


def _usage(action: argparse.Action) -> str:
    value = ""
    if action.nargs != 0:
        named = action.metavar if isinstance(action.metavar, str) else None
        choices = " or ".join(str(choice) for choice in action.choices or ())
        value = named or choices or (action.dest.upper() if action.option_strings else action.dest)
    many = " …" if action.nargs in ("+", "*") else ""
    if not action.option_strings:
        return f"`{value}`{many}"
    return ", ".join(f"`{flag}{f' {value}' if value else ''}`" for flag in action.option_strings) + many


def _help(action: argparse.Action, prog: str) -> str:
    values = {**vars(action), "prog": prog}
    return (action.help or "") % values


def _epilog(parser: argparse.ArgumentParser) -> Iterator[str]:
    if parser.epilog:
        yield f"```text\n{parser.epilog.strip()}\n```\n"


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


def main() -> None:
    """Write the pages."""
    for name, page in PAGES.items():
        path = FOLDER / name
        text = page()
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            print(f"wrote {path}")


if __name__ == "__main__":
    main()
