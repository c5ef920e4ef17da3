# Kleio's everyday commands; `make help` lists them.
#
# Needs make and Python 3.11 to 3.14 with its venv module, nothing else. Everything is installed
# below .venv, in the exact versions and with the hashes of requirements.lock.

VENV   := .venv
BIN    := $(VENV)/bin
LOCKED := $(VENV)/.locked
STAMP  := $(VENV)/.installed
PIP    := $(BIN)/python -m pip --disable-pip-version-check --no-input

# Which interpreter makes .venv (make install PYTHON=python3.13), what pytest gets (make test
# ARGS="-k plays"), how many test processes there are, and which uv makes the lock file.
PYTHON  ?=
ARGS    ?=
WORKERS ?= auto
UV      ?= uv

# A .venv that was cut short, moved with its checkout, or lost its interpreter is made anew.
ifneq ($(shell $(BIN)/python -c "" 2>/dev/null && head -n 2 $(BIN)/kleio 2>/dev/null \
         | grep -qF "$(CURDIR)/$(VENV)/" && echo whole),whole)
$(LOCKED): REMAKE
endif

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install run test attack chaos soak load screenshots lint format lock clean REMAKE

help: ## list these targets
	@echo "Kleio: make TARGET"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
	  while IFS='|' read -r target words; do printf '%-12s %s\n' "$$target" "$$words"; done

install: $(STAMP) ## make .venv with Kleio and its tools, where it is missing or out of date

run: install ## start the demo: PostgreSQL, a catalogue, three users, http://127.0.0.1:8000
	@$(BIN)/kleio demo $(ARGS)

test: install ## run the tests; make test ARGS="-k plays -x" passes arguments to pytest
	$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

attack: install ## fuzz the whole API for half an hour; KLEIO_ATTACK_EXAMPLES=15 is how hard
	KLEIO_ATTACK=1 $(BIN)/python -m pytest -n 0 -o faulthandler_timeout=0 tests/attack $(ARGS)

chaos: install ## break all that can break, with requests running; prints what clients saw and lost
	KLEIO_FAULTS=all $(BIN)/python -m pytest -n 0 -o session_timeout=7200 -o faulthandler_timeout=0 tests/faults $(ARGS)

soak: install ## look for what grows under load; make soak ARGS="--minutes 30" is the default
	$(BIN)/python tests/load/soak.py $(ARGS)

load: install ## measure Kleio against its budgets and peers; make load ARGS=--quick in ten minutes
	$(BIN)/python tests/load $(ARGS)

screenshots: install ## make the README's pictures from the demo (needs chromium)
	$(BIN)/python tests/screenshots.py

lint: install ## check style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install ## put the code into the one format and repair what can be repaired
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

# Names, versions and hashes alone: no address, so that it installs from any mirror.
lock: ## renew requirements.lock from pyproject.toml (needs uv; ARGS=--upgrade for new versions)
	$(UV) pip compile --quiet --universal --python-version 3.11 --extra dev --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url $(ARGS) pyproject.toml -o requirements.lock

clean: ## remove .venv, caches and what was built
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +

# The packages: from an empty .venv, so that nothing of an older or broken one is left in it.
$(LOCKED): requirements.lock
	@python=; \
	for candidate in $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11); do \
	  if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    python=$$candidate; break; \
	  fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "kleio: no Python 3.11 or newer on PATH$(if $(PYTHON), under the name $(PYTHON));" \
	       "install one, or name it: make install PYTHON=/path/to/python3" >&2; \
	  exit 1; \
	fi; \
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo "kleio: $$python has no venv module; on Debian: apt-get install python3-venv" >&2; \
	  exit 1; \
	fi; \
	echo "kleio: $(VENV) with $$("$$python" --version)"; \
	"$$python" -m venv --clear $(VENV)
	$(PIP) install --quiet --no-deps --no-compile --require-hashes -r requirements.lock
	@touch $@

# Kleio itself, from this checkout. The build tools are in .venv, so nothing more is fetched.
$(STAMP): $(LOCKED) pyproject.toml
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
