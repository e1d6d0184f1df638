"""`cai-compile init`: the first files of a constitution's repository."""

from __future__ import annotations

import argparse
import re

from constitution_lang.commands.files import FORM, WELL, WrongUseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from constitution_lang.commands.files import Commands

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Teach the parser this command."""
    init = commands.add_parser(
        "init",
        help="write a first constitution, and what its repository needs",
        description="Writes a constitution, a run file, prompts, a hook and a workflow, and tells git how to show a "
        "change; overwrites nothing.",
        formatter_class=FORM,
    )
    init.add_argument("folder", metavar="FOLDER", nargs="?", default=".", help="where to (default: here)")
    init.add_argument("--name", metavar="ID", default="assistant", help="the constitution's name (default %(default)s)")
    init.set_defaults(call=_init)


def _init(options: argparse.Namespace) -> int:
    from pathlib import Path

    from constitution_lang.scaffold.write import write_scaffold

    name = options.name
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,99}", name):
        raise WrongUseError(f"--name: {name!r} is no id; write letters, digits and hyphens, as in house-assistant")
    folder = Path(options.folder)
    try:
        done = write_scaffold(folder, name)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise WrongUseError(f"cannot write {error.filename or folder}: {reason}") from error
    for file in done.written:
        print(f"wrote {folder / file}")
    for file in done.kept:
        print(f"kept  {folder / file}, which was there")
    for file, line in done.lacking:
        print(f"note: {folder / file} lacks `{line}`")
    _tell_git(folder)
    print(
        "\nnext, in that folder:\n"
        f"  cai-compile check {name}.const\n"
        "  git config core.hooksPath .githooks                    no commit with errors\n"
        "  cai-run run run.toml --rehearse                        the whole pipeline, without a model"
    )
    return WELL


def _tell_git(folder: Path) -> None:
    from constitution_lang.scaffold.git import top_of, with_diff_driver, with_meaning

    top = top_of(folder)
    if top is None:
        print("this is no git repository; after `git init`, call this again for diffs that show first lines of blocks")
        return
    for setting in with_diff_driver(folder):
        print(f"set   {setting} in {top}, for diffs that show first lines of blocks")
    if with_meaning(folder):
        print(f"set   alias.meaning in {top}: `git meaning main` says what your edits change")
    if top != folder.resolve():
        print(f"note: GitHub and hooks read .github and .githooks in {top} only; move them there")
