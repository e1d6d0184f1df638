"""Answers of a policy to prompts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runtime.engines.base import Decoding, GenerateRequest
from runtime.records import PromptRecord, Response, identify
from runtime.stages.fitting import encode_for, look_over
from runtime.work import OnDemand, Worker, blocks

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
) -> Iterator[Response]:
    """`samples` answers to each prompt, prompt by prompt. `policy` names who answers, for the rows."""
    for prompt in prompts:
        look_over(worker, prompt, None, decoding.tokens_max)
    with worker.showing({title: samples * len(prompts)}):
        for block in blocks(prompts, worker.block_rows(samples)):

            def request(n: int, block: Sequence[PromptRecord] = block) -> GenerateRequest:
                prompt = block[n // samples]
                tokens = encode_for(worker, prompt, None, decoding.tokens_max)
                return GenerateRequest(tokens, decoding, request_seed(seed, "respond", prompt.id, n % samples))

            answers = worker.generate(OnDemand(samples * len(block), request), title)
            for n, answer in enumerate(answers):
                prompt, sample = block[n // samples], n % samples
                yield Response(
                    id=identify("response", prompt.id, policy, sample, answer.key),
                    prompt=prompt.id,
                    policy=policy,
                    sample=sample,
                    text=answer.value.text.strip(),
                    key=answer.key,
                    finish=answer.value.finish,
                )
