"""Families whose tokens see all others."""

from typing import Any

from transformers import (
    BertConfig,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    ModernBertConfig,
    RobertaConfig,
    XLMRobertaConfig,
)

from app.domain.sites import SiteKind
from app.models.architectures.base import Architecture, Part, Stack, Tap, fused_qkv, plain_block

SMALL: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": 72,
}
BERT_BLOCK = plain_block(
    ("attention.self.query", "attention.self.key", "attention.self.value"),
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)
DEBERTA_BLOCK = plain_block(
    ("attention.self.query_proj", "attention.self.key_proj", "attention.self.value_proj"),
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)
DISTIL_BLOCK = plain_block(
    ("attention.q_lin", "attention.k_lin", "attention.v_lin"), "attention.out_lin", "ffn.lin1", "ffn.lin2"
)
MODERN_BLOCK = {
    SiteKind.RESID: Tap("", "out"),
    **fused_qkv("attn.Wqkv", "even"),
    SiteKind.HEAD: Tap("attn.Wo", "in"),
    SiteKind.ATTN_OUT: Tap("attn.Wo", "out"),
    SiteKind.GATE: Tap("mlp.Wi", "out", Part("even", 0, 2)),
    SiteKind.UP: Tap("mlp.Wi", "out", Part("even", 1, 2)),
    SiteKind.MID: Tap("mlp.Wo", "in"),
    SiteKind.MLP_OUT: Tap("mlp.Wo", "out"),
}


def _bert(labels: int, vocabulary: int) -> Any:
    return BertConfig(vocab_size=vocabulary, num_labels=labels, pad_token_id=0, **SMALL)


def _roberta(labels: int, vocabulary: int) -> Any:
    return RobertaConfig(vocab_size=vocabulary, num_labels=labels, type_vocab_size=1, pad_token_id=1, **SMALL)


def _xlm_roberta(labels: int, vocabulary: int) -> Any:
    return XLMRobertaConfig(vocab_size=vocabulary, num_labels=labels, type_vocab_size=1, pad_token_id=1, **SMALL)


def _electra(labels: int, vocabulary: int) -> Any:
    return ElectraConfig(vocab_size=vocabulary, num_labels=labels, embedding_size=12, pad_token_id=0, **SMALL)


def _distilbert(labels: int, vocabulary: int) -> Any:
    return DistilBertConfig(
        vocab_size=vocabulary, num_labels=labels, dim=16, n_layers=3, n_heads=4, hidden_dim=24, pad_token_id=0
    )


def _deberta(labels: int, vocabulary: int) -> Any:
    return DebertaV2Config(
        vocab_size=vocabulary,
        num_labels=labels,
        relative_attention=True,
        position_buckets=8,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        pos_att_type=["p2c", "c2p"],
        position_biased_input=False,
        type_vocab_size=0,
        pad_token_id=0,
        **SMALL,
    )


def _modernbert(labels: int, vocabulary: int) -> Any:
    return ModernBertConfig(
        vocab_size=vocabulary,
        num_labels=labels,
        pad_token_id=0,
        global_attn_every_n_layers=2,
        local_attention=8,
        **SMALL,
    )


WORDS = "embeddings.word_embeddings"
ARCHITECTURES = (
    Architecture("BERT", ("bert",), WORDS, (Stack("encoder.layer", BERT_BLOCK, loop=True),), _bert),
    Architecture("RoBERTa", ("roberta",), WORDS, (Stack("encoder.layer", BERT_BLOCK, loop=True),), _roberta),
    Architecture("XLM-R", ("xlm-roberta",), WORDS, (Stack("encoder.layer", BERT_BLOCK, loop=True),), _xlm_roberta),
    Architecture("ELECTRA", ("electra",), WORDS, (Stack("encoder.layer", BERT_BLOCK, loop=True),), _electra),
    Architecture(
        "DistilBERT",
        ("distilbert",),
        WORDS,
        (Stack("transformer.layer", DISTIL_BLOCK, loop=True),),
        _distilbert,
    ),
    Architecture("DeBERTa-v2/v3", ("deberta-v2",), WORDS, (Stack("encoder.layer", DEBERTA_BLOCK),), _deberta),
    Architecture(
        "ModernBERT",
        ("modernbert",),
        "embeddings.tok_embeddings",
        (Stack("layers", MODERN_BLOCK, loop=True),),
        _modernbert,
    ),
)
