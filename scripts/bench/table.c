// SPDX-License-Identifier: GPL-2.0
/*
 * Tables of an experiment, and what follows from it: whether targets are reached, and
 * where a system is slower than another one beyond the spread.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* The different values of a field of the rows, in their order. */
const char **different(const struct results *r, size_t field, size_t *n)
{
	const char **list = NULL;
	size_t i, j;

	*n = 0;
	for (i = 0; i < r->n; i++) {
		const char *s = *(const char **)((char *)&r->row[i] + field);

		for (j = 0; j < *n && strcmp(list[j], s); j++)
			;
		if (j < *n)
			continue;
		list = more(list, *n, sizeof(*list));
		list[(*n)++] = s;
	}
	return list;
}

static char *joined(const char **list, size_t n)
{
	char *all = "";

	for (size_t i = 0; i < n; i++)
		all = text("%s%s%s", all, i ? ", " : "", list[i]);
	return all;
}

static char *digits(double x)
{
	return text("%.*f", x == floor(x) ? 0 : fabs(x) < 100 ? 2 : 1, x);
}

static const char *unit_of(const struct results *r, const char *metric)
{
	for (size_t i = 0; i < r->n; i++)
		if (!strcmp(r->row[i].metric, metric))
			return r->row[i].unit;
	return "";
}

static bool spans_one(struct summary s)
{
	return s.least <= 1 && s.greatest >= 1;
}

static void csv_line(FILE *f, struct series s, struct summary v, struct summary q,
		     const char *unit, bool is_baseline)
{
	fprintf(f, "%s,%s,%zu,%.6g,%s,%.6g,%.6g,", s.metric, s.system, v.n, v.median, unit,
		v.least, v.greatest);
	if (is_baseline)
		fputs("1,1,1\n", f);
	else if (q.n)
		fprintf(f, "%.4f,%.4f,%.4f\n", q.median, q.least, q.greatest);
	else
		fputs(",,\n", f);
}

/* Wide enough for the metrics and systems of this table */
static int metric_width, system_width;

static int width(const char **list, size_t n, int least)
{
	for (size_t i = 0; i < n; i++)
		if ((int)strlen(list[i]) > least)
			least = strlen(list[i]);
	return least;
}

static void text_line(FILE *f, struct series s, struct summary v, struct summary q,
		      const char *unit, bool is_baseline)
{
	fprintf(f, "%-*s %-*s %4zu %10s %-6s %-20s ", metric_width, s.metric, system_width,
		s.system, v.n, digits(v.median), strcmp(unit, "instructions") ? unit : "insns",
		text("%s..%s", digits(v.least), digits(v.greatest)));
	if (is_baseline)
		fputs("baseline", f);
	else if (q.n)
		fprintf(f, "%5.3f  %5.3f..%5.3f%s", q.median, q.least, q.greatest,
			spans_one(q) ? "  no difference" : "");
	fputc('\n', f);
}

static void heading(FILE *f, const struct results *r, const char *experiment,
		    const char *accelerator, const char *baseline)
{
	long first = r->row[0].run, last = first;
	const char **releases, **profiles;
	size_t n, p;

	for (size_t i = 0; i < r->n; i++) {
		first = r->row[i].run < first ? r->row[i].run : first;
		last = r->row[i].run > last ? r->row[i].run : last;
	}
	releases = DIFFERENT(r, release, &n);
	profiles = DIFFERENT(r, profile, &p);
	fprintf(f, "%s, runs %ld to %ld: accelerator %s, Linux %s, profiles %s; ratios to %s\n",
		experiment, first, last, accelerator, joined(releases, n), joined(profiles, p),
		baseline);
	fprintf(f, "%-*s %-*s %4s %10s %-6s %-20s %5s  %s\n", metric_width, "metric", system_width,
		"system", "runs", "median", "unit", "spread", "ratio", "spread");
}

/*
 * For each metric and system the median and the ends, and the same of the ratios to
 * the baseline. False: there is nothing.
 */
