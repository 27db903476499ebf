"""Nouns of the field as plain values: numpy and pydantic only."""
