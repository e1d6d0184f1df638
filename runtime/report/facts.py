"""What was run, and what it cost, as rows of a table."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime

from constitution_lang.diagnostics.numbers import number_of
from constitution_lang.ir.model import Bundle
from runtime.config import EngineKind
from runtime.ledger.runs import RunManifest, StepTally
from runtime.report.data import Fact, FactGroup, StepCost

__all__ = ["fact_groups", "is_rehearsal", "step_costs"]


def fact_groups(manifest: RunManifest, bundle: Bundle) -> tuple[FactGroup, ...]:
    """The constitution, the run, its models, its software and its settings."""
    settings = _settings_of(manifest)
    seed = settings.get("seed")
    started = datetime.fromtimestamp(manifest.started, UTC).strftime("%Y-%m-%d %H:%M UTC") if manifest.started else ""
    groups = [
        FactGroup(
            name="Constitution",
            facts=(
                Fact(name="name", value=f"{manifest.constitution} {manifest.version}"),
                Fact(name="title", value=bundle.title),
                Fact(
                    name="size",
                    value=f"{number_of(len(bundle.principles), 'principles')} in "
                    f"{number_of(len(bundle.categories), 'categories')}, "
                    f"{number_of(len(bundle.tensions), 'tensions')}, {number_of(len(bundle.attributes), 'attributes')}",
                ),
                Fact(name="meaning hash", value=manifest.meaning_hash, code=True),
                Fact(name="metadata hash", value=manifest.metadata_hash, code=True),
                *(Fact(name=f"{s.name}, SHA-256", value=s.sha256, code=True) for s in bundle.sources),
            ),
        ),
        FactGroup(
            name="Run",
            facts=tuple(
                fact
                for fact in (
                    Fact(name="id", value=manifest.id, code=True),
                    Fact(name="started", value=started),
                    Fact(name="seed", value="" if seed is None else str(seed), code=True),
                )
                if fact.value
            ),
        ),
        FactGroup(name="Models", facts=tuple(Fact(name=r, value=m, code=True) for r, m in manifest.models)),
        FactGroup(name="Software", facts=tuple(Fact(name=p, value=v, code=True) for p, v in manifest.versions)),
        FactGroup(name="Settings", facts=tuple(_settings(settings))),
    ]
    return tuple(group for group in groups if group.facts)


def step_costs(tallies: Iterable[StepTally]) -> tuple[StepCost, ...]:
    """One row for each step, its rounds and models taken together."""
    rows: dict[str, list[float]] = {}
    for entry in tallies:
        row = rows.setdefault(entry.step.step.value, [0, 0, 0, 0, 0.0])
        for usage in (entry.tally.generate, entry.tally.choose):
            for at, value in enumerate(
                (usage.calls, usage.reused, usage.prompt_tokens, usage.new_tokens, usage.seconds)
            ):
                row[at] += value
    return tuple(
        StepCost(
            step=step.replace("_", " "), calls=int(calls), reused=int(reused), prompt_tokens=int(prompt_tokens),
            new_tokens=int(new_tokens), seconds=seconds,
        )
        for step, (calls, reused, prompt_tokens, new_tokens, seconds) in rows.items()
    )  # fmt: skip


def is_rehearsal(manifest: RunManifest) -> bool:
    """Whether the run was on the scripted engine, so that its texts and figures mean nothing."""
    engine = _settings_of(manifest).get("engine")
    return isinstance(engine, dict) and engine.get("kind") == EngineKind.SCRIPTED.value


def _settings_of(manifest: RunManifest) -> dict[str, object]:
    settings = json.loads(manifest.config) if manifest.config else {}
    return settings if isinstance(settings, dict) else {}


def _settings(value: object, prefix: str = "") -> Iterable[Fact]:
    """The run file's settings with dotted names, as they were in force."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _settings(inner, f"{prefix}.{name}" if prefix else str(name))
    elif isinstance(value, list) and any(isinstance(x, dict) for x in value):
        for at, inner in enumerate(value):
            yield from _settings(inner, f"{prefix}[{at}]")
    elif value not in (None, [], {}) and prefix:
        yield Fact(name=prefix, value=value if isinstance(value, str) else json.dumps(value), code=True)
