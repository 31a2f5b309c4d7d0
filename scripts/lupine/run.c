// SPDX-License-Identifier: GPL-2.0
/*
 * lupine run: boot a kernel with a root file system as a QEMU microvm. This file reads
 * the options, looks at the files, and puts QEMU's arguments together; machine.c runs
 * it. No shell sees any of that: each word is one element of an argument vector, and in
 * options of QEMU that have commas between their parts, a comma of a file's name is
 * written twice.
 *
 * What is changed in the image's configuration (arguments, variables, mounts) is a
 * manifest of its own. It goes to the init on the kernel's command line, or, if that is
 * too short, on a small read-only disk.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../init/clock.h"
#include "../init/explain.h"
#include "explain.h"
#include "manifest.h"
#include "network.h"
#include "publish.h"
#include "run.h"
#include "snapshot.h"
#include "tasks.h"

/* COMMAND_LINE_SIZE is 2048; QEMU adds what names its devices. */
#define MAX_CMDLINE	1900
#define MAX_CPUS	255
#define MAX_MEMORY	4194304
#define MAX_RATE	100000
#define MAX_TIMEOUT	100000000
/* The microvm's places for virtio devices. */
#define MAX_DEVICES	8
#define FREQUENCY	" tsc=reliable tsc_early_khz=%u"

/*
 * Intel SDM 3B, 17.9.2 (SRAO): VAL, UC, EN, MISCV, ADDRV and S, memory scrubbing
 * on channel 0; MCG_STATUS has RIPV and MCIP; MISC says that ADDR is physical.
 */
#define MCE_COMMAND	"mce -b 0 9 0xbd000000000000c0 0x5 0x1000 0x8c\n"
#define NMI_COMMAND	"nmi\n"

static const char help[] =
"Usage: lupine run --kernel VMLINUX|BZIMAGE --image EXT2 [OPTION]... [-- ARG...]\n"
"       lupine run [OPTION]... PROGRAM [ARG...]\n"
"\n"
"Boot a kernel with a root file system as a QEMU microvm, and show its console.\n"
"Ctrl-A x ends the machine; Ctrl-C goes to the application. The image stays as it is:\n"
"what the guest writes is dropped at the end.\n"
"\n"
"PROGRAM is a kernel that scripts/ukl/ukl-gcc linked with an application. It needs no\n"
"image, but takes one as its root file system; all words behind it are its arguments.\n"
"\n"
"  --memory MiB          memory of the guest (default: that of the image, or 128)\n"
"  --cpus N              virtual processors (default 1)\n"
"  -p, --publish [ADDRESS:]HOST:GUEST[/tcp|/udp]\n"
"                        forward a port of this machine to the guest\n"
"                        (ADDRESS default 127.0.0.1; may be repeated)\n"
"  -v, --volume FILE:DIR[:ro]\n"
"                        mount the file system in FILE, a file or a disk, on DIR;\n"
"                        what the guest writes there stays. If FILE does not\n"
"                        exist, it is made: ext2, room for 1 GiB, which takes\n"
"                        space as it fills (may be repeated)\n"
"  -e, --env NAME=VALUE  set an environment variable of the application\n"
"  --env-file FILE       set variables, one NAME=VALUE a line; # starts a comment line\n"
"  --entrypoint PROGRAM  run PROGRAM instead of the image's\n"
"  --workdir DIR         run it in DIR\n"
"  --user USER[:GROUP]   run it as USER\n"
"  --hostname NAME       set the host name\n"
"  --append WORDS        add kernel parameters; ip=dhcp replaces the fixed address\n"
"                        of the guest\n"
"  --timeout SECONDS     end the machine after that time\n"
"  --accel auto|tcg|tcg,thread=single|kvm\n"
"                        choose QEMU's accelerator (default auto: see lupine\n"
"                        accel). The third has one thread for all processors.\n"
"                        QEMU before 8.1 needs it where the kernel changes its own\n"
"                        code, as tracers do: with more threads, a processor may\n"
"                        still run the old code (QEMU's commit deba78709ae8)\n"
"  --cpu MODEL           choose QEMU's processor model (default max; host with KVM)\n"
"  --snapshot FILE       start from the machine that was saved in FILE when its\n"
"                        application was ready: the quickest start. If FILE does not\n"
"                        exist, boot, save the machine there when the first port of -p\n"
"                        answers, and start from it. Then FILE is all that is needed:\n"
"                        without --kernel it says what the machine is. It holds the\n"
"                        memory of the guest with all secrets. Date and random numbers of\n"
"                        the kernel are new in each start. Machines that run from one\n"
"                        FILE share the memory that they do not write to\n"
"  --on-connect          listen on the ports of -p, and start the machine when somebody\n"
"                        connects; who does, waits until the application is ready. The\n"
"                        sockets may be systemd's\n"
"  --idle SECONDS        with --on-connect: end the machine, as lupine guest stop does,\n"
"                        when nobody has been connected for so long (default: never)\n"
"  --explain             trace all processes, and say at the end what failed for lack\n"
"                        of an option of the kernel, and which option that is\n"
"  --lack FILE           let the application find a kernel that lacks what FILE, of\n"
"                        scripts/kconfig/failures PROFILE, says that PROFILE lacks:\n"
"                        system calls, sockets, file systems and devices fail as there,\n"
"                        by a filter of system calls, which is no protection\n"
"  --no-net              leave out the network device\n"
"  --no-outbound         let the guest reach nothing by the network; ports that are\n"
"                        forwarded to it still answer\n"
"  --log FILE            write the console to FILE, too\n"
"  --monitor SOCKET      open QEMU's monitor on a Unix socket\n"
"  --nmi N               send N non-maskable interrupts a second\n"
"  --mce N               send N machine checks a second to all processors, as for a\n"
"                        memory error that nothing has used, after which the system\n"
"                        goes on. They begin when the guest first prints something.\n"
"                        One during another resets a machine, so keep N low. The\n"
"                        processor is then an Intel one\n"
"  --qemu WORD           add an argument of QEMU (may be repeated)\n"
"  -d, --detach NAME     run in the background; lupine guest looks after it\n"
"  --exec                let lupine exec run further programs in it, which takes a\n"
"                        process of the guest, and its network\n"
"  --quiet               print nothing but the guest's console\n"
"  ARG...                arguments of the application instead of the image's\n"
"\n"
"The exit status is that of the application, which the machine reports; 255 after a\n"
"kernel panic or if the machine ended otherwise, 124 after a time-out, 125 if it could\n"
"not be started.\n"
"\n"
"Example: lupine run --kernel build/kernel/lupine-general/vmlinux \\\n"
"             --image build/image/redis.ext2 -p 6379:6379\n";

