"""The engine on vLLM, in process: its batching and prefix cache, under the same requests as every engine.

vLLM takes requests first come, first served, and finds what it has computed by whole blocks from the beginning. So
requests go in sorted by their tokens: what shares a prefix comes together, while it is still in the cache.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from runtime.config import VllmConfig
from runtime.engines.base import Choice, ChooseRequest, Completion, Decoding, EngineError, Finish, GenerateRequest
from runtime.engines.completions import check_fits, completion, ends_in_plain_form
from runtime.engines.vllm_process import Load, hold, holds, platform, release
from runtime.identity import model_identity
from runtime.prompting import ModelTokenizer

if TYPE_CHECKING:
    from vllm import LLMEngine, RequestOutput, SamplingParams

__all__ = ["VllmEngine"]

_ARITHMETIC = "vllm/1"
"""Changes whenever the same weights would give other completions or other log-probabilities than before."""

_OPTIONS_MAX = 128
"""Most log-probabilities that vLLM gives by token."""

_TEMPERATURES = (0.01, 2.0)
"""vLLM raises a lower temperature to the first, and refuses one above the second."""

Dtype = Literal["float32", "bfloat16"]


class VllmEngine:
    """A model on this machine, run by vLLM.

    One model is open in a process, in one precision. Asking for another precision, or another engine for another
    model, gives back the memory of the one that was open: a step asks one model one kind of question, so that this
    happens between steps.

    Args:
        folder: The model, as `resolve` gives it.
        device: What is asked for; the build of vLLM decides, and another one is an error.
        generate_dtype: Precision of generation; `auto` goes by the kind of processor, as on transformers.
        label_dtype: Precision of option log-probabilities.
        settings: vLLM's own.

    Raises:
        ImportError: vLLM is not installed, or not whole.
        EngineError: It cannot run this model here.
    """

    def __init__(
        self,
        folder: Path,
        *,
        device: Literal["auto", "cpu", "cuda"] = "auto",
        generate_dtype: Literal["auto", "float32", "bfloat16"] = "auto",
        label_dtype: Dtype = "float32",
        settings: VllmConfig | None = None,
    ) -> None:
        found = platform()  # before anything that imports torch: it says how quiet torch is
        if device not in ("auto", found):
            raise EngineError(
                f"vLLM runs on {found} here, not on the {device} that [engine] asks for",
                f'write device = "auto" or "{found}" under [engine], or install vLLM\'s build for {device}',
            )
        self._folder = folder
        self._generate_dtype = _faster_dtype(found) if generate_dtype == "auto" else generate_dtype
        self._label_dtype = label_dtype
        self._settings = settings or VllmConfig()
        self._tokenizer = ModelTokenizer(folder, context_max=self._settings.context_max)
        try:
            weights = model_identity(folder)
        except FileNotFoundError as e:
            raise EngineError(str(e), "name a folder of safetensors") from e
        self._model = f"{weights}:generate={self._generate_dtype}:label={label_dtype}:{_ARITHMETIC}"

    @property
    def generate_dtype(self) -> Dtype:
        """The precision of generation, chosen where the run file leaves it open."""
        return self._generate_dtype

    @property
    def model(self) -> str:
        """Identity of the weights, both precisions, and the way of computing."""
        return self._model

    @property
    def tokenizer(self) -> ModelTokenizer:
        """The model's own. Its context ends where `context_max` says."""
        return self._tokenizer

    def close(self) -> None:
        """Give back the memory."""
        release(self._folder)

    def generate(self, requests: Sequence[GenerateRequest]) -> Iterator[tuple[int, Completion]]:
        """Draw a completion for every request; each comes when it is done."""
        for request in requests:
            check_fits(self._tokenizer.context_max, len(request.tokens), request.decoding.tokens_max)
            _check_temperature(request.decoding)
        if not requests:
            return
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        stops = self._tokenizer.stops
        # The stop text of the plain form is looked for here, so that the rest of an answer is never drawn.
        plain = self._tokenizer.stop_text is not None
        shown = RequestOutputKind.DELTA if plain else RequestOutputKind.FINAL_ONLY
        asked = [
            (
                request.tokens,
                SamplingParams(
                    max_tokens=request.decoding.tokens_max,
                    temperature=request.decoding.temperature,
                    top_p=request.decoding.top_p,
                    seed=request.seed % (1 << 63),  # -1 would mean none
                    stop_token_ids=sorted(stops),
                    detokenize=False,
                    output_kind=shown,
                ),
            )
            for request in requests
        ]
        drawn: dict[int, list[int]] = {}
        answers = _Answers(self._load(self._generate_dtype), asked)
        for index, output in answers:
            part = output.outputs[0]
            tokens = drawn.setdefault(index, [])
            tokens.extend(part.token_ids)
            finish = Finish.STOP if part.finish_reason == "stop" else Finish.LENGTH
            if ends_in_plain_form(self._tokenizer, tokens):
                finish = Finish.STOP
                answers.end(index)
            elif not output.finished:
                continue
            del drawn[index]
            if tokens and tokens[-1] in stops:
                tokens.pop()
            yield index, completion(self._tokenizer, tokens, finish)

    def choose(self, requests: Sequence[ChooseRequest]) -> Iterator[tuple[int, Choice]]:
        """Log-probabilities of the options, whatever their rank; equal prompts are computed once."""
        for request in requests:
            check_fits(self._tokenizer.context_max, len(request.tokens), 1)
        places: dict[tuple[int, ...], list[int]] = {}
        for index, request in enumerate(requests):
            places.setdefault(request.tokens, []).append(index)
        if not places:
            return
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        prompts = list(places)
        asked = []
        for prompt in prompts:
            options = sorted({option for index in places[prompt] for option in requests[index].options})
            if len(options) > _OPTIONS_MAX:
                raise EngineError(
                    f"a question has {len(options)} options, and vLLM answers {_OPTIONS_MAX} at most",
                    'declare fewer values of the attribute, or use kind = "transformers" under [engine]',
                )
            # `logprobs` gives the likeliest tokens only, of which an option may be none.
            params = SamplingParams(
                max_tokens=1,
                temperature=0,
                logprob_token_ids=options,
                detokenize=False,
                output_kind=RequestOutputKind.FINAL_ONLY,
            )
            asked.append((prompt, params))
        for leaf, output in _Answers(self._load(self._label_dtype), asked):
            scores = output.outputs[0].logprobs[0]
            for index in places[prompts[leaf]]:
                yield index, Choice(tuple(scores[option].logprob for option in requests[index].options))

    def _load(self, dtype: Dtype) -> Load:
        return Load(self._folder, dtype, self._tokenizer.context_max, self._settings)


