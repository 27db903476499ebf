"""SQLite through SQLAlchemy: the only package that sees SQL."""