struct options {
	const char *kernel, *image, *accel, *cpu, *log, *monitor, *detach, *snapshot, *lack;
	struct words append, qemu, ports, volumes;
	/* What is changed in the image's configuration, and which options did that */
	struct manifest changes;
	const char *for_init;
	unsigned int memory, cpus, timeout, nmi, mce, idle;
	bool no_net, no_outbound, quiet, explain, on_connect, exec;
	char **args;
};

/* What has been found out about the files. */
struct guest {
	bool ukl, bzimage, acpi, kvm;
	struct words devices;		/* QEMU's arguments for the disks */
	unsigned int disks;
	char *cmdline;
	unsigned int khz;		/* in it; or 0 */
	struct network network;
	struct snapshot snapshot;
};

void words_add(struct words *w, const char *s)
{
	w->word = xrealloc(w->word, w->nr + 2, sizeof(*w->word));
	w->word[w->nr++] = xstrdup(s);
	w->word[w->nr] = NULL;
}

void words_option(struct words *w, const char *option, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		die("%s", out_of_memory);
	va_end(ap);
	words_add(w, option);
	words_add(w, s);
	free(s);
}

static void words_copy(struct words *to, const struct words *from)
{
	size_t i;

	for (i = 0; i < from->nr; i++)
		words_add(to, from->word[i]);
}

/*
 * A file's name in an option of QEMU. A comma would end it, and what stands before a
 * colon would name a protocol.
 */
static char *file_name(const char *path)
{
	char *name = xmalloc(2 * strlen(path) + 3), *p = name;

	if (*path != '/')
		p = stpcpy(p, "./");
	for (; *path; path++) {
		if (*path == ',')
			*p++ = ',';
		*p++ = *path;
	}
	*p = '\0';
	return name;
}

/* The value of an option, a decimal number. */
static unsigned int in_range(const char *option, const char *s, unsigned int min,
			     unsigned int max, const char *unit)
{
	unsigned long long n = 0;
	size_t len = strlen(s);

	if (len && len < 12 && !s[strspn(s, "0123456789")] && (*s != '0' || len == 1))
		n = strtoull(s, NULL, 10);
	else
		n = max + 1ull;
	if (n < min || n > max)
		die("%s %s: want %s, a number from %u to %u", option, s, unit, min, max);
	return n;
}

/* Change something in the image's configuration; a wrong value ends the program. */
static void change(struct options *o, const char *option, enum manifest_key key, const char *value)
{
	char error[MANIFEST_ERROR_SIZE];

	if (manifest_add(&o->changes, option, key, &value, 1, IN_COMMAND, error, sizeof(error)))
		die("%s", error);
}

static void add_variable(struct options *o, const char *option, const char *value)
{
	if (*value == '=' || !strchr(value, '='))
		die("%s %s: want NAME=VALUE", option, value);
	change(o, option, KEY_ENV, value);
}

/* As docker run --env-file: a name alone takes this process's variable, if there is one. */
static void add_variables_of(struct options *o, const char *path)
{
	char *line = NULL, *value, *assignment;
	size_t room = 0;
	ssize_t len;
	FILE *f;

	f = fopen(path, "re");
	if (!f)
		die("--env-file %s: %s", path, strerror(errno));
	while ((len = getline(&line, &room, f)) > 0) {
		if (line[len - 1] == '\n')
			line[--len] = '\0';
		if (!len || *line == '#')
			continue;
		if (strlen(line) != (size_t)len)
			die("--env-file %s: a line has a NUL byte", path);
		if (strchr(line, '=')) {
			add_variable(o, "--env-file", line);
			continue;
		}
		value = getenv(line);
		if (!value)
			continue;
		assignment = xasprintf("%s=%s", line, value);
		add_variable(o, "--env-file", assignment);
		free(assignment);
	}
	if (ferror(f))
		die("--env-file %s: %s", path, strerror(errno));
	free(line);
	fclose(f);
}

/* What becomes of the value of an option */
enum kind {
	TEXT, LIST, NUMBER, FLAG,
	KEY,		/* changes the image's configuration */
	VARIABLE, VARIABLES_OF,
};