class _Answers:
    """What vLLM puts out for prompts, in any order, each with the prompt's index.

    Whoever stops early leaves nothing behind: what is not answered is taken back. After an exception in the middle
    of a step nobody knows what vLLM holds, so the model is given back, and opened anew when it is asked again.
    """

    def __init__(self, load: Load, asked: Sequence[tuple[tuple[int, ...], SamplingParams]]) -> None:
        self._load = load
        self._asked = asked
        self._open: set[str] = set()

    def end(self, index: int) -> None:
        """Take back a prompt: its answer is long enough."""
        name = str(index)
        if name in self._open:
            self._open.discard(name)
            hold(self._load).abort_request([name])

    def __iter__(self) -> Iterator[tuple[int, RequestOutput]]:
        llm = hold(self._load)
        try:
            self._ask(llm)
            while self._open:
                for output in llm.step():
                    if output.request_id not in self._open:
                        continue
                    if output.finished:
                        self._open.discard(output.request_id)
                    yield int(output.request_id), output
        except GeneratorExit:
            if holds(llm):
                llm.abort_request(sorted(self._open))
            raise
        except BaseException as error:
            if holds(llm):
                del llm
                release()
            if isinstance(error, Exception):
                raise _as_engine_error(error) from error
            raise

    def _ask(self, llm: LLMEngine) -> None:
        """Hand all prompts over, those that begin alike one after the other."""
        for index in sorted(range(len(self._asked)), key=lambda index: self._asked[index][0]):
            tokens, params = self._asked[index]
            (prompt,) = llm.renderer.render_cmpl([{"prompt_token_ids": list(tokens)}])
            llm.add_request(str(index), prompt, params)
            self._open.add(str(index))


def _as_engine_error(error: Exception) -> EngineError:
    """What came out of the library's insides, in words for whoever runs it."""
    if isinstance(error, EngineError):
        return error
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    return EngineError(
        f"vLLM ended while it worked: {reason}",
        "what was answered is kept: run again to go on. Where memory ran out, lower memory_fraction or context_max "
        "under [engine.vllm]; where vLLM does not know the model or its precision, write "
        'kind = "transformers" under [engine]',
    )


def _faster_dtype(device: str) -> Dtype:
    import torch

    from runtime.engines.arithmetic import faster_dtype

    return faster_dtype(torch.device(device))


def _check_temperature(decoding: Decoding) -> None:
    low, high = _TEMPERATURES
    if decoding.temperature and not low <= decoding.temperature <= high:
        raise EngineError(
            f"vLLM does not draw at a temperature of {decoding.temperature:g}",
            f'write 0, or one from {low:g} to {high:g}; kind = "transformers" under [engine] takes any',
        )
