"""The demo: how its re-ranker is made and measured, and the collection that ships with the product."""
