# SPDX-License-Identifier: GPL-2.0
#
# The front door: each target installs the Debian packages that it needs and calls one
# program. You can also call the programs directly; each explains itself with --help.

##
## Variables (make run APP=shell PROFILE=lupine-general+smp, for example):
##
##   APP      application of scripts/apps/ (redis)
export APP ?= redis
##   OCI      container image instead of APP: OCI layout, archive, reference
export OCI
##   UKL      make profile: sources, objects and options of a program that becomes part
##            of the kernel, instead of APP
export UKL
##   REWRITE  1 rewrites system calls of the programs in the image into calls
##   EXPLAIN  1 makes run say at the end what failed for lack of an option of the kernel
export REWRITE EXPLAIN
##   MUSL     1 replaces the musl of an OCI image by that of make musl
export MUSL
##   PROFILE  profile of kconfig-profiles/, +OVERLAY for each (lupine-general);
##            apps/APP has only what APP needs; make run takes it by default
##            unless lupine-general has been built
export PROFILE
##   BASE     version of Linux: 6.12, or 7.3 in build/7.3 (that of KSRC, or 6.12;
##            make export: 7.3)
export BASE
##   KSRC     source of Linux: a directory, a tarball or a git tree (that of
##            Debian's package linux-source-BASE)
export KSRC
##   BUILD    folder for everything generated (build)
export BUILD
##   TO       where make pack puts the container image: oci:DIR, oci-archive:FILE or
##            a reference, docker://... (oci:build/image/APP.oci)
##   HYPERVISOR  monitor by which urunc runs it: qemu, firecracker, cloud-hypervisor (qemu)
export TO HYPERVISOR
##   PORTS    HOST:GUEST pairs to forward (the ports of the application)
export PORTS
##   RUNS     repetitions of each measurement (5)
RUNS ?= 5
##   SECONDS  time that make fuzz spends on each parser (60)
SECONDS ?= 60
##   PATCH    number of the patch that make review shows
export PATCH
##   ACCEL    accelerator of QEMU for measurements: tcg or kvm (kvm if it works)
ACCEL ?= auto
##   BOCHS    a Bochs with FRED, which make test-bochs uses, too (Debian's has none)
export BOCHS
##   JOBS     parallel jobs (one per processor)
export JOBS
##   V        1 shows the commands of a build and their output
export V

.PHONY: help run setup tree kernel ukl-kernel image pack musl check-host check kconfig-news tables
.PHONY: test test-full test-kvm fuzz bench bench-report bench-list bench-processes app-table
.PHONY: report-hardware test-bochs
.PHONY: profile setup-bench clean review export port-check htmldocs man deb check-bisect

setup = scripts/source/prerequisites --group

help: # list the targets and the variables
	@awk -F "# " '/^[a-z-]+:.*# /{sub(/:.*/, "", $$1); printf "  make %-15s %s\n", $$1, $$2} sub(/^## ?/, ""){v = v $$0 "\n"} END{printf "%s", v}' $(MAKEFILE_LIST)

run: # set up, build and boot the application; Ctrl-A x ends it
	@scripts/apps/run $(APP)

setup: # install the Debian packages that the other targets need
	@$(setup) source build image oci vm test

tree: # make the patched kernel source in build/tree
	@$(setup) source
	@scripts/source/tree

kernel: # build the kernel of PROFILE in build/kernel/PROFILE
	@$(setup) source build
	@scripts/source/tree --bare
	@scripts/kconfig/build $(PROFILE)

kconfig-news: # compare the options of another source, KSRC=
	@KSRC= $(setup) source build
	@KSRC= scripts/source/tree --bare
	@scripts/kconfig/news

port-check: # list the patches that do not apply to KSRC=
	@$(setup) source
	@scripts/source/port-check

tables: # update the tables of options in Documentation
	@$(setup) source build
	@scripts/source/tree --bare
	@scripts/kconfig/tables

ukl-kernel: # build the objects that scripts/ukl/ukl-gcc links with
	@$(setup) source build ukl
	@scripts/source/tree --bare
	@scripts/kconfig/build $(or $(PROFILE),lupine-general)+ukl

image: # make the root file system of APP or OCI in build/image
	@$(setup) image$(if $(OCI), oci)
	@scripts/$(if $(OCI),lupine/lupine image $(if $(MUSL),--musl) $(if $(REWRITE),--rewrite) "$(OCI)",apps/build $(if $(REWRITE),--rewrite) $(APP))

pack: # make a container image of APP or OCI for urunc, on containerd and Kubernetes
	@scripts/apps/run --pack $(APP)

musl: # build the libc that uses the call entry, in build/musl
	@$(setup) image
	@scripts/musl/build

check-host: # list what this machine lacks, and how to get it
	@scripts/source/check-host

check: # run the static checks of series, fragments and programs
	@$(setup) source build test
	@scripts/test/static.sh

test: # run all tests of CI; the last line is "N passed, ..."
	@scripts/test/run

test-full: # also run all applications and the checkers of the kernel
	@scripts/test/run --full

test-kvm: # test guests of KVM, emulated where there is none (6 minutes)
	@scripts/test/run --full --only kvm.sh

test-bochs: # test on Bochs, another model of the processor (15 minutes)
	@scripts/test/run --full --only bochs.sh

fuzz: # feed hostile input to each parser for SECONDS (60)
	@$(setup) image test
	@scripts/test/fuzz/run --seconds $(SECONDS)

check-bisect: # build and boot the kernel after each patch
	@$(setup) source build vm test
	@scripts/test/bisect.sh

htmldocs: # build Documentation as web pages in build/doc
	@$(setup) source build doc
	@scripts/source/htmldocs

man: # make the manual pages of the programs in build/man
	@$(setup) image doc
	@scripts/source/man

deb: # make Debian packages of kernel, headers, libc, programs
	@$(setup) source build image deb
	@scripts/source/deb

review: # show what a patch, PATCH=0016, changes; run its tests
	@$(setup) source build image vm test
	@scripts/test/review.sh "$$PATCH"

export: BASE := $(or $(BASE),$(if $(KSRC),,newest))
export: # write the series as mails and as a quilt queue
	@$(setup) source build
	@scripts/source/export

# All measurements need the same packages.
bench bench-report bench-list bench-processes app-table: setup-bench
setup-bench:
	@$(setup) source build image vm bench

bench: # run the experiments of the papers; write a report
	@scripts/bench/bench run --resume --runs $(RUNS) --accel $(ACCEL)

bench-report: # write the report again, from the present results
	@scripts/bench/bench report

report-hardware: # pack the results and the processor, to be mailed
	@scripts/bench/hardware

bench-list: # list the experiments; make bench-NAME runs one
	@scripts/bench/bench run --list

bench-processes: # measure many processes, threads and SMP (RUNS=5)
	@scripts/bench/bench run --runs $(RUNS) --accel $(ACCEL) busy control messaging locks make

bench-%: setup-bench
	@scripts/bench/bench run --runs $(RUNS) --accel $(ACCEL) $*

profile: # find the options that APP, OCI or UKL="FILE..." needs, by trying
	@scripts/apps/profile $(if $(UKL)$(OCI),,$(APP))

app-table: # boot and check all applications, each on its own kernel
	@scripts/apps/table --least-memory --accel $(ACCEL)

clean: # remove everything generated
	@scripts/source/clean
