"""What is not installed is told before anything is spent, with the line that installs it: the way a user goes."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

from runtime.cli import main
from runtime.config import EngineConfig, EngineKind, LaunchConfig
from runtime.engines.base import EngineError
from runtime.extras import need_extras
from runtime.launching import need_launchers
from runtime.run_file import load_run_file
from runtime.training.errors import TrainingError
from tests.runtime.small_run import RUN_FILE, write_run


@pytest.mark.parametrize(
    ("engine", "missing", "line"),
    [
        ('kind = "transformers"', ["tokenizers", "torch"], "pip install 'constitution-compiler[train]'"),
        ('kind = "transformers"', ["trl"], "pip install 'constitution-compiler[train]'"),
        ('kind = "vllm"', ["vllm"], "pip install 'constitution-compiler[vllm]'"),
        ('kind = "vllm"', ["vllm", "trl"], "pip install 'constitution-compiler[train,vllm]'"),
        ('kind = "openai"', ["openai", "peft"], "pip install 'constitution-compiler[openai,train]'"),
        ('kind = "openai"', ["httpx2"], "pip install 'constitution-compiler[openai]'"),
        ('kind = "scripted"\nspread = "ray"', ["ray"], "pip install 'constitution-compiler[ray]'"),
    ],
)
def test_an_extra_that_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    engine: str, missing: list[str], line: str,
) -> None:  # fmt: skip
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)
    for name in {"vllm"} - set(missing):
        monkeypatch.setitem(sys.modules, name, sys.modules["msgspec"])  # as if it were there
    file = write_run(tmp_path, run_file=RUN_FILE.replace('kind = "scripted"', engine))
    assert main(["run", str(file), "--quiet"]) == 2
    told = capsys.readouterr().err
    assert all(name in told for name in missing)
    assert line in told
    assert not (tmp_path / "out").exists()


def test_vllm_is_wanted_where_the_actors_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("vllm", "trl"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "ray", sys.modules["msgspec"])
    text = RUN_FILE.replace('kind = "scripted"', 'kind = "vllm"\nspread = "ray"')
    _, config = load_run_file(write_run(tmp_path, run_file=text))
    need_extras(config, trains=False)
    with pytest.raises(EngineError, match="this run needs trl, which is not installed") as caught:
        need_extras(config, trains=True)
    assert caught.value.remedy == "pip install 'constitution-compiler[train]'"


def test_a_rehearsal_needs_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tokenizers", "torch", "transformers", "trl", "ray"):
        monkeypatch.setitem(sys.modules, name, None)
    file = write_run(tmp_path, run_file=RUN_FILE.replace('kind = "scripted"', 'kind = "transformers"\nspread = "ray"'))
    assert main(["run", str(file), "--rehearse", "--quiet"]) == 0


def test_a_launcher_is_looked_for_on_the_path_and_beside_this_python(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TrainingError, match="`nosuchlauncher`, which"):
        need_launchers(LaunchConfig(command=("nosuchlauncher", "launch")))
    with pytest.raises(TrainingError, match="`nosuchlauncher`, which"):
        need_launchers(LaunchConfig(command=(sys.executable,), policy=("nosuchlauncher",)))
    monkeypatch.setenv("PATH", "/nowhere")
    need_launchers(LaunchConfig(command=(Path(sys.executable).name, "-u")))
    need_launchers(LaunchConfig())


def test_a_launcher_in_one_line_is_told_as_a_list() -> None:
    with pytest.raises(ValueError, match=r'as a list: \["accelerate", "launch"\]'):
        LaunchConfig.model_validate({"command": "accelerate launch"})


def test_every_engine_has_its_libraries() -> None:
    from runtime.extras import _ENGINES

    assert set(_ENGINES) == set(EngineKind)
    assert EngineConfig().kind in _ENGINES


def test_what_the_servers_engine_imports_is_declared_and_looked_for() -> None:
    """Also what another library brings today: `openai` moved from httpx to httpx2, and will move again."""
    from runtime.extras import _ENGINES

    root = Path(__file__).parents[2]
    imported = {
        name.partition(".")[0]
        for file in (root / "runtime" / "engines" / "server").glob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        for name in (
            [alias.name for alias in node.names] if isinstance(node, ast.Import)
            else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        )
    }  # fmt: skip
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    everywhere, extra = (
        {re.split(r"\W", line.replace("-", "_"))[0] for line in lines}
        for lines in (project["dependencies"], project["optional-dependencies"]["openai"])
    )
    # tokenizers is wanted only where a tokenizer is here, and `train` brings it.
    ours = {"constitution_lang", "runtime", "tokenizers"}
    assert imported - set(sys.stdlib_module_names) - everywhere - ours == extra
    assert set(_ENGINES[EngineKind.OPENAI]["openai"]) == extra


@pytest.mark.parametrize("name", ["anyio", "httpx2", "openai", "tenacity"])
def test_a_library_of_the_servers_engine_that_is_missing_alone(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    import importlib

    for module in [module for module in sys.modules if module.startswith("runtime.engines.server")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(EngineError, match=rf"needs (\w+, )*{name}(, \w+)*, which is not inst") as caught:
        importlib.import_module("runtime.engines.server.client")
    assert caught.value.remedy == "pip install 'constitution-compiler[openai]'"
