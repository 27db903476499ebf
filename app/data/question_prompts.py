"""Prompts of multiple-choice questions: made from templates, options in a stored shuffle; and read back (section 3)."""

import re
from collections.abc import Sequence

from app.domain.question_sets import LETTERS, Wording
from app.domain.seeded import place

TEMPLATES = (
    "Choose the right option. Answer with its letter only.\n{question}\n{options}\n\nAnswer:",
    "Here is a question with several options; exactly one is right. Reply with that letter and nothing else.\n"
    "{question}\n{options}\n\nReply:",
    "Read the question and pick the correct choice. Give just the letter.\n{question}\n{options}\n\nLetter:",
)
OPTION = re.compile(r"^ ?([A-J])\. (.*)$")


def made(key: str, question: str, choices: Sequence[str], right: int, seed: int) -> tuple[Wording, ...]:
    """A wording per template. The order of the options follows from seed, key and template alone, on any machine; the
    right one stands at another letter in each as long as there are letters."""
    wordings, used = [], set[int]()
    for number, template in enumerate(TEMPLATES):
        order = sorted(range(len(choices)), key=lambda one: place(seed, key, number, one))
        at = order.index(right)
        if at in used and len(used) < len(choices):
            free = next(place for place in order if place not in used)
            order[at], order[free] = order[free], order[at]
            at = free
        used.add(at)
        options = tuple(choices[one] for one in order)
        listed = "\n".join(f" {LETTERS[place]}. {text}" for place, text in enumerate(options))
        prompt = template.format(question=question, options=listed)
        wordings.append(Wording(prompt, LETTERS[at], options))
    return tuple(wordings)


def options_of(prompt: str) -> tuple[str, ...]:
    """The texts of the last run of lines `` A. text``, ``B. text``, … of a prompt; a text may go over several lines
    up to the blank line behind the last option. Empty where there is none."""
    lines = prompt.split("\n")
    starts = [at for at, line in enumerate(lines) if (found := OPTION.match(line)) and found[1] == "A"]
    if not starts:
        return ()
    options: list[str] = []
    for line in lines[starts[-1] :]:
        found = OPTION.match(line)
        if found and len(options) < len(LETTERS) and found[1] == LETTERS[len(options)]:
            options.append(found[2])
        elif not line.strip():
            break
        else:
            options[-1] += "\n" + line
    return tuple(option.strip() for option in options)