static const struct setting {
	const char *name;
	enum kind kind;
	size_t to;		/* a member of struct options, or the key */
	unsigned int least, most;
	const char *unit;
	char letter;
} settings[] = {
#define TO(member)	offsetof(struct options, member)
	{ "kernel", TEXT, TO(kernel) }, { "image", TEXT, TO(image) },
	{ "accel", TEXT, TO(accel) }, { "cpu", TEXT, TO(cpu) }, { "log", TEXT, TO(log) },
	{ "monitor", TEXT, TO(monitor) }, { "snapshot", TEXT, TO(snapshot) },
	{ "lack", TEXT, TO(lack) }, { "detach", TEXT, TO(detach), .letter = 'd' },
	{ "append", LIST, TO(append) }, { "qemu", LIST, TO(qemu) },
	{ "publish", LIST, TO(ports), .letter = 'p' },
	{ "volume", LIST, TO(volumes), .letter = 'v' },
	{ "memory", NUMBER, TO(memory), 1, MAX_MEMORY, "MiB" },
	{ "cpus", NUMBER, TO(cpus), 1, MAX_CPUS, "processors" },
	{ "timeout", NUMBER, TO(timeout), 0, MAX_TIMEOUT, "seconds" },
	{ "idle", NUMBER, TO(idle), 1, MAX_TIMEOUT, "seconds" },
	{ "on-connect", FLAG, TO(on_connect) }, { "exec", FLAG, TO(exec) },
	{ "nmi", NUMBER, TO(nmi), 1, MAX_RATE, "a rate" },
	{ "mce", NUMBER, TO(mce), 1, MAX_RATE, "a rate" },
	{ "no-net", FLAG, TO(no_net) }, { "no-outbound", FLAG, TO(no_outbound) },
	{ "quiet", FLAG, TO(quiet) }, { "explain", FLAG, TO(explain) },
	{ "entrypoint", KEY, KEY_ENTRYPOINT }, { "workdir", KEY, KEY_WORKDIR },
	{ "user", KEY, KEY_USER }, { "hostname", KEY, KEY_HOSTNAME },
	{ "env", VARIABLE, .letter = 'e' }, { "env-file", VARIABLES_OF },
};

static void take_option(struct options *o, const struct setting *s, const char *value)
{
	const char *option = xasprintf("--%s", s->name);
	void *to = (char *)o + s->to;

	switch (s->kind) {
	case TEXT:
		*(const char **)to = value;
		break;
	case LIST:
		words_add(to, value);
		break;
	case NUMBER:
		*(unsigned int *)to = in_range(option, value, s->least, s->most, s->unit);
		break;
	case FLAG:
		*(bool *)to = true;
		break;
	case KEY:
		change(o, option, s->to, value);
		o->for_init = option;
		break;
	case VARIABLE:
		add_variable(o, "-e", value);
		break;
	case VARIABLES_OF:
		add_variables_of(o, value);
		break;
	}
}

/*
 * The options end at -- or at the first word that is none, which is PROGRAM if no --kernel
 * came before. What follows is the application's, whatever it looks like.
 */
static void parse_options(struct options *o, int argc, char **argv)
{
	struct option known[ARRAY_SIZE(settings) + 2] = {
		[ARRAY_SIZE(settings)] = { "help", no_argument, NULL, 'h' },
	};
	bool ended_by_dashes = false;
	int c, at, i, n = ARRAY_SIZE(settings);

	for (i = 0; i < n; i++)
		known[i] = (struct option){ settings[i].name, settings[i].kind == FLAG ?
			no_argument : required_argument, NULL, settings[i].letter ?: 256 + i };
	opterr = 0;
	for (;;) {
		at = optind;
		c = getopt_long(argc, argv, "+:p:v:e:d:h", known, NULL);
		if (c < 0)
			break;
		if (c == ':')
			die("%s wants a value (see --help)", argv[optind - 1]);
		if (c == '?')
			die("unknown option %s (see --help)", argv[at]);
		if (c == 'h') {
			fputs(help, stdout);
			exit(0);
		}
		for (i = 0; i < n && c != known[i].val; i++)
			;
		take_option(o, &settings[i], optarg);
	}
	ended_by_dashes = optind > at;
	if (!o->kernel && !ended_by_dashes && optind < argc) {
		o->kernel = argv[optind++];
		/* One -- may stand between PROGRAM and its arguments. */
		if (optind < argc && !strcmp(argv[optind], "--"))
			optind++;
	}
	o->args = argv + optind;
	if (o->nmi && o->mce)
		die("--nmi and --mce exclude each other");
	if (o->no_net && (o->ports.nr || o->no_outbound || o->exec))
		die("%s and --no-net exclude each other", o->ports.nr ? "-p" :
		    o->exec ? "--exec" : "--no-outbound");
	if (o->exec && !o->detach)
		die("--exec is for guests in the background: give -d NAME, too");
	if (o->exec) {
		change(o, "--exec", KEY_EXEC, "yes");
		o->for_init = "--exec";
	}
	if (o->lack)
		o->for_init = "--lack";
	if (o->snapshot && (o->volumes.nr || o->explain))
		die("%s and --snapshot exclude each other: %s", o->volumes.nr ? "-v" : "--explain",
		    o->volumes.nr ? "what the guest remembers of a volume would be old" :
		    "what failed before is not told again");
	if (o->on_connect && o->detach)
		die("--on-connect stays in the foreground, for systemd or the like: leave -d out");
	if (o->idle && !o->on_connect)
		die("--idle is for --on-connect");
	if (o->detach && !detach_name_ok(o->detach))
		die("--detach %s: not a name: want letters, digits, ., _ and - after the first",
		    o->detach);
}

