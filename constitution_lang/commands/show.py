"""`cai-compile show`: the principles with their shares, or a prompt."""

from __future__ import annotations

import argparse
import sys

from constitution_lang.commands.files import FINDINGS, FORM, FORMATS, WELL, WrongUseError, read_bundle, read_case

TYPE_CHECKING = False
if TYPE_CHECKING:
    from constitution_lang.commands.files import Commands
    from constitution_lang.ir.model import Bundle

__all__ = ["add"]

STAGES = ("revision", "preference")
ANSWER = 192
_COUNT_MAX = 10_000_000
EPILOG = """\
examples:
  cai-compile show house.const --case severity=grave,topic=weapons --stage revision
  cai-compile show house.const --cost --tokenizer models/smollm2
"""


def add(commands: Commands) -> None:
    """Teach the parser this command."""
    show = commands.add_parser(
        "show",
        help="the principles with their shares, or a prompt",
        description="The principles with their share in each stage, what the tensions decide, and the prompts.",
        epilog=EPILOG,
        formatter_class=FORM,
    )
    show.add_argument("file", metavar="FILE", help="the constitution; - reads standard input")
    show.add_argument("--stage", choices=STAGES, help="one stage only")
    show.add_argument("--case", default="", metavar="A=V,B=W", help="the case; what is not named has its default")
    show.add_argument("--prompt", metavar="ID", help="a prompt as a model will see it, its slots marked")
    show.add_argument("--cost", action="store_true", help="what the prompts cost in tokens; needs --tokenizer")
    show.add_argument("--tokenizer", metavar="PATH", help="a model's folder, or its tokenizer.json")
    show.add_argument("--context", type=_count, metavar="N", help="most tokens; the folder's own where it says them")
    show.add_argument("--answer", type=_count, metavar="N", help=f"tokens of an answer (default {ANSWER})")
    show.add_argument(
        "--slot", action="append", default=[], metavar="NAME=N",
        help="tokens of a text that is filled in, such as response=200; again for another",
    )  # fmt: skip
    show.add_argument("--format", choices=FORMATS[:2], default="terminal", help="how to print it (default %(default)s)")
    show.set_defaults(call=_show)


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= _COUNT_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of tokens from 1 to {_COUNT_MAX:,}")
    return int(text)


def _one_way(options: argparse.Namespace) -> None:
    """--cost is of every prompt, and has options of its own."""
    of_cost = {"--tokenizer": options.tokenizer, "--context": options.context, "--answer": options.answer,
               "--slot": options.slot}  # fmt: skip
    of_others = {"--stage": options.stage, "--case": options.case, "--prompt": options.prompt}
    wrong = [name for name, value in (of_others if options.cost else of_cost).items() if value]
    if wrong:
        what = (
            "--cost counts every prompt of every stage: leave it out" if options.cost else "only --cost counts tokens"
        )
        raise WrongUseError(f"{', '.join(wrong)}: {what}")


def _show(options: argparse.Namespace) -> int:
    from msgspec import json, to_builtins

    from constitution_lang.emit.prose import overview, prompt_text, share_rows
    from constitution_lang.ir.cases import CaseError, complete
    from constitution_lang.ir.model import Stage

    _one_way(options)
    given = read_case(options.case)
    bundle = read_bundle(options.file)
    if bundle is None:
        return FINDINGS
    stages = (Stage(options.stage),) if options.stage else tuple(Stage)
    try:
        case = complete(bundle, given)
    except CaseError as error:
        raise WrongUseError(f"--case: {error}") from error
    as_json = options.format == "json"
    if options.cost:
        return _cost(bundle, options)
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


def _cost(bundle: Bundle, options: argparse.Namespace) -> int:
    from pathlib import Path

    from msgspec import json

    from constitution_lang.cost.prompts import SLOT_TOKENS, costs
    from constitution_lang.cost.tokenizer import TokenizerError, Tokens
    from constitution_lang.cost.told import table, warnings

    if not options.tokenizer:
        raise WrongUseError("--cost counts as a model does: name its folder or tokenizer.json with --tokenizer")
    slots = {**SLOT_TOKENS}
    known = {slot.value: slot for slot in SLOT_TOKENS}
    for pair in options.slot:
        name, _, number = pair.partition("=")
        if name not in known or not number.isdecimal() or int(number) > _COUNT_MAX:
            raise WrongUseError(f"--slot: {pair!r} is not a slot and a number; the slots are {', '.join(known)}")
        slots[known[name]] = int(number)
    try:
        tokens = Tokens.load(Path(options.tokenizer))
    except TokenizerError as error:
        raise WrongUseError(f"--tokenizer: {error}") from error
    groups = costs(bundle, tokens, slots)
    context = options.context or tokens.context_max
    said = warnings(groups, context=context, answer=options.answer or ANSWER)
    if options.format == "json":
        shown = {"slots": slots, "context": context, "groups": groups, "warnings": said}
        sys.stdout.write(json.format(json.encode(shown)).decode() + "\n")
        return WELL
    sys.stdout.write(table(bundle, groups))
    lengths = ", ".join(f"{slot.value} {n}" for slot, n in slots.items())
    sys.stdout.write(f"Texts that are filled in are taken to have so many tokens: {lengths}.\n")
    if groups and groups[0].prompts[0].frame is None:
        sys.stdout.write("The marks around turns are not counted: the folder has no chat template.\n")
    for line in said:
        print(f"warning: {line}", file=sys.stderr)
    return WELL


def _no_prompt(bundle: Bundle, id: str) -> str:
    from difflib import get_close_matches

    ids = [prompt.id for prompt in bundle.prompts]
    near = get_close_matches(id, ids, n=3) or ids[:3]
    return f"there is no prompt {id}; there is {', '.join(near)} (all: cai-compile show FILE --format json)"
