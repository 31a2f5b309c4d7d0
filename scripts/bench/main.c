// SPDX-License-Identifier: GPL-2.0
/*
 * bench COMMAND: the commands and their options. scripts/bench/bench compiles and starts
 * the program, and says in the environment where things are.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

struct options opt = {
	.runs = 5, .top = 12, .memory = 128, .messages = 5000, .requests = 10000, .ready = 30,
	.most = 128, .guests = 8, .all = "", .accel = "auto", .profile = "lupine-base",
	.call = "null",
};

enum kind { NUMBER, STRING, LIST, FLAG };

/* The letters say which command, and which experiment, takes an option. */
static const struct option_of_ours {
	char letter;
	const char *name, *value, *help;
	enum kind kind;
	void *to;
	long least, most;
} options[] = {
	{ 'R', "runs", "N", "repeat each measurement (default 5; 2 for instructions)",
	  NUMBER, &opt.runs, 1, 1000 },
	{ 'A', "accel", "auto|tcg|kvm",
	  "choose QEMU's accelerator (default auto: see lupine accel);\n"
	  "only TCG counts instructions",
	  STRING, &opt.accel },
	{ 'K', "kernel", "NAME=VMLINUX[:PROFILE]",
	  "measure this kernel instead of the experiment's (may be\nrepeated)", LIST,
	  &opt.kernels },
	{ 'B', "baseline", "NAME", "compare with this system (default: see bench run --list)",
	  STRING, &opt.baseline },
	{ 'E', "resume", NULL,
	  "continue an interrupted run with the same options, if the\n"
	  "series, the profiles and the programs are the same; write\n"
	  "the report at the end", FLAG, &opt.resume },
	{ 'G', "again", NULL, "with --resume: start again", FLAG, &opt.again },
	{ 'L', "list", NULL, "list the experiments, their units, systems and options", FLAG,
	  &opt.list },
	{ 'u', "unit", "UNIT", "measure only in this unit, or in one that needs a request", STRING,
	  &opt.unit },
	{ 'a', "app", "APP[=NAME,...]",
	  "app, calls: only this application (may be repeated);\n"
	  "memory: this application, on the kernels NAME,...", LIST, &opt.apps },
	{ 'p', "profile", "PROFILE", "syscall: profile of the default kernels (lupine-base)",
	  STRING, &opt.profile },
	{ 't', "top", "N", "boot, size: print N lines of each list (12; 0: no lists)",
	  NUMBER, &opt.top, 0, 100000 },
	{ 'm', "memory", "MiB", "boot: memory of the guest (128)",
	  NUMBER, &opt.memory, 1, 1000000 },
	{ 'r', "requests", "N",
	  "app, calls, peers: requests of each client in a run\n(10000, 5000, 10000)",
	  NUMBER, &opt.requests, 1, 100000000 },
	{ 'j', "peer", "NAME=COMMAND",
	  "peers: another system with Redis. COMMAND starts QEMU, with\n"
	  "a network device on netdev=peer; quotes are those of a\n"
	  "shell, @MEMORY@ stands for MiB (may be repeated)", LIST, &opt.peers },
	{ 'v', "hello", "NAME=COMMAND",
	  "peers: a system that says hello and ends (may be repeated)", LIST, &opt.hellos },
	{ 'z', "main", "NAME=ADDRESS",
	  "peers: where its main is, hexadecimal (may be repeated)", LIST, &opt.mains },
	{ 'g', "messages", "N", "echo: messages of a run (5000)",
	  NUMBER, &opt.messages, 100, 100000000 },
	{ 'c', "client", "VMLINUX", "echo: the client's kernel (lupine-general+nokml)", STRING,
	  &opt.client },
	{ 'y', "ready", "SECONDS",
	  "memory, peers, scale: time in which an application must\nanswer (30)",
	  NUMBER, &opt.ready, 1, 100000 },
	{ 's', "most", "MiB", "memory, peers: begin with this much (128)",
	  NUMBER, &opt.most, 2, 1000000 },
	{ 'b', "guests", "N", "scale: guests of one snapshot (8)",
	  NUMBER, &opt.guests, 2, MOST_GUESTS },
	{ 'o', "owners", NULL, "memory: only list what owns the pages", FLAG, &opt.owners },
	{ 'l', "limits", NULL,
	  "size: measure nothing; fail if a kernel exceeds the limit of\nits profile",
	  FLAG, &opt.limits },
	{ 'f', "from", "RUN", "use only runs from this number on", NUMBER, &opt.from, 0, 100000 },
	{ 'i', "results", "FILE", "read FILE (default build/bench/results.csv)",
	  STRING, &opt.results },
	{ 'C', "csv", NULL,
	  "print CSV: a header line, then metric, system, runs,\n"
	  "median, unit, least, greatest, ratio, its least and greatest", FLAG, &opt.list },
	{ 'F', "from", "EXPERIMENT=RUN",
	  "use only runs of EXPERIMENT from this number on (may be\n"
	  "repeated; default: those of the last make bench, or all)", LIST, &opt.firsts },
	{ 'O', "output", "FILE",
	  "write to FILE, with the plots beside it (default\nbuild/bench/report.rst)",
	  STRING, &opt.output },
	{ 'V', "csv", "FILE",
	  "also write one table of all results beside the papers'\nfigures", STRING,
	  &opt.csv },
	{ 'k', "kernel", "VMLINUX", "the kernel, with symbols", STRING, &opt.client },
	{ 'x', "call", "null|read|write|sendmsg|recvmsg|epoll_wait|clock_gettime|futex",
	  "choose the system call (default null, which is getppid())", STRING, &opt.call },
	{ 'e', "entry", "syscall|call|stub",
	  "choose the entry (default: all that the kernel has)", STRING, &opt.entry },
	{ 'n', "list", NULL, "also list every instruction", FLAG, &opt.list },
};