bool print_table(const struct results *r, const char *experiment, const char *baseline,
		 bool csv, FILE *f)
{
	size_t na, nm, ns, a, m, s;
	const char **accelerators = DIFFERENT(r, accelerator, &na), **metrics, **systems;

	if (!r->n)
		return false;
	if (csv)
		fprintf(f, "metric,system,runs,median,unit,least,greatest,%s\n",
			"ratio,least ratio,greatest ratio");
	for (a = 0; a < na; a++) {
		struct results part = { 0 };

		for (s = 0; s < r->n; s++)
			if (!strcmp(r->row[s].accelerator, accelerators[a]))
				results_add(&part, r->row[s]);
		metrics = DIFFERENT(&part, metric, &nm);
		systems = DIFFERENT(&part, system, &ns);
		metric_width = width(metrics, nm, 18);
		system_width = width(systems, ns, 20);
		if (!csv) {
			fputs(a ? "\n" : "", f);
			heading(f, &part, experiment, accelerators[a], baseline);
		}
		for (m = 0; m < nm; m++)
			for (s = 0; s < ns; s++) {
				struct series here = { systems[s], metrics[m] };
				struct series there = { baseline, metrics[m] };
				struct summary v = of_values(&part, here);

				if (v.n)
					(csv ? csv_line : text_line)(f, here, v,
						of_quotients(&part, here, there, false),
						unit_of(&part, metrics[m]),
						!strcmp(systems[s], baseline));
			}
	}
	return true;
}

/*
 * Lines "SYSTEM METRIC ratio|least|most LIMIT [AGAINST]": of the ratio to AGAINST
 * (microvm) in the same run, at most or at least the limit, or of the value itself; the
 * median counts.
 */
static void print_targets(const struct results *r, const char *targets)
{
	char *lines = text("%s", targets), *line;
	bool shown = false;

	while ((line = next_line(&lines))) {
		char system[64], metric[64], kind[8], against[64] = "microvm";
		bool least, most;
		struct summary q;
		double limit;

		if (sscanf(line, "%63s %63s %7s %lf %63s", system, metric, kind, &limit,
			   against) < 4)
			die("bad target '%s'", line);
		least = !strcmp(kind, "least");
		most = !strcmp(kind, "most");
		q = most ? of_values(r, (struct series){ system, metric }) :
			   of_quotients(r, (struct series){ system, metric },
					(struct series){ against, metric }, false);
		if (!q.n)
			continue;
		if (!shown)
			printf("\n%-18s %-28s %10s  %s\n", "target of", "metric", "is", "wanted");
		shown = true;
		printf("%-18s %-28s %10s  %s %s%s  %s\n", system, metric,
		       most ? digits(q.median) : text("%.3f", q.median),
		       least ? "at least" : "at most", digits(limit),
		       most ? "" : text(" of %s", against),
		       (least ? q.median >= limit : q.median <= limit) ? "reached" : "MISSED");
	}
	if (!shown)
		printf("\nno targets: they are for ratios to microvm, which was not measured\n");
}

/*
 * Tell where a system is slower than the baseline in each run, and so not by the spread
 * alone. Less is better for latencies; for bandwidths, more is.
 */
static void print_slower(const struct results *r, const char *baseline)
{
	const char **metrics, **systems;
	size_t nm, ns, m, s;

	metrics = DIFFERENT(r, metric, &nm);
	systems = DIFFERENT(r, system, &ns);
	for (s = 0; s < ns; s++) {
		char *lines = "";

		if (!strcmp(systems[s], baseline))
			continue;
		for (m = 0; m < nm; m++) {
			struct summary q = of_quotients(r,
				(struct series){ systems[s], metrics[m] },
				(struct series){ baseline, metrics[m] },
				strcmp(unit_of(r, metrics[m]), "us"));

			if (q.n && q.least > 1)
				lines = text("%s    %-16s %.2f times, %.2f..%.2f\n", lines,
					     metrics[m], q.median, q.least, q.greatest);
		}
		printf("\n%s: of %zu lines, slower than %s in all runs: %s\n%s", systems[s], nm,
		       baseline, *lines ? "" : "none", lines);
	}
}

/* Metrics with FROM in their names, relative to those with TO instead. */
static void print_related(const struct results *r, const char *title, const char *from,
			  const char *to)
{
	const char **metrics, **systems;
	size_t nm, ns, m, s;

	metrics = DIFFERENT(r, metric, &nm);
	systems = DIFFERENT(r, system, &ns);
	printf("\n%s (more than 1 is slower):\n", title);
	for (s = 0; s < ns; s++)
		for (m = 0; m < nm; m++) {
			const char *at = strstr(metrics[m], from), *other;
			struct summary q;

			if (!at)
				continue;
			other = text("%.*s%s%s", (int)(at - metrics[m]), metrics[m], to,
				     at + strlen(from));
			q = of_quotients(r, (struct series){ systems[s], metrics[m] },
					 (struct series){ systems[s], other }, false);
			if (q.n)
				printf("    %-22s %-28s %.3f..%.3f%s\n", systems[s], metrics[m],
				       q.least, q.greatest, spans_one(q) ? "  no difference" : "");
		}
}

