"""Predict the right option of new questions from the activity of a domain's neurons."""

from app.domain.runs import Lane
from app.kinds.base import Kind
from app.kinds.clusters.question import KEY as SEARCH
from app.kinds.places import Place
from app.kinds.predict.ask import PredictAsk
from app.kinds.predict.question import KEY, PredictForm, PredictLook, PredictQuestion
from app.kinds.predict.report import PredictReport
from app.kinds.predict.work import PredictWork

KIND: Kind[PredictQuestion, PredictForm, PredictLook] = Kind(
    key=KEY,
    version=1,
    title="Prediction from query-relevant neurons",
    noun="prediction from query-relevant neurons",
    about="the right option of new questions, from the activity of their domain's neurons alone",
    gives=frozenset(),
    ask=PredictAsk(),
    work=PredictWork,
    report=PredictReport,
    Look=PredictLook,
    lane_of=lambda question: Lane.BATCH,
    unit="new queries",
    address="/predict",
    place=Place.ABLE,
    heading="Do these neurons know the answers of new questions?",
    help="Each option of questions that the search did not use is proposed as the answer, and the domain's neurons say "
    "how right it looks; beside the model's own choice, random neurons and chance.",
    send="Predict",
    reads=SEARCH,
    offers={SEARCH: "Do they know new questions? Predict"},
)
