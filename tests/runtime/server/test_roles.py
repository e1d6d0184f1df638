"""A run at a server: which models it runs, and what is found out before anything is spent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("openai")
pytest.importorskip("torch")

from runtime.config import EngineConfig, EngineKind, ServerConfig
from runtime.engines.base import EngineError
from runtime.engines.choose import open_engine
from runtime.engines.server.engine import ServerEngine
from runtime.identity import model_identity
from runtime.opening import prepare
from runtime.prompting import ModelTokenizer
from runtime.run_file import RunFileError, load_run_file
from runtime.served import ServedModels, is_served_as
from tests.runtime.provenance.reading import misfits
from tests.runtime.server.misbehaving import NAME, OTHER, Skills, State, serving, status
from tests.runtime.small_run import ONE_STEP_EACH, cai_run, write_run

KEY = "sk-not-in-any-file-42"
FIXED = 8
"""Questions by which a model is known again."""
RUN_FILE = """\
constitution = "small.const"
seed = 3
out = "out"

[engine]
kind = "openai"
device = "cpu"
generate_dtype = "float32"

[engine.openai]
url = "URL"
key_env = "CAI_TEST_KEY"
retries_max = 0
requests_max = 2
names = { "POLICY" = "served-model" }

[models]
policy = "POLICY"
feedback = "another"

[prompts]
train = [{ data = "prompts.jsonl", limit = 3 }]

"""
RUN_FILE += ONE_STEP_EACH


@pytest.fixture
def state(tiny_model: Path) -> Iterator[State]:
    with serving(tiny_model, Skills(listed=512)) as state:
        yield state


def run_at(state: State, tiny_model: Path, tmp_path: Path, *, changed: tuple[str, str] = ("", "")) -> Path:
    text = RUN_FILE.replace("URL", state.url).replace("POLICY", str(tiny_model))
    return write_run(tmp_path / "run", run_file=text.replace(*changed))


def test_options_are_looked_at_in_every_prompt_before_anything_is_spent(
    state: State, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ModelTokenizer.option

    def option(self: ModelTokenizer, opening: str, text: str) -> int:
        if text == "Y":
            raise EngineError("'Y' is not one token of m", "use another letter")
        return whole(self, opening, text)

    monkeypatch.setattr(ModelTokenizer, "option", option)
    file = run_at(state, tiny_model, tmp_path, changed=('feedback = "another"', f'feedback = "{tiny_model}"'))
    with pytest.raises(EngineError, match="prompt refusal: 'Y' is not one token of m"):
        prepare(file, rehearse=False, say=lambda _: None)


def test_models_get_their_names_and_the_server_is_asked_about_each(
    state: State, tiny_model: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    prepared = prepare(run_at(state, tiny_model, tmp_path), rehearse=False, say=said.append)
    assert prepared.config.engine.openai.names == {str(tiny_model): NAME, OTHER: OTHER}
    assert prepared.inputs.feedback == OTHER, "it is nowhere here"
    assert any(re.match(rf"feedback at .*, as {OTHER}: messages are sent.* 20 likeliest", line) for line in said)
    assert any(
        re.match(rf"critic, policy at .*, as {NAME}: token ids are sent; options at any rank", line) for line in said
    )
    assert not (tmp_path / "run" / "out").exists()
    other = run_at(state, tiny_model, tmp_path / "2", changed=(f'" = "{NAME}"', f'" = "{OTHER}"'))
    again = prepare(other, rehearse=False, say=said.append)
    assert again.identity(again.inputs.policy) != prepared.identity(prepared.inputs.policy)


@pytest.mark.parametrize(
    ("skills", "message", "remedy"),
    [
        ({"listed": 0}, "feedback: .* gives no log-probabilities for another", "transformers"),
        ({"opening": False}, "feedback: .* does not go on with an answer that begins with", "vLLM"),
    ],
)
def test_what_the_server_cannot_do_ends_the_run_before_it_begins(
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    skills: dict[str, object],
    message: str,
    remedy: str,
) -> None:
    monkeypatch.setenv("CAI_TEST_KEY", KEY)
    with serving(tiny_model, Skills(key=KEY, **skills)) as state:
        done = cai_run("run", run_at(state, tiny_model, tmp_path), "--quiet", cwd=tmp_path)
    assert done.returncode == 2
    assert re.search(message, done.stderr)
    assert remedy in done.stderr.split("help:")[1]
    assert not (tmp_path / "run" / "out").exists()
    assert KEY not in done.stdout + done.stderr


def test_a_name_of_no_model_is_told(state: State, tiny_model: Path, tmp_path: Path) -> None:
    file = run_at(state, tiny_model, tmp_path, changed=("names = {", 'names = { "polcy" = "x",'))
    with pytest.raises(RunFileError, match=r"no model of the run is called polcy; there are .*another"):
        prepare(file, rehearse=False, say=lambda _: None)


def test_a_model_that_is_not_served_is_told_with_the_name_to_write(
    state: State, tiny_model: Path, tmp_path: Path
) -> None:
    """Also where [names] has it already: what stands there is the server's name, and not the one to write."""
    file = run_at(state, tiny_model, tmp_path, changed=(f'" = "{NAME}"', '" = "nosuch"'))
    written = file.read_text()
    text = written.replace(str(tiny_model), f"../{tiny_model.name}")
    (tmp_path / tiny_model.name).symlink_to(tiny_model)
    file.write_text(text)
    with pytest.raises(EngineError, match="has no model nosuch; it has another, served-model") as caught:
        prepare(file, rehearse=False, say=lambda _: None)
    told = re.search('names].*: "(.*)" = "…"', caught.value.remedy)
    assert told
    file.write_text(text.replace(f'"../{tiny_model.name}" = "nosuch"', f'"{told[1]}" = "{NAME}"'))
    assert NAME in prepare(file, rehearse=False, say=lambda _: None).config.engine.openai.names.values()