/* A regular file or a disk: nothing else can be mapped, or be a disk of the guest. */
static int open_file(const char *path, const char *what, const char *cure, bool disk)
{
	struct stat st;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		die("no %s %s; %s", what, path, cure);
	if (fd < 0 || fstat(fd, &st))
		die("%s %s: %s", what, path, strerror(errno));
	if (!S_ISREG(st.st_mode) && !(disk && S_ISBLK(st.st_mode)))
		die("%s %s is neither a file nor a disk", what, path);
	return fd;
}

static bool contains(const char *data, size_t len, const char *text)
{
	return memmem(data, len, text, strlen(text));
}

static void look_at_kernel(const struct options *o, struct guest *g)
{
	struct stat st;
	const char *data;
	int fd;

	if (!o->kernel)
		die("--kernel is missing (see --help)");
	fd = open_file(o->kernel, "kernel", "scripts/kconfig/build PROFILE makes one", false);
	if (fstat(fd, &st) || st.st_size < 1024)
		die("%s is neither vmlinux (an ELF file) nor a bzImage", o->kernel);
	data = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		die("%s: %s", o->kernel, strerror(errno));
	if (memcmp(data, "\177ELF", 4)) {
		/* The boot protocol's signature */
		if (memcmp(data + 514, "HdrS", 4))
			die("%s is neither vmlinux (an ELF file) nor a bzImage", o->kernel);
		g->bzimage = true;
	}
	/* What it says when the application that was linked into it ends. */
	g->ukl = contains(data, st.st_size, "ukl: exit status");
	/*
	 * Where the kernel finds its devices: on the command line if it looks there,
	 * and else, as Firecracker's own guests, in ACPI tables. A bzImage is compressed,
	 * and taken for one of the former.
	 */
	g->acpi = !g->bzimage && !contains(data, st.st_size, "virtio_mmio.device");
	munmap((void *)data, st.st_size);
	close(fd);
}

static void look_at_image(const struct options *o, const struct guest *g)
{
	static const char ext2[2] = { 0x53, 0xef };
	char magic[2];
	int fd;

	if (!o->image && g->ukl)
		return;
	if (!o->image)
		die("--image is missing (see --help)");
	fd = open_file(o->image, "image", "scripts/apps/build APP makes one", true);
	if (pread(fd, magic, sizeof(magic), 1080) != sizeof(magic) ||
	    memcmp(magic, ext2, sizeof(magic)))
		die("%s is not an ext2 file system, or cut short", o->image);
	close(fd);
}

/* 0 if nothing says it */
static unsigned int memory_of_image(const char *image)
{
	unsigned long memory;

	return numbers_of_image(image, "memory", MAX_MEMORY, &memory, 1) ? memory : 0;
}

static void choose_accelerator(struct options *o, struct guest *g)
{
	static const char *const known[] = {
		"tcg", "tcg,thread=single", "tcg,thread=multi", "kvm",
	};
	size_t i;

	if (!o->accel || !strcmp(o->accel, "auto"))
		o->accel = accelerator(o->kernel, false);
	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(o->accel, known[i]))
			break;
	if (i == ARRAY_SIZE(known))
		die("--accel %s: want auto, tcg, tcg,thread=single or kvm", o->accel);
	g->kvm = !strcmp(o->accel, "kvm");
	if (!o->cpu)
		o->cpu = g->kvm ? "host" : o->mce ? "max,vendor=GenuineIntel" : "max";
	if (g->acpi && !g->kvm)
		die("%s finds its devices by ACPI, and QEMU's emulation has no clock then: %s",
		    o->kernel, "build the profile with +mmio");
}

/* Split "FILE:/DIR[:ro]": both names may have colons, the last :/ is between them. */
static bool split_volume(char *volume, char **dir, const char **mode)
{
	size_t len = strlen(volume);
	char *p;

	*mode = "rw";
	if (len > 3 && (!strcmp(volume + len - 3, ":ro") || !strcmp(volume + len - 3, ":rw"))) {
		volume[len - 3] = '\0';
		*mode = volume + len - 2;
	}
	for (p = volume + strlen(volume); p > volume; p--) {
		if (p[0] == ':' && p[1] == '/') {
			*p = '\0';
			*dir = p + 1;
			return true;
		}
	}
	return false;
}

static void add_disk(struct guest *g, const char *id, const char *file, const char *options)
{
	char *name = file_name(file);

	words_option(&g->devices, "-drive", "if=none,id=%s,file=%s,format=raw%s", id, name,
		     options);
	words_option(&g->devices, "-device", "virtio-blk-device,drive=%s", id);
	g->disks++;
	free(name);
}

