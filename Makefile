# SPDX-License-Identifier: Apache-2.0
# The developer's commands. Every target sets up what it needs; `make` alone lists them.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/pip --quiet --disable-pip-version-check
NPROC  := 2
FUZZ_SECONDS ?= 120
FUZZ_SEED ?= 1
N      ?=

# A stamp for each set of dependencies, named by the hash of pyproject.toml: a changed file sets up anew.
HASH    := $(shell cksum pyproject.toml | cut -d' ' -f1)
STAMP   := $(VENV)/.hwgen-$(HASH)
DEV     := $(VENV)/.dev-$(HASH)
QAT     := $(VENV)/.qat-$(HASH)

SV  := $(wildcard hls/rtl/*.sv sim/*.sv)
CPP := $(wildcard hls/include/hwgen/*.hpp hls/compat/*.h sim/*.cpp sim/*.hpp sim/fst/*.h)

.PHONY: help setup demo test test-qat check docs bench bench-real bench-planner calibrate fuzz regress wheel clean pictures

help:
	@echo "make setup     .venv with the hwgen command"
	@echo "make demo      build designs/digits-mlp to verified RTL, and say where to look"
	@echo "make test      all tests"
	@echo "make test-qat  retrain the example designs (downloads torch)"
	@echo "make check     lint, types, formatting, RTL lint"
	@echo "make docs      the site of docs/ in build/site, from the pages and the docstrings"
	@echo "make regress   build every design and hold it to its expect.json"
	@echo "make bench     the figures of the README, as JSON"
	@echo "make calibrate the planner's table of synthesised kernels and its prices anew (hours; goes on where it was)"
	@echo "make bench-real  the same for real networks (HWGEN_SHARED says where they are)"
	@echo "make bench-planner  what the planner makes of real networks on real boards"
	@echo "make fuzz      random models, damaged files and kernels for FUZZ_SECONDS (120) each; N=2000 for so many programs; log in build/fuzz/"
	@echo "make pictures    docs/images anew: digits-cnn is built, its report photographed (needs Chromium)"
	@echo "make wheel     dist/*.whl"
	@echo "make clean     remove what the build made"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "hwgen needs Python 3.11 or later; set PYTHON=python3.11")'
	@$(PYTHON) -m venv $(VENV)

$(STAMP): | $(BIN)/python
	@echo "Setting up $(VENV) (once; about a minute) ..."
	@$(PIP) install --editable .
	@rm -f $(VENV)/.hwgen-* && touch $@

$(DEV): $(STAMP)
	@echo "Adding the developer's tools ..."
	@$(PIP) install --editable '.[dev]'
	@rm -f $(VENV)/.dev-* && touch $@

$(QAT): $(DEV)
	@echo "Adding torch and Brevitas ..."
	@$(PIP) install --editable '.[dev,qat]'
	@rm -f $(VENV)/.qat-* && touch $@

setup: $(STAMP)

demo: $(STAMP)
	@$(BIN)/hwgen build designs/digits-mlp/model.onnx --budget designs/digits-mlp/budget.yaml \
	  --inputs designs/digits-mlp/inputs.npz --frames 8
	@echo
	@echo "Look at build/digits_mlp/README.md (what it is), rtl/ (the SystemVerilog), hls/ (the C++),"
	@echo "report/report.json (every decision and figure), plan.json, models/01_integer.onnx (open it in Netron)."

test: $(DEV)
	@$(BIN)/python -m pytest -n $(NPROC)

test-qat: $(QAT)
	@$(BIN)/python -m pytest -m qat tests/project

check: $(DEV)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(if $(CPP),$(BIN)/clang-format --dry-run --Werror $(CPP))
	@$(if $(SV),$(BIN)/python tests/project/lint_rtl.py $(SV))

docs: $(DEV)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "Open build/site/index.html"

regress: $(STAMP)
	@$(BIN)/hwgen regress designs

bench: $(DEV)
	@$(BIN)/python benchmarks/build.py
	@$(BIN)/python benchmarks/hlsc.py --json
	@$(BIN)/python benchmarks/ecp5_timing.py
	@$(BIN)/python benchmarks/onnx_node_tests.py
	@$(BIN)/python benchmarks/golden.py
	@$(BIN)/python benchmarks/pynq.py
	@$(BIN)/python benchmarks/models.py
	@$(BIN)/python benchmarks/uart.py
	@$(BIN)/python benchmarks/bitstream.py

bench-planner: $(STAMP)
	@$(BIN)/python benchmarks/planner.py

bench-real: $(STAMP)
	@$(BIN)/python benchmarks/real_models.py
	@$(BIN)/python benchmarks/peers.py
	@$(BIN)/python benchmarks/ptq.py

calibrate: $(DEV)
	@$(BIN)/python benchmarks/kernel_costs.py --points 9 --fit

fuzz: $(DEV)
	@FUZZ_SECONDS=$(FUZZ_SECONDS) $(BIN)/python -m pytest -m fuzz -p no:cacheprovider
	@$(BIN)/python benchmarks/fuzz_loader.py --seed $(FUZZ_SEED) --seconds $(FUZZ_SECONDS)
	@$(BIN)/python -m tests.hlsc.fuzz.run --seed $(FUZZ_SEED) --jobs $(NPROC) \
	  $(if $(N),--count $(N),--count 1000000 --seconds $(FUZZ_SECONDS)) \
	  --log build/fuzz/programs.jsonl $(if $(N),--summary benchmarks/data/fuzz.json)

pictures: $(DEV)
	@$(BIN)/python docs/pictures.py

wheel: $(DEV)
	@$(BIN)/python -m build --wheel --no-isolation --outdir dist .

clean:
	@rm -rf build dist .pytest_cache .hypothesis .mypy_cache .ruff_cache
