"""Other weights behind the name of a model: noticed before anything is spent, and never where it is only rounding."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("openai")
pytest.importorskip("torch")

from runtime.engines.base import Choice, EngineError
from runtime.engines.server.recognising import BEYOND_ROUNDING, distance
from runtime.opening import open_session
from runtime.progress import SilentProgress
from runtime.run_file import RunFileError
from tests.runtime.server.misbehaving import NAME, OTHER, Skills, State, serving
from tests.runtime.server.test_roles import run_at


@pytest.fixture
def state(tiny_model: Path) -> Iterator[State]:
    with serving(tiny_model, Skills(listed=512)) as state:
        yield state


def begin(file: Path) -> tuple[str, list[str]]:
    """Open the run's session and close it again: the run's id, and what was asked of the server."""
    with open_session(file, rehearse=False, progress=SilentProgress(), say=lambda _: None) as (session, inputs):
        models = [session.engines.get(model).model for model in (inputs.policy, inputs.feedback)]
        return session.run, models


def test_the_same_model_is_known_again_however_it_rounds(state: State, tiny_model: Path, tmp_path: Path) -> None:
    file = run_at(state, tiny_model, tmp_path)
    first = begin(file)
    for rounding in (1, 2, 3):
        state.rounding = rounding
        assert begin(file) == first


def test_other_weights_behind_a_name_end_the_run_before_it_begins(
    state: State, tiny_model: Path, tmp_path: Path
) -> None:
    file = run_at(state, tiny_model, tmp_path)
    begin(file)
    state.weights = "trained on"
    with pytest.raises(EngineError, match="is not the model whose answers are kept") as caught:
        begin(file)
    assert OTHER in str(caught.value)
    assert "[engine.openai.versions]" in caught.value.remedy
    state.weights = ""
    begin(file)


def test_a_version_makes_it_another_model(state: State, tiny_model: Path, tmp_path: Path) -> None:
    run, models = begin(run_at(state, tiny_model, tmp_path))
    state.weights = "trained on"
    new = ("requests_max = 2", f'requests_max = 2\nversions = {{ "{NAME}" = "2", "{OTHER}" = "2" }}')
    versioned = run_at(state, tiny_model, tmp_path, changed=new)
    run_now, models_now = begin(versioned)
    assert run_now != run
    assert set(models_now).isdisjoint(models)
    assert begin(versioned) == (run_now, models_now)
    with pytest.raises(EngineError, match="is not the model"):
        begin(run_at(state, tiny_model, tmp_path))


def test_a_version_of_no_model_is_told(state: State, tiny_model: Path, tmp_path: Path) -> None:
    new = ("requests_max = 2", 'requests_max = 2\nversions = { "nobody" = "2" }')
    with pytest.raises(RunFileError, match=r"no model of the run is called nobody at the server; there are another, "):
        begin(run_at(state, tiny_model, tmp_path, changed=new))


def test_distance_is_a_mean_and_takes_the_impossible_as_unlikely() -> None:
    one, other = Choice((-1.0, -2.0)), Choice((-1.5, -2.0))
    assert distance([one, one], [other, one]) == pytest.approx(0.125)
    never = Choice((float("-inf"), -2.0))
    assert distance([never], [never]) == 0
    assert distance([one], [never]) == pytest.approx(9.5)
    assert distance([one], [other]) < BEYOND_ROUNDING < distance([one], [never])
