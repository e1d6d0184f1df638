"""One run under way: what every step needs, and what makes a step happen once.

A step is known by its fingerprint, the identity of all that it is made from: texts, draws and prompts by content,
never the steps before it. Where the ledger holds the step with the same fingerprint, from this run or an earlier one,
its records are taken over and nothing is asked. Places in the constitution are no part of it: they are looked up anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from constitution_lang.diagnostics.numbers import number_of
from constitution_lang.ir.model import Bundle, PromptKind
from runtime.config import EngineConfig, EngineKind, RunConfig, TooLong
from runtime.datasets.rows import write_whole
from runtime.engines.base import ChatTokenizer, Engine
from runtime.engines.scripted import ScriptedTokenizer
from runtime.identity import data_hash
from runtime.ledger.run_store import RunStore
from runtime.ledger.runs import Step, StepId, StepTally, TrainingTally, Usage
from runtime.progress import Progress
from runtime.records import (
    CaseRecord,
    CaseValue,
    Checkpoint,
    Label,
    PromptCut,
    Provenance,
    Record,
    TrainingStep,
    identify,
)
from runtime.stages.places import placed
from runtime.trainers import Job, Trainers
from runtime.training.cards import CARD_FILE, StandsFor, card_bytes, read_card, with_standing
from runtime.work import CHUNK_ROWS, Worker

__all__ = ["Engines", "NothingToDoError", "Session", "chunk_rows"]

_SHARDS_AN_ACTOR = 8

R = TypeVar("R", bound=Record)
W = TypeVar("W")


class NothingToDoError(Exception):
    """A step made no row, so what follows has nothing to work on."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.remedy = remedy


def chunk_rows(engine: EngineConfig) -> int:
    """How many requests are asked at once.

    A call ends with its slowest shard, while the other actors wait: half a shard each, on average. So of what all
    actors do at a time it is eight times as much, and its answers are still few enough to be held.
    """
    return _SHARDS_AN_ACTOR * engine.ray.actors * engine.ray.shard_rows if engine.spread == "ray" else CHUNK_ROWS


class Engines:
    """Opened engines by model, few at a time: two models have to fit, and none while something trains."""

    OPEN_MAX = 2

    def __init__(
        self, config: EngineConfig, opener: Callable[[EngineConfig, str], Engine], identify: Callable[[str], str]
    ) -> None:
        self._config = config
        self._opener = opener
        self.identity = identify
        self._open: dict[str, Engine] = {}

    def get(self, model: str) -> Engine:
        """The engine of a model, opened where it is not; the one used longest ago gives way."""
        engine = self._open.pop(model, None)
        if engine is None:
            while len(self._open) >= self.OPEN_MAX:
                self._open.pop(next(iter(self._open))).close()
            engine = self._opener(self._config, model)
        self._open[model] = engine
        return engine

    def close(self) -> None:
        """Give back the memory of all of them."""
        while self._open:
            self._open.popitem()[1].close()


