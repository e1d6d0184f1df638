"""What a run prints when it ends: on standard output, so that it can be piped."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from runtime.ledger.runs import Step
from runtime.ledger.store import Ledger
from runtime.opening import run_folder
from runtime.progress import in_words
from runtime.records import Label, Measure, PreferenceRow, SftRow, TrainingStep
from runtime.rehearsal import costs, measured_speeds
from runtime.report.collect import collect
from runtime.report.pages import write_report
from runtime.run_file import load_run_file
from runtime.session import Session

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
        f"{session.made_steps} steps done now, {session.reused_steps} reused; {usage.calls} answers from models, "
        f"{usage.reused} reused; {usage.prompt_tokens} tokens read, {usage.new_tokens} written",
        highlight=False,
    )
    with Ledger.open(session.folder / "ledger.sqlite", read_only=True) as ledger:
        report = write_report(collect(ledger, session.run), session.folder / "report.html")
        row = telling_row(ledger, session.run)
    print(f"report: {report}")
    if row is not None:
        print(f"one row's story: cai-run explain {row[:12]} --run {session.folder}")


def show_costs(session: Session, file: Path) -> None:
    """What the real run would cost, from the rehearsal's calls and the speeds measured before."""
    _, config = load_run_file(file)
    speeds = measured_speeds(run_folder(file, config, rehearse=False))
    steps = [
        s
        for step in (Step.SFT, Step.PREFERENCE_MODEL, Step.DPO, Step.POLICY)
        for s in session.read_all(TrainingStep, step)
    ]
    with Ledger.open(session.folder / "ledger.sqlite", read_only=True) as ledger:
        rows = costs(config, ledger.tally(session.run), steps, speeds)
    table = Table(title="What the real run would cost")
    for name in ("step", "calls", "tokens read", "tokens written, at most", "time"):
        table.add_column(name, justify="left" if name == "step" else "right")
    for row in rows:
        table.add_row(row.step, str(row.calls), str(row.prompt_tokens), str(row.new_tokens), in_words(row.seconds))
    table.add_section()
    table.add_row(
        "all",
        str(sum(r.calls for r in rows)),
        str(sum(r.prompt_tokens for r in rows)),
        str(sum(r.new_tokens for r in rows)),
        in_words(sum(r.seconds for r in rows)),
    )
    console = Console(width=None if Console().is_terminal else 120)
    console.print(table)
    source = (
        "speeds were measured by earlier runs here"
        if speeds
        else "no run has measured speeds here yet: times are those of a 135 M model on two CPU cores"
    )
    console.print(f"{source}; tokens are counted four bytes each", highlight=False)


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
    labels = {x.comparison: x for x in ledger.read(run, Label, Step.LABEL)}
    rows = ledger.read(run, PreferenceRow, Step.LABEL)
    rows.sort(key=lambda r: (-len(labels[r.comparison].fired), -len(labels[r.comparison].votes), r.id))
    found: list[PreferenceRow] | list[SftRow] = rows or ledger.read(run, SftRow, Step.SFT)
    return found[0].id if found else None
