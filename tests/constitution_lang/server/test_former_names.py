"""A rename keeps draws: they go by the first id that something ever had."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from constitution_lang.check.uses import Meaning
from constitution_lang.compile import compile_text
from constitution_lang.server.documents import Documents
from constitution_lang.server.program import load_program
from constitution_lang.server.renaming import RefusedError, former_names, renamed
from tests.constitution_lang.server.client import Session, session

TEXT = """edition 2026
constitution house 1.0.0

category harm "Harm"

category help "Help"
  weight: 2
  statement:
    Be of use.

principle harm.weapons
  formerly: harm.arms, harm.guns
  statement:
    Give no help.

# How to talk.
principle harm.insults # why
  weight: 2
  # Of the text.
  statement:
    Insult nobody.

principle help.answer
  statement:
    Answer.
"""


def _renamed(text: str, kind: str, old: str, new: str) -> str:
    documents = Documents()
    root = Path("/nowhere/house.const")
    documents.opened(root.as_uri(), 1, text)
    program = load_program(documents, root)
    assert program
    meaning = Meaning(kind, old)
    edits = [*renamed(program, meaning, new), *former_names(program, meaning, new)]
    for span, put in sorted(edits, key=lambda edit: edit[0].start, reverse=True):
        text = text[: span.start] + put + text[span.end :]
    return text


def _keys(text: str) -> set[str]:
    bundle = compile_text(text).bundle
    assert bundle, [found.message for found in compile_text(text).diagnostics]
    return {principle.key for principle in bundle.principles}


@pytest.mark.parametrize(
    ("kind", "old", "new", "line"),
    [
        ("principle", "harm.insults", "harm.respect", "  weight: 2\n  formerly: harm.insults\n  # Of the text.\n"),
        ("principle", "harm.weapons", "harm.violence", "  formerly: harm.arms, harm.guns, harm.weapons\n"),
        ("category", "help", "use", "  formerly: help\n  statement:"),
        ("category", "help", "use", "principle use.answer\n  formerly: help.answer\n  statement:"),
        ("category", "harm", "safety", 'category safety "Harm"\n  formerly: harm\n\ncategory'),
        ("category", "harm", "safety", "  formerly: harm.arms, harm.guns, harm.weapons\n"),
    ],
)
def test_draws_stay(kind: str, old: str, new: str, line: str) -> None:
    after = _renamed(TEXT, kind, old, new)
    assert line in after
    assert _keys(after) == _keys(TEXT)


@pytest.mark.parametrize(
    ("kind", "old", "new", "said"),
    [
        ("principle", "harm.insults", "harm.respect", "`harm.insults` was the id of `harm.respect` before"),
        ("category", "harm", "safety", "`harm` was the id of `safety` before"),
    ],
)
def test_nothing_gets_a_former_id_back(kind: str, old: str, new: str, said: str) -> None:
    """Where the first rename is committed, `cai-compile diff` would tell two ids that are used again."""
    with pytest.raises(RefusedError, match=said):
        _renamed(_renamed(TEXT, kind, old, new), kind, new, old)


def test_no_principle_gets_a_former_id_back_with_its_category() -> None:
    text = TEXT.replace("formerly: harm.arms, harm.guns", "formerly: safety.weapons")
    with pytest.raises(RefusedError, match=r"`safety.weapons` was the id of `harm.weapons` before"):
        _renamed(text, "category", "harm", "safety")


def test_a_former_id_of_another_is_refused() -> None:
    with pytest.raises(RefusedError, match=r"`harm.guns` was the id of `harm.weapons`"):
        _renamed(TEXT, "principle", "harm.insults", "harm.guns")


def test_a_client_that_shows_a_preview_can_leave_it_out(tmp_path: Path) -> None:
    (tmp_path / "house.const").write_text(TEXT, encoding="utf-8")
    support = types.WorkspaceEditClientCapabilities(
        document_changes=True,
        change_annotation_support=types.ChangeAnnotationsSupportOptions(groups_on_label=True),
    )
    capabilities = types.ClientCapabilities(workspace=types.WorkspaceClientCapabilities(workspace_edit=support))

    async def script(here: Session) -> None:
        here.open("house.const")
        at = here.at("house.const", "principle harm.insults", 18)
        edit = await here.client.text_document_rename_async(types.RenameParams(new_name="harm.respect", **at))
        assert edit
        [document] = edit.document_changes or []
        assert isinstance(document, types.TextDocumentEdit)
        assert document.text_document.version == 1
        [plain, former] = document.edits
        assert not isinstance(plain, types.AnnotatedTextEdit)
        assert isinstance(former, types.AnnotatedTextEdit)
        assert former.new_text == "\n  formerly: harm.insults"
        assert former.annotation_id in (edit.change_annotations or {})

    session(tmp_path, script, capabilities)


def test_names_of_the_library_are_refused_before_a_new_one_is_asked_for(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    used = TEXT.replace("1.0.0\n", "1.0.0\n\nuse std/cases\n") + "  applies when severity is grave\n"
    used = used.replace("  statement:\n    Answer.\n  applies when severity is grave\n",
                        "  applies when severity is grave\n  statement:\n    Answer.\n")  # fmt: skip
    (tmp_path / "house.const").write_text(used, encoding="utf-8")

    async def script(here: Session) -> None:
        here.open("house.const")
        at = here.at("house.const", "severity is grave", 2)
        with pytest.raises(JsonRpcException, match="standard library"):
            await here.client.text_document_prepare_rename_async(types.PrepareRenameParams(**at))
        with pytest.raises(JsonRpcException, match="standard library"):
            await here.client.text_document_rename_async(types.RenameParams(new_name="depth", **at))
        own = here.at("house.const", "principle harm.insults", 18)
        assert await here.client.text_document_prepare_rename_async(types.PrepareRenameParams(**own))

    session(tmp_path, script)
    assert "Traceback" not in capfd.readouterr().err
