"""The whole story of one row, and all that one principle decided. From the ledger; nothing is judged anew."""

from __future__ import annotations

import json
import os
import shutil
import sys
from difflib import get_close_matches
from typing import TypeVar

import msgspec

from constitution_lang.ir.model import Bundle
from runtime.identity import data_hash
from runtime.ledger.runs import Step
from runtime.ledger.store import Ledger, LedgerError
from runtime.records import (
    CaseRecord,
    Checkpoint,
    Comparison,
    Critique,
    Draw,
    Label,
    PreferenceRow,
    PromptCut,
    PromptRecord,
    Record,
    Response,
    Revision,
    SftRow,
    TrainedKind,
)
from runtime.report.collect import manifest_of
from runtime.report.data import Story
from runtime.report.explain_principle import tell_principle
from runtime.report.explain_text import Ink, principle_text, row_text
from runtime.report.stories import Rows, stories
from runtime.report.told import ExplainError, PlaceOf, RowTold, Told, Trained

__all__ = ["ExplainError", "explain", "explain_json", "tell"]

P = TypeVar("P", CaseRecord, Draw, PromptCut, Response, Critique, Revision, Comparison, PreferenceRow, SftRow)

_LEARNT_FROM = {
    SftRow: (TrainedKind.SL_CAI,),
    PreferenceRow: (TrainedKind.PREFERENCE_MODEL, TrainedKind.DPO),
}
_BY_REWARD = (TrainedKind.PPO, TrainedKind.RLOO, TrainedKind.GRPO)
_ROW_KINDS = {
    SftRow: "SFT row",
    PreferenceRow: "preference row",
    PromptRecord: "prompt",
    Comparison: "pair",
    Response: "response",
    Critique: "critique",
    Revision: "revision",
}
_TO_SFT = (Step.RESPOND, Step.REVISE)
_PREFIX_MIN = 6
_HEX = frozenset("0123456789abcdef")
_WIDTH_MAX = 110


def explain(ledger: Ledger, run_id: str, what: str, *, width: int | None = None, colour: bool | None = None) -> str:
    """The story as text, of `width` columns (the terminal's where None), coloured where output is a terminal."""
    told = tell(ledger, run_id, what)
    if width is None:
        width = min(shutil.get_terminal_size().columns, _WIDTH_MAX)
    if colour is None:
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    ink = Ink(max(width, 40), colour=colour)
    return row_text(told, ink) if isinstance(told, RowTold) else principle_text(told, ink)


def explain_json(ledger: Ledger, run_id: str, what: str) -> str:
    """The story as JSON, in ASCII, so that every text of a model survives it."""
    told = msgspec.to_builtins(tell(ledger, run_id, what), order="deterministic")
    return json.dumps(told, indent=2, ensure_ascii=True)


def tell(ledger: Ledger, run_id: str, what: str) -> Told:
    """What is known of a principle (by its id, or one that it had) or of a row (by its id or six digits of it)."""
    manifest = manifest_of(ledger, run_id)
    bundle = msgspec.json.decode(manifest.bundle, type=Bundle)
    constitution = f"{manifest.constitution} {manifest.version}"
    what = what.strip()
    for principle in bundle.principles:
        if what == principle.id or what in principle.formerly:
            return tell_principle(ledger, run_id, constitution, bundle, principle)
    row = _find(ledger, run_id, bundle, what)
    kind = _ROW_KINDS.get(type(row))
    if kind is None:
        raise ExplainError(f"{what} is a {type(row).__name__}, which has no story of its own.", _known(bundle))
    prompt = row.id if isinstance(row, PromptRecord) else getattr(row, "prompt", "")
    return RowTold(
        run=run_id,
        constitution=constitution,
        kind=kind,
        row=row,
        story=_story(ledger, run_id, prompt, row),
        principles={p.id: PlaceOf(p.title, p.origin) for p in bundle.principles},
        decided=bundle.preference.decided,
        trained=_trained(ledger, run_id, row),
    )


