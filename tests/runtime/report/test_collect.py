from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from constitution_lang.ir.model import Stage
from runtime.ledger.runs import Step
from runtime.ledger.store import Ledger, LedgerError
from runtime.records import (
    ComparisonPurpose,
    Draw,
    Label,
    LabelOutcome,
    LabelSource,
    PromptRecord,
    Revision,
    RevisionStatus,
    TrainedKind,
    Vote,
)
from runtime.report.collect import collect
from runtime.report.data import ReportData
from runtime.report.facts import is_rehearsal
from runtime.report.votes import LabelTally, is_flip
from tests.runtime.report.fake_constitution import ROUNDS, bundle
from tests.runtime.report.fake_run import RUN, FakeRun


def test_shares_count_first_draws_and_know_the_plan(fake: FakeRun, data: ReportData) -> None:
    draws = [d for d in fake.records(Draw) if isinstance(d, Draw) and d.stage is Stage.PREFERENCE]
    firsts = Counter(d.principle for d in draws if d.position == 0)
    stage = next(s for s in data.shares if s.stage is Stage.PREFERENCE)
    assert (stage.first_draws, stage.draws) == (60, len(draws))
    assert {p.principle: p.drawn for p in stage.principles if p.drawn} == dict(firsts)
    assert math.isclose(sum(p.planned for p in stage.principles), 1)
    # A third of the prompts is medical, and there honesty.medical has half of honesty's third.
    medical = next(p for p in stage.principles if p.principle == "honesty.medical")
    assert medical.planned == pytest.approx(1 / 18, abs=0.02)


def test_a_principle_that_was_never_drawn_keeps_its_plan(tmp_path: Path) -> None:
    run = FakeRun(4)
    for step, rows in run.rows.items():
        run.rows[step] = [r for r in rows if not (isinstance(r, Draw) and r.principle == "harm.weapons")]
    with Ledger.open(tmp_path / "ledger") as ledger:
        ledger.begin(run.manifest())
        for step, rows in run.rows.items():
            ledger.finish(RUN, step, "", rows)
        found = {p.principle: p for p in collect(ledger, RUN).shares[0].principles}
    assert found["harm.weapons"].drawn == 0
    assert found["harm.weapons"].planned > 0.2


def test_rounds(fake: FakeRun, data: ReportData) -> None:
    revisions = [r for r in fake.records(Revision) if isinstance(r, Revision)]
    assert [r.round for r in data.rounds] == list(range(ROUNDS))
    for counts in data.rounds:
        here = [r for r in revisions if r.round == counts.round]
        assert counts.total == len(here) == 60
        assert counts.declined == sum(r.status is RevisionStatus.DECLINED for r in here)
        assert counts.words_after == pytest.approx(sum(len(r.text.split()) for r in here) / 60)
    assert data.rounds[0].words_after == pytest.approx(data.rounds[1].words_before)


def test_outcomes_and_histogram(fake: FakeRun, data: ReportData) -> None:
    mine = next(c for c in data.labels if c.purpose is ComparisonPurpose.TRAINING and c.source is LabelSource.AI)
    labels = [x for x in fake.records(Label) if isinstance(x, Label)]
    assert mine.total == 60
    assert mine.review == sum(x.outcome is LabelOutcome.REVIEW for x in labels) > 0
    assert mine.equal > 0
    assert mine.no_evidence > 0
    assert sum(data.histogram) == mine.labelled
    people = next(c for c in data.labels if c.source is LabelSource.HUMAN)
    assert (people.labelled, people.total) == (3, 3)
    assert dict(data.preference_sources) == {"ai": mine.labelled, "human": 3}
    assert dict(data.sft_sources) == {"revision": 60, "demonstration": 3}


def _vote(principle: str, first: float | None, second: float | None = None, why: str | None = None) -> Vote:
    return Vote(comparison="c", principle=principle, log_odds=first, log_odds_swapped=second, abstained=why)


def test_votes_by_hand() -> None:
    tally = LabelTally(bundle(), {})
    for first, second in ((2.0, 1.0), (0.5, -0.3)):
        tally.add(
            Label(
                comparison="c", source=LabelSource.AI, outcome=LabelOutcome.LABELLED, probability=1.0,
                votes=(_vote("harm.injury", first, second), _vote("harm.weapons", None, why="held 0.0042 of it")),
            )
        )  # fmt: skip
    injury, weapons = tally.votes()
    assert (injury.votes, injury.decided, injury.undecided, injury.flips, injury.both_orders) == (2, 1, 1, 1, 2)
    assert injury.bias == pytest.approx(0.45)
    assert (weapons.abstained, weapons.bias, weapons.reasons) == (2, None, (("held … of it", 2),))
    assert tally.histogram[-1] == 2
    assert tally.agreements() == ()


