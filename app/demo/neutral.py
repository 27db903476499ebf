"""Fit the [PAD] row of the re-ranker, so that inputs filled with it say nothing: ``python -m app.demo.neutral``.

A path of attribution starts at the pair with its query, its passage or both replaced by [PAD] (``nig.md`` section 4).
Training never shows the model such an input, and two equal halves look like a perfect match to it. No real input
attends to [PAD], so this row alone can be fitted without changing any ranking.
"""

import argparse
import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import smooth_l1_loss
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from app.demo.average import WEIGHTS
from app.demo.corpora import IN_DOMAIN, splits

log = logging.getLogger(__name__)
ROW = "bert.embeddings.word_embeddings.weight"
LENGTHS = (32, 64, 128, 256, 320)
Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Blanks:
    """Pairs of one batch, and which positions [PAD] fills: both texts, the query, or the passage.

    ``ids``, ``segments``, ``mask`` [B, T]; ``filled`` three of [B, T], in that order.
    """

    ids: Tensor
    segments: Tensor
    mask: Tensor
    filled: tuple[Tensor, Tensor, Tensor]


def blanks(tokenizer: Any, pairs: Pairs, length: int) -> Blanks:
    """The pairs cut to a length, with the positions that hold neither a special token nor batch padding."""
    texts = [query for query, _ in pairs], [passage for _, passage in pairs]
    inputs = tokenizer(*texts, truncation="longest_first", max_length=length, padding=True, return_tensors="pt")
    ids, segments, mask = inputs["input_ids"], inputs["token_type_ids"], inputs["attention_mask"]
    special = torch.isin(ids, torch.tensor(tokenizer.all_special_ids)) & (ids != tokenizer.unk_token_id)
    text = ~special & mask.bool()
    return Blanks(ids, segments, mask, (text, text & (segments == 0), text & (segments == 1)))


def logits(model: Any, row: Tensor, batch: Blanks, filled: Tensor) -> Tensor:
    """[B] relevance logits with this embedding row at the filled positions, which are attended to."""
    words = model.get_input_embeddings().weight[batch.ids]
    embeds = torch.where(filled[..., None], row, words)
    output = model(inputs_embeds=embeds, token_type_ids=batch.segments, attention_mask=batch.mask)
    relevance: Tensor = output.logits[:, 0]
    return relevance


def fitted(model: Any, tokenizer: Any, pairs: Pairs, args: argparse.Namespace) -> Tensor:
    """[D] the row that brings every such input near the wished logit; inputs with both texts filled weigh most."""
    model.requires_grad_(False)
    row = torch.nn.Parameter(model.get_input_embeddings().weight[tokenizer.pad_token_id].clone())
    optimiser = torch.optim.AdamW([row], lr=args.rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 - step / args.steps)
    draw = random.Random(args.seed)
    for step in range(args.steps):
        batch = blanks(tokenizer, draw.sample(pairs, min(args.batch, len(pairs))), draw.choice(LENGTHS))
        scores_by_filling = [logits(model, row, batch, filled) for filled in batch.filled]
        losses = [smooth_l1_loss(scores, torch.full_like(scores, args.logit)) for scores in scores_by_filling]
        loss = args.weight * losses[0] + losses[1] + losses[2]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 25 == 24:
            means = [round(float(scores.detach().mean()), 2) for scores in scores_by_filling]
            log.info("step %d: loss %.3f, means %s", step + 1, float(loss.detach()), means)
    return row.detach()


def written(folder: Path, row: Tensor, pad: int) -> None:
    """Put the row into the folder's weights, in half precision; every other number stays as it is."""
    parts = load_file(folder / WEIGHTS)
    parts[ROW][pad] = row.to(parts[ROW].dtype)
    save_file(parts, folder / WEIGHTS, metadata={"format": "pt"})


def training_pairs(data: Path, count: int, seed: int) -> Pairs:
    """Training queries with random training passages of the same set, as many of each set."""
    draw = random.Random(seed)
    pairs: list[tuple[str, str]] = []
    for name, split in splits(data).items():
        if name in IN_DOMAIN:
            queries, passages = list(split.train_queries.values()), sorted(split.train_passages)
            texts = split.corpus.passages
            pairs += [(draw.choice(queries), texts[draw.choice(passages)]) for _ in range(count // len(IN_DOMAIN))]
    return pairs


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("models_cache/golgi-demo-reranker"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--logit", type=float, default=-2.0, help="wished of every filled input")
    parser.add_argument("--weight", type=float, default=3.0, help="of the inputs with both texts filled")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--rate", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=13)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    model = AutoModelForSequenceClassification.from_pretrained(args.model, dtype=torch.float32).eval()
    pairs = training_pairs(args.data, 600, args.seed)
    written(args.model, fitted(model, tokenizer, pairs, args), tokenizer.pad_token_id)


if __name__ == "__main__":
    main()
