"""The page of the run file names every setting of the schema, with its default, and no other."""

from __future__ import annotations

import re
import tomllib
from enum import Enum
from pathlib import Path

from pydantic import BaseModel

from runtime.config import GroupPolicyConfig, HumanPairs, PpoConfig, PromptSource, RunConfig

PAGE = (Path(__file__).parents[2] / "docs" / "runs.md").read_text("utf-8")
ROW = re.compile(r"^\| `(\w+)` \| (.*?) ?\| (.*?) ?\|$", re.MULTILINE)

Default = object
MISSING = "has to be there"
OF_PPO = "[policy] of ppo"


def described() -> dict[str, dict[str, str]]:
    """Section to setting to what stands in the column of defaults."""
    settings = PAGE.partition("## Settings")[2]
    sections = re.split(r"^### (.*)$", settings, flags=re.MULTILINE)[1:]
    return {
        title: {name: value for name, value, _ in ROW.findall(body)}
        for title, body in zip(sections[::2], sections[1::2], strict=True)
    }


def sections_of(model: type[BaseModel], under: str = "") -> dict[str, type[BaseModel]]:
    """The sections of a schema, and those within them."""
    found: dict[str, type[BaseModel]] = {}
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= {f"[{under}{name}]": field.annotation, **sections_of(field.annotation, f"{under}{name}.")}
    return found


def declared() -> dict[str, type[BaseModel]]:
    others = {"prompts.train[]": PromptSource, "label.human[] and audit.human[]": HumanPairs}
    return {**sections_of(RunConfig), **others, "[policy]": PpoConfig, OF_PPO: PpoConfig}


def own_settings(title: str, model: type[BaseModel]) -> list[str]:
    """What the section's own table holds: those of all methods stand apart from those that PPO alone has."""
    own = [name for name in model.model_fields if f"{title[:-1]}.{name}]" not in declared()]
    if model is not PpoConfig:
        return own
    return [name for name in own if (name in GroupPolicyConfig.model_fields) == (title != OF_PPO)]


def plain(value: object) -> Default:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, BaseModel):
        return {name: plain(getattr(value, name)) for name in type(value).model_fields}
    return list(value) if isinstance(value, tuple) else value


def defaults(model: type[BaseModel], names: list[str]) -> dict[str, Default]:
    fields = ((name, model.model_fields[name]) for name in names)
    return {name: MISSING if field.is_required() else plain(field.default) for name, field in fields}


def read(text: str) -> Default:
    if not text:
        return MISSING
    return None if text == "none" else tomllib.loads(f"value = {text.strip('`')}")["value"]


def test_every_section_has_the_settings_of_the_schema_with_their_defaults() -> None:
    page = described()
    for title, model in declared().items():
        expected = defaults(model, own_settings(title, model))
        assert {name: read(text) for name, text in page[title].items()} == expected, title


def test_the_run_itself_and_no_other_section() -> None:
    page = described()
    own = [name for name in RunConfig.model_fields if f"[{name}]" not in declared()]
    assert {name: read(text) for name, text in page["The run"].items()} == defaults(RunConfig, own)
    assert set(page) == {"The run", *declared()}


def test_every_setting_says_what_it_means() -> None:
    settings = PAGE.partition("## Settings")[2]
    said = {name for name, _, meaning in ROW.findall(settings) if meaning}
    assert said == {name for name, _, _ in ROW.findall(settings)}


def test_the_least_run_file_is_one() -> None:
    [text] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    config = RunConfig.model_validate(tomllib.loads(text))
    assert config.prompts.train[0].data == "prompts.jsonl"
