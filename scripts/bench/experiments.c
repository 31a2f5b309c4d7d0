// SPDX-License-Identifier: GPL-2.0
/*
 * The experiments of the papers, a table; and what those of them do that is more than
 * booting a guest which prints rows.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"

#define SERVER		"10.9.0.1"
#define CLIENT		"10.9.0.2"

/*
 * options: those that are on or have a value. What the compiler can do depends on the
 * machine and is nobody's choice.
 */
static void count_options(const struct experiment *e, struct kernel *k, size_t n,
			  struct results *rows)
{
	static const char *const not[] = { "AS_", "CC_", "CLANG_", "GCC_", "LD_", "LLD_",
					   "PAHOLE_", "RUSTC_", "TOOLS_" };

	(void)k;
	(void)n;
	for (const struct system *s = e->systems; s->name; s++) {
		struct kernel this = { .name = s->name, .profile = s->name };
		char *data, *line, *equals, release[32];
		long count = 0;
		size_t i;

		must(words(script("kconfig/configure"), s->name, NULL));
		data = content(text("%s/kernel/%s/.config", build, s->name), NULL);
		while ((line = next_line(&data))) {
			if (sscanf(line, "# Linux/x86 %31s Kernel", release) == 1)
				this.release = text("%s", release);
			equals = strchr(line, '=');
			if (strncmp(line, "CONFIG_", 7) || !equals || !strcmp(equals, "=\"\""))
				continue;
			for (i = 0; i < ARRAY_SIZE(not); i++)
				if (!strncmp(line + 7, not[i], strlen(not[i])))
					break;
			count += i == ARRAY_SIZE(not);
		}
		add_row(rows, e, &this, "selected", "options", count);
	}
}

/*
 * echo: the server is in one guest and its client in another, which always has the same
 * kernel; a virtual wire connects the two. The server's end listens.
 */
static void wire(struct words *w, const struct kernel *k, const char *address, bool server)
{
	guest_words(w, k, k->image, "us", text("ip=%s:::255.255.255.0::eth0:off", address), 128,
		    300);
	add(w, "--qemu", "-netdev", "--qemu",
	    text("stream,id=eth,addr.type=unix,addr.path=%s/eth0,server=%s", work,
		 server ? "on" : "off"),
	    "--qemu", "-device", "--qemu", "virtio-net-device,netdev=eth", NULL);
}

static void measure_echo(const struct experiment *e, const struct kernel *k, const char *unit,
			 struct results *rows)
{
	char *log = text("%s/client.log", work), *server_log = text("%s/server.log", work);
	char *socket = text("%s/eth0", work);
	struct words server = { 0 }, client = { 0 };
	struct kernel other = *k;
	int tries = 0, status;
	pid_t pid;

	(void)unit;
	other.copy = opt.client;
	if (!other.copy) {
		must(words(script("kconfig/build"), "lupine-general+nokml", NULL));
		other.copy = text("%s/kernel/lupine-general+nokml/vmlinux", build);
	}
	remove(socket);
	wire(&server, k, SERVER, true);
	pid = start(&server, server_log);
	while (access(socket, F_OK)) {
		usleep(50000);
		if (++tries > 400) {
			show_end(server_log, 30);
			die("%s: the server's guest does not start", k->name);
		}
	}
	wire(&client, &other, CLIENT, false);
	add(&client, "--", "client", SERVER, text("%ld", opt.messages), NULL);
	status = run(&client, log);
	stop(pid);
	if (status) {
		show_end(server_log, 20);
		guest_failed(k->name, log, status);
	}
	guest_rows(e, k, log, rows);
}

