# SPDX-License-Identifier: GPL-2.0-only
# The front door. Every target installs what it lacks (scripts/install-deps), then hands over to CMake.
#
#   make           build/koi
#   make demo      build and run the examples
#   make check     linters, unit and system tests (also under ASan + UBSan)
#   make bench     benchmarks, with machine facts
#   make install   DESTDIR and PREFIX as usual (default PREFIX=/usr/local)
#   make lint      layer, format and tidy checks
#   make clean     remove every build directory

PREFIX ?= /usr/local
DESTDIR ?=
JOBS ?= $(shell nproc)

.DEFAULT_GOAL := all
# Each target is parallel inside; side by side they would fight over the build directories.
.NOTPARALLEL:
.PHONY: all demo check check-release check-asan bench install lint clean koi-debug

all:
	@scripts/install-deps build
	@scripts/build release

demo:
	@scripts/install-deps demo
	@scripts/build release koi
	@scripts/demo build/koi

check: lint check-asan check-release

check-release: koi-debug
	@scripts/install-deps check
	@scripts/build release
	@scripts/test release

# The debug koi is compared with the release one, byte for byte.
koi-debug:
	@scripts/install-deps check
	@scripts/build debug koi

check-asan:
	@scripts/install-deps check
	@scripts/build asan-ubsan unit_tests
	@scripts/test asan-ubsan --label-regex unit

bench:
	@scripts/install-deps bench
	@scripts/build release
	@scripts/bench build

install: all
	@DESTDIR="$(DESTDIR)" cmake --install build --prefix "$(PREFIX)"

lint:
	@scripts/install-deps check
	@scripts/lint

clean:
	rm -rf build build-develop build-debug build-asan-ubsan build-clang build-fuzz build-coverage
	@find examples tests/modules -maxdepth 2 -name Makefile -exec dirname {} \; | while read -r d; do \
	  find "$$d" \( -name '*.ko' -o -name '*.o' -o -name '*.mod' -o -name '*.mod.c' -o -name '.*.cmd' \
	    -o -name 'Module.symvers' -o -name 'modules.order' \) -delete; done
