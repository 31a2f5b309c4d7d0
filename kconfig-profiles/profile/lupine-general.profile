# SPDX-License-Identifier: GPL-2.0
# Help: lupine-base plus what the twenty applications need: one kernel for all
lupine-base
process
files
sockets
