"""Numbers to numbers, numpy only."""
