"""The hash that draws are made from. It is part of the language: docs/sampling.md defines it, with test vectors."""

from __future__ import annotations

from hashlib import blake2b

from constitution_lang.ir.model import Stage

__all__ = ["UNIFORM_BITS", "draw_key", "hash64", "mix", "prompt_key", "uniform"]

_WORD = (1 << 64) - 1
MULTIPLIERS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
SHIFTS = (30, 27, 31)

UNIFORM_BITS = 52
"""With 53 the middle of a cell is not a double: half of them would be rounded, and the last would be 1."""


def prompt_key(prompt: str) -> int:
    """The 64 bits that stand for a prompt's id."""
    return int.from_bytes(blake2b(b"prompt\0" + prompt.encode(), digest_size=8).digest(), "little")


def draw_key(seed: int, stage: Stage, round: int, principle: str) -> int:
    """The 64 bits that stand for one principle's chance in one round (from 0). `principle` is `Principle.key`."""
    body = f"draw\0{seed}\0{stage.value}\0{round}\0{principle}"
    return int.from_bytes(blake2b(body.encode(), digest_size=8).digest(), "little")


def mix(z: int) -> int:
    """A bijection of 64 bits in which every bit of the input moves half of the output (splitmix64's finaliser)."""
    z = ((z ^ (z >> SHIFTS[0])) * MULTIPLIERS[0]) & _WORD
    z = ((z ^ (z >> SHIFTS[1])) * MULTIPLIERS[1]) & _WORD
    return z ^ (z >> SHIFTS[2])


def hash64(seed: int, stage: Stage, prompt: str, round: int, principle: str) -> int:
    """The hash of one chance. Two keys that are each near random are combined, so that n + m hashes make n * m."""
    return mix(prompt_key(prompt) ^ draw_key(seed, stage, round, principle))


def uniform(h: int) -> float:
    """The middle of one of 2**52 equal cells of (0, 1); exact in a double, and never 0 or 1."""
    return ((h >> (64 - UNIFORM_BITS)) + 0.5) * 2.0**-UNIFORM_BITS
