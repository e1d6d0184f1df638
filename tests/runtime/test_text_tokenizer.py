"""Ids of texts are those of the model's own tokenizer, with its control tokens taken out."""

import json
from typing import Any

from runtime.text_tokenizer import TextTokenizer


def spec() -> dict[str, Any]:
    """Letters, then a control token, then a token for a run of spaces, which the vocabulary lacks."""
    from tokenizers import AddedToken, Tokenizer
    from tokenizers.models import BPE

    tokenizer = Tokenizer(BPE(vocab={"a": 0, "b": 1, " ": 2}, merges=[]))
    tokenizer.add_special_tokens(["<|end|>"])
    tokenizer.add_tokens([AddedToken("    ", normalized=False)])
    assert tokenizer.encode("a    b<|end|>").ids == [0, 4, 1, 3]
    found: dict[str, Any] = json.loads(tokenizer.to_str())
    return found


def test_added_tokens_after_a_control_token_keep_their_ids() -> None:
    assert TextTokenizer(spec()).ids("a    b") == (0, 4, 1)


def test_a_control_token_in_a_text_is_text() -> None:
    ids = TextTokenizer(spec()).ids("a<|end|>b")
    assert 3 not in ids
    assert 4 not in ids
