"""Roles of input runs in a study: the rankings under test, and rankings that stand beside them as controls."""

SOURCE = "source"
POOL = "pool"
"""A search whose clusters discount those of one query."""


def source_role(place: int) -> str:
    """The role of a ranking under test by its place, counted from 0."""
    return f"{SOURCE}{place or ''}"


def is_source(role: str) -> bool:
    """Whether a role is that of a ranking under test, with random sets of its own."""
    return role.startswith(SOURCE)


def set_label(place: int, name: str) -> str:
    """The label of a saved set under test by its place, counted from 1; no role and no other set has it."""
    return f"set {place}: {name}"
