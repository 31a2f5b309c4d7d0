// SPDX-License-Identifier: GPL-2.0
/*
 * The results: a CSV with a row for each value. Each row is checked when it is read,
 * from whatever it comes: every field has its set of characters, so that none of them
 * means anything to a CSV, to reStructuredText or to gnuplot.
 *
 * All statistics are here. Runs of the same number went side by side, so a quotient of
 * two values is taken within a run, and the median is that of the quotients.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

#define MOST_RUNS	100000

const char *results_file(void)
{
	return text("%s/bench/results.csv", build);
}

/* True if the line has exactly n fields. */
bool row_fields(char *line, char *field[], int n)
{
	int i = 0;

	while (i < n) {
		field[i] = strsep(&line, ",");
		if (!field[i++])
			return false;
	}
	return !line;
}

/* The first five fields, which guests print, too. Returns what is wrong, or NULL. */
const char *row_measured(char *const field[5], struct row *row)
{
	char *end;

	row->experiment = field[0];
	row->system = field[1];
	row->metric = field[2];
	row->unit = field[3];
	if (!is_name(row->experiment, ""))
		return "the experiment's name";
	if (!is_name(row->system, ""))
		return "the system's name";
	if (!is_name(row->metric, ""))
		return "the metric's name";
	if (!is_name(row->unit, "/%"))
		return "the unit";
	errno = 0;
	row->value = strtod(field[4], &end);
	/* No space, sign of plus, hexadecimal number, infinity. */
	if (errno || end == field[4] || *end || strspn(field[4], "-0123456789.e+") !=
	    strlen(field[4]) || *field[4] == '+' || fabs(row->value) > 1e18)
		return "the value";
	return NULL;
}

static const char *row_whole(char *line, struct row *row)
{
	const char *wrong;
	char *field[9], *end;

	if (!row_fields(line, field, 9))
		return "the number of fields, which is not 9";
	wrong = row_measured(field, row);
	if (wrong)
		return wrong;
	row->run = strtol(field[5], &end, 10);
	if (*end || field[5][strspn(field[5], "0123456789")] || row->run < 1 ||
	    row->run > MOST_RUNS)
		return "the run";
	row->accelerator = field[6];
	row->release = field[7];
	row->profile = field[8];
	if (strcmp(row->accelerator, "tcg") && strcmp(row->accelerator, "kvm") &&
	    strcmp(row->accelerator, "-"))
		return "the accelerator";
	if (!is_name(row->release, ""))
		return "the kernel release";
	if (strcmp(row->profile, "-") && !is_name(row->profile, "/"))
		return "the profile";
	return NULL;
}

void results_add(struct results *r, struct row row)
{
	r->row = more(r->row, r->n, sizeof(*r->row));
	r->row[r->n++] = row;
}

/* The rows of an experiment (all: NULL) from a run on. No file: no rows. */
void results_read(struct results *r, const char *file, const char *experiment, long from)
{
	size_t size, at = 1;
	const char *wrong;
	char *data, *line;
	struct row row;

	memset(r, 0, sizeof(*r));
	if (access(file, F_OK))
		return;
	data = content(file, &size);
	if (strlen(data) != size)
		die("%s has a byte 0", file);
	line = next_line(&data);
	if (!line || strcmp(line, RESULTS_HEADER))
		die("%s has other columns than %s; move it away", file, RESULTS_HEADER);
	while ((line = next_line(&data))) {
		at++;
		wrong = row_whole(line, &row);
		if (wrong)
			die("%s, line %zu: %s is wrong", file, at, wrong);
		if ((!experiment || !strcmp(experiment, row.experiment)) && row.run >= from)
			results_add(r, row);
	}
}

/* All or nothing, with others that do so at the same time. */
void results_append(const struct results *new)
{
	const char *file = results_file();
	char *whole = NULL, *old;
	struct results all;
	int lock;
	size_t size, i;
	FILE *f;

	if (!new->n)
		die("no rows to append");
	mkdir(text("%s/bench", build), 0755);
	lock = lock_file("bench/.lock", false);
	results_read(&all, file, NULL, 0);
	f = open_memstream(&whole, &size);
	if (!f)
		die("no memory");
	if (access(file, F_OK)) {
		fprintf(f, "%s\n", RESULTS_HEADER);
	} else {
		old = content(file, &i);
		fwrite(old, 1, i, f);
		if (i && old[i - 1] != '\n')
			fputc('\n', f);
	}
	for (i = 0; i < new->n; i++) {
		const struct row *r = &new->row[i];

		fprintf(f, "%s,%s,%s,%s,%.10g,%ld,%s,%s,%s\n", r->experiment, r->system,
			r->metric, r->unit, r->value, r->run, r->accelerator, r->release,
			r->profile);
	}
	if (fclose(f))
		die("no memory");
	publish(file, whole, size);
	close(lock);
	free(whole);
}

void append_main(void)
{
	struct results r;

	results_read(&r, opt.words.v[0], NULL, 0);
	results_append(&r);
}

long results_last_run(const char *experiment)
{
	struct results r;
	long last = 0;

	results_read(&r, results_file(), experiment, 0);
	for (size_t i = 0; i < r.n; i++)
		if (r.row[i].run > last)
			last = r.row[i].run;
	return last;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts v. Of an even number the mean of the two in the middle. */
double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_value);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static struct summary summary(double *v, size_t n)
{
	struct summary s = { .n = n };

	if (n) {
		s.median = median(v, n);
		s.least = v[0];
		s.greatest = v[n - 1];
	}
	free(v);
	return s;
}

static bool value_in(const struct results *r, const char *system, const char *metric, long run,
		     double *value)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->row[i].run == run && !strcmp(r->row[i].metric, metric) &&
		    !strcmp(r->row[i].system, system)) {
			*value = r->row[i].value;
			return true;
		}
	return false;
}

static bool value_of(const struct results *r, struct series s, long run, double *value)
{
	const char *slash = strchr(s.metric, '/');
	double divisor;

	if (!slash)
		return value_in(r, s.system, s.metric, run, value);
	if (!value_in(r, s.system, text("%.*s", (int)(slash - s.metric), s.metric), run, value) ||
	    !value_in(r, s.system, slash + 1, run, &divisor) || divisor == 0)
		return false;
	*value /= divisor;
	return true;
}

/* Is row i the first of its run? Rows of a run lie together, mostly. */
static bool begins_run(const struct results *r, size_t i)
{
	for (size_t j = i; j--;)
		if (r->row[j].run == r->row[i].run)
			return false;
	return true;
}

struct summary of_values(const struct results *r, struct series s)
{
	double *v = NULL, value;
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		if (begins_run(r, i) && value_of(r, s, r->row[i].run, &value)) {
			v = more(v, n, sizeof(*v));
			v[n++] = value;
		}
	return summary(v, n);
}

/* a / b, or with reciprocal b / a, in the runs that have both. */
struct summary of_quotients(const struct results *r, struct series a, struct series b,
			    bool reciprocal)
{
	double *v = NULL, x, y;
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		if (!begins_run(r, i) || !value_of(r, a, r->row[i].run, &x) ||
		    !value_of(r, b, r->row[i].run, &y) || x == 0 || y == 0)
			continue;
		v = more(v, n, sizeof(*v));
		v[n++] = reciprocal ? y / x : x / y;
	}
	return summary(v, n);
}
