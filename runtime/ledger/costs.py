"""What runs cost, as the ledger's tables have it."""

from __future__ import annotations

import sqlite3
from itertools import groupby

import msgspec

from runtime.ledger.runs import (
    Operation,
    Speed,
    Step,
    StepId,
    StepTally,
    Tally,
    TrainingSpeed,
    TrainingTally,
    Usage,
    Written,
)
from runtime.ledger.selecting import ORDER

__all__ = ["add_tally", "add_training", "speeds", "tallies", "training_speeds", "trainings", "written"]


def add_tally(connection: sqlite3.Connection, run: str, step: StepId, tally: Tally) -> None:
    """Add what a step asked of a model to what it asked before."""
    for operation, usage in ((Operation.GENERATE, tally.generate), (Operation.CHOOSE, tally.choose)):
        if usage == Usage():
            continue
        connection.execute(
            "INSERT INTO tally VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, reused = reused + excluded.reused,"
            " prompt_tokens = prompt_tokens + excluded.prompt_tokens,"
            " new_tokens = new_tokens + excluded.new_tokens, seconds = seconds + excluded.seconds",
            (run, step.step.value, step.round, tally.model, operation.value, *msgspec.structs.astuple(usage)),
        )


def tallies(connection: sqlite3.Connection, run: str) -> list[StepTally]:
    """What each step of a run asked of each model, in the order of `Step`."""
    rows = connection.execute(
        "SELECT step, round, model, operation, calls, reused, prompt_tokens, new_tokens, seconds"
        " FROM tally WHERE run = ?",
        (run,),
    ).fetchall()
    rows.sort(key=lambda row: (ORDER[row[0]], row[1], row[2]))
    found = []
    for (step, turn, model), group in groupby(rows, key=lambda row: row[:3]):
        usage = {row[3]: Usage(**dict(zip(Usage.__struct_fields__, row[4:], strict=True))) for row in group}
        found.append(StepTally(StepId(Step(step), turn), Tally(model=model, **usage)))
    return found


def speeds(connection: sqlite3.Connection) -> list[Speed]:
    """How fast each model has been, over all runs."""
    rows = connection.execute(
        "SELECT model, operation, sum(calls), sum(prompt_tokens), sum(new_tokens), sum(seconds) FROM tally"
        " GROUP BY model, operation HAVING sum(calls) > 0 AND sum(seconds) > 0 ORDER BY model, operation"
    ).fetchall()
    return [
        Speed(
            model=model,
            operation=Operation(operation),
            calls=calls,
            seconds=seconds,
            call_rate=calls / seconds,
            prompt_token_rate=prompt_tokens / seconds,
            new_token_rate=new_tokens / seconds,
        )
        for model, operation, calls, prompt_tokens, new_tokens, seconds in rows
    ]


def written(connection: sqlite3.Connection) -> list[Written]:
    """How much each model has written in each step, over all runs."""
    rows = connection.execute(
        "SELECT step, model, sum(calls), sum(new_tokens) FROM tally WHERE operation = ?"
        " GROUP BY step, model HAVING sum(calls) > 0 ORDER BY step, model",
        (Operation.GENERATE.value,),
    ).fetchall()
    return [Written(step=Step(step), model=model, calls=calls, new_tokens=new) for step, model, calls, new in rows]


def add_training(connection: sqlite3.Connection, run: str, tally: TrainingTally) -> None:
    """Note what a training cost; what an earlier one of this run and step cost is forgotten."""
    connection.execute(
        "INSERT OR REPLACE INTO training (run, step, model, steps, tokens, seconds) VALUES (?, ?, ?, ?, ?, ?)",
        (run, tally.step.step.value, tally.model, tally.steps, tally.tokens, tally.seconds),
    )


def trainings(connection: sqlite3.Connection, run: str) -> list[TrainingTally]:
    """What the trainings of a run cost, in the order of `Step`."""
    rows = connection.execute(
        "SELECT step, model, steps, tokens, seconds FROM training WHERE run = ?", (run,)
    ).fetchall()
    rows.sort(key=lambda row: ORDER[row[0]])
    return [
        TrainingTally(step=StepId(Step(step)), model=model, steps=steps, tokens=tokens, seconds=seconds)
        for step, model, steps, tokens, seconds in rows
    ]


def training_speeds(connection: sqlite3.Connection) -> list[TrainingSpeed]:
    """How fast each model has been trained in each step, over all runs."""
    rows = connection.execute(
        "SELECT step, model, sum(tokens), sum(seconds) FROM training GROUP BY step, model"
        " HAVING sum(tokens) > 0 AND sum(seconds) > 0 ORDER BY step, model"
    ).fetchall()
    return [
        TrainingSpeed(step=Step(step), model=model, seconds=seconds, token_rate=tokens / seconds)
        for step, model, tokens, seconds in rows
    ]
