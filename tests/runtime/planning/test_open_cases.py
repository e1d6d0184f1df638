"""Where the cases have to be asked for, the run does what the plan says if they stay, and never more than its bound."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.cli import main
from tests.runtime.planning.done import planned, ran
from tests.runtime.planning.edits import BASE
from tests.runtime.small_run import COUNT, RUN_FILE, write_run

PAIRS = (
    '{"chosen": "\\n\\nHuman: Hi %d?\\n\\nAssistant: Yes.", "rejected": "\\n\\nHuman: Hi %d?\\n\\nAssistant: No."}\n'
)
AUDITED = RUN_FILE + '\n[audit]\nhuman = [{ data = "pairs.jsonl" }]\n'
QUESTION = BASE.replace('attribute severity "', 'attribute severity "Tell me: ')
REASONED = QUESTION.replace("  decided: 60%\n", "  decided: 60%\n  reasoning: yes\n  clamp: 40% to 60%\n")
EDITS = {
    "another question": QUESTION,
    "another question, another statement": QUESTION.replace("Be kind.", "Be kind to all."),
    "a value more": BASE.replace("none < minor < grave", "none < minor < serious < grave"),
    "another question, with reasoning": REASONED,
    "another question, two draws a round": QUESTION.replace("rounds: 2\n  draw: 1", "rounds: 2\n  draw: 2"),
}


def without_columns(folder: Path, run_file: str) -> Path:
    """A run whose prompts say nothing of their cases."""
    file = write_run(folder, constitution=BASE, run_file=run_file)
    (folder / "prompts.jsonl").write_text(
        "".join(json.dumps({"prompt": f"How would I do thing number {n}?"}) + "\n" for n in range(COUNT))
    )
    (folder / "pairs.jsonl").write_text("".join(PAIRS % (n, n) for n in range(4)))
    return file


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = without_columns(tmp_path_factory.mktemp("open"), AUDITED)
    first = planned(file)
    assert first.at_most is not None
    assert first.at_most.prompts == COUNT + 4
    doings = ran(file)
    assert first.asked.calls <= first.at_most.calls
    assert sum(doings.calls.values()) <= first.at_most.calls
    return file.parent


@pytest.mark.parametrize("kind", EDITS)
def test_a_run_asks_no_more_than_the_bound(done: Path, tmp_path: Path, kind: str) -> None:
    assert EDITS[kind] != BASE
    shutil.copytree(done, tmp_path / "run")
    file = tmp_path / "run" / "run.toml"
    (file.parent / "small.const").write_text(EDITS[kind])
    plan = planned(file)
    assert plan.at_most is not None
    doings = ran(file)
    made = sum(doings.calls.values())
    assert made <= plan.at_most.calls
    if kind == "another question":  # the cases did come out otherwise, so what stands for them is no bound
        assert made > plan.asked.calls
    again = planned(file)
    assert again.at_most is None
    assert again.asked.calls == 0


def test_the_bound_is_printed(done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(done, tmp_path / "run")
    file = tmp_path / "run" / "run.toml"
    (file.parent / "small.const").write_text(QUESTION)
    plan = planned(file)
    assert plan.at_most is not None
    for form in ("terminal", "markdown"):
        assert main(["plan", str(file), "--format", form]) == 0
        told = capsys.readouterr().out
        assert "all, if the cases stay" in told
        assert "known, if the cases stay" in told
        assert str(plan.at_most.calls) in told


def test_where_the_data_say_the_cases_there_is_no_bound(tmp_path: Path) -> None:
    file = without_columns(tmp_path, RUN_FILE + "\n[tag]\nask = false\n")
    assert planned(file).at_most is None


def unchanged(text: str) -> str:
    return text


@pytest.mark.parametrize("edit", [unchanged, lambda text: text.replace("Be kind.", "Be kind to all.")])
def test_known_cases_have_no_bound(done: Path, tmp_path: Path, edit: Callable[[str], str]) -> None:
    shutil.copytree(done, tmp_path / "run")
    file = tmp_path / "run" / "run.toml"
    (file.parent / "small.const").write_text(edit(BASE))
    plan = planned(file)
    assert plan.at_most is None
    assert plan.asked.calls == sum(ran(file).calls.values())
