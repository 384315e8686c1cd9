# Everything a newcomer or a developer runs. `make demo` and `make test` work on a fresh clone.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
SAMPLE := sample_videos/shop.mp4
CPP    := $(shell find skipvid/engine/csrc tests -name '*.[ch]pp' -o -name '*.inl')

.PHONY: demo test test-slow sanitize-engine sanitize-pool lint type format bench clean

demo: $(VENV)/.installed
	$(BIN)/skipvid models pull centerface
	$(BIN)/skipvid run $(SAMPLE)

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

test-slow: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m slow

ASAN   := build/sanitized
# The native engine's tests under AddressSanitizer and UndefinedBehaviorSanitizer. Compiling them takes long.
sanitize-engine: $(VENV)/.installed-dev
	$(BIN)/cmake -S . -B $(ASAN) -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja \
		-DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python "-DSKIPVID_SANITIZE=address;undefined"
	$(BIN)/cmake --build $(ASAN)
	LD_PRELOAD="$$($(CXX) -print-file-name=libasan.so) $$($(CXX) -print-file-name=libstdc++.so)" ASAN_OPTIONS=detect_leaks=0 \
		UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 SKIPVID_TEST_CORE="$$(ls $(ASAN)/_core*.so)" \
		$(BIN)/python -m pytest -m "not slow" tests/engine/native

# The thread pool under ThreadSanitizer.
sanitize-pool:
	mkdir -p $(ASAN)
	$(CXX) -std=c++20 -O1 -g -fsanitize=thread tests/engine/native/pool_stress.cpp skipvid/engine/csrc/core/threads.cpp \
		-pthread -o $(ASAN)/pool_stress
	$(ASAN)/pool_stress

lint: $(VENV)/.installed-dev type
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror $(CPP)

type: $(VENV)/.installed-dev
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(CPP)

bench: $(VENV)/.installed-dev
	$(PIP) install -q -c constraints.txt -e '.[dev,bench]'
	$(BIN)/python benchmarks/kernels.py

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
