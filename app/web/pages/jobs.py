"""Jobs: the queue, and one job."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.domain.bounds import Key
from app.web.page import away, render, services

router = APIRouter(include_in_schema=False)


@router.get("/jobs", name="jobs")
@router.get("/jobs.json", name="jobs_json")
def jobs(request: Request) -> Response:
    """Open jobs first, then the newest."""
    return render(request, "jobs", services(request).queue.all())


@router.get("/jobs/{number}", name="job")
@router.get("/jobs/{number}.json", name="jobs_one_json")
def job(request: Request, number: Key) -> Response:
    """One job with what goes first and its log."""
    return render(request, "job", services(request).queue.job(number))


@router.post("/jobs/{number}/stop", name="stop_job")
def stop(request: Request, number: Key) -> Response:
    """Ask it to stop; what was finished is kept."""
    services(request).jobs.ask_stop(number)
    return away(request, "job", number=number)
