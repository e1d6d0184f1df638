"""What there is to know about a name: shown where the pointer rests, and at the end of a principle's first line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from constitution_lang.check.uses import Meaning
from constitution_lang.server.program import Program
from constitution_lang.syntax import nodes as n
from constitution_lang.syntax.spelling import spell_condition

__all__ = ["about", "share_text"]


def about(program: Program, meaning: Meaning, others: Sequence[Program] = (), left_out: str = "") -> str | None:
    """Markdown about a name; None where nothing declares it.

    `others` are the constitutions besides in which it means the same, `left_out` names those that nobody has looked at.
    """
    declared = program.declared
    match meaning.kind:
        case "principle" if principle := declared.principles.get(meaning.id):
            lines = [_head("principle", meaning.id, principle.title), _category(program, meaning.id)]
            when = (
                f"applies when {spell_condition(principle.applies)}" if principle.applies else "applies in every case"
            )
            lines += [when, _shares(program, meaning.id), _statement(principle.fields)]
        case "category" if category := declared.categories.get(meaning.id):
            members = [id for id in declared.principles if id.partition(".")[0] == meaning.id]
            count = f"{len(members)} principle{'' if len(members) == 1 else 's'}"
            lines = [_head("category", meaning.id, category.title), count]
            lines += [_shares(program, *members), _statement(category.fields)]
        case "attribute" if attribute := declared.attributes.get(meaning.id):
            lines = [_head("attribute", meaning.id, attribute.question), _values(attribute)]
        case "value" if attribute := declared.attributes.get(meaning.of):
            lines = [_head(f"a value of attribute `{meaning.of}`:", meaning.id, attribute.question), _values(attribute)]
        case "tension" if tension := declared.tensions.get(meaning.id):
            sides = " and ".join(f"`{side.text}`" for side in tension.sides)
            lines = [_head("tension", meaning.id, None), f"between {sides}, {len(tension.rules)} rules"]
            lines.append(_statement(tension.fields, "because"))
        case _:
            return None
    return "\n\n".join(filter(None, (*lines, _used((program, *others), meaning, left_out))))


def share_text(share: float) -> str:
    """A share as people write it."""
    return f"{share:.1%}" if 0.0005 <= share < 0.9995 or share in (0, 1) else f"{share:.3%}"


def _head(kind: str, id: str, title: n.Text | None) -> str:
    return f"{kind} **{id}**" + (f" — {title.value}" if title else "")


def _category(program: Program, id: str) -> str:
    category = id.partition(".")[0]
    block = program.declared.categories.get(category)
    return f"category `{category}`" + (f" — {block.title.value}" if block and block.title else "")


def _shares(program: Program, *ids: str) -> str:
    found = [
        f"{share_text(sum(shares.get(id, 0.0) for id in ids))} in {stage}" for stage, shares in program.shares.items()
    ]
    return f"share in the default case: {', '.join(found)}" if found else ""


def _values(attribute: n.AttributeBlock) -> str:
    for field in attribute.fields:
        if field.key.text in ("levels", "one of") and isinstance(field.value, tuple):
            return (" < " if field.key.text == "levels" else ", ").join(f"`{name.text}`" for name in field.value)
    return ""


def _statement(fields: tuple[n.Field, ...], key: str = "statement") -> str:
    for field in fields:
        if field.key.text == key and isinstance(field.value, n.Prose):
            return "\n".join(f"> {line}".rstrip() for line in field.value.lines)
    return ""


def _used(programs: Sequence[Program], meaning: Meaning, left_out: str) -> str:
    """Where it is used, by the kind of block; one in a file that several constitutions use counts once."""
    starts: Counter[str] = Counter()
    seen: set[tuple[Path | str, int]] = set()
    for program in programs:
        for blocks, block in program.blocks():
            used = any(use.meaning == meaning and not use.declares for use in block.uses)
            name = blocks.source.name
            place = program.paths.get(name) or name, blocks.starts[blocks.index[block.name]]
            if used and place not in seen:
                seen.add(place)
                starts[block.text.split(None, 1)[0]] += 1
    found = ", ".join(f"{count} `{keyword}`" for keyword, count in sorted(starts.items()))
    text = f"used in {found}" if found else "used nowhere"
    text += f", in {len(programs)} constitutions" if found and len(programs) > 1 else ""
    return text + (f" (not looked at: {left_out})" if left_out else "")
