/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bench: boots kernels, collects the rows that their guests print, and computes on the
 * results. experiments.c has the table of experiments, run.c the loop that runs them,
 * results.c the CSV and the statistics; tables, plots and comparisons come from the CSV
 * alone.
 */
#ifndef LUPINE_BENCH_H
#define LUPINE_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "../lupine/lupine.h"

#define text(...)	xasprintf(__VA_ARGS__)

/* util.c: words, files, processes; messages are those of the program lupine */

#define MOST_WORDS	256
#define MOST_GUESTS	128

struct words {
	const char *v[MOST_WORDS + 1];	/* ends in NULL, as execve() wants it */
	size_t n;
};

/* Counters, by name */
struct item {
	const char *name;
	uint64_t n;
};

struct items {
	struct item *v;
	size_t n;
};

extern const char *root;	/* of the repository */
extern const char *build;	/* where everything generated goes */
extern const char *work;	/* a folder for this run, which goes with it */

__attribute__((sentinel)) void add(struct words *w, ...);
__attribute__((sentinel)) struct words *words(const char *first, ...);
void *more(void *array, size_t n, size_t size);
char *script(const char *name);
char *folder_of(const char *path);
void count_in(struct items *l, const char *name, uint64_t n);
void print_items(FILE *f, struct items *l, size_t top);
double seconds_now(void);
long number(const char *s, const char *what, long least, long most);
bool is_name(const char *s, const char *more);
char *content(const char *file, size_t *size);
void publish(const char *file, const char *data, size_t size);
void handle_signals(void);
void end_if_caught(void);
void make_workplace(void);
pid_t fork_child(void);
pid_t start(const struct words *command, const char *log);
int await(pid_t pid);
void stop(pid_t pid);
int run(const struct words *command, const char *log);
void must(const struct words *command);
char *output_of(const struct words *command);
void show_end(const char *file, int lines);
int lock_file(const char *name, bool say);
char *next_line(char **rest);

/* kernel.c: what an ELF file says */

struct symbol {
	uint64_t address, size;
	const char *name;
	char type;		/* t text, d other data, b takes no room in the file */
};

struct elf {
	char *data;
	size_t size;
	struct symbol *symbols;	/* by address, one for an address */
	size_t n;
};

struct elf *elf_open(const char *file);
const struct symbol *elf_find(const struct elf *e, const char *name);
const struct symbol *elf_at(const struct elf *e, uint64_t address);
char *kernel_release(const char *file);
void elf_sections(const char *file, uint64_t all);
void elf_largest(const struct elf *e, size_t top);
char *elf_places(const struct elf *e);

/* results.c: the CSV, and statistics */

struct row {
	const char *experiment, *system, *metric, *unit;
	double value;
	long run;
	const char *accelerator, *release, *profile;
};

struct results {
	struct row *row;
	size_t n;
};

/* A summary of several values */
struct summary {
	size_t n;
	double median, least, greatest;
};

/* The values of a metric of a system, over all runs. A slash divides two metrics. */
struct series {
	const char *system, *metric;
};

#define RESULTS_HEADER "experiment,system,metric,unit,value,run,accelerator,kernel release,profile"

const char *results_file(void);
void results_read(struct results *r, const char *file, const char *experiment, long from);
void results_add(struct results *r, struct row row);
void results_append(const struct results *r);
long results_last_run(const char *experiment);
bool row_fields(char *line, char *field[], int n);
const char *row_measured(char *const field[5], struct row *row);
double median(double *v, size_t n);
struct summary of_values(const struct results *r, struct series s);
struct summary of_quotients(const struct results *r, struct series a, struct series b,
			    bool reciprocal);

void append_main(void);

/* table.c */

struct experiment;

#define DIFFERENT(r, field, n) different(r, offsetof(struct row, field), n)

const char **different(const struct results *r, size_t field, size_t *n);
bool print_table(const struct results *r, const char *experiment, const char *baseline,
		 bool csv, FILE *f);
void print_findings(const struct results *r, const struct experiment *e,
		    const char *baseline);

void table_main(void);
void releases_main(void);

/* report.c */

void report_main(void);

/* experiments.c */