def _find(ledger: Ledger, run_id: str, bundle: Bundle, what: str) -> Record:
    digits = what.lower().removesuffix("…").removesuffix("...")
    if digits and set(digits) <= _HEX:
        if len(digits) < _PREFIX_MIN:
            raise ExplainError(f"“{what}” is too short for an id.", f"Give at least {_PREFIX_MIN} digits of it.")
        try:
            row = ledger.find(run_id, digits)
        except LedgerError as fault:
            raise ExplainError(str(fault), fault.remedy) from fault
        if row is not None:
            return row
        raise ExplainError(f"No row of this run has an id that begins with {digits}.", _known(bundle))
    names = [p.id for p in bundle.principles]
    close = get_close_matches(what, [*names, *(old for p in bundle.principles for old in p.formerly)], n=3, cutoff=0.5)
    last = [n for n in names if n.split(".")[-1] == what and n not in close]
    guess = f" Did you mean {' or '.join([*last, *close])}?" if close or last else ""
    others = {
        **{c.id: "a category" for c in bundle.categories},
        **{t.id: "a tension" for t in bundle.tensions},
        **{a.id: "an attribute" for a in bundle.attributes},
        **{r.id: "a retired id" for r in bundle.retired},
    }
    if what in others:
        inside = [n for n in names if n.startswith(what + ".")]
        hint = f" Ask for one of its principles: {', '.join(inside)}." if inside else ""
        raise ExplainError(f"{what} is {others[what]} of the constitution, not a principle.{hint}", _known(bundle))
    raise ExplainError(f"This run knows no “{what}”.{guess}", _known(bundle))


def _known(bundle: Bundle) -> str:
    example = bundle.principles[0].id if bundle.principles else "harm.weapons"
    return (
        f"Name a principle, such as {example}, or a row, a prompt or a pair by its id: 32 digits from 0 to f, of which "
        f"the first {_PREFIX_MIN} do where they are unique. The report shows ids, and so do the data sets."
    )


def _story(ledger: Ledger, run_id: str, prompt: str, row: Record) -> Story:
    """The prompt's story, without what did not lead to `row`."""
    comparison = row.id if isinstance(row, Comparison) else row.comparison if isinstance(row, PreferenceRow) else None
    record = ledger.find(run_id, prompt)
    rows = Rows(wanted=(prompt,), prompts={prompt: record} if isinstance(record, PromptRecord) else {})

    def of_prompt(kind: type[P]) -> list[P]:
        return [r for r in ledger.naming(run_id, kind, [prompt]) if r.prompt == prompt]

    rows.cases = {c.prompt: c for c in of_prompt(CaseRecord)}
    rows.draws = of_prompt(Draw)
    texts = comparison is None
    rows.cuts = of_prompt(PromptCut)
    if texts:
        rows.responses = of_prompt(Response)
        rows.critiques = {c.id: c for c in of_prompt(Critique)}
        rows.revisions = of_prompt(Revision)
    if not isinstance(row, SftRow):
        found = {c.id: c for c in of_prompt(Comparison)}
        rows.comparisons = [c for c in found.values() if comparison in (None, c.id)]
        ids = {c.id for c in rows.comparisons}
        rows.labels = {x.comparison: x for x in ledger.naming(run_id, Label, ids) if x.comparison in ids}
        rows.preference_rows = [r for r in of_prompt(PreferenceRow) if r.comparison in ids]
    if texts:
        rows.sft_rows = of_prompt(SftRow)
    if isinstance(row, SftRow):
        made = set(row.made_from)
        rows.revisions = [r for r in rows.revisions if r.id in made]
        rows.responses = [r for r in rows.responses if r.id in made]
        rounds = {r.round for r in rows.revisions}
        rows.draws = [d for d in rows.draws if d.stage == "revision" and d.round in rounds]
        rows.sft_rows = [row]
        rows.cuts = [c for c in rows.cuts if c.step in (Step.TAG, *_TO_SFT) and c.round <= max(rounds, default=-1)]
    elif comparison is not None:
        rows.draws = [d for d in rows.draws if d.stage == "preference"]
        rows.cuts = [c for c in rows.cuts if c.step not in _TO_SFT]
    return stories(rows, [prompt])[0]


def _trained(ledger: Ledger, run_id: str, row: Record) -> tuple[Trained, ...]:
    if not isinstance(row, SftRow | PreferenceRow):
        return ()
    ids = [r.id for r in ledger.each(run_id, type(row))]
    # A checkpoint keeps the hash of all its rows' ids.
    covers = {row.id, data_hash(ids)}
    found = []
    for checkpoint in ledger.read(run_id, Checkpoint):
        direct = checkpoint.kind in _LEARNT_FROM[type(row)]
        by_reward = checkpoint.kind in _BY_REWARD and isinstance(row, PreferenceRow)
        if direct or by_reward:
            through = TrainedKind.PREFERENCE_MODEL if by_reward else None
            verified = direct and bool(covers & set(checkpoint.data))
            found.append(
                Trained(checkpoint.kind, checkpoint.path, checkpoint.weights, checkpoint.data, verified, through)
            )
    return tuple(found)
