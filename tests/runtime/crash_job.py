"""A small run on the scripted engine, for test_crash.py to kill: `python crash_job.py FOLDER`.

Says on stdout what it asks the engine and what it holds for done, each line in one write.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from runtime.engines.base import Choice, ChooseRequest, Completion, Decoding, GenerateRequest
from runtime.engines.scripted import ScriptedEngine
from runtime.ledger.keys import work_key
from runtime.ledger.runs import RunManifest, Step, StepId
from runtime.ledger.store import Ledger
from runtime.progress import SilentProgress, Task
from runtime.records import Comparison, ComparisonPurpose, Critique, Measure, Record, Response, identify
from runtime.work import Worker

PROMPTS = 40
ROUNDS = 2
HOW = Decoding(tokens_max=120)


def say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


class Talking(SilentProgress):
    def start(self, title: str, total: int, unit: str, done: int = 0) -> Task:
        del title, total, unit, done
        return _TalkingTask()


class _TalkingTask:
    def advance(self, count: int, tokens: int = 0) -> None:
        del tokens
        say("kept", count)

    def close(self) -> None:
        pass


class Asked(ScriptedEngine):
    def generate(self, requests: Sequence[GenerateRequest]) -> Iterator[tuple[int, Completion]]:
        for request in requests:
            say("asked", work_key(self.model, request))
        return super().generate(requests)

    def choose(self, requests: Sequence[ChooseRequest]) -> Iterator[tuple[int, Choice]]:
        for request in requests:
            say("asked", work_key(self.model, request))
        return super().choose(requests)


def run(folder: Path) -> None:
    manifest = RunManifest(
        id="run", constitution="c", version="1.0.0", meaning_hash="m", metadata_hash="d", bundle=b"{}", config=b"{}"
    )
    with Ledger.open(folder / "ledger.sqlite") as ledger:
        say("opened")
        ledger.begin(manifest)
        worker = Worker(Asked("m"), ledger, Talking(), chunk_rows=32, commit_rows=3)

        def step(which: StepId, make: Callable[[], list[Record]]) -> None:
            if not ledger.is_done("run", which, "f"):
                ledger.finish("run", which, "f", make())
                say("done", which)

        step(StepId(Step.RESPOND), lambda: respond(worker))
        for turn in range(ROUNDS):
            step(StepId(Step.CRITIQUE, turn), lambda turn=turn: critique(worker, ledger, turn))  # type: ignore[misc]
        step(StepId(Step.PAIR), lambda: pair(ledger))
        step(StepId(Step.LABEL), lambda: label(worker, ledger))
        rows = [*ledger.read("run", Response), *ledger.read("run", Critique), *ledger.read("run", Measure)]
        building = folder / "rows.new"
        building.write_bytes(b"\n".join(msgspec.json.encode(row) for row in rows))
        building.replace(folder / "rows.jsonl")
    say("end")


def request(seed: int, *texts: str) -> GenerateRequest:
    return GenerateRequest(tuple("\n\n".join(texts).encode()), HOW, seed)


def respond(worker: Worker) -> list[Record]:
    prompts = [(n, sample) for n in range(PROMPTS) for sample in range(2)]
    answers = worker.generate([request(sample, f"prompt {n}") for n, sample in prompts], "respond")
    return [
        Response(
            id=identify("response", n, sample), prompt=f"p{n}", policy="m", sample=sample, text=answer.value.text,
            key=answer.key, finish=answer.value.finish,
        )
        for (n, sample), answer in zip(prompts, answers, strict=True)
    ]  # fmt: skip


def critique(worker: Worker, ledger: Ledger, turn: int) -> list[Record]:
    texts: list[Response] | list[Critique]
    texts = ledger.read("run", Critique, StepId(Step.CRITIQUE, turn - 1)) if turn else ledger.read("run", Response)
    answers = worker.generate([request(turn, text.text, f"Critique {turn}.") for text in texts], "critique")
    return [
        Critique(
            id=identify("critique", text.id, turn), prompt=text.prompt, of=text.id, round=turn, principle="h.w",
            compiled="c", text=answer.value.text, key=answer.key,
        )
        for text, answer in zip(texts, answers, strict=True)
    ]  # fmt: skip


def pair(ledger: Ledger) -> list[Record]:
    responses = ledger.read("run", Response)
    return [
        Comparison(
            id=identify("pair", a.id, b.id), prompt=a.prompt, purpose=ComparisonPurpose.TRAINING, a=a.id, b=b.id,
            text_a=a.text, text_b=b.text,
        )
        for a, b in zip(responses[::2], responses[1::2], strict=True)
    ]  # fmt: skip


def label(worker: Worker, ledger: Ledger) -> list[Record]:
    pairs = ledger.read("run", Comparison)
    asked = [
        ChooseRequest(tuple(f"(A) {one}\n\n(B) {two}\n\nBe kind. (".encode()), (65, 66))
        for p in pairs
        for one, two in ((p.text_a, p.text_b), (p.text_b, p.text_a))
    ]
    answers = worker.choose(asked, "label")
    return [
        Measure(of=p.id, name="log-odds", value=choice.value.log_probabilities[0], low=0, high=0, count=1)
        for p, choice in zip([p for p in pairs for _ in range(2)], answers, strict=True)
    ]


if __name__ == "__main__":
    run(Path(sys.argv[1]))
