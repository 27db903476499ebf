"""Torch tensors in and out; no model."""
