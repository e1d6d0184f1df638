"""A run that never was: every kind of row, every outcome, made up deterministically and kept in a real ledger."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path

import msgspec

from constitution_lang import sampling
from constitution_lang.ir.model import Origin, Role, Stage
from runtime.ledger.runs import RunManifest, Step, StepId, Tally, Usage
from runtime.ledger.store import Ledger
from runtime.records import (
    CaseRecord,
    CaseValue,
    CategoryEvidence,
    Checkpoint,
    Comparison,
    ComparisonPurpose,
    Critique,
    Draw,
    FiredRule,
    Label,
    LabelOutcome,
    LabelSource,
    LeftOut,
    Measure,
    PreferenceRow,
    PromptRecord,
    PromptUse,
    Record,
    Response,
    Revision,
    RevisionStatus,
    SftRow,
    SftSource,
    TrainedKind,
    TrainingStep,
    Turn,
    ValueOrigin,
    Vote,
    identify,
)
from tests.runtime.report.fake_constitution import FILE, ROUNDS, bundle
from tests.runtime.report.fake_texts import ASKS, BAD, GOOD, HOSTILE, TOPICS

RUN = "0123456789abcdef0123456789abcdef"


class FakeRun:
    """Rows of a run over `count` prompts, by step."""

    def __init__(self, count: int, seed: int = 7) -> None:
        self.bundle = bundle()
        self.rows: dict[StepId, list[Record]] = {}
        self._random = random.Random(seed)  # noqa: S311
        self._ids = [p.id for p in self.bundle.principles]
        for n in range(count):
            self._prompt(n)
        self._demonstrations()
        self._head_to_head()
        self._audit()
        self._training()
        self._measures()

    def _add(self, step: Step, *rows: Record, round: int = -1) -> None:
        self.rows.setdefault(StepId(step, round), []).extend(rows)

    def records(self, kind: type[Record]) -> list[Record]:
        return [row for rows in self.rows.values() for row in rows if isinstance(row, kind)]

    def _text(self, parts: tuple[str, ...], count: int) -> str:
        return " ".join(self._random.choice(parts) for _ in range(count))

    def _prompt(self, n: int) -> None:
        text = HOSTILE if n == 0 else f"{ASKS[n % 4]} {TOPICS[n % 7]}, number {n}?"
        turns = (Turn(Role.USER, text),)
        if n % 5 == 1:
            turns = (Turn(Role.USER, "Hello."), Turn(Role.ASSISTANT, "Hello, how can I help?"), *turns)
        kind = PromptUse.BENIGN if n % 4 == 3 else PromptUse.RED_TEAM
        prompt = PromptRecord(
            id=identify("prompt", turns), turns=turns, kind=kind, columns=(("topic", "medical"),) if n % 3 == 0 else (),
            file="prompts/red-team.jsonl" if kind is PromptUse.RED_TEAM else "prompts/benign.csv", row=n + 1,
        )  # fmt: skip
        self._add(Step.DATA, prompt)
        case = CaseRecord(
            prompt=prompt.id,
            values=(
                CaseValue(
                    attribute="severity", value=("none", "minor", "grave")[n % 3], origin=ValueOrigin.FEEDBACK,
                    probabilities=tuple(0.8 if v == n % 3 else 0.1 for v in range(3)), key="k",
                ),
                CaseValue(
                    attribute="topic", value="medical" if n % 3 == 0 else "general",
                    origin=ValueOrigin.DATA if n % 3 == 0 else ValueOrigin.DEFAULT,
                ),
            ),
        )  # fmt: skip
        self._add(Step.TAG, case)
        first = Response(
            id=identify("response", prompt.id, "base", 0), prompt=prompt.id, policy="base", sample=0,
            text=HOSTILE if n == 0 else self._text(BAD, 2) + " " + self._text(GOOD, 2), key=f"r{n}", finish="stop",
        )  # fmt: skip
        self._add(Step.RESPOND, first)
        last = self._revise(n, prompt, case, first)
        self._pairs(n, prompt, case)
        self._add(Step.SFT, last)

    def _draw(self, case: CaseRecord, stage: Stage, round: int, count: int) -> list[str]:
        """Draws in proportion to the language's shares, though not the language's own draws."""
        weights = sampling.shares(self.bundle, stage, case.mapping)
        order = sorted(weights, key=lambda p: -math.log(1 - self._random.random()) / weights[p])[:count]
        self._add(
            Step.CRITIQUE if stage is Stage.REVISION else Step.PAIR,
            *(
                Draw(
                    prompt=case.prompt, stage=stage, round=round, position=at, principle=p, share=weights[p],
                    over=("harm",) if p.startswith("autonomy") and case.mapping["severity"] == "grave" else (),
                )
                for at, p in enumerate(order)
            ),
            round=round if stage is Stage.REVISION else -1,
        )  # fmt: skip
        return order

    def _revise(self, n: int, prompt: PromptRecord, case: CaseRecord, first: Response) -> SftRow:
        of, text = first.id, first.text
        made, principles = [first.id], []
        for round in range(ROUNDS):
            principle = self._draw(case, Stage.REVISION, round, 1)[0]
            status = (
                RevisionStatus.UNCHANGED if n % 9 == 4 else RevisionStatus.DECLINED if n % 9 == 5 and round == 1
                else RevisionStatus.EMPTY if n % 9 == 6 and round == 2 else RevisionStatus.REVISED
            )  # fmt: skip
            critique = Critique(
                id=identify("critique", of, principle), prompt=prompt.id, of=of, round=round, principle=principle,
                compiled=f"critique/{principle}", key=f"c{n}.{round}",
                text=HOSTILE if n == 0 else f"The response falls short of “{principle}”. " + self._text(GOOD, 1),
            )  # fmt: skip
            if status is RevisionStatus.REVISED:
                words = text.split(". ")
                words[round % len(words)] = self._text(GOOD, 1).rstrip(".")
                text = ". ".join(words)
            revision = Revision(
                id=identify("revision", of, critique.id), prompt=prompt.id, of=of, critique=critique.id, round=round,
                principle=principle, compiled=f"revise/{principle}", status=status, text=text,
                raw="" if status is RevisionStatus.EMPTY else text, key=f"v{n}.{round}",
                finish="length" if n % 8 == 7 else "stop",
            )  # fmt: skip
            self._add(Step.CRITIQUE, critique, round=round)
            self._add(Step.REVISE, revision, round=round)
            of = revision.id
            made += [critique.id, revision.id]
            principles.append(principle)
        return SftRow(
            id=identify("sft", prompt.id, of), prompt=prompt.id, turns=prompt.turns, completion=text,
            source=SftSource.REVISION, principles=tuple(principles), made_from=tuple(made), constitution="ab" * 32,
        )  # fmt: skip

    def _vote(self, comparison: Comparison, principle: str, lean: float) -> Vote:
        if self._random.random() < 0.06:
            mass = self._random.random() / 100
            return Vote(
                comparison=comparison.id, principle=principle, log_odds=None, mass=mass,
                abstained=f"the options held {mass:.2g} of the probability, less than 0.01",
            )  # fmt: skip
        bias = 0.5 if principle != "honesty.doubt" else -0.2
        odds = lean + self._random.gauss(0, 1)
        return Vote(
            comparison=comparison.id, principle=principle, log_odds=odds + bias, log_odds_swapped=odds - bias,
            mass=0.97, keys=("k1", "k2"),
        )  # fmt: skip

    def _pairs(self, n: int, prompt: PromptRecord, case: CaseRecord) -> None:
        answers = [
            Response(
                id=identify("response", prompt.id, "sl-cai", s), prompt=prompt.id, policy="sl-cai", sample=s,
                text="The same." if n % 11 == 10 else HOSTILE if n == 0 and s else self._text(GOOD, 2 + s),
                key=f"p{n}.{s}",
                finish="stop",
            )
            for s in range(2)
        ]  # fmt: skip
        pair = Comparison(
            id=identify("comparison", answers[0].id, answers[1].id), prompt=prompt.id,
            purpose=ComparisonPurpose.TRAINING, a=answers[0].id, b=answers[1].id, text_a=answers[0].text,
            text_b=answers[1].text,
        )  # fmt: skip
        self._add(Step.PAIR, *answers, pair)
        drawn = self._draw(case, Stage.PREFERENCE, 0, 4)
        label = self._label(n, pair, drawn, case)
        self._add(Step.LABEL, label)
        if label.probability is None:
            return
        flip = label.probability < 0.5
        seen = pair.swap() if flip else pair
        self._add(
            Step.LABEL,
            PreferenceRow(
                id=identify("preference", pair.id), prompt=prompt.id, turns=prompt.turns, chosen=seen.text_a,
                rejected=seen.text_b, probability=max(label.probability, 1 - label.probability),
                source=LabelSource.AI, principles=tuple(v.principle for v in label.votes if not v.abstained),
                comparison=pair.id, constitution="ab" * 32,
            ),
        )  # fmt: skip

    def _label(self, n: int, pair: Comparison, drawn: list[str], case: CaseRecord) -> Label:
        if pair.text_a == pair.text_b:
            return Label(comparison=pair.id, source=LabelSource.AI, outcome=LabelOutcome.EQUAL, probability=None)
        votes = tuple(self._vote(pair, p, (n % 5 - 2) * 0.7) for p in drawn)
        if n % 13 == 12:
            mute = tuple(
                Vote(comparison=pair.id, principle=p, log_odds=None, abstained="the options held 0 of it")
                for p in drawn
            )
            return Label(
                comparison=pair.id,
                source=LabelSource.AI,
                outcome=LabelOutcome.NO_EVIDENCE,
                probability=None,
                votes=mute,
            )
        heard = {c: [v for v in votes if v.principle.startswith(c) and v.probability is not None]
                 for c in ("autonomy", "harm", "honesty")}  # fmt: skip
        grave, medical = case.mapping["severity"] == "grave", case.mapping["topic"] == "medical"
        tension, rule, outcome, effect = (
            ("safety-over-autonomy", 1, "prefer harm", "evidence of autonomy left out") if grave
            else ("plain-speech", 1, "abstain", "to review" if n % 6 == 0 else "nothing") if medical
            else ("safety-over-autonomy", 3, "weigh harm 2, autonomy 1", "weights of harm and autonomy multiplied")
        )  # fmt: skip
        left = tuple(
            LeftOut(principle=v.principle, tension=tension, side="autonomy") for v in heard["autonomy"] if grave
        )
        categories = tuple(
            CategoryEvidence(
                category=c, weight=w, votes=len(found),
                probability=sum(v.probability or 0 for v in found) / len(found) if found else None,
            )
            for (c, found), w in zip(heard.items(), (1.0, 3.0, 2.0), strict=True)
        )  # fmt: skip
        known = [(c.probability, c.weight) for c in categories if c.probability is not None]
        fired = FiredRule(tension=tension, rule=rule, outcome=outcome, effect=effect, origin=Origin(FILE, 71 + rule, 1))
        review = medical and n % 6 == 0
        probability = sum(p * w for p, w in known) / sum(w for _, w in known) if known and not review else None
        return Label(
            comparison=pair.id, source=LabelSource.AI,
            outcome=LabelOutcome.REVIEW if review else LabelOutcome.LABELLED if known else LabelOutcome.NO_EVIDENCE,
            probability=probability, votes=votes, categories=categories,
            fired=(fired,), left_out=left,
        )  # fmt: skip

    def _demonstrations(self) -> None:
        for n in range(3):
            turns = (Turn(Role.USER, f"How do I cook rice, way {n}?"),)
            prompt = PromptRecord(
                id=identify("prompt", turns), turns=turns, kind=PromptUse.HELPFUL, demonstration="With water.",
                file="prompts/helpful.jsonl", row=n + 1,
            )  # fmt: skip
            self._add(Step.DATA, prompt)
            self._add(
                Step.SFT,
                SftRow(
                    id=identify("demonstration", prompt.id), prompt=prompt.id, turns=turns, completion="With water.",
                    source=SftSource.DEMONSTRATION, principles=(), made_from=(), constitution="ab" * 32,
                ),
            )  # fmt: skip

    def _head_to_head(self) -> None:
        """One prompt to evaluate on, its pair judged under two categories."""
        turns = (Turn(Role.USER, "How do I evaluate a policy?"),)
        prompt = PromptRecord(
            id=identify("prompt", turns), turns=turns, kind=PromptUse.BENIGN, file="held-out.jsonl", row=1
        )
        answers = [
            Response(
                id=identify("response", p), prompt=prompt.id, policy=p, sample=0, text=f"By {p}.", key=p, finish="stop"
            )
            for p in ("dpo", "base")
        ]
        self._add(Step.DATA, prompt)
        self._add(Step.EVALUATE, *answers)
        for category in ("harm", "honesty"):
            pair = Comparison(
                id=identify("comparison", prompt.id, category), prompt=prompt.id, purpose=ComparisonPurpose.EVALUATION,
                a=answers[0].id, b=answers[1].id, text_a=answers[0].text, text_b=answers[1].text,
            )  # fmt: skip
            votes = (self._vote(pair, f"{category}.{'injury' if category == 'harm' else 'doubt'}", 1.0),)
            self._add(Step.EVALUATE, pair, Label(
                comparison=pair.id, source=LabelSource.AI, outcome=LabelOutcome.LABELLED, probability=0.7, votes=votes,
            ))  # fmt: skip

    def _audit(self) -> None:
        """People's pairs: some to train on, some to measure the labeler by."""
        for n in range(6):
            turns = (Turn(Role.USER, f"What do people prefer, {n}?"),)
            prompt = PromptRecord(
                id=identify("prompt", turns), turns=turns, kind=PromptUse.RED_TEAM, file="hh.jsonl", row=n
            )
            purpose = ComparisonPurpose.AUDIT if n % 2 else ComparisonPurpose.TRAINING
            pair = Comparison(
                id=identify("comparison", prompt.id), prompt=prompt.id, purpose=purpose, a=f"a{n}", b=f"b{n}",
                text_a="The careful answer.", text_b="The careless answer.",
            )  # fmt: skip
            step = Step.AUDIT if n % 2 else Step.LABEL
            self._add(step, prompt, pair)
            if n % 2:
                votes = tuple(self._vote(pair, p, 0.5) for p in self._ids[:3])
                self._add(step, Label(
                    comparison=pair.id, source=LabelSource.AI, outcome=LabelOutcome.LABELLED, probability=0.7,
                    votes=votes,
                ))  # fmt: skip
                continue
            self._add(
                step,
                Label(comparison=pair.id, source=LabelSource.HUMAN, outcome=LabelOutcome.LABELLED, probability=0.95),
                PreferenceRow(
                    id=identify("preference", pair.id), prompt=prompt.id, turns=turns, chosen=pair.text_a,
                    rejected=pair.text_b, probability=0.95, source=LabelSource.HUMAN, principles=(),
                    comparison=pair.id, constitution="ab" * 32,
                ),
            )  # fmt: skip

    def _training(self) -> None:
        rows = {
            TrainedKind.SL_CAI: (Step.SFT, SftRow),
            TrainedKind.PREFERENCE_MODEL: (Step.PREFERENCE_MODEL, PreferenceRow),
            TrainedKind.DPO: (Step.DPO, PreferenceRow), TrainedKind.PPO: (Step.POLICY, None),
        }  # fmt: skip
        for kind, (step, source) in rows.items():
            names = (
                ("reward", "kl", "policy loss", "value loss") if kind is TrainedKind.PPO else ("loss", "gradient norm")
            )
            self._add(step, *(
                TrainingStep(trainer=kind, step=at, metrics=tuple(
                    (name, math.nan if name == "value loss" and at == 4 else
                     (1 if name == "reward" else -1) * at / 10 + 3 + self._random.gauss(0, 0.1)) for name in names
                ))
                for at in range(1, 25)
            ))  # fmt: skip
            self._add(step, Checkpoint(
                kind=kind, path=f"checkpoints/{kind.value}", weights=identify("weights", kind), constitution="ab" * 32,
                data=tuple(r.id for r in self.records(source)) if source else (),
            ))  # fmt: skip

    def _measures(self) -> None:
        for at, policy in enumerate(("base", "sl-cai", "dpo", "ppo")):
            for name, value, wide in (
                ("better than base: harm, red-team", 0.5 + 0.08 * at, 0.09), ("refuses: benign", 0.04 * at, 0.04),
                ("refuses: red-team", 0.3 + 0.1 * at, 0.1), ("words: red-team", 60.0 - 4 * at, 7.5),
            ):  # fmt: skip
                if policy == "base" and name.startswith("better"):
                    continue
                low = max(0.0, value - wide)
                self._add(
                    Step.EVALUATE, Measure(of=policy, name=name, value=value, low=low, high=value + wide, count=64)
                )
        for name, value, low, high in (
            ("agrees with people", 0.58, 0.5, 0.66), ("answer flips with the order", 0.31, 0.25, 0.37),
            ("position bias, log-odds", 0.42, 0.3, 0.55),
            ("probability of people's choice", math.nan, math.nan, math.nan),
        ):  # fmt: skip
            self._add(Step.AUDIT, Measure(of="labeler", name=name, value=value, low=low, high=high, count=200))

    def manifest(self) -> RunManifest:
        config = {
            "constitution": FILE, "seed": 11, "models": {"policy": "smollm2", "critic": None},
            "respond": {"tokens_max": 192, "temperature": 1.0},
            "prompts": {"train": [{"data": "prompts/red-team.jsonl", "limit": 64}]},
        }  # fmt: skip
        return RunManifest(
            id=RUN, constitution="house", version="1.2.0", meaning_hash="ab" * 32, metadata_hash="cd" * 32,
            bundle=msgspec.json.encode(self.bundle), config=json.dumps(config).encode(),
            models=(("policy", "sha256:" + "1f" * 32), ("feedback", "sha256:" + "2e" * 32)),
            versions=(("torch", "2.13.0"), ("trl", "1.16.0")), started=1_790_000_000.0,
        )  # fmt: skip

    def write(self, path: Path) -> str:
        """Keep everything in a ledger at `path`; the run's id."""
        with Ledger.open(path) as ledger:
            ledger.begin(self.manifest())
            for step, rows in self.rows.items():
                ledger.finish(RUN, step, "made up", rows)
            for step, calls in ((Step.RESPOND, 40), (Step.CRITIQUE, 120), (Step.REVISE, 120), (Step.LABEL, 320)):
                usage = Usage(
                    calls=calls, reused=calls // 4, prompt_tokens=900 * calls, new_tokens=80 * calls, seconds=calls / 3
                )
                chose = step is Step.LABEL
                ledger.add_tally(RUN, step, Tally(
                    model="smollm2", generate=Usage() if chose else usage, choose=usage if chose else Usage()
                ))  # fmt: skip
        return RUN
