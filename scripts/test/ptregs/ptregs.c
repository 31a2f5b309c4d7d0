// SPDX-License-Identifier: GPL-2.0
/*
 * Find system calls that refer to registers which their entry has not saved.
 *
 * entry_CALL_64 of CONFIG_KML calls most system calls with registers missing in
 * pt_regs: those that a C function preserves. kml_call_table[] has which, and
 * entry_CALL_64_full in the place of those that need them all. That table is written
 * by hand; this program sees from the machine code that it is right.
 *
 * In x86 kernels pt_regs of a task are at the end of its stack, so that code which
 * refers to them adds 0x3f58 to the stack's address, or that and the offset of a
 * register; nothing else does. Every function that has such an instruction has to be
 * in a list, with one of these words before it, and the reason behind it:
 *
 *   saved     it looks at registers that are always saved
 *   stopped   it looks at a task that has stopped, on its way out of the kernel
 *   full      it runs on the full path only, before or after a system call
 *   other     it means another address
 *   needs     it needs all registers
 *
 * No system call that the table calls directly may lead to one that needs all:
 * calls and jumps are followed from the former to the latter. Calls by pointer are
 * not seen, but what they lead to is in the list. "cut CALLER CALLEE" has a call that
 * is not to be followed. "needs" may also name functions without such instructions.
 *
 * Reads the output of objdump -d; prints what is wrong, one line each.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STACK_SIZE	0x4000
#define PT_REGS_SIZE	0xa8
#define BUCKETS		65536

enum verdict { UNKNOWN, SAVED, STOPPED, FULL, OTHER, NEEDS };
static const char * const verdicts[] = {
	"", "saved", "stopped", "full", "other", "needs",
};

struct function {
	char *name;
	struct function *next;		/* in its bucket */
	struct call *callers;
	enum verdict verdict;
	bool refers, here;
	struct function *towards;	/* the next on the way to one that needs */
};

struct call {
	struct function *caller;
	struct call *next;
};

struct cut {
	char *caller, *callee;
	struct cut *next;
};

static struct function *functions[BUCKETS];
static struct cut *cuts;
static const char *program;

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "%s: error: %s%s%s\n", program, what, *detail ? ": " : "", detail);
	exit(2);
}

static void *check_memory(void *p)
{
	if (!p)
		die("no memory", "");
	return p;
}

/* Without what the compiler appends: .cold, .part.0, .constprop.0 */
static size_t plain_length(const char *name)
{
	const char *dot = strchr(name + (*name == '.'), '.');

	return dot ? (size_t)(dot - name) : strlen(name);
}

static bool same_plain(const char *a, const char *b)
{
	size_t n = plain_length(a);

	return n == plain_length(b) && !memcmp(a, b, n);
}

static struct function *find(const char *name, size_t length, bool make)
{
	struct function *f;
	unsigned int h = 5381;
	size_t i;

	for (i = 0; i < length; i++)
		h = h * 33 + (unsigned char)name[i];
	for (f = functions[h % BUCKETS]; f; f = f->next)
		if (!strncmp(f->name, name, length) && !f->name[length])
			return f;
	if (!make)
		return NULL;
	f = check_memory(calloc(1, sizeof(*f)));
	f->name = check_memory(strndup(name, length));
	f->next = functions[h % BUCKETS];
	functions[h % BUCKETS] = f;
	return f;
}

static enum verdict verdict_of(const struct function *f)
{
	struct function *plain = find(f->name, plain_length(f->name), false);

	return f->verdict ? f->verdict : plain ? plain->verdict : UNKNOWN;
}

