from __future__ import annotations

import _thread
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.cli import main
from runtime.datasets.rows import read_rows
from runtime.engines.base import Decoding, GenerateRequest
from runtime.engines.vllm import VllmEngine
from runtime.ledger.store import Ledger
from runtime.progress import SilentProgress, Task
from runtime.records import Checkpoint, PreferenceRow, SftRow
from runtime.work import Worker
from tests.runtime.small_run import write_run

pytestmark = pytest.mark.vllm

RUN_FILE = """\
constitution = "small.const"
seed = 3
out = "out"

[engine]
kind = "{kind}"
generate_dtype = "float32"

[models]
policy = "{model}"

[prompts]
train = [{{ data = "prompts.jsonl", limit = 6 }}]
evaluation = [{{ data = "prompts.jsonl", kind = "benign", offset = 12, limit = 2 }}]

[respond]
tokens_max = 12

[revision]
critique_tokens_max = 8
revision_tokens_max = 12

[sft]
steps_max = 1
lora = false

[pair]
tokens_max = 12

[label]
mass_min = 1e-12  # a random model has no opinion

[preference_model]
steps_max = 1
lora = false

[dpo]
steps_max = 1
lora = false

[policy]
method = "ppo"
steps = 1
rollout_rows = 2
minibatch_rows = 2
completion_tokens_max = 8
lora = false

[evaluation]
tokens_max = 8
"""


def test_whole_run_with_one_line_changed(small_model: Path, tmp_path: Path) -> None:
    """Generation, labels and trainings of both runs, in one process, one engine after the other."""
    rows = {}
    for kind in ("vllm", "transformers"):
        file = write_run(tmp_path / kind, run_file=RUN_FILE.format(kind=kind, model=small_model))
        assert main(["run", str(file), "--quiet"]) == 0
        out = tmp_path / kind / "out"
        preferences = read_rows(out / "data" / "preference.parquet", PreferenceRow)
        rows[kind] = (
            sorted(row.principles for row in read_rows(out / "data" / "sft.jsonl", SftRow)),
            sorted(row.principles for row in preferences),
        )
        with Ledger.open(out / "ledger.sqlite", read_only=True) as ledger:
            run = ledger.latest_run().id
            assert len(ledger.read(run, Checkpoint)) == 4
            tallies = [entry.tally for entry in ledger.tally(run)]
        assert {tally.model.rsplit(":", 1)[-1].split("/")[0] for tally in tallies} == {kind}
    # The draws are the constitution's; what the engines wrote is their own.
    assert rows["vllm"] == rows["transformers"]
    assert all(rows["vllm"])


class _Stopping(SilentProgress):
    """Presses Ctrl-C a moment after the first answers are kept."""

    def __init__(self) -> None:
        self.pressed = False

    def start(self, title: str, total: int, unit: str, done: int = 0) -> Task:
        del title, total, unit, done
        return self

    def advance(self, count: int, tokens: int = 0) -> None:
        del count, tokens
        if not self.pressed:
            self.pressed = True
            threading.Timer(0.02, _thread.interrupt_main).start()

    def close(self) -> None:
        pass


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A shell starts what it puts into the background with Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_keeps_what_is_done(small_model: Path, tmp_path: Path) -> None:
    engine = VllmEngine(small_model, generate_dtype="float32")
    requests = [
        GenerateRequest((5, 6, 7 + n), Decoding(tokens_max=2 if n < 3 else 400, temperature=0), n) for n in range(40)
    ]
    with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        with pytest.raises(KeyboardInterrupt):
            Worker(engine, ledger, _Stopping(), commit_rows=1).generate(requests, "write")
        worker = Worker(engine, ledger, SilentProgress())
        answers = worker.generate(requests, "go on")
        kept = sum(answer.reused for answer in answers)
        assert 0 < kept < len(requests)
        assert worker.tally.generate.calls == len(requests) - kept
    whole = dict(engine.generate(requests))
    assert [answer.value for answer in answers] == [whole[n] for n in range(len(requests))]
    engine.close()
