# SPDX-License-Identifier: GPL-2.0
# Help: The baseline to beat: what Firecracker's published guest configuration selects
microvm-machine
microvm-kernel
microvm-files
microvm-net
microvm-drivers
microvm-security
microvm-debug
