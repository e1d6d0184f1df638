"""What both commands say of themselves, and what they say where little is asked."""

from __future__ import annotations

from io import StringIO

import pytest

from constitution_lang.cli import main
from constitution_lang.commands.files import colors
from constitution_lang.diagnostics.numbers import number_of
from runtime.cli import main as run_main


class _Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("call", "name"), [(main, "cai-compile"), (run_main, "cai-run")])
def test_the_version(call: object, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert callable(call)
    with pytest.raises(SystemExit) as ended:
        call(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"{name} 0.")


def test_colour_is_for_terminals_that_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert colors(_Terminal())
    assert not colors(StringIO())
    monkeypatch.setenv("TERM", "dumb")
    assert not colors(_Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colors(_Terminal())


def test_a_code_that_is_nearly_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "E2O1"]) == 2
    assert "did you mean E201?" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["none.const", "."])
def test_a_model_test_of_no_file(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_main(["test", name]) == 2
    assert "name a constitution, a bundle or a run file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "things", "said"),
    [(1, "cases", "1 case"), (2, "cases", "2 cases"), (1, "categories", "1 category"), (1200, "rows", "1,200 rows")],
)
def test_one_thing_is_said_in_the_singular(number: int, things: str, said: str) -> None:
    assert number_of(number, things) == said
