"""Attribution methods, one file each."""

DEFAULT = "nig"
"""Key of the method that a question asks for unless it names another."""
