"""Tokens of prompts, what they share, and what breaks it: on a tokenizer whose tokens can be counted by hand."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from constitution_lang.compile import compile_path
from constitution_lang.cost.prompts import SLOT_TOKENS, Group, costs
from constitution_lang.cost.tokenizer import TokenizerError, Tokens
from constitution_lang.cost.told import warnings
from constitution_lang.ir.model import Bundle, Literal, PromptKind, Role, Slot, SlotName

CONSTITUTION = """\
edition 2026
constitution small 1.0.0 "A small one"
{templates}
category harm "Avoiding harm"
  weight: 1

principle harm.weapons "No weapons"
  statement:
    Give no practical help towards injuring people.

principle harm.kindness "Kindness"
  statement:
    Be kind, always.

sampling preference
  draw: 2
  orders: both
"""

PRINCIPLE_FIRST = """\
{% user %}
{{ question }} Consider this conversation: {{ prompt }}

(A) {{ response_a }}

(B) {{ response_b }}
{% enduser %}
{% opening %}
(
{% endopening %}
"""

CHAT = "{% for m in messages %}<s> {{ m.role }} {{ m.content }} </s> {% endfor %}{% if add_generation_prompt %}<s> assistant {% endif %}"  # noqa: E501


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder whose tokens are words and marks."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    folder = tmp_path / "model"
    folder.mkdir()
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0}, unk_token="[UNK]"))  # noqa: S106
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(json.dumps({"max_position_embeddings": 600}))
    (folder / "chat_template.jinja").write_text(CHAT)
    return folder


def words(text: str) -> int:
    return len(re.findall(r"\w+|[^\w\s]+", text))


def bundle(tmp_path: Path, templates: str = "") -> Bundle:
    folder = tmp_path / "constitution"
    folder.mkdir()
    (folder / "small.const").write_text(CONSTITUTION.format(templates=templates))
    (folder / "prefer.j2").write_text(PRINCIPLE_FIRST)
    compiled = compile_path(folder / "small.const")
    assert compiled.bundle is not None, compiled.diagnostics
    return compiled.bundle


def group(groups: list[Group], kind: PromptKind) -> Group:
    return next(g for g in groups if g.kind is kind)


def test_a_prompt_has_the_tokens_of_its_texts_its_slots_and_its_marks(tmp_path: Path, model: Path) -> None:
    built, tokens = bundle(tmp_path), Tokens.load(model)
    assert tokens.context_max == 600
    assert tokens.frame((Role.USER,)) == words("<s> user") + words("</s> <s> assistant")
    for cost in group(costs(built, tokens), PromptKind.PREFER).prompts:
        prompt = next(p for p in built.prompts if p.id == cost.id)
        parts = [part for message in prompt.messages for part in message.parts]
        texts = sum(words(part.text) for part in parts if isinstance(part, Literal)) + words(prompt.opening)
        slots = sum(SLOT_TOKENS[part.name] for part in parts if isinstance(part, Slot))
        # The opening is counted with the text before it, as it is the last piece: marks may join there.
        assert cost.tokens == pytest.approx(texts + slots + (cost.frame or 0), abs=1)


def test_the_pair_is_shared_where_it_stands_first(tmp_path: Path, model: Path) -> None:
    groups = costs(bundle(tmp_path), Tokens.load(model))
    asked = group(groups, PromptKind.PREFER)
    pair = sum(SLOT_TOKENS[s] for s in (SlotName.PROMPT, SlotName.RESPONSE_A, SlotName.RESPONSE_B))
    assert asked.shared > pair
    assert asked.slots_after == ()
    assert warnings(groups, context=None, answer=0) == []


@pytest.mark.parametrize("kind", [PromptKind.PREFER, PromptKind.CRITIQUE])
def test_what_is_shared_is_what_the_rendered_prompts_begin_with(tmp_path: Path, model: Path, kind: PromptKind) -> None:
    built = bundle(tmp_path)
    filled = {slot: f" {slot.value.replace('_', '')}" * 5 for slot in SLOT_TOKENS}
    rendered = []
    for prompt in (p for p in built.prompts if p.kind is kind and not p.over):
        text = ""
        for message in prompt.messages:
            said = "".join(part.text if isinstance(part, Literal) else filled[part.name] for part in message.parts)
            text += f"<s> {message.role.value} {said} </s> "
        rendered.append(re.findall(r"\w+|[^\w\s]+", f"{text}<s> assistant {prompt.opening}"))
    same = next(n for n, tokens in enumerate(zip(*rendered, strict=False)) if len(set(tokens)) > 1)
    told = group(costs(built, Tokens.load(model), dict.fromkeys(SLOT_TOKENS, 5)), kind)
    assert told.shared == pytest.approx(same, abs=1)  # where a slot ends, a mark may join


def test_variants_are_held_against_the_context_too(tmp_path: Path, model: Path) -> None:
    folder = tmp_path / "constitution"
    folder.mkdir()
    yielding = CONSTITUTION.format(templates="").replace(
        "sampling preference",
        'category calm "Calm"\n  weight: 1\n\nprinciple calm.low "Low"\n  statement:\n    Speak low.\n\n'
        "tension first\n  between harm and calm\n  otherwise: prefer harm\n\nsampling preference",
    )
    (folder / "small.const").write_text(yielding)
    compiled = compile_path(folder / "small.const")
    assert compiled.bundle is not None, compiled.diagnostics
    groups = costs(compiled.bundle, Tokens.load(model))
    variants = [v for g in groups for v in g.variants]
    assert {v.id for v in variants} == {p.id for p in compiled.bundle.prompts if p.over}
    longest = max(variants, key=lambda v: v.tokens)
    assert any(line.startswith(f"{longest.id}: ") for line in warnings(groups, context=longest.tokens, answer=1))


def test_a_template_with_the_principle_first_shares_nothing_and_is_told(tmp_path: Path, model: Path) -> None:
    groups = costs(bundle(tmp_path, 'template prefer from "prefer.j2"\n'), Tokens.load(model))
    asked = group(groups, PromptKind.PREFER)
    assert asked.shared < 20
    assert asked.slots_after == (SlotName.PROMPT, SlotName.RESPONSE_A, SlotName.RESPONSE_B)
    [said] = warnings(groups, context=None, answer=0)
    assert said.startswith("prefer: the principle stands before prompt and response_a and response_b")


def test_prompts_that_outgrow_the_context_are_named(tmp_path: Path, model: Path) -> None:
    groups = costs(bundle(tmp_path), Tokens.load(model), {**SLOT_TOKENS, SlotName.RESPONSE: 400})
    longest = max(p.tokens for g in groups for p in g.prompts)
    assert warnings(groups, context=longest + 200, answer=200) == []
    said = warnings(groups, context=longest + 199, answer=200)
    assert len(said) == 1
    assert "outgrow the context" in said[0]


def test_what_is_answered_with_an_option_needs_room_for_one_token(tmp_path: Path, model: Path) -> None:
    chosen, written = set[PromptKind](), set[PromptKind]()
    for each in costs(bundle(tmp_path), Tokens.load(model)):
        found = chosen if not warnings([each], context=each.tokens[1] + 1, answer=50) else written
        found.add(each.kind)
    assert chosen == {PromptKind.PREFER, PromptKind.REFUSAL}
    assert written == {PromptKind.CRITIQUE, PromptKind.REVISE, PromptKind.REVISE_DIRECT}


def cai_compile(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "constitution_lang.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command(tmp_path: Path, model: Path) -> None:
    bundle(tmp_path)
    file = tmp_path / "constitution" / "small.const"
    shown = cai_compile("show", file, "--cost", "--tokenizer", model, "--context", "300")
    assert shown.returncode == 0
    assert "One pair is asked about 2 times in 2 orders" in shown.stdout
    assert "warning: prefer/harm.kindness: " in shown.stderr
    as_json = cai_compile("show", file, "--cost", "--tokenizer", model, "--slot", "prompt=7", "--format", "json")
    assert json.loads(as_json.stdout)["slots"]["prompt"] == 7


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name its folder or tokenizer.json"),
        (["--tokenizer", "nowhere.json"], "there is no nowhere.json"),
        (["--tokenizer", __file__], "is no tokenizer"),
        (["--tokenizer", "MODEL", "--slot", "answer=3"], "is not a slot and a number; the slots are prompt"),
        (["--tokenizer", "MODEL", "--slot", "prompt=many"], "is not a slot and a number"),
        (["--tokenizer", "MODEL", "--slot", "prompt=99999999999"], "is not a slot and a number"),
        (["--tokenizer", "MODEL", "--context", "0"], "is no number of tokens from 1"),
        (["--tokenizer", "MODEL", "--answer", "-5"], "is no number of tokens from 1"),
        (["--tokenizer", "MODEL", "--prompt", "prefer/x"], "--prompt: --cost counts every prompt"),
    ],
)
def test_wrong_use_is_told(tmp_path: Path, model: Path, arguments: list[str], said: str) -> None:
    bundle(tmp_path)
    given = [str(model) if argument == "MODEL" else argument for argument in arguments]
    shown = cai_compile("show", tmp_path / "constitution" / "small.const", "--cost", *given)
    assert shown.returncode == 2
    assert said in shown.stderr


def test_what_belongs_to_cost_alone_is_told(tmp_path: Path) -> None:
    bundle(tmp_path)
    shown = cai_compile("show", tmp_path / "constitution" / "small.const", "--slot", "prompt=3", "--context", "9")
    assert shown.returncode == 2
    assert "--context, --slot: only --cost counts tokens" in shown.stderr


def test_a_folder_without_a_tokenizer_is_told(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match=r"there is no .*tokenizer.json"):
        Tokens.load(tmp_path)
