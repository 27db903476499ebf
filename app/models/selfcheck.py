"""Checks on every loaded model; a failed one switches off what depends on it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from app.domain.errors import BadInput, GolgiError
from app.domain.examples import CONTENT_SEGMENTS
from app.domain.model_card import CheckRow
from app.domain.sites import Site, SiteKind
from app.domain.targets import ResolvedTarget, TargetSpec
from app.models.host import ModelHost
from app.models.targets import Target
from app.models.tasks import tasks
from app.models.trace import Edit

WORDS = Site(0, SiteKind.WORDS)


@dataclass(frozen=True)
class Check:
    """One check: returns (passed, what was found)."""

    key: str
    title: str
    switches_off: str
    run: Callable[["Bench"], tuple[bool, str]]


class Bench:
    """A model with a short input and its unedited answer."""

    def __init__(self, host: ModelHost) -> None:
        self.host = host
        self.long, self.short = tasks()[host.card.task].probes()
        self.batch = host.encode([self.long])
        spec = TargetSpec(name="logit", label=0 if len(host.card.labels) > 1 else None)
        try:
            self.target = host.target(spec, self.batch)
        except BadInput:
            self.target = Target(ResolvedTarget(name="logit", unit="logit", sentence="the first logit"), None, 0)
        self.logits = host.run(self.batch, None).logits
        self.loose = {torch.float64: 1e-8, torch.float32: 1e-3}.get(host.model.dtype, 5e-2)

    def change(self, site: Site) -> float:
        """Largest change of a logit when a site is set to zero."""
        trace = self.host.run(self.batch, None, edits={site: (lambda value, _: torch.zeros_like(value),)})
        return float((trace.logits - self.logits).abs().max())

    def sites(self, kind: SiteKind) -> list[Site]:
        """Every place of a kind."""
        return sorted(site for site in self.host.places if site.kind is kind)


def _widths(bench: Bench) -> tuple[bool, str]:
    card, config = bench.host.card, bench.host.model.base_model.config
    want = int(config.hidden_size)
    sizes = card.widths.get(SiteKind.MID, ())
    return card.widths[SiteKind.RESID][0] == want and min(sizes, default=0) > 0, (
        f"{card.layers} blocks, width {card.hidden} (configuration {want}), "
        f"{min(sizes, default=0)} to {max(sizes, default=0)} neurons each"
    )


def _identity(bench: Bench) -> tuple[bool, str]:
    edits = {site: (lambda value, _: value.clone(),) for site in bench.host.places}
    gap = float((bench.host.run(bench.batch, None, edits=edits).logits - bench.logits).abs().max())
    return gap <= bench.loose / 100, f"largest change of a logit {gap:.1e}"


def _zero(kind: SiteKind) -> Callable[[Bench], tuple[bool, str]]:
    def run(bench: Bench) -> tuple[bool, str]:
        changes = [bench.change(site) for site in bench.sites(kind)]
        return bool(changes) and max(
            changes
        ) > 0, f"{sum(c > 0 for c in changes)} of {len(changes)} blocks move the score"

    return run


def _constant(kept: torch.Tensor) -> Edit:
    return lambda value, batch: kept


def _back(bench: Bench) -> tuple[bool, str]:
    sites = [*bench.sites(SiteKind.MID), *bench.sites(SiteKind.HEAD), WORDS]
    trace = bench.host.run(bench.batch, None, record=sites)
    edits = {site: (_constant(trace.value(site)),) for site in sites}
    gap = float((bench.host.run(bench.batch, None, edits=edits).logits - bench.logits).abs().max())
    return gap <= bench.loose / 100, f"largest change of a logit {gap:.1e}"


def _gradients(bench: Bench) -> tuple[bool, str]:
    sites = [*bench.sites(SiteKind.MID), WORDS]
    trace = bench.host.run(bench.batch, bench.target, record=sites, grad=True)
    gradients = trace.gradients(*sites)
    finite = all(bool(g.isfinite().all()) for g in gradients.values())
    moving = sum(bool(g.abs().max() > 0) for g in gradients.values())
    return finite and moving > 1, f"{moving} of {len(sites)} places have a gradient"


def _spans(bench: Bench) -> tuple[bool, str]:
    spans = bench.batch.spans[0]
    count = int(bench.batch.mask[0].sum())
    content = [s for s in spans if s.segment in CONTENT_SEGMENTS]
    return len(spans) == count and bool(content), f"{len(spans)} spans for {count} tokens, {len(content)} of the text"


def _padding(bench: Bench) -> tuple[bool, str]:
    alone = bench.host.run(bench.host.encode([bench.short]), None).logits[0]
    padded = bench.host.run(bench.host.encode([bench.short, bench.long]), None).logits[0]
    gap = float((alone - padded).abs().max())
    return gap <= bench.loose, f"largest change of a logit {gap:.1e}"


def _rows(bench: Bench) -> tuple[bool, str]:
    many = bench.host.run(bench.batch.take([0, 0, 0]), None).logits
    gap = float((many - bench.logits).abs().max())
    return gap <= bench.loose, f"largest change of a logit {gap:.1e}"


def _complete(bench: Bench) -> tuple[bool, str]:
    declared, found = bench.host.declared_complete(), bench.host.complete_layers()
    past = sorted(set(declared) - set(found))
    told = f"{len(found)} of {len(declared)} blocks carry all of the words"
    return True, told + (f"; something goes past block {', '.join(map(str, past))}" if past else "")


def _clean(bench: Bench) -> tuple[bool, str]:
    left = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in bench.host.model.modules())
    return left == 0, f"{left} hooks left on the model"


CHECKS = (
    Check("widths", "sizes match the configuration", "ffn", _widths),
    Check("identity", "an edit that changes nothing changes nothing", "edits", _identity),
    Check("neurons", "zeroing the neurons of a block changes the score", "ffn", _zero(SiteKind.MID)),
    Check("heads", "zeroing the heads of a block changes the score", "heads", _zero(SiteKind.HEAD)),
    Check("back", "writing back what was read changes nothing", "edits", _back),
    Check("gradients", "gradients exist and are finite", "gradients", _gradients),
    Check("spans", "every token has one span", "words", _spans),
    Check("padding", "padding does not change the score", "batches", _padding),
    Check("rows", "rows of a batch do not influence each other", "batches", _rows),
    Check("complete", "sums are compared where every path crosses", "completeness", _complete),
    Check("hooks", "no hook is left on the model", "edits", _clean),
)


def checked(host: ModelHost) -> tuple[tuple[CheckRow, ...], dict[str, str]]:
    """The rows of the report, and what is switched off with the reason."""
    bench = Bench(host)
    rows, off = [], {}
    for check in CHECKS:
        try:
            passed, detail = check.run(bench)
        except (GolgiError, RuntimeError) as error:
            passed, detail = False, str(error)[:300]
        state = "ok" if passed else "failed"
        rows.append(CheckRow(key=check.key, title=check.title, state=state, found=detail, feature=check.switches_off))
        if not passed:
            off[check.switches_off] = f"self-check '{check.title}' failed: {detail}"
    return tuple(rows), off
