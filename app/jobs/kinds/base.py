"""What kinds share: the settings of an explain run that another run takes as input."""

from app.domain.explaining import ExplainSettings
from app.jobs.base import Inputs


def explained(given: Inputs, role: str = "source") -> ExplainSettings:
    """Settings of the input run in a role."""
    return ExplainSettings.model_validate(given.runs[role].spec.settings)
