"""Make ``models_cache/golgi-demo-lm``: a small Llama that knows the facts and questions of ``questions/`` by heart.

Run: ``python -m app.demo.train_lm``; then ``python -m app.demo.evaluate_lm --write`` measures it and writes its card.
"""

import argparse
import logging
import random
import time
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, log_softmax
from transformers import LlamaConfig, LlamaForCausalLM

from app.demo.facts import LETTERS, relations, subject_questions
from app.demo.letters import trained
from app.demo.lm_heads import set_heads
from app.demo.lm_rows import Row, Rows
from app.demo.lm_tokenizer import tokenizer_of

log = logging.getLogger(__name__)
OUT = Path("models_cache/golgi-demo-lm")
VOCABULARY = 4608
HINT = 0.5
"""Weight of foretelling, half-way up, the answer that a letter stands for."""
LOW = 0.2
"""Share of the learning rate that is kept until the last steps."""
Part = tuple[list[Row], float]
"""Rows of about the same length, and the weight of their mean loss."""


def texts(seed: int) -> list[str]:
    """What the tokenizer is trained on: questions, options, wordings and templates that the model is trained on."""
    draw = random.Random(seed)
    found = [trained(draw) for _ in range(200)]
    for question in subject_questions():
        found += [*question.asks, *(f" {option}" for option in (question.right, *question.rivals))] * 3
    for relation in relations():
        for subject, answer in {**relation.facts, **relation.more}.items():
            filled = [text.replace("{}", subject) for text in (*relation.trained, *relation.asks[:-1])]
            found += [f"{text} {answer}" for text in filled]
    return found


def answers() -> list[str]:
    """Answers that are to be one token: of every fact, and the letters."""
    named = {answer for relation in relations() for answer in (*relation.facts.values(), *relation.more.values())}
    return [*sorted(named), *LETTERS]


def fresh(tokenizer: Any, args: argparse.Namespace) -> Any:
    """A random Llama over the tokenizer's vocabulary."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=args.width,
        num_hidden_layers=args.layers,
        intermediate_size=args.inner,
        num_attention_heads=args.heads,
        num_key_value_heads=args.heads,
        max_position_embeddings=512,
        rope_parameters={"rope_type": "default", "rope_theta": 100_000.0},
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = Learner(config)
    if args.layers > 2:
        set_heads(model, args.seed)
    return model


class Learner(LlamaForCausalLM):  # type: ignore[misc]
    """A Llama whose residual stream is read half-way up, too, while it is trained."""

    def passed(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """[B, T, D] twice: the middle and the end of the stream, both through the last norm."""
        hidden = self.model.embed_tokens(ids)
        turned = self.model.rotary_emb(hidden, torch.arange(ids.shape[1])[None])
        mask = torch.full((ids.shape[1], ids.shape[1]), -1e4).triu(1)[None, None]
        streams = []
        for block in self.model.layers:
            hidden = block(hidden, attention_mask=mask, position_embeddings=turned)
            streams.append(hidden)
        return self.model.norm(streams[(len(streams) - 1) // 2]), self.model.norm(hidden)


def loss_of(model: Any, rows: Sequence[Row], letters: Tensor, bfloat16: bool) -> tuple[Tensor, float]:
    """Summed weighted loss of what rows foretell, and the sum of weights; no mask, since padding comes last."""
    length = -(-max(len(row.ids) for row in rows) // 16) * 16
    ids = torch.zeros(len(rows), length, dtype=torch.long)
    weights = torch.zeros(len(rows), length)
    for at, row in enumerate(rows):
        ids[at, : len(row.ids)] = torch.tensor(row.ids)
        weights[at, : len(row.ids)] = torch.tensor(row.weights)
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        middle, hidden = model.passed(ids)
        line, place = weights[:, 1:].nonzero(as_tuple=True)
        logits = model.lm_head(hidden[line, place])
        blind = [at for at, one in enumerate(rows) if one.blind]
        ends = torch.tensor([len(rows[at].ids) - 1 for at in blind], dtype=torch.long)
        unsure = model.lm_head(hidden[torch.tensor(blind, dtype=torch.long), ends])
        hints = [(at, place - 1, tokens) for at, row in enumerate(rows) for place, tokens in row.hints]
        lines, places = torch.tensor([hint[:2] for hint in hints], dtype=torch.long).reshape(-1, 2).T
        hinted = model.lm_head(middle[lines, places])
    asked = weights[line, place + 1]
    loss = (cross_entropy(logits.float(), ids[line, place + 1], reduction="none") * asked).sum()
    loss = loss - log_softmax(unsure.float(), -1)[:, letters].mean(-1).sum()
    for told, (_, _, tokens) in zip(log_softmax(hinted.float(), -1), hints, strict=True):
        loss = loss - HINT * told[list(tokens)].mean()
    return loss, float(asked.sum()) + len(blind)


def optimisers(model: Any, args: argparse.Namespace) -> list[torch.optim.Optimizer]:
    """Muon for the matrices of the blocks, which need it to learn in time, and AdamW for norms and embeddings."""
    named = list(model.named_parameters())
    matrices = [value for name, value in named if value.ndim == 2 and "embed" not in name]
    others = [value for name, value in named if not (value.ndim == 2 and "embed" not in name)]
    adam = torch.optim.AdamW(others, lr=args.rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
    muon = torch.optim.Muon(matrices, lr=args.matrix_rate, weight_decay=args.decay, adjust_lr_fn="match_rms_adamw")
    for mover in (adam, muon):
        for group in mover.param_groups:
            group["initial_lr"] = group["lr"]
    return [adam, muon]


def rate_at(step: int, args: argparse.Namespace) -> float:
    """The share of the full learning rate at a step, counted from 0: up, even, to a fifth, even, to nothing."""
    falling = max(LOW, 1.0 - max(0, step - args.fall) / args.cool)
    return float(min((step + 1) / args.warm, falling, LOW * (args.steps - step) / args.last))


def slope(model: Any, part: Part, letters: Tensor, bfloat16: bool) -> tuple[Tensor, list[Tensor]]:
    """Mean loss of a part, and the gradient of each parameter times the part's weight."""
    rows, share = part
    loss, weight = loss_of(model, rows, letters, bfloat16)
    return loss.detach() / weight, list(torch.autograd.grad(share * loss / weight, list(model.parameters())))


