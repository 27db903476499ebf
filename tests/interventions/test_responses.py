"""Ablation by rows against one-at-a-time edits, and the planted neuron (nig.md sections 10 and 22)."""

import numpy as np
import pytest
import torch
from tiny import ENCODERS, tiny_host

from app.domain.errors import Unsupported
from app.domain.examples import Example
from app.domain.interventions import Op, Setting
from app.domain.neuron_sets import random_matched
from app.domain.scores import RunningScores
from app.domain.sites import Site, SiteKind
from app.domain.targets import TargetSpec
from app.interventions.edits import Sources, compile_edits
from app.interventions.responses import Cell, grid, responses, sources_for
from app.methods.conductance import NeuronIntegratedGradients
from app.models.baselines import words
from app.models.host import ModelHost
from app.models.start import Start

PAIR = Example("0", "what causes rain", "rain falls because clouds hold water")


def dense(host, batch, target, settings, space, sources, **how) -> np.ndarray:
    """[S, C, Y] answers of every example under every setting."""
    count = len(batch.examples)
    return responses(host, batch, target, grid(settings, count), space, sources, **how).reshape(
        len(settings), count, -1
    )


def answers(host: ModelHost, settings: list[Setting], preset: str = "ffn", rows: int = 4) -> np.ndarray:
    batch, space = host.encode([PAIR]), host.space(preset)
    target = host.target(TargetSpec(), batch)
    sources = sources_for(host, batch, settings, space, "pad_query_and_passage")
    return dense(host, batch, target, settings, space, sources, rows=rows)[:, 0]


def members(*flat: int) -> np.ndarray:
    return np.asarray(flat, dtype=np.int64)


def by_hand(host: ModelHost, flat: list[int], change, segments: set[str] | None = None) -> float:
    """One forward with plain loops over neurons and tokens."""
    batch, space = host.encode([PAIR]), host.space("ffn")
    edits = {}
    for number in flat:
        index = space.index(number)

        def edit(value: torch.Tensor, _: object, index=index) -> torch.Tensor:
            out = value.clone()
            for at, span in enumerate(batch.spans[0]):
                if segments is None or span.segment in segments:
                    out[0, at, index.unit] = change(index, at, value[0, at, index.unit])
            return out

        edits.setdefault(index.site, []).append(edit)
    return float(host.run(batch, None, edits={s: tuple(e) for s, e in edits.items()}).logits[0, 0])


def test_rows_equal_one_at_a_time(bert: ModelHost) -> None:
    chosen = members(3, 30, 31, 70)
    settings = [
        Setting(),
        Setting("target", chosen, op=Op.ZERO),
        Setting("target", chosen, op=Op.SCALE, amount=1.5),
        Setting("target", chosen, op=Op.ZERO, segments=("query",)),
        Setting("target", members(5), op=Op.ZERO),
    ]
    found = answers(bert, settings)[:, 0]
    flat = chosen.tolist()
    expected = [
        by_hand(bert, [], None),
        by_hand(bert, flat, lambda index, at, v: 0.0),
        by_hand(bert, flat, lambda index, at, v: 1.5 * v),
        by_hand(bert, flat, lambda index, at, v: 0.0, {"query"}),
        by_hand(bert, [5], lambda index, at, v: 0.0),
    ]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_allclose(answers(bert, settings, rows=1)[:, 0], expected, atol=1e-12)


def test_mean_and_baseline_values(bert: ModelHost) -> None:
    batch, space = bert.encode([PAIR]), bert.space("ffn")
    intact = bert.run(batch, None, record=space.sites)
    start = words(bert, batch, "pad_query_and_passage")
    edits = {Site(0, SiteKind.WORDS): (lambda value, _: start,)}
    padded = bert.run(batch, None, record=space.sites, edits=edits)
    content = [at for at, span in enumerate(batch.spans[0]) if span.segment in ("query", "passage")]

    def mean(index, at, value):
        return intact.value(index.site)[0, content, index.unit].mean()

    def restored(index, at, value):
        return padded.value(index.site)[0, at, index.unit]

    chosen = members(2, 40)
    settings = [Setting("target", chosen, op=Op.MEAN), Setting("target", chosen, op=Op.BASELINE)]
    expected = [by_hand(bert, chosen.tolist(), mean), by_hand(bert, chosen.tolist(), restored)]
    np.testing.assert_allclose(answers(bert, settings)[:, 0], expected, atol=1e-12)


