// SPDX-License-Identifier: GPL-2.0
/*
 * Find the smallest fragment of options that an application needs, by trying:
 *
 *  - boot the image on a kernel of the base profile, and let the application's check
 *    talk to it;
 *  - as long as the check fails, add what failed for lack of an option (lupine run
 *    --explain), and begin again;
 *  - then leave out again what was added: halves first, since most of it is not needed,
 *    and single failures last. What the check passes without is left out.
 *
 * All options that one failure needs come and go together. The draft is a fragment like
 * others, in the folder profiles of the generated files, and its kernel keeps its
 * folder: only what an option changes is compiled again.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../bench/bench.h"

#define MAX_FAILURES	256
#define MAX_OPTIONS	16	/* of one failure */
#define MAX_REASONS	3	/* shown for an option */
#define MAX_NAME	40	/* of an application */
#define MAX_TEXT	200	/* of a failure */

static const char help[] =
"Usage: scripts/apps/profile [OPTION]... APP\n"
"\n"
"Find the options of the kernel that an application of scripts/apps/ needs beside those\n"
"of a profile, by trying: boot it, add the options for what failed, until its check\n"
"passes; then leave out each that the check passes without. Write them as a fragment\n"
"derived-APP to build/profiles, from where PROFILE=lupine-base+derived-APP takes it. It\n"
"takes some minutes, most of them the compiler's. Interrupted, it begins again, and finds\n"
"the kernel that it has compiled.\n"
"\n"
"  --profile PROFILE  what to begin with (lupine-base, or lupine-base+net if the\n"
"                     application has ports)\n"
"  --image EXT2       image to boot (build/image/APP.ext2, made if need be)\n"
"  --check PROGRAM    is the application right? PROGRAM is called as scripts/apps/check-lib.sh\n"
"                     says. Without it and without scripts/apps/APP/check, the application\n"
"                     has to answer HTTP on its first port, or to end with status 0\n"
"  --ready SECONDS    time in which it has to answer, or end (that of its manifest, or 60)\n"
"  --quick            do not leave out what was added\n"
"  --output FILE      write the fragment to FILE, too\n";

/* What failed for lack of options, and which they are. */
struct failure {
	const char *why;
	const char *option[MAX_OPTIONS];
	size_t n;
	bool in;		/* part of the draft */
	bool refused;		/* Kconfig cannot have it */
};

static struct failure failures[MAX_FAILURES];
static size_t n_failures;

static struct {
	const char *profile, *image, *check, *ready, *output;
	bool quick;
} given;

static const char *app, *draft_name, *draft_file, *spec;
static const char *kernel;
static unsigned int tries;

enum result { PASSED, FAILED, NO_KERNEL };

/* What came of each set of options that was tried */
static struct trial {
	const char *names;
	enum result result;
} *trials;
static size_t n_trials;

static bool asks_for(const struct failure *f, const char *option)
{
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->option[i], option))
			return true;
	return false;
}

/* Is there a failure before this one that is in and asks for the option? */
static bool has_option(const char *option, size_t before)
{
	for (size_t i = 0; i < before; i++)
		if (failures[i].in && asks_for(&failures[i], option))
			return true;
	return false;
}

static void print_option(FILE *f, const char *option)
{
	size_t i, reasons = 0;

	fputc('\n', f);
	for (i = 0; i < n_failures && reasons < MAX_REASONS; i++)
		if (failures[i].in && asks_for(&failures[i], option)) {
			fprintf(f, "# %s\n", failures[i].why);
			reasons++;
		}
	fprintf(f, "CONFIG_%s=y\n", option);
}

/* A fragment of what is in */
static char *fragment(const char *what)
{
	size_t i, j, size;
	char *data;
	FILE *f = open_memstream(&data, &size);

	fprintf(f, "# %s-License-Identifier: GPL-2.0\n# Help: Overlay for %s: %s, %s\n",
		"SPDX", given.profile, app, what);
	for (i = 0; i < n_failures; i++)
		for (j = 0; failures[i].in && j < failures[i].n; j++)
			if (!has_option(failures[i].option[j], i))
				print_option(f, failures[i].option[j]);
	if (fclose(f))
		die("%s", out_of_memory);
	return data;
}

