// SPDX-License-Identifier: GPL-2.0
/* bench COMMAND: see scripts/bench/bench, which compiles this and says where things are. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>


#include "bench.h"

static const char table_help[] =
"Usage: scripts/bench/bench table EXPERIMENT [OPTION]...\n"
"\n"
"Prints the results of an experiment: for each metric and system the median of the runs\n"
"with their spread (least and greatest), and the ratio to a baseline. Runs of the same\n"
"number went side by side, so the ratio is taken within each run; the median and the\n"
"spread of these ratios are shown. When 1 is within the spread, the two do not differ as\n"
"far as can be seen. Then, what was aimed at.\n"
"\n"
"  --baseline SYSTEM   what to compare with (default: that of the experiment)\n"
"  --from RUN          only runs from this number on\n"
"  --results FILE      (default build/bench/results.csv)\n"
"  --csv               for programs: a header line, then metric, system, runs, median,\n"
"                      unit, least, greatest, ratio, its least and its greatest\n";

static int table_main(int argc, char **argv)
{
	static const struct option known[] = {
		{ "baseline", required_argument, NULL, 'b' }, { "from", required_argument, NULL, 'f' },
		{ "results", required_argument, NULL, 'r' }, { "csv", no_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' }, { }
	};
	const char *baseline = NULL, *file = results_file();
	const struct experiment *e;
	struct results r;
	bool csv = false;
	long from = 0;
	int c;

	while ((c = getopt_long(argc, argv, "h", known, NULL)) != -1)
		switch (c) {
		case 'b':
			baseline = optarg;
			break;
		case 'f':
			from = number(optarg, "--from", 0, 100000);
			break;
		case 'r':
			file = optarg;
			break;
		case 'c':
			csv = true;
			break;
		case 'h':
			fputs(table_help, stdout);
			return 0;
		default:
			die("see --help");
		}
	if (optind + 1 != argc)
		die("want one experiment (see --help)");
	results_read(&r, file, argv[optind], from);
	if (!r.n)
		die("no runs of %s in %s; make bench runs all experiments", argv[optind], file);
	for (e = experiments; e->name && strcmp(e->name, argv[optind]); e++)
		;
	if (!baseline)
		baseline = e->name ? baseline_of(e) : r.row[0].system;
	print_table(&r, argv[optind], baseline, csv, stdout);
	if (e->name && !csv)
		print_findings(&r, e, baseline);
	return 0;
}

/* For results of other machines, and of tests. */
static int append_main(int argc, char **argv)
{
	struct results r;

	if (argc != 2 || argv[1][0] == '-') {
		printf("Usage: scripts/bench/bench append FILE\n\n"
		       "Appends the rows of another results.csv to build/bench/results.csv.\n");
		return argc != 2 || strcmp(argv[1], "--help");
	}
	results_read(&r, argv[1], NULL, 0);
	results_append(&r);
	return 0;
}

static const struct {
	const char *name, *does;
	int (*main)(int argc, char **argv);
} commands[] = {
	{ "run", "run experiments", run_main },
	{ "table", "print the results of an experiment", table_main },
	{ "report", "make tables and plots of all results, beside the papers' figures",
	  report_main },
	{ "callpath", "show where the instructions of one system call go", callpath_main },
	{ "append", "append the rows of another CSV to the results", append_main },
};

int main(int argc, char **argv)
{
	bool asked = argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"));
	FILE *f = asked ? stdout : stderr;

	root = getenv("LUPINE_ROOT");
	build = getenv("BUILD");
	if (!root || !build)
		die("run scripts/bench/bench, which says where everything is");
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].main(argc - 1, argv + 1);
	fputs("Usage: scripts/bench/bench COMMAND [ARGUMENT]...\n\n", f);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(f, "  %-10s %s\n", commands[i].name, commands[i].does);
	fputs("\nEach command explains itself with --help.\n", f);
	return asked ? 0 : 2;
}
