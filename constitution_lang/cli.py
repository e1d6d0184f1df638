"""`cai-compile`: compiles, checks, shows and explains constitutions.

Exit codes: 0 all is well; 1 the constitution has errors; 2 wrong use, a missing file included; 3 a fault of ours;
130 stopped with Ctrl-C. With `CAI_DEBUG=1` a fault of ours shows its traceback. Each command is a module of
`commands` and imports what it needs when it is called, so that help is quick.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn, cast

from constitution_lang.commands import (
    analyze,
    build,
    check,
    diff,
    docs,
    explain,
    export,
    fmt,
    import_,
    init,
    lsp,
    show,
    test,
)
from constitution_lang.commands.files import FORM, OUR_FAULT, STOPPED, WELL, WRONG_USE, Parser, Version, WrongUseError

if TYPE_CHECKING:
    from constitution_lang.commands.files import Commands

__all__ = ["main"]

COMMANDS = (build, check, diff, analyze, test, fmt, show, docs, explain, init, lsp, import_, export)
EPILOG = """\
examples:
  cai-compile check house.const               what is wrong with it, and what to write instead
  cai-compile fmt house.const                 puts it into its one form
  cai-compile test house.const --coverage     runs its tests, and says what they do not look at
  cai-compile build house.const               writes house.bundle.json, which cai-run takes
  cai-compile show house.const --case severity=grave
                                              who is drawn how often, and which tension decides
  cai-compile diff main                       what your edit changes, against how it is in main
  cai-compile show house.const --prompt critique/harm.weapons
                                              a prompt as a model will see it
  cai-compile explain E201                    what a code means, with an example

exit codes: 0 all is well, 1 the constitution has errors, 2 wrong use, 3 a fault of ours
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point. Returns the exit code; a process that was started for it, without `arguments`, ends here instead."""
    _open_streams()
    try:
        return _call(arguments)
    except BrokenPipeError:  # the reader went away; what it wanted to see it has seen
        _let_go_of_output()
        return WELL
    except KeyboardInterrupt:
        return STOPPED
    except Exception as error:  # noqa: BLE001 - the one place where everything ends as a message
        return _fail(error)


def _let_go_of_output() -> None:
    """What Python still holds for standard output goes nowhere, rather than fail again at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(error: Exception) -> int:
    """One clear message for what a user or the machine did; a request for a report for what we did."""
    if isinstance(error, WrongUseError):
        print(f"cai-compile: {error}", file=sys.stderr)
        return WRONG_USE
    if (
        isinstance(error, OSError) and error.errno is not None and error.filename is None
    ):  # of files every command tells
        _let_go_of_output()
        print(f"cai-compile: standard input or output: {(error.strerror or str(error)).lower()}", file=sys.stderr)
        return WRONG_USE
    if os.environ.get("CAI_DEBUG") == "1":
        raise error
    what = f"{type(error).__name__}: {error}".splitlines()[0]
    print(
        f"cai-compile: a fault of ours ({what}); please report it with the file that caused it, "
        "and with what CAI_DEBUG=1 prints",
        file=sys.stderr,
    )
    return OUR_FAULT


class _Unasked:
    """In the place of the parser of a command that is not called: takes its options, and forgets them."""

    def __getattr__(self, _: str) -> _Unasked:
        return self

    def __call__(self, *_: object, **__: object) -> _Unasked:
        return self


class _Called:
    """The commands, of which only one learns its options: all of them together take longer than Python to start."""

    def __init__(self, commands: Commands, called: str) -> None:
        self._commands = commands
        self._called = called

    def add_parser(self, name: str, **options: Any) -> argparse.ArgumentParser | _Unasked:  # noqa: ANN401 - argparse's
        if name == self._called:
            return self._commands.add_parser(name, **options)
        self._commands.add_parser(name, help=options["help"], add_help=False)
        return _Unasked()


def _parser(called: str | None = None) -> argparse.ArgumentParser:
    """The parser of all commands; where it is known which one is `called`, that one alone has its options."""
    parser: argparse.ArgumentParser = Parser(
        prog="cai-compile",
        description="Compile a constitution into prompts and sampling plans.",
        epilog=EPILOG,
        formatter_class=FORM,
    )
    parser.add_argument("--version", action=Version, help="say which version this is, and stop")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", prog=parser.prog)
    taught = commands if called is None else cast("Commands", _Called(commands, called))
    for command in COMMANDS:
        command.add(taught)
    return parser


def _parsed(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options. What a command takes several of may stand before its options and after them."""
    options, left = parser.parse_known_args(arguments)
    several = getattr(options, "several", None)
    more = [word for word in left if word != "--"]
    if left and (several is None or any(word.startswith("-") for word in more)):
        parser.error(f"unrecognized arguments: {' '.join(left)}")
    if several is not None:
        getattr(options, several).extend(more)
    return options


def _call(arguments: Sequence[str] | None) -> int:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that lacks a character shows its number
            stream.reconfigure(errors="backslashreplace")
    words = sys.argv[1:] if arguments is None else arguments
    parser = _parser(next((word for word in words if not word.startswith("-")), ""))
    options = _parsed(parser, arguments)
    if options.command is None:
        parser.print_help()
        return WRONG_USE
    call: Callable[[argparse.Namespace], int] = options.call
    _load_msgspec()
    code = call(options)
    if not sys.stdout.closed:  # the language server's client closes it
        sys.stdout.flush()
    if arguments is None:
        _leave(code)
    return code


def _leave(code: int) -> NoReturn:
    """End the process at once: Python would first take apart all that was read, object by object."""
    with suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(code)


def _load_msgspec() -> None:
    """Load msgspec without typing_extensions.

    It takes from there what `typing` has as well since Python 3.11, and goes on with that where there is none. Loading
    the other would be a third of what all imports of a check cost.
    """
    if "typing_extensions" in sys.modules:
        return
    absent: dict[str, object] = sys.modules  # type: ignore[assignment]
    absent["typing_extensions"] = None
    try:
        import msgspec  # noqa: F401
    finally:
        del absent["typing_extensions"]


def _open_streams() -> None:
    """In the place of streams that the caller has closed: nothing to read, output that fails, messages for nobody."""
    for name, mode, flag in (("stdin", "r", os.O_RDONLY), ("stdout", "w", os.O_RDONLY), ("stderr", "w", os.O_WRONLY)):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.open(os.devnull, flag), mode, encoding="utf-8"))  # noqa: PTH123, SIM115


if __name__ == "__main__":
    sys.exit(main())
