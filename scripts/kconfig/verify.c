// SPDX-License-Identifier: GPL-2.0
/*
 * Let Kconfig complete configurations, compare them with what their fragments
 * request, and say for each option that got another value which fragment asked for
 * it and which dependency stood in the way.
 *
 * Linked with the parser of the kernel that is configured, since only that
 * one knows its language exactly; scripts/kconfig/configure builds and runs it
 * in the environment that the kernel's Makefile sets up for the parser.
 *
 * FOLDER/merged is the base configuration followed by the fragments. If all that they
 * request came out, FOLDER/.config and FOLDER/defconfig are written. Parsing Kconfig
 * takes longer than all else, hence several configurations in one run.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "explain.h"

static bool verify(const struct request *r)
{
	struct symbol *sym = sym_find(r->symbol);
	const char *value;

	if (!known(sym)) {
		/* An option that does not exist is not set. */
		if (!strcmp(r->value, "n"))
			return true;
		printf("CONFIG_%s=%s of %s:%d: Linux %s has no such option\n",
		       r->symbol, r->value, r->file, r->line, getenv("KERNELVERSION"));
		return false;
	}
	sym_calc_value(sym);
	value = sym_get_string_value(sym);
	if (same_value(sym, value, r->value))
		return true;

	printf("CONFIG_%s=%s of %s:%d became %s\n", r->symbol,
	       r->value, r->file, r->line, *value ? value : "unset");
	explain(stdout, sym, r->value);
	return false;
}

/* Two fragments may disagree only if the later one says that it means to. */
static bool contradicted(const struct request *r, const struct request *later)
{
	/* A file that contradicts itself has been named when it was read. */
	if (later->overrides || r->file == later->file || !strcmp(r->value, later->value))
		return false;
	printf("CONFIG_%s=%s of %s:%d contradicts %s of %s:%d\n"
		"    if it means to, begin the comment of its group with '# Overrides:'\n",
		later->symbol, later->value, later->file, later->line,
		r->value, r->file, r->line);
	return true;
}

static bool verify_all(const char *name, const struct fragment *fragments, int count)
{
	int total = 0, dropped = 0, wrong = 0;
	const struct request *later;

	for (int i = 0; i < count; i++) {
		wrong += fragments[i].mistakes > 0;
		for (const struct request *r = fragments[i].requests; r; r = r->next) {
			later = replacement(r, fragments, i, count);
			if (later) {
				wrong += contradicted(r, later);
				continue;
			}
			total++;
			dropped += !verify(r);
		}
	}
	if (dropped)
		printf("%s: %d of %d requested options are not in the result\n", name, dropped,
		       total);
	else if (!wrong)
		printf("    %s: %d requested options verified\n", name, total);
	return !dropped && !wrong;
}

int main(int argc, char **argv)
{
	struct fragment *fragments;
	char file[PATH_MAX];
	bool good = true;
	int count, status;
	pid_t child;

	start(argc, argv, 4, "FOLDER FRAGMENT... [-- FOLDER FRAGMENT...]...");
	conf_set_message_callback(NULL);
	fragments = check_memory(calloc(argc, sizeof(*fragments)));
	for (argv += 3; *argv; argv += count + !!argv[count]) {
		const char *folder = *argv++;

		for (count = 0; argv[count] && strcmp(argv[count], "--"); count++)
			read_fragment(&fragments[count], argv[count]);
		/* A member of a choice would keep what it was in the one before. */
		fflush(stdout);
		child = fork();
		if (child < 0)
			fail("cannot start", "a process");
		if (child) {
			waitpid(child, &status, 0);
			good &= !status;
			continue;
		}
		read_config(folder, "merged");
		if (!verify_all(strrchr(folder, '/') ? strrchr(folder, '/') + 1 : folder,
				fragments, count))
			exit(1);
		snprintf(file, sizeof(file), "%s/.config", folder);
		if (conf_write(file))
			fail("cannot write", file);
		snprintf(file, sizeof(file), "%s/defconfig", folder);
		if (conf_write_defconfig(file))
			fail("cannot write", file);
		exit(0);
	}
	return !good;
}
