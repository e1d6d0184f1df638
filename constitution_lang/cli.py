"""`cai-compile`: compiles, checks, shows and explains constitutions.

Exit codes: 0 all is well; 1 the constitution has errors; 2 wrong use, a missing file included; 3 a fault of ours;
130 stopped with Ctrl-C. With `CAI_DEBUG=1` a fault of ours shows its traceback.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from constitution_lang.compile import Compilation
    from constitution_lang.ir.model import Bundle

__all__ = ["main"]

WELL, FINDINGS, WRONG_USE, OUR_FAULT, STOPPED = 0, 1, 2, 3, 130
FORMATS = ("terminal", "json", "sarif", "github")
STAGES = ("revision", "preference")
EPILOG = """\
examples:
  cai-compile check house.const               what is wrong with it, and what to write instead
  cai-compile build house.const               writes house.bundle.json, which cai-run takes
  cai-compile show house.const --case severity=grave
                                              who is drawn how often, and which tension decides
  cai-compile show house.const --prompt critique/harm.weapons
                                              a prompt as a model will see it
  cai-compile explain E201                    what a code means, with an example

exit codes: 0 all is well, 1 the constitution has errors, 2 wrong use, 3 a fault of ours
"""


class WrongUseError(Exception):
    """The command cannot be done as it was asked for. The text says why and what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point. Returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return WRONG_USE
    try:
        code = _call(options)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader went away; what it wanted to see it has seen
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return WELL
    except KeyboardInterrupt:
        return STOPPED
    except WrongUseError as error:
        print(f"cai-compile: {error}", file=sys.stderr)
        return WRONG_USE
    except Exception as error:
        if os.environ.get("CAI_DEBUG") == "1":
            raise
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        print(
            f"cai-compile: a fault of ours ({what}); please report it with the file that caused it, "
            "and with what CAI_DEBUG=1 prints",
            file=sys.stderr,
        )
        return OUR_FAULT
    return code


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="cai-compile",
        description="Compile a constitution into prompts and sampling plans.",
        epilog=EPILOG,
        formatter_class=form,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    build = commands.add_parser("build", help="compile a constitution into a bundle", formatter_class=form)
    build.add_argument("file", metavar="FILE", help="the constitution; - reads standard input")
    build.add_argument(
        "-o", "--output", metavar="PATH", help="where to write (default FILE with .bundle.json; - is standard output)"
    )
    build.set_defaults(call=_build)

    check = commands.add_parser("check", help="say what is wrong, and write nothing", formatter_class=form)
    check.add_argument("files", metavar="FILE", nargs="+", help="constitutions; - reads standard input")
    check.add_argument("--format", choices=FORMATS, default="terminal", help="how to print it (default %(default)s)")
    check.set_defaults(call=_check)

    show = commands.add_parser(
        "show",
        help="the principles with their shares, or a prompt",
        description="The principles with their share in each stage, what the tensions decide, and the prompts.",
        epilog="example:\n  cai-compile show house.const --case severity=grave,topic=weapons --stage revision",
        formatter_class=form,
    )
    show.add_argument("file", metavar="FILE", help="the constitution; - reads standard input")
    show.add_argument("--stage", choices=STAGES, help="one stage only")
    show.add_argument("--case", default="", metavar="A=V,B=W", help="the case; what is not named has its default")
    show.add_argument("--prompt", metavar="ID", help="a prompt as a model will see it, its slots marked")
    show.add_argument("--format", choices=FORMATS[:2], default="terminal", help="how to print it (default %(default)s)")
    show.set_defaults(call=_show)

    explain = commands.add_parser("explain", help="what a code means, with an example", formatter_class=form)
    explain.add_argument("code", metavar="CODE", help="as in E201")
    explain.set_defaults(call=_explain)
    return parser


def _call(options: argparse.Namespace) -> int:
    call: Callable[[argparse.Namespace], int] = options.call
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that lacks a character shows its number
            stream.reconfigure(errors="backslashreplace")
    return call(options)


def _build(options: argparse.Namespace) -> int:
    from pathlib import Path

    from constitution_lang.ir.codec import dumps

    bundle = _bundle(options.file)
    if bundle is None:
        return FINDINGS
    data = dumps(bundle)
    to_stdout = options.output == "-" or (options.output is None and options.file == "-")
    if to_stdout:
        sys.stdout.buffer.write(data)
        return WELL
    path = Path(options.output) if options.output else Path(options.file).with_suffix(".bundle.json")
    _write(path, data)
    print(f"wrote {path}: {len(bundle.principles)} principles, {len(bundle.prompts)} prompts", file=sys.stderr)
    return WELL


