"""The model card of the demo re-ranker."""

from collections.abc import Mapping

from app.demo.corpora import IN_DOMAIN

ABOUT = {
    "selqa": ("Wikipedia sentences, held-out topics SCIENCE, TRAVEL, MUSIC", "Apache-2.0 over CC BY-SA 3.0 text"),
    "tatqa": ("finance, its test part", "CC BY 4.0"),
    "contractnli": ("contracts, held-out contracts and held-out statements", "CC BY 4.0"),
    "scifact": ("biomedical claims, its test queries", "CC BY 4.0 / ODC-By 1.0"),
    "liveqa_med": ("consumer health, all queries", "CC BY 4.0"),
    "xquad_en": ("Wikipedia paragraphs, all queries", "CC BY-SA 4.0"),
}

HEAD = """---
license: apache-2.0
language: en
base_model: sentence-transformers/all-MiniLM-L6-v2
pipeline_tag: text-classification
---
# golgi-demo-reranker

A small cross-encoder that ships with Golgi, so that the first picture is of a model that ranks. One relevance logit per
query-passage pair; a passage counts as relevant when sigmoid(logit) > 0.5. BERT type, 6 layers, 384 wide, 1,536
feed-forward neurons per layer (9,216 in all), half precision on disk, 12,400-token WordPiece vocabulary that keeps
every single character of the original one.

- Base: all-MiniLM-L6-v2 (Apache-2.0), by the sentence-transformers authors, after nreimers/MiniLM-L6-H384-uncased.
- Training, in four legs of the same script (`python -m app.demo.train_reranker --base FOLDER --data ../shared/data`):
  400 steps from the base at rate 1e-4 and 160 tokens, about 400 steps from there, 400 steps at 9e-5 with 96, 128 or 256
  tokens drawn per step, then `--init FOLDER --steps 420 --groups 5000 --rate 8e-5 --lengths 128 192 256` without
  dropout; 8 groups of one query and eight passages per step, AdamW. Loss: listwise distillation from the base model as
  a bi-encoder (cosine, plus BM25 as a share of the group's highest, plus a bonus for positive judgements) and a light
  binary term. Negatives are near by meaning and, in the last leg, half of them by words. Queries are training queries
  of the sets below and made-up ones (sentences, titles and keywords of training passages). The base itself was
  trained by its authors on public pairs, among them S2ORC and SQuAD-type sets.
- Nothing that is evaluated was trained on: queries and passages are split by id and by wording, and every
  passage that is judged for, or among the BM25 top 20 of, an evaluated query is left out of training
  (`app/demo/corpora.py`, tested in `tests/demo`).
- Read at most 192 tokens: on samples of the in-domain sets within 0.005 of 256 tokens, at two thirds of the cost.
  Longer inputs do harm elsewhere: on `liveqa_med` nDCG@10 is 0.764 at 128 tokens, 0.739 at 192 and 0.696 at 256.
- Where it does not rank better than BM25: `scifact`, whose abstracts are cut; `contractnli`, whose held-out statements
  ask for inference that this model has not learned; and `xquad_en`, where BM25 leaves nothing to gain.
- Limits: English; trained on four small sets; a demonstration, not a search engine. Medical, legal and financial texts
  are there to be ranked, not to be believed.

## Quality

nDCG@10 of re-ranking the BM25 top 20, ties by score then passage id, unjudged passages count as not relevant
(`python -m app.demo.evaluate_reranker`). The interval is a 95 % bootstrap interval of the gain over queries.

| set | domain | queries | BM25 | model | gain, 95 % interval | texts and licence |
|---|---|---|---|---|---|---|
"""

TAIL = """
In-domain: {inside}. Out-of-domain: {outside}.

## Sources

SelQA (Jurczyk, Zhai, Choi 2016), TAT-QA (Zhu et al. 2021), ContractNLI (Koreeda, Manning 2021), SciFact (Wadden et al.
2020) were trained on in part; LiveQA-Med (Ben Abacha, Demner-Fushman 2019) and XQuAD (Artetxe et al. 2020)
only measured on.
"""


def card_text(table: Mapping[str, Mapping[str, float]]) -> str:
    """The card with its quality table."""
    rows = []
    for name, row in table.items():
        domain = "in" if name in IN_DOMAIN else "out"
        about, licence = ABOUT[name]
        gain = f"{row['gain_low']:+.3f} to {row['gain_high']:+.3f}"
        numbers = f"{row['queries']:.0f} | {row['bm25']:.3f} | {row['model']:.3f} | {gain}"
        rows.append(f"| {name} | {domain} | {numbers} | {about}; {licence} |")
    outside = ", ".join(name for name in table if name not in IN_DOMAIN)
    return HEAD + "\n".join(rows) + "\n" + TAIL.format(inside=", ".join(IN_DOMAIN), outside=outside)
