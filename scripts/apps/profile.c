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
 * No kernel is compiled for these tries. One that has most options lets the application
 * miss what the draft has not (lupine run --lack), which takes a boot. Since not all of what
 * an option does can be seen in calls that fail, the kernel of the result is built in the
 * end and has to pass the check, too. Should it fail, all goes on with kernels that are built.
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
"       scripts/apps/profile [OPTION]... --ukl [--port N] FILE [ARGUMENT]...\n"
"\n"
"Find the options of the kernel that an application of scripts/apps/ needs beside those\n"
"of a profile, by trying: boot it, add the options for what failed, until its check\n"
"passes; then leave out each that the check passes without. Write them as a fragment\n"
"derived-APP to build/profiles, from where PROFILE=lupine-base+derived-APP takes it.\n"
"Most tries are boots of one kernel that lets the application miss what the others would\n"
"not have (lupine run --lack); the one found is built, and has to pass, too. It takes some\n"
"minutes, most of them the compiler's.\n"
"\n"
"  --profile PROFILE  what to begin with (lupine-base, or lupine-base+net if the\n"
"                     application has ports)\n"
"  --on PROFILE       whose kernel takes the place of those that are not built\n"
"                     (lupine-general)\n"
"  --build            build a kernel for each try: the result is right for what cannot be\n"
"                     seen in failing calls, too, and takes hours\n"
"  --no-build         build no kernel at all, also not that of the result\n"
"  --image EXT2       image to boot (build/image/APP.ext2, made if need be)\n"
"  --check PROGRAM    is the application right? PROGRAM is called as scripts/apps/check-lib.sh\n"
"                     says. Without it and without scripts/apps/APP/check, the application\n"
"                     has to answer HTTP on its first port, or to end with status 0\n"
"  --ready SECONDS    time in which it has to answer, or end (that of its manifest, or 60)\n"
"  --quick            do not leave out what was added\n"
"  --output FILE      write the fragment to FILE, too\n"
"\n"
"With --ukl, it is about a program that becomes part of the kernel. FILE and all words\n"
"behind it, sources, objects, libraries and options, are what scripts/ukl/ukl-gcc links.\n"
"The options are found for the same program in a process of its own. Then the kernel is\n"
"built with the overlay ukl, too, linked with the program, and has to pass the check:\n"
"build/profiles/ukl-FILE is that kernel. Without --port, the program has to end with status\n"
"0; with it, it has to answer HTTP there, if no --check is given.\n";

/* What failed for lack of options, and which they are. */
struct failure {
	const char *why;
	const char *option[MAX_OPTIONS];
	size_t n;
	bool in;		/* part of the draft */
	bool new;		/* since the last try */
	bool refused;		/* Kconfig cannot have it */
	bool settled;		/* The check fails without it. */
};

static struct failure failures[MAX_FAILURES];
static size_t n_failures;

static struct {
	const char *profile, *image, *check, *ready, *output, *on, *port;
	bool quick, build, no_build, ukl;
	char **files;		/* with --ukl, and what else is linked */
} given;

static const char *app, *draft_name, *draft_file, *spec;
static const char *kernel, *other_kernel;	/* of the draft, and in its place */
static bool networked;				/* It has ports. */
static bool building;				/* kernels for tries */
static unsigned int tries, built;

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
	struct failure f = { .why = why, .in = true, .new = true }, other;
	size_t least = MAX_OPTIONS + 1, missing, i;
	char *next;

	for (i = 0; i < n_failures; i++)
		if (!strcmp(failures[i].why, why)) {
			/* It was left out, and is wanted after all. */
			failures[i].new = !failures[i].in && !failures[i].refused;
			failures[i].in |= failures[i].new;
			return;
		}
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

/* The options that go with one, as the table has them for what it brings; or that one alone */
static char *way_with(const char *option)
{
	const char *table = building ? text("%.*sfailures", (int)(strlen(kernel) - 7), kernel) :
		text("%s/failures", work);
	size_t len = strlen(option);
	char *rest, *line, *way;

	rest = access(table, R_OK) ? NULL : content(table, NULL);
	while ((line = next_line(&rest))) {
		way = strrchr(line, '\t');
		if (way && !strncmp(way + 1, option, len) && (!way[1 + len] || way[1 + len] == ' '))
			return way + 1;
	}
	return xstrdup(option);
}

/*
 * The init names options for what it does itself: "lupine-init: ... add CONFIG_X to the
 * kernel". The image has asked for these, so they stay, also if the check passes without.
 */
static void read_init(const char *file)
{
	char *rest = content(file, NULL), *line, *at, *end, *way;
	const char *why;
	size_t i;

	while ((line = next_line(&rest))) {
		at = strstr(line, "CONFIG_");
		if (strncmp(line, "lupine-init: ", 13) || !at)
			continue;
		/* Each guest has a device and an address, whether it is of use or not. */
		if (!networked && !strncmp(line + 13, "no network", 10))
			continue;
		way = xstrdup(at);
		way[strspn(way, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] = '\0';
		end = strstr(line, ": add CONFIG_");
		*(end ?: at) = '\0';
		why = text("the init: %.*s", MAX_TEXT, line + 13);
		add_failure(why, way_with(way));
		for (i = 0; i < n_failures; i++)
			failures[i].settled |= !strcmp(failures[i].why, why);
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

/* The options that are in, or those that are new, with blanks between */
static char *names(bool all)
{
	char *list = "";

	for (size_t i = 0; i < n_failures; i++)
		for (size_t j = 0; failures[i].in && (all || failures[i].new) &&
		     j < failures[i].n; j++)
			if (!strstr(text("%s ", list), text(" %s ", failures[i].option[j])))
				list = text("%s %s", list, failures[i].option[j]);
	return list;
}

static bool make_config(const char *log)
{
	char *draft = fragment("a draft");

	publish(draft_file, draft, strlen(draft));
	free(draft);
	return !run(words(script("kconfig/configure"), spec, NULL), log);
}

/*
 * Drop what needs an option with which requests of the profile do not come true, as SMP
 * brings some that a fragment has off. The log does not say which it is.
 */
static bool drop_conflicting(const char *log)
{
	bool out[MAX_FAILURES];
	size_t i, j, k;

	for (i = 0; i < n_failures; i++) {
		for (j = 0; failures[i].in && failures[i].new && j < failures[i].n; j++) {
			for (k = 0; k < n_failures; k++) {
				out[k] = failures[k].in &&
					 asks_for(&failures[k], failures[i].option[j]);
				failures[k].in = failures[k].in && !out[k];
			}
			if (make_config(log)) {
				for (k = 0; k < n_failures; k++)
					failures[k].refused = failures[k].refused || out[k];
				return true;
			}
			for (k = 0; k < n_failures; k++)
				failures[k].in = failures[k].in || out[k];
		}
	}
	return false;
}

static void make_kernel(const char *profile, const char *log)
{
	if (run(words(script("kconfig/build"), "--vmlinux", profile, NULL), log)) {
		show_end(log, 20);
		die("the kernel %s cannot be built, see above", profile);
	}
}

/* What the draft's kernel would lack */
static const char *make_table(const char *log)
{
	const char *table = text("%s/failures", work);

	if (run(words(script("kconfig/failures"), "--output", table, spec, NULL), log)) {
		show_end(log, 20);
		die("what %s lacks cannot be found, see above", spec);
	}
	return table;
}

static enum result boot(bool explain)
{
	struct words *w = words(script("test/app.sh"), app, "--kernel",
				building ? kernel : other_kernel, NULL);
	const char *log = text("%s/log", work), *out = text("%s/explained", work);
	static double longest;	/* of those that passed */
	double began;
	int status;

	if (!make_config(log))
		return NO_KERNEL;
	if (building)
		make_kernel(spec, log);
	else
		add(w, "--lack", make_table(log), NULL);
	built += building;
	if (given.image)
		add(w, "--image", given.image, NULL);
	if (given.check)
		add(w, "--check", given.check, NULL);
	/* Who does not answer in several times that will not answer. */
	if (given.ready || longest > 0)
		add(w, "--ready", given.ready ?: text("%.0f", 10 + 4 * longest), NULL);
	if (explain)
		add(w, "--explain", out, NULL);
	unlink(out);
	began = seconds_now();
	status = run(w, log);
	if (!status && seconds_now() - began > longest)
		longest = seconds_now() - began;
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
	trials[n_trials++] = (struct trial){ names(true), result };
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

/* What was missing in the last try is part of the next draft; is there anything? */
static bool learn(bool failed)
{
	const char *out = text("%s/explained", work), *console = text("%s.console", out);
	size_t i;

	for (i = 0; i < n_failures; i++)
		failures[i].new = false;
	if (failed && !access(out, R_OK))
		read_explained(out);
	if (!access(console, R_OK))
		read_init(console);
	return *names(false);
}

/* Have all that was left out again, but for what Kconfig refuses. */
static bool take_back(void)
{
	bool any = false;

	for (size_t i = 0; i < n_failures; i++) {
		failures[i].new = !failures[i].in && !failures[i].refused;
		failures[i].in = failures[i].in || failures[i].new;
		any = any || failures[i].new;
	}
	return any;
}

static void build_from_here(void)
{
	building = true;
	n_trials = 0;
}

/* Add options until the check passes. */
static void grow(void)
{
	const char *log = text("%s/log", work);
	enum result result;
	double began;

	for (;;) {
		began = seconds_now();
		result = try(true);
		if (result == PASSED && !learn(false)) {
			say(began, "the check passes");
			return;
		}
		if (result == PASSED) {
			say(began, "the check passes; the init wants%s, too", names(false));
			continue;
		}
		if (result == NO_KERNEL) {
			if (drop_refused(log) || drop_conflicting(log))
				continue;
			show_end(log, 20);
			die("%s cannot be configured, see above", spec);
		}
		if (!learn(true)) {
			/* Is it that tracing takes its time? */
			if (try(false) == PASSED)
				return;
			if (!building && !given.no_build) {
				say(began, "the check fails; does %s lack what it needs, too?",
				    given.on);
				build_from_here();
				continue;
			}
			if (!take_back()) {
				show_end(log, 60);
				die("the check fails, see above, and nothing failed for lack of %s",
				    "an option");
			}
		}
		say(began, "the check fails; add%s", names(false));
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
	for (i = 0; i < n_trials && strcmp(trials[i].names, names(true)); i++)
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

/* Not of what is settled */
static void shrink(void)
{
	size_t kept[MAX_FAILURES], n, size, from, i;

	if (given.quick)
		return;
	for (size = n_failures; size; size /= 2) {
		for (i = n = 0; i < n_failures; i++)
			if (failures[i].in && !failures[i].settled)
				kept[n++] = i;
		if (size > n && n)
			size = n;
		for (from = 0; from < n; from += size)
			try_without(kept, from, from + size < n ? from + size : n);
	}
}

/* The rest is done with kernels that are built. Does the one that was found pass? */
static bool settle(void)
{
	double began = seconds_now();
	enum result result;
	size_t i;

	build_from_here();
	result = try(true);
	if (result == PASSED && !learn(false))
		return true;
	say(began, "but not on a kernel that has only these");
	for (i = 0; i < n_failures; i++)
		failures[i].settled |= failures[i].in;
	return false;
}

static void find(void)
{
	grow();
	shrink();
	if (building || given.no_build || settle())
		return;
	grow();
	shrink();
}

static void finish(void)
{
	double began = seconds_now();
	const char *file = text("%s/profiles/derived-%s.config", build, app);
	char *data;
	size_t i;

	if (try(false) != PASSED)
		die("the check passed, and does not pass again on the same kernel");
	say(began, "the check passes with%s", *names(true) ? names(true) : " nothing more");
	data = fragment(building ? "found by make profile" :
			"found by make profile, and no kernel has been built of it");
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

/* ukl-NAME for the first file, /a/NAME.c */
static const char *name_of_program(const char *file)
{
	const char *slash = strrchr(file, '/'), *base = slash ? slash + 1 : file;

	return text("ukl-%.*s", (int)strcspn(base, "."), base);
}

/* ukl-gcc with all that is to be linked */
static struct words *linker(const char *option, const char *output)
{
	bool cxx = false;
	const char *dot;
	struct words *w;
	char **file;

	for (file = given.files; *file; file++) {
		dot = strrchr(*file, '.');
		cxx |= dot && (!strcmp(dot, ".cc") || !strcmp(dot, ".cpp") || !strcmp(dot, ".cxx"));
	}
	w = words("env", option, script(cxx ? "ukl/ukl-g++" : "ukl/ukl-gcc"), NULL);
	for (file = given.files; *file; file++)
		add(w, *file, NULL);
	add(w, "-o", output, NULL);
	return w;
}

/* An image with the program, in which it is a process of its own */
static const char *image_of_program(void)
{
	const char *folder = text("%s/profiles/%s.d", build, app);
	const char *image = text("%s/%s.ext2", folder, app);
	const char *manifest;

	mkdir(folder, 0755);
	must(linker("UKL_HOST=*", text("%s/program", folder)));
	manifest = text("file program /program 755\nentrypoint /program\n%s%s\n",
			given.port ? "port " : "", given.port ?: "");
	publish(text("%s/manifest", folder), manifest, strlen(manifest));
	must(words(script("apps/build"), "--output", image, text("%s/manifest", folder), NULL));
	return image;
}

/* The program as part of the kernel that has been found for it */
static void check_linked(void)
{
	const char *name = text("%s+derived-%s+ukl", given.profile, app);
	const char *log = text("%s/log", work), *linked = text("%s/profiles/%s", build, app);
	struct words *w = words(script("test/app.sh"), app, "--linked", "--kernel", linked,
				"--image", given.image, NULL);
	double began = seconds_now();

	if (run(words(script("kconfig/build"), name, NULL), log)) {
		show_end(log, 20);
		die("the kernel %s cannot be built, see above", name);
	}
	must(linker(text("UKL_KERNEL=%s/kernel/%s", build, name), linked));
	if (given.check)
		add(w, "--check", given.check, NULL);
	if (given.ready)
		add(w, "--ready", given.ready, NULL);
	if (run(w, log)) {
		show_end(log, 40);
		die("%s works in a process, and not as part of the kernel, see above", app);
	}
	printf("    %s is the kernel with the program, and passes, too (%.0f s)\n", linked,
	       seconds_now() - began);
}

static void read_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "profile", required_argument, NULL, 'p' },
		{ "image", required_argument, NULL, 'i' },
		{ "check", required_argument, NULL, 'c' },
		{ "ready", required_argument, NULL, 'r' },
		{ "output", required_argument, NULL, 'o' },
		{ "on", required_argument, NULL, 'O' },
		{ "build", no_argument, NULL, 'b' },
		{ "no-build", no_argument, NULL, 'n' },
		{ "ukl", no_argument, NULL, 'u' },
		{ "port", required_argument, NULL, 'P' },
		{ "quick", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	int c;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
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
		case 'O':
			given.on = optarg;
			break;
		case 'b':
			given.build = true;
			break;
		case 'n':
			given.no_build = true;
			break;
		case 'u':
			given.ukl = true;
			break;
		case 'P':
			number(optarg, "--port", 1, 65535);
			given.port = optarg;
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
	if (given.ukl ? optind == argc : optind + 1 != argc)
		die("needs %s; see --help", given.ukl ? "a FILE" : "one APP");
	if (given.port && !given.ukl)
		die("--port is for --ukl: the ports of an image are known");
	if (given.image && given.ukl)
		die("--image and --ukl exclude each other");
	given.files = argv + optind;
	app = given.ukl ? name_of_program(argv[optind]) : argv[optind];
	if (!is_name(app, "") || strlen(app) > MAX_NAME)
		die("'%s' is no name of an application", app);
	if (given.profile && !is_name(given.profile, "/"))
		die("'%s' is no name of a profile", given.profile);
	if (given.on && !is_name(given.on, "/"))
		die("'%s' is no name of a profile", given.on);
	if (given.build && (given.on || given.no_build))
		die("--build and %s exclude each other", given.on ? "--on" : "--no-build");
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
	if (given.ukl)
		given.image = image_of_program();
	image = given.image;
	if (!image) {
		image = text("%s/image/%s.ext2", getenv("LUPINE_SHARED"), app);
		must(words(script("apps/build"), app, NULL));
	}
	networked = has_ports(image);
	if (!given.profile)
		given.profile = networked ? "lupine-base+net" : "lupine-base";
	draft_name = text("draft-%s", app);
	draft_file = text("%s/profiles/%s.config", build, draft_name);
	spec = text("%s+%s", given.profile, draft_name);
	kernel = text("%s/kernel/%s/vmlinux", build, spec);
	building = given.build;
	if (!given.on)
		given.on = "lupine-general";
	other_kernel = text("%s/kernel/%s/vmlinux", build, given.on);
	printf("    %s on %s: each try boots %s\n", app, given.profile,
	       building ? "a kernel that it builds" : text("%s, with options missing", given.on));
	if (!building && access(other_kernel, R_OK))
		printf("    %s is built first, which takes some minutes\n", given.on);
	fflush(stdout);
	if (!building)
		make_kernel(given.on, text("%s/log", work));
	find();
	finish();
	if (given.ukl && !given.no_build)
		check_linked();
	printf("    %u tries, %u of them with kernels of their own, in %.0f s\n", tries, built,
	       seconds_now() - began);
	return 0;
}
