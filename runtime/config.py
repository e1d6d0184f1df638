"""The run file: the one schema of its TOML. Machinery only; values stand in the constitution.

Paths are relative to the run file. Nothing here imports a model library.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    Discriminator,
    Field,
    PositiveFloat,
    PositiveInt,
    Tag,
    TypeAdapter,
    field_validator,
)

from runtime.engine_config import EngineConfig, EngineKind, RayConfig, Section, ServerConfig, VllmConfig
from runtime.records import PromptUse

__all__ = [
    "POLICY_TAGS", "AuditConfig", "DpoConfig", "EngineConfig", "EngineKind", "EvaluationConfig", "GroupPolicyConfig",
    "HumanPairs", "LabelConfig", "LaunchConfig", "LoraConfig", "ModelsConfig", "PairConfig", "PolicyConfig",
    "PolicyMethod", "PpoConfig", "PreferenceModelConfig", "PromptSource", "PromptsConfig", "RayConfig",
    "RespondConfig", "RevisionConfig", "RunConfig", "ServerConfig", "SftConfig", "SftTarget", "TagConfig", "TooLong",
    "TrainConfig", "VllmConfig", "read_policy_config",
]  # fmt: skip

Fraction = Annotated[float, Field(ge=0, le=1)]


class PromptSource(Section):
    """A data set: a `.jsonl`, `.csv` or `.parquet` file (also `.gz`), or `hub:NAME[:CONFIG[:SPLIT]]`."""

    data: str
    kind: PromptUse = PromptUse.RED_TEAM
    form: Literal["auto", "prompt", "messages", "hh"] = "auto"
    column: str = "prompt"
    limit: PositiveInt | None = None
    offset: Annotated[int, Field(ge=0)] = 0
    on_bad_row: Literal["error", "skip"] = "error"


class TooLong(StrEnum):
    """What is done about a prompt that does not fit into the model's context with what is asked about it."""

    ERROR = "error"
    CUT = "cut"
    """The oldest turns are left out of that question, and it is recorded."""


class PromptsConfig(Section):
    """Prompts to train on, prompts to evaluate on (never trained on), and helpful demonstrations for the SFT."""

    train: Annotated[tuple[PromptSource, ...], Field(min_length=1)]
    evaluation: tuple[PromptSource, ...] = ()
    demonstrations: tuple[PromptSource, ...] = ()
    too_long: TooLong = TooLong.ERROR


class ModelsConfig(Section):
    """Names of models: one that is known here (`cai-run models`), a folder, or a name on a model hub.

    The critic is the policy where none is named; the feedback model is the critic where none is named.
    """

    policy: str
    critic: str | None = None
    feedback: str | None = None
    preference: str | None = None
    """What the preference model starts from; the policy's base where unnamed."""


class TagConfig(Section):
    """Attributes that the data set lacks: asked of the feedback model, or left at their default."""

    ask: bool = True


