// SPDX-License-Identifier: GPL-2.0
/*
 * Show where the instructions of one system call go: boot the kernel with the program of
 * the experiment syscall. A plugin of QEMU lists the instructions from the call in its
 * measured loop to the place behind it; this file counts them by symbol, in the order in
 * which they come first.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

/* Getting there and back, and not the call itself */
static bool is_entry(const char *name)
{
	static const char *const begins[] = { "entry_", "the-caller",
					      "do_syscall_64", "syscall_enter_", "syscall_exit_" };

	for (size_t i = 0; i < ARRAY_SIZE(begins); i++)
		if (!strncmp(name, begins[i], strlen(begins[i])))
			return true;
	return false;
}

static void show(const struct elf *kernel, const char *title, char *data, bool list)
{
	struct items counts = { 0 };
	size_t total = 0, entry = 0;
	char *line, *lines = "";

	while ((line = next_line(&data))) {
		const struct symbol *s;
		const char *name;
		uint64_t address;
		int at = 0;

		if (sscanf(line, "step %lx%n", &address, &at) != 1)
			continue;
		s = address >> 63 ? elf_at(kernel, address) : NULL;
		name = s ? s->name : "the-caller";
		count_in(&counts, name, 1);
		total++;
		entry += is_entry(name);
		if (list)
			lines = text("%s%4zu  %-36s %lx %s\n", lines, total, name, address,
				     line + at);
	}
	printf("%s: %zu instructions, %zu of them for getting there and back\n", title, total,
	       entry);
	for (size_t i = 0; i < counts.n; i++)
		printf("  %5lu  %s\n", counts.v[i].n, counts.v[i].name);
	fputs(lines, stdout);
}

static void trace(const struct kernel *k, const struct elf *kernel, const struct elf *program,
		  const char *entry)
{
	char *log = text("%s/console", work), *output = text("%s/trace", work);
	struct words w = { 0 };
	int status;

	guest_words(&w, k, "syscall.ext2", "instructions",
		    text("bench_unit=instructions bench_call=%s", opt.call), 128, 300);
	add(&w, "--qemu", "-plugin", "--qemu",
	    text("%s/bench/count.so,output=%s,from=%lx,until=%lx%s", build, output,
		 elf_find(program, text("loop_%s_site", entry))->address,
		 elf_find(program, text("loop_%s_end", entry))->address,
		 opt.list ? ",text=on" : ""), NULL);
	status = run(&w, log);
	if (status || access(output, R_OK))
		guest_failed(k->name, log, status);
	show(kernel, text("%s through %s, %s", opt.call, entry, k->name), content(output, NULL),
	     opt.list);
	remove(output);
}

void callpath_main(void)
{
	static const char *const calls[] = { "null", "read", "write", "sendmsg", "recvmsg",
					     "epoll_wait", "clock_gettime", "futex" };
	static const struct {
		const char *name, *symbol;
	} entries[] = {
		{ "syscall", "entry_SYSCALL_64" }, { "call", "entry_CALL_64" },
		{ "stub", "entry_CALL_64" },
	};
	struct kernel k = { .copy = opt.client };
	struct elf *kernel, *program;
	bool found = false;
	size_t i;

	if (!k.copy)
		die("--kernel is missing (see --help)");
	for (i = 0; i < ARRAY_SIZE(calls); i++)
		found |= !strcmp(calls[i], opt.call);
	if (!found)
		die("no call '%s' (see --help)", opt.call);
	k.name = strrchr(k.copy, '/') ? strrchr(k.copy, '/') + 1 : k.copy;
	kernel = elf_open(k.copy);
	if (!kernel)
		die("%s is no vmlinux with symbols", k.copy);
	opt.accel = "tcg";
	make_workplace();
	make_file("syscall.ext2");
	make_file("count.so");
	program = elf_open(text("%s/bench/syscall-init", build));
	found = false;
	for (i = 0; i < ARRAY_SIZE(entries); i++) {
		if (opt.entry && strcmp(opt.entry, entries[i].name))
			continue;
		found = true;
		if (elf_find(kernel, entries[i].symbol))
			trace(&k, kernel, program, entries[i].name);
		else if (opt.entry)
			die("%s has no entry '%s': it lacks CONFIG_KML", k.name, opt.entry);
	}
	if (!found)
		die("--entry wants syscall, call or stub");
}