def learn(model: Any, parts: Sequence[Part], letters: Tensor, pool: Executor, bfloat16: bool) -> Tensor:
    """[parts] mean loss of each part; gradients are summed in their order, whichever thread was first."""
    found = list(pool.map(lambda part: slope(model, part, letters, bfloat16), parts))
    total = found[0][1]
    for _, slopes in found[1:]:
        torch._foreach_add_(total, slopes)
    for value, gradient in zip(model.parameters(), total, strict=True):
        value.grad = gradient
    return torch.stack([loss for loss, _ in found])


def halves(rows: list[Row], share: float) -> list[Part]:
    """Shorter and longer rows apart, to save padding, and the weight of each half."""
    rows.sort(key=lambda row: len(row.ids))
    middle = len(rows) * 2 // 3
    return [(part, share * len(part) / len(rows)) for part in (rows[:middle], rows[middle:]) if part]


def train(model: Any, tokenizer: Any, args: argparse.Namespace) -> None:
    """Steps of rows drawn anew, the rate as :func:`rate_at` has it; the folder is written every 250 steps."""
    model.set_attn_implementation("eager")  # faster backwards on a CPU
    rows, letters = Rows(tokenizer), torch.tensor([tokenizer.convert_tokens_to_ids(f"Ġ{one}") for one in LETTERS])
    movers, pool = optimisers(model, args), ThreadPoolExecutor(args.threads)
    if args.compile:
        model.passed = torch.compile(model.passed, dynamic=True)
    first = resumed(model, movers, args)
    begun, recent = time.time(), []
    for step in range(first, args.steps):
        long, short = rows.step(step, random.Random(args.seed * 10**6 + step), args.long, args.short)
        recent.append(learn(model, [*halves(long, 1.0), (short, 1.0)], letters, pool, args.bfloat16))
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for mover in movers:
            for group in mover.param_groups:
                group["lr"] = group["initial_lr"] * rate_at(step, args)
            mover.step()
            mover.zero_grad()
        if step % 50 == 49:
            told = " ".join(f"{value:.3f}" for value in torch.stack(recent).mean(0))
            log.info("step %d: losses %s, %.0f s", step + 1, told, time.time() - begun)
            recent = []
        if step % 250 == 249:
            save(model, tokenizer, args.out)
            keep(model, movers, step + 1, args)
    save(model, tokenizer, args.out)


def keep(model: Any, movers: Sequence[torch.optim.Optimizer], step: int, args: argparse.Namespace) -> None:
    """Write all that going on needs, if asked for."""
    if args.state:
        states = [mover.state_dict() for mover in movers]
        torch.save({"model": model.state_dict(), "movers": states, "step": step}, args.state)


def resumed(model: Any, movers: Sequence[torch.optim.Optimizer], args: argparse.Namespace) -> int:
    """Go on where ``--state`` was left; the step to begin with."""
    if not (args.state and args.state.exists()):
        return 0
    kept = torch.load(args.state)
    model.load_state_dict(kept["model"])
    for mover, state in zip(movers, kept["movers"], strict=True):
        mover.load_state_dict(state)
    return int(kept["step"])


def save(model: Any, tokenizer: Any, out: Path) -> None:
    """Write the folder, weights in half precision."""
    copy = LlamaForCausalLM(model.config)
    copy.load_state_dict(model.state_dict())
    copy.half().save_pretrained(out)
    tokenizer.save_pretrained(out)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--steps", type=int, default=4100)
    parser.add_argument("--fall", type=int, default=1900, help="step from which the rate falls")
    parser.add_argument(
        "--cool", type=int, default=1700, help="steps in which it would fall to zero; it stops at a fifth"
    )
    parser.add_argument("--last", type=int, default=300, help="last steps, over which it falls to zero")
    parser.add_argument("--warm", type=int, default=100)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--matrix-rate", type=float, default=3e-3, help="of the blocks' matrices, moved by Muon")
    parser.add_argument("--decay", type=float, default=0.1)
    parser.add_argument("--long", type=int, default=24, help="rows with questions in a step")
    parser.add_argument("--short", type=int, default=24, help="rows with facts in a step")
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--inner", type=int, default=704)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--bfloat16", action="store_true", help="faster, on processors that can; others emulate it")
    parser.add_argument("--compile", action="store_true", help="compile the blocks; needs a C++ compiler")
    parser.add_argument("--threads", type=int, default=2, help="parts of a step that are worked on at the same time")
    parser.add_argument("--state", type=Path, default=None, help="file to go on from when training was cut off")
    parser.add_argument("--seed", type=int, default=13)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.manual_seed(args.seed)
    tokenizer = tokenizer_of(texts(args.seed), answers(), VOCABULARY)
    model = fresh(tokenizer, args)
    log.info("%d parameters, %d tokens", sum(value.numel() for value in model.parameters()), len(tokenizer))
    train(model, tokenizer, args)


if __name__ == "__main__":
    main()
