# Everything a newcomer or a developer runs. `make demo` and `make test` work on a fresh clone.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
SAMPLE := sample_videos/shop.mp4
CPP    := $(shell find skipvid/engine/csrc tests -name '*.[ch]pp' -o -name '*.inl')

.PHONY: demo test test-slow sanitize-engine sanitize-pool test-neon lint type format bench clean

demo: $(VENV)/.installed
	$(BIN)/skipvid models pull centerface
	$(BIN)/skipvid run $(SAMPLE)

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow"

test-slow: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m slow

SANITIZED := build/sanitized
SETS      := generic avx2 avx512 neon
PRELOAD   = $$($(CXX) -print-file-name=libasan.so) $$($(CXX) -print-file-name=libstdc++.so)
# The engine's tests under AddressSanitizer and UndefinedBehaviorSanitizer, once per instruction set that this machine has.
sanitize-engine: $(VENV)/.installed-dev
	$(BIN)/cmake -S . -B $(SANITIZED) -G Ninja -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja \
		-DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python "-DSKIPVID_SANITIZE=address;undefined"
	$(BIN)/cmake --build $(SANITIZED)
	for set in $(SETS); do \
		SKIPVID_ISA=$$set $(BIN)/python -c 'from skipvid.engine import _core; _core.Plan()' 2> /dev/null || \
			{ echo "sanitized engine, $$set: not on this machine"; continue; }; \
		echo "sanitized engine, $$set"; \
		LD_PRELOAD="$(PRELOAD)" ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
			SKIPVID_TEST_CORE="$$(ls $(SANITIZED)/_core*.so)" SKIPVID_ISA=$$set \
			$(BIN)/python -m pytest -n 2 --dist loadfile --capture=sys -m "not slow" tests/engine || exit 1; \
	done

# The thread pool under ThreadSanitizer.
sanitize-pool:
	mkdir -p $(SANITIZED)
	$(CXX) -std=c++20 -O1 -g -fsanitize=thread tests/engine/native/pool_stress.cpp skipvid/engine/csrc/core/threads.cpp \
		-pthread -o $(SANITIZED)/pool_stress
	$(SANITIZED)/pool_stress

NEON_CXX := aarch64-linux-gnu-g++
# The kernels for Arm in an emulator (Debian: g++-aarch64-linux-gnu, qemu-user).
test-neon:
	@if ! { command -v $(NEON_CXX) && command -v qemu-aarch64; } > /dev/null; then echo "test-neon skipped: no $(NEON_CXX) or no qemu-aarch64"; exit 0; fi; \
	mkdir -p build/neon && \
	$(NEON_CXX) -std=c++20 -O2 -ffp-contract=off -fno-math-errno -fno-trapping-math -Wall -Wextra -static \
		tests/engine/native/cross_kernels.cpp skipvid/engine/csrc/isa/kernels_neon.cpp \
		skipvid/engine/csrc/isa/kernels_generic.cpp -o build/neon/cross_kernels && \
	qemu-aarch64 build/neon/cross_kernels

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
	$(EDITABLE) '.[dev,bench]'
	$(BIN)/python benchmarks/kernels.py

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# Without a build environment made anew each time, only what changed in the native engine is compiled again.
EDITABLE = $(PIP) install -q -c constraints.txt --no-build-isolation --config-settings=build-dir=build/editable -e
NATIVE  := CMakeLists.txt $(shell find skipvid/engine/csrc -type f)

$(VENV)/.build-tools: $(VENV)/bin/python constraints.txt
	$(PIP) install -q -c constraints.txt cmake nanobind ninja scikit-build-core
	@touch $@

$(VENV)/.installed: $(VENV)/.build-tools pyproject.toml constraints.txt $(NATIVE)
	$(EDITABLE) .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.build-tools pyproject.toml constraints.txt $(NATIVE)
	$(EDITABLE) '.[dev]'
	@touch $@ $(VENV)/.installed