#define N_OPTIONS	(sizeof(options) / sizeof(options[0]))

static const struct command {
	const char *name, *arguments, *does, *more, *takes;
	void (*main)(void);
} commands[] = {
	{ "run", " [EXPERIMENT...]", "run experiments (default: all)",
	  "Boot their kernels in turns, so that a disturbance of the machine affects all of\n"
	  "them, append each complete run to build/bench/results.csv, and print a table of\n"
	  "medians with the ratios to the baseline, and the goals. Kernels and images that are\n"
	  "missing are built.\n", "RAKBEGLuaptmrjvzgcysbol", run_main },
	{ "table", " EXPERIMENT", "print the results of an experiment",
	  "The table has, for each metric and system, the median of the runs with their spread\n"
	  "(least and greatest), and the ratio to a baseline. Runs of the same number ran side\n"
	  "by side, so each ratio is taken within one run; the table has the median and the\n"
	  "spread of these ratios. If 1 is within the spread, the runs show no difference.\n",
	  "BfiC", table_main },
	{ "report", "", "make build/bench/report.rst of all results",
	  "The report has a table and a plot for each experiment, and the results beside the\n"
	  "figures of the papers.\n", "FOV", report_main },
	{ "releases", " FILE...", "print results of several versions of Linux side by side",
	  "Each FILE is the results.csv of one BASE. Print CSV: what was measured, its median on each\n"
	  "version, and that of the last as a multiple of the first.\n",
	  "", releases_main },
	{ "callpath", "", "show where the instructions of one system call go", "", "kxen",
	  callpath_main },
	{ "append", " FILE", "append the rows of another CSV to the results", "", "",
	  append_main },
};

#define N_COMMANDS	(sizeof(commands) / sizeof(commands[0]))

const char *option_name(char letter)
{
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (options[i].letter == letter)
			return options[i].name;
	return NULL;
}

static void explain(const struct command *c)
{
	printf("Usage: scripts/bench/bench %s%s%s\n\nbench %s: %s.\n%s", c->name,
	       *c->takes ? " [OPTION]..." : "", c->arguments, c->name, c->does, c->more);
	for (const char *t = c->takes; *t; t++)
		for (size_t i = 0; i < N_OPTIONS; i++) {
			char *lines, *line;

			if (options[i].letter != *t)
				continue;
			line = text("--%s %s", options[i].name, options[i].value ?: "");
			printf("%s  %-18s", t == c->takes ? "\n" : "", line);
			if (strlen(line) > 17)
				printf("\n%20s", "");
			lines = text("%s", options[i].help);
			while ((line = next_line(&lines)))
				printf(" %s\n%s", line, lines ? text("%20s", "") : "");
		}
}

static void set(const struct option_of_ours *o, const char *value)
{
	switch (o->kind) {
	case NUMBER:
		*(long *)o->to = number(value, text("--%s", o->name), o->least, o->most);
		break;
	case STRING:
		*(const char **)o->to = value;
		break;
	case LIST:
		add(o->to, value, NULL);
		break;
	case FLAG:
		*(bool *)o->to = true;
		break;
	}
	/* A run goes on only with the options that the interrupted one had. */
	if (o->to != &opt.resume && o->to != &opt.again)
		opt.all = text("%s --%s %s", opt.all, o->name, value ?: "");
	if (!strchr(opt.given, o->letter))
		opt.given[strlen(opt.given)] = o->letter;
}

static int run_command(const struct command *c, int argc, char **argv)
{
	struct option known[N_OPTIONS + 2] = { { "help", no_argument, NULL, 'h' } };
	const struct option_of_ours *by_letter[256] = { NULL };
	size_t n = 1;
	int l;

	for (size_t i = 0; i < N_OPTIONS; i++) {
		if (!strchr(c->takes, options[i].letter))
			continue;
		by_letter[(int)options[i].letter] = &options[i];
		known[n++] = (struct option){ options[i].name, options[i].value ?
			required_argument : no_argument, NULL, options[i].letter };
	}
	while ((l = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		if (l == 'h' || l == '?') {
			if (l == 'h')
				explain(c);
			return l == 'h' ? 0 : 2;
		}
		set(by_letter[l], optarg);
	}
	for (; optind < argc; optind++)
		add(&opt.words, argv[optind], NULL);
	if (!*c->arguments ? opt.words.n : c->arguments[1] == '[' ? false :
	    strstr(c->arguments, "...") ? !opt.words.n : opt.words.n != 1)
		die("want%s (see --help)", *c->arguments ? c->arguments : " no such argument");
	c->main();
	return 0;
}

int main(int argc, char **argv)
{
	program_name = "bench";
	clock_start();
	root = getenv("LUPINE_ROOT");
	build = getenv("BUILD");
	if (!root || !build)
		die("LUPINE_ROOT and BUILD are not set; run scripts/bench/bench, which sets them");
	for (size_t i = 0; argc > 1 && i < N_COMMANDS; i++)
		if (!strcmp(argv[1], commands[i].name))
			return run_command(&commands[i], argc - 1, argv + 1);
	if (argc != 2 || (strcmp(argv[1], "--help") && strcmp(argv[1], "-h"))) {
		fprintf(stderr, "bench: error: want a command; see bench --help\n");
		return 2;
	}
	puts("Usage: scripts/bench/bench COMMAND [ARGUMENT]...\n");
	for (size_t i = 0; i < N_COMMANDS; i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].does);
	puts("\nEach command explains itself with --help.");
	return 0;
}