static bool names_option(const char *s)
{
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");

	return n && n < MAX_NAME * 2 && !s[n];
}

/* The options of one way to get something: "CONFIG_A (file) and one of CONFIG_B, CONFIG_C" */
static size_t options_of(char *way, const char *option[])
{
	char *part, *name, *end;
	size_t n = 0;

	while (way && n < MAX_OPTIONS) {
		part = way;
		way = strstr(way, " and ");
		if (way) {
			*way = '\0';
			way += strlen(" and ");
		}
		name = strstr(part, "CONFIG_");
		if (!name)
			continue;
		name += strlen("CONFIG_");
		end = name + strcspn(name, " ,;");
		*end = '\0';
		if (names_option(name))
			option[n++] = name;
	}
	return n;
}

/* Of several ways, that which asks for the fewest options that are not there yet */
static void add_failure(const char *why, char *ways)
{
	struct failure f = { .why = why, .in = true }, other;
	size_t least = MAX_OPTIONS + 1, missing, i;
	char *next;

	for (i = 0; i < n_failures; i++)
		if (!strcmp(failures[i].why, why))
			return;
	for (; ways; ways = next) {
		next = strstr(ways, "; or ");
		if (next) {
			*next = '\0';
			next += strlen("; or ");
		}
		other = f;
		other.n = options_of(ways, other.option);
		for (i = missing = 0; i < other.n; i++)
			missing += !has_option(other.option[i], n_failures);
		if (other.n && missing < least) {
			least = missing;
			failures[n_failures] = other;
		}
	}
	if (least <= MAX_OPTIONS && n_failures < MAX_FAILURES - 1)
		n_failures++;
}

/*
 * Read what lupine run --explain says. Part of it is the guest's: such a line has only
 * printable characters, and becomes at most a comment of the fragment.
 */
static void read_explained(const char *file)
{
	char *rest = content(file, NULL), *line, *why = NULL;

	while ((line = next_line(&rest))) {
		if (strlen(line) > 20000)
			continue;
		if (!strncmp(line, "      add ", 10) && why) {
			add_failure(why, line + 10);
			why = NULL;
		} else if (!strncmp(line, "  ", 2)) {
			why = line + 2;
			why[strnlen(why, MAX_TEXT)] = '\0';
			for (char *c = why; *c; c++)
				if (!isprint((unsigned char)*c))
					*c = '?';
		}
	}
}