def test_agreement_by_hand() -> None:
    tally = LabelTally(bundle(), {})
    for a, b in ((1.0, 2.0), (1.0, -2.0), (-1.0, -1.0), (0.0, 1.0)):
        votes = (_vote("x", a), _vote("y", b))
        tally.add(
            Label(comparison="c", source=LabelSource.AI, outcome=LabelOutcome.LABELLED, probability=0.5, votes=votes)
        )
    (found,) = tally.agreements()
    assert (found.first, found.second, found.same, found.both) == ("x", "y", 2, 3)


def test_a_flip_needs_two_answers() -> None:
    assert not is_flip(_vote("p", -1.0))
    assert not is_flip(_vote("p", -1.0, -2.0))
    assert is_flip(_vote("p", -1.0, 2.0))


def test_every_rule_is_listed_with_its_place(data: ReportData) -> None:
    assert len(data.rules) == 5
    fired = {(r.tension, r.rule): r for r in data.rules}
    assert fired["safety-over-autonomy", 1].count > 0
    assert fired["safety-over-autonomy", 1].left_out > 0
    assert fired["safety-over-autonomy", 2].count == 0
    assert str(fired["safety-over-autonomy", 2].origin) == "house.const:72:1"
    assert fired["safety-over-autonomy", 2].outcome == "prefer autonomy"
    assert fired["plain-speech", 2].outcome == "weigh autonomy 1, honesty 2"


def test_facts_costs_and_curves(data: ReportData) -> None:
    facts = {(g.name, f.name): f.value for g in data.facts for f in g.facts}
    assert facts["Constitution", "meaning hash"] == "ab" * 32
    assert facts["Run", "seed"] == "11"
    assert facts["Settings", "prompts.train[0].limit"] == "64"
    assert facts["Models", "feedback"].startswith("sha256:2e")
    assert ("Settings", "models.critic") not in facts
    assert [(c.step, c.calls, c.reused) for c in data.costs] == [
        ("respond", 40, 10), ("critique", 120, 30), ("revise", 120, 30), ("label", 320, 80),
    ]  # fmt: skip
    ppo = {c.metric: c.points for c in data.curves if c.trainer is TrainedKind.PPO}
    assert set(ppo) == {"reward", "kl", "policy loss", "value loss"}
    assert [step for step, _ in ppo["reward"]] == list(range(1, 25))
    assert math.isnan(ppo["value loss"][3][1])


def test_a_rehearsal_is_known(fake: FakeRun) -> None:
    assert not is_rehearsal(fake.manifest())
    assert is_rehearsal(msgspec.structs.replace(fake.manifest(), config=b'{"engine": {"kind": "scripted"}}'))


def test_cases_say_where_values_came_from(data: ReportData) -> None:
    topic = next(a for a in data.attributes if a.attribute == "topic")
    assert dict(topic.values) == {"general": 40, "medical": 20}
    assert dict(topic.origins) == {"data": 20, "default": 40}


def test_the_sample_is_bounded_and_does_not_depend_on_the_order(fake: FakeRun, tmp_path: Path) -> None:
    chosen = []
    for name, turned in (("a", False), ("b", True)):
        with Ledger.open(tmp_path / name) as ledger:
            ledger.begin(fake.manifest())
            for step, rows in fake.rows.items():
                ledger.finish(RUN, step, "", rows[::-1] if turned else rows)
            sample = collect(ledger, RUN, sample_max=7).sample
        prompts = sum(isinstance(r, PromptRecord) and r.demonstration is None for r in fake.records(PromptRecord))
        assert (len(sample.stories), sample.total) == (7, prompts)
        assert all(s.prompt is not None and s.prompt.id == s.id for s in sample.stories)
        chosen.append({s.id for s in sample.stories})
    assert chosen[0] == chosen[1]


def test_a_run_that_has_only_begun(fake: FakeRun, tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "ledger") as ledger:
        ledger.begin(fake.manifest())
        empty = collect(ledger, RUN)
        assert (empty.shares, empty.labels, empty.sample.total, empty.curves) == ((), (), 0, ())
        ledger.finish(RUN, Step.DATA, "", fake.records(PromptRecord)[:2])
        assert collect(ledger, RUN).sample.total == 2


def test_an_unknown_run(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="knows no run nothing"):
        collect(ledger, "nothing")
