"""Server-rendered pages over the services."""
