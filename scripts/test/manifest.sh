#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Usage: scripts/test/manifest.sh
#
# Compile the parser of manifests and its tests (scripts/test/manifest/manifest.c) with
# the sanitizers for addresses and undefined behaviour, and run them.
set -eu

# shellcheck source=scripts/lib.sh
. "$(dirname "$(readlink -f "$0")")/../lib.sh"

options -- "$@"
need gcc
work=$(mktemp -d)
at_end rm -rf "$work"
gcc -std=gnu11 -D_GNU_SOURCE -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined \
	-fno-sanitize-recover=all -o "$work/test" \
	"$ROOT/scripts/test/manifest/manifest.c" "$ROOT"/scripts/lupine/{manifest,shared}.c
"$work/test"
