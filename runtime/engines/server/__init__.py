"""The engine on a server that speaks OpenAI's protocol. Without the extra, to import it is an EngineError."""

from importlib.util import find_spec

from runtime.engines.base import EngineError

if _missing := [name for name in ("anyio", "httpx2", "openai", "tenacity") if find_spec(name) is None]:
    raise EngineError(
        f'kind = "openai" under [engine] needs {", ".join(_missing)}, which is not installed',
        "pip install 'constitution-compiler[openai]'",
    )
