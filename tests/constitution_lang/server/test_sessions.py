"""What people do in an editor, against the real server."""

from __future__ import annotations

from pathlib import Path

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from tests.constitution_lang.server.client import Session, session

HOUSE = """edition 2026
constitution house 1.0.0 "A house"

use ./values

# Reviewed in 🌍.
attribute severity "How bad 😀 is it?"
  levels: none < minor < grave
  default: none

principle harm.weapons "No weapons 🔫"
  applies when severity >= minor
  statement:
    Give no help with weapons. # no comment
    Not even a little.

principle harm.insults "No insults"
  weight: 3
  statement:
    Insult nobody.

principle autonomy.choice "Their choice"
  statement:
    Respect choices.

tension care
  between harm and autonomy
  when severity is grave: prefer harm
  otherwise: weigh harm 2, autonomy 1
  because:
    Harm lasts.
"""
VALUES = """category harm "Avoiding harm"
  weight: 3

category autonomy "Own decisions"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "house.const").write_text(HOUSE, encoding="utf-8")
    (tmp_path / "values.const").write_text(VALUES, encoding="utf-8")
    return tmp_path


def test_findings_come_and_go_as_one_types(folder: Path) -> None:
    async def script(here: Session) -> None:
        here.open("house.const")
        clean = await here.until("house.const", lambda codes: not any(code.startswith("E") for code in codes))
        here.edit("house.const", "prefer harm", "prefer harn")
        found = await here.until("house.const", lambda codes: "E501" in codes)
        [wrong] = [each for each in found if each.severity is types.DiagnosticSeverity.Error]
        assert wrong.range == types.Range(here.place("house.const", "harn"), here.place("house.const", "harn", 4))
        assert "harm" in wrong.message
        here.edit("house.const", "prefer harn", "prefer harm")
        await here.until("house.const", lambda codes: codes == [str(each.code) for each in clean])

    session(folder, script)


def test_a_used_file_counts_as_it_stands_in_the_editor(folder: Path) -> None:
    async def script(here: Session) -> None:
        here.open("house.const")
        here.open("values.const")
        await here.until("values.const", lambda codes: codes == [])
        here.edit("values.const", "category autonomy", "category independence")
        await here.until("house.const", lambda codes: "E203" in codes)
        here.close("values.const")  # unsaved: the file on disk counts again
        await here.until("house.const", lambda codes: "E203" not in codes)

    session(folder, script)


@pytest.mark.parametrize(
    ("right", "wrong", "code"),
    [
        ("weight: 3", "wieght: 3", "E107"),
        ("prefer harm", "prefer hram", "E501"),
        ("between harm and autonomy", "between harm and autonmy", "E201"),
        ("severity >= minor", "severty >= minor", "E201"),
        ("severity is grave", "severity is gravve", "E201"),
        ("default: none", "default: nome", "E307"),
        ("principle autonomy.choice", "principle autonmy.choice", "E203"),
    ],
)
def test_a_fix_is_offered_and_applies(folder: Path, right: str, wrong: str, code: str) -> None:
    async def script(here: Session) -> None:
        here.open("house.const")
        here.edit("house.const", right, wrong)
        found = await here.until("house.const", lambda codes: code in codes)
        [told] = [each for each in found if each.code == code]
        params = types.CodeActionParams(here.id("house.const"), told.range, types.CodeActionContext([told]))
        [action] = await here.client.text_document_code_action_async(params) or []
        assert isinstance(action, types.CodeAction)
        assert action.edit
        assert here.applied(action.edit)[here.uri("house.const")] == HOUSE

    session(folder, script)


def test_ways_out_and_tests_are_offered_where_something_never_decides(folder: Path) -> None:
    idle = HOUSE + "\ntension idle\n  between harm and autonomy.choice\n  otherwise: prefer harm\n"

    async def script(here: Session) -> None:
        here.open("house.const", idle)
        found = await here.until("house.const", lambda codes: "W505" in codes)
        [told] = [each for each in found if each.code == "W505"]
        params = types.CodeActionParams(here.id("house.const"), told.range, types.CodeActionContext([told]))
        offered = await here.client.text_document_code_action_async(params) or []
        after = {}
        for action in offered:
            assert isinstance(action, types.CodeAction)
            assert action.edit
            assert not action.is_preferred
            after[action.title] = here.applied(action.edit)[here.uri("house.const")]
        delete, paste = after
        assert delete == "delete `care`"
        assert paste.startswith("add the test of this case: ")
        assert "tension care" not in after[delete]
        assert "tension idle" in after[delete]
        assert after[paste].startswith(f'{idle}\n# Fails until it is mended.\ntest "care acts"\n  case')
        here.edit("house.const", "otherwise: prefer harm\n", 'otherwise: prefer harm\n\ntest "care acts"\n  case\n')
        params = types.CodeActionParams(here.id("house.const"), told.range, types.CodeActionContext([]))
        again = await here.client.text_document_code_action_async(params) or []
        assert [action.title for action in again if action.title == paste] == []

    session(folder, script)


def test_hover_hints_and_where_things_are(folder: Path) -> None:
    async def script(here: Session) -> None:
        here.open("house.const")
        hover = await here.client.text_document_hover_async(
            types.HoverParams(**here.at("house.const", "harm.insults", 7))
        )
        assert hover
        assert isinstance(hover.contents, types.MarkupContent)
        for part in ("**harm.insults**", "No insults", "Avoiding harm", "85.7% in revision", "Insult nobody."):
            assert part in hover.contents.value
        everything = types.Range(types.Position(0, 0), types.Position(99, 0))
        hints = await here.client.text_document_inlay_hint_async(
            types.InlayHintParams(here.id("house.const"), everything)
        )
        assert [hint.label for hint in hints or []] == ["not in the default case", "85.7%", "14.3%"]
        assert (hints or [])[0].position == here.place("house.const", '🔫"', 2)
        definition = await here.client.text_document_definition_async(
            types.DefinitionParams(**here.at("house.const", "between harm", 10))
        )
        assert isinstance(definition, types.Location)
        assert (definition.uri, definition.range.start) == (here.uri("values.const"), types.Position(0, 9))
        used = await here.client.text_document_definition_async(
            types.DefinitionParams(**here.at("house.const", "./values", 3))
        )
        assert isinstance(used, types.Location)
        assert used.uri == here.uri("values.const")
        references = await here.client.text_document_references_async(
            types.ReferenceParams(
                types.ReferenceContext(include_declaration=True), **here.at("house.const", "severity", 2)
            )
        )
        assert [r.range.start.line for r in references or []] == [6, 11, 27]

    session(folder, script)


def test_rename_goes_through_every_file(folder: Path) -> None:
    async def script(here: Session) -> None:
        here.open("house.const")
        here.open("values.const")

        async def rename(new: str, name: str, text: str, after: int) -> types.WorkspaceEdit | None:
            params = types.RenameParams(new_name=new, **here.at(name, text, after))
            return await here.client.text_document_rename_async(params)

        edit = await rename("safety", "values.const", "category harm", 10)
        assert edit
        after = here.applied(edit)
        lines = HOUSE.replace("between harm", "between safety").replace("prefer harm", "prefer safety")
        for id in ("weapons", "insults"):
            start, _, rest = lines.partition(f"principle harm.{id}")
            lines = f"{start}principle safety.{id}" + rest.replace(
                "  statement:", f"  formerly: harm.{id}\n  statement:", 1
            )
        assert after[here.uri("house.const")] == lines.replace("weigh harm", "weigh safety")
        assert after[here.uri("values.const")] == VALUES.replace(
            'category harm "Avoiding harm"\n  weight: 3',
            'category safety "Avoiding harm"\n  weight: 3\n  formerly: harm',
        )
        edit = await rename("dire", "house.const", "is grave", 4)
        assert edit
        assert here.applied(edit)[here.uri("house.const")] == HOUSE.replace("grave", "dire")
        for bad in (
            "autonomy",
            "",
            "a b",
            "1st",
            "harm.x",
            "\n",
            "🔥",
            "prefer{{x}}",
            "preference",
            "x" * 10 + "\ud800",
        ):
            with pytest.raises(JsonRpcException):
                await rename(bad, "values.const", "category harm", 10)
        for bad in ("harm.insults", "weapons", "autonomy.weapons", "harm.", "harm..x"):
            with pytest.raises(JsonRpcException):
                await rename(bad, "house.const", "harm.weapons", 7)
        with pytest.raises(JsonRpcException, match="no name"):
            await rename("x", "house.const", "Not even", 3)

    session(folder, script)


def test_a_file_that_does_not_parse_gives_the_rest(folder: Path) -> None:
    async def script(here: Session) -> None:
        here.open(
            "house.const",
            HOUSE.replace("  weight: 3\n", "  weight 3 !!\n\t???\n").replace("  when severity", "  when   severity"),
        )
        await here.until("house.const", lambda codes: any(code.startswith("E1") for code in codes))
        whole = types.Range(types.Position(0, 0), types.Position(999, 0))
        hints = await here.client.text_document_inlay_hint_async(types.InlayHintParams(here.id("house.const"), whole))
        assert [hint.label for hint in hints or []] == ["not in the default case", "100.0%"]
        symbols = await here.client.text_document_document_symbol_async(
            types.DocumentSymbolParams(here.id("house.const"))
        )
        names = [symbol.name for symbol in symbols or []]
        assert names == ["2026", "house", "./values", "severity", "harm.weapons", 'harm.insults "No insults"',
                         "autonomy.choice", "care"]  # fmt: skip
        folds = await here.client.text_document_folding_range_async(types.FoldingRangeParams(here.id("house.const")))
        assert (10, 14) in [(fold.start_line, fold.end_line) for fold in folds or []]
        definition = await here.client.text_document_definition_async(
            types.DefinitionParams(**here.at("house.const", "when   severity", 8))
        )
        assert isinstance(definition, types.Location)
        options = types.FormattingOptions(tab_size=2, insert_spaces=True)
        edits = await here.client.text_document_formatting_async(
            types.DocumentFormattingParams(here.id("house.const"), options)
        )
        assert [edit.new_text for edit in edits or []] == ["  when severity is grave: prefer harm\n"]

    session(folder, script)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("", {"principle", "tension", "retired"}),
        ("principle ", {"harm.", "autonomy."}),
        ("principle harm.new\n  ", {"weight", "statement", "applies when"}),
        ("principle harm.new\n  applies when ", {"severity", "not"}),
        ("principle harm.new\n  applies when severity ", {"is", "is one of", ">="}),
        ("principle harm.new\n  applies when severity is not ", {"none", "minor", "grave"}),
        ("principle harm.new\n  applies when severity is one of none, gr", {"none", "minor", "grave"}),
        ("principle harm.new\n  share: ", {"at least", "at most"}),
        ("tension t\n  between ", {"harm", "autonomy", "harm.insults"}),
        ("tension t\n  when severity is grave: ", {"prefer", "weigh", "abstain"}),
        ("tension t\n  otherwise: weigh harm 2, ", {"autonomy"}),
        ("sampling ", {"revision", "preference"}),
        ("sampling preference\n  orders: ", {"both", "first"}),
        ("example ", {"harm.weapons", "revision"}),
        ('test "t"\n  case severity ', {"grave"}),
        ('test "t"\n  case severity grave\n  expect rule 1 of ', {"care"}),
        ('test "t"\n  table severity | expect\n    ', {"grave", "none"}),
        ("use ", {"std/cases", "std/privacy", "./values"}),
        ("use std/", {"cases", "privacy"}),
        ("use ./", {"values"}),
        ("use ./sub/", set()),
        ("retired ", {"principle", "attribute"}),
        ("template ", {"critique", "prefer"}),
        ('attribute a "A?"\n  one of: x, y\n  default: ', {"x", "y"}),
        ("principle harm.new\n  statement:\n    Any ", set()),
    ],
)
def test_completion_fits_the_place(folder: Path, before: str, expected: set[str]) -> None:
    from constitution_lang.server.completion import completions
    from constitution_lang.server.documents import Documents
    from constitution_lang.server.program import load_program

    text = HOUSE + "\n" + before
    documents = Documents()
    document = documents.opened((folder / "house.const").as_uri(), 1, text)
    program = load_program(documents, document.path)
    assert program
    labels = {item.label for item in completions(program, "house.const", len(text), ["values.const"])}
    assert expected <= labels
    assert bool(expected) == bool(labels)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("between harm.insults and autonomy\n  otherwise: prefer ", {"harm.insults", "autonomy"}),
        ("between harm.insults and autonomy\n  otherwise: weigh autonomy 2, ", {"harm.insults"}),
        ("otherwise: prefer ", {"harm", "autonomy", "harm.weapons", "harm.insults", "autonomy.choice"}),
    ],
)
def test_a_rule_is_offered_the_sides_of_its_tension(folder: Path, written: str, expected: set[str]) -> None:
    from constitution_lang.server.completion import completions
    from constitution_lang.server.documents import Documents
    from constitution_lang.server.program import load_program

    text = f"{HOUSE}\ntension t\n  {written}"
    documents = Documents()
    document = documents.opened((folder / "house.const").as_uri(), 1, text)
    program = load_program(documents, document.path)
    assert program
    assert {item.label for item in completions(program, "house.const", len(text))} == expected


def test_hostile_input_is_answered(folder: Path) -> None:
    async def script(here: Session) -> None:
        here.open("house.const")
        here.open("untitled:Untitled-1", "constitution x 1.0.0\n")
        far = types.Position(10**6, 10**6)
        for where in (far, types.Position(0, 10**6), types.Position(10, 31), types.Position(10**6, 0)):
            for name in ("house.const", "nowhere.const", "untitled:Untitled-1"):
                at = {"text_document": here.id(name), "position": where}
                await here.client.text_document_hover_async(types.HoverParams(**at))
                await here.client.text_document_completion_async(types.CompletionParams(**at))
                await here.client.text_document_definition_async(types.DefinitionParams(**at))
                await here.client.text_document_prepare_rename_async(types.PrepareRenameParams(**at))
        backwards = types.Range(types.Position(9, 3), types.Position(2, 1))
        await here.client.text_document_inlay_hint_async(types.InlayHintParams(here.id("house.const"), backwards))
        here.change(
            "house.const", types.TextDocumentContentChangePartial(range=types.Range(far, far), text="\r\n# 😀\r\n")
        )
        here.change("house.const", types.TextDocumentContentChangePartial(range=backwards, text="\x0c\u2028\x00\ud800"))
        await here.until("house.const", lambda codes: "E101" in codes or bool(codes))
        await here.client.text_document_document_symbol_async(types.DocumentSymbolParams(here.id("house.const")))
        here.change("house.const", types.TextDocumentContentChangeWholeDocument(text=""))
        await here.until("house.const", lambda _: True)
        here.change("house.const", types.TextDocumentContentChangeWholeDocument(text=HOUSE))
        await here.until("house.const", lambda codes: not any(code.startswith("E") for code in codes))
        here.close("house.const")
        here.versions.pop(here.uri("house.const"))
        await here.until("house.const", lambda codes: codes == [])
        here.close("nowhere.const")

    session(folder, script)
