"""The whole Bundle: declarations, prompts and the hashes of both."""

from __future__ import annotations

from msgspec.structs import replace

from constitution_lang.ir.codec import meaning_hash, metadata_hash
from constitution_lang.ir.model import Bundle, Prompt

__all__ = ["seal"]


def seal(draft: Bundle, prompts: tuple[Prompt, ...]) -> Bundle:
    """The bundle with its prompts, and hashes over it all."""
    whole = replace(draft, prompts=tuple(sorted(prompts, key=lambda prompt: prompt.id)))
    return replace(whole, meaning_hash=meaning_hash(whole), metadata_hash=metadata_hash(whole))
