"""Jobs: kinds of work, the worker that runs them, the executor they run on."""
