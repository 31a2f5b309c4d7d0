// SPDX-License-Identifier: GPL-2.0
/*
 * The report: for each experiment that has results a table, a plot if gnuplot is there,
 * and the papers' figures (Documentation/lupine/paper.csv) beside those of here.
 */
#include <ctype.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define PAPER_HEADER	"what,system,paper,here,spread,runs,source"

struct fields {
	FILE *f;
	char *text;
	size_t size;
};

static void begin(struct fields *b)
{
	b->f = open_memstream(&b->text, &b->size);
	if (!b->f)
		die("no memory");
}

static void heading(FILE *f, const char *title, char c)
{
	fprintf(f, "%s\n", title);
	for (size_t i = 0; i < strlen(title); i++)
		fputc(c, f);
	fputs("\n\n", f);
}

/* experiment,metric,system,against,kind,value,"source": a line for each that has runs */
static void beside_paper(const struct results *r, const char *experiment, FILE *f)
{
	char *data = content(text("%s/Documentation/lupine/paper.csv", root), NULL), *line;
	size_t at = 1;

	next_line(&data);
	while ((line = next_line(&data))) {
		char *source = strchr(line, '"'), *field[7];
		struct series s, against;
		struct summary q;
		bool ratio;
		int digits;

		at++;
		if (source && source > line)
			source[-1] = '\0';
		if (!source || !row_fields(line, field, 6))
			die("paper.csv, line %zu: want 6 fields and a quoted source", at);
		if (strcmp(field[0], experiment))
			continue;
		s = (struct series){ field[2], field[1] };
		against = (struct series){ field[3], field[1] };
		ratio = !strcmp(field[4], "ratio");
		q = ratio ? of_quotients(r, s, against, false) : of_values(r, s);
		if (!q.n)
			continue;
		digits = ratio || strchr(field[1], '/') ? 2 : -1;
		fprintf(f, digits < 0 ? "%s,%s%s%s,%s,%.6g,%.6g..%.6g,%zu,%s\n" :
			"%s,%s%s%s,%s,%.2f,%.2f..%.2f,%zu,%s\n",
			field[1], field[2], ratio ? " / " : "", ratio ? field[3] : "", field[5],
			q.median, q.least, q.greatest, q.n, source);
	}
}

/* Plot the ratios of all systems side by side, for each metric. */
static bool bars(FILE *f, const struct results *r, const char *baseline, const char *title)
{
	size_t nm, ns, m, s, rows = 0;
	const char **metric = DIFFERENT(r, metric, &nm), **system = DIFFERENT(r, system, &ns);

	fputs("$data << END\n", f);
	for (s = 0; s < ns; s++)
		fprintf(f, "\t%s", system[s]);
	for (m = 0; m < nm; m++) {
		struct series there = { baseline, metric[m] };

		if (!of_values(r, there).n)
			continue;
		rows++;
		fprintf(f, "\n%s", metric[m]);
		for (s = 0; s < ns; s++) {
			struct series here = { system[s], metric[m] };
			struct summary q = of_quotients(r, here, there, false);

			fprintf(f, "\t%s", !strcmp(system[s], baseline) ? "1" :
				q.n ? text("%.4f", q.median) : "?");
		}
	}
	fprintf(f, "\nEND\nset terminal svg size %zu,420 font \"sans,11\"\n"
		"set title \"%s: ratio to %s\" noenhanced\nset style data histogram\n"
		"set style fill solid 0.8\nset datafile separator \"\\t\" missing \"?\"\n"
		"set key outside noenhanced autotitle columnhead\n"
		"set xtics rotate by -40 noenhanced\nset yrange [0:*]\nset grid y\n"
		"plot for [i=2:%zu] $data using i:xtic(1)\n",
		480 + rows * 40 < 1600 ? 480 + rows * 40 : 1600, title, baseline, ns + 1);
	return rows;
}

/* Find the number at the end of a metric's name; 0 if none, or if it needs another axis. */
static size_t number_at(const char *metric)
{
	size_t n = strlen(metric);

	while (n && isdigit((unsigned char)metric[n - 1]))
		n--;
	return metric[n] && n && metric[n - 1] == '-' && !strstr(metric, "-instructions-") ? n : 0;
}

/* Plot medians over the number in the metric: a line for each system and name before it. */
static bool lines(FILE *f, const struct results *r, const char *title)
{
	size_t nm, ns, m, s, i, n = 0;
	const char **metric = DIFFERENT(r, metric, &nm), **system = DIFFERENT(r, system, &ns);
	struct items names = { 0 };
	struct {
		char *name;
		const char *x;
		struct summary v;
	} *point = calloc(nm * ns, sizeof(*point));

	for (m = 0; m < nm; m++)
		for (s = 0; s < ns; s++) {
			size_t at = number_at(metric[m]);
			struct summary v = of_values(r, (struct series){ system[s], metric[m] });

			if (!at || !v.n)
				continue;
			point[n].name = text("%s %.*s", system[s], (int)at - 1, metric[m]);
			point[n].x = metric[m] + at;
			point[n].v = v;
			count_in(&names, point[n++].name, 1);
		}
	for (i = 0; i < names.n; i++) {
		fprintf(f, "$line%zu << END\n", i);
		for (m = 0; m < n; m++)
			if (!strcmp(point[m].name, names.v[i].name))
				fprintf(f, "%s\t%.6g\t%.6g\t%.6g\n", point[m].x,
					point[m].v.median, point[m].v.least, point[m].v.greatest);
		fputs("END\n", f);
	}
	fprintf(f, "set terminal svg size 800,420 font \"sans,11\"\nset title \"%s\" noenhanced\n"
		"set key outside noenhanced\nset logscale x 2\nset ylabel 'ns'\n"
		"set yrange [0:*]\nset grid\nplot ", title);
	/* An x of 0 has no logarithm. */
	for (i = 0; i < names.n; i++)
		fprintf(f, "%s$line%zu using ($1 > 0 ? $1 : 1):2:3:4 with yerrorlines title '%s'",
			i ? ", " : "", i, names.v[i].name);
	fputc('\n', f);
	return names.n;
}

