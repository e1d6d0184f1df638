"""A run on real weights, though tiny ones: keys are those of real tokens, and checkpoints hold real weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from runtime.cli import main
from runtime.progress import SilentProgress
from runtime.provenance.verify import Verified, find_target, verify
from tests.runtime.provenance.tampering import change_record, change_result
from tests.runtime.small_run import RUN_FILE, write_run

SMALL = """
[respond]
tokens_max = 6
[revision]
critique_tokens_max = 6
revision_tokens_max = 6
[pair]
tokens_max = 6
[label]
mass_min = 1e-9
[sft]
steps_max = 1
tokens_max = 2048
[preference_model]
steps_max = 1
tokens_max = 2048
[dpo]
steps_max = 1
tokens_max = 2048
[policy]
steps = 1
rollout_rows = 2
minibatch_rows = 2
completion_tokens_max = 4
"""


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    folder = tmp_path_factory.mktemp("real")
    text = RUN_FILE.replace('kind = "scripted"', 'device = "cpu"').replace("limit = 12", "limit = 2")
    text = text.replace('policy = "policy"\nfeedback = "judge"', 'policy = "./model"').replace(
        "offset = 12, limit = 4", "offset = 12, limit = 1"
    )
    shutil.copytree(tiny_model, folder / "model")
    assert main(["run", str(write_run(folder, run_file=text + SMALL)), "--quiet"]) == 0
    return folder


def verified(folder: Path, *models: Path) -> Verified:
    target = find_target(folder / "out")
    return verify([target], models=models, progress=SilentProgress(), first_only=False)


def test_keys_are_checked_where_the_model_is_at_hand(real: Path) -> None:
    found = verified(real, real / "model")
    assert found.misfits == ()
    assert found.unchecked == ()
    assert len(found.checkpoints) == 4


def test_without_the_model_it_says_what_it_could_not_check(real: Path) -> None:
    found = verified(real)
    assert found.misfits == ()
    assert [line.split(":")[0] for line in found.unchecked] == [
        "keys of respond", "keys of revise", "keys of tag and label",
    ]  # fmt: skip
    assert "--model" in found.unchecked[0]


def test_a_text_that_another_question_led_to_is_named_by_its_key(real: Path, tmp_path: Path) -> None:
    """The prompt's own text, and the id with it: all links fit, and only the key tells."""
    from msgspec.structs import replace

    shutil.copytree(real, tmp_path / "copy")
    other = change_record(tmp_path / "copy", "Response", lambda r: r, step="respond", nth=1)
    change_record(
        tmp_path / "copy", "Response",
        lambda r: replace(r, key=other.key, text=other.text, finish=other.finish), step="respond",
    )  # fmt: skip
    found = verified(tmp_path / "copy", real / "model").misfits[0]
    assert (found.kind, found.field, found.says) == ("Response", "key", other.key)


def test_a_byte_of_the_weights(real: Path, tmp_path: Path) -> None:
    shutil.copytree(real, tmp_path / "copy")
    file = next((tmp_path / "copy" / "out" / "checkpoints").glob("preference-model-*")) / "model.safetensors"
    body = bytearray(file.read_bytes())
    body[-1] ^= 1
    file.write_bytes(bytes(body))
    found = verified(tmp_path / "copy").misfits[0]
    assert (found.file, found.field) == (str(file), "sha256")
    card = json.loads((file.parent / "card.json").read_text())
    assert found.should.startswith(card["files"]["model.safetensors"])


@pytest.mark.parametrize("name", ["sl-cai", "preference-model", "ppo"])
def test_the_rows_that_a_card_says_were_cut(real: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(real, tmp_path / "copy")
    file = next((tmp_path / "copy" / "out" / "checkpoints").glob(f"{name}-*")) / "card.json"
    card = json.loads(file.read_text())
    assert card["truncation"]["prompts"] == []
    card["truncation"]["prompts"] = ["0" * 32]
    file.write_text(json.dumps(card))
    found = verified(tmp_path / "copy", real / "model").misfits
    assert [(m.file, m.field.split("[")[0]) for m in found] == [(str(file), "truncation.prompts.length")]


@pytest.mark.parametrize(("field", "value"), [("truncation", None), ("rehearsed", True)])
def test_a_card_that_says_less_than_a_training_writes(real: Path, tmp_path: Path, field: str, value: object) -> None:
    shutil.copytree(real, tmp_path / "copy")
    file = next((tmp_path / "copy" / "out" / "checkpoints").glob("dpo-*")) / "card.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {field: value}))
    assert [(m.file, m.field) for m in verified(tmp_path / "copy").misfits] == [(str(file), field)]


def test_the_tokens_of_an_answer_are_those_of_its_text(real: Path, tmp_path: Path) -> None:
    shutil.copytree(real, tmp_path / "copy")
    row = change_record(tmp_path / "copy", "Response", lambda r: r if len(r.text) > 1 else None, step="respond")
    change_result(tmp_path / "copy", row.key, lambda answer: answer | {"tokens": answer["tokens"][1:]})
    found = verified(tmp_path / "copy", real / "model").misfits
    assert [(m.kind, m.id, m.field) for m in found] == [("answer", row.key, "tokens")]
