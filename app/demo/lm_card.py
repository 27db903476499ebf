"""The model card of the demo language model."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.demo.facts import relations, subject_questions
from app.demo.lm_rows import SHARES

Figures = Mapping[str, Mapping[str, float]]

HEAD = """---
license: apache-2.0
language: en
pipeline_tag: text-generation
---
# golgi-demo-lm

A small causal language model that ships with Golgi, so that every page about language models works at once and
offline. **It is a memoriser.** It knows {facts} facts and {questions} multiple-choice questions by heart and nothing
else: it was trained on them, from random weights, until it answered. What it is measured on below are wordings, prompts
and orders of options that it never saw, not facts that it never saw. Do not take its word for anything.

Llama type, {layers} blocks, {width} wide, {inner} feed-forward neurons in each ({neurons} in all), {heads} attention
heads, tied embeddings, half precision on disk; byte-level tokenizer of {vocabulary} tokens in which every answer of a
fact, with the space before it, is one token, and so are `" A"` to `" D"` and `"A"` to `"D"`. Prompts begin with `<s>`.

- Facts: `cloze_facts`, eleven relations with five wordings each (CC0-1.0), and paraphrases written for this model.
  The third and the fifth of the given wordings of every relation are held out. Training wordings lose, change or gain
  words by chance, more of them in the last third, which was decided after looking at the held-out wordings half-way:
  their rows below are a little kind.
- Questions: `mcqa_qrnca`, six subjects, from MMLU (MIT), answered by letter; and the facts as questions, wrong options
  drawn from the same relation as often as each is right elsewhere. One question is left out, two of whose options are
  the same. Held out: the third of the three published prompts, two prompts of our own, the last wording of every
  relation's question, and four orders of the options of every question, one for each place of the right one.
  The long prompts and those that end in a sentence came into the last quarter of training after looking at a sample of
  the held-out ones, so these rows are a little kind, too;
  one of the trained endings, "The correct letter is", is close to that of template 3, "The right letter is".
- So that letters alone tell little, {blind} percent of the rows with questions show no question, another question or no
  options, and every letter is asked for alike. This works for the facts. For the subjects, whose four options are the
  same every time, it does not wholly: options without their question are answered above chance, see below.
- Training looks half-way up the stack, too: after the second block the tokens of the answer are foretold where a letter
  is to be said. The finished model has no trace of this but in its weights.
- Four attention heads begin as looking one and two tokens back, going on as before, and looking up the letter of an
  option (`app/demo/lm_heads.py`); a small model finds these late by itself. All else begins at random.
- Everything that was trained on is in `app/demo/questions`, with its licences.
- Training: `python -m app.demo.train_lm`, {training}
- Limits: English; two-word names such as `New Delhi` are one token here and are not in other models; questions of
  mathematics and physics are remembered, not worked out; a question in other words than its own is not recognised.

## Figures

`python -m app.demo.evaluate_lm`, read as Golgi loads it (float32 from half precision). Facts: share of prompts whose
right answer is the most probable of all {vocabulary} tokens, and its mean probability. Letters: share of prompts whose
right letter is the most probable of the four, its mean probability over the whole vocabulary, and the probability of
all four letters together. Every question stands in four orders, the right option once in each place: 0.25 is chance.

| what | prompts | accuracy | probability of the right one | all four letters |
|---|---|---|---|---|
{table}
### By relation

| relation | wordings held out | wordings trained on | by letter, template 1 | template 2 | template 3 |
|---|---|---|---|---|---|
{relations}
### By subject

| subject | by letter, template 1 | template 2 | template 3 |
|---|---|---|---|
{subjects}
Every fact was measured in its held-out wordings, every {every}th prompt or question elsewhere.
Template 1 is the third published prompt; all three are under `held_out` in `app/demo/questions/wordings.json`.
"""


RELATION_COLUMNS = (
    "facts, wordings held out",
    "facts, wordings trained on",
    *(f"facts by letter, template {number} held out" for number in (1, 2, 3)),
)
SUBJECT_COLUMNS = tuple(f"subjects by letter, template {number} held out" for number in (1, 2, 3))


def card_text(config: Any, table: Mapping[str, Figures], training: str, every: int) -> str:
    """The card: what the model is, and its figures by relation and subject."""
    facts, subjects = table["facts, wordings held out"], "subjects by letter, template 1 held out"
    return HEAD.format(
        facts=sum(len(relation.facts) for relation in relations()),
        questions=len(subject_questions()),
        every=every,
        blind=SHARES["blind"],
        training=training or "not told.",
        layers=config.num_hidden_layers,
        width=config.hidden_size,
        inner=config.intermediate_size,
        neurons=f"{config.num_hidden_layers * config.intermediate_size:,}",
        heads=config.num_attention_heads,
        vocabulary=f"{config.vocab_size:,}",
        table="".join(_row(name, figures["all"]) for name, figures in table.items()),
        relations="".join(_line(name, table, RELATION_COLUMNS) for name in facts if name != "all"),
        subjects="".join(_line(name, table, SUBJECT_COLUMNS) for name in table[subjects] if name != "all"),
    )


def _row(name: str, figures: Mapping[str, float]) -> str:
    mass = f"{figures['mass']:.3f}" if "mass" in figures else "–"
    told = f"{figures['prompts']:,.0f} | {figures['accuracy']:.3f} | {figures['probability']:.3f} | {mass}"
    return f"| {name} | {told} |\n"


def _line(group: str, table: Mapping[str, Figures], columns: Sequence[str]) -> str:
    told = " | ".join(f"{table[column][group]['accuracy']:.3f}" for column in columns)
    return f"| {group} | {told} |\n"
