"""A loaded model behind one narrow waist: encode, run, and nothing else (DESIGN section 2.1)."""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any

import torch

from app.domain.errors import BadInput, OutOfMemory, Unsupported
from app.domain.examples import Example, Seen
from app.domain.model_card import ModelCard
from app.domain.sites import NeuronIndex, NeuronSpace, Site, SiteKind
from app.domain.targets import TargetSpec
from app.models.architectures.base import Architecture, Tap
from app.models.encoding import Batch, Encoder
from app.models.resume import Resume, shortened
from app.models.targets import Target, check_inner, inner_target, label_target, token_pair_target, token_target
from app.models.trace import Edits, Place, Trace, hooked

ENTRY = Site(-1, SiteKind.RESID)
"""What enters the first block of a resumed pass."""
WORD_PAIRS = (("▁true", "▁false"), ("true", "false"), ("▁yes", "▁no"), ("yes", "no"))


def _nothing() -> None:
    return None


class ModelHost:
    """A model on one device. Parameters are frozen and dropout is off.

    ``between`` is called before every forward pass, when no hook is installed; ``rows`` counts rows passed so far;
    ``room`` is the share of the usual rows a pass, below 1 after one did not fit into the device's memory.
    """

    def __init__(self, model: Any, encoder: Encoder, architecture: Architecture, card: ModelCard) -> None:
        self.model = model.eval().requires_grad_(False)
        self.encoder, self.architecture, self.card = encoder, architecture, card
        self.between: Callable[[], None] = _nothing
        self.rows, self.room = 0, 1.0

    @property
    def tokenizer(self) -> Any:
        """The model's own tokenizer."""
        return self.encoder.tokenizer

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device: torch.device = next(self.model.parameters()).device
        return device

    def encode(self, examples: Sequence[Example], *, max_length: int | None = None) -> Batch:
        """Encode examples on the model's device; see :meth:`Encoder.encode`."""
        return self.encoder.encode(examples, max_length, self.device)

    def seen(self, example: Example, *, max_length: int | None = None) -> Seen:
        """What the model reads of an example and what does not fit."""
        return self.encoder.seen(example, max_length)

    def space(self, preset: str) -> NeuronSpace:
        """The neuron space of a preset."""
        return self.card.space(preset)

    @property
    def heads(self) -> int:
        """Attention heads of a block."""
        return int(self.model.base_model.config.num_attention_heads)

    @cached_property
    def places(self) -> dict[Site, Place]:
        """Every site of this model; blocks are numbered on over the stacks."""
        base = self.model.base_model
        config = base.config
        words = self.architecture.words
        found = {Site(0, SiteKind.WORDS): Place(base.get_submodule(words), words, Tap(words, "out"), config)}
        layer = 0
        for stack in self.architecture.stacks:
            for number, block in enumerate(base.get_submodule(stack.blocks)):
                where = f"{stack.blocks}.{number}"
                if layer == 0:
                    found[Site(0, SiteKind.EMBED)] = Place(block, where, Tap("", "in"), config)
                for kind, tap in stack.taps.items():
                    module = _below(block, tap.path)
                    if module is not None:
                        heads = config.num_attention_heads if kind is SiteKind.HEAD else 0
                        found[Site(layer, kind)] = Place(module, f"{where}.{tap.path}", tap, config, heads, True)
                layer += 1
        return found

    def column_norms(self, site: Site) -> torch.Tensor:
        """[U] Euclidean norm of what each unit of a feed-forward site writes: its column of the down-projection.

        Raises:
            Unsupported: a site that is not the input of a projection.
        """
        module = self.places[site].module if site.kind is SiteKind.MID else None
        weight = getattr(module, "weight", None)
        if weight is None:
            raise Unsupported("the input of a down-projection", str(site), "Choose the preset ffn.", "preset")
        norms: torch.Tensor = weight.norm(dim=0 if isinstance(module, torch.nn.Linear) else 1)
        return norms

    def complete_layers(self) -> tuple[int, ...]:
        """Blocks whose output every path from the words to the score crosses (``nig.md`` section 12, I1)."""
        found: list[int] = []
        first = 0
        for stack in self.architecture.stacks:
            size = len(self.model.base_model.get_submodule(stack.blocks))
            found += [first + size - 1] if stack.complete == "last" else range(first, first + size)
            first += size
        return tuple(found)

    def target(self, spec: TargetSpec, batch: Batch | None = None) -> Target:
        """Resolve a target against this model.

        Raises:
            BadInput: a label or token that the model does not have.
        """
        if spec.inner is not None:
            return self._inner(spec, spec.inner, batch)
        if self.card.task == "ranker":
            return label_target(spec.name, self.card.labels, spec.label, self.card.relevant_label)
        if self.card.task == "yes_no":
            return self._yes_no(spec)
        return self._token(spec, batch)

    def _inner(self, spec: TargetSpec, neuron: NeuronIndex, batch: Batch | None) -> Target:
        """The activation of a neuron that some block lies below."""
        check_inner(self.card, neuron)
        if spec.tokens is not None and batch is not None:
            batch.where([spec.tokens])
        return inner_target(self.target(TargetSpec(label=spec.label, token=spec.token), batch), neuron, spec.tokens)

    def _yes_no(self, spec: TargetSpec) -> Target:
        known = self.tokenizer.get_vocab()
        for yes, no in WORD_PAIRS:
            if yes in known and no in known:
                return token_pair_target(spec.name, (known[yes], known[no]), (yes.strip("▁"), no.strip("▁")))
        raise Unsupported(
            "a vocabulary with the words true and false, or yes and no",
            "neither",
            "Use a yes/no ranker such as monoT5.",
        )

    def _token(self, spec: TargetSpec, batch: Batch | None) -> Target:
        if spec.token is not None:
            ids = self.tokenizer(spec.token, add_special_tokens=False)["input_ids"]
            if not ids:
                raise BadInput("a continuation of at least one token", "none", "Type the expected next word.", "token")
            why = "as asked" if len(ids) == 1 else f"the first of {len(ids)} tokens asked for"
            return token_target(spec.name, ids[0], self.tokenizer.decode([ids[0]]), why)
        if batch is None:
            return token_target(spec.name, 0, self.tokenizer.decode([0]), "to be predicted")
        predicted = int(self.run(batch.take([0]), None).logits[0].argmax())
        return token_target(spec.name, predicted, self.tokenizer.decode([predicted]), "predicted by the model")

    def run(
        self,
        batch: Batch,
        target: Target | None,
        *,
        record: Collection[Site] = (),
        edits: Edits | None = None,
        grad: bool = False,
        resume: Resume | None = None,
    ) -> Trace:
        """One forward pass: the only way to read, edit or differentiate the model.

        Args:
            batch: [B, T] encoded rows.
            target: the scalar per row; None when only values are read.
            record: sites whose values (and gradients, with ``grad``) are kept.
            edits: replacements of sites, applied in order, out of place.
            grad: keep the graph; recorded tensors that need no gradient yet become leaves.
            resume: begin at a block with what enters it; only where :attr:`resumes`, and no site below it is touched.

        Raises:
            Unsupported: a site that this model does not have, or that a resumed pass does not reach.
            OutOfMemory: the pass does not fit into the device's memory.
        """
        edits, inner = edits or {}, None if target is None else target.site
        record = {*record, inner} if inner is not None else record
        missing = sorted(site for site in {*record, *edits} if site not in self.places)
        if missing:
            raise Unsupported(f"a site of {self.architecture.family}", str(missing[0]), "Choose another preset.")
        self.between()
        places = self.places
        if resume is not None:
            places, edits = self._resumed(resume, {*record, *edits}), {**edits, ENTRY: (lambda *_: resume.hidden,)}
        with (
            torch.set_grad_enabled(grad),
            self._blocks(resume),
            hooked(places, batch, record, edits, grad) as kept,
        ):
            try:
                logits = self._logits(batch)
            except torch.cuda.OutOfMemoryError as error:
                raise OutOfMemory(
                    "a forward pass that fits into the device's memory",
                    f"{len(batch.examples)} rows of {batch.mask.shape[1]} tokens",
                    "Shorten the input, unload other models, or use a smaller model.",
                ) from error
            trace = Trace(logits, logits.new_zeros(len(logits)), self.places, kept)
            if target is not None:
                trace.rows = target.rows
                trace.outputs = target(logits) if inner is None else target.summed(trace.live(inner), batch)
        self.rows += len(logits)
        return trace

    @property
    def resumes(self) -> bool:
        """Whether a pass may begin at any block."""
        return len(self.architecture.stacks) == 1 and self.architecture.stacks[0].loop

    def _blocks(self, resume: Resume | None) -> AbstractContextManager[None]:
        if resume is None:
            return nullcontext()
        return shortened(self.model.base_model, self.architecture.stacks[0].blocks, resume.layer)

    def _resumed(self, resume: Resume, touched: Collection[Site]) -> dict[Site, Place]:
        """The places of a resumed pass: those of the blocks that run, and the entry of the first of them."""
        below = sorted(site for site in touched if site.layer < resume.layer)
        if not self.resumes or below:
            found = str(below[0]) if below else self.architecture.family
            raise Unsupported(
                f"sites from block {resume.layer} on, in a family of plain blocks", found, "Run it whole."
            )
        block = self.model.base_model.get_submodule(self.architecture.stacks[0].blocks)[resume.layer]
        config = self.model.base_model.config
        return {**self.places, ENTRY: Place(block, f"block {resume.layer}", Tap("", "in"), config)}

    def _logits(self, batch: Batch) -> Any:
        if self.card.task == "ranker":
            return self._call(batch).logits
        if self.card.task == "yes_no":
            return self._call(batch).logits[:, 0]
        last = batch.mask.shape[1] - 1
        if bool((batch.readout == last).all()):
            return self._call(batch, logits_to_keep=1, use_cache=False).logits[:, -1]
        rows = torch.arange(len(batch.readout), device=batch.readout.device)
        return self._call(batch, use_cache=False).logits[rows, batch.readout]

    def _call(self, batch: Batch, **more: Any) -> Any:
        return self.model(**batch.inputs, **more)


def _below(block: torch.nn.Module, path: str) -> torch.nn.Module | None:
    """The first existing module of ``a|b`` below a block; the block itself for an empty path."""
    known = dict(block.named_modules())
    return next((known[name] for name in path.split("|") if name in known), None)
