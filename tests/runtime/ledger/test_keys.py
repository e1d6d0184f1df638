from __future__ import annotations

from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from runtime.engines.base import ChooseRequest, Decoding, GenerateRequest
from runtime.ledger import keys
from runtime.ledger.keys import work_key

TOKENS = st.lists(st.integers(0, 2**31), max_size=6).map(tuple)
DECODINGS = st.builds(
    Decoding,
    tokens_max=st.integers(1, 4096),
    temperature=st.sampled_from([0.0, 0.5, 1.0]),
    top_p=st.sampled_from([0.9, 1.0]),
)
REQUESTS = st.one_of(
    st.builds(GenerateRequest, TOKENS, DECODINGS, st.integers(0, 2**64 - 1)), st.builds(ChooseRequest, TOKENS, TOKENS)
)
EXAMPLE = GenerateRequest((1, 2, 3), Decoding(tokens_max=8), 7)


def test_documented_vector() -> None:
    body = b'generate\0["scripted/1",[1,2,3],8,1.0,1.0,7]'
    key = work_key("scripted/1", EXAMPLE)
    assert key == blake2b(body, digest_size=16).hexdigest() == "5299a86bece9a2126361572576cb4f32"
    assert key in (keys.__doc__ or "")


def test_choose_vector() -> None:
    body = b'choose\0["scripted/1",[1,2,3],[65,66]]'
    assert work_key("scripted/1", ChooseRequest((1, 2, 3), (65, 66))) == blake2b(body, digest_size=16).hexdigest()


def test_whole_number_temperature_is_the_same_temperature() -> None:
    whole = GenerateRequest((1, 2, 3), Decoding(tokens_max=8, temperature=1, top_p=1), 7)
    assert work_key("scripted/1", whole) == work_key("scripted/1", EXAMPLE)


@given(st.sampled_from(["m", "n"]), REQUESTS, st.sampled_from(["m", "n"]), REQUESTS)
def test_keys_are_equal_exactly_where_the_questions_are(
    model: str, request: GenerateRequest | ChooseRequest, other_model: str, other: GenerateRequest | ChooseRequest
) -> None:
    same = (model, request) == (other_model, other)
    assert (work_key(model, request) == work_key(other_model, other)) == same


@given(REQUESTS)
def test_every_part_counts(request: GenerateRequest | ChooseRequest) -> None:
    changed: list[GenerateRequest | ChooseRequest] = [request, replace(request, tokens=(*request.tokens, 0))]
    if isinstance(request, ChooseRequest):
        # The border between tokens and options counts too.
        moved = ChooseRequest((*request.tokens, *request.options[:1]), request.options[1:])
        changed += [replace(request, options=(*request.options, 0)), moved]
    else:
        how = request.decoding
        changed += [
            replace(request, seed=request.seed ^ 1),
            replace(request, decoding=replace(how, tokens_max=how.tokens_max + 1)),
            replace(request, decoding=replace(how, temperature=how.temperature + 0.1)),
            replace(request, decoding=replace(how, top_p=how.top_p - 0.1)),
        ]
    assert len({work_key("m", other) for other in changed}) == len(set(changed))
    assert work_key("m2", request) != work_key("m", request)
