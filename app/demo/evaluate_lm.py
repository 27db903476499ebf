"""Measure the demo language model as Golgi loads it, on wordings, templates and orders of options never trained on.

Run: ``python -m app.demo.evaluate_lm [--write]``; ``--write`` puts the figures into ``golgi.json`` and the model card.
"""

import argparse
import json
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from app.demo.facts import LETTERS, Question, fact_questions, held_orders, relations, subject_questions
from app.demo.letters import held_out, prompt
from app.demo.lm_card import card_text
from app.domain.examples import Example
from app.models.host import ModelHost
from app.models.loading import Hosts

log = logging.getLogger(__name__)
FOLDER = Path("models_cache/golgi-demo-lm")
Figures = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Asked:
    """A prompt, the continuation that is right, and under which name it is counted."""

    text: str
    right: str
    group: str


@torch.inference_mode()
def chances(host: ModelHost, texts: Sequence[str], rows: int = 64) -> Tensor:
    """[N, V] probabilities of the token after each text, over the whole vocabulary."""
    order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
    found = torch.zeros(len(texts), host.model.config.vocab_size)
    for start in range(0, len(order), rows):
        part = order[start : start + rows]
        batch = host.encode([Example(str(at), texts[at]) for at in part])
        found[part] = host.run(batch, None).logits.float().softmax(-1)
    return found


def single(host: ModelHost, text: str) -> int:
    """The id of a continuation that is one token.

    Raises:
        SystemExit: it is several.
    """
    ids = host.tokenizer(text, add_special_tokens=False)["input_ids"]
    if len(ids) != 1:
        raise SystemExit(f"Expected one token, found {len(ids)} in {text!r}. Train the tokenizer on it.")
    return int(ids[0])


def cloze(host: ModelHost, asked: Sequence[Asked]) -> Figures:
    """By group: prompts, share whose right answer is the most probable of all tokens, and its mean probability."""
    found = chances(host, [one.text for one in asked])
    right = torch.tensor([single(host, f" {one.right}") for one in asked])
    hits, told = found.argmax(-1) == right, found[torch.arange(len(right)), right]
    return _by_group(asked, {"accuracy": hits.float(), "probability": told})


def letters(host: ModelHost, asked: Sequence[Asked]) -> Figures:
    """By group: prompts, share whose right letter is the most probable of four, its mean probability over the whole
    vocabulary, and what all four letters have of it together."""
    ids = [single(host, f" {letter}") for letter in LETTERS]
    found = chances(host, [one.text for one in asked])[:, ids]
    right = torch.tensor([LETTERS.index(one.right) for one in asked])
    hits, told = found.argmax(-1) == right, found[torch.arange(len(right)), right]
    return _by_group(asked, {"accuracy": hits.float(), "probability": told, "mass": found.sum(-1)})


def _by_group(asked: Sequence[Asked], values: dict[str, Tensor]) -> Figures:
    groups: dict[str, list[int]] = defaultdict(list)
    for at, one in enumerate(asked):
        groups[one.group].append(at)
        groups["all"].append(at)
    return {
        group: {"prompts": len(rows), **{name: round(float(value[rows].mean()), 4) for name, value in values.items()}}
        for group, rows in groups.items()
    }


def wordings(held: bool) -> list[Asked]:
    """Facts in the wordings that were held out, or in those given and own ones that were trained on."""
    return [
        Asked(text.replace("{}", subject), answer, relation.name)
        for relation in relations()
        for text in (relation.held_out if held else relation.trained)
        for subject, answer in relation.facts.items()
    ]


Shown = Callable[[Question, Sequence[str]], tuple[str, Sequence[str]]]


def questions(found: Sequence[Question], templates: Sequence[str], shown: Shown) -> list[Asked]:
    """Questions in templates, each in its four held-out orders; ``shown`` says what of a question is shown."""
    return [
        Asked(prompt(template, *shown(question, options)), LETTERS[options.index(question.right)], question.group)
        for template in templates
        for question in found
        for options in held_orders(question)
    ]


def first_ask(question: Question, options: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The first wording of a question, which was trained on."""
    return question.asks[0], options


def held_ask(question: Question, options: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The wording of a question that was held out; that of a subject's question is its only one."""
    return question.held_ask, options


def controls(found: Sequence[Question], step: int = 7) -> dict[str, Shown]:
    """What is shown when a question gives nothing away: no question, no options, or some other question."""
    others = {one.key: found[(at + step) % len(found)] for at, one in enumerate(found)}
    return {
        "options without a question": lambda question, options: ("", options),
        "question without options": lambda question, options: (question.held_ask, ()),
        "options below another question": lambda question, options: (others[question.key].held_ask, options),
    }


def measured(host: ModelHost, every: int) -> dict[str, Figures]:
    """All figures: of every fact in held-out wordings, and of every n-th prompt or question for the rest."""
    subjects, facts = subject_questions()[::every], fact_questions()[::every]
    table = {
        "facts, wordings held out": cloze(host, wordings(held=True)),
        "facts, wordings trained on": cloze(host, wordings(held=False)[::every]),
    }
    for name, found in (("subjects", subjects), ("facts", facts)):
        for number, template in enumerate(held_out(), 1):
            asked = questions(found, (template,), first_ask)
            table[f"{name} by letter, template {number} held out"] = letters(host, asked)
        for control, shown in controls(found).items():
            table[f"{name} by letter, {control}"] = letters(host, questions(found, held_out()[:1], shown))
    asked = questions(facts, held_out()[:1], held_ask)
    table["facts by letter, template 1 and the question's wording held out"] = letters(host, asked)
    return table


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=FOLDER)
    parser.add_argument("--every", type=int, default=1, help="every n-th fact and question only")
    parser.add_argument("--training", default="", help="a sentence on steps, time and machine, for the card")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    host = Hosts(args.model.parent, device="cpu", offline=True).get(args.model.name)
    table = measured(host, args.every)
    for name, figures in table.items():
        log.info("%s: %s", name, figures["all"])
    if args.write:
        quality = {name: figures["all"] for name, figures in table.items()}
        told = {"task": "causal", "quality": quality, "groups": table, "training": args.training, "every": args.every}
        (args.model / "golgi.json").write_text(json.dumps(told, indent=1) + "\n")
        (args.model / "README.md").write_text(card_text(host.model.config, table, args.training, args.every))


if __name__ == "__main__":
    main()
