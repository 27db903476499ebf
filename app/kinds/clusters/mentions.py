"""Where one neuron matters in a search: the queries and domains that it is relevant for, or that it is common."""

from collections import Counter
from collections.abc import Iterator

from app.domain.counting import counted
from app.domain.read_outs import Mention
from app.domain.sites import NeuronIndex
from app.kinds.queries import Sets

LISTED = 10


def mentioned(sets: Sets, neuron: NeuronIndex) -> Iterator[Mention]:
    """Common or not; domains with their queries; then the queries, by the neuron's place in their sets."""
    if neuron.site not in sets.space.offsets or neuron.unit >= sets.space.width(neuron.site):
        return
    flat = sets.space.flat(neuron)
    held = sets.pool.frequency.get(flat, 0)
    if not held:
        return
    common = "common: " if flat in sets.pool.common else ""
    yield Mention(f"{common}in {held} of {len(sets.queries)} clusters")
    places = []
    for query, found in sets.relevant.items():
        at = found.neurons.tolist().index(flat) if flat in found.neurons else -1
        if at >= 0:
            places.append((at + 1, query, float(found.discounted[at])))
    domains = Counter(sets.domains[query] for _, query, _ in places)
    if domains:
        told = ", ".join(f"{domain} ({counted(count, 'query', 'queries')})" for domain, count in domains.most_common())
        yield Mention(f"query-relevant in {told}")
    for place, query, score in sorted(places)[:LISTED]:
        prompt = str(sets.prompts[query][0].row.notes["prompt"])
        yield Mention(f"place {place} of \u201c{prompt[-80:]}\u201d, naica {score:.3g}", query)
    if len(places) > LISTED:
        yield Mention(f"and {counted(len(places) - LISTED, 'more query', 'more queries')}")
