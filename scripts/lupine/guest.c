// SPDX-License-Identifier: GPL-2.0
/* Look after guests in the background, by what detach.c keeps of them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

static const char help[] =
"Usage: lupine guest list             list all guests and their state\n"
"       lupine guest log NAME         print the console so far\n"
"       lupine guest wait NAME        wait until the guest ends\n"
"       lupine guest stop NAME        send Ctrl-C; kill the guest after 15 s\n"
"       lupine guest remove NAME      forget a guest that has ended\n"
"\n"
"Look after guests that lupine run --detach NAME has started. wait and stop end with\n"
"the guest's exit status.\n"
"\n"
"Example: lupine guest log redis\n";

static void list(void)
{
	char *folder = state_file("", "");
	struct dirent **names;
	int i, nr = scandir(folder, &names, NULL, alphasort);
	long status;

	for (i = 0; i < nr; i++) {
		if (!detach_name_ok(names[i]->d_name))
			continue;
		printf("%-20s ", names[i]->d_name);
		status = state_number(names[i]->d_name, "status");
		if (status >= 0)
			printf("ended with status %ld\n", status);
		else if (state_running(names[i]->d_name))
			puts("running");
		else
			puts("ended with this machine");
	}
}

static int show_log(const char *name)
{
	char *path = state_file(name, "output"), data[65536];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	while ((got = read(fd, data, sizeof(data))) > 0)
		if (write(STDOUT_FILENO, data, got) < 0)
			return 1;
	return 0;
}

/* For so many seconds, or -1 for as long as it takes: has it ended? */
static bool await(const char *name, int seconds)
{
	int i;

	for (i = 0; seconds < 0 || i < 10 * seconds; i++) {
		if (!state_running(name))
			return true;
		usleep(100000);
	}
	return false;
}

static void stop(const char *name)
{
	char *fifo = state_file(name, "stdin");
	/* Where nobody reads, there is nothing to wait for. */
	int fd = open(fifo, O_WRONLY | O_CLOEXEC | O_NONBLOCK);

	if (!state_running(name))
		return;
	if (fd < 0 || write(fd, "\003", 1) != 1)
		warn("%s: %s", fifo, strerror(errno));
	if (await(name, 15))
		return;
	warn("%s did not end within 15 s of Ctrl-C: killed", name);
	kill(state_number(name, "pid"), SIGTERM);
	if (!await(name, 10))
		die("%s cannot be killed", name);
}

int cmd_guest(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "", *name = argv[argc - 1];
	char *folder;
	long status;
	int i;

	if (!strcmp(what, "--help") || !strcmp(what, "-h")) {
		fputs(help, stdout);
		return 0;
	}
	if (argc == 2 && !strcmp(what, "list")) {
		list();
		return 0;
	}
	if (argc != 3 || (strcmp(what, "log") && strcmp(what, "wait") && strcmp(what, "stop") &&
			  strcmp(what, "remove"))) {
		status_of_die = 2;
		die("needs one of its commands and a NAME; see --help");
	}
	folder = state_file(name, "");
	if (!detach_name_ok(name) || access(folder, F_OK))
		die("no guest '%s'; lupine guest list shows all", name);
	if (!strcmp(what, "log"))
		return show_log(name);
	if (!strcmp(what, "remove")) {
		if (state_running(name))
			die("%s is running; lupine guest stop %s ends it", name, name);
		state_remove(name);
		return 0;
	}
	if (!strcmp(what, "stop"))
		stop(name);
	await(name, -1);
	/* The process that started it writes its status down a moment after its end. */
	for (i = 0; i < 20; i++) {
		status = state_number(name, "status");
		if (status >= 0)
			return status;
		usleep(100000);
	}
	die("%s ended with this machine", name);
}
