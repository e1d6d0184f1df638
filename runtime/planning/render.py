"""A plan for people, for reviews and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from io import StringIO

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from constitution_lang.diagnostics.numbers import number_of
from runtime.ledger.runs import Step, StepId
from runtime.planning.model import Bound, Cost, Plan, PrincipleWork, Rate, Reason, StageWork, TrainingWork
from runtime.progress import in_words

__all__ = ["PlanFormat", "cost_table", "render"]

_COLUMNS = ("step", "known", "asked", "tokens read", "tokens written", "time")
_NAMES = {
    Step.SFT: "train SL-CAI",
    Step.PREFERENCE_MODEL: "train the preference model",
    Step.DPO: "train DPO",
    Step.POLICY: "train the policy",
}
_POLICIES = ("base", "SL-CAI", "DPO", "policy")
_REASONS_MAX = 3
_WIDTH = 120


class PlanFormat(StrEnum):
    """How a plan is printed."""

    TERMINAL = "terminal"
    JSON = "json"
    MARKDOWN = "markdown"


def render(plan: Plan, form: PlanFormat, *, width: int = _WIDTH, color: bool = False) -> str:
    """The plan as text, with a line break at its end."""
    if form is PlanFormat.JSON:
        return msgspec.json.format(msgspec.json.encode(_whole(plan)), indent=2).decode() + "\n"
    if form is PlanFormat.MARKDOWN:
        return "\n".join(_markdown(plan)) + "\n"
    out = StringIO()
    console = Console(file=out, width=width, force_terminal=color, color_system="auto" if color else None)
    console.print(f"[bold]{escape(_title(plan))}[/]", highlight=False)
    for line in _changes(plan):
        console.print(escape(f"  {line}"), highlight=False)
    console.print(cost_table(_step_rows(plan), plan.asked, plan.seconds, at_most=plan.at_most))
    principles = _principle_rows(plan)
    if principles:
        table = Table(title="Principles that are asked about anew")
        for n, name in enumerate(("step", "principle", "known", "asked", "why")):
            table.add_column(name, justify="right" if n in (2, 3) else "left")
        for step, work in principles:
            table.add_row(step, work.principle, str(work.kept), str(work.calls), escape(_why(work.why)))
        console.print(table)
    for line in (*_unlisted(plan), *_sources(plan), *plan.notes):
        console.print(escape(line), highlight=False)
    return out.getvalue()


def cost_table(
    rows: Iterable[Sequence[str]],
    asked: Cost,
    seconds: float,
    title: str = "What it costs",
    *,
    at_most: Bound | None = None,
) -> Table:
    """Steps with what they ask, and the sum. Rows have a cell for each of step, known, asked, read, written, time."""
    table = Table(title=title)
    for name in _COLUMNS:
        table.add_column(name, justify="left" if name == "step" else "right")
    for row in rows:
        table.add_row(*row)
    table.add_section()
    table.add_row(*_sum("all" if at_most is None else "all, if the cases stay", asked, seconds))
    if at_most is not None:
        table.add_row(*_most("at most", at_most))
    return table


def _sum(name: str, asked: Cost, seconds: float) -> tuple[str, ...]:
    return name, "", str(asked.calls), str(asked.prompt_tokens), str(asked.new_tokens), in_words(seconds)


def _most(name: str, at_most: Bound) -> tuple[str, ...]:
    return name, "", str(at_most.calls), "", "", ""


def _title(plan: Plan) -> str:
    now = f"{plan.constitution} {plan.version}"
    if plan.since is None:
        return f"{plan.file}: {now}; no run came before, so all of it is new"
    return f"{plan.file}: {now}, after {plan.since}"


def _changes(plan: Plan) -> list[str]:
    if plan.difference is None:
        return []
    found = [f"{c.grade.value}, {c.id}: {c.says}" for c in plan.difference.changes]
    return found or ["the constitution is the same"]


def _step_rows(plan: Plan) -> Iterator[tuple[str, ...]]:
    for stage in plan.stages:
        yield _stage_row(stage)
    for training in plan.trainings:
        yield _training_row(training, open_cases=plan.at_most is not None)


def _stage_row(stage: StageWork) -> tuple[str, ...]:
    cost = stage.cost
    name = _name(stage.step)
    if stage.moved:
        name += f" ({stage.moved} of {stage.draws} draws moved)"
    if not cost.calls:
        return name, str(stage.kept), "", "", "", ""
    written = str(cost.new_tokens) if cost.new_tokens else ""
    return name, str(stage.kept), str(cost.calls), str(cost.prompt_tokens), written, in_words(cost.seconds)


def _training_row(training: TrainingWork, *, open_cases: bool) -> tuple[str, ...]:
    name = _NAMES[training.step.step]
    if training.taken_over:
        return name, "known, if the cases stay" if open_cases else "known", "", "", "", ""
    return name, "", number_of(training.steps, "steps"), str(training.tokens), "", in_words(training.seconds)


def _name(step: StepId) -> str:
    if step.step is Step.REVISE:
        return f"revise, round {step.round + 1}"
    if step.step is Step.EVALUATE:
        return f"evaluate {_POLICIES[step.round // 2]}: {'judge' if step.round % 2 else 'answers'}"
    return step.step.value


def _principle_rows(plan: Plan) -> list[tuple[str, PrincipleWork]]:
    """What is asked under principles, rounds and policies of a step together; none where all is new."""
    found: dict[tuple[Step, str], PrincipleWork] = {}
    if plan.since is None:
        return []
    for stage in plan.stages:
        for work in stage.principles:
            key = stage.step.step, work.principle
            before = found.get(key) or PrincipleWork(principle=work.principle, kept=0, calls=0)
            found[key] = PrincipleWork(
                principle=work.principle,
                kept=before.kept + work.kept,
                calls=before.calls + work.calls,
                why=tuple(dict.fromkeys((*before.why, *work.why))),
            )
    return [(step.value, work) for (step, _), work in found.items() if work.calls]


def _why(reasons: Sequence[Reason]) -> str:
    shown = [f"{r.change} ({r.grade})" if r.change else r.says for r in reasons[:_REASONS_MAX]]
    more = len(reasons) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more else "")


def _unlisted(plan: Plan) -> Iterator[str]:
    """Why of what has no principle, steps with the same reason together."""
    found: dict[str, list[str]] = {}
    for stage in plan.stages:
        if stage.cost.calls and not any(p.calls for p in stage.principles):
            found.setdefault(_why(stage.why), []).append(_name(stage.step))
    for training in plan.trainings:
        if not training.taken_over:
            found.setdefault(_why(training.why), []).append(_NAMES[training.step.step])
    if plan.since is not None:
        for why, steps in found.items():
            yield f"{', '.join(steps)}: {why}"


def _sources(plan: Plan) -> Iterator[str]:
    """Where speeds come from."""
    by_source: dict[str, list[str]] = {}
    for rate in plan.rates:
        by_source.setdefault(rate.source, []).append(_rate(rate))
    for source, rates in by_source.items():
        yield f"speeds {source}: {', '.join(rates)}"


def _rate(rate: Rate) -> str:
    does = {"written": "writes", "chosen": "reads, to choose,"}.get(rate.of, f"in {rate.of} trains on")
    return f"{rate.model} {does} {rate.token_rate:.0f} tokens/s"


def _markdown(plan: Plan) -> Iterator[str]:
    yield f"**{_title(plan)}**"
    yield ""
    yield from (f"- {line}" for line in _changes(plan))
    yield ""
    yield f"| {' | '.join(_COLUMNS)} |"
    yield "| --- |" + " ---: |" * (len(_COLUMNS) - 1)
    for row in _step_rows(plan):
        yield f"| {' | '.join(row)} |"
    sums = [_sum("**all**" if plan.at_most is None else "**all, if the cases stay**", plan.asked, plan.seconds)]
    if plan.at_most is not None:
        sums.append(_most("**at most**", plan.at_most))
    yield from (f"| {' | '.join(row)} |" for row in sums)
    principles = _principle_rows(plan)
    if principles:
        yield ""
        yield "| step | principle | known | asked | why |"
        yield "| --- | --- | ---: | ---: | --- |"
        for step, work in principles:
            why = _why(work.why).replace("|", "\\|")
            yield f"| {step} | `{work.principle}` | {work.kept} | {work.calls} | {why} |"
    yield ""
    yield from (f"- {line}" for line in (*_unlisted(plan), *_sources(plan), *plan.notes))


class _Whole(msgspec.Struct, frozen=True):
    """The plan with its sums, for programs."""

    format: int
    plan: Plan
    asked: Cost
    seconds: float


def _whole(plan: Plan) -> _Whole:
    return _Whole(1, plan, plan.asked, plan.seconds)
