"""Passes that begin at a block, behind known tokens, or both, on every family that can (tiny models, float64)."""

import pytest
import torch
from tiny import FAMILIES, family_of, readings, tiny_host

from app.domain.errors import BadInput, Unsupported
from app.domain.examples import Example
from app.domain.positions import ALL_TOKENS, Positions
from app.domain.sites import Site, SiteKind
from app.domain.targets import TargetSpec
from app.models.encoding import Batch
from app.models.host import ModelHost
from app.models.start import Prefix, Start

LOOSE = {"Llama", "Mistral", "Qwen2", "Qwen3", "Gemma", "Phi-3"}  # norms or rotations in float32
LOOPS = tuple(
    name for name in FAMILIES if family_of(name).shape != "encoder-decoder" and family_of(name).stacks[0].loop
)
CAUSAL = tuple(name for name in FAMILIES if family_of(name).shape == "decoder")
TEXTS = ("what causes rain because clouds hold", "the quick fox", "a lazy dog jumps over the plain in spain")
MIDDLE = Site(1, SiteKind.MID)


@pytest.fixture(scope="module", params=CAUSAL)
def host(request: pytest.FixtureRequest) -> ModelHost:
    return tiny_host(request.param)


def encoded(host: ModelHost, texts: tuple[str, ...] = TEXTS) -> Batch:
    second = None if host.card.task in ("causal", "text", "masked") else "rain falls because clouds"
    marked = "a [MASK] " if host.card.task == "masked" else ""
    return host.encode([Example(str(n), marked + text, second) for n, text in enumerate(texts)])


