"""Counts in sentences: one neuron, two neurons."""


def counted(count: int, one: str, many: str = "") -> str:
    """A count with its noun.

    Args:
        count: how many; written with commas between thousands.
        one: the noun for exactly one. many: for every other count; empty: ``one`` with an s.
    """
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
