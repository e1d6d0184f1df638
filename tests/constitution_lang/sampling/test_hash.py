"""The vectors of docs/sampling.md, and a second, independent reading of its definition."""

from __future__ import annotations

import struct
from hashlib import blake2b
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from constitution_lang.ir.model import Stage
from constitution_lang.sampling.hash import draw_key, hash64, mix, prompt_key, uniform
from constitution_lang.sampling.plan import prompt_keys

PROMPT_KEYS = {
    "": 0xD3A7EF3084993480,
    "x1": 0x33255212D50C1D78,
    "b3a1f0d2c4e5968778695a4b3c2d1e0f": 0xC640BAD471626EED,
    "Größe 1": 0x09E31F45D01500CD,
}
DRAW_KEYS = {
    (0, Stage.REVISION, 0, "harm.weapons"): 0xFE901446AA6A58A8,
    (0, Stage.REVISION, 1, "harm.weapons"): 0x5706FDCA7A414279,
    (-1, Stage.PREFERENCE, 0, "honesty"): 0x00AFD48328E340DB,
}
MIXED = {0: 0, 1: 0x5692161D100B05E5, 2**64 - 1: 0xB4D055FCF2CBBD7B}
HASHES = {
    (0, Stage.REVISION, "x1", 0, "harm.weapons"): (0xED8E1293C9BDB611, "0x1.db1c2527937b7p-1"),
    (0, Stage.REVISION, "x1", 1, "harm.weapons"): (0x07AC11E8FBE011CD, "0x1.eb047a3ef8060p-6"),
    (-1, Stage.PREFERENCE, "Größe 1", 0, "honesty"): (0x1CF70A1FE5BF983E, "0x1.cf70a1fe5bf98p-4"),
}
PAGE = Path(__file__).parents[3] / "docs" / "sampling.md"


@pytest.mark.parametrize(("prompt", "key"), PROMPT_KEYS.items())
def test_prompt_keys(prompt: str, key: int) -> None:
    assert prompt_key(prompt) == key
    assert prompt_keys([prompt]).tolist() == [key]


@pytest.mark.parametrize(("arguments", "key"), DRAW_KEYS.items())
def test_draw_keys(arguments: tuple[int, Stage, int, str], key: int) -> None:
    assert draw_key(*arguments) == key


@pytest.mark.parametrize(("z", "mixed"), MIXED.items())
def test_mix(z: int, mixed: int) -> None:
    assert mix(z) == mixed


@pytest.mark.parametrize(("arguments", "expected"), HASHES.items())
def test_hashes(arguments: tuple[int, Stage, str, int, str], expected: tuple[int, str]) -> None:
    h = hash64(*arguments)
    assert (h, uniform(h).hex()) == expected


def test_the_page_shows_these_vectors() -> None:
    page = PAGE.read_text(encoding="utf-8")
    shown = [*PROMPT_KEYS.values(), *DRAW_KEYS.values(), *MIXED.values(), *(h for h, _ in HASHES.values())]
    assert [v for v in shown if f"{v:#018x}" not in page] == []
    assert [u for _, u in HASHES.values() if u not in page] == []


def test_a_uniform_is_never_0_or_1() -> None:
    assert uniform(0) == 2.0**-53
    assert uniform(2**64 - 1) == 1 - 2.0**-53


@given(st.integers(0, 2**64 - 1))
def test_a_uniform_is_exact(h: int) -> None:
    assert (uniform(h) * 2.0**53).as_integer_ratio() == (2 * (h >> 12) + 1, 1)


@given(st.integers(-(2**70), 2**70), st.sampled_from(Stage), st.text(), st.integers(0, 99), st.text())
def test_against_the_definition_read_again(seed: int, stage: Stage, prompt: str, round: int, principle: str) -> None:
    def word(*fields: bytes) -> int:
        return struct.unpack("<Q", blake2b(b"\0".join(fields), digest_size=8).digest())[0]

    a = word(b"prompt", prompt.encode())
    b = word(b"draw", b"%d" % seed, stage.encode(), b"%d" % round, principle.encode())
    z = a ^ b
    for shift, multiplier in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        z = (z ^ z >> shift) * multiplier % 2**64
    assert hash64(seed, stage, prompt, round, principle) == z
