"""A run as a Jupyter notebook: version, specification and commands are pinned; results are loaded or computed again."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from app import __version__
from app.domain.errors import Conflict
from app.domain.runs import RunState
from app.services.pages import Pages, RunView

LOAD = """if RECOMPUTE:
    import shlex
    import subprocess

    for command in COMMANDS:
        subprocess.run(shlex.split(command), check=True)
    run = stored(FINGERPRINT)
else:
    run = opened(*BUNDLES, token=os.environ.get("GOLGI_TOKEN", ""))
assert run.record.fingerprint == FINGERPRINT
print(*run.sentences, sep="\\n")"""


class Notebooks:
    """Writes notebooks of stored runs."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages

    def make(self, number: int, address: Callable[[int], str]) -> bytes:
        """The notebook of a run; ``address`` gives that of a run's bundle.

        Raises:
            NotFound: no such run.
            Conflict: it has no result.
        """
        view = self.pages.run(number)
        if view.run.state not in (RunState.DONE, RunState.PARTIAL):
            way = "Wait for it to finish."
            raise Conflict("a run with a result", f"run {number}, {view.run.state}", way)
        inputs = sorted({run.id: run for run in view.inputs.values()}.items())
        commands = [self.pages.run(number).command for number, _ in inputs]
        bundles = [address(number) for number, _ in inputs]
        return notebook(view, [*commands, view.command], [*bundles, address(number)])


def notebook(view: RunView, commands: Sequence[str], bundles: Sequence[str]) -> bytes:
    """The notebook of a page.

    Args:
        view: the run's page. commands: of its inputs, then its own. bundles: addresses of bundles, in the same order.
    """
    run = view.run
    pinned = "\n".join(
        [
            "import os",
            "",
            "from app.notebook import opened, stored",
            "",
            "# Addresses, or paths of the downloaded files; what a run was made from comes before it.",
            f"BUNDLES = {_listed(bundles)}",
            f"COMMANDS = {_listed(commands)}",
            f"FINGERPRINT = {run.fingerprint!r}",
            "# True: the commands run here and now, into the database of this machine.",
            "RECOMPUTE = False",
        ]
    )
    cells = [_text(view), _code(pinned), _code(LOAD), _code("run.table.slice(0, 10).to_pydict()")]
    if view.ranks:
        cells.append(_code("# [P, N]: parts of the input, neurons\nrun.scores.parts, run.scores.mean.shape"))
    cells += [_code(f"run.figures[{name!r}]") for name in view.report.figures]
    origin = {"golgi": __version__, "specification": run.spec.model_dump(mode="json"), "environment": run.environment}
    body = {
        "cells": [{"id": f"cell-{number}", **cell} for number, cell in enumerate(cells)],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "golgi": origin,
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(body, ensure_ascii=False, indent=1).encode()


def _text(view: RunView) -> dict[str, Any]:
    """Title, result and method in words; the title is the user's, so it is shown as it stands."""
    run = view.run
    fence = "`" * (1 + max(map(len, re.findall("`+", run.title)), default=0))
    made = f"Run {run.id} of Golgi {run.environment.get('golgi', __version__)}, {run.spec.model}, weights sha256 "
    lines = ["# Golgi", "", f"{fence} {run.title} {fence}", "", *view.report.sentences, "", view.report.paragraph, ""]
    lines += [made + f"`{run.spec.weights_hash}`."]
    citation = view.report.citation
    if citation:
        lines += ["", "```bibtex", citation, "```"]
    return {"cell_type": "markdown", "metadata": {}, "source": "\n".join(lines)}


def _code(source: str) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": source}


def _listed(values: Sequence[str]) -> str:
    return "[\n" + "".join(f"    {value!r},\n" for value in values) + "]"
