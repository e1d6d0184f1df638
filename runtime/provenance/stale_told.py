"""What is stale, as text for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from constitution_lang.diagnostics.numbers import number_of
from runtime.provenance.staleness import Counts, PrincipleStale, Stale, TrainedOn

__all__ = ["stale_json", "stale_text"]

_REASONS_MAX = 6
_WORDS = (
    ("same", "certainly the same"),
    ("retraced", "the same to the training, made otherwise"),
    ("changed", "certainly changed"),
    ("gone", "gone"),
    ("new", "new"),
    ("unknown", "unknown until redone"),
)


def stale_json(stale: Stale) -> str:
    """Everything, for programs."""
    body = {"stale": stale.stale, **msgspec.to_builtins(stale)}
    return msgspec.json.format(msgspec.json.encode(body), indent=2).decode() + "\n"


def stale_text(stale: Stale) -> str:
    """The verdict, the data sets behind the checkpoint, and what moves them."""
    return "\n".join(_lines(stale)) + "\n"


def _lines(stale: Stale) -> Iterator[str]:
    before, after = stale.before, stale.after
    yield f"{stale.checkpoint}: {stale.kind.value}, trained under {before.name} {before.version}"
    yield f"  {before.meaning_hash[-12:]} then, {after.meaning_hash[-12:]} in {after.name} {after.version}"
    yield ""
    for why in stale.why:
        yield f"{why.grade}: {why.says}"
    if stale.why:
        yield ""
    for data in stale.trained_on:
        yield from _data(data)
    for moved in stale.draws:
        if moved.draws:
            share = moved.moved / moved.draws
            rest = f"; {moved.unknown} of unknown cases" if moved.unknown else ""
            yield f"draws for {moved.stage.value}: {moved.moved} of {moved.draws} move ({share:.1%}){rest}"
    for case in stale.cases:
        yield f"{case.says}: {number_of(case.prompts, 'prompts')}"
    if stale.principles:
        yield ""
        yield from _table(stale.principles)
    for note in stale.notes:
        yield f"note: {note}"
    yield ""
    yield "stale: a training would see, or might see, other rows" if stale.stale else "not stale: nothing would differ"


def _data(data: TrainedOn) -> Iterator[str]:
    yield f"{data.name}, {number_of(data.rows.total, 'rows')}, through {data.through}"
    yield from _counts(data.rows)
    for reason in data.reasons[:_REASONS_MAX]:
        yield f"    {reason.rows:>7}  because {reason.why}"
    if len(data.reasons) > _REASONS_MAX:
        yield f"             and {number_of(len(data.reasons) - _REASONS_MAX, 'other reasons')}: see --format json"
    if data.if_pairs_stood is not None:
        yield "  if the pairs stayed as they are:"
        yield from _counts(data.if_pairs_stood)
    yield ""


def _counts(rows: Counts) -> Iterator[str]:
    for field, words in _WORDS:
        number = getattr(rows, field)
        if number or field == "same":
            share = number / rows.total if rows.total else 0.0
            votes = f"; {number_of(rows.votes, 'votes')} to be asked for" if field == "unknown" and rows.votes else ""
            yield f"  {number:>7}  {words} ({share:.1%}){votes}"


def _table(principles: tuple[PrincipleStale, ...]) -> Iterator[str]:
    width = max(len("principle"), *(len(p.id) for p in principles))
    columns = f"{'draws':>13}  {'rows same':>9}  {'changed':>7}  {'unknown':>7}  prompts with other words"
    yield f"{'principle':<{width}}  {columns}"
    for p in principles:
        known = str(p.drawn_after) if p.drawn_after or not p.drawn_unknown else ""
        draws = f"{p.drawn_before} to {' + '.join([known] * bool(known) + ['?'] * bool(p.drawn_unknown))}"
        rows = p.rows
        changed = rows.changed + rows.gone + rows.new
        same = rows.same + rows.retraced
        words = len(p.prompts) or ""
        yield f"{p.id:<{width}}  {draws:>13}  {same:>9}  {changed:>7}  {rows.unknown:>7}  {words}".rstrip()
