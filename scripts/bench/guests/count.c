// SPDX-License-Identifier: GPL-2.0
/*
 * A plugin of QEMU's TCG that says where the guest's instructions go: counts
 * them by block of code, and notes how many there were when places of interest
 * were reached first. Or it lists the instructions from one place to another.
 *
 *   -plugin count.so,output=FILE,stop=ADDRESS,places=FILE
 *   -plugin count.so,output=FILE,from=ADDRESS,until=ADDRESS[,text=on]
 *   -plugin count.so,live=FILE
 *
 * output   "block ADDRESS INSTRUCTIONS TIMES" and "place ADDRESS TOTAL" a line;
 *          or "step ADDRESS TEXT"
 * live     the file, of a page at least, has two numbers of 64 bits while the machine
 *          runs: instructions, and those of them at addresses of the upper half
 * stop     counting ends at the first execution of this place
 * places   file of addresses, hexadecimal, one a line
 * from, until   after WARM times, of all ways from one to the other the shortest:
 *          an interrupt on the way makes it longer
 * text     disassemble each instruction
 *
 * Debian has no qemu-plugin.h: what is used of it is declared here. It is the same in
 * version 1 of the interface, which QEMU before 9.0 wants, and in version 2; only the
 * inline counters are not, so that a function counts.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info_t;

enum { CB_NO_REGS };

typedef void (*vcpu_cb)(unsigned int vcpu, void *data);
typedef void (*tb_cb)(uint64_t id, struct qemu_plugin_tb *tb);
typedef void (*atexit_cb)(uint64_t id, void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, tb_cb cb);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, vcpu_cb cb, int flags,
					  void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, vcpu_cb cb,
					    int flags, void *data);
void qemu_plugin_register_atexit_cb(uint64_t id, atexit_cb cb, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t i);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
char *qemu_plugin_insn_disas(const struct qemu_plugin_insn *insn);

#define EXPORT __attribute__((visibility("default")))

EXPORT int qemu_plugin_version = 1;

/* Version 2 brought it. */
void *qemu_plugin_scoreboard_new(size_t size) __attribute__((weak));

static __attribute__((constructor)) void choose_version(void)
{
	if (qemu_plugin_scoreboard_new)
		qemu_plugin_version = 2;
}

struct block {
	uint64_t address, instructions, times;
	struct block *next;
};

/* A block is translated again when its page was written: it keeps its entry. */
#define BUCKETS 65536
static struct block *blocks[BUCKETS];

struct place {
	uint64_t address, total;
};

static struct place *places;
static size_t n_places;
static uint64_t total, stop = ~0ul;
static const char *output;
static struct {
	uint64_t all, upper;
} *live;

#define WARM		400
#define MOST_STEPS	20000

struct step {
	uint64_t address;
	const char *text;
};

static uint64_t from, until;
static bool with_text, recording;
static unsigned int rounds;
static const struct step *steps[MOST_STEPS], *best[MOST_STEPS];
static size_t n_steps, n_best;

static struct block *block(uint64_t address, uint64_t instructions)
{
	struct block **b = &blocks[(address ^ address >> 16) % BUCKETS];

	while (*b && ((*b)->address != address || (*b)->instructions != instructions))
		b = &(*b)->next;
	if (!*b) {
		*b = calloc(1, sizeof(**b));
		if (!*b)
			abort();
		(*b)->address = address;
		(*b)->instructions = instructions;
	}
	return *b;
}

static void report(void)
{
	FILE *f;
	size_t i;

	if (!output)
		return;
	f = fopen(output, "w");
	if (!f) {
		perror(output);
		exit(1);
	}
	for (i = 0; i < n_best; i++)
		fprintf(f, "step %016" PRIx64 " %s\n", best[i]->address, best[i]->text);
	for (i = 0; i < BUCKETS; i++)
		for (struct block *b = blocks[i]; b; b = b->next)
			if (b->times)
				fprintf(f, "block %016" PRIx64 " %" PRIu64 " %" PRIu64 "\n",
					b->address, b->instructions, b->times);
	for (i = 0; i < n_places; i++)
		if (places[i].total)
			fprintf(f, "place %016" PRIx64 " %" PRIu64 "\n",
				places[i].address, places[i].total);
	fprintf(f, "total %" PRIu64 "\n", total);
	fclose(f);
	output = NULL;
}