def _check(options: argparse.Namespace) -> int:
    from constitution_lang.diagnostics.model import Diagnostic
    from constitution_lang.diagnostics.render import Format, render
    from constitution_lang.source import Source

    found: list[Diagnostic] = []
    sources: dict[str, Source] = {}
    failed = False
    for file in options.files:
        compilation = _compiled(file)
        failed = failed or compilation.bundle is None
        found += compilation.diagnostics
        sources |= compilation.sources
    text = render(dict.fromkeys(found), sources, Format(options.format), color=_colors(sys.stdout))
    sys.stdout.write(text)
    if options.format == "terminal" and not found:
        sys.stdout.write(f"{', '.join(options.files)}: no findings\n")
    return FINDINGS if failed else WELL


def _show(options: argparse.Namespace) -> int:
    from msgspec import json, to_builtins

    from constitution_lang.emit.prose import overview, prompt_text, share_rows
    from constitution_lang.ir.cases import CaseError, complete
    from constitution_lang.ir.model import Stage

    given = _case(options.case)
    bundle = _bundle(options.file)
    if bundle is None:
        return FINDINGS
    stages = (Stage(options.stage),) if options.stage else tuple(Stage)
    try:
        case = complete(bundle, given)
    except CaseError as error:
        raise WrongUseError(f"--case: {error}") from error
    as_json = options.format == "json"
    if options.prompt:
        prompt = next((p for p in bundle.prompts if p.id == options.prompt), None)
        if prompt is None:
            raise WrongUseError(_no_prompt(bundle, options.prompt))
        sys.stdout.write(
            json.format(json.encode(prompt, order="sorted")).decode() + "\n" if as_json else prompt_text(prompt)
        )
    elif as_json:
        rows = share_rows(bundle, case, stages)
        listed = [
            {"id": p.id, "title": p.title, "weight": p.weight, "shares": rows[p.id], "origin": to_builtins(p.origin)}
            for p in bundle.principles
        ]
        shown = {
            "name": bundle.name,
            "version": bundle.version,
            "meaning_hash": bundle.meaning_hash,
            "case": case,
            "principles": listed,
            "prompts": [p.id for p in bundle.prompts],
        }
        sys.stdout.write(json.format(json.encode(shown)).decode() + "\n")
    else:
        sys.stdout.write(overview(bundle, given, stages))
    return WELL


def _explain(options: argparse.Namespace) -> int:
    from constitution_lang.diagnostics.codes import all_codes, named

    code = named(options.code)
    if code is None:
        listed = ", ".join(code.id for code in all_codes())
        raise WrongUseError(f"there is no code {options.code}; there are {listed}")
    sys.stdout.write(code.explain())
    return WELL


def _case(text: str) -> dict[str, str]:
    case: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        id, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not id or not value or id in case:
            raise WrongUseError(
                f"--case: {pair!r} is not one attribute and its value; write severity=grave,topic=weapons"
            )
        case[id] = value
    return case


def _no_prompt(bundle: Bundle, id: str) -> str:
    from difflib import get_close_matches

    ids = [prompt.id for prompt in bundle.prompts]
    near = get_close_matches(id, ids, n=3) or ids[:3]
    return f"there is no prompt {id}; there is {', '.join(near)} (all: cai-compile show FILE --format json)"


def _bundle(file: str) -> Bundle | None:
    """The bundle of a file; what there is to say about it goes to standard error."""
    from constitution_lang.diagnostics.render import render

    compilation = _compiled(file)
    sys.stderr.write(render(compilation.diagnostics, compilation.sources, color=_colors(sys.stderr)))
    return compilation.bundle


def _compiled(file: str) -> Compilation:
    """Compile a file; places are given relative to the working directory."""
    from pathlib import Path

    from constitution_lang.compile import Compilation, compile_path, compile_source
    from constitution_lang.emit.relocate import relocated
    from constitution_lang.loader import folder_loader, source_of

    if file == "-":
        return compile_source(source_of("<stdin>", sys.stdin.buffer.read()), folder_loader(Path()))
    path = Path(file)
    try:
        compilation = compile_path(path)
    except OSError as error:
        reason = "it is a folder; name a file in it" if path.is_dir() else (error.strerror or str(error)).lower()
        raise WrongUseError(f"cannot read {error.filename or file}: {reason}") from error
    sources, found = relocated(compilation.sources, compilation.diagnostics, path.parent)
    return Compilation(compilation.bundle, found, sources)


def _write(path: Path, data: bytes) -> None:
    """All of it or nothing: whoever reads the file never sees half a bundle."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise WrongUseError(f"cannot write {path}: {(error.strerror or str(error)).lower()}") from error


def _colors(stream: object) -> bool:
    return bool(getattr(stream, "isatty", bool)()) and "NO_COLOR" not in os.environ


if __name__ == "__main__":
    sys.exit(main())
