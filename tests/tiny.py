"""Tiny random models with tokenizers made on the spot, for tests only."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    PreTrainedTokenizerFast,
    T5ForConditionalGeneration,
)

from app.domain.model_card import ModelCard
from app.models.architectures import architectures
from app.models.architectures.base import Architecture
from app.models.encoding import Encoder
from app.models.host import ModelHost
from app.models.loading import host_of

TEXT = [
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "a",
    "lazy",
    "dog",
    "while",
    "neurons",
    "fire",
    "true",
    "false",
    "query",
    "document",
    "relevant",
    "yes",
    "no",
    "what",
    "causes",
    "rain",
    "in",
    "spain",
    "rain",
    "falls",
    "mainly",
    "on",
    "the",
    "plain",
    "because",
    "clouds",
    "hold",
    "water",
    "a",
    "b",
    "c",
    "d",
    "e",
    "f",
    "g",
    "h",
]
FAMILIES = tuple(family.family for family in architectures())
ENCODERS = tuple(family.family for family in architectures() if "ranker" in family.tasks)


def family_of(name: str) -> Architecture:
    """The declaration of a family by its shown name."""
    return next(family for family in architectures() if family.family == name)


def tiny_tokenizer(family: Architecture) -> Any:
    """A small tokenizer with the special tokens and the input form of its family."""
    roberta = family.family in ("RoBERTa", "XLM-R")
    if family.tasks[0] == "ranker":
        names = (
            ["<s>", "<pad>", "</s>", "<unk>", "<mask>"] if roberta else ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        )
        unk = "<unk>" if roberta else "[UNK]"
    else:
        names, unk = ["<pad>", "</s>", "<unk>"], "<unk>"
    letters = sorted({letter for word in TEXT for letter in word})
    pieces = [*names, *letters, *[f"##{letter}" for letter in letters], *sorted(set(TEXT) - set(letters))]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    core: Any = Tokenizer(models.WordPiece(vocab=vocabulary, unk_token=unk))
    core.normalizer = normalizers.Lowercase()
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    core.decoder = decoders.WordPiece()
    more: dict[str, Any] = {"unk_token": unk, "pad_token": "<pad>" if unk == "<unk>" else "[PAD]"}
    at = {name: number for number, name in enumerate(names)}
    if roberta:
        core.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[(n, at[n]) for n in ("<s>", "</s>")]
        )
        more |= {"cls_token": "<s>", "sep_token": "</s>", "mask_token": "<mask>"}
    elif family.tasks[0] == "ranker":
        core.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]",
            pair="[CLS] $A [SEP] $B:1 [SEP]:1",
            special_tokens=[(n, at[n]) for n in ("[CLS]", "[SEP]")],
        )
        more |= {"cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    elif family.tasks[0] == "yes_no":
        core.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", at["</s>"])])
        more |= {"eos_token": "</s>"}
    types = ["input_ids", "attention_mask"]
    if family.family in ("BERT", "ELECTRA"):
        types.append("token_type_ids")
    return PreTrainedTokenizerFast(tokenizer_object=core, model_max_length=64, model_input_names=types, **more)


def tiny_model(family: Architecture, labels: int, seed: int, vocabulary: int) -> Any:
    """A random model, with weights large enough that scores differ visibly."""
    config = family.tiny(labels, vocabulary)
    torch.manual_seed(seed)
    makers: dict[str, Any] = {
        "ranker": AutoModelForSequenceClassification.from_config,
        "causal_lm": AutoModelForCausalLM.from_config,
        "yes_no": T5ForConditionalGeneration,
    }
    model = makers[family.tasks[0]](config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() == 2 and "embed" not in name:
                weight.normal_(0, 0.35)
            elif weight.dim() == 2:
                weight.normal_(0, 0.6)
    return model.eval()


def tiny_host(name: str = "BERT", labels: int = 1, seed: int = 0, dtype: torch.dtype = torch.float64) -> ModelHost:
    """A host of a tiny random model, self-checked like a real one."""
    family = family_of(name)
    tokenizer = tiny_tokenizer(family)
    model = tiny_model(family, labels, seed, len(tokenizer)).to(dtype)
    task = family.tasks[0]
    names: Sequence[str] = [f"LABEL_{n}" for n in range(labels)] if task == "ranker" else []
    card = ModelCard(
        slug=f"tiny-{name}",
        source="test",
        revision="local",
        weights_hash=f"{name}{labels}{seed}",
        family=name,
        task=task,
        layers=0,
        hidden=0,
        heads=0,
        labels=tuple(names),
        relevant_label=None if task != "ranker" else labels - 1 if labels < 3 else None,
        max_length=64,
        dtype=str(dtype).removeprefix("torch."),
        device="cpu",
        parameters=sum(p.numel() for p in model.parameters()),
        bytes=0,
        widths={},
    )
    return host_of(model, Encoder(tokenizer, task, 64, 0), family, card)


def save_tiny(folder: Path, name: str = "BERT", labels: int = 1, seed: int = 0) -> Path:
    """A tiny model as an ordinary folder."""
    family = family_of(name)
    tokenizer = tiny_tokenizer(family)
    tiny_model(family, labels, seed, len(tokenizer)).float().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