static void read_list(const char *file)
{
	char word[32], a[128], b[128], *line = NULL;
	FILE *f = fopen(file, "r");
	size_t size = 0;
	int i, n, nr = 0;

	if (!f)
		die(strerror(errno), file);
	while (getline(&line, &size, f) != -1) {
		nr++;
		line[strcspn(line, "#\n")] = 0;
		n = sscanf(line, "%31s %127s %127s", word, a, b);
		if (n <= 0)
			continue;
		if (n == 3 && !strcmp(word, "cut")) {
			struct cut *c = check_memory(calloc(1, sizeof(*c)));

			c->caller = check_memory(strdup(a));
			c->callee = check_memory(strdup(b));
			c->next = cuts;
			cuts = c;
			continue;
		}
		for (i = SAVED; i <= NEEDS; i++)
			if (n == 2 && !strcmp(word, verdicts[i]))
				break;
		if (i > NEEDS) {
			fprintf(stderr, "%s: error: %s:%d: neither a verdict nor a cut\n",
				program, file, nr);
			exit(2);
		}
		find(a, strlen(a), true)->verdict = i;
	}
	free(line);
	fclose(f);
}

/* Does the number @text, after "$" or before "(", lie in the pt_regs of a task? */
static bool in_pt_regs(const char *text)
{
	unsigned long v = strtoul(text, NULL, 16);

	return v >= STACK_SIZE - PT_REGS_SIZE && v < STACK_SIZE;
}

static bool refers(const char *insn)
{
	const char *p;

	for (p = insn; (p = strstr(p, "0x3f")); p++) {
		size_t n = 2 + strspn(p + 2, "0123456789abcdef");

		if (n != 6 || !in_pt_regs(p))
			continue;
		if (p > insn && p[-1] == '$') {
			/* Masks and limits are no addresses. */
			if (!strncmp(insn, "add", 3) && !(strtoul(p, NULL, 16) & 7))
				return true;
		} else if (p[n] == '(' && p[-1] != '-' && strncmp(p + n, "(%rsp", 5) &&
			   strncmp(p + n, "(%rip", 5)) {
			return true;
		}
	}
	return false;
}

static void add_call(struct function *caller, const char *insn)
{
	const char *open = strrchr(insn, '<'), *end;
	struct function *callee;
	struct call *c;
	struct cut *cut;

	if (!open || strchr(insn, '*') || strchr(insn, '#'))
		return;
	end = open + strcspn(open, "+>");
	callee = find(open + 1, end - open - 1, true);
	if (callee == caller || (callee->callers && callee->callers->caller == caller))
		return;
	for (cut = cuts; cut; cut = cut->next)
		if (same_plain(cut->caller, caller->name) &&
		    same_plain(cut->callee, callee->name))
			return;
	c = check_memory(calloc(1, sizeof(*c)));
	c->caller = caller;
	c->next = callee->callers;
	callee->callers = c;
}

/* Returns how many functions there were. */
static int read_code(FILE *in)
{
	struct function *f = NULL;
	char *line = NULL, *insn, *end;
	size_t size = 0;
	int count = 0;

	while (getline(&line, &size, in) != -1) {
		insn = strchr(line, '<');
		end = strstr(line, ">:\n");
		if (isxdigit((unsigned char)*line) && insn && end && !strchr(line, '\t')) {
			f = find(insn + 1, end - insn - 1, true);
			f->here = true;
			count++;
			continue;
		}
		insn = strrchr(line, '\t');
		if (!f || !insn)
			continue;
		insn++;
		insn[strcspn(insn, "\n")] = 0;
		if (*insn == 'j' || !strncmp(insn, "call", 4))
			add_call(f, insn);
		else if (refers(insn))
			f->refers = true;
	}
	free(line);
	return count;
}

/* Mark all that lead to @f. */
static void mark(struct function *f)
{
	struct call *c;

	for (c = f->callers; c; c = c->next) {
		if (c->caller->towards)
			continue;
		c->caller->towards = f;
		mark(c->caller);
	}
}

static void *read_file(const char *file, size_t *size)
{
	FILE *f = fopen(file, "r");
	char *data = NULL;
	long length;

	if (!f || fseek(f, 0, SEEK_END))
		die(strerror(errno), file);
	length = ftell(f);
	if (length < 0)
		die(strerror(errno), file);
	rewind(f);
	data = check_memory(malloc(length + 1));
	if (fread(data, 1, length, f) != (size_t)length)
		die("cannot be read", file);
	fclose(f);
	*size = length;
	return data;
}

/* Elf64_Sym[], and their names. */
static const void *symbols;
static size_t symbol_count;
static const char *names;

