"""What identifies a result: the model, the token ids it sees, and how it is drawn or what it chooses among.

The key is the first 128 bits of a BLAKE2b hash (digest size 16), in hexadecimal, over the tag, a zero byte,
and this JSON without spaces:

    generate    [model, [token, …], tokens_max, temperature, top_p, seed]
    choose      [model, [token, …], [option, …]]

`temperature` and `top_p` are written as floats (`1.0`). A test vector: for the model `scripted/1`, the tokens
1, 2, 3, at most 8 tokens, temperature 1, top_p 1 and seed 7, the hashed bytes are
`generate`, zero, `["scripted/1",[1,2,3],8,1.0,1.0,7]`, and the key is `5299a86bece9a2126361572576cb4f32`.
Nothing is keyed by position, name or time: the same question is asked once, in whichever run and order.
"""

from __future__ import annotations

from runtime.engines.base import ChooseRequest, GenerateRequest
from runtime.records import identify

__all__ = ["work_key"]


def work_key(model: str, request: GenerateRequest | ChooseRequest) -> str:
    """The key under which the ledger keeps the answer of `model` to `request`."""
    if isinstance(request, ChooseRequest):
        return identify("choose", model, request.tokens, request.options)
    how = request.decoding
    return identify(
        "generate", model, request.tokens, how.tokens_max, float(how.temperature), float(how.top_p), request.seed
    )
