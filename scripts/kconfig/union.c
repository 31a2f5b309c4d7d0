// SPDX-License-Identifier: GPL-2.0
/*
 * Find options that the configurations of applications have and a general one lacks.
 *
 * Chosen ones count: the rest follows, and from other options differently. The file of an
 * application's configuration has its name, after the last slash.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

int main(int argc, char **argv)
{
	const char **apps, *missing = NULL;
	struct options *options;
	int n = argc - 3;

	start(argc, argv, 3, "GENERAL APP...");
	options = check_memory(calloc(n + 1, sizeof(*options)));
	apps = check_memory(calloc(n, sizeof(*apps)));
	for (int i = 0; i <= n; i++)
		options[i] = read_options(argv[i + 2]);
	for (int i = 0; i < n; i++)
		apps[i] = strrchr(argv[i + 3], '/') ? strrchr(argv[i + 3], '/') + 1 : argv[i + 3];

	/* The lists have the same options in the same order. */
	for (int o = 0; o < options[0].count; o++) {
		const struct option *general = &options[0].list[o];

		for (int i = 0; i < n; i++) {
			const struct option *app = &options[i + 1].list[o];

			if (app->origin != CHOSEN || strcmp(app->value, "y") ||
			    !strcmp(general->value, "y"))
				continue;
			if (missing != general->name)
				printf("%slupine-general lacks CONFIG_%s, needed by",
				       missing ? "\n" : "", general->name);
			missing = general->name;
			printf(" %s", apps[i]);
		}
	}
	if (missing)
		putchar('\n');
	else
		printf("lupine-general has all options of %d applications\n", n);
	return !!missing;
}
