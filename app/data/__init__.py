"""Readers of datasets on disk."""
