"""JSON files of a model's folder, with faults in words."""

import json
from pathlib import Path
from typing import Any

from app.domain.errors import Unsupported


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object of a model folder; empty if the file is not there.

    Raises:
        Unsupported: the file is broken.
    """
    if not path.exists():
        return {}
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = json.loads(text)
    except json.JSONDecodeError as error:
        found = f"{path.name}, which is empty" if not text.strip() else f"{path.name}, broken in line {error.lineno}"
        raise Unsupported("valid JSON", found, "Copy the file again.", "model") from error
    except UnicodeDecodeError as error:
        raise Unsupported("valid JSON", f"{path.name}, which is no UTF-8", "Copy the file again.", "model") from error
    except (RecursionError, ValueError, OSError) as error:
        found = f"{path.name}, which cannot be read"
        raise Unsupported("valid JSON", found, "Copy the model's folder again.", "model") from error
    if not isinstance(content, dict):
        raise Unsupported("a JSON object", f"{path.name}: {type(content).__name__}", "Copy the folder again.", "model")
    return content
