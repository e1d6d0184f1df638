"""Files that use each other and the library: what is read, what clashes, and that nothing else is ever read."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from constitution_lang.check.modules import LIBRARY_PATHS, THEMES, beside
from constitution_lang.compile import compile_path, compile_text
from constitution_lang.loader import folder_loader
from constitution_lang.syntax import to_text
from constitution_lang.syntax.from_text import parse
from tests.constitution_lang.texts import BASE, HEAD, bundle_of, compiled, found_in

LIBRARY_FOLDER = Path(str(resources.files("constitution_lang") / "library"))


def test_the_paths_are_those_of_the_folder() -> None:
    held = sorted(path.relative_to(LIBRARY_FOLDER).with_suffix("").as_posix() for path in LIBRARY_FOLDER.rglob("*.*"))
    assert held == sorted(LIBRARY_PATHS)


@pytest.mark.parametrize("theme", THEMES)
def test_a_theme_is_a_constitution_s_worth_of_principles(theme: str) -> None:
    bundle = bundle_of(f"{HEAD}\nuse std/{theme}\n")
    assert len(bundle.principles) >= 3
    assert {principle.category for principle in bundle.principles} == {theme}
    assert all(principle.title and principle.statement for principle in bundle.principles)


def test_themes_go_together_and_share_what_they_use() -> None:
    uses = "".join(f"use std/{theme}\n" for theme in THEMES)
    bundle = bundle_of(f"{HEAD}\n{uses}use std/cases\nuse std/categories\n")
    assert {category.id for category in bundle.categories} == set(THEMES)
    assert {attribute.id for attribute in bundle.attributes} == {"severity", "topic", "intent"}


def test_the_library_is_in_its_form() -> None:
    for path in LIBRARY_FOLDER.rglob("*.const"):
        tree, found = parse(folder_loader(path.parent)(path.name) or pytest.fail(path.name))
        assert found == ()
        assert to_text.format(tree) == tree.source.text


def test_a_name_of_the_library_clashes_with_both_places() -> None:
    found = compiled(BASE + "\nuse std/harm\n").diagnostics
    clash = next(one for one in found if one.code == "E202")
    assert clash.primary.span.file == "constitution.const"  # the one that its reader can change
    assert [label.span.file for label in clash.secondary] == ["<library>/std/categories.const"]


def test_a_circle_is_shown_as_a_path_and_is_told_once() -> None:
    files = {"a.const": "use ./b\n", "b.const": "use ./c\n", "c.const": "use ./a\n"}
    compilation = compiled(BASE + "\nuse ./a\nuse ./b\n", files)
    [circle] = [one for one in compilation.diagnostics if one.code == "E206"]
    assert "a.const → b.const → c.const → a.const" in circle.message
    assert [label.span.file for label in circle.secondary] == ["a.const", "b.const"]
    assert found_in(compiled(BASE + "\nuse ./constitution\n")) == ["E206 ./constitution"]


def test_a_file_that_two_files_use_is_read_once() -> None:
    reads: list[str] = []
    texts = {"a.const": "use ./c\n", "b.const": "use ./c\n", "c.const": 'category x "X"\n'}

    def load(name: str) -> object:
        reads.append(name)
        return compiled_loader(name)

    def compiled_loader(name: str) -> object:
        from constitution_lang.loader import package_loader
        from constitution_lang.source import Source

        return Source(name, texts[name]) if name in texts else package_loader(name)

    compilation = compile_text(BASE + "\nuse ./a\nuse ./b\n", loader=load)  # type: ignore[arg-type]
    assert compilation.bundle is not None
    assert [name for name in reads if name.endswith(".const")] == ["a.const", "c.const", "b.const"]


OUTSIDE = [
    "../secret",
    "./a/../../secret",
    "/secret",
    "//secret",
    "..",
    "std/../../secret",
    "./std/../../secret",
    "..\\x",
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_nothing_outside_is_asked_for(path: str) -> None:
    asked: list[str] = []

    def load(name: str) -> None:
        asked.append(name)

    compile_text(f'{BASE}\nuse {path}\ntemplate critique from "{path}"\n', loader=load)
    assert not any("secret" in name or name.startswith(("/", "..")) for name in asked)


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "..", "a\\b", "a\0b", "<library>/std/cases"])
def test_paths_that_leave_the_folder(path: str) -> None:
    assert beside("main.const", path) is None


@pytest.mark.parametrize("path", ["../../x", "../../../x", "/x"])
def test_a_library_file_stays_in_the_library(path: str) -> None:
    assert beside("<library>/std/cases.const", path) is None


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.const"
    path.write_text('category secret "Secret"\n', encoding="utf-8")
    (tmp_path / "secret.j2").write_text("{{ secret }}", encoding="utf-8")
    (tmp_path / "house").mkdir()
    return path


@pytest.mark.parametrize("way", ["file", "folder", "chain", "loop", "long"])
def test_links_out_of_the_folder_are_not_followed(secret: Path, way: str) -> None:
    house = secret.parent / "house"
    target = {"folder": "use ./in/secret", "long": f"use ./{'x' * 300}"}.get(way, "use ./in")
    match way:
        case "file":
            (house / "in.const").symlink_to(secret)
        case "folder":
            (house / "in").symlink_to(secret.parent)
        case "chain":
            (house / "in.const").symlink_to("next.const")
            (house / "next.const").symlink_to(secret)
        case "loop":
            (house / "in.const").symlink_to("in.const")
        case _:
            pass
    (house / "critique.j2").symlink_to(secret.with_name("secret.j2"))
    (house / "main.const").write_text(f'{BASE}\n{target}\ntemplate critique from "critique.j2"\n', encoding="utf-8")
    compilation = compile_path(house / "main.const")
    used, template = compilation.diagnostics
    assert (used.code, template.code) == ("E205" if way in ("loop", "long") else "E207", "E207")
    said = {"loop": "run in a circle", "long": "too long"}.get(way, "leads out of the constitution's folder by a link")
    assert said in used.message
    assert not any("Secret" in source.text for source in compilation.sources.values())


def test_a_file_that_may_not_be_read_is_told_beside_all_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shut.const").write_text('category x "X"\n', encoding="utf-8")
    (tmp_path / "main.const").write_text(f"{BASE}\nuse ./shut\n\nwieght\n", encoding="utf-8")
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "shut.const":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    found = compile_path(tmp_path / "main.const").diagnostics
    assert [(one.code, one.primary.span.file) for one in found] == [("E205", "main.const"), ("E105", "main.const")]
    assert found[0].message == "`./shut` cannot be read: permission denied"


def test_a_chain_of_files_may_be_longer_than_the_stack(tmp_path: Path) -> None:
    count = 1500
    for n in range(count):
        (tmp_path / f"f{n}.const").write_text(f"use ./f{n + 1}\n", encoding="utf-8")
    (tmp_path / f"f{count}.const").write_text('category last "L"\n\nuse ./f3\n', encoding="utf-8")
    (tmp_path / "main.const").write_text(f"{BASE}\nuse ./f0\n", encoding="utf-8")
    [circle] = compile_path(tmp_path / "main.const").diagnostics
    assert circle.code == "E206"
    assert circle.primary.span.file == f"f{count}.const"


def test_a_link_inside_the_folder_is_followed(secret: Path) -> None:
    house = secret.parent / "house"
    (house / "real.const").write_text('category x "X"\n', encoding="utf-8")
    (house / "link.const").symlink_to("real.const")
    (house / "main.const").write_text(f"{BASE}\nuse ./link\n", encoding="utf-8")
    assert compile_path(house / "main.const").bundle is not None