static void stopped(unsigned int vcpu, void *data)
{
	(void)vcpu;
	(void)data;
	report();
}

static void entered(unsigned int vcpu, void *data)
{
	struct block *b = data;

	(void)vcpu;
	b->times++;
	total += b->instructions;
	if (!live)
		return;
	live->all = total;
	if (b->address >> 63)
		live->upper += b->instructions;
}

static void reached(unsigned int vcpu, void *data)
{
	struct place *p = data;

	(void)vcpu;
	if (!p->total)
		p->total = total;
}

static void stepped(unsigned int vcpu, void *data)
{
	const struct step *s = data;

	(void)vcpu;
	if (s->address == until && recording) {
		recording = false;
		if (!n_best || n_steps < n_best) {
			memcpy(best, steps, n_steps * sizeof(*steps));
			n_best = n_steps;
		}
	}
	if (s->address == from && rounds++ >= WARM) {
		recording = true;
		n_steps = 0;
	}
	if (recording && n_steps < MOST_STEPS)
		steps[n_steps++] = s;
}

static void trace(struct qemu_plugin_insn *insn)
{
	struct step *s = malloc(sizeof(*s));

	if (!s)
		abort();
	s->address = qemu_plugin_insn_vaddr(insn);
	s->text = with_text ? qemu_plugin_insn_disas(insn) : "";
	qemu_plugin_register_vcpu_insn_exec_cb(insn, stepped, CB_NO_REGS, s);
}

static int by_address(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb)
{
	size_t i, n = qemu_plugin_tb_n_insns(tb);
	struct block *b;

	(void)id;
	for (i = 0; from && i < n; i++)
		trace(qemu_plugin_tb_get_insn(tb, i));
	if (from)
		return;
	b = block(qemu_plugin_tb_vaddr(tb), n);
	qemu_plugin_register_vcpu_tb_exec_cb(tb, entered, CB_NO_REGS, b);
	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		struct place key = { .address = qemu_plugin_insn_vaddr(insn) }, *p;

		if (key.address == stop)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, stopped, CB_NO_REGS, NULL);
		p = n_places ? bsearch(&key, places, n_places, sizeof(key), by_address) : NULL;
		if (p)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, reached, CB_NO_REGS, p);
	}
}

static void ended(uint64_t id, void *data)
{
	(void)id;
	(void)data;
	report();
}

static int read_places(const char *name)
{
	FILE *f = fopen(name, "r");
	uint64_t a;

	if (!f) {
		perror(name);
		return -1;
	}
	while (fscanf(f, "%" SCNx64, &a) == 1) {
		places = realloc(places, (n_places + 1) * sizeof(*places));
		if (!places)
			abort();
		places[n_places++] = (struct place){ .address = a };
	}
	fclose(f);
	qsort(places, n_places, sizeof(*places), by_address);
	return 0;
}

static int map_live(const char *name)
{
	int fd = open(name, O_RDWR | O_CLOEXEC);

	live = mmap(NULL, sizeof(*live), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd < 0 || live == MAP_FAILED) {
		perror(name);
		return -1;
	}
	close(fd);
	return 0;
}

EXPORT int qemu_plugin_install(uint64_t id, const struct qemu_info_t *info, int argc, char **argv)
{
	int i;

	(void)info;
	for (i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "output=", 7)) {
			output = strdup(argv[i] + 7);
		} else if (!strncmp(argv[i], "live=", 5)) {
			if (map_live(argv[i] + 5))
				return -1;
		} else if (!strncmp(argv[i], "stop=", 5)) {
			stop = strtoull(argv[i] + 5, NULL, 16);
		} else if (!strncmp(argv[i], "from=", 5)) {
			from = strtoull(argv[i] + 5, NULL, 16);
		} else if (!strncmp(argv[i], "until=", 6)) {
			until = strtoull(argv[i] + 6, NULL, 16);
		} else if (!strcmp(argv[i], "text=on")) {
			with_text = true;
		} else if (!strncmp(argv[i], "places=", 7)) {
			if (read_places(argv[i] + 7))
				return -1;
		} else {
			fprintf(stderr, "count: unknown argument %s\n", argv[i]);
			return -1;
		}
	}
	if (!output && !live) {
		fprintf(stderr, "count: output= or live= is missing\n");
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, ended, NULL);
	return 0;
}
