// SPDX-License-Identifier: GPL-2.0
/*
 * List the system calls that an option may decide about, separated by tabs: name, number,
 * options, file.
 */
#include <stdio.h>

#include "fragment.h"
#include "calls.h"

int main(int argc, char **argv)
{
	int count;
	struct call *call = find_calls(&count);

	for (; count; count--, call++)
		printf("%s\t%d\t%s\t%s\n", call->name, call->number,
		       *call->options ? call->options : "-", call->file);
	return 0;
}
