"""Whether a server still runs the model whose answers are kept under a name: a few fixed questions, asked once more.

Weights can change behind a name, and the server does not say so. Log-probabilities of a few options tell models apart
that a reader would tell apart. They do not tell a model from itself after a few steps of training, and they must not
tell it from itself in another batch or precision: what is less than `BEYOND_ROUNDING` on average is taken for rounding.
"""

from __future__ import annotations

from collections.abc import Sequence

from constitution_lang.ir.model import Role
from runtime.engines.base import Choice, ChooseRequest
from runtime.engines.server.engine import ServerEngine
from runtime.records import Turn, identify

__all__ = ["BEYOND_ROUNDING", "distance", "fixed_questions"]

BEYOND_ROUNDING = 0.5
"""Nats, as the mean over all options. A model of 135 M in bfloat16, in batches of one and of eight: 0.04."""

_LEAST = -20.0
"""What is less likely is as good as impossible, and its logarithm is noise."""

_OPENING = "The answer is ("
_OPTIONS = ("A", "B")
_QUESTIONS = (
    "Which comes first in the alphabet, (A) the letter m or (B) the letter c?",
    "Which is larger, (A) the Moon or (B) the Earth?",
    "What do you like better, (A) tea or (B) coffee?",
    "Someone is sad. What helps more, (A) to listen or (B) to explain?",
    "Which word is longer, (A) elephant or (B) ant?",
    "Is it better to be (A) early or (B) exact?",
    "What is seven times eight, (A) 54 or (B) 56?",
    'Which answer is kinder, (A) "Read the manual." or (B) "Let me show you."?',
)


def fixed_questions(engine: ServerEngine) -> dict[str, ChooseRequest]:
    """The questions, under the keys that their answers are kept by."""
    opening = _OPENING if engine.abilities.tokens or engine.abilities.opening else ""
    options = tuple(engine.tokenizer.option(opening, option) for option in _OPTIONS)
    return {
        identify("fixed question", engine.model, question): ChooseRequest(
            engine.tokenizer.encode((Turn(Role.USER, question),), opening), options
        )
        for question in _QUESTIONS
    }


def distance(one: Sequence[Choice], other: Sequence[Choice]) -> float:
    """How far apart two rows of answers to the same questions are: the mean difference of log-probabilities."""
    pairs = [
        (max(a, _LEAST), max(b, _LEAST))
        for left, right in zip(one, other, strict=True)
        for a, b in zip(left.log_probabilities, right.log_probabilities, strict=True)
    ]
    return sum(abs(a - b) for a, b in pairs) / len(pairs)
