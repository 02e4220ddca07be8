# Everything from a fresh Debian 12: `make run` starts the studio, `make test` proves that it works.
# `make help` lists the rest.
.DEFAULT_GOAL := help
SHELL := /bin/bash
JOBS ?= $(shell nproc)
HEMIOLA := build/release/hemiola
CI_FLAGS := $(if $(CI),-DHEMIOLA_WERROR=ON)

.PHONY: help build page run test sanitize sanitize-address sanitize-thread bench fuzz tidy format clean

help:
	@echo "make build     install what is missing, build build/release/hemiola and the studio's page"
	@echo "make run       build, then start the studio with the bundled model and say its address"
	@echo "make test      build with tests, run all of them"
	@echo "make sanitize  the tests under ASan+UBSan, the concurrent ones under TSan"
	@echo "make bench     build the benchmarks"
	@echo "make fuzz      build the fuzz targets with Clang (build/fuzz)"
	@echo "make tidy      clang-tidy over src/"
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
	@$(MAKE) --no-print-directory page

# The studio's page. Quick when nothing changed: npm is asked only when a file of web/ is newer.
WEB_SOURCES := $(shell find web -type f -not -path 'web/node_modules/*' -not -path 'web/dist/*' 2>/dev/null)
page: $(if $(WEB_SOURCES),web/dist/index.html)

web/node_modules/.package-lock.json: web/package-lock.json
	@cd web && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

web/dist/index.html: web/node_modules/.package-lock.json $(WEB_SOURCES) src/server/openapi.json
	@cd web && npm run build --silent
	@touch $@

run: build
	@$(HEMIOLA) serve

test: | build/
	@scripts/setup.sh test
	$(transcriber)
	$(call configure,release,-DHEMIOLA_TESTS=ON)
	@cmake --build --preset release -j $(JOBS)
	@$(MAKE) --no-print-directory page
	@ctest --test-dir build/release --output-on-failure -j $(JOBS)

sanitize: sanitize-address sanitize-thread

# Every library under ASan and UBSan; what runs side by side under TSan. Smaller samples of the shared
# test data: all takes long here.
ADDRESS_TESTS := base midi score model engine beats tokens data nn audio audiolm compose compare evaluate worker server
ADDRESS_FUZZ := $(patsubst fuzz/corpus/%,%,$(wildcard fuzz/corpus/*))
THREAD_TESTS := engine data nn evaluate worker server
empty :=
one_of = '^($(subst $(empty) ,|,$(strip $(1))))$$'
sanitize-address sanitize-thread: export HEMIOLA_TEST_SMALL := 1
# What sanitizers insert makes GCC warn of what cannot be; the ordinary build has warnings as errors.
sanitize-address sanitize-thread: CI_FLAGS := -DHEMIOLA_WERROR=OFF

sanitize-address: | build/
	@scripts/setup.sh test
	$(call configure,asan-ubsan)
	@cmake --build --preset asan-ubsan -j $(JOBS) --target $(ADDRESS_TESTS:%=%_test) $(ADDRESS_FUZZ:%=%_fuzz)
	@ctest --test-dir build/asan-ubsan --output-on-failure -j $(JOBS) -R $(call one_of,$(ADDRESS_TESTS) $(ADDRESS_FUZZ:%=fuzz_%))

sanitize-thread: | build/
	@scripts/setup.sh test
	$(call configure,tsan)
	@cmake --build --preset tsan -j $(JOBS) --target $(THREAD_TESTS:%=%_test)
	@ctest --test-dir build/tsan --output-on-failure -j $(JOBS) -R $(call one_of,$(THREAD_TESTS))

bench: | build/
	@scripts/setup.sh test
	$(call configure,release,-DHEMIOLA_BENCH=ON)
	@cmake --build --preset release -j $(JOBS)

fuzz: | build/
	@scripts/setup.sh dev
	$(call configure,fuzz)
	@cmake --build --preset fuzz -j $(JOBS) --target fuzzers

# Configured only: clang-tidy reads how each file would be compiled. Clang 14 does not know the
# server's coroutines.
tidy: | build/
	@scripts/setup.sh dev
	$(call configure,tidy)
	@run-clang-tidy-14 -quiet -p build/tidy -j $(JOBS) '/src/(?!server/)'

format:
	@scripts/setup.sh dev
	@git ls-files '*.h' '*.cpp' | xargs clang-format-14 -i

clean:
	rm -rf build
