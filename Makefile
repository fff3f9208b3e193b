# Two commands do everything on a machine that has only Python ≥ 3.11 and make:
#   make demo    the library at work on real input
#   make test    the proof, on SQLite and on a real PostgreSQL
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test lint bench bench-quick bench-docs bench-channels soak serve chat clean

demo: $(RUNTIME)
	$(BIN)/python -m examples.depot $(DEPOT_ARGS)

serve: $(RUNTIME)
	$(BIN)/python -m examples.depot serve $(DEPOT_ARGS)

chat: $(RUNTIME)
	$(BIN)/python -m examples.chat $(CHAT_ARGS)

test: $(READY)
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright -p pyproject.toml
	$(BIN)/lint-imports

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks $(BENCH_ARGS)

bench-quick: $(VENV)/.bench
	$(BIN)/python -m benchmarks --quick $(BENCH_ARGS)

bench-docs: $(VENV)/.bench
	$(BIN)/python -m benchmarks --docs $(BENCH_ARGS)

bench-channels: $(VENV)/.bench
	$(BIN)/python -m benchmarks.workloads.channels $(BENCH_ARGS)

soak: $(READY)
	$(BIN)/python -m soak $(SOAK_ARGS)

# The environment is brought up to date when a pinned version changes.
$(RUNTIME): requirements/runtime.txt requirements/build.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("ectype needs Python 3.11 or newer, this is " + sys.version) if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) -r requirements/runtime.txt -r requirements/build.txt
	$(PIP) --no-deps --no-build-isolation -e .
	touch $@

$(READY): $(RUNTIME) requirements/dev.txt
	$(PIP) -r requirements/dev.txt
	touch $@

$(VENV)/.bench: $(READY) requirements/bench.txt
	$(PIP) -r requirements/bench.txt
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache
