"""Attribution methods, one file each."""

DEFAULT = "nig"
"""Key of the method that a question asks for unless it names another."""

OF_PROMPTS = "knowledge"
"""Key of the method that scores prompts unless a question names another."""
