"""A run whose models are at a server: what the server calls them, and whether it can do all that is asked of them.

Models that the run trains stay here: the server has none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from constitution_lang.ir.model import Bundle, PromptKind
from runtime.config import RunConfig
from runtime.identity import model_identity
from runtime.records import identify
from runtime.run_file import RunFileError
from runtime.steps.inputs import Inputs

__all__ = ["ServedModels"]

_CRITIC = frozenset({PromptKind.CRITIQUE, PromptKind.REVISE, PromptKind.REVISE_DIRECT})


class ServedModels:
    """The models of a run file, by what engines and trainers open."""

    def __init__(self, config: RunConfig, say: Callable[[str], None]) -> None:
        self._config = config
        self._say = say
        self._names: dict[str, str] = {}
        self._seen: set[str] = set()

    def resolve(self, name: str) -> str:
        """The folder of a model that is trained; of another its tokenizer's, or its name where there is none here."""
        from runtime.engines.models import resolve, resolve_tokenizer

        models = self._config.models
        if name in {models.policy, models.preference or models.policy}:
            found = str(resolve(name, progress=self._say))
        else:
            found = str(resolve_tokenizer(name, progress=self._say) or name)
        self._names[found] = self._config.engine.openai.names.get(name, name)
        self._seen.add(name)
        return found

    def identity(self, model: str) -> str:
        """What a model is: its weights where they are here, and what the run file says that the server calls it."""
        served = self._names.get(model)
        named = served if served in self._config.engine.openai.names.values() else None
        try:
            weights = model_identity(Path(model))
        except FileNotFoundError:
            return identify("served model", served or model)
        return weights if named is None else identify("served model", named, weights)

    def check(self, bundle: Bundle, inputs: Inputs, *, only_audit: bool) -> RunConfig:
        """Ask the server for all that the run will need. Returns the run with the server's names of its models.

        Raises:
            RunFileError: A name is given to a model that the run does not have.
            EngineError: The server cannot do it.
        """
        from runtime.engines.server.roles import Needs, check_roles

        server = self._config.engine.openai
        if unknown := sorted(server.names.keys() - self._seen):
            raise RunFileError(
                f"engine.openai.names: no model of the run is called {', '.join(unknown)}; "
                f"there are {', '.join(sorted(self._seen))}"
            )
        asked = bundle.prompts
        critic = {p.opening for p in asked if p.kind in _CRITIC and p.opening}
        feedback = {p.opening for p in asked if p.kind not in _CRITIC and p.opening}
        roles = {"feedback": (inputs.feedback, Needs(options=True, openings=tuple(sorted(feedback))))}
        if not only_audit:
            roles["critic"] = (inputs.critic, Needs(options=False, openings=tuple(sorted(critic))))
            roles["policy"] = (inputs.policy, Needs(options=False))
            if inputs.pair_policy is not None:
                roles["pair policy"] = (inputs.pair_policy, Needs(options=False))
        server = server.model_copy(update={"names": self._names})
        check_roles(server, roles, self._say)
        if not only_audit:
            self._say("models that the run trains are not at the server: transformers runs them")
        engine = self._config.engine.model_copy(update={"openai": server})
        return self._config.model_copy(update={"engine": engine})
