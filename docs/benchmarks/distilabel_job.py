"""The side of distilabel in `server_against_distilabel.py`, which starts it in the environment that has distilabel.

Reads the job as a line of JSON, says `ready` once everything is imported, then does the job for every line that names a
way, and answers with a line of JSON: wall seconds, CPU seconds of this process and of its children, and the texts.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("DISTILABEL_LOG_LEVEL", "ERROR")

from distilabel.models.llms import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts
from distilabel.steps.tasks import TextGeneration


def pipeline(job: dict[str, Any]) -> list[str]:
    """As its documentation shows it: steps in processes of their own, nothing taken from its cache."""
    with Pipeline(name="answers") as made:
        load = LoadDataFromDicts(data=job["rows"], batch_size=job["requests_max"])
        load >> TextGeneration(llm=model(job), input_batch_size=job["requests_max"])
    rows = made.run(use_cache=False)["default"]["train"]
    return [row["generation"] for row in rows]


def task(job: dict[str, Any]) -> list[str]:
    """The task alone, in this process, without the pipeline around it: no processes, nothing written."""
    asking = TextGeneration(name="answers", llm=model(job))
    asking.load()
    step = job["requests_max"]
    batches = (job["rows"][at : at + step] for at in range(0, len(job["rows"]), step))
    return [row["generation"] for batch in batches for row in next(asking.process(batch))]


def model(job: dict[str, Any]) -> OpenAILLM:
    """Greedy, of the length that the job says."""
    return OpenAILLM(
        model=job["model"],
        base_url=job["url"],
        api_key=job["key"],
        generation_kwargs={"temperature": 0.0, "max_new_tokens": job["tokens_max"]},
    )


WAYS: dict[str, Callable[[dict[str, Any]], list[str]]] = {"pipeline": pipeline, "task": task}


def used() -> float:
    """CPU seconds of this process and of the children that have ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in both)


def main() -> None:
    """Answer line by line, on what was standard output at the start; anything else that is printed goes to stderr."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    job = json.loads(sys.stdin.readline())
    print("ready", file=answers, flush=True)
    while line := sys.stdin.readline():
        begun, before = time.perf_counter(), used()
        texts = WAYS[line.strip()](job)
        print(json.dumps([time.perf_counter() - begun, used() - before, texts]), file=answers, flush=True)


if __name__ == "__main__":
    main()
