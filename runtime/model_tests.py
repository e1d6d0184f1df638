"""Tests of a constitution that need a model: does it prefer the better answer of a pair, under one principle alone?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from constitution_lang.ir.model import Bundle, ModelTest, Orders, Role, Stage
from runtime.config import EngineConfig, EngineKind, LabelConfig
from runtime.engines.base import Decoding, Engine
from runtime.ledger.store import Ledger
from runtime.progress import Progress
from runtime.records import (
    Comparison,
    ComparisonPurpose,
    Draw,
    Label,
    PromptRecord,
    PromptUse,
    Turn,
    identify,
)
from runtime.session import NothingToDoError
from runtime.stages.label import Question, label
from runtime.work import Worker

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["Format", "PairResult", "Plan", "plan_tests", "render", "run_pairs", "run_plan"]

Format: TypeAlias = Literal["terminal", "json", "junit"]
_ROUNDING = 1e-9


class PairResult(Struct, frozen=True):
    """What came of one pair. `failure` says why it does not hold, and is empty where it does.

    `probability` is the better answer's, over both orders; `position_bias` is what the first place adds to the
    log-odds. Both are None where the answer could not be read.
    """

    test: ModelTest
    probability: float | None
    position_bias: float | None
    failure: str


class Plan(Struct, frozen=True):
    """What is asked, and of which model."""

    bundle: Bundle
    tests: tuple[ModelTest, ...]
    model: str
    engine: EngineConfig
    label: LabelConfig
    seed: int


def plan_tests(file: Path, *, model: str | None, title: str, rehearse: bool, say: Callable[[str], None]) -> Plan:
    """The tests of a file whose title has `title` in it, in either case of letters; `-` is standard input.

    Raises:
        RunFileError, ConstitutionError, BundleError: the file cannot be used.
        NothingToDoError: no model is named, or no title fits.
    """
    from runtime.opening import STDIN, load_bundle
    from runtime.run_file import RunFileError, load_run_file

    if file != STDIN and (file.is_dir() or not file.exists()):
        what = "is a folder" if file.is_dir() else "is not there"
        raise RunFileError(f"{file}: {what}; name a constitution, a bundle or a run file")

    engine, labels, seed, constitution = EngineConfig(), LabelConfig(), 0, file
    if file.suffix == ".toml":
        _, config = load_run_file(file)
        engine, labels, seed, constitution = config.engine, config.label, config.seed, config.constitution
        model = model or config.models.feedback or config.models.critic or config.models.policy
    if rehearse:
        engine = engine.model_copy(update={"kind": EngineKind.SCRIPTED})
    if model is None and engine.kind is not EngineKind.SCRIPTED:
        raise NothingToDoError("no model is named", "add --model NAME; `cai-run models` lists those known by name")
    bundle = load_bundle(constitution, say)
    tests = tuple(t for t in bundle.model_tests if title.casefold() in t.title.casefold())
    if title and not tests:
        raise NothingToDoError(f"no pair for a model is in a test with {title!r} in its title", "leave out -k")
    in_order = sorted(tests, key=lambda t: (t.origin.file, t.origin.line))
    return Plan(bundle, tuple(in_order), model or "scripted", engine, labels, seed)


def run_plan(plan: Plan, progress: Progress, opener: Callable[[EngineConfig, str], Engine]) -> list[PairResult]:
    """Ask the model. Its answers are kept for this run only."""
    if not plan.tests:
        return []
    engine = opener(plan.engine, plan.model)
    try:
        with TemporaryDirectory() as folder, Ledger.open(Path(folder) / "ledger.sqlite") as ledger:
            worker = Worker(engine, ledger, progress)
            return run_pairs(worker, plan.bundle, plan.tests, seed=plan.seed, config=plan.label)
    finally:
        engine.close()


def run_pairs(
    worker: Worker, bundle: Bundle, tests: Sequence[ModelTest], *, seed: int, config: LabelConfig
) -> list[PairResult]:
    """One result per test, in their order: asked in both orders, whatever the constitution says of labels."""
    both = replace(bundle.preference, orders=Orders.BOTH)
    labels = label(
        worker,
        replace(bundle, tensions=(), preference=both),
        [_question(test) for test in tests],
        seed=seed,
        mass_min=config.mass_min,
        reasoning=Decoding(tokens_max=config.reasoning_tokens_max),
        title="pairs",
    )
    return [_result(test, found) for test, found in zip(tests, labels, strict=True)]


def _question(test: ModelTest) -> Question:
    turns = (Turn(Role.USER, test.prompt),)
    prompt = PromptRecord(id=identify("prompt", turns), turns=turns, kind=PromptUse.HELPFUL)
    comparison = Comparison(
        id=identify("model test", test.title, test.principle, test.prompt, test.better, test.worse),
        prompt=prompt.id,
        purpose=ComparisonPurpose.EVALUATION,
        a="better",
        b="worse",
        text_a=test.better,
        text_b=test.worse,
    )
    draw = Draw(
        prompt=prompt.id, stage=Stage.PREFERENCE, round=0, position=0, principle=test.principle, share=1.0
    )  # fmt: skip
    return Question(comparison, prompt, {}, (draw,))


def _result(test: ModelTest, found: Label) -> PairResult:
    """The vote itself, not the label: a clamp after reasoning is for training."""
    if not found.votes:
        return PairResult(test, None, None, "the two answers are the same text")
    (vote,) = found.votes
    probability = vote.probability
    if probability is None:
        return PairResult(test, None, None, f"the answer cannot be read: {vote.abstained}")
    least = test.at_least
    holds = probability > 0.5 if least is None else probability >= least - _ROUNDING
    wanted = "more than 50%" if least is None else f"at least {least * 100:g}%"
    failure = "" if holds else f"the better answer gets {probability:.1%}, and {wanted} is asked for"
    bias = vote.position_bias or 0.0
    if failure and abs(bias) > abs(vote.margin or 0.0):
        failure += f"; the model prefers the {'first' if bias > 0 else 'second'} place, whatever stands there"
    return PairResult(test, probability, vote.position_bias, failure)


# --- telling ------------------------------------------------------------------------------------


class _Row(Struct, frozen=True):
    test: str
    principle: str
    file: str
    line: int
    holds: bool
    failure: str
    probability: float | None
    position_bias: float | None
    model: str


def render(plan: Plan, results: Sequence[PairResult], format: Format, *, at: datetime, seconds: float) -> str:
    """The results for a person, a program or a build server."""
    if format == "json":
        rows = [
            _Row(
                r.test.title, r.test.principle, r.test.origin.file, r.test.origin.line, not r.failure, r.failure,
                r.probability, r.position_bias, plan.model,
            )
            for r in results
        ]  # fmt: skip
        return msgspec.json.format(msgspec.json.encode(rows), indent=2).decode() + "\n"
    if format == "junit":
        from constitution_lang.testing.junit import JunitCase, JunitSuite, to_junit

        cases = [
            JunitCase(r.test.title, f"{r.test.origin} under {r.test.principle}", r.failure, _line(r)) for r in results
        ]
        return to_junit([JunitSuite(plan.bundle.name, cases, {"model": plan.model})], at=at, seconds=seconds)
    held = sum(not r.failure for r in results)
    if not results:
        return f"{plan.bundle.name}: no test has a pair for a model\n"
    pairs = "pair holds" if len(results) == 1 else "pairs hold"
    return "".join(f"{_line(r)}\n" for r in results) + f"{held} of {len(results)} {pairs} on {plan.model}\n"


def _line(result: PairResult) -> str:
    test = result.test
    where = f'{test.origin} "{test.title}" under {test.principle}'
    if result.probability is None:
        return f"fails  {where}: {result.failure}"
    bias = f"position bias {result.position_bias or 0.0:+.2f}"
    if result.failure:
        return f"fails  {where}: {result.failure} ({bias})"
    return f"holds  {where}: {result.probability:.1%} ({bias})"
