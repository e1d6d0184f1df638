"""Counting tokens as a model does, from the files in its folder and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from constitution_lang.ir.model import Role

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["TokenizerError", "Tokens"]

_MARK = "cai4c2text"


class TokenizerError(Exception):
    """The tokenizer cannot be had. The text says why and what to do."""


class Tokens:
    """How many tokens a text has, and what a turn adds around it.

    Attributes:
        context_max: Most tokens that the model takes; None where its folder does not say.
    """

    def __init__(
        self, count: Callable[[str], int], template: str | None, special: dict[str, str], context: int | None
    ) -> None:
        self._count = lru_cache(maxsize=65_536)(count)
        self._template = template
        self._special = special
        self.context_max = context

    def __call__(self, text: str) -> int:
        """Tokens of a text that stands by itself."""
        return self._count(text)

    @classmethod
    def load(cls, path: Path) -> Tokens:
        """The tokenizer of a model's folder, or of a `tokenizer.json`.

        Raises:
            TokenizerError: There is none, it cannot be read, or the library that reads it is not installed.
        """
        folder = path if path.is_dir() else path.parent
        file = path / "tokenizer.json" if path.is_dir() else path
        if not file.is_file():
            raise TokenizerError(f"there is no {file}; name a model's folder, or its tokenizer.json")
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise TokenizerError(
                "counting tokens needs the library tokenizers: pip install 'constitution-compiler[train]', or it alone"
            ) from error
        try:
            tokenizer: Tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:
            # The library raises nothing more exact.
            raise TokenizerError(f"{file} is no tokenizer: {str(error).splitlines()[0]}") from error
        settings, model = _read(folder / "tokenizer_config.json"), _read(folder / "config.json")
        template = folder / "chat_template.jinja"
        source = template.read_text(encoding="utf-8") if template.is_file() else settings.get("chat_template")
        context = model.get("max_position_embeddings")
        return cls(
            lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids),
            source if isinstance(source, str) else None,
            {name: _content(value) for name, value in settings.items() if name.endswith("_token")},
            context if isinstance(context, int) else None,
        )

    def frame(self, roles: tuple[Role, ...], before: int | None = None) -> int | None:
        """Tokens of the marks around turns with these roles, and of the beginning of the answer.

        With `before` only of those that stand before the text of the turn of this number, from 0. None where the folder
        has no chat template that can be read.
        """
        from jinja2 import TemplateError
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        if self._template is None:
            return None
        messages = [{"role": role.value, "content": _MARK} for role in roles]
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        environment.globals["raise_exception"] = _refuse
        try:
            text = environment.from_string(self._template).render(
                messages=messages, add_generation_prompt=True, **self._special
            )
        except (TemplateError, TypeError, ValueError):
            return None
        parts = text.split(_MARK)
        return sum(self(part) for part in (parts if before is None else parts[: before + 1]) if part)


def _refuse(message: str) -> None:
    raise ValueError(message)


def _content(value: object) -> str:
    found = value.get("content", "") if isinstance(value, dict) else value
    return found if isinstance(found, str) else ""


def _read(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