/* Add the disks for volumes, and the words for the init. QEMU locks their files. */
static void attach_volumes(struct options *o, struct guest *g)
{
	char error[MANIFEST_ERROR_SIZE], *volume, *dir, *source, id[32];
	const char *mode;
	struct stat st;
	size_t i;
	int fd;

	for (i = 0; i < o->volumes.nr; i++) {
		volume = xstrdup(o->volumes.word[i]);
		if (!split_volume(volume, &dir, &mode))
			die("-v %s: want FILE:/DIR or FILE:/DIR:ro", o->volumes.word[i]);
		if (stat(volume, &st) && errno == ENOENT) {
			if (!strcmp(mode, "ro"))
				die("no volume %s", volume);
			volume_make(volume);
		}
		fd = open_file(volume, "volume", "it has just been removed", true);
		close(fd);
		if (access(volume, strcmp(mode, "ro") ? R_OK | W_OK : R_OK))
			die("volume %s: %s", volume, strerror(errno));
		source = xasprintf("/dev/vd%c", 'a' + g->disks);
		if (manifest_add(&o->changes, "-v", KEY_MOUNT,
				 (const char *[]){ "ext2", source, dir, mode }, 4, IN_COMMAND,
				 error, sizeof(error)))
			die("%s", error);
		snprintf(id, sizeof(id), "volume%zu", i);
		add_disk(g, id, volume, strcmp(mode, "ro") ? "" : ",readonly=on");
		free(source);
		free(volume);
	}
}

/* Append to a string that grows. */
static void __printf(2, 3) append(char **s, const char *fmt, ...)
{
	va_list ap;
	char *more, *both;

	va_start(ap, fmt);
	if (vasprintf(&more, fmt, ap) < 0)
		die("%s", out_of_memory);
	va_end(ap);
	both = xasprintf("%s%s", *s ?: "", more);
	free(*s);
	free(more);
	*s = both;
}

/*
 * As the init and a kernel with an application decode it: without blanks, quotes and
 * control characters, which the kernel acts upon; %- is a word of nothing. all: each
 * byte, for a word that the kernel would act upon as a whole.
 */
static void append_encoded(char **s, const char *word, bool blanks, bool all)
{
	char *text = xmalloc(3 * strlen(word) + 3), *p = text;
	const unsigned char *c;

	for (c = (const unsigned char *)word; *c; c++) {
		if (all || (*c == ' ' && blanks) || *c < ' ' || *c == 0x7f ||
		    *c == '"' || *c == '%')
			p += sprintf(p, "%%%02X", *c);
		else
			*p++ = *c;
	}
	*p = '\0';
	append(s, "%s", text);
	free(text);
}

static void append_word(char **s, const char *word)
{
	append_encoded(s, word, true, false);
	if (!*word)
		append(s, "%%-");
}

/* The changes as lupine="--KEY VALUE ..." on the command line. */
static char *changes_as_words(struct manifest *m)
{
	static const enum manifest_key with_option[] = {
		KEY_ENTRYPOINT, KEY_ENV, KEY_WORKDIR, KEY_USER, KEY_HOSTNAME, KEY_MOUNT,
		KEY_SNAPSHOT, KEY_EXEC,
	};
	char *text = NULL, *line;
	const struct manifest_list *l;
	struct manifest one = { 0 };
	size_t k, i;

	for (k = 0; k < ARRAY_SIZE(with_option); k++) {
		l = &m->key[with_option[k]];
		for (i = 0; i < l->nr; i++) {
			append(&text, "%s--%s ", text ? " " : "",
			       manifest_key_info(with_option[k])->name);
			if (with_option[k] != KEY_MOUNT) {
				append_word(&text, l->value[i].word[0]);
				continue;
			}
			/* The words of a mount keep the escapes that a manifest has. */
			one.key[KEY_MOUNT] = (struct manifest_list){ &l->value[i], 1 };
			line = manifest_print(&one, IN_COMMAND);
			if (!line)
				die("%s", out_of_memory);
			line[strlen(line) - 1] = '\0';
			append_word(&text, line + strlen("mount "));
			free(line);
		}
	}
	l = &m->key[KEY_CMD];
	for (i = 0; i < l->nr; i++) {
		append(&text, "%s", i ? " " : text ? " --args " : "--args ");
		append_word(&text, l->value[i].word[0]);
	}
	return text;
}

/* Without an init, the kernel passes environment and arguments to the application. */
static void linked_application(struct options *o, struct guest *g)
{
	const struct manifest_list *env = &o->changes.key[KEY_ENV];
	size_t i;

	if (o->volumes.nr)
		die("-v is for an init to mount, and %s has none", o->kernel);
	if (o->explain)
		die("--explain is for an init, and %s has none", o->kernel);
	if (o->for_init)
		die("%s is for an init, and %s has none", o->for_init, o->kernel);
	/*
	 * QEMU would add its devices behind the arguments. Where none is plugged
	 * in, the kernel finds none.
	 */
	for (i = 0; i < MAX_DEVICES; i++)
		append(&g->cmdline, " virtio_mmio.device=512@0x%zx:%zu",
		       0xfeb00000 + i * 512, 5 + i);
	for (i = 0; i < env->nr; i++) {
		const char *word = env->value[i].word[0];

		if (memchr(word, '.', strchr(word, '=') - word))
			die("-e %s: the kernel takes a name with a dot for a module's parameter",
			    word);
		append(&g->cmdline, " \"");
		append_encoded(&g->cmdline, word, false, false);
		append(&g->cmdline, "\"");
	}
	if (*o->args)
		append(&g->cmdline, " --");
	for (i = 0; o->args[i]; i++) {
		append(&g->cmdline, " \"");
		/* The kernel's own end of its parameters */
		append_encoded(&g->cmdline, o->args[i], false, !strcmp(o->args[i], "--"));
		append(&g->cmdline, "\"");
	}
	if (strlen(g->cmdline) >= MAX_CMDLINE)
		die("the arguments are too long for the kernel's command line (2048 bytes)");
}

