"""Few-shot examples: each has exactly the fields that its stage shows."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from constitution_lang.check.fields import Fields
from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic
from constitution_lang.ir.model import Stage
from constitution_lang.source import Span
from constitution_lang.syntax import nodes

__all__ = ["SHOWN", "check_example", "stage_of"]

SHOWN: dict[Stage, tuple[str, ...]] = {
    Stage.REVISION: ("prompt", "response", "critique", "revision"),
    Stage.PREFERENCE: ("prompt", "response_a", "response_b", "answer"),
}
"""The fields that a stage's templates show. Where the model reasons, `reasoning` is shown as well."""

_ONLY_IN_PREFERENCE = {"response_a", "response_b", "answer", "reasoning"}


def stage_of(example: nodes.ExampleBlock) -> Stage:
    """The stage that is named, else the one whose fields it has."""
    if example.target.text in tuple(Stage):
        return Stage(example.target.text)
    keys = {field.key.text for field in example.fields}
    return Stage.PREFERENCE if keys & _ONLY_IN_PREFERENCE else Stage.REVISION


def check_example(
    example: nodes.ExampleBlock, preference: nodes.SamplingBlock | None, lost: Collection[str] = ()
) -> Iterator[Diagnostic]:
    """Missing fields, and fields of the other stage. Of those that are `lost` nothing is said."""
    stage = stage_of(example)
    word = Fields(preference.fields).word("reasoning") if preference else None
    shown = list(SHOWN[stage])
    if stage is Stage.PREFERENCE and word and word.text == "yes":
        shown.insert(-1, "reasoning")
    keys = {*lost, *(field.key.text for field in example.fields)}
    # That there is no `prompt` the parser has told.
    # One without any field at all is told once.
    missing = [] if "" in lost or not example.fields else [key for key in shown if key not in keys and key != "prompt"]
    if missing:
        listed = ", ".join(f"`{key}`" for key in missing)
        header = Span(example.span.file, example.span.start, example.target.span.end)
        yield codes.E410.at(
            header,
            f"this example of {stage} lacks {listed}",
            help=f"an example of {stage} shows {', '.join(f'`{key}:`' for key in shown)}",
        )
    for field in example.fields:
        allowed = {*SHOWN[stage], "reasoning"} if stage is Stage.PREFERENCE else set(SHOWN[stage])
        if field.key.text not in allowed:
            yield codes.E410.at(
                field.key.span,
                f"an example of {stage} does not show `{field.key.text}`",
                help="delete the field, or move it to an example of the other stage",
            )
