"""A run whose models are at a server: what the server calls them, and whether it can do all that is asked of them.

Models that the run trains stay here: the server has none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from constitution_lang.ir.model import Bundle, PromptKind
from runtime.config import RunConfig, ServerConfig
from runtime.engines.base import Choice, EngineError
from runtime.identity import model_identity
from runtime.ledger.store import Ledger
from runtime.records import identify
from runtime.run_file import RunFileError
from runtime.stages.options import check_options
from runtime.steps.inputs import Inputs

if TYPE_CHECKING:
    from runtime.engines.server.roles import Needs

__all__ = ["ServedModels", "is_served_as"]

_CRITIC = frozenset({PromptKind.CRITIQUE, PromptKind.REVISE, PromptKind.REVISE_DIRECT})


def _served_identity(served: str, version: str | None, weights: str | None) -> str:
    """Of a model that is known by its name at a server, and by what is known of its version and weights."""
    if version is not None:
        return identify("served model", served, version, weights)
    return identify("served model", served) if weights is None else identify("served model", served, weights)


def is_served_as(identity: str, weights: str, server: ServerConfig) -> bool:
    """Whether a run gives this identity to these weights, by any name that it has for a model at the server."""
    named = {*server.names.values(), *server.versions}
    return identity == weights or any(
        identity == _served_identity(served, server.versions.get(served), weights) for served in named
    )


class ServedModels:
    """The models of a run file, by what engines and trainers open."""

    def __init__(self, config: RunConfig, say: Callable[[str], None]) -> None:
        self._config = config
        self._say = say
        self._names: dict[str, str] = {}
        self._seen: set[str] = set()
        self._written: dict[str, str] = {}

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
        self._written[found] = name
        return found

    def identity(self, model: str) -> str:
        """What a model is: its weights where they are here, and what the run file says that the server calls it."""
        served = self._names.get(model)
        version = self._config.engine.openai.versions.get(served or model)
        weights = self._weights(model)
        if version is None and weights is not None and served not in self._config.engine.openai.names.values():
            return weights
        return _served_identity(served or model, version, weights)

    def _weights(self, model: str) -> str | None:
        try:
            return model_identity(Path(model))
        except FileNotFoundError:
            return None

    def _roles(self, bundle: Bundle, inputs: Inputs, *, only_audit: bool) -> dict[str, tuple[str, Needs]]:
        """The model of each role, and what it has to be able to do."""
        from runtime.engines.server.roles import Needs

        asked = bundle.prompts
        critic = {p.opening for p in asked if p.kind in _CRITIC and p.opening}
        feedback = {p.opening for p in asked if p.kind not in _CRITIC and p.opening}
        roles = {"feedback": (inputs.feedback, Needs(options=True, openings=tuple(sorted(feedback))))}
        if not only_audit:
            roles["critic"] = (inputs.critic, Needs(options=False, openings=tuple(sorted(critic))))
            roles["policy"] = (inputs.policy, Needs(options=False))
            if inputs.pair_policy is not None:
                roles["pair policy"] = (inputs.pair_policy, Needs(options=False))
        return roles

    def check(self, bundle: Bundle, inputs: Inputs, *, only_audit: bool) -> RunConfig:
        """Ask the server for all that the run will need. Returns the run with the server's names of its models.

        Raises:
            RunFileError: A name is given to a model that the run does not have.
            EngineError: The server cannot do it.
        """
        from runtime.engines.server.roles import check_roles, open_server

        server = self._config.engine.openai
        if unserved := sorted(server.versions.keys() - self._names.values()):
            raise RunFileError(
                f"engine.openai.versions: no model of the run is called {', '.join(unserved)} at the server; "
                f"there are {', '.join(sorted(self._names.values()))}"
            )
        if unknown := sorted(server.names.keys() - self._seen):
            raise RunFileError(
                f"engine.openai.names: no model of the run is called {', '.join(unknown)}; "
                f"there are {', '.join(sorted(self._seen))}"
            )
        roles = self._roles(bundle, inputs, only_audit=only_audit)
        server = server.model_copy(update={"names": self._names})
        check_roles(server, roles, self._say, self._written)
        check_options(bundle, open_server(server, inputs.feedback).tokenizer)
        if not only_audit:
            self._say("models that the run trains are not at the server: transformers runs them")
        engine = self._config.engine.model_copy(update={"openai": server})
        return self._config.model_copy(update={"engine": engine})

    def recognise(self, config: ServerConfig, inputs: Inputs, ledger: Ledger, *, only_audit: bool) -> None:
        """Compare each model with what the ledger knows of the model of its name, and note what it does not know yet.

        A server that gives no log-probabilities of a model cannot be asked this.

        Raises:
            EngineError: What answers under a name is not what has answered under it before.
        """
        from runtime.engines.server.recognising import BEYOND_ROUNDING, distance, fixed_questions
        from runtime.engines.server.roles import open_server

        asked = [inputs.feedback]
        if not only_audit:
            asked += [inputs.critic, inputs.policy, *([inputs.pair_policy] if inputs.pair_policy else [])]
        for model in dict.fromkeys(asked):
            engine = open_server(config, model)
            if not engine.abilities.chooses:
                continue
            questions = fixed_questions(engine)
            answers = dict(engine.choose(list(questions.values())))
            now = dict(zip(questions, (answers[n] for n in range(len(questions))), strict=True))
            kept = {key: x for key, x in ledger.lookup(list(questions)).items() if isinstance(x, Choice)}
            known = [key for key in questions if key in kept]
            apart = distance([kept[key] for key in known], [now[key] for key in known]) if known else 0.0
            if apart > BEYOND_ROUNDING:
                served = config.names.get(model, model)
                raise EngineError(
                    f"what the server at {config.url} calls {served} is not the model whose answers are kept: "
                    f"log-probabilities of fixed questions differ by {apart:.2g} on average, and rounding makes less "
                    f"than {BEYOND_ROUNDING:g}",
                    "serve the model of before; or give the new one a version, and all is asked anew: "
                    f'{served!r} = "2" under [engine.openai.versions]',
                )
            ledger.keep([(key, choice) for key, choice in now.items() if key not in kept])