static bool has_parameter(const char *text, const char *name)
{
	const char *p;

	for (p = text; (p = strstr(p, name)); p++)
		if (p == text || p[-1] == ' ')
			return true;
	return false;
}

static bool has_word(const struct words *w, const char *word)
{
	size_t i;

	for (i = 0; i < w->nr; i++)
		if (!strcmp(w->word[i], word))
			return true;
	return false;
}

/* What the kernel is told, but for what the init has to know. */
static void make_command_line(const struct options *o, struct guest *g)
{
	char *more = NULL, *p;
	size_t i;

	for (i = 0; i < o->append.nr; i++)
		append(&more, " %s", o->append.word[i]);
	append(&g->cmdline, "%sconsole=ttyS0 panic=-1 reboot=t quiet",
	       !o->image ? "" : g->ukl ? "UKL_ROOT=/dev/vda " : "root=/dev/vda rw ");
	/* The first of two counts. */
	if (!o->no_net && !(more && has_parameter(more, "ip=")))
		append(&g->cmdline, " ip=10.0.2.15::10.0.2.2:255.255.255.0::eth0:off:10.0.2.3");
	/* With -icount the counter is another one. */
	if (!g->kvm && !(more && has_parameter(more, "tsc=")) && !has_word(&o->qemu, "-icount")) {
		g->khz = clock_khz();
		append(&g->cmdline, FREQUENCY, g->khz);
	}
	append(&g->cmdline, "%s", more ?: "");
	/* What such a kernel does not know is an argument, and it has no KASLR to switch off. */
	while (g->ukl && (p = strstr(g->cmdline, " nokaslr")) && (p[8] == ' ' || !p[8]))
		memmove(p, p + 8, strlen(p + 8) + 1);
	free(more);
}

/* Returns the text for a disk, or NULL if the command line has all. */
static char *tell_init(struct options *o, struct guest *g)
{
	char *words, *text;
	size_t i;

	for (i = 0; o->args[i]; i++)
		change(o, "argument", KEY_CMD, o->args[i]);
	words = changes_as_words(&o->changes);
	/* There, each thing that is missing has its line. */
	if (o->lack && !words)
		words = xstrdup("");
	if (words && !o->lack &&
	    strlen(g->cmdline) + strlen(words) + strlen(" lupine=\"\"") < MAX_CMDLINE) {
		append(&g->cmdline, " lupine=\"%s\"", words);
		words = NULL;
	}
	if (!words) {
		if (strlen(g->cmdline) >= MAX_CMDLINE)
			die("--append is too long for the kernel's command line (2048 bytes)");
		return NULL;
	}
	free(words);
	append(&g->cmdline, " lupine=@vd%c", 'a' + g->disks);
	text = manifest_print(&o->changes, IN_COMMAND);
	if (!text || strlen(g->cmdline) >= MAX_CMDLINE)
		die("--append is too long for the kernel's command line (2048 bytes)");
	return text;
}

static void qemu_arguments(const struct options *o, struct guest *g, struct machine *m)
{
	struct words *q = &m->qemu;
	char *name;

	words_add(q, "qemu-system-x86_64");
	words_option(q, "-M", "microvm,x-option-roms=%s,rtc=on,acpi=%s%s%s",
		     g->bzimage ? "on" : "off", g->acpi ? "on" : "off",
		     g->ukl ? ",auto-kernel-cmdline=off" : "",
		     m->snapshot ? ",memory-backend=memory" : "");
	words_option(q, "-accel", "%s", o->accel);
	words_option(q, "-m", "%u", o->memory);
	words_option(q, "-smp", "%u", o->cpus);
	words_add(q, "-nodefaults");
	words_add(q, "-no-user-config");
	words_add(q, "-nographic");
	words_add(q, "-no-reboot");
	words_option(q, "-chardev", "stdio,id=console,signal=off");
	words_option(q, "-serial", "chardev:console");
	/* See scripts/init/status.h. */
	words_option(q, "-chardev", "socket,id=status,fd=%d", m->status_fd);
	words_option(q, "-device", "isa-debugcon,iobase=0xf4,chardev=status");
	if (o->explain) {
		words_option(q, "-chardev", "socket,id=explain,fd=%d", m->explain_fd);
		words_option(q, "-device", "isa-debugcon,iobase=%#x,chardev=explain", EXPLAIN_PORT);
	}
	/* See scripts/init/clock.h. */
	words_option(q, "-chardev", "socket,id=clock,fd=%d", m->clock_fd);
	words_option(q, "-device", "isa-serial,iobase=%#x,irq=13,chardev=clock", CLOCK_PORT);
	if (m->snapshot) {
		snapshot_arguments(m->snapshot, q);
		words_option(q, "-chardev", "socket,id=snapshot,fd=%d", m->monitor_fd);
		words_option(q, "-mon", "chardev=snapshot,mode=control");
	}
	if (!m->snapshot || !m->snapshot->loads) {
		words_option(q, "-kernel", "%s%s", *o->kernel == '/' ? "" : "./", o->kernel);
		words_option(q, "-append", "%s", g->cmdline);
	}
	words_copy(q, &g->devices);
	words_option(q, "-cpu", "%s", o->cpu);
	if (m->tasks)
		words_option(q, "-chardev", "socket,id=tasks,fd=%d", m->tasks_fd);
	else if (o->exec)
		words_option(q, "-chardev", "null,id=tasks");
	if (!o->no_net)
		network_arguments(&g->network, o->no_outbound, o->exec ? "tasks" : NULL, q);
	if (o->monitor) {
		name = file_name(o->monitor);
		words_option(q, "-chardev", "socket,id=monitor,path=%s,server=on,wait=off", name);
		words_option(q, "-mon", "chardev=monitor");
		free(name);
	}
	if (m->storm) {
		words_option(q, "-chardev", "socket,id=storm,fd=%d", m->storm_fd);
		words_option(q, "-mon", "chardev=storm");
	}
	words_copy(q, &o->qemu);
}

