"""Positions as a noun: what they mean on a batch, and how they print."""

import pytest
import torch
from tiny import tiny_host

from app.domain.errors import BadInput
from app.domain.examples import Example
from app.domain.interventions import Op, Setting
from app.domain.positions import ALL_TOKENS, Positions


def test_they_print() -> None:
    assert str(ALL_TOKENS) == "all tokens" and Positions().everywhere
    assert str(Positions(("query", "passage"), readout=True)) == "query, passage, the read-out token"
    assert str(Positions(generated=1)) == "generated tokens"
    assert str(Positions(generated=3)) == "every 3. generated token"


def test_a_setting_says_where_it_edits() -> None:
    assert Setting("target", count=2).text == "zero(target 2)"
    by_part = Setting("target", op=Op.SCALE, amount=2.0, segments=("query", "passage"), count=2)
    assert by_part.text == "scale(2)(target 2) at query, passage"
    newest = Setting("target", readout=True, generated=1, count=2)
    assert newest.positions == Positions(None, True, 1)
    assert newest.text == "zero(target 2) at the read-out token, generated tokens"


def test_they_name_tokens_of_a_batch() -> None:
    host = tiny_host("GPT-2")
    batch = host.encode([Example("0", "what causes rain"), Example("1", "the lazy dog jumps over")])
    assert torch.equal(batch.where(ALL_TOKENS), batch.mask)
    last = batch.where(Positions(readout=True))
    assert last.sum(1).tolist() == [1, 1] and last.int().argmax(1).tolist() == batch.readout.tolist()
    own = batch.where(Positions(("prompt",)))
    assert torch.equal(batch.where(Positions(("prompt",), readout=True)), own | last)
    assert not batch.where(Positions(generated=1)).any(), "the model wrote none of them"
    with pytest.raises(BadInput) as caught:
        batch.where(Positions(("passage",)))
    assert caught.value.field == "part"
