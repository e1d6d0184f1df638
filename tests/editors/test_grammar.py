"""The TextMate grammar, tokenised by VS Code's own engine."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from constitution_lang.syntax.forms import KEYWORDS

EXTENSION = Path(__file__).parents[2] / "editors" / "vscode"
GRAMMAR = EXTENSION / "syntaxes" / "const.tmLanguage.json"
SAMPLE = """principle harm.weapons "No # uplift" # why
  applies when severity is not grave
  weight: 20%
  statement:
    Give # no help: when 2.

    principle still prose
# comment
    no text any more
  critique:  # key
# before

  # the text
    Text at last.
  prefer:
    Which?
"""
WORDS = """edition 2026 # now
attribute where "Where?"
  one of: in, to, of, is, or
  default: in
principle harm.a "A"
  applies when where is to or where is one of of, in and where is not or
  share: 5% to 40% in revision
test "t"
  table where | expect
    in | harm over calm
    of | harm over calm
"""


def test_the_grammar_knows_every_keyword() -> None:
    header = json.loads(GRAMMAR.read_text(encoding="utf-8"))["repository"]["header"]["begin"]
    assert set(header[header.index("(") + 1 : header.index(")")].split("|")) == set(KEYWORDS)


def test_the_files_that_the_extension_names_are_there() -> None:
    contributes = json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))["contributes"]
    for path in (contributes["grammars"][0]["path"], contributes["languages"][0]["configuration"]):
        assert json.loads((EXTENSION / path).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("engine")
    install = [
        "npm",
        "install",
        "--no-audit",
        "--no-fund",
        "--prefix",
        str(folder),
        "vscode-textmate@9",
        "vscode-oniguruma@2",
    ]
    if subprocess.run(install, capture_output=True, check=False, timeout=120).returncode:
        pytest.skip("the npm registry can't be reached")
    shutil.copy(Path(__file__).with_name("tokens.js"), folder / "tokens.js")
    return folder


@pytest.mark.editor
def test_tokens_have_their_scopes(engine: Path) -> None:
    done = subprocess.run(
        ["node", str(engine / "tokens.js"), str(GRAMMAR)], input=SAMPLE, capture_output=True, text=True, check=True
    )
    tokens = [(text.strip(), scope.removesuffix(".const")) for text, scope in json.loads(done.stdout)]
    assert ("harm.weapons", "entity.name.type") in tokens
    assert ('"No # uplift"', "string.quoted.double") in tokens
    assert ("is not", "keyword.operator") in tokens
    assert ("20%", "constant.numeric") in tokens
    prose = [text for text, scope in tokens if scope == "string.unquoted.prose"]
    assert prose == ["Give # no help: when 2.", "principle still prose", "Text at last.", "Which?"]
    comments = [text for text, scope in tokens if scope == "comment.line.number-sign"]
    assert comments == ["# why", "# comment", "# key", "# before", "# the text"]


@pytest.mark.editor
def test_values_that_are_words_of_the_language_are_values(engine: Path) -> None:
    done = subprocess.run(
        ["node", str(engine / "tokens.js"), str(GRAMMAR)], input=WORDS, capture_output=True, text=True, check=True
    )
    tokens = [(text, scope.removesuffix(".const")) for text, scope in json.loads(done.stdout)]
    assert [text for text, scope in tokens if scope == "constant.numeric"] == ["2026", "5%", "40%"]
    words = [(text, scope) for text, scope in tokens if text in {"in", "to", "of", "is", "or"}]
    value, control, operator = "variable.other", "keyword.control", "keyword.operator"
    assert words == [
        ("in", value), ("to", value), ("of", value), ("is", value), ("or", value),
        ("in", value),
        ("is", operator), ("to", value), ("or", operator), ("of", value), ("in", value), ("or", value),
        ("to", control), ("in", control),
        ("in", value), ("of", value),
    ]  # fmt: skip
