"""Several constitutions that use one file: what is asked of a name in it is answered for all of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from constitution_lang.check.uses import Meaning
from constitution_lang.server import sharing as module
from constitution_lang.server.desk import Desk
from constitution_lang.server.everywhere import references, rename
from tests.constitution_lang.server.client import Session, session, with_edits

VALUES = """edition 2026

attribute mood "How is the mood?"
  one of: good, bad
  default: good

category harm "Harm"

principle harm.a "A"
  statement:
    A.
"""


def _house(name: str, *more: str) -> str:
    return f"""edition 2026
constitution {name} 1.0.0

use ./shared/values
{chr(10).join((*more, ""))}
category care "Care"

principle care.kind "Kind"
  applies when mood is bad
  statement:
    Be kind.

tension t
  between care and harm
  when mood is bad: prefer care
  otherwise: weigh harm 2, care 1
"""


ALONE = _house("alone").replace("use ./shared/values\n", "") + "\n" + VALUES.replace("edition 2026\n", "")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    # As deep as is looked upwards: what lies beside the test's own folder is none of its business.
    tmp_path = tmp_path.joinpath("a", "b", "c", "d", "e")
    (tmp_path / "shared").mkdir(parents=True)
    (tmp_path / "shared" / "values.const").write_text(VALUES, encoding="utf-8")
    (tmp_path / "one.const").write_text(_house("one"), encoding="utf-8")
    (tmp_path / "two.const").write_text(_house("two"), encoding="utf-8")
    (tmp_path / "alone.const").write_text(ALONE, encoding="utf-8")
    return tmp_path.resolve()


def _asked(
    folder: Path, script: Callable[[Session], Awaitable[None]], *names: str, texts: dict[str, str] | None = None
) -> None:
    async def opened(here: Session) -> None:
        for name in names:
            here.open(name, (texts or {}).get(name))
        await script(here)

    session(folder, opened)


async def _renamed(here: Session, name: str, text: str, after: int, new: str) -> dict[str, str]:
    """What each file is after a rename, those that it leaves alone left out."""
    edit = await here.client.text_document_rename_async(types.RenameParams(new_name=new, **here.at(name, text, after)))
    assert edit
    after_it = {}
    for uri, edits in (edit.changes or {}).items():
        name = uri.removeprefix(f"{here.folder.as_uri()}/")
        if uri not in here.texts:
            here.open(name)
        after_it[name] = with_edits(here.texts[uri], list(edits))
    return after_it


@pytest.mark.parametrize(
    ("name", "text", "after", "new"),
    [
        ("one.const", "between care and harm", 18, "damage"),
        ("shared/values.const", "category harm", 10, "damage"),
        ("two.const", "when mood", 6, "temper"),
        ("shared/values.const", "good, bad", 7, "awful"),
        ("shared/values.const", "principle harm.a", 16, "harm.b"),
    ],
)
def test_a_rename_goes_through_all_constitutions(folder: Path, name: str, text: str, after: int, new: str) -> None:
    written: dict[str, str] = {}

    async def script(here: Session) -> None:
        written.update(await _renamed(here, name, text, after, new))

    _asked(folder, script, name)
    for path, changed in written.items():
        (folder / path).write_text(changed, encoding="utf-8")
    assert (folder / "alone.const").read_text(encoding="utf-8") == ALONE
    files = [str(folder / f"{each}.const") for each in ("one", "two")]
    for file in files:
        check = subprocess.run(
            [sys.executable, "-m", "constitution_lang.cli", "check", file], capture_output=True, text=True, check=False
        )
        assert check.returncode == 0, check.stdout


def test_one_that_is_open_counts_as_it_stands_in_the_editor(folder: Path) -> None:
    unsaved = _house("two").replace("otherwise: weigh", "when mood is good: prefer harm\n  otherwise: weigh")

    async def script(here: Session) -> None:
        after = await _renamed(here, "one.const", "and harm", 5, "damage")
        assert set(after) == {"one.const", "two.const", "shared/values.const"}
        assert after["two.const"] == unsaved.replace("harm", "damage")

    _asked(folder, script, "one.const", "two.const", texts={"two.const": unsaved})


def test_references_and_hover_tell_of_all(folder: Path) -> None:
    async def script(here: Session) -> None:
        at = here.at("shared/values.const", "mood", 1)
        context = types.ReferenceContext(include_declaration=True)
        found = await here.client.text_document_references_async(types.ReferenceParams(context, **at)) or []
        told = [(each.uri, each.range.start.line) for each in found]
        assert sorted(told) == sorted(
            [(here.uri(f"{name}.const"), line) for name in ("one", "two") for line in (8, 14)]
            + [(here.uri("shared/values.const"), 2)]
        )
        hover = await here.client.text_document_hover_async(types.HoverParams(**at))
        assert hover
        assert isinstance(hover.contents, types.MarkupContent)
        assert hover.contents.value.endswith("used in 2 `principle`, 2 `tension`, in 2 constitutions")

    _asked(folder, script, "shared/values.const")


@pytest.mark.parametrize(
    ("two", "new", "said"),
    [
        (_house("two") + '\ncategory taken "T"\n', "taken", r"there is a category `taken` already \(in `two.const`"),
        (_house("two").replace("prefer care", "prefer"), "damage", r"correct `t` first.*\(in `two.const`"),
    ],
)
def test_a_name_that_does_not_do_in_one_is_refused(folder: Path, two: str, new: str, said: str) -> None:
    (folder / "two.const").write_text(two, encoding="utf-8")

    async def script(here: Session) -> None:
        with pytest.raises(JsonRpcException, match=said):
            await _renamed(here, "one.const", "and harm", 5, new)

    _asked(folder, script, "one.const")


def test_a_file_shared_with_a_constitution_that_means_something_else_is_not_changed(folder: Path) -> None:
    """The tension goes by whatever `harm` there is in the constitution that uses it."""
    common = "tension common\n  between care and harm\n  otherwise: prefer harm\n"
    (folder / "shared" / "common.const").write_text(common, encoding="utf-8")
    (folder / "one.const").write_text(_house("one", "use ./shared/common"), encoding="utf-8")
    (folder / "alone.const").write_text(ALONE.replace("1.0.0\n", "1.0.0\n\nuse ./shared/common\n"), encoding="utf-8")

    async def script(here: Session) -> None:
        said = "`shared/common.const` would change, and `alone.const`, which uses it too, declares another `harm`"
        with pytest.raises(JsonRpcException, match=said):
            await _renamed(here, "one.const", "and harm", 5, "damage")

    _asked(folder, script, "one.const")


@pytest.mark.parametrize(("limit", "most"), [("CHARACTERS_MAX", 10), ("FILES_MAX", 3)])
def test_what_is_too_much_to_read_is_left_out_and_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: int
) -> None:
    monkeypatch.setattr(module, limit, most)
    desk = Desk(folders=(folder,))
    document = desk.documents.opened((folder / "one.const").as_uri(), 1, _house("one"))
    known = desk.program(document)
    assert known
    found = references(desk, known[0], Meaning("category", "harm"), declaration=True)
    assert {location.uri for location in found.locations} == {
        (folder / name).as_uri() for name in ("one.const", "shared/values.const")
    }
    assert found.left_out == "`two.const`"
    assert rename(desk, known[0], Meaning("category", "harm"), "damage").left_out == "`two.const`"


def test_findings_of_all_that_are_open_follow_the_shared_file(folder: Path) -> None:
    async def script(here: Session) -> None:
        for name in ("one.const", "two.const"):
            await here.until(name, lambda codes: "E201" not in codes)
        here.edit("shared/values.const", "attribute mood", "attribute mode")
        for name in ("one.const", "two.const"):
            await here.until(name, lambda codes: "E201" in codes)
        here.edit("shared/values.const", "attribute mode", "attribute mood")
        for name in ("one.const", "two.const"):
            await here.until(name, lambda codes: "E201" not in codes)

    _asked(folder, script, "one.const", "two.const", "shared/values.const")


def test_what_one_constitution_finds_in_a_shared_file_stays_when_another_is_fine(folder: Path) -> None:
    clash = _house("two") + '\ncategory harm "Harm again"\n'

    async def script(here: Session) -> None:
        await here.until("one.const", lambda codes: "E201" not in codes)
        here.open("two.const", clash)
        await here.until("shared/values.const", lambda codes: "E202" in codes)
        here.edit("shared/values.const", "A.\n", "B.\n")
        await here.until("shared/values.const", lambda codes: "E202" in codes)
        here.edit("one.const", "prefer care", "prefer cart")
        await here.until("one.const", lambda codes: "E501" in codes)
        await here.until("shared/values.const", lambda codes: "E202" in codes)
        here.close("two.const")
        await here.until("shared/values.const", lambda codes: "E202" not in codes)

    _asked(folder, script, "one.const", "shared/values.const")
