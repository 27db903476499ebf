"""Writing with and without edits, against the library and against whole passes (tiny models, float64)."""

import pytest
import torch
from tiny import FAMILIES, family_of, tiny_host

from app.domain.errors import BadInput, Unsupported
from app.domain.examples import Example
from app.domain.positions import GENERATED, Positions
from app.domain.sites import Site, SiteKind
from app.models.encoding import Batch
from app.models.generation import Generation
from app.models.host import ModelHost

LOOSE = {"Llama", "Mistral", "Qwen2", "Qwen3", "Gemma", "Phi-3"}  # norms or rotations in float32
CAUSAL = tuple(name for name in FAMILIES if family_of(name).shape == "decoder")
TEXTS = ("what causes rain because clouds hold", "the", "a lazy dog jumps over the plain in spain")
NEW = 12


@pytest.fixture(scope="module", params=CAUSAL)
def host(request: pytest.FixtureRequest) -> ModelHost:
    return tiny_host(request.param)


def prompts(host: ModelHost, texts: tuple[str, ...] = TEXTS) -> Batch:
    return host.encode([Example(str(number), text) for number, text in enumerate(texts)])


def by_the_library(host: ModelHost, text: str) -> list[int]:
    inputs = prompts(host, (text,)).inputs
    whole = host.model.generate(**inputs, do_sample=False, max_new_tokens=NEW, pad_token_id=0)
    return whole[0, inputs["input_ids"].shape[1] :].tolist()


def own(generation: Generation, row: int) -> list[int]:
    """Tokens that a row has before it ended."""
    return generation.tokens[row, : int(generation.lengths[row])].tolist()


