# `make help` lists the commands. PYTHON chooses the interpreter that makes .venv; by default,
# .ci/find_python.sh finds or fetches one. EXTRAS are the optional dependencies.

PYTHON ?=
EXTRAS ?= sample,dev,docs
VENV ?= .venv
BIN := $(VENV)/bin
export DAGSTER_HOME := $(CURDIR)/.dagster_home
# The environment the commands run in.
export VIRTUAL_ENV := $(CURDIR)/$(VENV)

# uv compiles nothing, and some containers forbid Python to keep what it compiles: each start of a
# command would take seconds longer.
unexport PYTHONDONTWRITEBYTECODE

# Material for MkDocs prints an announcement otherwise.
export NO_MKDOCS_2_WARNING := 1

.DEFAULT_GOAL := help
.PHONY: help install demo restore ui desk test test-all check check-lint check-types check-defs format bench docs screenshots lock clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

# The stamp names the extras that are installed. It is renewed for others, and when what is to be
# installed changes.
STAMP := $(VENV)/.installed
comma := ,
space := $(comma:,= )
INSTALLED := $(shell cat $(STAMP) 2>/dev/null)
# Those above are for a new .venv: whoever chose others gets no more.
WANTED := $(if $(and $(INSTALLED),$(filter file,$(origin EXTRAS))),,$(subst $(comma),$(space),$(EXTRAS)))
TOGETHER := $(sort $(INSTALLED) $(WANTED))

$(STAMP): pyproject.toml constraints.txt $(if $(filter-out $(INSTALLED),$(WANTED)),.other-extras)
	test -x $(BIN)/python || { python=$$(.ci/find_python.sh $(PYTHON)) && "$$python" -m venv $(VENV); }
	$(BIN)/python .ci/install.py $(subst $(space),$(comma),$(TOGETHER))
	echo $(TOGETHER) > $@

.PHONY: .other-extras
.other-extras:

install: $(STAMP) ## make .venv and install everything

demo: install ## restore the embedded paintings: the whole graph, a table, a gallery
	$(BIN)/deepart demo

restore: install ## bring everything up to date once, without the UI and its daemon
	$(BIN)/deepart restore

ui: install ## the Dagster UI on 127.0.0.1:3000
	@echo "In a few seconds: http://127.0.0.1:3000/. The curator's desk: make desk, then http://127.0.0.1:3001/"
	$(BIN)/dagster dev --host 127.0.0.1 --port 3000 --log-level warning

desk: install ## the curator's desk on 127.0.0.1:3001
	$(BIN)/deepart desk

# A process for each core, and one thread for each: threads that take each other's core are slower.
# A process runs tests of the same files one after the other, which share what they have made.
test: install ## the quick tests
	OMP_NUM_THREADS=1 $(BIN)/pytest -m "not slow" --numprocesses auto --dist worksteal

test-all: install ## all tests, the slow ones too
	$(BIN)/pytest

check: check-lint check-types check-defs docs ## lint, types, import contracts, definitions, documentation

# Parts of `check`, which `make --jobs 2 check` runs side by side.
check-lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/hadolint docs/deployment/Dockerfile

check-types: install
	$(BIN)/mypy deepart_assets recipes benchmarks

check-defs: install
	$(BIN)/dg check defs

format: install ## format the code and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install ## the benchmarks that have a quick mode; figures go to benchmarks/results
	for file in $$(grep -l -e --quick benchmarks/*.py); do $(BIN)/python $$file --quick || exit 1; done

docs: install ## the documentation with its reference, in site/
	$(BIN)/mkdocs build --strict --quiet

screenshots: install ## renew the pictures of the documentation: a demo in the UI, seen by chromium
	$(BIN)/python .ci/screenshots.py

lock: install ## renew the generated pins of constraints.txt
	$(BIN)/python .ci/lock.py

# What people put into the lake cannot be made again.
KEPT := inbox masks choices requests

clean: ## remove what was made, and Dagster's history; keep inbox, masks, choices, requests, .venv
	@if test -L data/lake; then echo "data/lake is a link: empty what it leads to yourself"; fi
	test ! -d data/lake || find data/lake -mindepth 1 -maxdepth 1 $(KEPT:%=-not -name %) -exec rm -rf {} +
	find .dagster_home -mindepth 1 -not -name dagster.yaml -delete
