"""Edits of activations, and what the model answers under them."""
