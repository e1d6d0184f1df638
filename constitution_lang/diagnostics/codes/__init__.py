"""Every code, once: `codes.E101.at(span, "message", help=…)` makes a finding, `named("E101")` finds the code.

To add one, assign a `Code` to a variable of its own id in the module of its family:
E1xx `syntax`, E2xx `names`, E3xx `values`, E4xx `templates`, E5xx `cases`, E6xx `testing`, Wxxx and Axxx `lints`.
"""

from __future__ import annotations

from constitution_lang.diagnostics.codes.cases import *  # noqa: F403
from constitution_lang.diagnostics.codes.code import Code
from constitution_lang.diagnostics.codes.lints import *  # noqa: F403
from constitution_lang.diagnostics.codes.names import *  # noqa: F403
from constitution_lang.diagnostics.codes.syntax import *  # noqa: F403
from constitution_lang.diagnostics.codes.templates import *  # noqa: F403
from constitution_lang.diagnostics.codes.testing import *  # noqa: F403
from constitution_lang.diagnostics.codes.values import *  # noqa: F403


def named(id: str) -> Code | None:
    """The code with this id, in either case; None where there is none."""
    found = globals().get(id.upper())
    return found if isinstance(found, Code) else None


def all_codes() -> tuple[Code, ...]:
    """Every code, sorted by id."""
    return tuple(sorted((value for value in globals().values() if isinstance(value, Code)), key=lambda code: code.id))
