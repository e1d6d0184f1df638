"""A model's tokenizer without its control tokens: whatever a text says, it stays text."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["TextTokenizer", "is_control"]

_MARK = "\x00cai text follows\x00"


def is_control(entry: dict[str, Any]) -> bool:
    """Whether an added token must never come out of a text. Some models add tokens for runs of white space."""
    return bool(entry.get("special")) or bool(str(entry["content"]).strip())


class TextTokenizer:
    """Made from the contents of tokenizer.json, which it changes.

    Added tokens are left out, and what adds BOS or EOS. Where the model's own vocabulary knows the control tokens
    too, they are renamed there and their merges dropped, so that no text leads to them.
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        from tokenizers import Tokenizer

        controls = {entry["content"] for entry in spec["added_tokens"] if is_control(entry)}
        spec["added_tokens"] = [entry for entry in spec["added_tokens"] if not is_control(entry)]
        spec["post_processor"] = spec["truncation"] = spec["padding"] = None
        _rename(spec["model"], controls)
        self._tokenizer: Tokenizer = Tokenizer.from_str(msgspec.json.encode(spec).decode())
        # Without the control tokens, added tokens that the vocabulary lacks are numbered anew when they are read.
        self._declared = {
            number: entry["id"]
            for entry in spec["added_tokens"]
            if (number := self._tokenizer.token_to_id(entry["content"])) is not None and number != entry["id"]
        }
        # Some tokenizers put a space before the very first text only. Ours comes after control tokens, so
        # they are shown a token of our own first.
        self._marked = b'"prepend_scheme":"first"' in msgspec.json.encode(spec)
        if self._marked:
            self._tokenizer.add_special_tokens([_MARK])

    def ids(self, text: str) -> tuple[int, ...]:
        """Token ids of a text that follows a control token."""
        if not text:
            return ()
        if self._marked:
            return tuple(self._encoded(_MARK + text.replace(_MARK, ""))[1:])
        return tuple(self._encoded(text))

    def _encoded(self, text: str) -> list[int]:
        try:
            ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        except (UnicodeEncodeError, TypeError):
            # Half of a surrogate pair is no text; it is read as the replacement character.
            whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            ids = self._tokenizer.encode(whole, add_special_tokens=False).ids
        return [self._declared.get(id, id) for id in ids] if self._declared else ids


def _rename(model: dict[str, Any], controls: set[str]) -> None:
    """Take the control tokens out of a vocabulary; ids stay where they are."""

    def renamed(token: str) -> str:
        return f"\x00control {token}" if token in controls else token

    vocabulary = model.get("vocab")
    if isinstance(vocabulary, dict):
        model["vocab"] = {renamed(token): id for token, id in vocabulary.items()}
    elif isinstance(vocabulary, list):
        model["vocab"] = [[renamed(token), score] for token, score in vocabulary]
    if isinstance(model.get("unk_token"), str):
        model["unk_token"] = renamed(model["unk_token"])
    if "merges" in model:
        pairs = [tuple(m.split(" ", 1)) if isinstance(m, str) else tuple(m) for m in model["merges"]]
        model["merges"] = [p for p in pairs if not controls & {p[0], p[1], p[0] + p[1]}]