/* A file of the machine that was saved: another one of that name is another machine. */
static void append_file(char **s, const char *name, const char *path)
{
	struct stat st;

	if (stat(path, &st))
		die("%s %s: %s", name, path, strerror(errno));
	append(s, "%s of %lld bytes and %lld.%09ld\n", name, (long long)st.st_size,
	       (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

/* The machine, in lines; the first of them are read again by machine_of_snapshot(). */
static char *describe(const struct options *o, const struct guest *g)
{
	char *text = NULL, *command = xstrdup(g->cmdline), *counter, *at, *changes;
	size_t i;

	append(&text, "accelerator %s\nprocessor %s\nprocessors %u\nmemory %u\nnetwork %s\n"
	       "tasks %s\ndevices by %s\n", o->accel, o->cpu, o->cpus, o->memory,
	       o->no_net ? "no" : "yes", o->exec ? "yes" : "no", g->acpi ? "ACPI" : "words");
	append_file(&text, "kernel", o->kernel);
	append_file(&text, "image", o->image);
	/* It is measured again each time. */
	counter = xasprintf(FREQUENCY, g->khz);
	at = g->khz ? strstr(command, counter) : NULL;
	if (at)
		memmove(at, at + strlen(counter), strlen(at + strlen(counter)) + 1);
	/* Without ends of lines, which would look like more lines */
	append(&text, "words ");
	append_encoded(&text, command, false, false);
	append(&text, "\n");
	changes = manifest_print(&o->changes, IN_COMMAND);
	if (!changes)
		die("%s", out_of_memory);
	append(&text, "%s", changes);
	for (i = 0; o->args[i]; i++) {
		append(&text, "argument ");
		append_encoded(&text, o->args[i], false, false);
		append(&text, "\n");
	}
	for (i = 0; i < o->qemu.nr; i++) {
		append(&text, "QEMU's argument ");
		append_encoded(&text, o->qemu.word[i], false, false);
		append(&text, "\n");
	}
	free(changes);
	free(counter);
	free(command);
	return text;
}

/* Numbers and names of a file that may be anybody's: as of the command line */
static unsigned int number_of_snapshot(const struct snapshot *s, const char *name,
				       unsigned int most)
{
	return in_range(s->path, snapshot_value(s, name), 0, most, name);
}

static void machine_of_snapshot(struct options *o, struct guest *g)
{
	const struct snapshot *s = &g->snapshot;
	const char *p;

	if (o->image || o->accel || o->cpu || o->cpus || o->memory || o->append.nr || o->no_net ||
	    o->changes.nr_values || *o->args)
		die("--snapshot %s without --kernel says itself what the machine is: %s", s->path,
		    "leave options of the machine and arguments out, or give --kernel, too");
	if (!s->loads)
		die("no snapshot %s; give --kernel and --image to make one", s->path);
	o->accel = snapshot_value(s, "accelerator");
	o->cpu = snapshot_value(s, "processor");
	for (p = o->cpu; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_.,=+-", *p))
			die("%s: '%s' is no processor's name", s->path, o->cpu);
	o->cpus = number_of_snapshot(s, "processors", MAX_CPUS);
	o->memory = number_of_snapshot(s, "memory", MAX_MEMORY);
	o->no_net = !strcmp(snapshot_value(s, "network"), "no");
	o->exec = !strcmp(snapshot_value(s, "tasks"), "yes");
	g->acpi = !strcmp(snapshot_value(s, "devices"), "by ACPI");
}

/*
 * What may not be as it was: the frequency of the counter is what the guest's clock goes by,
 * and the words for the init have a disk, if they have one, which nobody reads again.
 */
static char *notes(const struct guest *g, const char *text)
{
	return xasprintf("counter %u\ntext %zu\n", g->khz, text ? strlen(text) : 0);
}

static void check_counter(const struct snapshot *s)
{
	unsigned int was = number_of_snapshot(s, "counter", UINT_MAX), is;

	if (!was)
		return;
	is = clock_khz();
	if (is > was + was / 1000 || is < was - was / 1000)
		die("%s is of a machine with %u kHz, and this one has %u kHz: %s", s->path, was, is,
		    "the guest's clock would be wrong; remove the file to make it again");
}

static char *text_of_snapshot(const struct snapshot *s)
{
	unsigned int size = number_of_snapshot(s, "text", MANIFEST_MAX_SIZE);

	return size ? xasprintf("%*s", (int)size, "") : NULL;
}

/* The application is ready when the first TCP port that is forwarded to it answers. */
static void wait_for_port(struct options *o, const struct guest *g)
{
	size_t i;

	for (i = 0; i < g->network.nr && g->network.port[i].udp; i++)
		;
	if (i == g->network.nr)
		die("--snapshot: %s has to be made, and wants -p: %s", o->snapshot,
		    "the application is ready when it answers");
	change(o, "-p", KEY_SNAPSHOT, xasprintf("%u", g->network.port[i].guest));
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void introduce(const struct options *o, const struct machine *m)
{
	char *ports = NULL;
	size_t i;

	for (i = 0; i < o->ports.nr; i++)
		append(&ports, " %s", o->ports.word[i]);
	tell("%s, %u MiB, %u CPU%s, accelerator %s%s%s",
	     base_name(m->snapshot && m->snapshot->loads ? o->snapshot : o->image ?: o->kernel),
	     o->memory, o->cpus, o->cpus == 1 ? "" : "s", o->accel,
	     ports ? ", ports" : "", ports ?: "");
	free(ports);
}

/* Descriptors 0 to 2 are ours, even if the caller closed them. */
static void open_standard_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
	for (fd = 0; fd <= STDERR_FILENO; fd++)
		fcntl(fd, F_SETFD, 0);
}

static void prepare(struct options *o, struct guest *g, struct machine *m)
{
	if (o->image)
		add_disk(g, "root", o->image, ",snapshot=on");
	make_command_line(o, g);
	if (o->on_connect)
		wait_for_port(o, g);
	if (g->ukl) {
		linked_application(o, g);
		return;
	}
	attach_volumes(o, g);
	m->text = tell_init(o, g);
}

/* The same for a machine that is in a file, or will be. */
static void prepare_snapshot(struct options *o, struct guest *g, struct machine *m)
{
	struct snapshot *s = &g->snapshot;
	char *machine = NULL;

	m->snapshot = s;
	if (o->kernel) {
		make_command_line(o, g);
		machine = describe(o, g);
	}
	if (s->loads) {
		if (machine)
			snapshot_compare(s, machine);
		check_counter(s);
		m->text = text_of_snapshot(s);
		return;
	}
	wait_for_port(o, g);
	/* The disk of the text is the second one. */
	g->disks = 1;
	m->text = tell_init(o, g);
	snapshot_create(s, machine, notes(g, m->text), o->memory, o->image);
	g->disks = 0;
}

static int boot(struct options *o, struct guest *g, struct machine *m)
{
	char text_path[32], *options;
	const char *name;

	machine_prepare(m);
	if (m->snapshot) {
		options = snapshot_disk(m->snapshot, &name);
		add_disk(g, "root", name, options);
	}
	if (m->text) {
		snprintf(text_path, sizeof(text_path), "/proc/self/fd/%d", m->text_fd);
		add_disk(g, "text", text_path, ",readonly=on");
	}
	if (g->disks + !o->no_net > MAX_DEVICES)
		die("more than %d disks and network devices: volumes are too many by %d",
		    MAX_DEVICES, g->disks + !o->no_net - MAX_DEVICES);
	qemu_arguments(o, g, m);
	if (!o->quiet)
		introduce(o, m);
	return machine_run(m);
}

int cmd_run(int argc, char **argv)
{
	struct options o = { 0 };
	struct machine m = { 0 };
	struct guest g = { 0 };
	int status;

	status_of_die = EXIT_CANNOT;
	clock_start();
	open_standard_descriptors();
	parse_options(&o, argc, argv);
	if (o.detach) {
		detach(o.detach);
		o.log = o.log ?: state_file(o.detach, "console");
	}
	if (o.snapshot)
		snapshot_open(&g.snapshot, o.snapshot);
	if (o.snapshot && !o.kernel) {
		machine_of_snapshot(&o, &g);
	} else {
		look_at_kernel(&o, &g);
		look_at_image(&o, &g);
	}
	/* Whoever knows that it runs may call lupine exec, while the accelerator is looked for. */
	if (o.exec && o.detach)
		m.tasks = tasks_open(o.detach);
	if (o.lack && !(o.snapshot && !o.kernel))
		explain_lack(o.kernel, o.lack, &o.changes);
	if (o.explain)
		explain_load(o.kernel);
	if (g.ukl && (o.snapshot || o.on_connect))
		die("%s is for an init, and %s has none", o.snapshot ? "--snapshot" :
		    "--on-connect", o.kernel);
	m.ready_fd = -1;
	if (o.on_connect) {
		m.ready_fd = on_connect(&o.ports, o.idle);
		/* A machine before this one may have made it. */
		if (o.snapshot)
			snapshot_open(&g.snapshot, o.snapshot);
	}
	if (!o.memory && o.image)
		o.memory = memory_of_image(o.image);
	if (!o.memory)
		o.memory = 128;
	if (!o.cpus)
		o.cpus = 1;
	choose_accelerator(&o, &g);
	if (!o.no_net)
		network_ports(&g.network, &o.ports);
	m.log = o.log;
	m.monitor = o.monitor;
	m.timeout = o.timeout;
	m.quiet = o.quiet;
	m.explain = o.explain;
	m.storm = o.nmi ? NMI_COMMAND : o.mce ? MCE_COMMAND : NULL;
	m.storm_rate = o.nmi ?: o.mce;
	/* Before the kernel is prepared, a machine check resets the machine. */
	m.storm_waits = o.mce;
	m.network = &g.network;
	if (o.snapshot)
		prepare_snapshot(&o, &g, &m);
	else
		prepare(&o, &g, &m);
	status = boot(&o, &g, &m);
	if (m.saved) {
		snapshot_publish(&g.snapshot);
		if (!o.quiet)
			tell("saved in %s", o.snapshot);
		m.qemu = g.devices = (struct words){ 0 };
		g.disks = 0;
		status = boot(&o, &g, &m);
	}
	if (m.tasks)
		tasks_close(m.tasks);
	return status;
}
