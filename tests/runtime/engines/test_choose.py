from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from runtime.config import EngineConfig, EngineKind
from runtime.engines.base import EngineError
from runtime.engines.choose import open_engine


def test_scripted_engine_has_the_models_name() -> None:
    config = EngineConfig(kind=EngineKind.SCRIPTED)
    assert open_engine(config, "one").model != open_engine(config, "two").model


def test_transformers_engine_takes_the_run_files_words(tiny_model: Path) -> None:
    pytest.importorskip("torch")
    engine = open_engine(EngineConfig(device="cpu", generate_dtype="float32"), str(tiny_model))
    assert ":generate=float32:label=float32:" in engine.model
    engine.close()


def test_missing_library_is_an_error_with_the_line_that_installs_it(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "runtime.engines.transformers", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(EngineError, match="torch") as caught:
        open_engine(EngineConfig(), str(tiny_model))
    assert caught.value.remedy == "pip install 'constitution-compiler[train]'"


def test_missing_vllm_is_an_error_with_the_line_that_installs_it(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "vllm"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(EngineError, match="needs vLLM, which cannot be imported here") as caught:
        open_engine(EngineConfig(kind=EngineKind.VLLM), str(tiny_model))
    assert "pip install 'constitution-compiler[vllm]'" in caught.value.remedy


def test_names_come_without_any_model_library() -> None:
    import subprocess

    code = (
        "import runtime.engines.choose, runtime.engines.models, runtime.prompting, runtime.identity, sys;"
        "print([m for m in ('torch', 'transformers', 'tokenizers', 'numpy', 'huggingface_hub') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_missing_client_of_servers_is_an_error_with_the_line_that_installs_it() -> None:
    import subprocess

    code = (
        "import sys; sys.modules['openai'] = None\n"
        "from runtime.config import EngineConfig\n"
        "from runtime.engines.choose import open_engine\n"
        "from runtime.engines.base import EngineError\n"
        "try: open_engine(EngineConfig(kind='openai'), 'm')\n"
        "except EngineError as e: print(e, '|', e.remedy)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert re.search(r"needs ([a-z0-9]+, )*openai(, [a-z0-9]+)*, which is not installed", done.stdout)
    assert done.stdout.strip().endswith("| pip install 'constitution-compiler[openai]'")
