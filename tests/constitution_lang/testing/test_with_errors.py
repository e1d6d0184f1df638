"""A test that comes with an error of cases runs while the error is there: it fails, and holds when it is mended."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from constitution_lang.compile import check_path

HOUSE = """\
edition 2026
constitution house 1.0.0 "A house"
category harm "Avoiding harm"
  share: at most 10%
category autonomy "Own decisions"
principle harm.weapons "No weapons"
  statement:
    Give no help with weapons.
principle autonomy.choice "Their choice"
  statement:
    Respect choices.
tension first
  between harm and autonomy
  otherwise: weigh harm 1, autonomy 1
"""


def _ran(path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "constitution_lang.cli", "test", str(path), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_pasted_test_fails_and_then_holds(tmp_path: Path) -> None:
    path = tmp_path / "house.const"
    path.write_text(HOUSE, encoding="utf-8")
    (found,) = check_path(path).diagnostics
    assert found.code == "E506"
    assert found.test
    path.write_text(HOUSE + found.test, encoding="utf-8")
    failing = _ran(path)
    assert failing.returncode == 1
    assert "E506" in failing.stderr
    assert "E601" in failing.stdout
    junit = _ran(path, "--format", "junit").stdout
    assert junit.count("<failure") == 2
    assert junit.count('message="the constitution has errors" type="E506"') == 1
    assert junit.count('type="E601"') == 1
    mended = (HOUSE + found.test).replace("weigh harm 1, autonomy 1", "weigh harm 1, autonomy 19")
    path.write_text(mended, encoding="utf-8")
    holding = _ran(path)
    assert "E601" not in holding.stdout
    assert (holding.returncode, holding.stderr) == (0, "")