@dataclass
class Session:
    """A run under way. `say` prints a line for people; `folder` is the run's.

    Where it `publishes`, data sets are written beside the ledger.
    """

    config: RunConfig
    bundle: Bundle
    ledger: RunStore
    run: str
    folder: Path
    engines: Engines
    trainers: Trainers
    progress: Progress
    say: Callable[[str], None]
    publishes: bool = True
    tallies: list[StepTally] = field(default_factory=list)
    reused_steps: int = 0
    made_steps: int = 0
    _cuts: dict[StepId, dict[str, PromptCut]] = field(default_factory=dict)

    @property
    def constitution(self) -> str:
        """The constitution's meaning hash, which every row and card carries."""
        return self.bundle.meaning_hash

    @property
    def provenance(self) -> Provenance:
        """What everything of this run is made under, for the cards of what it publishes."""
        return Provenance.of(self.bundle, self.run, self.config.seed)

    def read(self, kind: type[R], step: StepId) -> list[R]:
        """The records of a finished step."""
        return self.ledger.read(self.run, kind, step)

    def each(self, kind: type[R], step: StepId) -> Iterator[R]:
        """The same, one by one."""
        return self.ledger.each(self.run, kind, step)

    def step(self, step: StepId, inputs: Sequence[object], make: Callable[[], Iterable[Record]]) -> str:
        """Do a step unless it is done. Returns its fingerprint, for the steps that are made from it.

        What `make` gives is taken one by one, so it may ask for one part after the other.
        """
        fingerprint = identify("step", str(step), *inputs)
        if self._adopt(step, fingerprint):
            self.reused_steps += 1
        else:
            cuts = self._cuts[step] = {}

            def records() -> Iterator[Record]:
                yield from make()
                yield from cuts.values()

            self.ledger.finish(self.run, step, lambda: self._with_cuts(fingerprint) if cuts else fingerprint, records())
            self.made_steps += 1
        self._say_cuts(step)
        return fingerprint

    def _adopt(self, step: StepId, fingerprint: str) -> bool:
        cutting = self.config.prompts.too_long is TooLong.CUT
        for known in (fingerprint, *((self._with_cuts(fingerprint),) if cutting else ())):
            if self.ledger.adopt(self.run, step, known):
                self._place(step, known)
                return True
        return False

    def _with_cuts(self, fingerprint: str) -> str:
        """That of a step in which prompts were cut: it stands only under the same rule and the same limits.

        A step in which all fits is the same step under every rule.
        """
        engine = self.config.engine
        limits = (engine.kind, engine.vllm.context_max, engine.openai.context_max)
        return identify("step with cut prompts", fingerprint, limits)

    def _say_cuts(self, step: StepId) -> None:
        cuts = self.read(PromptCut, step)
        if cuts:
            prompts = {cut.prompt for cut in cuts}
            where = f"{step.step.value}, round {step.round + 1}" if step.step is Step.REVISE else step.step.value
            cut = f"{number_of(len(prompts), 'prompts')} {'was' if len(prompts) == 1 else 'were'} cut"
            self.say(
                f"{where}: {cut}: the oldest turns are left out of {number_of(len(cuts), 'questions')} that did not "
                f"fit into the model's context; one of them: cai-run explain {cuts[0].prompt[:12]}"
            )

    def _place(self, step: StepId, fingerprint: str) -> None:
        """The rules that labels name stand where they stand now, whatever line they were on when they fired."""
        if all(placed(self.bundle, label) == label for label in self.each(Label, step)):
            return
        records = self.ledger.records(self.run, step)
        now = (placed(self.bundle, x) if isinstance(x, Label) else x for x in records)
        self.ledger.finish(self.run, step, fingerprint, now)

    def read_all(self, kind: type[R], step: Step) -> list[R]:
        """The records of all rounds of a step, round by round."""
        return self.ledger.read(self.run, kind, step)

    def cases(self) -> dict[str, CaseRecord]:
        """The case of every prompt, by its id, without the answers that it was known by: so they share it."""
        shared: dict[tuple[CaseValue, ...], tuple[CaseValue, ...]] = {}

        def bare(record: CaseRecord) -> CaseRecord:
            values = tuple(replace(v, probabilities=(), key=None) for v in record.values)
            return replace(record, values=shared.setdefault(values, values))

        return {c.prompt: bare(c) for c in self.each(CaseRecord, StepId(Step.TAG))}

    def weights(self, model: str) -> str:
        """What a model is, wherever it lies: what trainings are made from."""
        return self.engines.identity(model)

    def identity(self, model: str) -> str:
        """A model, what runs it, and the precision in which it is computed: what answers are made from."""
        return self.identity_of(self.weights(model))

    def identity_of(self, weights: str) -> str:
        """The same, for a model whose weights are known."""
        engine = self.config.engine
        return identify("engine", engine.kind, weights, engine.generate_dtype, engine.label_dtype)

    def prompt_hashes(
        self, kinds: Collection[PromptKind], used: Iterable[tuple[str, tuple[str, ...]]]
    ) -> list[tuple[str, str]]:
        """Ids and hashes of the prompts of these principles, in these variants: all that they say."""
        wanted = set(used)
        return [(p.id, p.hash) for p in self.bundle.prompts if p.kind in kinds and (p.principle, p.over) in wanted]

    def need(self, rows: int, problem: str, remedy: str) -> None:
        """Stop the run where there is nothing to go on with."""
        if not rows:
            raise NothingToDoError(problem, remedy)

    def ask(self, step: StepId, model: str, work: Callable[[Worker], Iterable[W]]) -> Iterator[W]:
        """Let `work` ask a model, as what it gives is taken one by one; keep what it cost with the step."""
        worker = Worker(
            self.engines.get(model),
            self.ledger,
            self.progress,
            chunk_rows=chunk_rows(self.config.engine),
            too_long=self.config.prompts.too_long,
        )
        try:
            yield from work(worker)
        finally:
            for cut in worker.cuts.values():
                placed_cut = replace(cut, step=step.step.value, round=step.round)
                self._cuts.setdefault(step, {})[cut.id] = placed_cut
            self.ledger.add_tally(self.run, step, worker.tally)
            self.tallies.append(StepTally(step, worker.tally))

    def train(
        self,
        step: StepId,
        inputs: Sequence[object],
        total: int,
        train: Callable[[Job], Checkpoint],
        *,
        tokens: Callable[[ChatTokenizer], int],
        base: Path,
        kin: str,
        name: str,
        rows: Sequence[str],
    ) -> Checkpoint:
        """Train unless it is done and its checkpoint is still there.

        Args:
            step: which one.
            inputs: all that the checkpoint is made from.
            total: steps of the optimiser.
            train: does it.
            tokens: how many tokens it will work through, by the base's tokenizer.
            base: what it starts from.
            kin: the model whose size the base has: where speeds are remembered.
            name: of the checkpoint's folder, before the first digits of its fingerprint.
            rows: the ids of what it is trained on.
        """
        fingerprint = identify("step", str(step), *inputs)
        out = self.folder / "checkpoints" / f"{name}-{fingerprint[:12]}"
        if self.has_checkpoint(out) and self.ledger.adopt(self.run, step, fingerprint):
            self.reused_steps += 1
            return self._taken_over(step, fingerprint, out, rows)
        self.engines.close()
        seen: list[TrainingStep] = []
        task = self.progress.start(f"train {name}", total, "step")

        def on_step(row: TrainingStep) -> None:
            seen.append(row)
            task.advance(1)

        try:
            seed = int(identify("training seed", self.config.seed, name)[:8], 16)
            count = tokens(self.tokenizer_of(base))
            began = time.monotonic()
            checkpoint = train(Job(base, out, seed, self.provenance, on_step))
            seconds = time.monotonic() - began
        finally:
            task.close()
        self.ledger.finish(self.run, step, fingerprint, [*seen, checkpoint])
        tally = TrainingTally(step=step, model=self.weights(kin), steps=total, tokens=count, seconds=seconds)
        self.ledger.add_training(self.run, tally)
        self.made_steps += 1
        return checkpoint

    def _taken_over(self, step: StepId, fingerprint: str, out: Path, rows: Sequence[str]) -> Checkpoint:
        """A checkpoint that is there. Where its rows had other ids, record and card say which it stands for too."""
        [checkpoint] = self.read(Checkpoint, step)
        data = tuple(dict.fromkeys((*checkpoint.data[:1], data_hash(rows))))
        if data != checkpoint.data:
            checkpoint = replace(checkpoint, data=data)
            self.ledger.finish(self.run, step, fingerprint, [*self.read(TrainingStep, step), checkpoint])
        if len(data) > 1 and self.publishes:
            card = read_card(out)
            now = with_standing(card, StandsFor(provenance=self.provenance, data=data[1], rows=len(rows)))
            if now != card:
                write_whole(out / CARD_FILE, card_bytes(now))
        return checkpoint

    def has_checkpoint(self, out: Path) -> bool:
        """Whether a whole checkpoint is at `out`."""
        return (out / CARD_FILE).is_file()

    def tokenizer_of(self, base: Path) -> ChatTokenizer:
        """The tokenizer of a model that something is trained from."""
        if self.config.engine.kind is EngineKind.SCRIPTED:
            return ScriptedTokenizer()
        from runtime.prompting import ModelTokenizer

        return ModelTokenizer(base)

    def checkpoint_folder(self, checkpoint: Checkpoint) -> Path:
        """Where a checkpoint lies."""
        return self.folder / "checkpoints" / Path(checkpoint.path).name

    def model_of(self, checkpoint: Checkpoint) -> str:
        """What an engine opens for a checkpoint."""
        return str(self.checkpoint_folder(checkpoint))

    def usage(self) -> Usage:
        """All that this session asked for."""
        total = Usage()
        for entry in self.tallies:
            total = total + entry.tally.generate + entry.tally.choose
        return total
