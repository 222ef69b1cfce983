# Everything a person types. `make demo` and `make test` need Python 3.10-3.13 and nothing else.
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=

# The graph is many processes with a little linear algebra each: more threads only contend.
export OMP_NUM_THREADS ?= 1

.PHONY: help setup demo test check format bench reference docs clean

help:  ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 16

setup:  ## Make or refresh the virtual environment .venv
	@VENV=$(VENV) scripts/setup_env.sh

demo: setup  ## A Go2 walks in a world outside its training, adapts, walks again; 4 to 16 minutes
	@$(BIN)/simdist demo $(ARGS)

# Graphs that keep time run one after the other; the rest on two cores, each in its own ROS domain.
test: setup  ## Run all tests; ARGS='-k history' runs some
ifeq ($(ARGS),)
	@$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m 'not realtime' --ignore test/launch
	@$(BIN)/pytest -m realtime test/bringup
	@$(BIN)/pytest test/launch || [ $$? = 5 ]  # pytest's code where all of it is skipped
else
	@$(BIN)/pytest $(ARGS)
endif

check: setup  ## Formatting, lint, types and the import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -q test/package/test_imports.py

format: setup  ## Format the code and mend what lint can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup  ## Measure speed; writes JSON with the commit
	@$(BIN)/python -m benchmarks $(ARGS)

reference: setup  ## Generate the tables of doc/ from the settings
	@$(BIN)/python -m simdist_ros.settings_reference

docs: reference  ## Build the pages of doc/, API included, into doc/_build/html
	@$(BIN)/python -m pip install -qq --disable-pip-version-check \
		-c requirements/constraints.txt -r requirements/docs.txt
	@$(BIN)/sphinx-build -q -W --keep-going $(ARGS) doc doc/_build/html
	@echo wrote doc/_build/html/index.html

clean:  ## Remove what can be made again, .venv included
	rm -rf $(VENV) build install log dist doc/_build doc/api doc/commands.md *.egg-info .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
