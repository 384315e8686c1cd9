# Everything a newcomer or a developer runs. `make demo` and `make test` work on a fresh clone.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
SAMPLE := sample_videos/shop.mp4

.PHONY: demo test test-slow sanitize lint type format bench docs clean

demo: $(VENV)/.installed
	$(BIN)/skipvid models pull centerface
	$(BIN)/skipvid run $(SAMPLE)

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m "not slow"

test-slow: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m slow

lint: $(VENV)/.installed-dev type
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	find skipvid/engine/csrc -name '*.[ch]pp' | xargs $(BIN)/clang-format --dry-run --Werror

type: $(VENV)/.installed-dev
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	find skipvid/engine/csrc -name '*.[ch]pp' | xargs $(BIN)/clang-format -i

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) install -q -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) install -q -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.installed
