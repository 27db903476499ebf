"""Families of an encoder that a decoder reads."""

from typing import Any

from transformers import T5Config

from app.models.architectures.base import Architecture, Stack, plain_block

ATTENTION = ("layer.0.SelfAttention.q", "layer.0.SelfAttention.k", "layer.0.SelfAttention.v")


def _block(dense: str) -> Any:
    return plain_block(
        ATTENTION,
        "layer.0.SelfAttention.o",
        f"{dense}.wi_1|{dense}.wi",
        f"{dense}.wo",
        f"{dense}.wi_0",
    )


def _t5(labels: int, vocabulary: int) -> Any:
    return T5Config(
        vocab_size=vocabulary,
        d_model=16,
        d_kv=4,
        d_ff=24,
        num_layers=3,
        num_decoder_layers=2,
        num_heads=4,
        feed_forward_proj="gated-gelu" if labels == 2 else "relu",
        decoder_start_token_id=0,
        pad_token_id=0,
        eos_token_id=1,
    )


ARCHITECTURES = (
    Architecture(
        "T5",
        ("t5", "mt5"),
        "encoder.embed_tokens",
        (
            Stack("encoder.block", _block("layer.1.DenseReluDense")),
            Stack("decoder.block", _block("layer.2.DenseReluDense"), complete="last", causal=True),
        ),
        _t5,
    ),
)
