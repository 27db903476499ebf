"""Loaded transformers behind one narrow waist, :class:`app.models.host.ModelHost`."""
