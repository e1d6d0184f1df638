"""What a training sees of its rows: the texts and probabilities, in order, and nothing of where they come from.

Trainings are known by these. So a change of the constitution that leaves the texts as they were trains nothing anew.
"""

from __future__ import annotations

from collections.abc import Iterable

from runtime.records import Each, PreferenceRow, PromptRecord, SftRow, identify

__all__ = ["seen_of", "seen_pairs", "seen_prompts", "seen_texts"]


def seen_of(row: SftRow | PreferenceRow) -> tuple[object, ...]:
    """What a training sees of one row."""
    if isinstance(row, SftRow):
        return row.turns, row.completion
    return row.turns, row.chosen, row.rejected, row.probability


def seen_texts(rows: Iterable[SftRow]) -> str:
    """The hash of what supervised fine-tuning sees."""
    return identify("seen texts", Each(map(seen_of, rows)))


def seen_pairs(rows: Iterable[PreferenceRow]) -> str:
    """The hash of what the preference model and DPO see."""
    return identify("seen pairs", Each(map(seen_of, rows)))


def seen_prompts(prompts: Iterable[PromptRecord]) -> str:
    """The hash of what PPO, RLOO and GRPO see beside their preference model."""
    return identify("seen prompts", Each(prompt.turns for prompt in prompts))
