"""The constitutions and prompts that ship: they parse, fit each other, and are enough of them."""

from pathlib import Path

import pytest

from constitution_lang.compile import compile_path
from constitution_lang.source import Source
from constitution_lang.syntax import nodes
from constitution_lang.syntax.from_text import parse
from runtime.config import PromptSource
from runtime.datasets.prompts import LoadReport, load_prompts
from runtime.records import PromptRecord, PromptUse

CONSTITUTIONS = Path(__file__).resolve().parents[2] / "constitutions"
SHIPPED = sorted(CONSTITUTIONS.glob("*/*.const"))
PROMPTS = {
    "red-team": (PromptUse.RED_TEAM, 64),
    "benign-edge": (PromptUse.BENIGN, 64),
    "helpful": (PromptUse.HELPFUL, 32),
}


def tree(path: Path) -> nodes.FileTree:
    return parse(Source(path.name, path.read_text(encoding="utf-8")))[0]


def prompts(name: str) -> tuple[tuple[PromptRecord, ...], LoadReport]:
    return load_prompts(PromptSource(data=f"{name}.jsonl", kind=PROMPTS[name][0]), CONSTITUTIONS / "prompts")


def test_what_ships() -> None:
    assert [p.stem for p in SHIPPED] == ["house-assistant", "pharmacy", "sixteen"]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_it_compiles_without_a_finding(path: Path) -> None:
    compilation = compile_path(path)
    assert compilation.diagnostics == ()
    assert compilation.bundle is not None


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_it_is_named_after_its_file_and_shows_how(path: Path) -> None:
    blocks = tree(path).blocks
    (line,) = [b for b in blocks if isinstance(b, nodes.ConstitutionLine)]
    assert line.name.text == path.stem
    ids = [b.name.text for b in blocks if isinstance(b, nodes.PrincipleBlock | nodes.CategoryBlock)]
    assert len(ids) == len(set(ids))
    categories = {b.name.text for b in blocks if isinstance(b, nodes.CategoryBlock)}
    principles = [b for b in blocks if isinstance(b, nodes.PrincipleBlock)]
    assert {b.name.text.partition(".")[0] for b in principles} == categories
    for block in principles:
        assert "statement" in {f.key.text for f in block.fields}
    # Small models need an example; few tokens are to be spent on it.
    general = [b for b in blocks if isinstance(b, nodes.ExampleBlock) and b.target.text == "revision"]
    assert len(general) >= 2
    for example in general:
        words = [len(" ".join(f.value.lines).split()) for f in example.fields if isinstance(f.value, nodes.Prose)]
        assert len(words) == 4
        assert max(words) <= 45


def test_sixteen_has_sixteen_and_each_says_all_three() -> None:
    (path,) = [p for p in SHIPPED if p.stem == "sixteen"]
    principles = [b for b in tree(path).blocks if isinstance(b, nodes.PrincipleBlock)]
    assert len(principles) == 16
    for block in principles:
        assert {f.key.text for f in block.fields} == {"statement", "critique", "revise", "prefer"}


@pytest.mark.parametrize("name", PROMPTS)
def test_there_are_enough_prompts_each_once(name: str) -> None:
    records, report = prompts(name)
    assert len(records) >= PROMPTS[name][1]
    assert (report.duplicates, report.columns_ignored) == (0, ())
    ids = [dict(r.columns)["id"] for r in records]
    assert len(set(ids)) == len(ids)
    assert any(len(r.turns) > 1 for r in records)


def test_no_prompt_stands_in_two_files() -> None:
    ids = [r.id for name in PROMPTS for r in prompts(name)[0]]
    assert len(set(ids)) == len(ids)


def test_every_helpful_prompt_has_a_demonstration_and_no_other_has() -> None:
    assert all(r.demonstration for r in prompts("helpful")[0])
    assert not any(r.demonstration for name in ("red-team", "benign-edge") for r in prompts(name)[0])


def test_columns_hold_values_of_the_house_assistants_attributes() -> None:
    (path,) = [p for p in SHIPPED if p.stem == "house-assistant"]
    attributes = {b.name.text: b for b in tree(path).blocks if isinstance(b, nodes.AttributeBlock)}
    allowed: dict[str, set[str]] = {}
    for name, block in attributes.items():
        (values,) = [f.value for f in block.fields if f.key.text in {"levels", "one of"}]
        assert isinstance(values, tuple)
        allowed[name] = {v.text for v in values}
    seen: dict[str, set[str]] = {name: set() for name in attributes}
    tagged = untagged = 0
    for record in (r for name in ("red-team", "benign-edge") for r in prompts(name)[0]):
        columns = dict(record.columns)
        assert set(columns) <= {"id", *attributes}
        for name in attributes:
            if name in columns:
                seen[name].add(columns[name])
        complete = set(attributes) <= set(columns)
        tagged, untagged = tagged + complete, untagged + (not complete)
    assert seen == allowed
    # Some are left to the feedback model, so that both ways of tagging are run.
    assert tagged >= 100
    assert untagged >= 10