def assert_close(host: ModelHost, value: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(value, expected, rtol=0, atol=1e-5 if host.card.family in LOOSE else 1e-8)


def modules(host: ModelHost) -> list[tuple[str, int, int]]:
    """Every module by name and identity, with its hooks."""
    return [(name, id(m), len(m._forward_hooks) + len(m._forward_pre_hooks)) for name, m in host.model.named_modules()]


def at_the_end(value: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Twice the units at the read-out token."""
    last = torch.arange(value.shape[1]) == batch.readout[:, None]
    return torch.where(last[..., None], 2 * value + 1, value)


def at_every_token(value: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Other units everywhere."""
    return 0.5 * value + batch.where(ALL_TOKENS, value.shape[1])[..., None]


def test_which_families_begin_at_a_block() -> None:
    assert set(FAMILIES) - set(LOOPS) == {"DeBERTa-v2/v3", "T5"} and set(CAUSAL) < set(LOOPS)


@pytest.mark.parametrize("name,task", [(name, task) for name in LOOPS for task in readings(name)])
def test_a_pass_from_each_block_is_the_whole_pass(name: str, task: str) -> None:
    host = tiny_host(name, task=task)
    batch, before = encoded(host), modules(host)
    entries = [Site(0, SiteKind.EMBED), *(Site(layer, SiteKind.RESID) for layer in range(2))]
    whole = host.run(batch, None, record=[*entries, Site(2, SiteKind.MID)])
    edits = {Site(2, SiteKind.MID): (at_every_token,)}
    edited = host.run(batch, None, edits=edits).logits
    assert not batch.mask.all() and not torch.allclose(edited, whole.logits)
    for layer, entry in enumerate(entries):
        start = Start(layer, whole.value(entry))
        again = host.run(batch, None, record=[Site(2, SiteKind.MID)], start=start)
        torch.testing.assert_close(again.logits, whole.logits, rtol=0, atol=1e-10)
        assert torch.equal(again.value(Site(2, SiteKind.MID)), whole.value(Site(2, SiteKind.MID)))
        torch.testing.assert_close(host.run(batch, None, edits=edits, start=start).logits, edited, rtol=0, atol=1e-10)
    assert modules(host) == before


@pytest.mark.parametrize("name", LOOPS)
def test_the_blocks_are_back_after_errors(name: str) -> None:
    host = tiny_host(name)
    batch, before = encoded(host), modules(host)
    hidden = host.run(batch, None, record=[Site(0, SiteKind.RESID)]).value(Site(0, SiteKind.RESID))
    with pytest.raises(ZeroDivisionError):
        host.run(batch, None, start=Start(1, hidden), edits={Site(2, SiteKind.MID): (lambda *_: 1 / 0,)})
    with pytest.raises(ValueError, match="record the same tokens"):
        host.run(batch, None, start=Start(1, hidden[:, 1:]))
    with pytest.raises(Unsupported, match="mid@0 and block 1"):
        host.run(batch, None, start=Start(1, hidden), record=[Site(0, SiteKind.MID)])
    with pytest.raises(Unsupported, match="block 3"):
        host.run(batch, None, start=Start(3, hidden))
    assert modules(host) == before


@pytest.mark.parametrize("name", ["Qwen2", "Qwen3", "Mistral", "Phi-3"])
def test_blocks_keep_their_kind_of_attention(name: str) -> None:
    """With some blocks that look back a few tokens only, a pass from each block is still the whole pass."""
    host = sliding(name, 3)
    batch = encoded(host)
    sites = [Site(layer, SiteKind.RESID) for layer in range(2)]
    whole = host.run(batch, None, record=sites)
    assert not torch.allclose(whole.logits, tiny_host(name).run(batch, None).logits)
    for site in sites:
        again = host.run(batch, None, start=Start(site.layer + 1, whole.value(site)))
        torch.testing.assert_close(again.logits, whole.logits, rtol=0, atol=1e-10)


def sliding(name: str, window: int) -> ModelHost:
    """A tiny model whose last block, or all where the family does not mix them, looks ``window`` tokens back."""
    host = tiny_host(name)
    config = host.model.config
    config.sliding_window = window
    if name.startswith("Qwen"):
        config.layer_types = ["full_attention", "full_attention", "sliding_attention"]
        host.model.base_model.has_sliding_layers = True
    return host


def test_the_answer_behind_a_prefix_is_that_of_the_whole(host: ModelHost) -> None:
    """Rows of different lengths, repeated and reordered, behind all tokens but the last and behind the first two."""
    batch, rows = encoded(host), (2, 0, 1, 0)
    expected = host.run(batch.take(rows), None, record=[MIDDLE])
    for lengths in (None, 2, [2, 1, 5]):
        prefix = host.prefill(batch, lengths)
        kept = [tensor.clone() for tensor in (*prefix.keys, *prefix.values, prefix.ids, prefix.mask)]
        trace = host.run(batch.take(rows), None, record=[MIDDLE], start=Start(prefix=prefix, rows=rows))
        assert_close(host, trace.logits, expected.logits)
        for row, source in enumerate(rows):
            first, end = int(prefix.lengths[source]), int(batch.mask[source].sum())
            assert_close(host, trace.value(MIDDLE)[row, : end - first], expected.value(MIDDLE)[row, first:end])
        assert_close(host, host.run(batch, None, start=Start(prefix=prefix)).logits, expected.logits[[1, 2, 0]])
        now = (*prefix.keys, *prefix.values, prefix.ids, prefix.mask)
        assert all(torch.equal(old, new) for old, new in zip(kept, now, strict=True))


def test_one_prefix_serves_many_rows(host: ModelHost) -> None:
    """A shared beginning, with endings of different lengths."""
    batch = encoded(
        host, tuple(f"the quick brown fox {rest}" for rest in ("jumps", "holds a lazy dog", "falls on rain"))
    )
    prefix = host.prefill(batch.take([0]), 4)
    trace = host.run(batch, None, start=Start(prefix=prefix, rows=(0, 0, 0)))
    assert_close(host, trace.logits, host.run(batch, None).logits)
    assert trace.prefix.mask.shape[1] > 4 == prefix.mask.shape[1]


def test_an_edit_at_the_last_token_is_the_same_behind_a_prefix(host: ModelHost) -> None:
    batch, edits = encoded(host), {MIDDLE: (at_the_end,), Site(2, SiteKind.HEAD): (lambda value, _: value,)}
    expected = host.run(batch, None, edits=edits).logits
    assert not torch.allclose(expected, host.run(batch, None).logits)
    assert_close(host, host.run(batch, None, edits=edits, start=Start(prefix=host.prefill(batch))).logits, expected)


def test_edits_at_every_token_are_those_of_prefix_and_rest(host: ModelHost) -> None:
    batch, edits = encoded(host), {MIDDLE: (at_every_token,), Site(0, SiteKind.V): (at_every_token,)}
    prefix = host.prefill(batch, edits=edits)
    expected = host.run(batch, None, edits=edits).logits
    assert not torch.allclose(expected, host.run(batch, None).logits)
    assert_close(host, host.run(batch, None, edits=edits, start=Start(prefix=prefix)).logits, expected)


def test_a_gradient_behind_a_prefix_is_that_of_the_last_token(host: ModelHost) -> None:
    batch = encoded(host)
    target = host.target(TargetSpec(name="logit", token="rain"), batch)
    whole = host.run(batch, target, record=[MIDDLE], grad=True)
    part = host.run(batch, target, record=[MIDDLE], grad=True, start=Start(prefix=host.prefill(batch)))
    assert_close(host, part.outputs.detach(), whole.outputs.detach())
    rows = torch.arange(3)
    assert_close(host, part.gradients(MIDDLE)[MIDDLE][:, 0], whole.gradients(MIDDLE)[MIDDLE][rows, batch.readout])


def test_a_block_behind_a_prefix(host: ModelHost) -> None:
    batch, entry, rows = encoded(host), Site(1, SiteKind.RESID), (1, 2, 0, 0)
    prefix, edits = host.prefill(batch), {Site(2, SiteKind.MID): (at_the_end,)}
    wide = batch.take(rows)
    hidden = host.run(wide, None, record=[entry], start=Start(prefix=prefix, rows=rows)).value(entry)
    assert hidden.shape == (4, 1, 16)
    trace = host.run(wide, None, edits=edits, start=Start(2, hidden, prefix, rows))
    assert_close(host, trace.logits, host.run(wide, None, edits=edits).logits)
    with pytest.raises(Unsupported, match="all blocks"):
        _ = trace.prefix


def test_a_batch_cut_in_two_agrees_with_itself(host: ModelHost) -> None:
    batch = encoded(host)
    lengths = torch.tensor([3, 1, 5])
    first, rest = batch.before(lengths), batch.after(lengths)
    for row, spans in enumerate(batch.spans):
        cut, end = int(lengths[row]), len(spans)
        assert first.spans[row] + rest.spans[row] == spans
        assert rest.mask[row].sum() == end - cut and first.mask[row].sum() == cut
        assert rest.inputs["input_ids"][row, : end - cut].equal(batch.inputs["input_ids"][row, cut:end])
        assert rest.inputs["position_ids"][row, : end - cut].tolist() == [*range(cut, end)]
        assert rest.readout[row] == batch.readout[row] - cut and first.readout[row] == cut - 1
        assert rest.where(Positions(("prompt",)))[row].sum() + first.where(Positions(("prompt",)))[row].sum() == end


def test_wrong_prefixes_are_refused(host: ModelHost) -> None:
    batch, other = encoded(host), encoded(host, ("on the plain", "rain falls in spain", "water"))
    prefix = host.prefill(batch, 2)
    with pytest.raises(BadInput, match="begin with their prefix"):
        host.run(other.take([0, 1, 1]), None, start=Start(prefix=prefix))
    with pytest.raises(BadInput, match="ends before the token"):
        host.run(batch.before(torch.tensor([2, 2, 2])), None, start=Start(prefix=prefix))
    with pytest.raises(ValueError, match="a row of 3 for each of 2"):
        host.run(batch.take([0, 1]), None, start=Start(prefix=prefix))
    with pytest.raises(BadInput, match="leaves one"):
        host.prefill(batch, 3)
    inner = host.target(TargetSpec(name="activation", neuron="L1.mid.3"), batch)
    with pytest.raises(Unsupported, match="mid@1"):
        host.run(batch, inner, start=Start(prefix=prefix))
    with pytest.raises(Unsupported, match=r"Prefix\.none"):
        _ = host.run(batch, None).prefix
    with pytest.raises(ValueError, match="block 1"):
        Start(1)
    with pytest.raises(ValueError, match="rows alone"):
        Start(rows=(0,))


@pytest.mark.parametrize(
    "name,task", [(name, task) for name in FAMILIES for task in readings(name) if task != "causal"]
)
def test_other_ways_of_reading_have_no_prefix(name: str, task: str) -> None:
    host = tiny_host(name, task=task)
    batch = encoded(host)
    with pytest.raises(Unsupported, match="causal language model"):
        host.prefill(batch, 2)
    with pytest.raises(Unsupported, match="causal language model"):
        host.run(batch, None, start=Start(prefix=Prefix.none(batch)))


@pytest.mark.parametrize("name", ["Qwen2", "Qwen3", "Mistral", "Phi-3"])
def test_a_short_look_back_needs_prefixes_of_one_length(name: str) -> None:
    host = sliding(name, 3)
    batch = encoded(host)
    assert_close(
        host, host.run(batch, None, start=Start(prefix=host.prefill(batch, 2))).logits, host.run(batch, None).logits
    )
    with pytest.raises(Unsupported, match="looks 3 tokens back"):
        host.run(batch, None, start=Start(prefix=host.prefill(batch)))


@pytest.mark.parametrize("kind", ["dynamic", "longrope"])
def test_positions_that_turn_with_the_length_have_no_prefix(kind: str) -> None:
    host = tiny_host("Llama")
    batch = encoded(host)
    prefix = host.prefill(batch, 2)
    host.model.config.rope_parameters = {"rope_type": kind, "original_max_position_embeddings": 7}
    short = encoded(host, TEXTS[1:2])
    assert host.run(short, None, start=Start(prefix=prefix, rows=(1,))).logits.isfinite().all()
    with pytest.raises(Unsupported, match="at most 7 tokens"):
        host.run(batch, None, start=Start(prefix=prefix))


def test_the_read_out_is_not_among_what_is_read_before_it(host: ModelHost) -> None:
    """The same edits handed to both passes are those of the whole pass, wherever they are."""
    batch = encoded(host)
    whole = host.run(batch, None).logits
    for positions in (Positions(readout=True), Positions(("prompt",)), Positions()):

        def edit(value: torch.Tensor, part: Batch, positions: Positions = positions) -> torch.Tensor:
            return torch.where(part.where(positions, value.shape[1])[:, :, None], value * 3 + 1, value)

        expected = host.run(batch, None, edits={MIDDLE: (edit,)}).logits
        assert not torch.allclose(expected, whole, atol=1e-3), positions
        for lengths in (None, 2):
            prefix = host.prefill(batch, lengths, edits={MIDDLE: (edit,)})
            after = host.run(batch, None, edits={MIDDLE: (edit,)}, start=Start(prefix=prefix))
            assert_close(host, after.logits, expected)