static const void *symbol(const char *name)
{
	const Elf64_Sym *s = symbols;
	size_t i;

	for (i = 0; i < symbol_count; i++)
		if (!strcmp(names + s[i].st_name, name))
			return &s[i];
	return NULL;
}

/* The functions that the table calls directly. Returns how many lead astray. */
static int check_table(const char *file)
{
	const Elf64_Sym *table, *full, *s;
	const Elf64_Shdr *sh = NULL;
	const uint64_t *entry = NULL;
	const Elf64_Ehdr *eh;
	size_t size, i, j, n;
	int faults = 0, direct = 0;
	struct function *f;
	char *elf;

	elf = read_file(file, &size);
	eh = (void *)elf;
	if (size < sizeof(*eh) || memcmp(eh->e_ident, ELFMAG, SELFMAG) ||
	    eh->e_ident[EI_CLASS] != ELFCLASS64 ||
	    eh->e_shoff + eh->e_shnum * sizeof(*sh) > size)
		die("no kernel", file);
	sh = (void *)(elf + eh->e_shoff);
	for (i = 0; i < eh->e_shnum; i++) {
		if (sh[i].sh_type != SHT_SYMTAB || sh[i].sh_link >= eh->e_shnum ||
		    sh[i].sh_offset + sh[i].sh_size > size)
			continue;
		symbols = (void *)(elf + sh[i].sh_offset);
		symbol_count = sh[i].sh_size / sizeof(*table);
		names = elf + sh[sh[i].sh_link].sh_offset;
	}
	table = symbol("kml_call_table");
	full = symbol("entry_CALL_64_full");
	if (!table || !full)
		die("has no fast path for system calls by CALL", file);
	for (i = 0; i < eh->e_shnum; i++)
		if (sh[i].sh_type == SHT_PROGBITS && table->st_value >= sh[i].sh_addr &&
		    table->st_value + table->st_size <= sh[i].sh_addr + sh[i].sh_size)
			entry = (void *)(elf + sh[i].sh_offset + table->st_value - sh[i].sh_addr);
	s = symbols;
	n = table->st_size / sizeof(*entry);
	if (!entry || n < 300)
		die("its kml_call_table cannot be found", file);
	for (i = 0; i < n; i++) {
		if (entry[i] == full->st_value)
			continue;
		direct++;
		/* Many names may have one address. */
		for (j = 0; j < symbol_count; j++) {
			if (s[j].st_value != entry[i])
				continue;
			f = find(names + s[j].st_name, strlen(names + s[j].st_name), false);
			if (!f || (!f->towards && verdict_of(f) != NEEDS))
				continue;
			faults++;
			printf("system call %zu: %s", i, f->name);
			while (f->towards) {
				f = f->towards;
				printf(" > %s", f->name);
			}
			printf(", which needs all registers\n");
			break;
		}
	}
	fprintf(stderr, "%d of %zu system calls are called directly\n", direct, n);
	if (direct < 100)
		die("nearly none is called directly", file);
	return faults;
}

int main(int argc, char **argv)
{
	int i, faults = 0, referring = 0, count;
	struct function *f;

	program = argv[0];
	if (argc != 3) {
		fprintf(stderr, "Usage: objdump -d VMLINUX | %s VMLINUX LIST\n", program);
		return 2;
	}
	read_list(argv[2]);
	count = read_code(stdin);
	if (count < 1000)
		die("that is no disassembled kernel", "");
	for (i = 0; i < BUCKETS; i++) {
		for (f = functions[i]; f; f = f->next) {
			referring += f->refers;
			if (f->refers && verdict_of(f) == UNKNOWN) {
				faults++;
				printf("%s refers to the registers of a process, ", f->name);
				printf("and is not in %s\n", argv[2]);
			}
			if (f->here && verdict_of(f) == NEEDS)
				mark(f);
		}
	}
	fprintf(stderr, "%d of %d functions refer to the registers of a process\n",
		referring, count);
	if (referring < 10)
		die("nearly none is found: is the stack of another size?", "");
	faults += check_table(argv[1]);
	return faults > 0;
}
