"""Figures with their table twins."""
