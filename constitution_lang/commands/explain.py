"""`cai-compile explain`: what a code means."""

from __future__ import annotations

import argparse
import sys

from constitution_lang.commands.files import FORM, WELL, WrongUseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from constitution_lang.commands.files import Commands

__all__ = ["add"]

_OF_DIFF = {
    "diff-version": "the version number does not grow as much as the changes ask for, or grows for none",
    "diff-identity": "an id is gone, or has another meaning: rows of earlier versions name what is no more",
    "diff-behaviour": "what is drawn, preferred or asked changes in some case, and training data with it",
    "diff-wording": "a text that prompts show changes, so what models answered to it is asked again",
    "diff-mix": "weights change how often principles are drawn, and nothing that is asked",
    "diff-metadata": "what is kept beside the data changes, such as a title or an owner",
    "diff-cosmetic": "layout or comments change, which mean nothing",
}
"""What annotations of `cai-compile diff` are called, from the gravest on, and what each says."""
_AS_DIGITS = str.maketrans("OIL", "011")
"""Letters that are read as digits."""


def add(commands: Commands) -> None:
    """Teach the parser this command."""
    explain = commands.add_parser("explain", help="what a code means, with an example", formatter_class=FORM)
    explain.add_argument("code", metavar="CODE", nargs="?", help="as in E201; without one, what codes there are")
    explain.set_defaults(call=_explain)


def _explain(options: argparse.Namespace) -> int:
    from constitution_lang.diagnostics.codes import all_codes, named

    if options.code is None:
        sys.stdout.writelines(f"{code.id}  {code.title}\n" for code in all_codes())
        return WELL
    if options.code.lower() in _OF_DIFF:
        what = _OF_DIFF[options.code.lower()]
        sys.stdout.write(f"{options.code.lower()}: {what}; see docs/diff.md\n")
        return WELL
    code = named(options.code)
    if code is None:
        from difflib import get_close_matches

        ids = [code.id for code in all_codes()]
        wanted = options.code.upper()
        meant = wanted[:1] + wanted[1:].translate(_AS_DIGITS)
        near = [meant] if meant in ids else get_close_matches(wanted, ids, n=1)
        hint = f"did you mean {near[0]}? There are" if near else "there are"
        raise WrongUseError(f"there is no code {options.code}; {hint} {', '.join(ids)}")
    sys.stdout.write(code.explain())
    return WELL
