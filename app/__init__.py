"""Golgi: which neurons and attention heads of a transformer matter for a decision, proved by switching them off."""

__version__ = "0.1.0"
