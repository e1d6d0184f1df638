"""`cai-compile diff`: what a change to a constitution does."""

from __future__ import annotations

import argparse
import sys

from constitution_lang.commands.files import (
    FINDINGS,
    FORM,
    FORMATS,
    WELL,
    WrongUseError,
    colors,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from constitution_lang.commands.files import Commands
    from constitution_lang.commands.side import Side
    from constitution_lang.commands.sides import Pair
    from constitution_lang.diff.approvals import Review
    from constitution_lang.diff.model import Difference, Version
    from constitution_lang.source import Source

__all__ = ["add"]

GRADES = ("cosmetic", "metadata", "mix", "wording", "behaviour", "identity")
EPILOG = """\
what to compare:
  cai-compile diff main                     every constitution here, with how it is in main
  cai-compile diff house.const              one file, with the last commit
  cai-compile diff main -- house.const      one file, with how it is in main
  cai-compile diff v1.0..v1.1               two revisions; v1.0...v1.1 starts where they parted
  cai-compile diff v1.0 v1.1 -- house.const
  cai-compile diff old.const new.const      two files; folders with one constitution and Bundles (.json) as well
  cai-compile diff main:a.const             a file of a revision, with the working tree
  cai-compile diff main:a.const b.const     the same, by another name

grades, and what a run has to redo:
  cosmetic   layout, comments               nothing
  metadata   titles, sources, reasons       nothing
  mix        weights, rounds, draws         the draws that move
  wording    the text of prompts            what was asked with those prompts
  behaviour  who applies, who comes first   the cases that change, each with a witness
  identity   an id is lost or used again    always an error: it says what to write

approving what was meant, in approvals.toml beside the constitution:
  cai-compile diff main --approve principle/harm.weapons/applies --reason "Agreed on 3 May"

exit codes: 0 all is well; 1 an id is lost, the version number did not grow enough, a side has errors, or there is an
unapproved change of the grade of --fail-on or above; 2 wrong use; 3 a fault of ours
"""


def add(commands: Commands) -> None:
    """Teach the parser this command."""
    diff = commands.add_parser(
        "diff",
        help="what a change to a constitution does",
        description="What differs between two versions by meaning: the cases that change, counted, each with a "
        "witness; the shares and the draws that move; the words of the prompts; what has to be done again.",
        epilog=EPILOG,
        formatter_class=FORM,
    )
    diff.add_argument(
        "sides", metavar="SIDE", nargs="+", help="a file, a folder, a Bundle, a revision, or a range of revisions"
    )
    diff.add_argument(
        "--format", choices=("terminal", "markdown", *FORMATS[1:]), default="terminal",
        help="how to print it; markdown is for a review comment (default %(default)s)",
    )  # fmt: skip
    diff.add_argument(
        "--fail-on", choices=GRADES, metavar="GRADE", help="exit with 1 on an unapproved change this high"
    )
    diff.add_argument(
        "--approve", metavar="CHANGE", action="append", default=[],
        help="say that a change was meant, by its id or fingerprint as the output has them; may be given again",
    )  # fmt: skip
    diff.add_argument("--reason", metavar="TEXT", help="why, for --approve")
    diff.add_argument("--by", metavar="NAME", help="who, for --approve (default: as git has it)")
    diff.add_argument("--approvals", metavar="FILE", help="where approvals are kept (default: beside the constitution)")
    diff.set_defaults(call=_diff, several="sides")


def _diff(options: argparse.Namespace) -> int:
    from constitution_lang.commands.approving import approve
    from constitution_lang.commands.sides import pairs_of
    from constitution_lang.diff.model import Grade

    if bool(options.approve) != bool(options.reason and options.reason.strip()):
        raise WrongUseError("--approve and --reason go together: say which change, and why it was meant")
    pairs = pairs_of(options.sides)
    readable = [pair for pair in pairs if not _errors(pair)]
    reviews = [_review(pair, readable, options) for pair in readable]
    if options.approve:
        return approve(readable, reviews, options)
    _print(pairs, readable, reviews, options)
    failed = len(readable) < len(pairs)
    for review in reviews:
        failed = failed or bool(review.errors()) or not review.difference.verdict.holds
        failed = failed or bool(options.fail_on and review.open(Grade(options.fail_on)))
    return FINDINGS if failed else WELL


def _errors(pair: Pair) -> bool:
    """Show what keeps a side from being compiled."""
    from constitution_lang.diagnostics.render import render

    wrong = False
    for side in _sides(pair):
        if side.bundle is None:
            if side.is_empty:
                raise WrongUseError(
                    f"there is nothing in {side.label}; a constitution that is new, or gone, is told against a "
                    "revision: `cai-compile diff HEAD -- FILE`"
                )
            if side.is_module:
                raise WrongUseError(
                    f"{side.label} has no `constitution` line: it is a module. What a change to it does is told with "
                    "the constitutions that use it: name one of these, or a revision alone for all"
                )
            wrong = True
            print(f"cai-compile: {side.label} has errors, so there is nothing to compare", file=sys.stderr)
            sys.stderr.write(render(side.errors, side.sources or {}, color=colors(sys.stderr)))
    return wrong


def _review(pair: Pair, pairs: Sequence[Pair], options: argparse.Namespace) -> Review:
    from msgspec import structs

    from constitution_lang.commands.approving import reviewed

    found = _difference(pair)
    found = structs.replace(found, old=_named(found.old, pair.old), new=_named(found.new, pair.new))
    return reviewed(found, pair, pairs, options)


def _difference(pair: Pair) -> Difference:
    from constitution_lang.diff.compare import diff
    from constitution_lang.diff.whole import came, gone

    old, new = (None if side is None else side.bundle for side in (pair.old, pair.new))
    if old is None:
        assert new is not None
        return came(new, pair.where)
    if new is None:
        return gone(old, pair.where)
    texts = [side.texts if side is not None else () for side in (pair.old, pair.new)]
    return diff(old, new, (texts[0], texts[1]) if all(texts) else None)


def _named(version: Version, side: Side | None) -> Version:
    from msgspec import structs

    if side is None:
        return version
    return structs.replace(version, label=side.label, folder=side.folder, revision=side.revision)


def _sides(pair: Pair) -> list[Side]:
    """Those that there are."""
    return [side for side in (pair.old, pair.new) if side is not None]


def _print(
    every: Sequence[Pair], pairs: Sequence[Pair], reviews: Sequence[Review], options: argparse.Namespace
) -> None:
    """The differences of `pairs`; of the others in `every` what keeps them from being compared, where formats can."""
    from constitution_lang.diagnostics.render import Format, render
    from constitution_lang.diff.render.findings import findings
    from constitution_lang.diff.render.json import to_json
    from constitution_lang.diff.render.markdown import to_markdown
    from constitution_lang.diff.render.terminal import to_terminal

    match options.format:
        case "terminal":
            sys.stdout.write("\n".join(to_terminal(r, color=colors(sys.stdout)) for r in reviews))
        case "markdown":
            sys.stdout.write(to_markdown(reviews))
        case "json":
            sys.stdout.write(to_json(reviews))
        case chosen:
            sources = {n: s for pair in every for n, s in _plain_sources(pair.new).items()}
            both = zip(pairs, reviews, strict=True)
            found = [finding for pair, review in both for finding in findings(review, _plain_sources(pair.new))]
            for side in (side for pair in every for side in _sides(pair) if side.bundle is None):
                sources |= side.sources or {}
                found += side.errors
            sys.stdout.write(render(found, sources, Format(chosen)))


def _plain_sources(side: Side | None) -> dict[str, Source]:
    """The texts under their paths without a revision: annotations are of files."""
    from constitution_lang.source import Source as Text

    if side is None:
        return {}
    prefix = f"{side.revision}:" if side.revision else ""
    names = {name: name.removeprefix(prefix) for name in side.sources or {}}
    return {plain: Text(plain, (side.sources or {})[name].text) for name, plain in names.items()}