class RespondConfig(Section):
    """Decoding of answers."""

    tokens_max: PositiveInt = 192
    temperature: Annotated[float, Field(ge=0)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0


class RevisionConfig(Section):
    """Decoding of critiques and revisions. Without `critique`, revisions are asked for directly."""

    critique: bool = True
    critique_tokens_max: PositiveInt = 128
    revision_tokens_max: PositiveInt = 192
    temperature: Annotated[float, Field(ge=0)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0


class LoraConfig(Section):
    """Low-rank adaptation; merged into the checkpoint when training ends."""

    rank: PositiveInt = 16
    alpha: PositiveFloat = 32.0
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0


class _Trained(Section):
    """What every training has. `lora = false` trains all the weights."""

    learning_rate: PositiveFloat = 1e-5
    tokens_max: PositiveInt = 1024
    lora: LoraConfig | None = LoraConfig()

    @field_validator("lora", mode="before")
    @classmethod
    def _without_lora(cls, value: object) -> object:
        return None if value is False else value  # TOML has no null


class TrainConfig(_Trained):
    """What a training on rows has. `steps_max` cuts `epochs` short."""

    epochs: PositiveFloat = 1.0
    steps_max: PositiveInt | None = None
    batch_rows: PositiveInt = 4
    accumulate: PositiveInt = 1


class SftTarget(StrEnum):
    """Which revisions the SFT learns."""

    LAST = "last"
    ALL = "all"


class SftConfig(TrainConfig):
    """Supervised fine-tuning on revisions, with helpful demonstrations mixed in where given."""

    learning_rate: PositiveFloat = 2e-5
    target: SftTarget = SftTarget.LAST


class PairConfig(Section):
    """How many answers are paired for each prompt, who gives them, and how they are drawn.

    `policy` names a model that stands still, so that the pairs stay while the constitution changes.
    """

    policy: str | None = None
    """The SL-CAI policy where unnamed."""
    pairs: PositiveInt = 1
    tokens_max: PositiveInt = 192
    temperature: Annotated[float, Field(gt=0)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0


class HumanPairs(Section):
    """Pairs labelled by people, mixed into the preference data and marked as such. `certainty` is their label."""

    data: str
    form: Literal["auto", "hh"] = "hh"
    limit: PositiveInt | None = None
    certainty: Annotated[float, Field(gt=0.5, le=1)] = 1.0


class LabelConfig(Section):
    """Reading the feedback model. Below `mass_min` of probability on the options, an answer is an abstention."""

    mass_min: Annotated[float, Field(gt=0, le=1)] = 0.01
    reasoning_tokens_max: PositiveInt = 128
    human: tuple[HumanPairs, ...] = ()


class PreferenceModelConfig(TrainConfig):
    """The preference model, on soft labels."""


class DpoConfig(TrainConfig):
    """Direct preference optimisation, on soft labels, from the SL-CAI policy."""

    learning_rate: PositiveFloat = 5e-6
    beta: PositiveFloat = 0.1


class PolicyMethod(StrEnum):
    """Which algorithm trains the policy against the preference model."""

    PPO = "ppo"
    RLOO = "rloo"
    GRPO = "grpo"


class PolicyConfig(_Trained):
    """The policy against the preference model: what every method uses."""

    learning_rate: PositiveFloat = 3e-6
    steps: PositiveInt = 16
    """Rollout batches."""
    rollout_rows: PositiveInt = 8
    completion_tokens_max: PositiveInt = 64
    temperature: PositiveFloat = 1.0
    clip_policy: PositiveFloat = 0.2
    kl: PositiveFloat = 0.05
    gradient_norm_max: PositiveFloat = 1.0

    method: PolicyMethod


class PpoConfig(PolicyConfig):
    """Proximal policy optimisation, with a value head."""

    method: Literal[PolicyMethod.PPO] = PolicyMethod.PPO
    update_epochs: PositiveInt = 2
    minibatch_rows: PositiveInt = 4
    clip_value: PositiveFloat = 0.2
    value_weight: PositiveFloat = 0.1
    gamma: Fraction = 1.0
    gae_lambda: Fraction = 0.95
    kl_target: PositiveFloat | None = None
    """Where given, the coefficient adapts towards this KL per completion, in nats; else it is fixed."""
    whiten_rewards: bool = False


class GroupPolicyConfig(PolicyConfig):
    """RLOO and GRPO, which compare several completions of a prompt with each other."""

    method: Literal[PolicyMethod.RLOO, PolicyMethod.GRPO]


POLICY_TAGS: dict[str, type[PolicyConfig]] = {"ppo": PpoConfig, "group": GroupPolicyConfig}
"""The schemas of the section `[policy]`, by what stands for them in places of errors."""


def _policy_tag(value: object) -> str | None:
    method = value.get("method", PolicyMethod.PPO) if isinstance(value, dict) else getattr(value, "method", "ppo")
    if method in {PolicyMethod.RLOO, PolicyMethod.GRPO}:
        return "group"
    return "ppo" if method == PolicyMethod.PPO else None


AnyPolicy = Annotated[
    Annotated[PpoConfig, Tag("ppo")] | Annotated[GroupPolicyConfig, Tag("group")],
    Discriminator(
        _policy_tag,
        custom_error_type="policy_method",
        custom_error_message=f"method: write one of {', '.join(PolicyMethod)}",
    ),
]
"""The method says which schema holds: a setting that another method alone uses is an error."""


def read_policy_config(body: bytes) -> PolicyConfig:
    """The section `[policy]` out of JSON."""
    found: PolicyConfig = TypeAdapter(AnyPolicy).validate_json(body)
    return found


class EvaluationConfig(Section):
    """Head-to-head of each trained policy against the base, judged by the feedback model in both orders."""

    tokens_max: PositiveInt = 192
    temperature: Annotated[float, Field(ge=0)] = 1.0
    principles: PositiveInt = 1
    """Principles of each category that judge a pair."""
    categories: tuple[str, ...] = ()
    """Categories to judge under; all where empty."""


class AuditConfig(Section):
    """Agreement of the labeler with people, on pairs labelled by people."""

    human: tuple[HumanPairs, ...] = ()


class LaunchConfig(Section):
    """How trainings are started: a command and its arguments, before `-m`. In this process where empty."""

    command: tuple[str, ...] = ()
    policy: tuple[str, ...] | None = None
    """For the training against the preference model, where it differs: that one cannot share out its weights."""

    @field_validator("command", "policy", mode="before")
    @classmethod
    def _in_words(cls, value: object) -> object:
        if isinstance(value, str):
            listed = ", ".join(f'"{word}"' for word in value.split())
            raise ValueError(f"write the command and its arguments as a list: [{listed}]")  # noqa: TRY004 - pydantic's
        return value


class RunConfig(Section):
    """A whole run."""

    constitution: Path
    seed: Annotated[int, Field(ge=0)] = 0
    out: Path | None = None
    """Folder of the run; `runs/` and the run file's name, beside the working folder, where unnamed."""
    prompts: PromptsConfig
    models: ModelsConfig
    engine: EngineConfig = EngineConfig()
    tag: TagConfig = TagConfig()
    respond: RespondConfig = RespondConfig()
    revision: RevisionConfig = RevisionConfig()
    sft: SftConfig = SftConfig()
    pair: PairConfig = PairConfig()
    label: LabelConfig = LabelConfig()
    preference_model: PreferenceModelConfig = PreferenceModelConfig()
    dpo: DpoConfig = DpoConfig()
    policy: AnyPolicy = PpoConfig()
    launch: LaunchConfig = LaunchConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    audit: AuditConfig = AuditConfig()