struct system {
	const char *name;
	/* In kconfig-profiles (default: the name); %s is the application, or --profile */
	const char *profile;
	bool if_built;		/* only if there is one */
	const char *linked;	/* this program is linked into it (CONFIG_UKL) */
};

struct kernel {
	const char *name, *profile, *file, *copy, *release;
	const char *image, *app;
};

/* main.c: the values of the options */
struct options {
	char given[64];		/* the letters of those that were given */
	long runs, top, memory, messages, requests, ready, most, from, guests;
	const char *accel, *baseline, *client, *profile, *unit, *call, *entry, *results, *output,
		   *csv, *all;
	bool owners, limits, list, resume, again;
	struct words kernels, apps, peers, hellos, mains, firsts, words;
};

extern struct options opt;

const char *option_name(char letter);

struct experiment {
	const char *name;
	const char *title;	/* in the report */
	const char *remark;
	const char *baseline;	/* default: the first system */
	bool lines;		/* the plot: a line for each system, not bars of ratios */
	/* Letters of the options that it takes besides runs, accel, kernel and baseline */
	const char *takes;
	struct system systems[8];
	const char *targets;	/* "SYSTEM METRIC ratio|least|most LIMIT\n"... */
	bool slower;		/* tell where a system is slower than the baseline */
	const char *related[3];	/* title; metrics with this, relative to those with that */
	/* Guests: image, units, MiB, seconds, and how many rows each prints (0: any) */
	const char *image, *units[3];
	const char *rewritten;	/* makes a second system of a kernel with the call entry */
	bool named;		/* the guest's argument is the experiment's name */
	bool asked;		/* the second unit only where it is asked for */
	long memory, timeout, rows;
	const char *apps[3];	/* each is measured, or those of --app */
	bool is_init;		/* the image's program is process 1 */
	/* Instead of one boot by the table, or in addition to it */
	void (*measure)(const struct experiment *e, const struct kernel *k, const char *unit,
			struct results *rows);
	/* Instead of boots in turns; configured: without kernels */
	bool configured;
	void (*once)(const struct experiment *e, struct kernel *k, size_t n, struct results *rows);
	void (*after)(const struct kernel *k, size_t n);
};

extern const struct experiment experiments[];

const struct experiment *find_experiment(const char *name);

/* Parts of experiments: experiments.c, size.c, boot.c, memory.c, calls.c, peers.c, scale.c */

void measure_sizes(const struct experiment *e, struct kernel *k, size_t n, struct results *rows);
void print_contributors(const struct kernel *k, size_t n);
long stripped_size(const struct kernel *k);
void measure_boot(const struct experiment *e, const struct kernel *k, const char *unit,
		  struct results *rows);
void measure_overlays(const struct experiment *e, struct kernel *k, size_t n,
		      struct results *rows);
void print_boots(const struct kernel *k, size_t n);
void measure_memory(const struct experiment *e, struct kernel *k, size_t n, struct results *rows);
void print_owners(const struct kernel *k, size_t n);
long least_passing(const char *title, bool (*passes)(const void *what, long mib),
		   const void *what);
void measure_calls(const struct experiment *e, struct kernel *k, size_t n, struct results *rows);
int free_port(void);
bool has_ended(pid_t pid);
int redis_connection(int port, long ms);
void check_peers(void);
void measure_peers(const struct experiment *e, struct kernel *k, size_t n, struct results *rows);
void measure_scale(const struct experiment *e, struct kernel *k, size_t n, struct results *rows);

/* run.c */

void run_main(void);
void callpath_main(void);
const char *baseline_of(const struct experiment *e);
long session_first(const char *experiment);
void find_kernels(const struct experiment *e, struct kernel **k, size_t *n);
void guest_words(struct words *w, const struct kernel *k, const char *image, const char *unit,
		 const char *append, long memory, long timeout);
void guest_failed(const char *name, const char *log, int status);
void guest_rows(const struct experiment *e, const struct kernel *k, const char *log,
		struct results *rows);
void add_row(struct results *rows, const struct experiment *e, const struct kernel *k,
	     const char *metric, const char *unit, double value);
void make_file(const char *name);
bool counts(const char *unit);

#endif
