"""Switch neurons of an explained run off."""

from app.domain.runs import Lane
from app.kinds.ablate.ask import AblateAsk
from app.kinds.ablate.question import KEY, AblateForm, AblateLook, AblateQuestion
from app.kinds.ablate.report import AblateReport
from app.kinds.ablate.work import AblateWork
from app.kinds.base import Kind

KIND: Kind[AblateQuestion, AblateForm, AblateLook] = Kind(
    key=KEY,
    version=1,
    title="Ablation",
    noun="ablation",
    about="switch neurons of an explained run off",
    gives=frozenset({"answers"}),
    ask=AblateAsk(),
    work=AblateWork,
    report=AblateReport,
    Look=AblateLook,
    lane_of=lambda question: Lane.INTERACTIVE,
    unit="slices of the settings",
    offers={"unit": "Switch it off"},
)
