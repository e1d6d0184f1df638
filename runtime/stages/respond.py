"""Answers of a policy to prompts."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.engines.base import Decoding, GenerateRequest
from runtime.records import PromptRecord, Response, identify
from runtime.stages.fitting import encode_for
from runtime.work import OnDemand, Worker

__all__ = ["request_seed", "respond"]


def request_seed(*parts: object) -> int:
    """A 63-bit seed that depends on `parts` and nothing else."""
    return int(identify("seed", *parts)[:16], 16) >> 1


def respond(
    worker: Worker,
    prompts: Sequence[PromptRecord],
    *,
    policy: str,
    seed: int,
    decoding: Decoding,
    samples: int = 1,
    title: str,
) -> list[Response]:
    """`samples` answers to each prompt, prompt by prompt. `policy` names who answers, for the rows."""

    def request(n: int) -> GenerateRequest:
        prompt = prompts[n // samples]
        tokens = encode_for(worker, prompt, None, decoding.tokens_max)
        return GenerateRequest(tokens, decoding, request_seed(seed, "respond", prompt.id, n % samples))

    answers = iter(worker.generate(OnDemand(samples * len(prompts), request), title))
    rows = []
    for prompt in prompts:
        for sample in range(samples):
            answer = next(answers)
            rows.append(
                Response(
                    id=identify("response", prompt.id, policy, sample, answer.key),
                    prompt=prompt.id,
                    policy=policy,
                    sample=sample,
                    text=answer.value.text.strip(),
                    key=answer.key,
                    finish=answer.value.finish,
                )
            )
    return rows
