"""The rows that other trainers read, as they name them."""

from __future__ import annotations

from msgspec import Struct

from constitution_lang.ir.model import Role
from runtime.records import Conversation, PreferenceRow, PromptRecord, SftRow

__all__ = [
    "ChatMessage", "OpenRlhfPair", "OpenRlhfPrompt", "OpenRlhfSft", "VerlExtra", "VerlPrompt", "VerlReward", "VerlSft",
    "openrlhf_pair", "openrlhf_prompt", "openrlhf_sft", "verl_prompt", "verl_sft",
]  # fmt: skip


class ChatMessage(Struct, frozen=True):
    """A turn, in the words of chat templates."""

    role: str
    content: str


class OpenRlhfSft(Struct, frozen=True):
    """For `openrlhf.cli.train_sft`: the last message is the completion."""

    messages: tuple[ChatMessage, ...]
    id: str
    constitution: str


class OpenRlhfPair(Struct, frozen=True):
    """For `train_rm` and `train_dpo`: whole conversations that end in the two answers.

    OpenRLHF knows no soft labels: it reads the order of the two, and `probability` is there for others.
    """

    chosen: tuple[ChatMessage, ...]
    rejected: tuple[ChatMessage, ...]
    probability: float
    id: str
    constitution: str


class OpenRlhfPrompt(Struct, frozen=True):
    """For `train_ppo_ray`."""

    input: tuple[ChatMessage, ...]
    id: str


class VerlSft(Struct, frozen=True):
    """For verl's trainer on conversations."""

    messages: tuple[ChatMessage, ...]
    id: str
    constitution: str


class VerlReward(Struct, frozen=True):
    """The reward is a model's; there is no right answer to compare with."""

    style: str = "model"
    ground_truth: str = ""


class VerlExtra(Struct, frozen=True):
    """What verl passes on unread."""

    split: str
    index: int
    id: str


class VerlPrompt(Struct, frozen=True):
    """For verl's PPO and GRPO trainers."""

    data_source: str
    prompt: tuple[ChatMessage, ...]
    ability: str
    reward_model: VerlReward
    extra_info: VerlExtra


def _messages(turns: Conversation, answer: str | None = None) -> tuple[ChatMessage, ...]:
    said = tuple(ChatMessage(turn.role.value, turn.text) for turn in turns)
    return said if answer is None else (*said, ChatMessage(Role.ASSISTANT.value, answer))


def openrlhf_sft(row: SftRow) -> OpenRlhfSft:
    """A row of supervised fine-tuning."""
    return OpenRlhfSft(_messages(row.turns, row.completion), row.id, row.constitution)


def openrlhf_pair(row: PreferenceRow) -> OpenRlhfPair:
    """A labelled pair."""
    return OpenRlhfPair(
        _messages(row.turns, row.chosen), _messages(row.turns, row.rejected), row.probability, row.id, row.constitution
    )


def openrlhf_prompt(prompt: PromptRecord) -> OpenRlhfPrompt:
    """A prompt for the policy."""
    return OpenRlhfPrompt(_messages(prompt.turns), prompt.id)


def verl_sft(row: SftRow) -> VerlSft:
    """A row of supervised fine-tuning."""
    return VerlSft(_messages(row.turns, row.completion), row.id, row.constitution)


def verl_prompt(prompt: PromptRecord, index: int, *, source: str) -> VerlPrompt:
    """A prompt for the policy; `source` names the constitution that its reward stands for."""
    return VerlPrompt(source, _messages(prompt.turns), "alignment", VerlReward(), VerlExtra("train", index, prompt.id))
