"""The command line: what it prints where, and its exit codes."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from constitution_lang import cli
from constitution_lang.commands.files import FORMATS
from constitution_lang.commands.show import STAGES
from constitution_lang.diagnostics.codes import all_codes
from constitution_lang.diagnostics.render import Format
from constitution_lang.ir.codec import loads
from constitution_lang.ir.model import Stage
from tests.constitution_lang.texts import WHOLE

ROOT = Path(__file__).parents[2]
BAD = WHOLE.replace("weight: 3", "weight: 0")


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.const"
    path.write_text(WHOLE, encoding="utf-8")
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.const"
    path.write_text(BAD, encoding="utf-8")
    return path


def test_build(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["build", str(good)]) == 0
    written = good.with_suffix(".bundle.json")
    assert loads(written.read_bytes()).name == "house"
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"wrote {written}: 2 principles, {len(loads(written.read_bytes()).prompts)} prompts\n"
    assert sorted(path.name for path in good.parent.iterdir()) == ["good.bundle.json", "good.const"]


def test_build_into_a_link_a_pipe_and_a_device(good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, link, pipe = tmp_path / "kept" / "file.json", tmp_path / "link.json", tmp_path / "pipe"
    file.parent.mkdir()
    link.symlink_to(file)
    assert cli.main(["build", str(good), "-o", str(link)]) == 0
    assert link.is_symlink()
    os.mkfifo(pipe)
    with subprocess.Popen(
        [sys.executable, "-m", "constitution_lang.cli", "build", good, "-o", pipe], stderr=-3
    ) as build:
        assert pipe.read_bytes() == file.read_bytes()
    assert build.returncode == 0
    assert pipe.is_fifo()
    assert cli.main(["build", str(good), "-o", "/dev/full"]) == 2
    assert "cannot write /dev/full: no space left" in capsys.readouterr().err
    assert Path("/dev/full").is_char_device()


@pytest.mark.parametrize("command", ["check", "show", "build -o -", "--help", "diff --help"])
@pytest.mark.parametrize(
    ("closing", "code", "said"),
    [
        ("> /dev/full", 2, "cai-compile: standard input or output: no space left on device\n"),
        (">&-", 2, "cai-compile: standard input or output: bad file descriptor\n"),
        ("2>&- >&- <&-", 2, ""),
    ],
)
def test_streams_that_take_nothing(good: Path, command: str, closing: str, code: int, said: str) -> None:
    line = f'"$0" -m constitution_lang.cli {command} "$1" {closing}'
    done = subprocess.run(["sh", "-c", line, sys.executable, good], stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (code, said)


def test_build_elsewhere_gives_the_same_bytes(
    good: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    other = tmp_path / "elsewhere" / "good.const"
    other.parent.mkdir()
    other.write_bytes(good.read_bytes())
    assert cli.main(["build", str(other), "-o", str(tmp_path / "o.json")]) == 0
    capfdbinary.readouterr()
    assert cli.main(["build", str(good), "-o", "-"]) == 0
    assert capfdbinary.readouterr().out == (tmp_path / "o.json").read_bytes()


def test_build_with_errors_writes_nothing(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["build", str(bad)]) == 1
    assert not bad.with_suffix(".bundle.json").exists()
    out, err = capsys.readouterr()
    assert out == ""
    assert "error[E305]" in err


def test_check(good: Path, bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", str(good)]) == 0
    assert capsys.readouterr().out == f"{good}: no findings\n"
    assert cli.main(["check", str(good), str(bad)]) == 1
    out = capsys.readouterr().out
    assert f"{bad.as_posix()}:13:11" in out


def test_a_warning_alone_is_no_failure(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good.write_text(WHOLE + "\nsampling preference\n  reasoning: yes\n  decided: 80%\n", encoding="utf-8")
    assert cli.main(["check", str(good)]) == 0
    assert "warning[W504]" in capsys.readouterr().out


def test_formats(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", str(bad), "--format", "json"]) == 1
    [row] = json.loads(capsys.readouterr().out)
    assert row["code"] == "E305"
    assert cli.main(["check", str(bad), "--format", "sarif"]) == 1
    assert json.loads(capsys.readouterr().out)["version"] == "2.1.0"
    assert cli.main(["check", str(bad), "--format", "github"]) == 1
    assert capsys.readouterr().out.startswith("::error ")


def test_a_file_that_is_used_is_named_from_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "more.const").write_text('category x "X"\n  weight: 0\n', encoding="utf-8")
    (tmp_path / "good.const").write_text(WHOLE + "\nuse ./deep/more\n", encoding="utf-8")
    assert cli.main(["check", str(tmp_path / "good.const"), "--format", "json"]) == 1
    [row] = json.loads(capsys.readouterr().out)
    assert row["file"] == (tmp_path / "deep" / "more.const").as_posix()


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outside, inside = tmp_path / "outside.const", tmp_path / "inside"
    outside.write_text('category x "X"\n', encoding="utf-8")
    inside.mkdir()
    (inside / "more.const").symlink_to(outside)
    (inside / "good.const").write_text(WHOLE + "\nuse ./more\n", encoding="utf-8")
    assert cli.main(["check", str(inside / "good.const")]) == 1
    assert "error[E207]" in capsys.readouterr().out


def test_show(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["show", str(good), "--case", "severity=grave"]) == 0
    out = capsys.readouterr().out
    assert "case  severity grave, topic general (default)" in out
    assert "care: prefer harm  (rule 1, constitution" not in out
    assert "care: prefer harm  (rule 1, good.const:" in out
    assert "75.0%" in out


def test_show_one_stage(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["show", str(good), "--stage", "revision"]) == 0
    out = capsys.readouterr().out
    assert "revision" in out
    assert "preference" not in out


def test_show_json(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["show", str(good), "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["case"] == {"severity": "none", "topic": "general"}
    assert {p["id"]: p["shares"]["revision"] for p in shown["principles"]} == {
        "autonomy.choice": pytest.approx(1 / 7),
        "harm.weapons": pytest.approx(6 / 7),
    }


def test_show_a_prompt(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["show", str(good), "--prompt", "prefer/harm.weapons"]) == 0
    out = capsys.readouterr().out
    assert "(A) ⟦response_a⟧" in out
    assert "A = response_a, B = response_b" in out
    assert cli.main(["show", str(good), "--prompt", "prefer/harm.weapons", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["options"] == ["A", "B"]


@pytest.mark.parametrize(("command", "done"), [("check", "no findings"), ("test", "no tests"), ("fmt", "in their")])
def test_files_that_cannot_be_read_keep_nothing_from_the_others(
    command: str, done: str, good: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([command, "no.const", str(good), "nor.const"]) == 2
    out, err = capsys.readouterr()
    assert done in out + err
    assert [line for line in err.splitlines() if "cannot read" in line] == [
        f"cai-compile: cannot read {name}: no such file or directory" for name in ("no.const", "nor.const")
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "missing.const"], "cannot read missing.const: no such file or directory"),
        (["build", "FOLDER"], "it is a folder"),
        (["build", "FILE", "-o", "no/such/folder/b.json"], "cannot write no/such/folder/b.json"),
        (["show", "FILE", "--case", "size=big"], "no attribute is called 'size'"),
        (["show", "FILE", "--case", "severity=big"], "'severity' cannot be 'big'"),
        (["show", "FILE", "--case", "severity"], "write severity=grave"),
        (["show", "FILE", "--case", "severity=none,severity=grave"], "is not one attribute and its value"),
        (["show", "FILE", "--prompt", "prefer/harm.weapon"], "there is prefer/harm.weapons"),
        (["explain", "E999"], "there is no code E999"),
    ],
)
def test_wrong_use(
    arguments: list[str], message: str, good: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(good.parent)
    places = {"FILE": str(good), "FOLDER": str(good.parent)}
    assert cli.main([places.get(word, word) for word in arguments]) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert out == ""
    assert err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["chek"], ["check"], ["check", "x", "--format", "xml"]])
def test_wrong_arguments(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["chek"], "'chek' is unknown; did you mean check? There are 'build', 'check', "),
        (["check", "x", "--format", "jsn"], "'jsn' is unknown; did you mean json? There are 'terminal', "),
        (["check", "x", "--format", "zz"], "invalid choice: 'zz'"),
    ],
)
def test_a_word_that_is_nearly_one_of_a_few(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main(arguments)
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(("code", "meant"), [("E20l", "E201"), ("e2o1", "E201"), ("E2011", "E201")])
def test_a_code_that_is_nearly_one(code: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", code]) == 2
    assert f"did you mean {meant}?" in capsys.readouterr().err


def test_no_command_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert "cai-compile show house.const --prompt" in capsys.readouterr().out


def test_explain_lists_the_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain"]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{code.id}  {code.title}" for code in all_codes()]


def test_explain(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", "e201"]) == 0
    assert capsys.readouterr().out.startswith("E201: unknown name\n")


def test_a_fault_of_ours(good: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> int:
        raise KeyError("surprise")

    monkeypatch.setattr(cli, "_call", fail)
    monkeypatch.delenv("CAI_DEBUG", raising=False)
    assert cli.main(["check", str(good)]) == 3
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "please report it" in err
    monkeypatch.setenv("CAI_DEBUG", "1")
    with pytest.raises(KeyError):
        cli.main(["check", str(good)])


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(BAD.encode())))
    assert cli.main(["check", "-", "--format", "github"]) == 1
    assert "<stdin>" in capsys.readouterr().out


def test_the_choices_are_those_of_their_types() -> None:
    assert tuple(Format) == FORMATS
    assert tuple(Stage) == STAGES


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, *arguments], env=env, capture_output=True, text=True, check=False)


HEAVY = ("torch", "numpy", "jinja2", "lark", "msgspec", "pydantic", "pyarrow", "rich", "dataclasses", "asyncio")


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom constitution_lang.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit: pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = _python("-c", code)
    assert "exit codes:" in done.stdout
    assert done.stderr == "[]\n"


def test_check_loads_nothing_that_it_does_not_need(good: Path) -> None:
    code = (
        "import sys\nfrom constitution_lang.cli import main\n"
        f"main(['check', {str(good)!r}])\n"
        "slow = ('torch', 'numpy', 'pyarrow', 'pydantic', 'runtime', 'hashlib', 'inspect', 'typing_extensions')\n"
        "print([name for name in slow if name in sys.modules], file=sys.stderr)"
    )
    assert _python("-c", code).stderr == "[]\n"


@pytest.mark.parametrize(("text", "code"), [(WHOLE, 0), (BAD * 200, 1)])
def test_a_process_ends_with_its_code_and_all_that_it_said(
    text: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "house.const"
    file.write_text(text)
    assert cli.main(["check", str(file), "--format", "json"]) == code
    done = _python("-m", "constitution_lang.cli", "check", str(file), "--format", "json")
    assert (done.returncode, done.stdout, done.stderr) == (code, capsys.readouterr().out, "")


def test_a_reader_that_goes_away_is_no_error(good: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "constitution_lang.cli", "build", str(good), "-o", "-"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=env, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert done.returncode == 0
    assert done.stderr == b""
