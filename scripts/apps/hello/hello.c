// SPDX-License-Identifier: GPL-2.0
/* Say hello, then end with the exit status given. */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	puts("Hello from Lupine.");
	return argc > 1 ? atoi(argv[1]) : 0;
}
