"""What one principle decided in a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import islice

from constitution_lang.ir.model import Bundle, Principle, Stage
from runtime.ledger.store import Ledger
from runtime.records import (
    Comparison,
    Draw,
    Label,
    PreferenceRow,
    Revision,
    SftRow,
)
from runtime.report.collect import cases_of
from runtime.report.shares import Case, planned_shares
from runtime.report.told import PrincipleTold, StageDraws
from runtime.report.votes import LabelTally, purposes_of

__all__ = ["tell_principle"]

_EXAMPLES = 5


def tell_principle(
    ledger: Ledger, run_id: str, constitution: str, bundle: Bundle, principle: Principle
) -> PrincipleTold:
    """All that the ledger says of `principle`."""
    cases = cases_of(ledger, run_id)
    status = Counter(r.status.value for r in ledger.each(run_id, Revision) if r.principle == principle.id)
    tally = LabelTally(bundle, purposes_of(ledger.each(run_id, Comparison)))
    probabilities: list[float] = []
    left_out: Counter[str] = Counter()
    for label in ledger.each(run_id, Label):
        tally.add(label)
        left_out.update(x.tension for x in label.left_out if x.principle == principle.id)
        probabilities += [
            v.probability for v in label.votes if v.principle == principle.id and v.probability is not None
        ]
    count = len(probabilities)
    return PrincipleTold(
        run=run_id,
        constitution=constitution,
        principle=principle,
        draws=_draws(bundle, principle, cases, ledger.each(run_id, Draw)),
        revisions=dict(sorted(status.items())),
        labels=count,
        probability_mean=sum(probabilities) / count if count else None,
        certainty_mean=sum(max(p, 1 - p) for p in probabilities) / count if count else None,
        votes=next((v for v in tally.votes() if v.principle == principle.id), None),
        left_out_by=dict(left_out.most_common()),
        examples=tuple(
            (kind, row.id)
            for kind, rows in (
                ("SFT row", ledger.each(run_id, SftRow)),
                ("preference row", ledger.each(run_id, PreferenceRow)),
            )
            for row in islice((r for r in rows if principle.id in r.principles), _EXAMPLES)
        ),
    )


def _draws(
    bundle: Bundle, principle: Principle, cases: Mapping[str, Case], draws: Iterable[Draw]
) -> tuple[StageDraws, ...]:
    slots: dict[tuple[Stage, int], Counter[Case]] = {}
    drawn: Counter[tuple[Stage, int]] = Counter()
    first: Counter[tuple[Stage, int]] = Counter()
    of_all: Counter[tuple[Stage, int]] = Counter()
    for draw in draws:
        where = (draw.stage, draw.round)
        slots.setdefault(where, Counter())
        if draw.position == 0:
            of_all[where] += 1
            if draw.prompt in cases:
                slots[where][cases[draw.prompt]] += 1
        if draw.principle == principle.id:
            drawn[where] += 1
            first[where] += draw.position == 0
    return tuple(
        StageDraws(
            stage, round, of_all[stage, round], drawn[stage, round], first[stage, round],
            planned_shares(bundle, stage, found).get(principle.id, 0.0),
        )
        for (stage, round), found in sorted(slots.items(), key=lambda x: (x[0][0] != Stage.REVISION, x[0][1]))
    )  # fmt: skip