const struct experiment experiments[] = {
	{
		.name = "options", .title = "Options (Figures 3 to 5, Tables 1 and 3)",
		.remark = "Options that are on or have a value. What they are, and which of them\n"
			"which application needs, is in Documentation/lupine/options.rst.",
		.takes = "",
		.systems = { { "microvm" }, { "lupine-base" }, { "lupine-tiny" },
			     { "lupine-general" } },
		.configured = true, .once = count_options,
	}, {
		.name = "size", .title = "Size of the image (Figure 6)",
		.remark = "vmlinux without symbols, and bzImage.",
		.takes = "tl",
		.systems = { { "microvm", "microvm+mmio" }, { "lupine-base" }, { "lupine-tiny" },
			     { "lupine-general" } },
		.once = measure_sizes, .after = print_contributors,
		.targets = "lupine-base vmlinux ratio 0.16\n"
			"lupine-tiny vmlinux ratio 0.13\n"
			"lupine-general vmlinux ratio 0.24\n",
	}, {
		.name = "boot", .title = "Boot (Figure 7)",
		.remark = "From the reset of the machine to the first instruction of init.",
		.takes = "utm",
		.systems = { { "microvm", "microvm+mmio" }, { "lupine-base" },
			     { "lupine-base+nokml" },
			     { "lupine-tiny" },
			     { "lupine-general" } },
		.image = "boot.ext2", .units = { "instructions", "seconds" }, .timeout = 300,
		.rows = 1, .measure = measure_boot, .after = print_boots,
		.targets = "lupine-base init-instructions ratio 0.30\n"
			"lupine-general init-instructions ratio 0.35\n"
			"lupine-base init-seconds ratio 0.30\n"
			"lupine-general init-seconds ratio 0.35\n",
	}, {
		.name = "memory", .title = "Memory (Figure 8)",
		.remark = "The least memory of the machine with which an application passes its\n"
			"check.",
		.takes = "ayso",
		.systems = { { "microvm", "microvm+mmio" }, { "lupine-base" }, { "lupine-tiny" },
			     { "lupine-general" } }, .image = "boot.ext2",
		.once = measure_memory, .after = print_owners,
		.targets = "lupine-base least-hello ratio 0.5\n"
			"lupine-base least-hello most 14\n"
			"lupine-general least-redis most 18\n"
			"lupine-general least-nginx most 18\n",
	}, {
		.name = "syscall", .title = "System calls (Figure 9)",
		.takes = "up", .baseline = "lupine-nokml",
		.systems = { { "lupine-nokml", "%s+nokml" }, { "lupine-kml", "%s" },
			     { "microvm", "microvm+mmio", true } },
		.image = "syscall.ext2", .units = { "instructions", "ns" }, .memory = 128,
		.timeout = 300, .is_init = true,
	}, {
		.name = "busy", .title = "System calls with work between them (Figure 10)",
		.remark = "A system call, and then so many turns of a loop; under TCG a turn\n"
			"takes another time than on silicon.",
		.takes = "u", .lines = true,
		.systems = { { "lupine-general+nokml" }, { "lupine-general" } },
		.image = "processes.ext2", .units = { "instructions", "ns" }, .asked = true,
		.memory = 512, .timeout = 600, .named = true,
	}, {
		.name = "control", .title = "Beside processes that sleep (Figure 11)",
		.remark = "A system call of one process beside as many others.",
		.takes = "u", .lines = true,
		.systems = { { "lupine-general+nokml" }, { "lupine-general" } },
		.image = "processes.ext2", .units = { "instructions", "ns" },
		.memory = 512, .timeout = 600, .named = true,
		.related = { "Beside 1024 processes, relative to one", "-1024", "-1" },
	}, {
		.name = "messaging", .title = "Threads and processes (Figure 12)",
		.remark = "A message between two of 20 times as many. Under TCG, a switch to\n"
			"another address space empties QEMU's own TLB, which costs much more than\n"
			"silicon's.",
		.takes = "u", .lines = true,
		.systems = { { "lupine-general+nokml" }, { "lupine-general" } },
		.image = "processes.ext2", .units = { "instructions", "ns" },
		.memory = 512, .timeout = 600, .named = true,
		.related = { "Processes, relative to threads", "processes", "threads" },
	}, {
		.name = "locks", .title = "The price of SMP (section 5)",
		.remark = "On one processor, with CONFIG_SMP and without it.",
		.takes = "u", .systems = { { "lupine-general" }, { "lupine-general+smp" } },
		.image = "processes.ext2", .units = { "instructions", "ns" }, .asked = true,
		.memory = 512, .timeout = 600, .named = true,
	}, {
		.name = "make", .title = "The price of SMP for make (section 5)",
		.remark = "The same, of a file that make has compiled.",
		.takes = "u", .systems = { { "lupine-general" }, { "lupine-general+smp" } },
		.image = "processes.ext2", .units = { "instructions", "ns" }, .asked = true,
		.memory = 512, .timeout = 600, .named = true,
	}, {
		.name = "app", .title = "Applications (Table 4)",
		.remark = "Server and client in the same guest.",
		.takes = "uar", .apps = { "redis", "nginx" },
		.systems = { { "microvm", "microvm+mmio" }, { "lupine-general" },
			     { "lupine", "lupine-base+%s" },
			     { "lupine-nokml", "lupine-base+%s+nokml" },
			     { "lupine-tiny", "lupine-tiny+%s" },
			     { "lupine-nokml-tiny", "lupine-tiny+%s+nokml" } },
		.image = "app.ext2", .rewritten = "app-rewritten.ext2",
		.units = { "instructions", "seconds" }, .memory = 256, .timeout = 900, .rows = 2,
		/*
		 * A tenth more than the paper's gains over its microVM; and the kernel that has
		 * what all applications need is as good as that with what one needs.
		 */
		.targets = "lupine redis-get least 1.30\n"
			"lupine redis-set least 1.30\n"
			"lupine nginx-conn least 1.45\n"
			"lupine nginx-sess least 1.25\n"
			"lupine-general redis-get least 0.98 lupine\n"
			"lupine-general redis-set least 0.98 lupine\n"
			"lupine-general nginx-conn least 0.98 lupine\n"
			"lupine-general nginx-sess least 0.98 lupine\n"
			"lupine-general redis-get-instructions ratio 1.02 lupine\n"
			"lupine-general redis-set-instructions ratio 1.02 lupine\n"
			"lupine-general nginx-conn-instructions ratio 1.02 lupine\n"
			"lupine-general nginx-sess-instructions ratio 1.02 lupine\n",
	}, {
		.name = "calls", .title = "System calls that are calls",
		.remark = "Debian's binaries as scripts/apps/build --rewrite leaves them: of a\n"
			"file, the share of its system calls that were rewritten; of redis and\n"
			"nginx with their clients, the share of those executed.",
		.takes = "ar", .systems = { { "lupine-general" } },
		.apps = { "redis", "nginx" }, .image = "app-rewritten.ext2", .memory = 256,
		.timeout = 900, .once = measure_calls,
	}, {
		.name = "lmbench", .title = "lmbench's list (Table 5)",
		.remark = "Latencies in us, where less is better, and bandwidths in MB/s,\n"
			"where more is.",
		.takes = "",
		.systems = { { "microvm", "microvm+mmio" }, { "lupine-general+nokml" },
			     { "lupine-general" } },
		.image = "lmbench.ext2", .units = { "us" }, .memory = 256, .timeout = 300,
		.slower = true,
	}, {
		.name = "echo", .title = "An echo server (UKL, Figure 1)",
		.remark = "Messages there and back, from a client in another guest, whose share\n"
			"is in the times.",
		.takes = "gc",
		.systems = { { "linux", "microvm+mmio" },
			     { "lupine-nokml", "lupine-general+nokml" },
			     { "lupine-kml", "lupine-general" },
			     { "ukl", "lupine-general+ukl", .linked = "echo.c" } },
		.image = "echo.ext2", .units = { "us" }, .rows = 4, .measure = measure_echo,
	}, {
		.name = "peers", .title = "Beside other unikernels",
		.remark = "Redis, asked by a client on the host through QEMU's user network: the\n"
			"guest's instructions for a request, from so many connections (c), with so\n"
			"many requests on their way in each (p), without what the guest does when\n"
			"nobody asks. A hello: to the first instruction of main, and to the end.",
		.takes = "jvzrys", .apps = { "redis" }, .baseline = "lupine-base",
		.systems = { { "lupine-base", "lupine-base+%s" } },
		.image = "redis.ext2", .rewritten = "redis-rewritten.ext2", .memory = 128,
		.once = measure_peers,
		.targets = "lupine-base-rewritten get-c50-p1 most 15500\n"
			"lupine-base-rewritten get-c50-p16 most 3900\n"
			"lupine-base-rewritten set-c50-p1 most 16200\n"
			"lupine-base-rewritten set-c50-p16 most 4900\n"
			"lupine-base-rewritten idle-kernel most 50000\n"
			"lupine-base-rewritten least-memory most 12\n"
			"lupine-base hello-main most 5500000\n",
	},
	{
		.name = "scale", .title = "Many guests of one snapshot",
		.remark = "Redis: from the command to the first answer, by a boot and from a\n"
			"snapshot (lupine run --snapshot). The host's memory for each further\n"
			"guest, and what a hundred would take; the processor time of an idle one.",
		.takes = "by", .apps = { "redis" }, .baseline = "lupine-base",
		.systems = { { "lupine-base", "lupine-base+%s" } },
		.image = "redis.ext2", .memory = 32, .once = measure_scale,
		.targets = "lupine-base snapshot-hundred most 1024\n",
	}, {
		.name = "overlays", .title = "What monitors of containers want",
		.remark = "The overlays for urunc and its monitors: bytes of vmlinux without\n"
			"symbols, and instructions from the reset to the first of init. With pci,\n"
			"the machine has ACPI and PCI.",
		.takes = "m",
		.systems = { { "lupine-general" },
			     { "initrd", "lupine-general+initrd" },
			     { "urunc", "lupine-general+urunc" },
			     { "shared", "lupine-general+shared" },
			     { "pci", "lupine-general+pci" },
			     { "pci-urunc", "lupine-general+pci+urunc" } },
		.image = "boot.ext2", .timeout = 300, .once = measure_overlays,
	},
	{ .name = NULL }
};

const struct experiment *find_experiment(const char *name)
{
	const struct experiment *e = experiments;
	char *all = "";

	for (; e->name; e++) {
		if (!strcmp(e->name, name))
			return e;
		all = text("%s %s", all, e->name);
	}
	die("no experiment '%s'; there are:%s", name, all);
}
