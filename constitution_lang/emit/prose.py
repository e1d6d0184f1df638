"""A bundle as text for people: the principles with their shares, and prompts as a model will see them."""

from __future__ import annotations

from collections.abc import Mapping

from constitution_lang.diagnostics.numbers import number_of
from constitution_lang.ir.cases import Case, Decision, complete, decisions
from constitution_lang.ir.model import Bundle, Literal, Message, Outcome, Part, Prefer, Prompt, Role, Stage, Weigh
from constitution_lang.sampling.weights import shares

__all__ = ["overview", "prompt_text", "share_rows"]


def share_rows(bundle: Bundle, case: Case, stages: tuple[Stage, ...]) -> dict[str, dict[str, float]]:
    """For each principle its share of a first draw in each stage; 0 where it does not apply."""
    by_stage = {stage: shares(bundle, stage, complete(bundle, case)) for stage in stages}
    return {p.id: {stage.value: by_stage[stage].get(p.id, 0.0) for stage in stages} for p in bundle.principles}


def overview(bundle: Bundle, case: Case, stages: tuple[Stage, ...]) -> str:
    """What there is, and what is drawn and decided in one case."""
    whole = complete(bundle, case)
    lines = [
        f"{bundle.name} {bundle.version}  {bundle.title}",
        f"meaning   {bundle.meaning_hash}",
        f"metadata  {bundle.metadata_hash}",
        "",
        _case_line(whole, case),
        "",
        *_table(bundle, share_rows(bundle, whole, stages), stages),
    ]
    decided = decisions(bundle, whole)
    if decided:
        lines += ["", "tensions in this case", *(f"  {_decision(d)}" for d in decided)]
    lines += ["", _sampling_line(bundle, stages), _prompt_line(bundle), ""]
    return "\n".join(lines)


def prompt_text(prompt: Prompt) -> str:
    """A prompt as a model will see it, but for the marks of its own chat format. Slots stand in ⟦ ⟧."""
    blocks = [f"{prompt.id}  {prompt.hash[:16]}"]
    blocks += [f"--- {message.role}\n{_message(message)}" for message in prompt.messages]
    if prompt.opening:
        blocks.append(f"--- {Role.ASSISTANT}, whose turn begins\n{prompt.opening}")
    if prompt.options:
        means = ", ".join(f"{option} = {value}" for option, value in zip(prompt.options, prompt.values, strict=True))
        blocks.append(f"--- next token\n{means}")
    return "\n\n".join(blocks) + "\n"


def _message(message: Message) -> str:
    return "".join(_part(part) for part in message.parts)


def _part(part: Part) -> str:
    return part.text if isinstance(part, Literal) else f"⟦{part.name}⟧"


def _case_line(whole: Mapping[str, str], given: Case) -> str:
    if not whole:
        return "no attributes: every prompt is the same case"
    named = ", ".join(f"{id} {value}{'' if id in given else ' (default)'}" for id, value in whole.items())
    return f"case  {named}"


def _table(bundle: Bundle, rows: Mapping[str, Mapping[str, float]], stages: tuple[Stage, ...]) -> list[str]:
    width = max(len("principle"), *(len(id) for id in rows))
    head = f"{'principle':<{width}}  weight" + "".join(f"  {stage.value:>10}" for stage in stages) + "  title"
    lines = [head]
    for principle in bundle.principles:
        numbers = "".join(f"  {_percent(rows[principle.id][stage.value]):>10}" for stage in stages)
        lines.append(f"{principle.id:<{width}}  {principle.weight:>6g}{numbers}  {principle.title}")
    return lines


def _percent(share: float) -> str:
    return f"{share:.1%}" if share else "-"


def _decision(decision: Decision) -> str:
    rule = decision.rule
    where = "otherwise" if decision.index == len(decision.tension.rules) - 1 else f"rule {decision.index + 1}"
    return f"{decision.tension.id}: {_outcome(rule.outcome, decision.tension.sides)}  ({where}, {rule.origin})"


def _outcome(outcome: Outcome, sides: tuple[str, str]) -> str:
    match outcome:
        case Prefer(side):
            return f"prefer {side}"
        case Weigh(first, second):
            return f"weigh {sides[0]} {first:g}, {sides[1]} {second:g}"
        case _:
            return f"abstain between {sides[0]} and {sides[1]}"


def _sampling_line(bundle: Bundle, stages: tuple[Stage, ...]) -> str:
    parts = []
    if Stage.REVISION in stages:
        parts.append(f"revision: {number_of(bundle.revision.rounds, 'rounds')}, {bundle.revision.draw} drawn in each")
    if Stage.PREFERENCE in stages:
        preference = bundle.preference
        reasoned = ", with reasoning" if preference.reasoning else ""
        drawn = f"preference: {preference.draw} drawn, orders {preference.orders}"
        parts.append(f"{drawn}, decided {preference.decided:.0%}{reasoned}")
    return "; ".join(parts)


def _prompt_line(bundle: Bundle) -> str:
    principle = bundle.principles[0].id
    return f"{number_of(len(bundle.prompts), 'prompts')}; see one with --prompt critique/{principle}"
