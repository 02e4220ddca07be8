# Everything from a fresh Debian 12: `make run` writes music, `make test` proves that it works.
# `make help` lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/bash
JOBS ?= $(shell nproc)
HEMIOLA := build/release/hemiola
CI_FLAGS := $(if $(CI),-DHEMIOLA_WERROR=ON)

.PHONY: help build run test sanitize sanitize-address sanitize-thread bench fuzz format clean

help:
	@echo "make build     install what is missing, build build/release/hemiola"
	@echo "make run       build, then write a new piece to out/ with the bundled model"
	@echo "make test      build with tests, run all of them"
	@echo "make sanitize  the tests under ASan+UBSan, the concurrent ones under TSan"
	@echo "make bench     build the benchmarks"
	@echo "make fuzz      build the fuzz targets with Clang (build/fuzz)"
	@echo "make format    clang-format everything"
	@echo "make clean     remove build/"

# Configuring is quick when nothing changed; ninja does nothing when nothing changed.
define configure
	@cmake --preset $(1) $(2) $(CI_FLAGS) > build/$(1).log 2>&1 || { cat build/$(1).log; exit 1; }
endef

build/:
	@mkdir -p build

# Transcription alone needs these weights, so that without npm or a network all else is still made.
define transcriber
	@scripts/fetch_transcriber.sh || echo "make: going on without the transcriber's weights" >&2
endef

build: | build/
	@scripts/setup.sh build
	$(transcriber)
	$(call configure,release,-DHEMIOLA_TESTS=OFF)
	@cmake --build --preset release -j $(JOBS) --target hemiola

run: build
	@$(HEMIOLA) generate --bars 16 -o out --render --force

test: | build/
	@scripts/setup.sh test
	$(transcriber)
	$(call configure,release,-DHEMIOLA_TESTS=ON)
	@cmake --build --preset release -j $(JOBS)
	@ctest --test-dir build/release --output-on-failure -j $(JOBS)

sanitize: sanitize-address sanitize-thread

# Smaller samples of the shared test data: under sanitizers everything takes long.
sanitize-address sanitize-thread: export HEMIOLA_TEST_SMALL := 1

sanitize-address: | build/
	@scripts/setup.sh test
	$(call configure,asan-ubsan)
	@cmake --build --preset asan-ubsan -j $(JOBS)
	@ctest --test-dir build/asan-ubsan --output-on-failure -j $(JOBS)

sanitize-thread: | build/
	@scripts/setup.sh test
	$(call configure,tsan)
	@cmake --build --preset tsan -j $(JOBS) --target concurrent_tests
	@ctest --test-dir build/tsan --output-on-failure -j $(JOBS) -L concurrent

bench: | build/
	@scripts/setup.sh test
	$(call configure,release,-DHEMIOLA_BENCH=ON)
	@cmake --build --preset release -j $(JOBS)

fuzz: | build/
	@scripts/setup.sh dev
	$(call configure,fuzz)
	@cmake --build --preset fuzz -j $(JOBS) --target fuzzers

format:
	@scripts/setup.sh dev
	@git ls-files '*.h' '*.cpp' | xargs clang-format-14 -i

clean:
	rm -rf build
