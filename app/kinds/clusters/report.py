"""What is told of query-relevant neurons, under the thresholds that are looked at (``qrnca.md`` sections 5, 6, 10)."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from app.analysis.agreement import Agreement, agreement, matrix
from app.analysis.stability import StabilityLine
from app.domain.errors import NotFound
from app.domain.read_outs import PLAIN, Mention, Read, ReadOut
from app.domain.results import ItemRow
from app.domain.sites import NeuronIndex
from app.figures import clusters as figures
from app.figures import sets as sets_figure
from app.figures.base import Figure
from app.figures.unit_maps import About, unit_maps
from app.kinds.clusters.lines import ClustersView, Rows, Tokens
from app.kinds.clusters.mentions import mentioned
from app.kinds.clusters.points import other_steps, steps_of
from app.kinds.clusters.query import QueryLines, QueryView
from app.kinds.clusters.question import ClustersLook, ClustersQuestion
from app.kinds.clusters.stability import stability
from app.kinds.queries import PROMPT, Sets, stored_sets
from app.kinds.reporting import Group, Report, Table
from app.methods.base import Method, method_of

LEAST = 0.1


class ClustersReport(Report[ClustersQuestion, ClustersLook]):
    """What is told of query-relevant neurons."""

    headings: ClassVar[Mapping[str, str]] = {
        "words": "Domains and queries",
        "where": "Where they lie, and what domains share",
        "which": "Common neurons",
        "check": "How steady the sets are",
    }

    @cached_property
    def prompts(self) -> tuple[ItemRow, ...]:
        """Stored prompts, in order."""
        return tuple(row for row in self.items if row.label == PROMPT)

    @cached_property
    def positive(self) -> Sets:
        """Clusters and sets of scores above zero, under the thresholds that are looked at."""
        return stored_sets(self.run, self.results, self.look.thresholds)

    @cached_property
    def sets(self) -> Sets:
        """Those of the sign that is looked at; above zero where nothing else is stored."""
        mirrored = self.positive.mirrored if self.look.sign == "negative" else None
        return mirrored or self.positive

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
    def stability(self) -> tuple[StabilityLine, ...]:
        """How steady the sets are, over all domains and of each."""
        thresholds, others = self.look.thresholds, other_steps(self.question)
        made = {steps: stored_sets(self.run, self.results, thresholds, name) for name, steps in others.items()}
        return tuple(stability(self.sets, steps_of(self.question), made))

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
            stability=tuple(line for line in self.stability if not line.domain) if ready else (),
            negative=ready and self.sets.negative,
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
        if self.look.sign == "negative" and not self.sets.negative:
            said.insert(
                0,
                "This search is of an older version and kept no scores below zero, so it has no negative neurons; what "
                "stands here are the positive ones. Delete this run and ask again to get them.",
            )
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

    @property
    def kind(self) -> str:
        """What the neurons are called."""
        return "negative" if self.sets.negative else "query-relevant"

    def _sentence(self) -> str:
        sizes = [len(found.neurons) for found in self.sets.relevant.values()]
        layers = self.sets.layers(np.concatenate([found.neurons for found in self.sets.relevant.values()]))
        top = max(layers, key=lambda layer: layers[layer])
        share = 100 * layers[top] / max(1, sum(layers.values()))
        domains, common = len(set(self.sets.domains.values())), len(self.sets.pool.common)
        return (
            f"{len(sizes)} queries of {domains} domains: {np.mean(sizes):.1f} {self.kind} neurons each, after "
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
        beyond = "below -" if self.sets.negative else "above "
        chat = "; prompts were wrapped with the model's chat template" if self.question.sample.chat else ""
        return (
            f"{self.method.paragraph(self.target or 'target')}; of each query's prompts, scores {beyond}"
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
        sign = " · negative neurons" if self.sets.negative else ""
        return f"run {self.run.id} · {self.run.spec.model} · {self.run.facts['n']} queries · {thresholds}{sign}"

    def drawings(self) -> Mapping[str, Callable[[], Figure]]:
        """Where the sets lie, how domains agree, how many queries neurons show up for."""
        if not self.ready:
            return {}
        makers = {"layers": self._layers, "units": self._units, "matrix": self._matrix, "frequency": self._frequency}
        makers |= {"stability": lambda: figures.stability(self.stability, self.caption)}
        return {**makers, "query": self._query} if self.look.query in self.sets.queries else makers

    def query(self, key: str) -> QueryView:
        """One query under the thresholds that are looked at.

        Raises:
            NotFound: no such query, or nothing is there yet.
        """
        if not self.ready:
            raise NotFound("a finished search", f"run {self.run.id}, {self.run.state}", "Wait for it.", "run")
        lines = QueryLines(self.sets, self.read, key)
        return lines.view(self.look, lines.kept(self.reading.questions, self.question), self.figures)

    def group(self, of: str) -> Group:
        """The set of a query (``query:KEY``), or the united one of a domain (``domain:NAME``).

        Raises:
            NotFound: the search has none of that name.
        """
        what, _, name = of.partition(":")
        found = {"query": {q: one.neurons for q, one in self.sets.relevant.items()}, "domain": self.sets.by_domain}
        if not self.ready or name not in found.get(what, {}):
            raise NotFound("query:KEY or domain:NAME of this search", f"'{of}'", "Choose one from its page.", "of")
        look = self.look
        told = f"run {self.run.id}, t = {look.threshold:g}, u = {look.common:g}, v = {look.size}"
        flat = np.sort(found[what][name]).tolist()
        return Group(f"{name}: query-relevant ({told})", tuple(str(self.sets.index(number)) for number in flat))

    def read_outs(self, neuron: NeuronIndex) -> Mapping[str, ReadOut]:
        """The few tokens that the search stored of a neuron."""
        space = self.results.space(self.run.id)
        if not self.ready or neuron.site not in space.offsets or neuron.unit >= space.width(neuron.site):
            return {}
        ends = self.read.get(space.flat(neuron))
        return {"without": ReadOut(self.run.id, PLAIN, *(tuple(map(Read, end)) for end in ends))} if ends else {}

    def mentions(self, neuron: NeuronIndex) -> tuple[Mention, ...]:
        """Whether it is common, and the queries that it is relevant for."""
        return tuple(mentioned(self.sets, neuron)) if self.ready else ()

    def _query(self) -> Figure:
        return QueryLines(self.sets, self.read, self.look.query).figure(self.caption)

    def _units(self) -> Figure:
        """Accumulated naica of each domain, or of the one that is looked at."""
        weights = self.sets.weights
        maps = {self.look.domain: weights[self.look.domain]} if self.look.domain in weights else weights
        title = "naica, summed over queries" + (f" of {self.look.domain}" if len(maps) == 1 else "")
        return unit_maps(maps, self.sets.space, About("units", "Blocks by units", "naica", f"{self.caption} · {title}"))

    def _layers(self) -> Figure:
        lines = {name: self.sets.layers(neurons) for name, neurons in self.sets.by_domain.items()}
        common = self.sets.layers(np.array(sorted(self.sets.pool.common), dtype=np.int64))
        return figures.by_layer(lines, common, self.caption)

    def _matrix(self) -> Figure:
        names, total = list(self.sets.by_domain), len(self.sets.space)
        jaccard = self.look.overlap == "jaccard"
        values = np.full((len(names), len(names)), np.nan)
        texts = [["" for _ in names] for _ in names]
        for (a, b), found in matrix(self.sets.by_domain, total).items():
            value = found.jaccard if jaccard else found.coefficient
            chance = found.chance_jaccard if jaccard else found.chance_coefficient
            for x, y in ((names.index(a), names.index(b)), (names.index(b), names.index(a))):
                values[x, y], texts[x][y] = value, f"{value:.2f} ({chance:.1g})"
        unit = "Jaccard" if jaccard else "overlap coefficient"
        caption = f"{self.caption} · {unit} of the domains' united sets; in brackets what chance gives"
        return sets_figure.matrix(names, names, values, texts, ("Overlap of domains", unit, caption))

    def _frequency(self) -> Figure:
        counts = list(self.sets.pool.frequency.values())
        return figures.frequency(counts, len(self.sets.queries), self.look.common, self.caption)

    def table(self) -> Table:
        """A query-relevant neuron of a query a row: na, naica, prompts in which it passed, clusters that hold it."""

        def rows() -> Iterator[tuple[Any, ...]]:
            frequency, sign = self.sets.pool.frequency, -1 if self.sets.negative else 1
            for at, (query, found) in enumerate(self.sets.relevant.items()):
                cluster = self.sets.clusters[at]
                passed = dict(zip(cluster.neurons.tolist(), cluster.prompts.tolist(), strict=True))
                scores = zip(found.neurons.tolist(), found.scores, found.discounted, strict=True)
                for rank, (flat, na, naica) in enumerate(scores, start=1):
                    place = (str(self.sets.index(flat)), passed[flat], frequency[flat])
                    yield (query, self.sets.domains[query], rank, *place, sign * float(na), sign * float(naica))

        return Table(("query", "domain", "rank", "neuron", "prompts", "clusters", "na", "naica"), rows)

    def lines(self) -> Iterator[str]:
        """Domains, and the first neurons of the first queries."""
        for line in self.view.domains:
            yield f"  {line.name:<20} {line.queries} queries, {line.each:.1f} neurons each, most in block {line.layer}"
        for steady in self.view.stability:
            if steady.queries:
                yield f"  {steady.compared}: mean Jaccard {steady.mean:.2f} with the sets of {steady.queries} queries"
        for query in self.view.queries[:5]:
            yield f"  {query.prompt[-60:]!r} {query.answer!r}: {', '.join(n.id for n in query.neurons[:5])}"