def other_units(value: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Units of every token, those written a little more, so that an edit has to know its batch."""
    more = batch.where(Positions((GENERATED,))) if "generated" in batch.segments else torch.zeros_like(batch.mask)
    return 1.5 * value + 0.25 * more[..., None]


def slow(host: ModelHost, batch: Batch, edits: dict) -> tuple[list[int], list[float]]:
    """One prompt written on by whole passes."""
    tokens: list[int] = []
    logs: list[float] = []
    ends = torch.as_tensor(host.model.generation_config.eos_token_id).flatten().tolist()
    while len(tokens) < NEW and not (tokens and tokens[-1] in ends):
        scores = host.run(batch, None, edits=edits).logits.log_softmax(1)[0]
        tokens.append(int(scores.argmax()))
        logs.append(float(scores.max()))
        batch = batch.followed(torch.tensor(tokens[-1:]), ["x"])
    return tokens, logs


def test_without_edits_it_writes_what_the_library_writes(host: ModelHost) -> None:
    """Prompts of different lengths together, against one at a time."""
    generation = host.generate(prompts(host), NEW)
    assert generation.tokens.shape == generation.log_probabilities.shape and len(generation.texts) == 3
    for row, text in enumerate(TEXTS):
        assert own(generation, row) == by_the_library(host, text)
        assert generation.texts[row] == host.tokenizer.decode(own(generation, row), skip_special_tokens=True)


def test_together_is_one_by_one(host: ModelHost) -> None:
    generation = host.generate(prompts(host), NEW)
    for row, text in enumerate(TEXTS):
        alone = host.generate(prompts(host, (text,)), NEW)
        assert own(alone, 0) == own(generation, row) and alone.texts[0] == generation.texts[row]
        logs = generation.log_probabilities[row, : alone.tokens.shape[1]]
        atol = 1e-4 if host.card.family in LOOSE else 1e-8
        torch.testing.assert_close(alone.log_probabilities[0], logs, rtol=0, atol=atol)


def test_with_edits_it_writes_what_whole_passes_write(host: ModelHost) -> None:
    edits = {Site(1, SiteKind.MID): (other_units,), Site(0, SiteKind.HEAD): (lambda value, _: 0.5 * value,)}
    generation, plain = host.generate(prompts(host), NEW, edits=edits), host.generate(prompts(host), NEW)
    assert [own(generation, row) for row in range(3)] != [own(plain, row) for row in range(3)]
    for row, text in enumerate(TEXTS):
        tokens, logs = slow(host, prompts(host, (text,)), edits)
        assert own(generation, row) == tokens
        expected = torch.tensor(logs, dtype=torch.float64)
        atol = 1e-4 if host.card.family in LOOSE else 1e-8
        torch.testing.assert_close(generation.log_probabilities[row, : len(tokens)], expected, rtol=0, atol=atol)


@pytest.mark.parametrize("name", ["Mistral", "Phi-3"])
def test_a_model_with_a_short_look_back_writes_too(name: str) -> None:
    host = tiny_host(name)
    whole = host.generate(prompts(host, TEXTS[:1]), NEW)
    host.model.config.sliding_window = 3
    alone = host.generate(prompts(host, TEXTS[:1]), NEW)
    assert own(alone, 0) == by_the_library(host, TEXTS[0]) == slow(host, prompts(host, TEXTS[:1]), {})[0]
    assert own(alone, 0) != own(whole, 0)
    with pytest.raises(Unsupported, match="looks 3 tokens back"):
        host.generate(prompts(host), NEW)


def test_a_row_ends_at_the_token_that_ends_texts() -> None:
    host = tiny_host("GPT-2")
    first = host.generate(prompts(host), NEW)
    end = int(first.tokens[0, 2])
    host.model.generation_config.eos_token_id = [end, 2]
    generation = host.generate(prompts(host), NEW)
    at = first.tokens[0].tolist().index(end)
    assert own(generation, 0) == first.tokens[0, : at + 1].tolist() and int(generation.lengths[0]) == at + 1
    assert generation.tokens[0, at + 1 :].eq(0).all() and generation.log_probabilities[0, at + 1 :].eq(0).all()
    host.model.generation_config.eos_token_id = torch.unique(first.tokens[:, 0]).tolist()
    assert host.generate(prompts(host), NEW).tokens.tolist() == first.tokens[:, :1].tolist()


def test_what_cannot_be_written_is_refused(bert: ModelHost) -> None:
    host = tiny_host("GPT-2")
    for count in (0, 60):
        with pytest.raises(BadInput, match="new tokens"):
            host.generate(prompts(host), count)
    with pytest.raises(Unsupported, match="causal language model"):
        bert.generate(bert.encode([Example("0", "rain", "falls")]), 3)
    with pytest.raises(ZeroDivisionError):
        host.generate(prompts(host), 2, edits={Site(1, SiteKind.MID): (lambda *_: 1 / 0,)})
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in host.model.modules())


def test_generated_tokens_are_a_part_of_their_own() -> None:
    host = tiny_host("Llama")
    batch = prompts(host)
    longer = batch.followed(torch.tensor([5, 6, 7]), ["x", "y", "z"])
    longer = longer.followed(torch.tensor([8, 9, 10]), ["p", "q", "r"])
    assert longer.where(Positions((GENERATED,))).sum(1).tolist() == [2, 2, 2]
    assert torch.equal(longer.where(Positions(("prompt",))).sum(1), batch.where(Positions(("prompt",))).sum(1))
    assert longer.inputs["input_ids"][1, :4].tolist() == [int(batch.inputs["input_ids"][1, 0]), 6, 9, 0]
    assert [spans[-1].text for spans in longer.spans] == ["p", "q", "r"] and "generated" in longer.special
    assert torch.equal(longer.readout, longer.mask.sum(1) - 1)


@pytest.mark.parametrize(
    ("positions", "expected"),
    [
        (Positions(generated=1), [[], [6], [7], [8], [9]]),
        (Positions(generated=2), [[], [6], [], [8], []]),
        (Positions(generated=3), [[], [6], [], [], [9]]),
        (Positions(readout=True), [[5], [6], [7], [8], [9]]),
        (Positions(("prompt",), generated=4), [[0, 1, 2, 3, 4, 5], [6], [], [], []]),
    ],
)
def test_positions_count_over_the_whole_text(
    host: ModelHost, positions: Positions, expected: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not over the one token that a pass runs: every second written token is every second one of the text."""
    monkeypatch.setattr(host.model.generation_config, "eos_token_id", [99999])
    passes = []

    def watch(value: torch.Tensor, part: Batch) -> torch.Tensor:
        first = int(part.inputs["position_ids"][0, 0])
        passes.append([first + int(at) for at in part.where(positions, value.shape[1])[0].nonzero()])
        return value

    host.generate(prompts(host, TEXTS[:1]), 5, edits={Site(1, SiteKind.MID): (watch,)})
    assert passes == expected


@pytest.mark.parametrize("every", [1, 2, 3])
@pytest.mark.parametrize("readout", [True, False])
def test_edits_at_some_written_tokens_against_whole_passes(host: ModelHost, every: int, readout: bool) -> None:
    """Each whole pass edits the same places: what was written, and what was the newest token, until then."""
    batch, positions = prompts(host), Positions(readout=readout, generated=every)

    def edit(value: torch.Tensor, part: Batch) -> torch.Tensor:
        return torch.where(part.where(positions, value.shape[1])[..., None], value * -40, value)

    generation = host.generate(batch, NEW, edits={Site(1, SiteKind.MID): (edit,)})
    for row, text in enumerate(TEXTS):
        prompt = prompts(host, (text,))

        def by_hand(value: torch.Tensor, _: Batch, first: int = prompt.mask.shape[1]) -> torch.Tensor:
            place = torch.arange(value.shape[1]) - first
            where = (place >= 0) & (place % every == 0) | (place >= -1) & readout
            return torch.where(where[:, None], value * -40, value)

        assert own(generation, row) == slow(host, prompt, {Site(1, SiteKind.MID): (by_hand,)})[0]
