"""The VS Code extension: packed as it is shipped, and started on the real server with VS Code's own client library."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from constitution_lang.cli import main

pytestmark = pytest.mark.editor

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "editors" / "vscode"
COMPILER = Path(sys.executable).with_name("cai-compile")
PACK = (
    "npx",
    "--yes",
    "@vscode/vsce@3",
    "package",
    "--skip-license",
    "--allow-missing-repository",
    "--out",
    "packed.vsix",
)


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("extension") / "vscode"
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("node_modules", "*.vsix", "package-lock.json"))
    install = ("npm", "install", "--no-audit", "--no-fund")
    if subprocess.run(install, cwd=folder, capture_output=True, check=False, timeout=180).returncode:
        pytest.skip("the npm registry can't be reached")
    done = subprocess.run(PACK, cwd=folder, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "packed.vsix"


@pytest.fixture(scope="module")
def unpacked(packed: Path) -> Path:
    with ZipFile(packed) as archive:
        archive.extractall(packed.parent / "unpacked")
    return packed.parent / "unpacked" / "extension"


def test_the_package_has_all_that_it_names_and_nothing_else(packed: Path) -> None:
    with ZipFile(packed) as archive:
        names = set(archive.namelist())
        manifest = json.loads(archive.read("extension/package.json"))
        grammar = json.loads(archive.read("extension/syntaxes/const.tmLanguage.json"))
    contributes = manifest["contributes"]
    [language], [colours] = contributes["languages"], contributes["grammars"]
    for path in (manifest["main"], language["configuration"], colours["path"]):
        assert f"extension/{path.removeprefix('./')}" in names
    assert language["extensions"] == [".const"]
    assert (colours["language"], colours["scopeName"]) == (language["id"], grammar["scopeName"])
    assert any(name.startswith("extension/node_modules/vscode-languageclient/lib/node/") for name in names)
    own = {name for name in names if name.startswith("extension/") and "/node_modules/" not in name}
    assert own == {
        "extension/extension.js",
        "extension/language-configuration.json",
        "extension/package.json",
        "extension/readme.md",
        "extension/syntaxes/const.tmLanguage.json",
    }


def _driven(unpacked: Path, compiler: Path, file: Path) -> dict[str, Any]:
    command = ("node", str(HERE / "drive.js"), str(unpacked), str(compiler), str(file))
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=90)
    assert done.returncode == 0, done.stderr
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


def test_it_starts_the_server_and_shows_what_is_wrong(unpacked: Path, tmp_path: Path) -> None:
    assert main(["init", str(tmp_path), "--name", "clinic"]) == 0
    shown = _driven(unpacked, COMPILER, tmp_path / "clinic.const")
    assert shown["wrong"] == ["E501"]
    assert "Avoiding harm" in shown["hover"][0]
    assert shown["hints"] == ["not in the default case", "66.7%", "16.7%", "16.7%"]
    assert {"registerRenameProvider", "registerCodeActionsProvider", "registerFoldingRangeProvider"} <= set(
        shown["providers"]
    )
    assert shown["messages"] == []


def test_without_the_compiler_it_says_what_to_do(unpacked: Path, tmp_path: Path) -> None:
    (tmp_path / "x.const").write_text("edition 2026\n", encoding="utf-8")
    shown = _driven(unpacked, tmp_path / "no-such-compiler", tmp_path / "x.const")
    assert any("pip install 'constitution-compiler[lsp]'" in message for message in shown["messages"])
