// SPDX-License-Identifier: GPL-2.0
/* Find the command that is named and run it. */
#include <stdio.h>
#include <string.h>

#include "lupine.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *what;
} commands[] = {
	{ "accel", cmd_accel, "say whether guests run by KVM or by emulation here" },
	{ "cp", cmd_cp, "copy files from or to a guest in the background" },
	{ "exec", cmd_exec, "run a program in a guest in the background" },
	{ "guest", cmd_guest, "look after guests in the background" },
	{ "image", cmd_image, "make a root file system of a container image" },
	{ "pack", cmd_pack, "make a container image that urunc runs" },
	{ "run", cmd_run, "boot a kernel with a root file system" },
};

static void usage(void)
{
	size_t i;

	puts("Usage: lupine COMMAND [ARGUMENT]...\n");
	for (i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-8s %s\n", commands[i].name, commands[i].what);
	puts("\nEach command explains itself with --help.");
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		usage();
		return 0;
	}
	for (i = 0; argc > 1 && i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(argv[1], commands[i].name)) {
			program_name = xasprintf("lupine %s", commands[i].name);
			return commands[i].run(argc - 1, argv + 1);
		}
	}
	fprintf(stderr, "lupine: error: there is no command '%.100s'; see lupine --help\n",
		argc > 1 ? argv[1] : "");
	return 2;
}
