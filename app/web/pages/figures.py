"""Figures as files that the browser does not make itself."""

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from app.domain.errors import BadInput
from app.figures.pdf import MOST, pdf

router = APIRouter(include_in_schema=False)


@router.post("/figures/pdf", name="figure_pdf")
async def figure_pdf(request: Request) -> Response:
    """The drawing that a page sends, as PDF; nothing of it is kept."""
    sent = bytearray()
    async for part in request.stream():
        sent += part
        if len(sent) > MOST:
            raise BadInput(f"a drawing of at most {MOST:,} bytes", "more", "Take the SVG.", "figure")
    body = await run_in_threadpool(pdf, sent.decode("utf-8", "replace"))
    return Response(body, media_type="application/pdf")
