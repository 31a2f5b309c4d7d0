// SPDX-License-Identifier: GPL-2.0
/* Find the command that is named and run it. */
#include <stdio.h>
#include <string.h>

#include "lupine.h"

const char *command_name = "";

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *what;
} commands[] = {
	{ "accel", cmd_accel, "say whether guests run by KVM or by emulation here" },
	{ "guest", cmd_guest, "look after guests in the background" },
	{ "image", cmd_image, "make a root file system of a container image" },
	{ "run", cmd_run, "boot a kernel with a root file system" },
};

static void usage(FILE *f)
{
	size_t i;

	fputs("Usage: lupine COMMAND [ARGUMENT]...\n\n", f);
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(f, "  %-8s %s\n", commands[i].name, commands[i].what);
	fputs("\nEach command explains itself with --help.\n", f);
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		usage(stdout);
		return 0;
	}
	for (i = 0; argc > 1 && i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(argv[1], commands[i].name)) {
			command_name = commands[i].name;
			return commands[i].run(argc - 1, argv + 1);
		}
	}
	if (argc > 1)
		fprintf(stderr, "lupine: error: there is no command '%.100s'\n", argv[1]);
	usage(stderr);
	return 2;
}
