# Everything a person or CI types. Each target installs what it needs into .venv.
VENV   ?= .venv
PYTHON ?= python3
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: demo test check format test-vllm clean help

help:            ## what there is to type
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*##/\t/'

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all,dev]'
	touch $@

.dev/potstill:
	mkdir -p .dev && ln -sfn .. $@

demo: $(STAMP)   ## the whole way offline, on the practice teacher: about three minutes
	$(BIN)/potstill run examples/quickstart.yaml

test: $(STAMP)   ## all tests that need neither a GPU nor vLLM
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m 'not gpu and not vllm'

check: $(STAMP) .dev/potstill   ## lint, types, floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/python -m pytest tests/test_house.py

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:           ## everything that was made, except runs and ledgers
	rm -rf $(VENV) .dev build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
