# SPDX-License-Identifier: GPL-2.0
# Help: lupine-base, built for size
lupine-base
tiny
