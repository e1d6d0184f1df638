"""What a run prints when it ends: on standard output, so that it can be piped."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.table import Table

from constitution_lang.diagnostics.numbers import number_of
from runtime.ledger.runs import Step
from runtime.ledger.store import Ledger
from runtime.opening import run_folder
from runtime.planning.model import Cost
from runtime.planning.render import cost_table
from runtime.progress import in_words
from runtime.records import Label, Measure, PreferenceRow, SftRow
from runtime.rehearsal import expected
from runtime.report.collect import collect
from runtime.report.pages import write_report
from runtime.run_file import load_run_file
from runtime.session import Session
from runtime.steps.inputs import Inputs

__all__ = ["show_costs", "show_results", "telling_row"]


def show_results(session: Session) -> None:
    """The policies side by side, the labeler, what was reused, the report, and a row to explain."""
    console = Console(width=None if Console().is_terminal else 120)
    measures = session.read_all(Measure, Step.EVALUATE)
    if measures:
        console.print(_policies(measures))
    for measure in session.read_all(Measure, Step.AUDIT):
        console.print(f"{measure.of}: {measure.name} {_figure(measure)}, of {measure.count}", highlight=False)
    usage = session.usage()
    console.print(
        f"{number_of(session.made_steps, 'steps')} done now, {session.reused_steps} reused; "
        f"{number_of(usage.calls, 'answers')} from models, {usage.reused} reused; "
        f"{number_of(usage.prompt_tokens, 'tokens')} read, {usage.new_tokens:,} written",
        highlight=False,
    )
    with Ledger.open(session.folder / "ledger.sqlite", read_only=True) as ledger:
        report = write_report(collect(ledger, session.run), session.folder / "report.html")
        row = telling_row(ledger, session.run)
    print(f"report: {report}")
    if row is not None:
        print(f"one row's story: cai-run explain {row[:12]} --run {session.folder}")


def show_costs(session: Session, inputs: Inputs, file: Path) -> None:
    """What the real run would cost, from the rehearsal's calls and the speeds measured before."""
    _, config = load_run_file(file)
    real = run_folder(file, config, rehearse=False) / "ledger.sqlite"
    with ExitStack() as stack:
        rehearsed = stack.enter_context(Ledger.open(session.folder / "ledger.sqlite", read_only=True))
        before = stack.enter_context(Ledger.open(real, read_only=True)) if real.is_file() else None
        found = expected(config, inputs, rehearsed.tally(session.run), rehearsed.trainings(session.run), before)
    rows = [
        (s.value, "", str(c.calls), str(c.prompt_tokens), str(c.new_tokens), in_words(c.seconds))
        for s, c in found.asked.items()
    ]
    rows += [
        (f"train {s.value}", "", "", str(c.prompt_tokens), "", in_words(c.seconds)) for s, c in found.trained.items()
    ]
    asked = sum(found.asked.values(), Cost())
    seconds = asked.seconds + sum(c.seconds for c in found.trained.values())
    console = Console(width=None if Console().is_terminal else 120)
    console.print(cost_table(rows, asked, seconds, "What the real run would cost"))
    source = (
        "speeds were measured by earlier runs here"
        if found.measured
        else "not all speeds have been measured here yet: times are those of a 135 M model on two CPU cores"
    )
    console.print(f"{source}; tokens are counted four bytes each, and those written at full length", highlight=False)


def _policies(measures: list[Measure]) -> Table:
    policies = list(dict.fromkeys(m.of for m in measures))
    by_name: dict[str, dict[str, Measure]] = {}
    for measure in measures:
        by_name.setdefault(measure.name, {})[measure.of] = measure
    table = Table(title="Evaluation, with 95% intervals")
    table.add_column("")
    for policy in policies:
        table.add_column(policy, justify="right")
    for name in sorted(by_name, key=lambda n: (not n.startswith("better"), n)):
        cells = [_figure(by_name[name][p]) if p in by_name[name] else "" for p in policies]
        table.add_row(name, *cells)
    return table


def _figure(measure: Measure) -> str:
    if measure.count == 0:
        return "no answer"
    width = measure.high - measure.low
    shown = ".0f" if abs(measure.high) >= 10 else ".2f" if width >= 0.05 or width == 0 else ".3f"
    return f"{measure.value:{shown}} [{measure.low:{shown}}, {measure.high:{shown}}]"


def telling_row(ledger: Ledger, run: str) -> str | None:
    """The row with the longest story: a pair where a tension fired, else any pair, else a revision."""
    # Of each label two numbers, not its votes: there are as many labels as pairs.
    told = {x.comparison: (-len(x.fired), -len(x.votes)) for x in ledger.each(run, Label, Step.LABEL)}
    longest = min(((*told[r.comparison], r.id) for r in ledger.each(run, PreferenceRow, Step.LABEL)), default=None)
    if longest is not None:
        return longest[-1]
    revision = next(ledger.each(run, SftRow, Step.SFT), None)
    return None if revision is None else revision.id
