# SPDX-License-Identifier: GPL-2.0
# Help: The smallest kernel that runs a static program from a disk in ring 0
machine
kml
console
disk
exec
small
