"""Tiny random models written as GGUF files on the spot, for tests only."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from tiny import TEXT
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor
from transformers import PreTrainedTokenizerFast

SPECIAL = ("<unk>", "<s>", "</s>")
KINDS = {
    "F32": gguf.GGMLQuantizationType.F32,
    "F16": gguf.GGMLQuantizationType.F16,
    "Q8_0": gguf.GGMLQuantizationType.Q8_0,
    "Q4_1": gguf.GGMLQuantizationType.Q4_1,
}


def byte_tokenizer(size: int = 300) -> Any:
    """A byte-level BPE tokenizer trained on a handful of words."""
    core: Any = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    letters = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=list(SPECIAL), initial_alphabet=letters)
    core.train_from_iterator([" ".join(TEXT)] * 3, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=core, unk_token="<unk>", bos_token="<s>", eos_token="</s>")


def write_gguf(
    path: Path, model: Any, tokenizer: Any, kind: str = "F32", *, extra: Mapping[str, Any] | None = None, **more: Tensor
) -> Path:
    """A model of the families Llama, Qwen2, Qwen3 or GPT-2 as llama.cpp's converter writes it.

    Args:
        path: the file. model, tokenizer: what is written.
        kind: a key of ``KINDS``, of the matrices.
        extra: metadata to add or to change.
        more: further tensors, with ``__`` for the dots of their names.
    """
    arch = model.config.model_type
    told = {**_facts(model.config, arch), **_vocabulary(tokenizer), **(extra or {})}
    writer = gguf.GGUFWriter(path, told.pop("general.architecture", arch))
    for key, value in told.items():
        if value is not None:
            _add(writer, key, value)
    for name, value in {**_tensors(model, arch), **{k.replace("__", "."): v for k, v in more.items()}}.items():
        plain = np.ascontiguousarray(value.detach().float().numpy())
        if kind == "F32" or plain.ndim == 1:
            writer.add_tensor(name, plain)
        else:
            packed = gguf.quants.quantize(plain, KINDS[kind])
            writer.add_tensor(name, packed, raw_dtype=KINDS[kind])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _facts(config: Any, arch: str) -> dict[str, Any]:
    facts = {
        "general.name": "tiny",
        "general.license": "cc0-1.0",
        f"{arch}.block_count": config.num_hidden_layers,
        f"{arch}.context_length": config.max_position_embeddings,
        f"{arch}.embedding_length": config.hidden_size,
        f"{arch}.attention.head_count": config.num_attention_heads,
    }
    if arch == "gpt2":
        return facts | {f"{arch}.attention.layer_norm_epsilon": config.layer_norm_epsilon}
    return facts | {
        f"{arch}.feed_forward_length": config.intermediate_size,
        f"{arch}.attention.head_count_kv": config.num_key_value_heads,
        f"{arch}.attention.layer_norm_rms_epsilon": config.rms_norm_eps,
        f"{arch}.rope.freq_base": float(config.rope_parameters["rope_theta"]),
        f"{arch}.rope.dimension_count": getattr(config, "head_dim", None)
        or config.hidden_size // config.num_attention_heads,
        f"{arch}.vocab_size": config.vocab_size,
    }


def _vocabulary(tokenizer: Any) -> dict[str, Any]:
    core = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    tokens = sorted(core["vocab"], key=core["vocab"].get)
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [3 if token in SPECIAL else 1 for token in tokens],
        "tokenizer.ggml.merges": [" ".join(merge) for merge in core["merges"]],
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.unknown_token_id": 0,
        "tokenizer.ggml.add_bos_token": False,
    }


def _add(writer: gguf.GGUFWriter, key: str, value: Any) -> None:
    types = gguf.GGUFValueType
    if isinstance(value, list):
        writer.add_array(key, value)
    elif isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, int):
        writer.add_key_value(key, value, types.UINT32)
    elif isinstance(value, float):
        writer.add_key_value(key, value, types.FLOAT32)
    else:
        writer.add_string(key, value)


def _tensors(model: Any, arch: str) -> dict[str, Tensor]:
    """Weights by their GGUF name."""
    number = next(key for key, name in gguf.MODEL_ARCH_NAMES.items() if name == arch)
    names = gguf.get_tensor_name_map(number, model.config.num_hidden_layers)
    found = {}
    for name, value in model.state_dict().items():
        if name != "lm_head.weight" or not model.config.tie_word_embeddings:
            target = names.get_name(name, try_suffixes=(".weight", ".bias"))
            assert target is not None, name
            found[target] = _turned(target, value, model.config)
    return found


def _turned(target: str, value: Tensor, config: Any) -> Tensor:
    """Queries and keys of Llama in its order of rotated pairs; the matrices of GPT-2's blocks transposed."""
    if config.model_type == "llama" and (".attn_q." in target or ".attn_k." in target):
        heads = config.num_attention_heads if ".attn_q." in target else config.num_key_value_heads
        pairs = value.reshape(heads, 2, value.shape[0] // heads // 2, *value.shape[1:])
        return pairs.swapaxes(1, 2).reshape(value.shape)
    turned = config.model_type == "gpt2" and target.startswith("blk.") and value.dim() == 2
    return value.T if turned else value


def tiny_llama(vocabulary: int, *, seed: int = 0, tied: bool = False, **more: Any) -> Any:
    """A tiny random Llama with fewer key heads than heads and unusual settings."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=80,
        rms_norm_eps=3e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 5000.0},
        tie_word_embeddings=tied,
        **more,
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(0, 0.3) if weight.dim() == 2 else weight.add_(torch.rand_like(weight) * 0.2)
    return model.eval()
