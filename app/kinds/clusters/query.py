"""One query of a search: its wordings, its cluster, its set (``qrnca.md`` sections 3 to 6)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.domain.errors import NotFound
from app.domain.question_sets import QuestionReader, Wording
from app.figures.base import Figure
from app.figures.unit_maps import About, unit_maps
from app.kinds.clusters.lines import Tokens
from app.kinds.clusters.question import ClustersLook, ClustersQuestion
from app.kinds.queries import Prompt, Sets

LISTED = 100
"""How many neurons of a cluster a page lists."""


@dataclass(frozen=True)
class WordingLine:
    """One prompt that found neurons.

    Args:
        options: what may follow, with its probability; a lone one where nothing is chosen from. mass: of all of them.
        likeliest, likeliest_probability: the model's own next token.
        passed: how many of the query's cluster passed the threshold in this prompt.
    """

    number: int
    prompt: str
    answer: str
    probability: float
    known: bool
    likeliest: str
    likeliest_probability: float
    options: tuple[tuple[str, float], ...]
    mass: float
    passed: int
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class ClusterLine:
    """One neuron of the cluster: na, ica, naica, prompts in which it passed, clusters that hold it, its rank in the set
    (0: not in it), and the tokens that it raises and lowers most."""

    id: str
    scores: tuple[float, float, float]
    prompts: int
    clusters: int
    common: bool
    rank: int
    raised: tuple[str, ...]
    lowered: tuple[str, ...]


@dataclass(frozen=True)
class QueryView:
    """A query's page within a search.

    Args:
        text: its first prompt. kept: wordings that found no neurons, left for measuring; ``missing`` names the question
            set that holds them, where it is not in this database.
        cluster: the first neurons of the cluster, the query-relevant ones first; ``size`` counts all of it,
            ``relevant`` the set, ``dropped`` the common ones that were taken out of it.
        earlier, later: neighbours in the plan.
    """

    look: ClustersLook
    query: str
    domain: str
    text: str
    wordings: tuple[WordingLine, ...]
    kept: tuple[Wording, ...]
    missing: str
    cluster: tuple[ClusterLine, ...]
    size: int
    relevant: int
    dropped: int
    figures: Mapping[str, Figure]
    earlier: str
    later: str


class QueryLines:
    """Makes the page of one query, under thresholds.

    Raises:
        NotFound: the search has no such query.
    """

    def __init__(self, sets: Sets, read: Mapping[int, Tokens], query: str) -> None:
        if query not in sets.queries:
            raise NotFound("a query of this search", f"'{query}'", "Choose one from its page.", "query")
        self.sets, self.read, self.query = sets, read, query
        self.at = sets.queries.index(query)
        self.cluster, self.found = sets.clusters[self.at], sets.relevant[query]

    def wordings(self) -> Iterator[WordingLine]:
        """One a prompt that found neurons."""
        for prompt in self.sets.prompts[self.query]:
            values, notes = prompt.row.values, prompt.row.notes
            yield WordingLine(
                number=int(notes["wording"]) + 1,
                prompt=str(notes["prompt"]),
                answer=str(notes["word"]),
                probability=values["probability"],
                known=bool(values["known"]),
                likeliest=str(notes["likeliest"]),
                likeliest_probability=float(notes["likeliest_probability"]),
                options=tuple((str(word), float(share)) for word, share in notes["options"]),
                mass=values["mass"],
                passed=self._passed(prompt),
                warnings=tuple(notes["warnings"]),
            )

    def _passed(self, prompt: Prompt) -> int:
        """How many members of the cluster are above the threshold in one prompt."""
        strongest = prompt.strongest
        least = self.sets.thresholds.threshold * strongest.scores.max(initial=0.0)
        own = set(strongest.neurons[strongest.scores > least].tolist())
        return len(own & set(self.cluster.neurons.tolist()))

    def neurons(self) -> Iterator[ClusterLine]:
        """The cluster, the query-relevant ones first, then by na."""
        pool, total = self.sets.pool, self.cluster.scores.sum() or 1.0
        discounts = pool.discount(self.cluster.neurons)
        rank = {flat: at for at, flat in enumerate(self.found.neurons.tolist(), start=1)}
        cluster, behind = self.cluster, len(self.cluster)
        rows = zip(cluster.neurons.tolist(), cluster.scores, discounts, cluster.prompts, strict=True)
        ordered = sorted(rows, key=lambda row: (rank.get(row[0], behind), -row[1]))
        for flat, score, discount, prompts in ordered[:LISTED]:
            na, ica = float(score / total), float(discount)
            raised, lowered = self.read.get(flat, ((), ()))
            yield ClusterLine(
                id=str(self.sets.index(flat)),
                scores=(na, ica, na * ica),
                prompts=int(prompts),
                clusters=pool.frequency[flat],
                common=flat in pool.common,
                rank=rank.get(flat, 0),
                raised=raised,
                lowered=lowered,
            )

    def kept(self, reader: QuestionReader, question: ClustersQuestion) -> tuple[tuple[Wording, ...], str]:
        """Wordings that found no neurons, and the name of the question set where it is not there to tell them."""
        try:
            stored = reader.question_set(question.sample.questions)
        except NotFound:
            return (), question.sample.name
        known = {int(prompt.row.notes["wording"]) for prompt in self.sets.prompts[self.query]}
        wordings = [wording for query in reader.queries(stored.id, [self.query]) for wording in query.wordings]
        return tuple(wording for at, wording in enumerate(wordings) if at not in known), ""

    def figure(self, caption: str) -> Figure:
        """Where its strongest scores lie: those that are stored of each prompt, added up."""
        sums: dict[int, float] = {}
        for prompt in self.sets.prompts[self.query]:
            for flat, score in zip(prompt.strongest.neurons.tolist(), prompt.strongest.scores.tolist(), strict=True):
                sums[flat] = sums.get(flat, 0.0) + score
        told = f"{caption} · {self.query} · scores above 2 % of a prompt's largest, summed over its prompts"
        about = About("query", "Where its strongest scores lie", "probability", told)
        return unit_maps({self.query: sums}, self.sets.space, about)

    def view(
        self, look: ClustersLook, kept: tuple[tuple[Wording, ...], str], figures: Mapping[str, Figure]
    ) -> QueryView:
        """Everything its page shows."""
        keys = self.sets.queries
        return QueryView(
            look=look,
            query=self.query,
            domain=self.sets.domains[self.query],
            text=str(self.sets.prompts[self.query][0].row.notes["prompt"]),
            wordings=tuple(self.wordings()),
            kept=kept[0],
            missing=kept[1],
            cluster=tuple(self.neurons()),
            size=len(self.cluster),
            relevant=len(self.found.neurons),
            dropped=len(self.found.dropped),
            figures=figures,
            earlier=keys[self.at - 1] if self.at else "",
            later=keys[self.at + 1] if self.at + 1 < len(keys) else "",
        )