def test_nothing_edited_changes_nothing(bert: ModelHost) -> None:
    settings = [Setting(), Setting("target", members()), Setting("target", members(1, 2), op=Op.SCALE, amount=1.0)]
    found = answers(bert, settings)
    np.testing.assert_allclose(found, np.tile(found[0], (3, 1)), atol=1e-14)


def test_restoring_every_neuron_from_the_intact_run_is_the_intact_run(bert: ModelHost) -> None:
    everything = np.arange(72, dtype=np.int64)
    complement = Setting("complement", members(0), invert=True)
    listed = Setting("target", everything[1:])
    found = answers(bert, [complement, listed])
    np.testing.assert_allclose(found[0], found[1], atol=1e-14)


def test_a_head_is_switched_off_whole(bert: ModelHost) -> None:
    found = answers(bert, [Setting("target", members(5))], preset="heads")[0, 0]
    batch = bert.encode([PAIR])

    def edit(value: torch.Tensor, _: object) -> torch.Tensor:
        out = value.clone()
        out[:, :, 1] = 0
        return out

    expected = bert.run(batch, None, edits={Site(1, SiteKind.HEAD): (edit,)}).logits[0, 0]
    assert found == pytest.approx(float(expected), abs=1e-13)


def planted() -> ModelHost:
    """A BERT whose score hangs on one hidden unit of layer 1."""
    host = tiny_host("BERT", seed=5)
    unit = 11
    up = host.places[Site(1, SiteKind.UP)].module
    down = host.places[Site(1, SiteKind.MID)].module
    with torch.no_grad():
        for layer in range(3):
            host.places[Site(layer, SiteKind.MID)].module.weight.mul_(0.02)
        up.weight[unit] *= 3
        down.weight[:, unit] = torch.randn(16, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 4
    return host


def test_a_planted_neuron_ranks_first_and_matters() -> None:
    host = planted()
    batch, space = host.encode([PAIR]), host.space("ffn")
    target = host.target(TargetSpec(), batch)
    (found,) = NeuronIntegratedGradients(steps=32).attribute(host, batch, target)
    sums = RunningScores.of(found.parts, {site: values[None] for site, values in found.neurons.items()})
    order = sums.scores(space).order("all", "abs")
    first = space.index(int(order[0]))
    assert (first.layer, first.unit) == (1, 11)
    chosen = order[:1]
    controls = [Setting("random", random_matched(chosen, space, seed), seed=seed) for seed in range(30)]
    controls = [control for control in controls if control.members[0] != chosen[0]]
    values = answers(host, [Setting(), Setting("target", chosen), *controls])[:, 0]
    assert abs(values[1] - values[0]) > 5 * np.abs(values[2:] - values[0]).max()


def test_decoder_neurons_are_edited_on_their_own_axis() -> None:
    """T5: the decoder has one step, the encoder all tokens; every op and part works on both."""
    host = tiny_host("T5")
    space = host.space("ffn")
    last = space.sites[-1]
    inside = np.arange(space.offsets[last], len(space))
    settings = [
        Setting(),
        *(Setting("target", inside, op=op, amount=0.5) for op in (Op.ZERO, Op.SCALE, Op.MEAN, Op.BASELINE)),
        Setting("target", inside, op=Op.ZERO, segments=("decoder",)),
        Setting("target", inside, op=Op.ZERO, segments=("query",)),
        Setting("target", np.arange(len(space)), op=Op.ZERO, segments=("query",)),
    ]
    found = answers(host, settings)[:, 0]
    intact, zeroed, _, mean, _, decoder, query, both = found
    assert zeroed != pytest.approx(intact, abs=1e-9)
    assert mean == pytest.approx(intact, abs=1e-12)  # one step: its mean is itself
    assert decoder == pytest.approx(zeroed, abs=1e-12)
    assert query == pytest.approx(intact, abs=1e-12)
    assert both != pytest.approx(intact, abs=1e-9)


TEXTS = ("rain falls because clouds hold water", "the fox", "a lazy dog jumps over the brown fox while rain falls")


def mixed(space) -> list[Setting]:
    """Settings whose first edited block differs, with every op."""
    late, all_over = np.arange(len(space) - 7, len(space)), np.arange(0, len(space), 5)
    return [
        Setting("target", late, op=Op.RESAMPLE),
        Setting(),
        Setting("target", all_over, op=Op.ZERO),
        Setting("target", late, op=Op.SCALE, amount=2.0),
        Setting("target", late, op=Op.MEAN, segments=("passage",)),
        Setting("target", all_over, op=Op.BASELINE),
        Setting("complement", late, op=Op.ZERO, invert=True),
        Setting("random", late - 30, op=Op.ZERO, seed=1),
    ]


@pytest.mark.parametrize("family", ENCODERS)
@pytest.mark.parametrize("rows", [3, 7, 100])
def test_many_examples_under_many_settings(family: str, rows: int) -> None:
    """Packed, with the lower blocks reused, against one example under one setting at a time."""
    host = tiny_host(family)
    space = host.space("ffn")
    examples = [Example(str(n), "what causes rain", text) for n, text in enumerate(TEXTS)]
    batch, settings = host.encode(examples), mixed(space)
    target = host.target(TargetSpec(), batch)
    sources = sources_for(host, batch, settings, space, "pad_query_and_passage")
    found = dense(host, batch, target, settings, space, sources, rows=rows)
    for number, setting in enumerate(settings):
        for at in range(len(examples)):
            alone = batch.take([at])
            own = Sources(
                {site: value[at : at + 1] for site, value in sources.mean.items()},
                {site: value[at : at + 1] for site, value in sources.baseline.items()},
                {site: value[at : at + 1] for site, value in sources.other.items()},
            )
            slow = dense(host, alone, target, [setting], space, own, rows=1, reuse=False)
            np.testing.assert_allclose(found[number, at], slow[0, 0], atol=1e-10)


@pytest.mark.parametrize("rows", [1, 3, 50])
def test_every_row_may_have_its_own_example_and_setting(bert: ModelHost, rows: int) -> None:
    """Any choice of cells gives what the whole grid gives there."""
    space = bert.space("ffn")
    batch = bert.encode([Example(str(n), "what causes rain", text) for n, text in enumerate(TEXTS)])
    settings, target = mixed(space), bert.target(TargetSpec(), batch)
    sources = sources_for(bert, batch, settings, space, "pad_query_and_passage")
    whole = dense(bert, batch, target, settings, space, sources, rows=100)
    drawn = np.random.default_rng(3).permutation(len(settings) * len(TEXTS))[:13]
    places = [divmod(int(number), len(TEXTS)) for number in drawn]
    cells = [Cell(example, settings[setting]) for setting, example in places]
    some = responses(bert, batch, target, cells, space, sources, rows=rows)
    np.testing.assert_allclose(some, [whole[place] for place in places], atol=1e-10)


def test_only_members_are_touched(bert: ModelHost) -> None:
    """What an edit leaves alone is the same to the bit, and the value it was given is not written to."""
    space, site = bert.space("ffn"), Site(1, SiteKind.MID)
    batch = bert.encode([PAIR]).take([0, 0])
    cells = [Cell(0, Setting("target", members(30, 31), op=Op.ZERO)), Cell(0, Setting())]
    (edit,) = compile_edits(space, cells, Sources())[site]
    value = bert.run(batch, None, record=[site]).value(site)
    before = value.clone()
    out = edit(value, batch)
    assert torch.equal(value, before) and torch.equal(out[1], before[1])
    touched = (out[0] != before[0]).any(0).nonzero().flatten().tolist()
    assert touched == [6, 7]


def test_resampling_takes_the_next_example(bert: ModelHost) -> None:
    space, site = bert.space("ffn"), Site(2, SiteKind.MID)
    batch = bert.encode([Example(str(n), "what causes rain", text) for n, text in enumerate(TEXTS)])
    units = np.arange(space.offsets[site], len(space))
    settings = [Setting("target", units, op=Op.RESAMPLE)]
    target = bert.target(TargetSpec(), batch)
    sources = sources_for(bert, batch, settings, space, "pad_query_and_passage")
    found = dense(bert, batch, target, settings, space, sources, rows=9)[0, :, 1]
    real = bert.run(batch, None, record=[site]).value(site)
    expected = bert.run(batch, None, edits={site: (lambda value, _: real[[1, 2, 0]],)}).logits[:, 0]
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-12)


