from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from constitution_lang.compile import compile_path
from constitution_lang.ir.model import Bundle
from runtime.engines.base import EngineError
from runtime.prompting import ModelTokenizer
from runtime.stages.options import check_options
from tests.runtime.small_run import write_run

pytest.importorskip("transformers")


def small_bundle(folder: Path) -> Bundle:
    bundle = compile_path(write_run(folder).with_name("small.const")).bundle
    assert bundle is not None
    return bundle


def with_options(bundle: Bundle, options: tuple[str, ...]) -> Bundle:
    prompts = tuple(replace(p, options=options) if p.id == "prefer/harm.kindness" else p for p in bundle.prompts)
    assert prompts != bundle.prompts
    return replace(bundle, prompts=prompts)


def test_letters_are_single_tokens(make_tokenizer: Callable[..., Path], tmp_path: Path) -> None:
    check_options(small_bundle(tmp_path), ModelTokenizer(make_tokenizer()))


def test_option_of_many_tokens_is_found_at_the_start(make_tokenizer: Callable[..., Path], tmp_path: Path) -> None:
    bundle = with_options(small_bundle(tmp_path), ("A", "Zebra crossing"))
    with pytest.raises(EngineError, match=r"prompt prefer/harm\.kindness: 'Zebra crossing' after .* is not one token"):
        check_options(bundle, ModelTokenizer(make_tokenizer()))


def test_two_options_of_one_token_are_found_at_the_start(make_tokenizer: Callable[..., Path], tmp_path: Path) -> None:
    bundle = with_options(small_bundle(tmp_path), ("A", "A"))
    with pytest.raises(EngineError, match="one and the same token"):
        check_options(bundle, ModelTokenizer(make_tokenizer()))
