# SPDX-License-Identifier: GPL-2.0
#
# The front door: each target installs the Debian packages that it needs and calls one
# program. All programs can be called directly, too; each explains itself with --help.

##
## Variables (make run APP=shell PROFILE=lupine-general+smp, for example):
##
##   APP      application of scripts/apps/ (redis)
export APP ?= redis
##   OCI      container image instead of APP: layout directory, archive, reference
export OCI
##   REWRITE  1 turns system calls of the programs in the image into calls
export REWRITE
##   MUSL     1 replaces the libc of an OCI image like Alpine's by that of make musl
export MUSL
##   PROFILE  profile of kconfig-profiles/ and overlays, +NAME each (lupine-general);
##            apps/APP has what APP needs, and no more, and is what make run takes
##            unless lupine-general has been built
export PROFILE
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
.PHONY: test test-full fuzz bench bench-report bench-syscall bench-lmbench bench-app bench-slots
.PHONY: bench-echo bench-processes bench-options bench-size bench-boot bench-memory app-table
.PHONY: setup-bench clean export port-check htmldocs man deb check-bisect

setup = scripts/source/prerequisites --group

help: # print this list
	@awk -F "# " '/^[a-z-]+:.*# /{sub(/:.*/, "", $$1); printf "  make %-15s %s\n", $$1, $$2} sub(/^## ?/, ""){v = v $$0 "\n"} END{printf "%s", v}' $(MAKEFILE_LIST)

run: # set up what is missing, build, boot the application; Ctrl-A x ends it
	@scripts/apps/run $(APP)

setup: # install the Debian packages that testing needs; other targets install their own
	@$(setup) source build image oci vm test

tree: # make the kernel source with the series applied, in build/tree
	@$(setup) source
	@scripts/source/tree

kernel: # build the kernel of PROFILE, in build/kernel/PROFILE
	@$(setup) source build
	@scripts/source/tree --bare
	@scripts/kconfig/build $(PROFILE)

kconfig-news: # tell what another kernel source, KSRC=, means for the profiles
	@$(setup) source build
	@scripts/source/tree --bare
	@scripts/kconfig/news

port-check: # tell which patches another kernel source, KSRC=, does not take as they are
	@$(setup) source
	@scripts/source/port-check

tables: # make the tables of options in Documentation
	@$(setup) source build
	@scripts/source/tree --bare
	@scripts/kconfig/tables

ukl-kernel: # build the objects that scripts/ukl/ukl-gcc links applications with
	@$(setup) source build ukl
	@scripts/source/tree --bare
	@scripts/kconfig/build $(or $(PROFILE),lupine-general)+ukl

image: # make the root file system of APP (or of OCI), in build/image
	@$(setup) image$(if $(OCI), oci)
	@scripts/apps/$(if $(OCI),oci $(if $(MUSL),--musl) $(if $(REWRITE),--rewrite) "$(OCI)",build $(if $(REWRITE),--rewrite) $(APP))

musl: # build the libc whose system calls use the call entry, in build/musl
	@$(setup) image
	@scripts/musl/build

check-host: # tell what this machine lacks for all this, and how to get it
	@scripts/source/check-host

check: # check the series, the fragments and the scripts, without building a kernel
	@$(setup) source build test
	@scripts/test/static.sh

test: # run everything that CI checks, ending in "N passed, N failed"
	@scripts/test/run

test-full: # run the same with all applications and the checkers of the kernel
	@scripts/test/run --full

fuzz: # feed hostile input to each parser, SECONDS=60 each
	@$(setup) image test
	@scripts/test/fuzz/run --seconds $(SECONDS)

check-bisect: # build and boot each patch: without CONFIG_KML, with it, with CONFIG_UKL
	@$(setup) source build vm test
	@scripts/test/bisect.sh

htmldocs: # build Documentation as web pages, as the kernel does, in build/doc
	@$(setup) source build doc
	@scripts/source/htmldocs

man: # make manual pages of the programs, in build/man
	@$(setup) image doc
	@scripts/source/man

deb: # make Debian packages of kernel PROFILE, headers, libc and programs, in build/deb
	@$(setup) source build image deb
	@scripts/source/deb

export: # write the series as mails for git am, b4 and send-email, and as a quilt queue
	@$(setup) source build
	@scripts/source/export

# What all measuring needs.
bench bench-slots bench-report bench-syscall bench-lmbench bench-app bench-echo: setup-bench
bench-processes bench-options bench-size bench-boot bench-memory app-table: setup-bench
setup-bench:
	@$(setup) source build image vm bench

bench: # run every experiment of the papers, and report tables and plots (RUNS=5)
	@scripts/bench/all --runs $(RUNS) --accel $(ACCEL)

bench-slots: # count how many of Debian's system calls are calls in rewritten images
	@scripts/bench/slots

bench-report: # write the report again, from the results that are there
	@scripts/bench/report

bench-syscall: # measure what a system call costs, by SYSCALL and by CALL (RUNS=5)
	@scripts/bench/syscall --runs $(RUNS) --accel $(ACCEL)

bench-lmbench: # measure what lmbench's summary lists, against microvm (RUNS=5)
	@scripts/bench/lmbench --runs $(RUNS) --accel $(ACCEL)

bench-app: # measure redis and nginx, against microvm (RUNS=5)
	@scripts/bench/app --runs $(RUNS) --accel $(ACCEL)

bench-echo: # measure the latency of a TCP echo server, from another guest (RUNS=5)
	@scripts/bench/echo --runs $(RUNS) --accel $(ACCEL)

bench-processes: # measure work between calls, many processes, threads, SMP (RUNS=5)
	@scripts/bench/processes --runs $(RUNS) --accel $(ACCEL)

bench-options: # count how many options profiles have
	@scripts/bench/options

bench-size: # measure what kernels take on disk, and where their bytes are
	@scripts/bench/size

bench-boot: # measure what it takes to boot to the first instruction of init (RUNS=5)
	@scripts/bench/boot --runs $(RUNS) --accel $(ACCEL)

bench-memory: # find the least memory with which applications work, and who has it
	@scripts/bench/memory --accel $(ACCEL)

app-table: # measure all applications, each on its own kernel: size, options, time, memory
	@scripts/apps/table --least-memory --accel $(ACCEL)

clean: # remove everything generated
	@scripts/source/clean
