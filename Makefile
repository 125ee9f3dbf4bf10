# Verbs only: each calls a CMake preset or a script. `make` alone prints them.
.DEFAULT_GOAL := help
.PHONY: help demo test build bench lint format package

help:    ## print this list
	@sed -n 's/^\([a-z]*\): *## /  make \1\t/p' Makefile | expand -t 16

demo:    ## build, then start Redis nodes and two portals on loopback; Ctrl-C stops them. DEMO="--set threads=2" passes options
	@scripts/install_dependencies.sh core test
	@scripts/build.sh release redis-portal
	@build/release/redis-portal demo $(DEMO)

test:    ## build all, then run every test (unit, wire, system, clients, chart)
	@scripts/install_dependencies.sh core test
	@scripts/install_dependencies.sh chart || echo "Going on without promtool: tests of the alerts will be skipped."
	@scripts/install_dependencies.sh clients || echo "Going on without: tests of these client libraries will be skipped."
	@scripts/build.sh release all
	@ctest --test-dir build/release -L '^(unit|wire|system|clients|chart)$$' --no-tests=error --output-on-failure -j2

build:   ## build the program as build/release/redis-portal
	@scripts/install_dependencies.sh core test
	@scripts/build.sh release redis-portal

package: ## build a Debian package in build/release: program, units, man page, completion, examples
	@scripts/install_dependencies.sh core test
	@scripts/build.sh release redis-portal
	@cd build/release && cpack -G DEB

bench:   ## micro-benchmarks, then the portal and HAProxy in front of one Redis, side by side. COMPARE="--quick" passes options
	@scripts/install_dependencies.sh core test bench
	@scripts/build.sh release all
	@scripts/run_bench.sh build/release $(COMPARE)

lint:    ## check formatting and run clang-tidy; FILES="a.cpp b.cpp" limits it
	@scripts/install_dependencies.sh core test lint
	@scripts/build.sh release none
	@scripts/lint.sh build/release $(FILES)

format:  ## rewrite all sources with clang-format
	@scripts/install_dependencies.sh lint
	@scripts/format.sh