void print_findings(const struct results *r, const struct experiment *e, const char *baseline)
{
	if (e->targets)
		print_targets(r, e->targets);
	if (e->slower)
		print_slower(r, baseline);
	if (e->related[0])
		print_related(r, e->related[0], e->related[1], e->related[2]);
}

void table_main(void)
{
	const char *file = opt.results ?: results_file(), *name = opt.words.v[0], *baseline;
	const struct experiment *e = experiments;
	struct results r;

	results_read(&r, file, name, opt.from);
	if (!r.n)
		die("no runs of %s in %s; make bench runs all experiments", name, file);
	while (e->name && strcmp(e->name, name))
		e++;
	baseline = opt.baseline ?: e->name ? baseline_of(e) : r.row[0].system;
	print_table(&r, name, baseline, opt.list, stdout);
	if (e->name && !opt.list)
		print_findings(&r, e, baseline);
}

/* A line for what all of the n versions have, without its first fields. */
static void releases_line(const struct results *part, size_t n, struct series here,
			  const char *first, const char *unit)
{
	struct summary v[n];

	for (size_t i = 0; i < n; i++) {
		v[i] = of_values(&part[i], here);
		if (!v[i].n)
			return;
	}
	printf("%s,%s,%s,%s", first, here.metric, here.system, unit);
	for (size_t i = 0; i < n; i++)
		printf(",%.10g", v[i].median);
	if (v[0].median)
		printf(",%.3f\n", v[n - 1].median / v[0].median);
	else
		puts(",");
}

static void releases_lines(const struct results *all, const char **releases, size_t n,
			   const char *experiment, const char *accelerator)
{
	struct results part[n], both = { 0 };
	const char **metric, **system;
	size_t nm, ns, i;

	memset(part, 0, sizeof(part));
	for (size_t j = 0; j < all->n; j++) {
		const struct row *row = &all->row[j];

		if (strcmp(row->experiment, experiment) || strcmp(row->accelerator, accelerator))
			continue;
		results_add(&both, *row);
		for (i = 0; strcmp(releases[i], row->release); i++)
			;
		results_add(&part[i], *row);
	}
	metric = DIFFERENT(&both, metric, &nm);
	system = DIFFERENT(&both, system, &ns);
	for (size_t m = 0; m < nm; m++)
		for (i = 0; i < ns; i++)
			releases_line(part, n, (struct series){ system[i], metric[m] },
				      text("%s,%s", experiment, accelerator),
				      unit_of(&both, metric[m]));
}

/*
 * The results of several versions of Linux side by side, a line for each value that all
 * have, and how the last one is to the first. Each version has runs of its own, so that the
 * medians are compared, and not values of one run.
 */
void releases_main(void)
{
	const char **releases, **experiment, **accelerator;
	struct results all = { 0 };
	size_t n, ne, na, i;

	for (i = 0; i < opt.words.n; i++) {
		struct results r;

		results_read(&r, opt.words.v[i], NULL, 0);
		if (!r.n)
			die("no results in %s; make bench writes them", opt.words.v[i]);
		for (size_t j = 0; j < r.n; j++)
			results_add(&all, r.row[j]);
	}
	releases = DIFFERENT(&all, release, &n);
	if (n < 2)
		die("all results are those of Linux %s; BASE= measures another one", releases[0]);
	printf("experiment,accelerator,metric,system,unit");
	for (i = 0; i < n; i++)
		printf(",%s", releases[i]);
	printf(",%s/%s\n", releases[n - 1], releases[0]);
	experiment = DIFFERENT(&all, experiment, &ne);
	accelerator = DIFFERENT(&all, accelerator, &na);
	for (i = 0; i < ne; i++)
		for (size_t a = 0; a < na; a++)
			releases_lines(&all, releases, n, experiment[i], accelerator[a]);
}
