"""One of a thing is told in the singular."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runtime.cli import main
from runtime.engines.scripted import ScriptedTokenizer
from runtime.records import Comparison, Label
from runtime.session import Session
from runtime.steps import publish
from tests.runtime.small_run import RUN_FILE
from tests.runtime.test_cutting import CONTEXT, CUT, write

ONE_ROW = {"limit = 12": "limit = 1", "offset = 12, limit = 4": "offset = 13, limit = 1"}


@pytest.fixture
def one_prompt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run file with one prompt, which has to be cut."""
    monkeypatch.setattr(ScriptedTokenizer.__init__, "__defaults__", (CONTEXT,))
    text = CUT
    for many, one in ONE_ROW.items():
        assert many in RUN_FILE
        text = text.replace(many, one)
    return write(tmp_path, text)


def test_a_prompt_that_was_cut(one_prompt: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", str(one_prompt)]) == 0
    planned = " ".join(capsys.readouterr().out.split())
    assert "respond: 1 prompt is cut: the oldest turns are left out of 1 question" in planned
    main(["run", str(one_prompt), "--quiet"])
    told = capsys.readouterr()
    said = told.out + told.err
    assert "respond: 1 prompt was cut: the oldest turns are left out of 1 question that did not fit" in said
    assert not re.search(r"\b1 (prompts|questions|pairs|steps|rows|answers)\b", planned + said)


@pytest.mark.parametrize(("count", "says"), [(1, "1 pair is for people"), (2, "2 pairs are for people")])
def test_a_pair_for_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, says: str) -> None:
    class Saying:
        folder = tmp_path

        def __init__(self) -> None:
            self.said: list[str] = []

        def say(self, line: str) -> None:
            self.said.append(line)

    def line(_: tuple[Comparison, Label]) -> bytes:
        return b"{}\n"

    monkeypatch.setattr(publish, "_review_line", line)
    (tmp_path / "data").mkdir()
    session: Session = Saying()  # type: ignore[assignment]
    publish.publish_review(session, [(None, None)] * count)  # type: ignore[list-item]
    (said,) = session.said  # type: ignore[attr-defined]
    assert said.startswith(f"{says} to decide: ")
