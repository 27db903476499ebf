"""What is told of query-relevant neurons, under the thresholds that are looked at (``qrnca.md`` sections 5, 6, 10)."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from app.analysis.agreement import Agreement, agreement, matrix
from app.domain.results import ItemRow
from app.figures import clusters as figures
from app.figures import sets as sets_figure
from app.figures.base import Figure
from app.kinds.clusters.lines import ClustersView, Rows, Tokens
from app.kinds.clusters.question import ClustersLook, ClustersQuestion
from app.kinds.queries import PROMPT, Sets, stored_sets
from app.kinds.reporting import Report, Table
from app.methods.base import Method, method_of

LEAST = 0.1


class ClustersReport(Report[ClustersQuestion, ClustersLook]):
    """What is told of query-relevant neurons."""

    @cached_property
    def prompts(self) -> tuple[ItemRow, ...]:
        """Stored prompts, in order."""
        return tuple(row for row in self.items if row.label == PROMPT)

    @cached_property
    def sets(self) -> Sets:
        """Clusters and sets under the thresholds that are looked at."""
        return stored_sets(self.run, self.results, self.look.thresholds)

    @cached_property
    def read(self) -> Mapping[int, Tokens]:
        """Flat index to the tokens that a neuron raises and lowers most, of the strongest neurons."""
        words: dict[int, Tokens] = {}
        for row in self.items:
            for flat, (raised, lowered) in row.notes.get("neurons", {}).items() if row.label == "reading" else ():
                words[int(flat)] = (tuple(raised), tuple(lowered))
        return words

    @cached_property
    def rows(self) -> Rows:
        """The lines of its tables."""
        return Rows(self.sets, self.read, self.agreement, self.look.domain)

    @cached_property
    def agreement(self) -> Agreement:
        """How far sets of queries agree, within and between domains."""
        return agreement(
            {q: found.neurons for q, found in self.sets.relevant.items()}, self.sets.domains, len(self.sets.space)
        )

    @cached_property
    def view(self) -> ClustersView:
        """Everything its page shows."""
        ready = self.ready
        return ClustersView(
            settings=self.question,
            look=self.look,
            sentence=self.sentences[0],
            warnings=self.warnings,
            domains=tuple(self.rows.domains()) if ready else (),
            queries=tuple(self.rows.queries()) if ready else (),
            common=self.rows.common() if ready else (),
            common_count=len(self.sets.pool.common) if ready else 0,
            within=self.agreement.within if ready else 0.0,
            beyond=self.agreement.beyond if ready else 0.0,
            chance=self.agreement.chance if ready else 0.0,
            figures=self.figures,
            facts=self.run.facts,
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """Those of the run, of the pool, and of prompts whose answer has little probability."""
        if not self.ready:
            return self.run.warnings
        low = sum(row.values["probability"] < LEAST for row in self.prompts)
        said = [*self.run.warnings, *self.sets.pool.warnings()]
        if low:
            said.append(
                f"In {low} of {len(self.prompts)} prompts the right token has a probability below {LEAST:g}: their "
                "scores explain a low probability."
            )
        return tuple(said)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The result in one sentence."""
        return (self._sentence() if self.ready else "",)

    def _sentence(self) -> str:
        sizes = [len(found.neurons) for found in self.sets.relevant.values()]
        layers = self.sets.layers(np.concatenate([found.neurons for found in self.sets.relevant.values()]))
        top = max(layers, key=lambda layer: layers[layer])
        share = 100 * layers[top] / max(1, sum(layers.values()))
        domains, common = len(set(self.sets.domains.values())), len(self.sets.pool.common)
        return (
            f"{len(sizes)} queries of {domains} domains: {np.mean(sizes):.1f} query-relevant neurons each, after "
            f"{common} common ones were taken out; {share:.0f} % of them lie in block {top}. Sets of one domain share "
            f"{100 * self.agreement.within:.0f} %, of two domains {100 * self.agreement.beyond:.0f} % (chance "
            f"{100 * self.agreement.chance:.1g} %)."
        )

    @property
    def method(self) -> Method:
        """The method that scored prompts."""
        return method_of(self.question.method, self.question.params)

    @property
    def paragraph(self) -> str:
        """Scores, thresholds, and where they were made."""
        look = self.look
        chat = "; prompts were wrapped with the model's chat template" if self.question.sample.chat else ""
        return (
            f"{self.method.paragraph(self.target or 'target')}; of each query's prompts, scores above "
            f"{look.threshold:g} of the largest ({look.how.replace('_', ' ')}), discounted by inverse cluster "
            f"attribution, the first {look.size}, without neurons of more than {100 * look.common:g} % of the "
            f"clusters{chat}; {self.computed}."
        )

    @property
    def citation(self) -> str:
        """Of the method."""
        return self.method.citation

    @property
    def caption(self) -> str:
        """Run, model and thresholds in one line."""
        look = self.look
        thresholds = f"t = {look.threshold:g}, u = {look.common:g}, v = {look.size}"
        return f"run {self.run.id} · {self.run.spec.model} · {self.run.facts['n']} queries · {thresholds}"

    def drawings(self) -> Mapping[str, Callable[[], Figure]]:
        """Where the sets lie, how domains agree, how many queries neurons show up for."""
        if not self.ready:
            return {}
        return {"layers": self._layers, "matrix": self._matrix, "frequency": self._frequency}

    def _layers(self) -> Figure:
        lines = {name: self.sets.layers(neurons) for name, neurons in self.sets.by_domain.items()}
        common = self.sets.layers(np.array(sorted(self.sets.pool.common), dtype=np.int64))
        return figures.by_layer(lines, common, self.caption)

    def _matrix(self) -> Figure:
        names, total = list(self.sets.by_domain), len(self.sets.space)
        shared = matrix(self.sets.by_domain, total)
        values = np.full((len(names), len(names)), np.nan)
        for (a, b), found in shared.items():
            values[names.index(a), names.index(b)] = values[names.index(b), names.index(a)] = found.jaccard
        texts = [["" if np.isnan(value) else f"{value:.2f}" for value in row] for row in values]
        chance = np.mean([found.chance_jaccard for found in shared.values()]) if shared else 0.0
        caption = f"{self.caption} · Jaccard of the domains' united sets; by chance {chance:.2g}"
        return sets_figure.matrix(names, names, values, texts, ("Overlap of domains", "Jaccard", caption))

    def _frequency(self) -> Figure:
        counts = list(self.sets.pool.frequency.values())
        return figures.frequency(counts, len(self.sets.queries), self.look.common, self.caption)

    def table(self) -> Table:
        """A query-relevant neuron of a query a row: na, naica, prompts in which it passed, clusters that hold it."""

        def rows() -> Iterator[tuple[Any, ...]]:
            frequency = self.sets.pool.frequency
            for at, (query, found) in enumerate(self.sets.relevant.items()):
                cluster = self.sets.clusters[at]
                passed = dict(zip(cluster.neurons.tolist(), cluster.prompts.tolist(), strict=True))
                scores = zip(found.neurons.tolist(), found.scores, found.discounted, strict=True)
                for rank, (flat, na, naica) in enumerate(scores, start=1):
                    place = (str(self.sets.index(flat)), passed[flat], frequency[flat])
                    yield (query, self.sets.domains[query], rank, *place, float(na), float(naica))

        return Table(("query", "domain", "rank", "neuron", "prompts", "clusters", "na", "naica"), rows)

    def lines(self) -> Iterator[str]:
        """Domains, and the first neurons of the first queries."""
        for line in self.view.domains:
            yield f"  {line.name:<20} {line.queries} queries, {line.each:.1f} neurons each, most in block {line.layer}"
        for query in self.view.queries[:5]:
            yield f"  {query.prompt[-60:]!r} {query.answer!r}: {', '.join(n.id for n in query.neurons[:5])}"
