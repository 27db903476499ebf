"""A loaded model behind one narrow waist: encode, run, and nothing else (``docs/architecture.md`` section 2)."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any

import torch

from app.domain.errors import BadInput, OutOfMemory, Unsupported
from app.domain.examples import Example, Seen
from app.domain.model_card import ModelCard
from app.domain.sites import NeuronSpace, Site, SiteKind
from app.domain.targets import TargetSpec
from app.models.architectures.base import Architecture, Tap
from app.models.encoder import Encoder
from app.models.encoding import Batch
from app.models.generation import Generation, generate
from app.models.start import Prefix, Rest, Start, passed_over, rest_of
from app.models.targets import Target
from app.models.tasks import tasks
from app.models.trace import Edits, Place, Trace, hooked
from app.models.weights import Weights

ENTRY = Site(-1, SiteKind.RESID)
"""What enters the first block of a pass that begins at it."""


def _nothing() -> None:
    return None


class ModelHost:
    """A model on one device. Parameters are frozen and dropout is off.

    ``between`` is called before every forward pass, when no hook is installed; ``rows`` counts rows passed so far;
    ``room`` is the share of the usual rows a pass, below 1 after one did not fit into the device's memory; ``away`` the
    seconds in which ``between`` let other work go first.
    """

    def __init__(self, model: Any, encoder: Encoder, architecture: Architecture, card: ModelCard) -> None:
        self.model = model.eval().requires_grad_(False)
        self.encoder, self.architecture, self.card = encoder, architecture, card
        self.between: Callable[[], None] = _nothing
        self.rows, self.room, self.away = 0, 1.0, 0.0

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
        """Encode examples on the model's device; see :meth:`Encoder.encode`.

        What a task explains of the unedited model's own answer is read off by a pass here, once.
        """
        batch = self.encoder.encode(examples, max_length, self.device)
        return tasks()[batch.task].settled(batch, lambda rows: self.run(rows, None).logits)

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
        places = {Site(0, SiteKind.WORDS): Place(base.get_submodule(words), words, Tap(words, "out"), config)}
        layer = 0
        for stack in self.architecture.stacks:
            for number, block in enumerate(base.get_submodule(stack.blocks)):
                where = f"{stack.blocks}.{number}"
                if layer == 0:
                    places[Site(0, SiteKind.EMBED)] = Place(block, where, Tap("", "in"), config)
                for kind, tap in stack.taps.items():
                    module = _below(block, tap.path)
                    if module is not None:
                        heads = config.num_attention_heads if kind is SiteKind.HEAD else 0
                        places[Site(layer, kind)] = Place(module, f"{where}.{tap.path}", tap, config, heads, True)
                layer += 1
        return places

    @cached_property
    def weights(self) -> Weights:
        """What the weights say by themselves: what units write, linear maps, the final norm with the head."""
        return Weights(self.model, self.architecture, self.places)

    def column_norms(self, site: Site) -> torch.Tensor:
        """[U] Euclidean norm of what each unit of a feed-forward site writes: its column of the down-projection.

        Raises:
            Unsupported: a site that is not the input of a projection.
        """
        if site.kind is not SiteKind.MID:
            raise Unsupported("the input of a down-projection", str(site), "Choose the preset ffn.", "preset")
        norms: torch.Tensor = self.weights.write(site.layer).norm(dim=1)
        return norms

    def complete_layers(self) -> tuple[int, ...]:
        """Blocks whose output every path from the words to the score crosses (``nig.md`` section 12, I1), as measured
        when the model was loaded."""
        return self.declared_complete() if self.card.complete is None else self.card.complete

    def declared_complete(self) -> tuple[int, ...]:
        """The same as the family declares it."""
        layers: list[int] = []
        first = 0
        for stack in self.architecture.stacks:
            size = len(self.model.base_model.get_submodule(stack.blocks))
            layers += [first + size - 1] if stack.complete == "last" else range(first, first + size)
            first += size
        return tuple(layers)

    @property
    def answering_layers(self) -> range:
        """Blocks whose tokens include the one that the answer is read at: the decoder's, where there is one."""
        last: Any = self.model.base_model.get_submodule(self.architecture.stacks[-1].blocks)
        return range(self.card.layers - len(last), self.card.layers)

    def target(self, spec: TargetSpec, batch: Batch | None = None) -> Target:
        """Resolve a target against this model, for a batch of the way in which it is read.

        Raises:
            BadInput: a label, token or neuron that the model does not have.
        """
        task = tasks()[self.card.task if batch is None else batch.task]
        return task.target(spec, self, batch)

    def run(
        self,
        batch: Batch,
        target: Target | None,
        *,
        record: Collection[Site] = (),
        edits: Edits | None = None,
        grad: bool = False,
        start: Start | None = None,
    ) -> Trace:
        """One forward pass: the only way to read, edit or differentiate the model.

        Args:
            batch: [B, T] encoded rows.
            target: the scalar per row; None when only values are read.
            record: sites whose values (and gradients, with ``grad``) are kept.
            edits: replacements of sites, applied in order, out of place.
            grad: keep the graph; recorded tensors that need no gradient yet become leaves.
            start: begin at a block with what enters it, where :attr:`resumes` and no site below it is touched; or
                behind known tokens, in causal language models: records and edits then see only the tokens that run,
                with the batch cut to them, and an inner target, which may sum over the others, is refused; or both.

        Raises:
            Unsupported: a site that this model does not have or that the pass does not reach, or a start that it lacks.
            BadInput: rows that do not begin with their prefix.
            OutOfMemory: the pass does not fit into the device's memory.
        """
        edits, inner = edits or {}, None if target is None else target.site
        record = {*record, inner} if inner is not None else record
        missing = sorted(site for site in {*record, *edits} if site not in self.places)
        if missing:
            raise Unsupported(f"a site of {self.architecture.family}", str(missing[0]), "Choose another preset.")
        self.between()
        start = start or Start()
        rest = self._rest(batch, start, inner)
        batch = batch if rest is None else rest.view
        places, edits = self._entered(start, record, edits)
        with (
            torch.set_grad_enabled(grad),
            self._blocks(start),
            hooked(places, batch, record, edits, grad) as kept,
        ):
            try:
                logits = self._logits(batch, rest)
            except torch.cuda.OutOfMemoryError as error:
                raise OutOfMemory(
                    "a forward pass that fits into the device's memory",
                    f"{len(batch.examples)} rows of {batch.mask.shape[1]} tokens",
                    "Shorten the input, unload other models, or use a smaller model.",
                ) from error
            trace = Trace(logits, logits.new_zeros(len(logits), 0), self.places, kept)
            if target is not None:
                trace.shared = target.shared
                trace.outputs = target.values(logits, batch, None if inner is None else trace.live(inner))
            if rest is not None and start.layer == 0:
                trace.rest = rest
        self.rows += len(logits)
        return trace

    def generate(self, batch: Batch, max_new: int, *, edits: Edits | None = None) -> Generation:
        """Write on behind prompts, the most probable token each time, until every row ends or ``max_new`` are written.

        Args:
            batch: [B, T] encoded prompts.
            max_new: tokens to write at most.
            edits: replacements of sites at every step. The first step's batch is the prompts, each later one's is the
                token written before, which is of the part ``generated``.

        Raises:
            Unsupported: a model or a way of reading that is not a causal language model; prompts of different lengths
                in one that does not look back to their beginning.
            BadInput: fewer than one token, or more than the model's longest input has room for.
        """
        return generate(self, batch, max_new, edits)

    def prefill(
        self, batch: Batch, lengths: int | Sequence[int] | None = None, *, edits: Edits | None = None
    ) -> Prefix:
        """Keys and values of the first tokens of each row, for passes that begin behind them.

        Args:
            batch: [B, T] encoded rows.
            lengths: tokens of each row, at least one; all but the last one unless it is given.
            edits: replacements of sites at these tokens.

        Raises:
            Unsupported: a model or a way of reading that is not a causal language model.
            BadInput: a row with no token left, in front of the prefix's end or behind it.
        """
        if lengths is None:
            lengths = (batch.mask.sum(1) - 1).tolist()
        counts = torch.as_tensor(lengths, device=self.device).expand(len(batch.examples))
        if not bool(((counts > 0) & (counts < batch.mask.sum(1))).all()):
            way = "Choose another length, or run the whole input."
            raise BadInput("a prefix of at least one token that leaves one", f"lengths {counts.tolist()}", way)
        first = batch.before(counts)
        return self.run(first, None, edits=edits, start=Start(prefix=Prefix.none(first))).prefix

    @property
    def resumes(self) -> bool:
        """Whether a pass may begin at any block."""
        return len(self.architecture.stacks) == 1 and self.architecture.stacks[0].loop

    def _blocks(self, start: Start) -> AbstractContextManager[None]:
        if start.layer == 0:
            return nullcontext()
        return passed_over(self.model.base_model, self.architecture.stacks[0].blocks, start.layer)

    def _entered(self, start: Start, record: Collection[Site], edits: Edits) -> tuple[Mapping[Site, Place], Edits]:
        """The places and edits of a pass: with those of its first block's input, where that is handed in."""
        if start.hidden is None:
            return self.places, edits
        below = sorted(site for site in {*record, *edits} if site.layer < start.layer)
        blocks: Any = self.model.base_model.get_submodule(self.architecture.stacks[0].blocks)
        if not self.resumes or below or start.layer >= len(blocks):
            touched = f"{below[0]} and " if below else ""
            raise Unsupported(
                f"one of {len(blocks)} plain blocks to begin at, and sites from it on",
                f"{touched}block {start.layer} of {self.architecture.family}",
                "Run it whole.",
            )
        entry = Place(blocks[start.layer], f"block {start.layer}", Tap("", "in"), self.model.base_model.config)
        return {**self.places, ENTRY: entry}, {**edits, ENTRY: (start.enter,)}

    def _rest(self, batch: Batch, start: Start, inner: Site | None) -> Rest | None:
        """What a pass behind known tokens runs; None where it runs all of them."""
        if start.prefix is None:
            return None
        task = tasks()[batch.task]
        if not task.continues or inner is not None:
            raise Unsupported(
                "a causal language model's own answer behind known tokens",
                task.title if inner is None else f"the activation at {inner}",
                "Run the whole input.",
            )
        return rest_of(batch, start.prefix, start.rows, self.model.base_model.config)

    def _logits(self, batch: Batch, rest: Rest | None) -> torch.Tensor:
        task = tasks()[batch.task]
        if rest is None:
            return task.logits(self.model, batch)
        return task.continued(self.model, rest.view, rest.cache)


def _below(block: torch.nn.Module, path: str) -> torch.nn.Module | None:
    """The first existing module of ``a|b`` below a block; the block itself for an empty path."""
    known = dict(block.named_modules())
    return next((known[name] for name in path.split("|") if name in known), None)
