"""What some attention heads of the demo language model begin as, since a small model finds it late by itself.

In the first block one head looks one token back and one two tokens back. In the second, one goes on as before (it looks
for the current token behind earlier ones and copies what came then) and one looks up (it looks for the last token among
earlier ones and copies what stood two tokens before each, as the letter of an option does). In the third one looks
up the token that is about to be said. Training goes on from there.
"""

import math
from typing import Any

import torch
from torch import Tensor

PEAK, PAIRS, MATCH, WRITE = 40.0, 6, 3.0, 0.1
"""Score at the place looked at, rotating pairs that tell places, scale of a match, scale of what is copied."""


@torch.no_grad()
def set_heads(model: Any, seed: int) -> None:
    """Set heads of a random Llama of three blocks or more and give all its words one direction in common."""
    width, heads = model.config.hidden_size, model.config.num_attention_heads
    size = width // heads
    draw = torch.Generator().manual_seed(seed)
    basis = torch.linalg.qr(torch.randn(width, width, generator=draw)).Q.T
    common, own, before = basis[0], basis[1 : 1 + size], basis[1 + size : 1 + 2 * size]
    letter, label = basis[1 + 2 * size : 1 + 3 * size], torch.linalg.qr(torch.randn(width, size, generator=draw)).Q.T
    words = model.model.embed_tokens.weight
    words += common * words.norm(dim=1).mean()
    first, second = (model.model.layers[at].self_attn for at in (0, 1))
    rates = _rates(model.config, size)
    for at, (read, written, back) in enumerate(((own, before, 1), (label, letter, 2))):
        query, key = _places(rates, size, back)
        strength = math.sqrt(PEAK * math.sqrt(size) / PAIRS) / math.sqrt(width / 2)
        _put(first, at, size, strength * torch.outer(query, common), strength * torch.outer(key, common))
        _copy(first, at, size, read, WRITE * written)
    still = (rates < 0.003).repeat(2)[:, None]  # pairs that hardly turn within a prompt
    _put(second, 0, size, MATCH * own * still, MATCH * before * still)
    _copy(second, 0, size, own, WRITE * own)
    _put(second, 1, size, MATCH * before * still, MATCH * own * still)
    _copy(second, 1, size, letter, WRITE * label)
    third = model.model.layers[2].self_attn
    _put(third, 0, size, MATCH * own * still, MATCH * own * still)
    _copy(third, 0, size, letter, WRITE * label)


def _rates(config: Any, size: int) -> Tensor:
    """[size / 2] radians that each pair of dimensions turns from one token to the next."""
    theta = config.rope_parameters["rope_theta"]
    rates: Tensor = theta ** (-torch.arange(0, size, 2) / size)
    return rates


def _places(rates: Tensor, size: int, back: int) -> tuple[Tensor, Tensor]:
    """[size] query and key whose product is largest ``back`` tokens ago, whatever the tokens are."""
    query, key, half = torch.zeros(size), torch.zeros(size), size // 2
    angles = back * rates[:PAIRS]
    query[:PAIRS], query[half : half + PAIRS] = angles.cos(), -angles.sin()
    key[:PAIRS] = 1.0
    return query, key


def _put(attention: Any, head: int, size: int, query: Tensor, key: Tensor) -> None:
    rows = slice(head * size, (head + 1) * size)
    attention.q_proj.weight[rows] = query
    attention.k_proj.weight[rows] = key


def _copy(attention: Any, head: int, size: int, read: Tensor, written: Tensor) -> None:
    rows = slice(head * size, (head + 1) * size)
    attention.v_proj.weight[rows] = read
    attention.o_proj.weight[:, rows] = written.T
