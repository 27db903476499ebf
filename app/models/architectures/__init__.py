"""Declarations of model families: where each site lives."""
