# What a developer runs. Everything uses the environment that is active; see CONTRIBUTING.md.
.PHONY: help install check test quick serve
.DEFAULT_GOAL := help

help:  ## what there is
	@grep -E '^[a-z]+:.*  ## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*  ## /\1\t/' | expand -t 10

install:  ## Golgi and what its tests need, at the newest versions
	python -m pip install -e '.[test]'

check:  ## style, types and import rules
	.ci/check

test:  ## every test
	python -m pytest -n auto --dist loadfile

quick:  ## the tests that take under a minute together
	python -m pytest -q -n auto --dist loadfile -m "not slow and not browser and not gpu"

serve:  ## pages and worker in a process each, started anew when code changes; ARGS="--port 8322"
	@python .ci/serve.py $(ARGS)
