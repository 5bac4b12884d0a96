# Everything goes through `make install`, which makes .venv with the command `gram` in it.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
# Two processes of one thread each: two threads beside any other load are many times slower.
PARALLEL = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: install demo check test lint types docs clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "$(PYTHON) is $$($(PYTHON) --version 2>&1); gram needs Python 3.11 or later: PYTHON=python3.12 make install." >&2; \
	exit 2; }
	@echo "Installing into .venv. PyTorch is large: this takes minutes, and says nothing meanwhile."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt -e ".[dev,hub,notebooks]"
	touch $@

demo: install
	$(BIN)/python examples/demo.py

# What fits between two edits: everything but the tests that train, compile or open sockets.
check: lint types
	$(PARALLEL) -m "not slow and not compile and not network"

test: install
	$(PARALLEL)

lint: install
	$(BIN)/ruff check src tests examples benchmarks
	$(BIN)/ruff format --check src tests examples benchmarks

types: install
	$(BIN)/pyright

docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:
	rm -rf .venv build dist src/*.egg-info .pytest_cache .ruff_cache .hypothesis
