"""The compiler as its users get it: from a wheel, away from the repository, without a model library."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.constitution_lang.texts import HEAD

ROOT = Path(__file__).parents[3]

TEXT = (
    HEAD
    + """
use std/cases
use std/categories

principle harm.weapons "No weapons"
  applies when severity >= serious
  statement:
    Give no help with weapons.
"""
)

RUN = """
import json, sys
from pathlib import Path

for name in ("torch", "transformers", "trl", "datasets", "accelerate", "peft"):
    sys.modules[name] = None  # importing it fails, as where it is not installed

import constitution_lang
from constitution_lang.cli import main

code = main(["build", "house.const"])
folder = Path(constitution_lang.__file__).parent
shipped = sorted(p.relative_to(folder).as_posix() for p in folder.glob("constitutions/*/*.const"))
codes = [main(["check", str(folder / path)]) for path in shipped]
print(json.dumps({"code": code, "folder": str(folder), "shipped": shipped, "codes": codes}))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    here = ["--no-build-isolation"] if importlib.util.find_spec("hatchling") else []
    subprocess.run([*pip, "wheel", "--no-deps", *here, "-w", str(folder), str(ROOT)], check=True)
    [wheel] = folder.glob("*.whl")
    target = folder / "site"
    subprocess.run([*pip, "install", "--no-deps", "--target", str(target), str(wheel)], check=True)
    return target


def test_the_compiler_runs_from_a_wheel(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "house.const").write_text(TEXT, encoding="utf-8")
    env = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run(
        [sys.executable, "-c", RUN], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert Path(result["folder"]) == installed / "constitution_lang"
    assert result["code"] == 0, done.stderr
    assert json.loads((tmp_path / "house.bundle.json").read_bytes())["name"] == "house"
    assert len(result["shipped"]) >= 3
    assert result["codes"] == [0] * len(result["shipped"]), done.stdout


def test_the_wheel_holds_what_is_not_python(installed: Path) -> None:
    package = installed / "constitution_lang"
    held = {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}
    assert "grammar/constitution.lark" in held
    assert "library/std/cases.const" in held
    standard = {f"templates/{path.name}" for path in (ROOT / "constitution_lang" / "templates").glob("*.j2")}
    assert standard
    assert standard <= held