static bool plot(const struct experiment *e, const struct results *r, const char *svg)
{
	char *file = text("%s/gnuplot", work), *picture;
	struct fields b;
	bool any;

	begin(&b);
	any = e->lines ? lines(b.f, r, e->title) : bars(b.f, r, baseline_of(e), e->title);
	fclose(b.f);
	if (!any)
		return false;
	publish(file, b.text, b.size);
	picture = output_of(words("gnuplot", file, NULL));
	if (!picture)
		die("gnuplot fails for %s", e->name);
	publish(svg, picture, strlen(picture));
	return true;
}

static bool have_gnuplot(void)
{
	char *path = text("%s", getenv("PATH") ?: "/usr/bin:/bin"), *folder;

	while ((folder = strsep(&path, ":")))
		if (!access(text("%s/gnuplot", folder), X_OK))
			return true;
	return false;
}

static void section(FILE *f, const struct experiment *e, const struct results *r,
		    const char *folder, FILE *csv)
{
	struct fields paper, whole;
	char *line;

	begin(&paper);
	beside_paper(r, e->name, paper.f);
	fclose(paper.f);
	heading(f, e->title, '-');
	if (e->remark)
		fprintf(f, "%s\n\n", e->remark);
	if (paper.size) {
		fprintf(f, ".. csv-table:: Beside the paper\n   :header-rows: 1\n\n   %s\n",
			PAPER_HEADER);
		while ((line = next_line(&paper.text))) {
			fprintf(f, "   %s\n", line);
			fprintf(csv, "%s,%s\n", e->name, line);
		}
		fputc('\n', f);
	}
	if (have_gnuplot() && plot(e, r, text("%s/%s.svg", folder, e->name)))
		fprintf(f, ".. image:: %s.svg\n\n", e->name);
	fputs("::\n\n", f);
	begin(&whole);
	print_table(r, e->name, baseline_of(e), false, whole.f);
	fclose(whole.f);
	while ((line = next_line(&whole.text)))
		fprintf(f, *line ? "    %s\n" : "%s\n", line);
	fputc('\n', f);
}

void report_main(void)
{
	const char *output = opt.output ?: text("%s/bench/report.rst", build), *folder;
	char *accelerators = "", *releases = "", date[16];
	const struct experiment *e;
	struct fields report, beside;
	struct results all, r;
	time_t now = time(NULL);

	results_read(&all, results_file(), NULL, 0);
	if (!all.n)
		die("no %s yet; make bench writes it", results_file());
	make_workplace();
	folder = dirname(text("%s", output));
	mkdir(folder, 0755);
	for (size_t i = 0; i < all.n; i++) {
		const struct row *row = &all.row[i];

		if (strcmp(row->accelerator, "-") && !strstr(accelerators, row->accelerator))
			accelerators = text("%s %s", accelerators, row->accelerator);
		if (!strstr(text("%s ", releases), text(" %s ", row->release)))
			releases = text("%s %s", releases, row->release);
	}
	strftime(date, sizeof(date), "%Y-%m-%d", gmtime(&now));
	begin(&report);
	begin(&beside);
	fprintf(beside.f, "experiment,%s\n", PAPER_HEADER);
	heading(report.f, "The papers' evaluation, again", '=');
	fprintf(report.f, "Linux%s, accelerator%s, %s.\n", releases,
		*accelerators ? accelerators : " -", date);
	if (strstr(accelerators, "tcg"))
		fputs("TCG translates instructions: its times are no hardware's, and only ratios\n"
		      "within a run say something.\n", report.f);
	fputs("Medians; a ratio is taken within each run, and when 1 is within their spread, the\n"
	      "two do not differ as far as can be seen.\n\n", report.f);
	for (e = experiments; e->name; e++) {
		long first = session_first(e->name);

		for (size_t i = 0; i < opt.firsts.n; i++)
			if (!strncmp(opt.firsts.v[i], text("%s=", e->name), strlen(e->name) + 1))
				first = number(strchr(opt.firsts.v[i], '=') + 1, "--from", 1,
					       100000);
		results_read(&r, results_file(), e->name, first);
		if (r.n)
			section(report.f, e, &r, folder, beside.f);
	}
	fclose(report.f);
	fclose(beside.f);
	if (opt.csv)
		publish(opt.csv, beside.text, beside.size);
	publish(output, report.text, report.size);
	printf("==> %s\n", output);
}
