# SPDX-License-Identifier: GPL-2.0
#
# The front door: each target is one line that calls one script. All of them
# can be called directly, too; each explains itself with --help.

##
## Variables (make run APP=shell PROFILE=lupine-general+smp, for example):
##
##   APP      application of scripts/image/apps/ (redis)
export APP ?= redis
##   OCI      container image instead of APP: layout directory, archive, reference
export OCI
##   REWRITE  1 turns system calls of the programs in the image into calls
export REWRITE
##   MUSL     1 replaces the libc of an OCI image like Alpine's by that of make musl
export MUSL
##   PROFILE  profile of kconfig-profiles/ and overlays, +NAME each (lupine-general);
##            apps/APP has what APP needs, and no more
export PROFILE ?= lupine-general
##   KSRC     source of Linux 6.12: a directory, a tarball or a git tree
##            (Debian's /usr/src/linux-source-6.12.tar.xz)
export KSRC
##   BUILD    where everything generated goes (build)
export BUILD
##   PORTS    HOST:GUEST pairs to forward (those of the application, unchanged)
export PORTS
##   RUNS     runs of each measurement (5)
RUNS ?= 5
##   SECONDS  that make fuzz spends on each parser (60)
SECONDS ?= 60
##   ACCEL    how QEMU runs guests when it measures: tcg or kvm (what works)
ACCEL ?= auto
##   JOBS     parallel jobs (one per processor)
export JOBS
##   V        1 shows the commands and their output
export V

.PHONY: help run setup tree kernel ukl-kernel image musl check-host check kconfig-news tables
.PHONY: test test-full fuzz bench bench-report bench-syscall bench-lmbench bench-app bench-calls
.PHONY: bench-echo bench-processes bench-options bench-size bench-boot bench-memory app-table
.PHONY: clean export port-check htmldocs man deb check-bisect

help: # this list
	@awk -F "# " '/^[a-z-]+:.*# /{sub(/:.*/, "", $$1); printf "  make %-14s %s\n", $$1, $$2} sub(/^## ?/, ""){v = v $$0 "\n"} END{printf "%s", v}' $(MAKEFILE_LIST)

run: # set up what is missing, build, boot the application; Ctrl-A x ends it
	@scripts/vm/launch $(APP)

setup: # install the Debian packages that the other targets need
	@scripts/source/prerequisites --group source build image oci vm test

tree: # the kernel source with the series, in build/tree
	@scripts/source/tree

kernel: tree # the kernel of PROFILE, in build/kernel/PROFILE
	@scripts/kconfig/build $(PROFILE)

kconfig-news: # what another kernel source, KSRC=, means for the profiles
	@scripts/kconfig/news

port-check: # which patches another kernel source, KSRC=, does not take as they are
	@scripts/source/port-check

tables: tree # the tables of options in Documentation
	@scripts/kconfig/tables

ukl-kernel: tree # the objects that scripts/ukl/ukl-gcc links applications with
	@scripts/source/prerequisites --group ukl
	@scripts/kconfig/build $(PROFILE)+ukl

image: # the root file system of APP (or of OCI), in build/image
	@scripts/image/$(if $(OCI),oci $(if $(MUSL),--musl) $(if $(REWRITE),--rewrite) "$(OCI)",build $(if $(REWRITE),--rewrite) $(APP))

musl: # libc whose system calls use the call entry, in build/musl (lupine-musl-gcc)
	@scripts/source/musl

check-host: # what this machine lacks for all this, and how to get it
	@scripts/vm/check-host

check: # static checks: the series, the fragments, the scripts
	@scripts/review/check

test: # everything that CI checks, ending in "N passed, N failed"
	@scripts/review/test

test-full: # the same with all applications and the checkers of the kernel
	@scripts/review/test --full

fuzz: # hostile input for each parser, SECONDS=60 each
	@scripts/test/fuzz/run --seconds $(SECONDS)

check-bisect: # each patch alone: without CONFIG_KML, with it, with CONFIG_UKL: built without warnings, booted
	@scripts/review/bisect

htmldocs: # Documentation as web pages, built as the kernel builds it, in build/doc
	@scripts/review/htmldocs

man: # manual pages of the programs, in build/man
	@scripts/source/man

deb: # Debian packages of kernel PROFILE, headers, libc and programs, in build/deb
	@scripts/source/deb

export: # the series as mails for git am, b4 and send-email, and as a quilt queue
	@scripts/review/export

bench: # every experiment of the papers, with a report of tables and plots (RUNS=5)
	@scripts/bench/all --runs $(RUNS) --accel $(ACCEL)

bench-calls: # how many of Debian's system calls are calls in rewritten images
	@scripts/bench/calls

bench-report: # the report again, from the results that are there
	@scripts/bench/report

bench-syscall: # what a system call costs, by SYSCALL and by CALL (RUNS=5)
	@scripts/bench/syscall --runs $(RUNS) --accel $(ACCEL)

bench-lmbench: # what lmbench's summary lists, against microvm (RUNS=5)
	@scripts/bench/lmbench --runs $(RUNS) --accel $(ACCEL)

bench-app: # redis and nginx, against microvm (RUNS=5)
	@scripts/bench/app --runs $(RUNS) --accel $(ACCEL)

bench-echo: # latency of a TCP echo server, from another guest (RUNS=5)
	@scripts/bench/echo --runs $(RUNS) --accel $(ACCEL)

bench-processes: # work between calls, many processes, threads, SMP (RUNS=5)
	@scripts/bench/processes --runs $(RUNS) --accel $(ACCEL)

bench-options: # how many options profiles have
	@scripts/bench/options

bench-size: # what kernels take on disk, and where their bytes are
	@scripts/bench/size

bench-boot: # what it takes to boot to the first instruction of init (RUNS=5)
	@scripts/bench/boot --runs $(RUNS) --accel $(ACCEL)

bench-memory: # the least memory with which applications work, and who has it
	@scripts/bench/memory --accel $(ACCEL)

app-table: # all applications, each on its own kernel: size, options, time, least memory
	@scripts/vm/app-table --least-memory --accel $(ACCEL)

clean: # remove everything generated
	@scripts/source/clean
