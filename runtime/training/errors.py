"""What training says when it cannot go on."""

from __future__ import annotations

__all__ = ["TrainingError"]


class TrainingError(Exception):
    """Training cannot do what it is asked; `remedy` says what the user can do."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy
