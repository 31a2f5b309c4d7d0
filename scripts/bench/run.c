// SPDX-License-Identifier: GPL-2.0
/*
 * The runner: for each experiment asked for, get its kernels and its image, boot the
 * kernels in turns, as many times as there are runs, take the rows that the guests print,
 * and append them to the results after each complete run. Each experiment is a process of
 * its own, so that one that fails is told and the others are measured all the same.
 *
 * With --resume, build/bench/session remembers of each experiment which runs are complete.
 */
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

bool counts(const char *unit)
{
	return !strcmp(unit, "instructions");
}

/* The program file has the string, with a 0 on both sides: a symbol, most likely. */
static bool has_symbol(const char *file, const char *symbol)
{
	size_t size;
	char *data = content(file, &size), *wanted = text("%c%s", 1, symbol);
	bool has;

	*wanted = '\0';
	has = memmem(data, size, wanted, strlen(symbol) + 2);
	free(data);
	return has;
}

/* Programs, images and plugins of the guests, by scripts/bench/Makefile. */
void make_file(const char *name)
{
	must(words("make", "-s", "-C", script("bench"), text("OUT=%s/bench", build),
		   text("%s/bench/%s", build, name), NULL));
}

static void add_kernel(struct kernel **k, size_t *n, struct kernel new)
{
	for (size_t i = 0; i < *n; i++)
		if (!strcmp((*k)[i].name, new.name) &&
		    (!new.app || !strcmp((*k)[i].app, new.app)))
			die("--kernel %s is given twice", new.name);
	/* A copy, lest a build change it meanwhile. */
	new.copy = text("%s/kernel-%zu", work, *n);
	must(words("cp", "--reflink=auto", "--", new.file, new.copy, NULL));
	new.release = kernel_release(new.copy);
	if (!new.release)
		die("%s is no kernel: nothing in it says which Linux it is", new.file);
	*k = more(*k, *n, sizeof(**k));
	(*k)[(*n)++] = new;
}

/* NAME=VMLINUX[:PROFILE] */
static struct kernel given_kernel(const char *argument, const char *app)
{
	struct kernel k = { .app = app, .profile = "-" };
	char *equals = strchr(argument, '='), *colon, *folder, *kernels, *slash;

	if (!equals)
		die("--kernel %s: want NAME=VMLINUX[:PROFILE]", argument);
	k.name = text("%.*s", (int)(equals - argument), argument);
	k.file = text("%s", equals + 1);
	if (!is_name(k.name, ""))
		die("--kernel %s: want NAME=VMLINUX[:PROFILE]", argument);
	colon = strrchr(k.file, ':');
	if (colon && access(k.file, F_OK)) {
		*colon = '\0';
		k.profile = colon + 1;
		if (!is_name(k.profile, "/"))
			die("--kernel %s: '%s' is no name of a profile", argument, k.profile);
	}
	folder = realpath(k.file, NULL);
	if (!folder || access(k.file, R_OK))
		die("--kernel %s: no file %s; scripts/kconfig/build makes kernels", argument,
		    k.file);
	/* The folder of our own kernels names the profile: build/kernel/PROFILE/vmlinux */
	kernels = realpath(text("%s/kernel", build), NULL);
	if (!colon && kernels && !strncmp(folder, kernels, strlen(kernels)) &&
	    folder[strlen(kernels)] == '/') {
		folder += strlen(kernels) + 1;
		slash = strchr(folder, '/');
		if (slash && !strcmp(slash, "/vmlinux")) {
			*slash = '\0';
			k.profile = folder;
		}
	}
	return k;
}

static char *for_app(const char *profile, const char *app)
{
	const char *at = strstr(profile, "%s");

	return at ? text("%.*s%s%s", (int)(at - profile), profile, app, at + 2) :
		    text("%s", profile);
}

/* Built if need be. What QEMU needs to boot microvm is no other system. */
static void default_kernel(const struct system *s, const char *app, struct kernel **k, size_t *n)
{
	char *spec = for_app(s->profile ?: s->name, app ?: opt.profile);
	char *file = text("%s/kernel/%s/vmlinux", build, spec);
	struct kernel new;

	if (s->if_built && access(file, F_OK))
		return;
	must(words(script("kconfig/build"), spec, NULL));
	if (s->linked) {
		file = text("%s/%s.linked", work, s->name);
		must(words(script("ukl/ukl-gcc"), "-O2",
			   text("%s/%s", script("bench/guests"), s->linked), "-o", file, NULL));
	}
	new = (struct kernel){ .name = s->name, .profile = spec, .file = file, .app = app };
	add_kernel(k, n, new);
}

/* Default kernels are made from the patched source; the report needs gnuplot. */
static void prepare_source(void)
{
	must(words(script("source/prerequisites"), "--group", "source", "build", "image", "vm",
		   opt.resume ? "bench" : NULL, NULL));
	must(words(script("source/tree"), NULL));
}

static bool wanted_app(const char *app)
{
	for (size_t i = 0; i < opt.apps.n; i++)
		if (!strcmp(opt.apps.v[i], app))
			return true;
	return !opt.apps.n;
}

/* Those of an application, or of an experiment without applications: all. */
static void kernels_of(const struct experiment *e, const char *app, struct kernel **k, size_t *n)
{
	const struct system *s;
	size_t first = *n, i, end;

	for (i = 0; i < opt.kernels.n; i++)
		add_kernel(k, n, given_kernel(opt.kernels.v[i], app));
	for (s = e->systems; !opt.kernels.n && s->name; s++)
		default_kernel(s, app, k, n);
	for (i = first; i < *n; i++)
		(*k)[i].image = e->image;
	/* A second system of each kernel with an entry for calls, which rewritten images use. */
	end = e->rewritten ? *n : first;
	for (i = first; i < end; i++) {
		struct kernel rewritten = (*k)[i];

		/* A kernel compiled for size says nothing new about calls. */
		if (!strcmp(rewritten.name, "lupine-tiny") ||
		    !has_symbol(rewritten.copy, "entry_CALL_64"))
			continue;
		rewritten.name = text("%s-rewritten", rewritten.name);
		rewritten.image = e->rewritten;
		add_kernel(k, n, rewritten);
	}
}

void find_kernels(const struct experiment *e, struct kernel **k, size_t *n)
{
	*k = NULL;
	*n = 0;
	if (!e->apps[0])
		kernels_of(e, NULL, k, n);
	for (size_t i = 0; e->apps[i]; i++)
		if (wanted_app(e->apps[i]))
			kernels_of(e, e->apps[i], k, n);
	if (e->image && !strcmp(opt.accel, "auto")) {
		char *answer = output_of(words(script("lupine/lupine"), "accel", "--kernel",
					       (*k)[0].copy, NULL));

		if (!answer)
			die("lupine accel fails");
		opt.accel = next_line(&answer);
	}
}

/*
 * The command that boots a guest. To count instructions, the guest's clocks count them, one
 * ns each, and it goes without the timer of the local APIC: finding out its frequency
 * takes 100 ms, which are 100 million instructions, and QEMU half a minute for them.
 */
void guest_words(struct words *w, const struct kernel *k, const char *image, const char *unit,
		 const char *append, long memory, long timeout)
{
	bool tcg = !strcmp(opt.accel, "tcg");

	add(w, script("lupine/lupine"), "run", "--quiet", "--no-net", "--accel", opt.accel,
	    "--kernel", k->copy, "--image", text("%s/bench/%s", build, image), "--memory",
	    text("%ld", memory), "--timeout", text("%ld", timeout), "--append", NULL);
	/* Where time is real, `lupine run` tells the frequency. */
	if (unit && tcg && counts(unit))
		add(w, text("nokaslr nolapic_timer tsc=reliable tsc_early_khz=1000000 %s", append),
		    NULL);
	else
		add(w, text("nokaslr %s", append), NULL);
	if (unit && counts(unit))
		add(w, "--qemu", "-icount", "--qemu", "shift=0,sleep=off", NULL);
}

void guest_failed(const char *name, const char *log, int status)
{
	show_end(log, 30);
	die("%s: the guest ended with status %d; the end of its console is above", name, status);
}

void add_row(struct results *rows, const struct experiment *e, const struct kernel *k,
	     const char *metric, const char *unit, double value)
{
	struct row row = { e->name, k->name, metric, unit, value, 0, e->image ? opt.accel : "-",
			   k->release, k->profile };

	results_add(rows, row);
}

/*
 * Lines "EXPERIMENT,SUFFIX,METRIC,UNIT,VALUE" of the console: a kernel makes several
 * systems, NAME and SUFFIX, where it can be called in several ways.
 */
void guest_rows(const struct experiment *e, const struct kernel *k, const char *log,
		struct results *rows)
{
	char *data = content(log, NULL), *line, *field[5];
	size_t before = rows->n;

	while ((line = next_line(&data))) {
		const char *wrong;
		struct row row;

		if (strncmp(line, e->name, strlen(e->name)) || line[strlen(e->name)] != ',')
			continue;
		if (!row_fields(line, field, 5) || (*field[1] && *field[1] != '-'))
			die("%s: a row of its guest is none: %s", k->name, line);
		field[1] = text("%s%s", k->name, field[1]);
		wrong = row_measured(field, &row);
		if (wrong)
			die("%s: in a row of its guest, %s is wrong", k->name, wrong);
		add_row(rows, e, k, row.metric, row.unit, row.value);
		rows->row[rows->n - 1].system = row.system;
	}
	if (rows->n == before || (e->rows && rows->n - before != (size_t)e->rows)) {
		show_end(log, 30);
		die("%s: the guest printed %zu rows; the end of its console is above", k->name,
		    rows->n - before);
	}
}

/* Boot once; add to the rows of this run. */
static void measure(const struct experiment *e, const struct kernel *k, const char *unit,
		    struct results *rows)
{
	char *log = text("%s/console", work);
	struct words w = { 0 };
	int status;

	if (e->measure) {
		e->measure(e, k, unit, rows);
		return;
	}
	guest_words(&w, k, k->image, unit, e->is_init ? text("bench_unit=%s", unit) : "",
		    e->memory, e->timeout);
	if (!e->is_init)
		add(&w, "-e", text("bench_unit=%s", unit), NULL);
	if (k->app) {
		add(&w, "-e", text("APP=%s", k->app), "-e", text("REQUESTS=%ld", opt.requests),
		    NULL);
	}
	if (e->named)
		add(&w, "--", e->name, NULL);
	status = run(&w, log);
	if (status)
		guest_failed(text("%s (%s)", k->name, unit), log, status);
	guest_rows(e, k, log, rows);
}

/* The session: build/bench/session/EXPERIMENT */

struct entry {
	long first, complete, seconds;	/* the first run, complete ones, how long they took */
};

/* From another session, only the duration is of use. With id NULL, take any session. */
static struct entry session_read(const char *experiment, const char *id)
{
	char *file = text("%s/bench/session/%s", build, experiment), was[17] = "";
	struct entry e = { 0 };

	if (!access(file, R_OK) &&
	    sscanf(content(file, NULL), "%ld %ld %ld %16s", &e.first, &e.complete, &e.seconds,
		   was) != 4)
		e = (struct entry){ 0 };
	if (id && (strcmp(id, was) || opt.again))
		e = (struct entry){ .seconds = e.seconds };
	return e;
}

static void session_write(const char *experiment, const char *id, struct entry e)
{
	char *data = text("%ld %ld %ld %s\n", e.first, e.complete, e.seconds, id);

	if (!opt.resume)
		return;
	mkdir(text("%s/bench/session", build), 0755);
	publish(text("%s/bench/session/%s", build, experiment), data, strlen(data));
}

long session_first(const char *experiment)
{
	return session_read(experiment, NULL).first;
}

static void hash(uint64_t *h, const char *data, size_t size)
{
	/* FNV-1a: it has to notice changes, and nobody is out to deceive it. */
	while (size--)
		*h = (*h ^ (unsigned char)*data++) * 0x100000001b3;
}

static void hash_file(uint64_t *h, const char *file)
{
	size_t size;
	char *data = content(file, &size);

	hash(h, data, size);
	free(data);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Hash everything that the results depend on besides the machine. */
static char *identity(void)
{
	char *folders[] = { text("%s/kconfig-profiles", root), script("bench"), script("apps"),
			    script("init"), script("lupine"),
			    text("%s/tree/.lupine-stamp", build), NULL };
	FTS *fts = fts_open(folders, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	uint64_t h = 0xcbf29ce484222325;
	FTSENT *f;

	while (fts && (f = fts_read(fts)))
		if (f->fts_info == FTS_F) {
			hash(&h, f->fts_path, f->fts_pathlen);
			hash_file(&h, f->fts_path);
		}
	fts_close(fts);
	for (size_t i = 0; i < opt.kernels.n; i++)
		hash_file(&h, given_kernel(opt.kernels.v[i], NULL).file);
	hash(&h, opt.all, strlen(opt.all));
	return text("%016lx", h);
}

static void show_turn(size_t done, size_t all, double start, const char *title)
{
	long left;

	fprintf(stderr, "    [%zu/%zu] %s", done + 1, all, title);
	if (done) {
		left = (seconds_now() - start) * (all - done) / done;
		fprintf(stderr, ", about %ld:%02ld left", left / 60, left % 60);
	}
	fputc('\n', stderr);
}

/* Choose the units: the one asked for, or all that need no request. */
static size_t chosen_units(const struct experiment *e, const char *units[2])
{
	size_t n = 0;

	for (size_t i = 0; e->units[i]; i++) {
		bool asked = opt.unit && !strcmp(opt.unit, e->units[i]);

		if (asked && counts(opt.unit) && !strcmp(opt.accel, "kvm"))
			die("only TCG counts instructions");
		if (asked || (!opt.unit && !(counts(e->units[i]) &&
					     (e->asked || strcmp(opt.accel, "tcg")))))
			units[n++] = e->units[i];
	}
	return n;
}

/* Two runs are enough for instructions: they hardly differ. */
static bool enough(const char *unit, long turn)
{
	return counts(unit) && turn >= 2;
}

static void in_turns(const struct experiment *e, struct kernel *k, size_t n, const char *id,
		     struct entry entry)
{
	const char *units[2];
	size_t n_units = chosen_units(e, units), u, i, done = 0, all = 0;
	double start = seconds_now();
	long turn;

	for (turn = entry.complete; turn < opt.runs; turn++)
		for (u = 0; u < n_units; u++)
			all += enough(units[u], turn) ? 0 : n;
	fprintf(stderr, "==> Measure %s: %zu systems, %ld runs, accelerator %s\n", e->name, n,
		opt.runs, opt.accel);
	for (turn = entry.complete; turn < opt.runs; turn++) {
		struct results rows = { 0 };

		for (u = 0; u < n_units; u++)
			for (i = 0; i < n && !enough(units[u], turn); i++) {
				show_turn(done++, all, start,
					  text("run %ld of %ld: %s%s%s, %s", turn + 1, opt.runs,
					       k[i].app ?: "", k[i].app ? " on " : "",
					       k[i].name, units[u]));
				measure(e, &k[i], units[u], &rows);
			}
		for (i = 0; i < rows.n; i++)
			rows.row[i].run = entry.first + turn;
		if (rows.n)
			results_append(&rows);
		entry.complete = turn + 1;
		session_write(e->name, id, entry);
	}
	fprintf(stderr, "    %zu boots in %.0f s; runs %ld to %ld in %s\n", done,
		seconds_now() - start, entry.first, entry.first + opt.runs - 1, results_file());
}

const char *baseline_of(const struct experiment *e)
{
	return e->baseline ?: e->systems[0].name;
}

static const char *usable_baseline(const struct experiment *e, const struct kernel *k, size_t n)
{
	const char *usual = baseline_of(e);

	if (opt.baseline)
		return opt.baseline;
	for (size_t i = 0; i < n; i++)
		if (!strcmp(k[i].name, usual))
			return usual;
	return n ? k[0].name : usual;
}

/* Warn if others use the processors, too: times say little then. */
static void say_if_busy(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	double load;

	if (getloadavg(&load, 1) == 1 && load > processors + 0.5)
		printf("The machine is busy, times are less sure: load %.2f on %ld processors\n",
		       load, processors);
}

static void run_one(const struct experiment *e, const char *id)
{
	struct entry entry = session_read(e->name, id);
	long next = results_last_run(e->name) + 1;
	const char *baseline;
	struct results r;
	struct kernel *k = NULL;
	double start = seconds_now();
	size_t n = 0;

	make_workplace();
	if (!e->configured)
		find_kernels(e, &k, &n);
	for (size_t i = 0, j; i < n; i++) {
		for (j = 0; j < i && k[j].image != k[i].image; j++)
			;
		if (j == i && k[i].image)
			make_file(k[i].image);
	}
	/* Go on only if nobody else has measured the same meanwhile. */
	if (!opt.resume || entry.first + entry.complete != next)
		entry = (struct entry){ .first = next, .seconds = entry.seconds };
	if (e->once) {
		struct results rows = { 0 };

		e->once(e, k, n, &rows);
		for (size_t i = 0; i < rows.n; i++)
			rows.row[i].run = entry.first;
		if (rows.n)
			results_append(&rows);
	} else {
		in_turns(e, k, n, id, entry);
	}
	results_read(&r, results_file(), e->name, entry.first);
	baseline = usable_baseline(e, k, n);
	if (print_table(&r, e->name, baseline, false, stdout))
		print_findings(&r, e, baseline);
	if (e->after)
		e->after(k, n);
	if (e->image)
		say_if_busy();
	entry.complete = opt.runs;
	entry.seconds = seconds_now() - start;
	session_write(e->name, id, entry);
}

static char *remaining(const struct experiment *const *wanted, size_t n)
{
	bool unknown = false;
	long sum = 0;

	for (size_t i = 0; i < n; i++) {
		struct entry entry = session_read(wanted[i]->name, NULL);

		sum += entry.seconds;
		unknown |= !entry.seconds;
	}
	return sum ? text(", %sabout %ld minutes left", unknown ? "at least " : "",
			  (sum + 59) / 60) : "";
}

static void run_all(const struct experiment *const *wanted, size_t n, const char *id)
{
	char *failed = "";
	int status;
	pid_t pid;

	for (size_t i = 0; i < n; i++) {
		const struct experiment *e = wanted[i];

		if (opt.resume && session_read(e->name, id).complete == opt.runs) {
			printf("==> %s: done before\n", e->name);
			continue;
		}
		if (n > 1)
			printf("==> Experiment %zu of %zu: %s%s\n", i + 1, n, e->name,
			       remaining(wanted + i, n - i));
		fflush(stdout);
		pid = fork_child();
		if (!pid) {
			run_one(e, id);
			exit(0);
		}
		status = await(pid);
		if (status > 128)
			exit(status);
		if (status)
			failed = text("%s %s", failed, e->name);
	}
	if (opt.resume && !access(results_file(), R_OK))
		report_main();
	if (*failed && n > 1)
		die("these failed, see above:%s; run again to repeat them", failed);
	exit(*failed ? 1 : 0);
}

static void list_experiments(void)
{
	for (const struct experiment *e = experiments; e->name; e++) {
		printf("%-10s %s\n           systems:", e->name, e->title);
		for (const struct system *s = e->systems; s->name; s++)
			printf(" %s%s", s->name, strcmp(s->name, baseline_of(e)) ? "" :
			       " (baseline)");
		printf("\n           units:");
		for (size_t i = 0; e->units[i]; i++)
			printf(" %s%s", e->units[i],
			       counts(e->units[i]) && e->asked ? " (on request)" : "");
		printf("%s\n           options:", e->units[0] ? "" : " -");
		for (const char *t = e->takes; *t; t++)
			printf(" --%s", option_name(*t));
		printf("%s\n", *e->takes ? "" : " -");
	}
}

/* Refuse an option that means nothing to an experiment named. */
static void check_options(const struct experiment *e)
{
	bool found = !opt.unit;
	char *units = "";

	/* Small letters are options of some experiments only. */
	for (const char *t = opt.given; *t; t++)
		if (*t >= 'a' && !strchr(e->takes, *t))
			die("%s takes no --%s (see --list)", e->name, option_name(*t));
	for (size_t i = 0; e->units[i]; i++) {
		found |= opt.unit && !strcmp(opt.unit, e->units[i]);
		units = text("%s%s%s", units, i ? " or " : "", e->units[i]);
	}
	if (!found)
		die("--unit wants %s for %s", units, e->name);
	if (opt.unit && counts(opt.unit) && !strcmp(opt.accel, "kvm"))
		die("only TCG counts instructions");
	for (size_t i = 0; e->apps[0] && i < opt.apps.n; i++)
		if (strcmp(opt.apps.v[i], e->apps[0]) && strcmp(opt.apps.v[i], e->apps[1]))
			die("--app %s: %s has %s and %s", opt.apps.v[i], e->name, e->apps[0],
			    e->apps[1]);
	for (size_t i = 0; i < opt.kernels.n; i++)
		given_kernel(opt.kernels.v[i], NULL);
	check_peers();
}

void run_main(void)
{
	const struct experiment *wanted[MOST_WORDS];
	size_t n = 0;

	if (opt.list) {
		list_experiments();
		return;
	}
	if (strcmp(opt.accel, "auto") && strcmp(opt.accel, "tcg") && strcmp(opt.accel, "kvm"))
		die("--accel %s: want auto, tcg or kvm", opt.accel);
	for (; n < opt.words.n; n++)
		wanted[n] = find_experiment(opt.words.v[n]);
	for (const struct experiment *e = experiments; !opt.words.n && e->name; e++)
		wanted[n++] = e;
	for (size_t i = 0; i < n; i++)
		check_options(wanted[i]);
	mkdir(text("%s/bench", build), 0755);
	lock_file(".lock-bench", true);
	handle_signals();
	if (!opt.kernels.n)
		prepare_source();
	run_all(wanted, n, identity());
}
