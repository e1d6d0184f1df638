"""What verification found, as text for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from constitution_lang.diagnostics.numbers import number_of
from runtime.provenance.misfits import Misfit
from runtime.provenance.verify import Verified

__all__ = ["verified_json", "verified_text"]


def verified_text(verified: Verified, *, all_asked: bool) -> str:
    """One paragraph for each misfit, what could not be checked, and the whole in a line."""
    return "\n".join(_lines(verified, all_asked=all_asked)) + "\n"


def verified_json(verified: Verified) -> str:
    """The same, for programs."""
    return msgspec.json.format(msgspec.json.encode(verified), indent=2).decode() + "\n"


def _lines(verified: Verified, *, all_asked: bool) -> Iterator[str]:
    for misfit in verified.misfits:
        yield from _misfit(misfit)
    for line in verified.unchecked:
        yield f"not checked: {line}"
    parts = [f"{number_of(verified.rows, 'rows')} of {number_of(len(verified.runs), 'runs')}" if verified.runs else ""]
    parts.append(number_of(len(verified.data_sets), "data sets") if verified.data_sets else "")
    parts.append(number_of(len(verified.checkpoints), "checkpoints") if verified.checkpoints else "")
    what = ", ".join(part for part in parts if part) or "nothing"
    if not verified.misfits:
        yield f"all fits: {what}"
    elif all_asked:
        verb = "does" if len(verified.misfits) == 1 else "do"
        yield f"{number_of(len(verified.misfits), 'things')} {verb} not fit, of {what}"
    else:
        yield "this is the first that does not fit; --all lists every one"


def _misfit(misfit: Misfit) -> Iterator[str]:
    place = f"{misfit.file}: {misfit.kind}"
    if misfit.row:
        place += f" row {misfit.row}"
    yield place + (f", {misfit.id}" if misfit.id else "")
    yield f"  {misfit.field}"
    yield f"    says       {misfit.says}"
    yield f"    should be  {misfit.should}"
    yield ""
