"""Numbers in their bounds: weights and shares, wherever they stand."""

from __future__ import annotations

import math
from collections.abc import Iterator

from constitution_lang.diagnostics import codes
from constitution_lang.diagnostics.model import Diagnostic
from constitution_lang.syntax import nodes

__all__ = ["check_share", "check_weight"]


def check_share(share: nodes.ShareBound) -> Iterator[Diagnostic]:
    """A share lies between none and all."""
    low = share.low.value if share.low else 0.0
    high = share.high.value if share.high else 1.0
    if not 0 <= low <= high <= 1:
        yield codes.E305.at(
            share.span,
            "a share lies between 0% and 100%, the lower bound first",
            help="write, for example, `5% to 40%`",
        )


def check_weight(weight: nodes.Number, what: str, help: str) -> Iterator[Diagnostic]:
    """A weight is more than nothing; `what` says whose it is."""
    if not (weight.value > 0 and math.isfinite(weight.value)):
        yield codes.E305.at(weight.span, f"{what} has to be greater than 0", help=help)