def test_checkpoints_of_the_run_are_not_asked_of_the_server(state: State, tiny_model: Path, tmp_path: Path) -> None:
    import shutil

    folder = shutil.copytree(tiny_model, tmp_path / "sl-cai")
    (folder / "card.json").write_text("{}")
    config = EngineConfig(kind=EngineKind.OPENAI, device="cpu", openai=ServerConfig(url=state.url))
    assert "transformers" in open_engine(config, str(folder)).model
    named = config.model_copy(update={"openai": ServerConfig(url=state.url, names={str(folder): NAME})})
    assert isinstance(open_engine(named, str(folder)), ServerEngine)


def test_a_server_that_dies_ends_the_run_which_goes_on_where_it_was(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAI_TEST_KEY", KEY)
    with serving(tiny_model, Skills(key=KEY)) as state:
        file = run_at(state, tiny_model, tmp_path, changed=('feedback = "another"', ""))
        prepare(file, rehearse=False, say=lambda _: None)
        probes = len(state.bodies)
        state.bodies.clear()
        state.faults = [*[None] * (probes + FIXED + 5), *[status(500, f"died with {KEY}")] * 500]
        first = cai_run("run", file, "--quiet", cwd=tmp_path)
        assert first.returncode == 2
        assert "fails (status 500): died with [key] (asked once)" in first.stderr
        assert "run again to go on" in first.stderr
        state.faults.clear()
        second = cai_run("run", file, "--quiet", cwd=tmp_path)
        assert second.returncode == 0, second.stderr
        reused = re.search(r"(\d+) reused; (\d+) answers from models, (\d+) reused", second.stdout + second.stderr)
        assert reused
        assert sum(map(int, (reused[1], reused[3]))) > 0, "what was answered before the server died was kept"
    assert KEY not in first.stdout + first.stderr + second.stdout + second.stderr
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []
    # The run knows its policy by the server's name as well; the cards of what was trained from it know the weights.
    assert misfits(tmp_path / "run" / "out") == ()
    card = next((tmp_path / "run" / "out" / "checkpoints").glob("sl-cai-*")) / "card.json"
    fields = json.loads(card.read_text())
    card.write_text(json.dumps(fields | {"base": "0" * 32}))
    [found] = misfits(tmp_path / "run" / "out")
    assert (found.file, found.field, found.says) == (str(card), "base", "0" * 32)


@pytest.mark.parametrize("named", ["", NAME])
@pytest.mark.parametrize("version", ["", "2"])
def test_what_a_run_calls_weights_at_a_server_is_known_by_the_weights(
    state: State, tiny_model: Path, tmp_path: Path, named: str, version: str
) -> None:
    served = named or str(tiny_model)
    names, versions = {str(tiny_model): named} if named else {}, {served: version} if version else {}
    config = ServerConfig(url=state.url, names=names, versions=versions)
    file = run_at(state, tiny_model, tmp_path)
    _, run = load_run_file(file)
    engine = run.engine.model_copy(update={"openai": config})
    models = ServedModels(run.model_copy(update={"engine": engine}), lambda _: None)
    identity, weights = models.identity(models.resolve(str(tiny_model))), model_identity(tiny_model)
    assert is_served_as(identity, weights, config)
    assert (identity == weights) is not bool(names or versions)
    assert not is_served_as(identity, "0" * 32, config)
    assert not is_served_as("0" * 32, weights, config)
