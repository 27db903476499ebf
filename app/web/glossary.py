"""The words of the field, each explained once: where it stands on a page, and all together on the help page."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """A word and what it means here, in sentences that stand alone."""

    title: str
    text: str


GLOSSARY: Mapping[str, Term] = {
    "neuron": Term(
        "neuron",
        "One unit of a layer, usually of the feed-forward part. L3.mid.1201 is layer 3, the input of the feed-"
        "forward down-projection, unit 1201, all counted from zero.",
    ),
    "head": Term(
        "attention head",
        "A part of a layer's attention that moves information between tokens. L3.head.7 is the eighth head of layer 3.",
    ),
    "layer": Term(
        "layer",
        "One block of the model, attention and feed-forward together. Counted from zero; the input is at the bottom.",
    ),
    "token": Term(
        "token",
        "A piece of text as the model reads it: a word, a part of one, or a mark. What does not fit is cut off, and "
        "said.",
    ),
    "target": Term(
        "target",
        "The one number of the answer that is explained: a relevance logit, a probability, a margin, or a neuron's "
        "activation. Scores are in its unit.",
    ),
    "logit": Term(
        "logit",
        "The model's raw number for an answer, before it becomes a probability. 0 is an even chance for one label; "
        "larger is more likely.",
    ),
    "score": Term(
        "score of a neuron",
        "How much of the target's change, from an input that says nothing to the real one, flows through the "
        "neuron. Above 0 it pushed the target up, below 0 down.",
    ),
    "attribution": Term(
        "attribution",
        "The scores of all neurons: which of them made the answer, as far as gradients tell. Whether they matter is "
        "told by switching them off.",
    ),
    "share": Term(
        "share of the attribution",
        "The positive scores of some neurons, summed, over the sum of all positive scores. 1 % of neurons carry 39 "
        "%: the 1 % with the largest scores hold 39 % of that sum.",
    ),
    "baseline": Term(
        "baseline",
        "The input that says nothing, which scores are measured from: usually the same text with every word padded. "
        "Another baseline gives other scores.",
    ),
    "completeness": Term(
        "completeness",
        "At a place that every path crosses, the scores add up to the change of the target from baseline to input. "
        "It is checked on every run.",
    ),
    "remainder": Term(
        "remainder",
        "What the scores leave unexplained at a place that all paths cross, as a share of the target's change. It "
        "is stored and shown, never assumed to be zero; a headline gives the worst of the places that are shown.",
    ),
    "ablation": Term(
        "ablation",
        "Switching neurons off (or down, or up) while the model answers, to see what the answer loses. The weights "
        "on disk stay as they are.",
    ),
    "random": Term(
        "random control",
        "Sets with the same number of neurons per layer, drawn at random, switched off in the same way. A set of "
        "neurons matters where its answer leaves the band from the lowest to the highest of them.",
    ),
    "deviations": Term(
        "standard deviations from random",
        "How far the change by the chosen neurons lies from the mean of the random sets, in standard deviations of "
        "those. With few random sets it is rough.",
    ),
    "set": Term(
        "set of neurons",
        "Neurons with a rule that prints: the top of a run, an intersection, a difference, a fusion, or a list of "
        "ids. It has an address, a text form and a JSON form.",
    ),
    "relevance": Term(
        "relevance and non-relevance",
        "Relevant pairs are explained by the score of being relevant, the others by that of not being relevant, so "
        "the two rankings are not each other's ends.",
    ),
    "interval": Term(
        "interval",
        "Where the number would lie in 95 of 100 repetitions with other queries, by drawing the queries anew with "
        "replacement (bootstrap).",
    ),
    "holm": Term(
        "p after Holm",
        "How often chance alone would give a difference this large, corrected for how many were tested together "
        "(Holm). Below 0.05 is called significant.",
    ),
    "jaccard": Term(
        "Jaccard overlap",
        "Neurons that two sets share, over all neurons in either: 0 is none, 1 the same set. It is read beside what "
        "two random sets of those sizes would share.",
    ),
    "cross": Term(
        "cross test",
        "Neurons found on one dataset are switched off while another one is ranked: what is general hurts "
        "everywhere, what is special hurts at home.",
    ),
    "wording": Term(
        "wording",
        "One of several ways to put the same question. Neurons that only one wording finds belong to the wording.",
    ),
    "cluster": Term(
        "cluster of a query",
        "The neurons that pass the threshold in any wording of one query: a share (usually 0.2) of the prompt's "
        "largest score.",
    ),
    "common": Term(
        "common neuron",
        "A neuron in the clusters of many queries (usually more than 30 %), whatever they ask: it writes letters or "
        "function words rather than this answer, and is taken out.",
    ),
    "naica": Term(
        "naica",
        "Neuron attribution times inverse cluster attribution: the score of a neuron for a query, less the more "
        "clusters of other queries hold it. As tf-idf does with words.",
    ),
    "pcr": Term(
        "PCR",
        "Probability change ratio: the mean relative change of the right answer of related queries, over that of "
        "unrelated ones, under the same edit. Unstable where the denominator is near zero, and then said to be so.",
    ),
    "steps": Term(
        "steps",
        "Points along the way from baseline to input at which gradients are taken. More steps, smaller remainder.",
    ),
    "recorded": Term(
        "recorded",
        "Made earlier and shipped with Golgi, with its date, settings and model. It opens without a model; nothing "
        "is computed.",
    ),
    "colours": Term(
        "orange and blue",
        "Orange is up, blue is down, everywhere. The sign is also in the mark, the line or the side.",
    ),
}
