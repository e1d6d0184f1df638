from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.server.misbehaving import Skills, State, serving


@pytest.fixture
def folder(make_tokenizer: Callable[..., Path]) -> Path:
    """A tokenizer and a configuration, without weights."""
    return make_tokenizer()


@pytest.fixture
def serve(folder: Path) -> Iterator[Callable[..., State]]:
    """Start a server: `serve(exact=False, …)`, with the fields of `Skills`."""
    with ExitStack() as servers:

        def start(**skills: Any) -> State:
            return servers.enter_context(serving(folder, Skills(**skills)))

        yield start
