// SPDX-License-Identifier: GPL-2.0
/* What dl.c loads. */
#include <unistd.h>

static long parent;
static __thread long thread_value = 1000;

static __attribute__((constructor)) void init(void)
{
	parent = getppid();
}

long value(void)
{
	return parent + thread_value;
}
