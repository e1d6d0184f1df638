"""What every rendering for people says, in the same words: headlines, cases, shares and draws."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from constitution_lang.diff.approvals import Review
from constitution_lang.diff.counts import CasePairs, Cases, Direction, Moved, Movement, ShareMove
from constitution_lang.diff.model import Change, Difference, Grade, SubjectKind
from constitution_lang.diff.movement import SITUATIONS_MAX
from constitution_lang.diff.words import count_words, draws_of, in_case, listed, number, percent, percents
from constitution_lang.ir.model import Stage

__all__ = [
    "case_lines", "counted", "movement_lines", "places", "share_rows", "shows_values", "stale_words",
    "summary", "together_lines", "turn", "unused_line",
]  # fmt: skip


def summary(difference: Difference) -> str:
    """`3 changes: 1 behaviour, 2 wording`."""
    if not difference.changes:
        return "no change"
    many = len(difference.changes)
    return f"{many} change{'' if many == 1 else 's'}: {counted(difference.changes)}"


def turn(difference: Difference) -> str:
    """`1.0.0 → 1.1.0`, or the one version of a constitution that is new or gone."""
    return " → ".join(side.version for side in (difference.old, difference.new) if side.there)


def counted(changes: Iterable[Change]) -> str:
    """How many of each grade, the highest first."""
    grades = [change.grade for change in changes]
    return ", ".join(f"{grades.count(g)} {g.value}" for g in reversed(Grade) if g in grades)


def places(change: Change, difference: Difference) -> str:
    """Where it stands, and where it stood."""
    new = difference.new.place(change.new) if change.new else ""
    old = difference.old.place(change.old) if change.old else ""
    if new and old:
        return new if new == old else f"{new} (was {old})"
    return new or (f"was {old}" if old else "")


def case_lines(cases: Cases, defaults: CasePairs) -> Iterator[str]:
    """The cases that change, one direction in a line, each with a witness. One direction alone needs no count."""
    for change in cases.changes:
        turn = f": {change.before} → {change.after}" if change.before else ""
        example = f"for example {in_case(change.witness, defaults)}{turn}"
        kind = "" if change.direction in {Direction.SHIFTED, Direction.NONE} else str(change.direction)
        if cases.total == 1:
            yield f"{kind or change.says}{turn}"
        elif len(cases.changes) == 1:
            yield f"{kind or change.says}, {example}"
        else:
            number = "cases" if change.count is None else count_words(change.count, cases.total)
            yield f"{f'{kind}: ' if kind else ''}{change.says} in {number}, {example}"
    if cases.left_out:
        yield f"counted over the cases that both versions know; left out are those with {cases.left_out}"


def together_lines(cases: Cases, defaults: CasePairs) -> Iterator[str]:
    """The cases that change in some way, over all changes."""
    one = cases.changed in {1, cases.total} or (cases.changed == 0 and cases.total == 1)
    yield f"{count_words(cases.changed, cases.total)} change{'s' if one else ''}"
    for change in cases.changes:
        yield f"{change.says} in {number(change.count or 0)}, for example {in_case(change.witness, defaults)}"


def shows_values(change: Change) -> bool:
    """Whether its two values are for people: those of a mistake are told, those of a layout are hashes."""
    of_layout = change.grade is Grade.COSMETIC and change.subject.kind is not SubjectKind.TEST
    return change.grade is not Grade.IDENTITY and not of_layout


def stale_words(change: Change) -> str:
    """What a run has to redo."""
    if change.stale:
        return "; ".join(dict.fromkeys(stale.says for stale in change.stale))
    return "nothing" if change.grade < Grade.MIX else ""


def share_rows(moves: Iterable[ShareMove]) -> list[tuple[str, str, str, str]]:
    """Target, stages, before and after: one row where the stages agree."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for move in moves:
        rows.setdefault((move.target, *percents(move.before, move.after)), []).append(move.stage)
    return [
        (target, "both stages" if len(stages) == len(Stage) else listed(stages), before, after)
        for (target, before, after), stages in rows.items()
    ]


def movement_lines(movement: Iterable[Movement], defaults: CasePairs) -> Iterator[str]:
    """For each stage the share of draws that move."""
    listed_movement = list(movement)
    for m in listed_movement:
        if m.least.share == m.greatest.share:
            shown = m.default or m.greatest
            where = "in every case" if m.exact else "in the default case" if m.default else "in the cases looked at"
            yield f"{_moved(m, shown)} move {where}"
            continue
        reach = "" if m.exact else ", of the cases looked at"
        parts = [f"{_moved(m, m.default)} move in the default case"] if m.default else []
        ends = [
            f"{_moved(m, end)} at {name} ({in_case(end.case, defaults)})"
            for name, end in (("least", m.least), ("most", m.greatest))
            if m.default is None or end.share != m.default.share
        ]
        yield "; ".join([*parts, f"{listed(ends)}{reach}"])
    looked_at = max((m.looked_at for m in listed_movement if not m.exact), default=0)
    if looked_at:
        yield (
            f"draws were compared in {number(looked_at)} case{'s' if looked_at > 1 else ''} only, the default one and "
            f"the examples above: conditions come together in more than {number(SITUATIONS_MAX)} ways, and in another "
            "case more draws may move, or fewer"
        )


def _moved(movement: Movement, row: Moved) -> str:
    return f"{percent(row.share)} of {draws_of(movement.stage, row)}"


def unused_line(review: Review) -> str:
    """Approvals that say nothing about these changes; empty where there are none."""
    if not review.unused:
        return ""
    named = listed((f"{a.change} ({a.fingerprint})" for a in review.unused), at_most=4)
    many = len(review.unused) > 1
    return (
        f"{len(review.unused)} approval{'s are' if many else ' is'} of no change that is here: {named}; the edit is "
        f"another one by now, or was taken back: delete {'them' if many else 'it'}, or approve anew"
    )