/* The init names options for what it does itself: "lupine-init: ... add CONFIG_X to the kernel" */
static void read_init(const char *file)
{
	char *rest = content(file, NULL), *line, *at, *end, *way;

	while ((line = next_line(&rest))) {
		at = strstr(line, "CONFIG_");
		if (strncmp(line, "lupine-init: ", 13) || !at)
			continue;
		way = xstrdup(at);
		way[strspn(way, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] = '\0';
		end = strstr(line, ": add CONFIG_");
		*(end ?: at) = '\0';
		add_failure(text("the init: %.*s", MAX_TEXT, line + 13), way);
	}
}

/*
 * Drop what needs options that this kernel cannot have, which the program verify names:
 * "CONFIG_X=y of FILE:LINE became n", "...: Linux 6.12 has no such option"
 */
static bool drop_refused(const char *log)
{
	char *rest = content(log, NULL), *line, *end;
	bool dropped = false;

	while ((line = next_line(&rest))) {
		end = strstr(line, "=y of ");
		if (strncmp(line, "CONFIG_", 7) || !end || !strstr(end, draft_name))
			continue;
		*end = '\0';
		for (size_t i = 0; i < n_failures; i++)
			if (failures[i].in && asks_for(&failures[i], line + 7)) {
				failures[i].in = false;
				failures[i].refused = dropped = true;
			}
	}
	return dropped;
}

/* The options of the failures from this one on that are in, with blanks between */
static char *names(size_t from)
{
	char *list = "";

	for (size_t i = from; i < n_failures; i++)
		for (size_t j = 0; failures[i].in && j < failures[i].n; j++)
			if (!strstr(text("%s ", list), text(" %s ", failures[i].option[j])))
				list = text("%s %s", list, failures[i].option[j]);
	return list;
}

static bool make_kernel(const char *log)
{
	char *draft = fragment("a draft");

	publish(draft_file, draft, strlen(draft));
	free(draft);
	if (run(words(script("kconfig/configure"), spec, NULL), log))
		return false;
	if (run(words(script("kconfig/build"), "--vmlinux", spec, NULL), log)) {
		show_end(log, 20);
		die("the kernel %s cannot be built, see above", spec);
	}
	return true;
}

static enum result boot(bool explain)
{
	struct words *w = words(script("test/app.sh"), app, "--kernel", kernel, NULL);
	const char *log = text("%s/log", work), *out = text("%s/explained", work);
	int status;

	if (!make_kernel(log))
		return NO_KERNEL;
	if (given.image)
		add(w, "--image", given.image, NULL);
	if (given.check)
		add(w, "--check", given.check, NULL);
	if (given.ready)
		add(w, "--ready", given.ready, NULL);
	if (explain)
		add(w, "--explain", out, NULL);
	unlink(out);
	status = run(w, log);
	if (status > 1) {
		show_end(log, 20);
		die("the check could not be run, see above");
	}
	return status ? FAILED : PASSED;
}

/* Does the check pass on a kernel of the draft? If asked, have the guest's init trace all. */
static enum result try(bool explain)
{
	enum result result;

	tries++;
	result = boot(explain);
	trials = more(trials, n_trials, sizeof(*trials));
	trials[n_trials++] = (struct trial){ names(0), result };
	return result;
}

static void say(double since, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	printf("    [%u] ", tries);
	vprintf(fmt, args);
	printf(" (%.0f s)\n", seconds_now() - since);
	fflush(stdout);
	va_end(args);
}

/* Add options until the check passes. */
static void grow(void)
{
	const char *log = text("%s/log", work), *out = text("%s/explained", work);
	enum result result;
	double began;
	size_t known;

	for (;;) {
		began = seconds_now();
		known = n_failures;
		result = try(true);
		if (result == PASSED) {
			say(began, "the check passes");
			return;
		}
		if (result == NO_KERNEL) {
			if (drop_refused(log))
				continue;
			show_end(log, 20);
			die("%s cannot be configured, see above", spec);
		}
		if (!access(out, R_OK))
			read_explained(out);
		if (n_failures == known && !access(text("%s.console", out), R_OK))
			read_init(text("%s.console", out));
		if (n_failures == known || !*names(known)) {
			/* Is it that tracing takes its time? */
			if (try(false) == PASSED)
				return;
			show_end(log, 60);
			die("the check fails, see above, and nothing failed for lack of an option");
		}
		say(began, "the check fails; add%s", names(known));
	}
}

/* Does the check pass without the kept failures from..to? If so they stay out. */
static void try_without(size_t *kept, size_t from, size_t to)
{
	enum result result;
	double began = seconds_now();
	char *list = "";
	const char *option;
	bool known;
	size_t i, j;

	for (i = from; i < to; i++)
		failures[kept[i]].in = false;
	for (i = from; i < to; i++)
		for (j = 0; j < failures[kept[i]].n; j++) {
			option = failures[kept[i]].option[j];
			if (!has_option(option, n_failures) &&
			    !strstr(text("%s ", list), text(" %s ", option)))
				list = text("%s %s", list, option);
		}
	/* Others need the same. */
	if (!*list)
		return;
	for (i = 0; i < n_trials && strcmp(trials[i].names, names(0)); i++)
		;
	known = i < n_trials;
	result = known ? trials[i].result : try(false);
	if (result != PASSED)
		for (i = from; i < to; i++)
			failures[kept[i]].in = true;
	if (!known)
		say(began, "without%s: %s", list,
		    result == PASSED ? "works, left out" :
		    result == FAILED ? "the check fails" : "others need it");
}

static void shrink(void)
{
	size_t kept[MAX_FAILURES], n, size, from, i;

	for (size = n_failures; size; size /= 2) {
		for (i = n = 0; i < n_failures; i++)
			if (failures[i].in)
				kept[n++] = i;
		if (size > n && n)
			size = n;
		for (from = 0; from < n; from += size)
			try_without(kept, from, from + size < n ? from + size : n);
	}
}

static void finish(void)
{
	double began = seconds_now();
	const char *file = text("%s/profiles/derived-%s.config", build, app);
	char *data;
	size_t i;

	if (try(false) != PASSED)
		die("the check passed, and does not pass again on the same kernel");
	say(began, "the check passes with%s", *names(0) ? names(0) : " nothing more");
	data = fragment("found by make profile");
	publish(file, data, strlen(data));
	if (given.output)
		publish(given.output, data, strlen(data));
	unlink(draft_file);
	for (i = 0; i < n_failures; i++)
		if (failures[i].refused)
			printf("    Kconfig cannot have the options of: %s\n", failures[i].why);
	printf("    %s: use it by PROFILE=%s+derived-%s\n", file, given.profile, app);
}

/* Does the configuration beside the image name ports? */
static bool has_ports(const char *image)
{
	const char *dot = strrchr(image, '.');
	char *rest, *line;
	bool has = false;

	rest = content(text("%.*s.conf", (int)(dot ? dot - image : 0), image), NULL);
	while ((line = next_line(&rest)))
		has |= !strncmp(line, "ports=", 6) && line[6];
	return has;
}

static void read_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "profile", required_argument, NULL, 'p' },
		{ "image", required_argument, NULL, 'i' },
		{ "check", required_argument, NULL, 'c' },
		{ "ready", required_argument, NULL, 'r' },
		{ "output", required_argument, NULL, 'o' },
		{ "quick", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'p':
			given.profile = optarg;
			break;
		case 'i':
			given.image = optarg;
			break;
		case 'c':
			given.check = optarg;
			break;
		case 'r':
			number(optarg, "--ready", 1, 100000);
			given.ready = optarg;
			break;
		case 'o':
			given.output = optarg;
			break;
		case 'q':
			given.quick = true;
			break;
		case 'h':
			fputs(help, stdout);
			exit(0);
		default:
			exit(2);
		}
	}
	status_of_die = 2;
	if (optind + 1 != argc)
		die("needs one APP; see --help");
	app = argv[optind];
	if (!is_name(app, "") || strlen(app) > MAX_NAME)
		die("'%s' is no name of an application", app);
	if (given.profile && !is_name(given.profile, "/"))
		die("'%s' is no name of a profile", given.profile);
	status_of_die = 1;
}

int main(int argc, char **argv)
{
	const char *image;
	double began = seconds_now();

	program_name = "profile";
	read_options(argc, argv);
	root = getenv("LUPINE_ROOT");
	build = getenv("BUILD");
	if (!root || !build)
		die("is started by scripts/apps/profile");
	make_workplace();
	mkdir(text("%s/profiles", build), 0755);
	lock_file(text("profiles/.lock-%s", app), true);
	image = given.image;
	if (!image) {
		image = text("%s/image/%s.ext2", getenv("LUPINE_SHARED"), app);
		must(words(script("apps/build"), app, NULL));
	}
	if (!given.profile)
		given.profile = has_ports(image) ? "lupine-base+net" : "lupine-base";
	draft_name = text("draft-%s", app);
	draft_file = text("%s/profiles/%s.config", build, draft_name);
	spec = text("%s+%s", given.profile, draft_name);
	kernel = text("%s/kernel/%s/vmlinux", build, spec);
	printf("    %s on %s: each try builds a kernel and boots it\n", app, given.profile);
	fflush(stdout);
	grow();
	if (!given.quick)
		shrink();
	finish();
	printf("    %u kernels in %.0f s\n", tries, seconds_now() - began);
	return 0;
}
