"""Scale query-relevant neurons, and see whose answers move."""

from app.domain.runs import Lane
from app.kinds.base import Kind
from app.kinds.clusters.question import KEY as SEARCH
from app.kinds.effects.ask import EffectsAsk
from app.kinds.effects.question import KEY, EffectsForm, EffectsLook, EffectsQuestion
from app.kinds.effects.report import EffectsReport
from app.kinds.effects.work import EffectsWork
from app.kinds.places import Place

KIND: Kind[EffectsQuestion, EffectsForm, EffectsLook] = Kind(
    key=KEY,
    version=1,
    title="Effects of query-relevant neurons",
    noun="effects of query-relevant neurons",
    about="what query-relevant neurons do to their own answer and to others",
    gives=frozenset(),
    ask=EffectsAsk(),
    work=EffectsWork,
    report=EffectsReport,
    Look=EffectsLook,
    lane_of=lambda question: Lane.BATCH,
    address="/effects",
    place=Place.WHETHER,
    heading="Do these neurons matter for their queries?",
    help="Each query's neurons are switched off and doubled while its own answer, and answers of other queries, are "
    "read; beside random sets, large activations and the set without each step of the method.",
    send="Test them",
    reads=SEARCH,
    offers={SEARCH: "Do they matter? Test them"},
)
