"""The Bundle as bytes, and the hashes that stand for its meaning.

This is a contract. Canonical JSON has sorted keys, no white space that is not needed, and UTF-8 text. A hash is
the SHA-256 of a tag, a line break and the canonical JSON of the part that it covers, in hexadecimal.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import TypeAlias

import msgspec

from constitution_lang.ir.model import FORMAT, Bundle, Category, Message, Principle, Prompt, Tension

__all__ = ["BundleError", "canonical", "dumps", "loads", "meaning_hash", "metadata_hash", "prompt_hash", "verify"]

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | dict[str, Json] | None"

_META = frozenset({"origin", "title", "source", "because", "owner"})


class BundleError(ValueError):
    """Bytes that are not a Bundle of this format. The text says what to do about it."""


class _Header(msgspec.Struct):
    format: int


def canonical(value: object) -> bytes:
    """Canonical JSON of records, sequences, mappings, texts and numbers."""
    return msgspec.json.encode(value, order="sorted")


def dumps(bundle: Bundle) -> bytes:
    """The bytes of a bundle: canonical JSON, one entry a line so that two of them can be compared."""
    return msgspec.json.format(canonical(bundle), indent=1) + b"\n"


def loads(data: bytes) -> Bundle:
    """The bundle of these bytes.

    Raises:
        BundleError: the bytes are damaged, of another format, or not a bundle at all.
    """
    remedy = "compile the constitution again with `cai-compile build`"
    try:
        header = msgspec.json.decode(data, type=_Header)
    except msgspec.DecodeError as error:
        raise BundleError(f"this is not a compiled constitution ({error}); {remedy}") from error
    if header.format != FORMAT:
        raise BundleError(f"this bundle has format {header.format}, and this version reads format {FORMAT}; {remedy}")
    try:
        return msgspec.json.decode(data, type=Bundle)
    except msgspec.DecodeError as error:
        raise BundleError(f"the bundle is damaged ({error}); {remedy}") from error


def prompt_hash(messages: tuple[Message, ...], opening: str, options: tuple[str, ...]) -> str:
    """The hash of all that a model sees of a prompt."""
    return _tagged("constitution prompt 1", {"messages": messages, "opening": opening, "options": options})


def meaning_hash(bundle: Bundle) -> str:
    """The hash of the normal form: what changes a draw, a case, a prompt or a label, and nothing else."""
    return _tagged(
        "constitution meaning 1",
        {
            "edition": bundle.edition,
            "attributes": _bare(bundle.attributes),
            "categories": _bare(bundle.categories),
            "principles": _bare(bundle.principles),
            "tensions": _bare(bundle.tensions),
            "revision": _bare(bundle.revision),
            "preference": _bare(bundle.preference),
            "exemplars": _bare(bundle.exemplars),
            "retired": _bare(bundle.retired),
            "prompts": {prompt.id: prompt.hash for prompt in bundle.prompts},
        },
    )


def metadata_hash(bundle: Bundle) -> str:
    """The hash of titles, sources, reasons and owners."""
    return _tagged(
        "constitution metadata 1",
        {
            "title": bundle.title,
            "owner": bundle.owner,
            "categories": {c.id: _metadata_of(c) for c in bundle.categories},
            "principles": {p.id: _metadata_of(p) for p in bundle.principles},
            "tensions": {t.id: _metadata_of(t) for t in bundle.tensions},
        },
    )


def verify(bundle: Bundle) -> tuple[str, ...]:
    """Re-derive every hash; the text of each that differs."""
    wrong = [
        f"prompt {prompt.id}: its hash is not that of its text"
        for prompt in bundle.prompts
        if prompt.hash != _hash_of(prompt)
    ]
    if bundle.meaning_hash != meaning_hash(bundle):
        wrong.append("meaning_hash is not that of the bundle's content")
    if bundle.metadata_hash != metadata_hash(bundle):
        wrong.append("metadata_hash is not that of the bundle's titles, sources, reasons and owners")
    return tuple(wrong)


def _hash_of(prompt: Prompt) -> str:
    return prompt_hash(prompt.messages, prompt.opening, prompt.options)


def _metadata_of(node: Category | Principle | Tension) -> dict[str, Json]:
    plain = msgspec.to_builtins(node)
    return {key: plain[key] for key in sorted(_META - {"origin"}) if key in plain}


def _bare(node: object) -> Json:
    """A node without its places and its metadata."""
    return _without(msgspec.to_builtins(node))


def _without(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _without(item) for key, item in value.items() if key not in _META}
    if isinstance(value, list | tuple):
        return [_without(item) for item in value]
    return value


def _tagged(tag: str, value: object) -> str:
    return sha256(tag.encode() + b"\n" + canonical(value)).hexdigest()
