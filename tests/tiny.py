"""Tiny random models with tokenizers made on the spot, for tests only."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from app.domain.model_card import ModelCard
from app.models.architectures import architectures
from app.models.architectures.base import Architecture
from app.models.host import ModelHost
from app.models.probing import encoder_of, host_of
from app.models.tasks import readings as tasks_of
from app.models.tasks import tasks
from app.models.tasks.base import Task

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
ENCODERS = tuple(family.family for family in architectures() if family.shape == "encoder")
USUAL = {"encoder": "pair", "decoder": "causal", "encoder-decoder": "yes_no"}
"""How a tiny model of a family is read, unless a test asks for another way."""


def family_of(name: str) -> Architecture:
    """The declaration of a family by its shown name."""
    return next(family for family in architectures() if family.family == name)


def readings(name: str) -> tuple[str, ...]:
    """Keys of the ways in which a family can be read."""
    return tuple(task.key for task in tasks_of(family_of(name)))


def tiny_tokenizer(family: Architecture) -> Any:
    """A small tokenizer with the special tokens and the input form of its family."""
    roberta = family.family in ("RoBERTa", "XLM-R")
    if family.shape == "encoder":
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
    elif family.shape == "encoder":
        core.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]",
            pair="[CLS] $A [SEP] $B:1 [SEP]:1",
            special_tokens=[(n, at[n]) for n in ("[CLS]", "[SEP]")],
        )
        more |= {"cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    elif family.shape == "encoder-decoder":
        core.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", at["</s>"])])
        more |= {"eos_token": "</s>"}
    types = ["input_ids", "attention_mask"]
    if family.family in ("BERT", "ELECTRA"):
        types.append("token_type_ids")
    return PreTrainedTokenizerFast(tokenizer_object=core, model_max_length=64, model_input_names=types, **more)


def tiny_model(family: Architecture, task: Task, labels: int, seed: int, vocabulary: int) -> Any:
    """A random model, with weights large enough that scores differ visibly."""
    config = family.tiny(labels, vocabulary)
    config.num_labels = labels if task.labelled else 2
    torch.manual_seed(seed)
    model = task.loader.from_config(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() == 2 and "embed" not in name:
                weight.normal_(0, 0.35)
            elif weight.dim() == 2:
                weight.normal_(0, 0.6)
    return model.eval()


def tiny_host(
    name: str = "BERT",
    labels: int = 1,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
    task: str | None = None,
) -> ModelHost:
    """A host of a tiny random model, self-checked like a real one; ``task`` is the way in which it is read."""
    family = family_of(name)
    tokenizer, reading = tiny_tokenizer(family), tasks()[task or USUAL[family.shape]]
    model = tiny_model(family, reading, labels, seed, len(tokenizer)).to(dtype)
    names: Sequence[str] = [f"LABEL_{n}" for n in range(labels)] if reading.labelled else []
    fitting = [other.key for other in tasks().values() if other.heads == reading.heads]
    ways = tuple(sorted(fitting, key=lambda key: key != reading.key))
    card = ModelCard(
        slug=f"tiny-{name}",
        source="test",
        revision="local",
        weights_hash=f"{name}{labels}{seed}",
        family=name,
        task=reading.key,
        tasks=ways,
        layers=0,
        hidden=0,
        heads=0,
        labels=tuple(names),
        relevant_label=None if not reading.labelled else labels - 1 if labels < 3 else None,
        max_length=64,
        dtype=str(dtype).removeprefix("torch."),
        device="cpu",
        parameters=sum(p.numel() for p in model.parameters()),
        bytes=0,
        widths={},
    )
    return host_of(model, encoder_of(tokenizer, ways, family, 64, 0), family, card)


def save_tiny(folder: Path, name: str = "BERT", labels: int = 1, seed: int = 0, task: str | None = None) -> Path:
    """A tiny model as an ordinary folder; a task other than its head's first is named in golgi.json."""
    family = family_of(name)
    tokenizer, reading = tiny_tokenizer(family), tasks()[task or USUAL[family.shape]]
    tiny_model(family, reading, labels, seed, len(tokenizer)).float().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if reading.order:
        (folder / "golgi.json").write_text(json.dumps({"task": reading.key}), encoding="utf-8")
    return folder
