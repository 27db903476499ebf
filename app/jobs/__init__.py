"""Jobs: kinds of work, and the worker that runs them."""
