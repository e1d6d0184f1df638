"""The run: its steps in order, each done already or done now."""

from __future__ import annotations

from runtime.session import Session
from runtime.steps import evaluation, preference, revision
from runtime.steps.inputs import Inputs

__all__ = ["audit_only", "execute"]


def execute(session: Session, inputs: Inputs) -> None:
    """Everything from prompts to figures. What it makes is in the ledger and under the run's folder."""
    revision.data(session, inputs)
    revision.tag_prompts(session, inputs)
    revision.answer(session, inputs)
    revision.revise_rounds(session, inputs)
    sl_cai = revision.sft(session, inputs)
    preference.sample_pairs(session, inputs, sl_cai)
    preference.label_pairs(session, inputs)
    preference_model = preference.preference_model(session, inputs)
    dpo = preference.dpo(session, inputs, sl_cai)
    trained = preference.policy(session, inputs, sl_cai, preference_model)
    evaluation.evaluate(
        session, inputs, {"SL-CAI": sl_cai, "DPO": dpo, trained.kind.value.upper(): trained}, preference_model
    )
    evaluation.audit(session, inputs)


def audit_only(session: Session, inputs: Inputs) -> None:
    """The labeler against people, and nothing else; in a run of its own (`open_session`)."""
    revision.data(session, inputs)
    revision.tag_prompts(session, inputs)
    evaluation.audit(session, inputs)
