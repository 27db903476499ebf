"""Neurons and heads: one looked up by its id, saved sets, and the strongest of recent rankings."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.domain.bounds import Place, Word
from app.domain.errors import BadInput
from app.domain.sites import NeuronIndex
from app.web.page import away, render, services

router = APIRouter(include_in_schema=False)


@router.get("/neurons", name="neurons")
@router.get("/neurons.json", name="neurons_json")
def neurons(request: Request, model: Place = "", neuron: Word = "") -> Response:
    """The page, or that of the neuron that is looked up."""
    error: BadInput | None = None
    if model and neuron.strip():
        try:
            return away(request, "neuron", model=model, text=str(NeuronIndex.parse(neuron)))
        except BadInput as wrong:
            if request.url.path.endswith(".json"):
                raise
            error = BadInput(wrong.expected, wrong.found, "Write one neuron.", "neuron")
    view = services(request).overview.neurons()
    status = error.status if error else 200
    return render(request, "neurons", view, status=status, error=error, model=model, neuron=neuron)