def test_a_resumed_pass_leaves_the_model_whole(bert: ModelHost) -> None:
    batch = bert.encode([PAIR])
    whole = bert.run(batch, None, record=[Site(1, SiteKind.RESID)])
    hidden = whole.value(Site(1, SiteKind.RESID))
    again = bert.run(batch, None, start=Start(2, hidden))
    assert torch.equal(again.logits, whole.logits)
    assert len(bert.model.bert.encoder.layer) == 3
    with pytest.raises(Unsupported, match="block 2"):
        bert.run(batch, None, start=Start(2, hidden), record=[Site(0, SiteKind.MID)])
    with pytest.raises(ZeroDivisionError):
        bert.run(batch, None, start=Start(1, hidden), edits={Site(2, SiteKind.MID): (lambda *_: 1 / 0,)})
    assert torch.equal(bert.run(batch, None).logits, whole.logits)


@pytest.mark.parametrize("family", ["BERT", "T5", "GPT-2"])
@pytest.mark.parametrize("rows", [1, 4, 100])
def test_rows_that_are_edited_at_different_tokens(family: str, rows: int) -> None:
    """Cells in any order, some twice and some not at all, against every example under every setting by itself."""
    host = tiny_host(family)
    space, causal = host.space("ffn"), host.card.task == "causal"
    examples = [Example(str(n), *((text,) if causal else ("what causes rain", text))) for n, text in enumerate(TEXTS)]
    batch, late = host.encode(examples), np.arange(len(space) - 7, len(space))
    part = ("prompt" if causal else "passage",)
    settings = [
        *(setting for setting in mixed(space) if setting.segments is None),
        Setting("target", late, segments=part),
        Setting("target", late, readout=True),
        Setting("complement", late - 9, op=Op.SCALE, amount=0.5, invert=True, segments=part, readout=True),
        Setting("target", late, op=Op.INPUT),
    ]
    sources = sources_for(host, batch, settings, space, "pad_query_and_passage")
    target = host.target(TargetSpec(), batch)
    every = [Cell(example, setting) for setting in settings for example in range(len(examples))]
    alone = [responses(host, batch, target, [cell], space, sources, rows=1, reuse=False)[0] for cell in every]
    drawn = np.random.default_rng(0).integers(0, len(every), size=40)
    answers = responses(host, batch, target, [every[number] for number in drawn], space, sources, rows=rows)
    np.testing.assert_allclose(answers, np.asarray(alone)[drawn], atol=1e-6 if family == "T5" else 1e-11)


def test_an_edit_at_the_read_out_leaves_the_other_tokens(bert: ModelHost) -> None:
    batch, space, site = bert.encode([PAIR]), bert.space("ffn"), Site(1, SiteKind.MID)
    edits = compile_edits(space, [Cell(0, Setting("target", members(30, 31), readout=True))], Sources())
    before = bert.run(batch, None, record=[site]).value(site)
    after = bert.run(batch, None, record=[site], edits=edits).value(site)
    assert (after != before).nonzero().tolist() == [[0, 0, 6], [0, 0, 7]] and float(after[0, 0, 6]) == 0
