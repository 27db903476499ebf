"""What axe-core finds on a page that shuts people out; the package brings the script along, nothing is fetched."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe

GRAVE = ("serious", "critical")
ONLY_FAULTS = {"resultTypes": ["violations"]}


def barriers(page: Any) -> list[str]:
    """Serious and critical violations of an open page as it is now: rule, element, what is wrong."""
    found = Axe().run(page, options=ONLY_FAULTS).response["violations"]
    return [
        f"axe {one['id']} ({one['impact']}): {node['target']} {node['failureSummary']}"
        for one in found
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]
