"""Running sums as bytes: the same sums give the same bytes, and no code is run to read them."""

import io
import json

import numpy as np

from app.domain.scores import Floats, RunningScores
from app.domain.sites import Site, SiteKind


def packed(total: RunningScores | None) -> bytes:
    """The sums as an uncompressed array archive; empty for none."""
    if total is None:
        return b""
    arrays: dict[str, Floats] = {}
    for name in ("total", "square", "above", "fold"):
        for site, values in getattr(total, name).items():
            arrays[f"{name}|{site.layer}|{site.kind.value}"] = values
    head = np.frombuffer(
        json.dumps({"parts": total.parts, "n": total.n, "fold_n": total.fold_n}).encode(), dtype=np.uint8
    )
    out = io.BytesIO()
    np.savez(out, allow_pickle=False, head=head, **arrays)
    return out.getvalue()


def unpacked(data: bytes) -> RunningScores | None:
    """What :func:`packed` wrote."""
    if not data:
        return None
    with np.load(io.BytesIO(data), allow_pickle=False) as stored:
        head = json.loads(stored["head"].tobytes())
        sums = RunningScores(tuple(head["parts"]), head["n"], fold_n=tuple(head.get("fold_n", ())))
        for key in stored.files:
            if key != "head":
                name, layer, kind = key.split("|")
                getattr(sums, name)[Site(int(layer), SiteKind(kind))] = stored[key]
    return sums
