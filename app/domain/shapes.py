"""How large a model's blocks are, from its configuration alone (``qrnca.md`` section 12)."""

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """Sizes of a stack of blocks.

    Args:
        layers, units, width: L blocks of U feed-forward units, D wide.
        heads, shared: heads, and heads of keys and values (fewer where several share them). head: width of one.
        vocabulary: tokens. maps: of a feed-forward layer: three where it is gated, else two.
        tied: whether head and word embeddings are one matrix.
    """

    model_config = ConfigDict(frozen=True)

    layers: int
    units: int
    width: int
    heads: int
    shared: int
    head: int
    vocabulary: int
    maps: int
    tied: bool

    @property
    def block_weights(self) -> int:
        """Weights of all blocks, without norms and biases: what one token of a row is multiplied with."""
        attention = 2 * self.width * self.heads * self.head + 2 * self.width * self.shared * self.head
        return self.layers * (attention + self.maps * self.width * self.units)

    @property
    def weights(self) -> int:
        """The same with word embeddings and head."""
        return self.block_weights + (1 if self.tied else 2) * self.vocabulary * self.width

    def cached_bytes(self, tokens: int, each: int) -> int:
        """Bytes of the keys and values of one row of tokens, of numbers of ``each`` bytes."""
        return 2 * self.layers * tokens * self.shared * self.head * each
