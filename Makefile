# Two commands: `make run` and `make test`. Both set up what they need.

.PHONY: run test bench bench-peers demo check clean

PYTHON := .venv/bin/python

run: .set-up-run
	@$(PYTHON) -m app --demo

test: .set-up-test check
	@$(PYTHON) packaging/run_tests.py

check: .set-up-test
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-cache

bench: .set-up-test
	@$(PYTHON) -m pytest tests/perf -m perf -s -p no:xdist

# The opponents the benchmarks compare with, where they are installed.
bench-peers: .set-up-test
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check -c packaging/constraints.txt -e ".[dev,bench]"

demo: .set-up-run
	@$(PYTHON) -m resources.demo.synthesise

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache

.PHONY: .set-up-run .set-up-test
.set-up-run:
	@bash packaging/system.sh run
	@bash packaging/environment.sh run

.set-up-test:
	@bash packaging/system.sh test
	@bash packaging/environment.sh test
