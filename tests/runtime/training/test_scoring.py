"""The score is read at the last real token, whatever the padding is."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification

from constitution_lang.ir.model import Role
from runtime.prompting import ModelTokenizer
from runtime.records import Turn
from runtime.training.scoring import Scorer, last_token_scores, score

END = 2


@pytest.fixture(scope="module")
def scorer_folder(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import shutil

    folder = tmp_path_factory.mktemp("scorer") / "pm"
    shutil.copytree(tiny_model, folder)
    torch.manual_seed(3)
    model = AutoModelForSequenceClassification.from_pretrained(tiny_model, num_labels=1)
    torch.nn.init.normal_(model.score.weight)
    model.save_pretrained(folder)
    return folder


@pytest.fixture
def model(scorer_folder: Path) -> torch.nn.Module:
    return AutoModelForSequenceClassification.from_pretrained(scorer_folder, num_labels=1).eval()


SEQUENCES = [[1, 40, 50, 60, END], [1, 70, END], [1, 80, 90, 100, 110, 120, 130, END], [1, 0, 55, 0, END]]


@torch.no_grad()
@pytest.mark.parametrize("pad", [0, END, 77])
def test_padding_changes_nothing(model: torch.nn.Module, pad: int) -> None:
    # Also where the padding is the end of turn, or where its id stands inside a text.
    alone = [last_token_scores(model, torch.tensor([ids]), torch.tensor([len(ids)])).item() for ids in SEQUENCES]
    batch = torch.full((len(SEQUENCES), 12), pad)
    for row, ids in enumerate(SEQUENCES):
        batch[row, : len(ids)] = torch.tensor(ids)
    together = last_token_scores(model, batch, torch.tensor([len(ids) for ids in SEQUENCES]))
    torch.testing.assert_close(together, torch.tensor(alone), rtol=1e-5, atol=1e-5)
    assert len({round(value, 3) for value in alone}) == len(alone)


@torch.no_grad()
def test_it_is_the_models_own_output_on_an_unpadded_row(model: torch.nn.Module) -> None:
    for ids in SEQUENCES:
        own = model(input_ids=torch.tensor([ids])).logits.item()
        assert last_token_scores(model, torch.tensor([ids]), torch.tensor([len(ids)])).item() == pytest.approx(
            own, abs=1e-5
        )


@torch.no_grad()
def test_the_models_own_pooling_misses_where_padding_ends_turns(model: torch.nn.Module) -> None:
    # Why the place is counted and not looked for: with padding = end of turn the model reads one token early.
    model.config.pad_token_id = END
    ids = torch.tensor([[1, 40, 50, END, END, END]])
    theirs = model(input_ids=ids, attention_mask=torch.tensor([[1, 1, 1, 1, 0, 0]])).logits.item()
    ours = last_token_scores(model, ids, torch.tensor([4])).item()
    assert abs(ours - theirs) > 1e-2


def test_score_keeps_the_order_and_does_not_depend_on_the_batch(scorer_folder: Path) -> None:
    turns = (Turn(Role.USER, "Which is better?"),)
    texts = ["A", "The capital of France is Paris. " * 6, "", "B is better, since nobody is harmed.", "A"]
    conversations = [(turns, text) for text in texts]
    one_by_one = [score(scorer_folder, [conversation])[0] for conversation in conversations]
    for rows in (1, 2, 5):
        found = score(scorer_folder, conversations, batch_rows=rows)
        assert found == pytest.approx(one_by_one, abs=1e-5)
    assert found[0] == pytest.approx(found[4], abs=1e-5)
    assert found[0] != pytest.approx(found[1], abs=1e-3)
    # The sequence ends in exactly one end of turn, and there the score is.
    chat = ModelTokenizer(scorer_folder)
    prompt, answer = chat.encode_answer(turns, "A")
    assert Scorer.load(scorer_folder).score_tokens([prompt + answer]) == pytest.approx([found[0]], abs=1e-5)


def test_nothing_to_score(scorer_folder: Path) -> None:
    assert score(scorer_folder, []) == []
