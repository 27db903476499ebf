"""Families whose tokens see only those before them."""

from collections.abc import Callable, Mapping
from typing import Any

from transformers import (
    GemmaConfig,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    MistralConfig,
    OPTConfig,
    Phi3Config,
    Qwen2Config,
    Qwen3Config,
)

from app.domain.sites import SiteKind
from app.models.architectures.base import Architecture, Part, Stack, Tap, fused_qkv, plain_block

SMALL: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 72,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
LLAMA_BLOCK = plain_block(
    ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "self_attn.o_proj",
    "mlp.up_proj",
    "mlp.down_proj",
    "mlp.gate_proj",
)
PHI3_BLOCK = {
    **LLAMA_BLOCK,
    **fused_qkv("self_attn.qkv_proj", "grouped"),
    SiteKind.GATE: Tap("mlp.gate_up_proj", "out", Part("even", 0, 2)),
    SiteKind.UP: Tap("mlp.gate_up_proj", "out", Part("even", 1, 2)),
}
GPT2_BLOCK = {
    **plain_block(("", "", ""), "attn.c_proj", "mlp.c_fc", "mlp.c_proj"),
    **fused_qkv("attn.c_attn", "even"),
}
NEOX_BLOCK = {
    **plain_block(("", "", ""), "attention.dense", "mlp.dense_h_to_4h", "mlp.dense_4h_to_h"),
    **fused_qkv("attention.query_key_value", "per_head"),
}
OPT_BLOCK = plain_block(
    ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"), "self_attn.out_proj", "fc1", "fc2"
)


def _gpt2(labels: int, vocabulary: int) -> Any:
    return GPT2Config(
        vocab_size=vocabulary,
        n_embd=16,
        n_layer=3,
        n_head=4,
        n_inner=24,
        n_positions=72,
        bos_token_id=1,
        eos_token_id=2,
    )


def _neox(labels: int, vocabulary: int) -> Any:
    sizes = {name: value for name, value in SMALL.items() if name != "num_key_value_heads"}
    return GPTNeoXConfig(vocab_size=vocabulary, **sizes)


def _opt(labels: int, vocabulary: int) -> Any:
    return OPTConfig(
        vocab_size=vocabulary,
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=4,
        ffn_dim=24,
        max_position_embeddings=72,
        word_embed_proj_dim=16,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )


def _llama(labels: int, vocabulary: int) -> Any:
    return LlamaConfig(vocab_size=vocabulary, **SMALL)


def _mistral(labels: int, vocabulary: int) -> Any:
    return MistralConfig(vocab_size=vocabulary, sliding_window=None, head_dim=4, **SMALL)


def _qwen2(labels: int, vocabulary: int) -> Any:
    return Qwen2Config(vocab_size=vocabulary, **SMALL)


def _qwen3(labels: int, vocabulary: int) -> Any:
    return Qwen3Config(vocab_size=vocabulary, head_dim=4, **SMALL)


def _gemma(labels: int, vocabulary: int) -> Any:
    return GemmaConfig(vocab_size=vocabulary, head_dim=4, **SMALL)


def _phi3(labels: int, vocabulary: int) -> Any:
    return Phi3Config(vocab_size=vocabulary, **SMALL)


def _causal(
    family: str,
    claims: tuple[str, ...],
    words: str,
    blocks: str,
    norm: str,
    taps: Mapping[SiteKind, Tap],
    tiny: Callable[[int, int], Any],
    final_map: str | None = None,
) -> Architecture:
    stack = Stack(blocks, taps, loop=True, causal=True)
    return Architecture(family, claims, words, (stack,), tiny, final_norm=norm, final_map=final_map)


OPT_ENDS = ("decoder.embed_tokens", "decoder.layers", "decoder.final_layer_norm")
LLAMA_ENDS = ("embed_tokens", "layers", "norm")
ARCHITECTURES = (
    _causal("GPT-2", ("gpt2",), "wte", "h", "ln_f", GPT2_BLOCK, _gpt2),
    _causal("GPT-NeoX", ("gpt_neox",), "embed_in", "layers", "final_layer_norm", NEOX_BLOCK, _neox),
    _causal("OPT", ("opt",), *OPT_ENDS, OPT_BLOCK, _opt, "decoder.project_out"),
    _causal("Llama", ("llama",), *LLAMA_ENDS, LLAMA_BLOCK, _llama),
    _causal("Mistral", ("mistral",), *LLAMA_ENDS, LLAMA_BLOCK, _mistral),
    _causal("Qwen2", ("qwen2",), *LLAMA_ENDS, LLAMA_BLOCK, _qwen2),
    _causal("Qwen3", ("qwen3",), *LLAMA_ENDS, LLAMA_BLOCK, _qwen3),
    _causal("Gemma", ("gemma",), *LLAMA_ENDS, LLAMA_BLOCK, _gemma),
    _causal("Phi-3", ("phi3",), *LLAMA_ENDS, PHI3_BLOCK, _phi3),
)
