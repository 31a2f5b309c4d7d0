// SPDX-License-Identifier: GPL-2.0
/*
 * Make the table that `lupine run --explain` looks failures up in: what a program can ask
 * a kernel for, and the options that the kernel has it with.
 *
 * The source says both. A file system, a family of sockets or a device is registered by a
 * structure or a call that names it, an option of sockets or an ioctl is a case of a
 * switch, and a namespace is refused in the #else of an #ifdef. The options are those
 * that this piece of source stands under (source.h), and Kconfig tells what they need and,
 * if nobody can choose them, what selects them. Numbers are read from the headers.
 *
 * A line is KIND KEY, a title, and how to get it ("-": this kernel has it), with tabs
 * between. scripts/init/explain.c names failures by the same KIND and KEY.
 */
#define _GNU_SOURCE
#include <glob.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <list.h>

#include "fragment.h"
#include "calls.h"
#include "source.h"

#define MAX_SHOWN	3

/* What is asked for, and one place that has it. There may be others. */
struct thing {
	char *kind, *key, *title, *options, *file;
	struct thing *next;
};

static struct thing *things;

/* Names that a file, or the headers, define */
struct define {
	char *name, *text;
	struct define *next;
};

static struct define *headers[4096], *of_file;

static const char *define_text(struct define *d, const char *name)
{
	for (; d; d = d->next)
		if (!strcmp(d->name, name))
			return d->text;
	return NULL;
}

static unsigned int hash(const char *s)
{
	unsigned int h = 0;

	while (*s)
		h = h * 31 + *s++;
	return h % (sizeof(headers) / sizeof(*headers));
}

static void add_define(struct define **list, char *name, char *text)
{
	struct define *d = check_memory(malloc(sizeof(*d)));

	*d = (struct define){ name, text, *list };
	*list = d;
}

#define NAME_AND_MORE "^[( \t]*([A-Z][A-Z0-9_a-z]*)[ \t]*([+][ \t]*([0-9xa-f]+))?[) \t]*(/[*].*)?$"

/* The value of an expression as headers have it, or -1; of an ioctl, without its size */
static long number(const char *text, int depth)
{
	regmatch_t m[4];
	const char *other;
	long a, b;

	if (!text || depth > 8)
		return -1;
	if (matches(text, "^[( \t]*(0x[0-9a-fA-F]+|[0-9]+)[UL]*[) \t]*(/[*].*)?$", m))
		return strtol(part(text, m[1]), NULL, 0);
	if (matches(text, "^_IO[WRC]*[ \t]*[(][ \t]*([^,]+),[ \t]*([^,)]+)", m)) {
		a = number(part(text, m[1]), depth + 1);
		b = number(part(text, m[2]), depth + 1);
		return a < 0 || b < 0 ? -1 : a << 8 | b;
	}
	if (matches(text, "^[( \t]*'(.)'", m))
		return (unsigned char)text[m[1].rm_so];
	if (!matches(text, NAME_AND_MORE, m))
		return -1;
	other = part(text, m[1]);
	a = number(define_text(headers[hash(other)], other), depth + 1);
	return a < 0 || m[3].rm_so < 0 ? a : a + strtol(part(text, m[3]), NULL, 0);
}

static void read_define(char *line)
{
	regmatch_t m[3];
	char *name;

	line[strcspn(line, "\n")] = '\0';
	if (!matches(line, "^[ \t]*#[ \t]*define[ \t]+([A-Za-z0-9_]+)[ \t]+(.+)$", m) &&
	    !matches(line, "^[ \t]+([A-Z][A-Z0-9_]+)[ \t]*=[ \t]*([0-9x]+)[ \t]*,", m))
		return;
	name = part(line, m[1]);
	/* Enumerators have macros of their own names. */
	if (!strcmp(name, part(line, m[2])))
		return;
	add_define(&headers[hash(name)], name, part(line, m[2]));
}

static void each_file(const char *pattern, void (*each)(const char *file))
{
	glob_t found;

	if (glob(pattern, 0, NULL, &found))
		fail("there is no", pattern);
	for (size_t i = 0; i < found.gl_pathc; i++)
		each(found.gl_pathv[i]);
	globfree(&found);
}

static void read_header(const char *file)
{
	each_line(file, read_define);
}

static void add_thing(const char *kind, const char *key, const char *title, const char *file,
		      const char *options)
{
	struct thing *t = check_memory(malloc(sizeof(*t)));

	*t = (struct thing){ check_memory(strdup(kind)), check_memory(strdup(key)),
			     check_memory(strdup(title)), check_memory(strdup(options)),
			     check_memory(strdup(file)), things };
	things = t;
}

static struct thing *find_thing(const char *kind, const char *key)
{
	struct thing *t;

	for (t = things; t; t = t->next)
		if (!strcmp(t->kind, kind) && !strcmp(t->key, key))
			break;
	return t;
}

/* A thing of this place in the source. %s in the title is its name. */
static void found(const char *kind, const char *key, const char *title, const char *name,
		  const char *file)
{
	char *list = conditions(true), text[256];

	/* Calls of 32 bits are others. */
	if (!list || strstr(list, "COMPAT") || !*key || strchr(key, '\t') || strlen(name) > 100)
		return;
	snprintf(text, sizeof(text), title, name);
	add_thing(kind, key, text, file, options_of(file, list));
}

static void found_number(const char *kind, const char *title, const char *name,
			 const char *file)
{
	long n = number(name, 0);
	char key[32];

	snprintf(key, sizeof(key), "%ld", n);
	if (n >= 0)
		found(kind, key, title, name, file);
}

/* A string, or a name that this file or a header defines as one; NULL if it is neither. */
static char *string(const char *value)
{
	regmatch_t m[2];

	if (*value != '"')
		value = define_text(of_file, value) ?: define_text(headers[hash(value)], value);
	if (!value)
		return NULL;
	return matches(value, "^\"([^\"]+)\"", m) ? part(value, m[1]) : NULL;
}

/* Members of structures, by what is asked for. # is a number. */
static const struct member {
	const char *structure, *member, *kind, *title;
	bool numeric;
} members[] = {
	{ "file_system_type", "name", "fs", "file system %s" },
	{ "net_proto_family", "family", "family", "sockets of %s", true },
	{ "inet_protosw", "protocol", "protocol", "sockets of %s", true },
	{ "rtnl_link_ops", "kind", "link", "network devices of type %s" },
	{ "genl_family", "name", "genl", "the family %s of generic netlink" },
	{ "tcp_congestion_ops", "name", "congestion", "TCP's congestion control %s" },
	{ "tcp_ulp_ops", "name", "ulp", "TCP's upper layer %s" },
	{ "miscdevice", "name", "device", "/dev/%s" },
	{ "miscdevice", "nodename", "device", "/dev/%s" },
	{ "uart_driver", "dev_name", "device", "/dev/%s#" },
	{ "nf_sockopt_ops", "get_optmin", "sockopt", "netfilter's %s", true },
};

#define STRUCTURE "struct[ \t]+([a-z_]+)[ \t]+[a-z0-9_]+([[][^]]*[]])?[ \ta-z_]*=[ \t]*([{]|$)"
#define MEMBER	"[.]([a-z_]+)[ \t]*=[ \t]*(\"[^\"]*\"|[A-Z][A-Za-z0-9_]*)"

static void read_member(const char *structure, const char *family, const char *member,
			const char *value, const char *file)
{
	char key[128];

	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
		const struct member *m = &members[i];

		if (strcmp(m->structure, structure) || strcmp(m->member, member))
			continue;
		if (!strcmp(m->kind, "sockopt")) {
			/* The levels SOL_IP and SOL_IPV6 */
			snprintf(key, sizeof(key), "%s %ld",
				 strcmp(family, "PF_INET6") ? "0" : "41", number(value, 0));
			if (number(value, 0) >= 0)
				found(m->kind, key, m->title, value, file);
		} else if (m->numeric) {
			found_number(m->kind, m->title, value, file);
		} else if (string(value)) {
			snprintf(key, sizeof(key), strchr(m->title, '#') ? "%s#" : "%s",
				 string(value));
			found(m->kind, key, m->title, string(value), file);
		}
	}
}

/* Calls that register something under a name, in one line */
static const struct registration {
	const char *pattern, *prefix, *kind, *title;
} registrations[] = {
	{ "netlink_kernel_create[(][^,]*,[ \t]*(NETLINK_[A-Z0-9_]+)", NULL, "netlink",
	  "sockets of %s" },
	{ "proc_create(_single|_seq|_data)?[(]\"([a-z0-9_]+)\",[^,]*,[ \t]*NULL", "", "proc",
	  "/proc/%s" },
	/* fs/proc/base.c; other files have other macros of these names. */
	{ "^[ \t]+(REG|ONE|DIR|LNK)[(]\"([a-z0-9_]+)\"", "self/", "proc", "/proc/self/%s" },
	{ "[.]load_binary[ \t]*=[ \t]*load_([a-z_]+)", "", "binfmt", "programs of load_%s()" },
	{ "proc_create_net[a-z_]*[(]\"([a-z0-9_]+)\"", "net/", "proc", "/proc/net/%s" },
	{ "device_create[(][^;]*\"([a-z0-9_]+%?)", "", "device", "/dev/%s" },
	{ "dev_set_name[(][^\"]*\"([a-z0-9_]+%?)d?\"", "", "device", "/dev/%s" },
	{ "sprintf[(].*->disk_name,[ \t]*\"([a-z]+%)", "", "device", "/dev/%s" },
	/* drivers/char/mem.c */
	{ "^[ \t]+[[][A-Z0-9_]+[]][ \t]*=[ \t]*[{][ \t]*\"([a-z]+)\",[ \t]*&[a-z]+_fops", "",
	  "device", "/dev/%s" },
};

static void read_registration(const char *line, const char *file)
{
	static regex_t re[sizeof(registrations) / sizeof(*registrations)];
	static bool ready;
	const struct registration *r;
	char key[128], *name;
	regmatch_t m[3];

	for (size_t i = 0; i < sizeof(registrations) / sizeof(*registrations); i++) {
		r = &registrations[i];
		if (!ready)
			re[i] = compiled(r->pattern);
		if (regexec(&re[i], line, 3, m, 0))
			continue;
		if (!strcmp(r->prefix ?: "", "self/") && strcmp(file, "fs/proc/base.c"))
			continue;
		name = part(line, m[m[2].rm_so < 0 ? 1 : 2]);
		/* A number comes there. */
		if (name[strlen(name) - 1] == '%')
			name[strlen(name) - 1] = '#';
		snprintf(key, sizeof(key), "%s%s", r->prefix ?: "", name);
		if (r->prefix)
			found(r->kind, key, r->title, name, file);
		else
			found_number(r->kind, r->title, name, file);
	}
	ready = true;
}

/*
 * A request over rtnetlink, registered by a function, and in newer kernels by a table. Of
 * the four that belong together, NEW is the first.
 */
static void read_request(const char *line, const char *file)
{
	regmatch_t m[3];
	char name[64];

	if (!matches(line, "RTM_(NEW|DEL|GET|SET)([A-Z]+)", m))
		return;
	snprintf(name, sizeof(name), "RTM_NEW%s", part(line, m[2]));
	found_number("rtnetlink", "requests like %s", name, file);
}

/* Cases of a switch: the files, the prefix of their names, and for sockets the level */
static const struct cases {
	const char *file, *prefix, *kind, *title;
	int level;
} cases[] = {
	{ "net/core/sock.c", "SO_", "sockopt", "the socket option %s", 1 },
	{ "net/ipv4/tcp.c", "TCP_", "sockopt", "the socket option %s", 6 },
	{ "net/ipv4/udp.c", "UDP_", "sockopt", "the socket option %s", 17 },
	{ "net/ipv4/ip_sockglue.c", "IP_", "sockopt", "the socket option %s", 0 },
	{ "net/ipv6/ipv6_sockglue.c", "IPV6_", "sockopt", "the socket option %s", 41 },
	{ "mm/madvise.c", "MADV_", "madvise", "madvise(%s)", -1 },
	{ "kernel/sys.c", "PR_", "prctl", "prctl(%s)", -1 },
	{ "net/socket.c", "SIOC", "ioctl", "ioctl(%s)", -1 },
	{ "net/ipv4/af_inet.c", "SIOC", "ioctl", "ioctl(%s)", -1 },
	{ "net/ipv6/af_inet6.c", "SIOC", "ioctl", "ioctl(%s)", -1 },
	{ "net/core/dev_ioctl.c", "SIOC", "ioctl", "ioctl(%s)", -1 },
	{ "drivers/tty/tty_ioctl.c", "T", "ioctl", "ioctl(%s)", -1 },
	{ "drivers/tty/tty_io.c", "T", "ioctl", "ioctl(%s)", -1 },
	{ "fs/ioctl.c", "F", "ioctl", "ioctl(%s)", -1 },
	{ "block/ioctl.c", "BLK", "ioctl", "ioctl(%s)", -1 },
};

/* What is asked for has to pass each switch of the file, so the strictest one counts. */
static void keep_strictest(void)
{
	struct thing *t, *last = things;

	for (t = last->next; t; t = t->next) {
		if (strcmp(t->kind, last->kind) || strcmp(t->key, last->key) ||
		    strcmp(t->file, last->file))
			continue;
		if (strlen(last->options) > strlen(t->options))
			t->options = last->options;
		things = last->next;
		return;
	}
}

static void read_case(const char *line, const char *file)
{
	struct thing *before;
	const char *name;
	regmatch_t m[2];
	char key[64];
	long n;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (strcmp(cases[i].file, file) || !matches(line, "^[ \t]+case ([A-Z0-9_]+):", m))
			continue;
		name = part(line, m[1]);
		n = number(name, 0);
		if (n < 0 || strncmp(name, cases[i].prefix, strlen(cases[i].prefix)))
			continue;
		snprintf(key, sizeof(key), "%ld", n);
		if (cases[i].level >= 0)
			snprintf(key, sizeof(key), "%d %ld", cases[i].level, n);
		before = things;
		found(cases[i].kind, key, cases[i].title, name, file);
		if (things != before)
			keep_strictest();
	}
}

/* Calls by which a part of the kernel takes over ioctls that net/socket.c knows */
static struct hook {
	const char *call, *names[2];
	char *options;
} hooks[] = {
	{ "\tbrioctl_set(", { "SIOCBRADDBR", "SIOCBRDELBR" } },
	{ "\tvlan_ioctl_set(", { "SIOCGIFVLAN", "SIOCSIFVLAN" } },
};

static void read_hook(const char *line, const char *file)
{
	for (size_t i = 0; i < sizeof(hooks) / sizeof(*hooks); i++)
		if (!strncmp(line, hooks[i].call, strlen(hooks[i].call)) && conditions(true))
			hooks[i].options = options_of(file, conditions(true));
}

static void apply_hooks(void)
{
	struct thing *t;
	char key[32];

	for (size_t i = 0; i < sizeof(hooks) / sizeof(*hooks); i++) {
		for (size_t j = 0; j < 2 && hooks[i].options; j++) {
			snprintf(key, sizeof(key), "%ld", number(hooks[i].names[j], 0));
			for (t = things; t; t = t->next)
				if (!strcmp(t->kind, "ioctl") && !strcmp(t->key, key))
					t->options = hooks[i].options;
		}
	}
}

/* Is there anything in a file that could be found? */
static bool worth_it(const char *file, const char *text)
{
	static const char *const words[] = {
		"struct file_system_type", "struct net_proto_family", "struct inet_protosw",
		"struct rtnl_link_ops", "struct genl_family", "rtnl_register", ".msgtype",
		"struct tcp_congestion_ops", "struct tcp_ulp_ops",
		"struct miscdevice", "struct uart_driver", "struct nf_sockopt_ops",
		"netlink_kernel_create(", "proc_create", "device_create(", "dev_set_name(",
		"->disk_name", "[DEVMEM_MINOR]", "struct proc_ns_operations",
		"brioctl_set(", "vlan_ioctl_set(", ".load_binary",
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strstr(text, words[i]))
			return true;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (!strcmp(cases[i].file, file))
			return true;
	return !strcmp(file, "fs/proc/base.c");
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	char *text, *line, *rest, *structure = NULL, *family = "", *member, key[64];
	size_t length = strlen(path);
	regmatch_t m[3];

	if (type != FTW_F || length < 2 || strcmp(path + length - 2, ".c"))
		return 0;
	text = read_whole(path, st->st_size);
	if (!worth_it(path, text)) {
		free(text);
		return 0;
	}
	follow_start();
	of_file = NULL;
	for (rest = text; (line = strsep(&rest, "\n")); ) {
		follow(path, line);
		if (*line == '#' &&
		    matches(line, "^#[ \t]*define[ \t]+([A-Za-z0-9_]+)[ \t]+(\".*\")", m))
			add_define(&of_file, part(line, m[1]), part(line, m[2]));
		if (strstr(line, "struct ") && matches(line, STRUCTURE, m))
			structure = part(line, m[1]);
		else if (*line == '}')
			structure = NULL;
		if (structure && strchr(line, '.') && matches(line, MEMBER, m)) {
			member = part(line, m[1]);
			if (!strcmp(member, "pf"))
				family = part(line, m[2]);
			if (!strcmp(structure, "proc_ns_operations") && !strcmp(member, "name") &&
			    string(part(line, m[2]))) {
				snprintf(key, sizeof(key), "self/ns/%s", string(part(line, m[2])));
				found("proc", key, "/proc/%s", key, path);
			}
			read_member(structure, family, member, part(line, m[2]), path);
		}
		if (strchr(line, '"') || strstr(line, "NETLINK_") || strstr(line, "load_"))
			read_registration(line, path);
		if (strstr(line, "rtnl_register") || strstr(line, ".msgtype"))
			read_request(line, path);
		if (strstr(line, "case "))
			read_case(line, path);
		if (strstr(line, "ioctl_set("))
			read_hook(line, path);
	}
	free(text);
	return 0;
}

/* Where an option is off, a header has inline functions that refuse. */
static void read_namespace(char *line)
{
	const char *option;
	regmatch_t m[2];
	char key[32], *name;

	line[strcspn(line, "\n")] = '\0';
	follow("", line);
	option = only_without();
	if (!option || !*option || !matches(line, "& (CLONE_NEW[A-Z]+)", m))
		return;
	name = part(line, m[1]);
	snprintf(key, sizeof(key), "%ld", number(name, 0));
	if (find_thing("namespace", key))
		return;
	add_thing("namespace", key, name, "", option);
}

static void read_namespaces(const char *file)
{
	follow_start();
	each_line(file, read_namespace);
}

/* An inline function that stands in for another one where an option is off, and its error */
static struct stub {
	char *name, *error;
	const char *option;
	struct stub *next;
} *stubs;

static void read_stub(char *line)
{
	static char *name;
	struct stub *stub;
	regmatch_t m[2];

	line[strcspn(line, "\n")] = '\0';
	follow("", line);
	if (matches(line, "^static inline [a-z ]+[ *]([a-z0-9_]+)[(]", m))
		name = part(line, m[1]);
	if (!name || !only_without() || !*only_without() ||
	    !matches(line, "^\treturn -(E[A-Z]+);", m))
		return;
	stub = check_memory(malloc(sizeof(*stub)));
	*stub = (struct stub){ name, part(line, m[1]), only_without(), stubs };
	stubs = stub;
	name = NULL;
}

static void read_stubs(const char *file)
{
	follow_start();
	each_line(file, read_stub);
}

/* Functions that do what a number asks for, by calling one that may be a stub */
static const struct multiplexer {
	const char *file, *start, *prefix, *kind, *title;
} multiplexers[] = {
	{ "fs/fcntl.c", "static long do_fcntl(", "F_", "fcntl", "fcntl(%s)" },
	{ "kernel/sys.c", "SYSCALL_DEFINE5(prctl", "PR_", "prctl", "prctl(%s)" },
};

static const struct multiplexer *multiplexer;

/* Where a stub stands, the number fails, whatever is around the place itself. */
static void found_stub(const struct stub *s, const char *name)
{
	/* The locks of fcntl() fail otherwise. */
	const char *kind = strcmp(s->error, "EACCES") ? multiplexer->kind : "lock";
	char key[32], title[128];
	struct thing *t;

	snprintf(key, sizeof(key), "%ld", number(name, 0));
	snprintf(title, sizeof(title), multiplexer->title, name);
	t = find_thing(kind, key);
	if (!t)
		add_thing(kind, key, title, "", s->option);
	else
		t->options = check_memory(strdup(s->option));
}

static void read_command(char *line)
{
	static char *names[16];
	static bool inside;
	static int n;
	struct stub *s;
	regmatch_t m[3];

	line[strcspn(line, "\n")] = '\0';
	if (!strncmp(line, multiplexer->start, strlen(multiplexer->start)))
		inside = true;
	if (*line == '}')
		inside = false;
	if (!inside)
		return;
	if (matches(line, "^\tcase ([A-Z_0-9]+):", m) && n < 16 &&
	    !strncmp(part(line, m[1]), multiplexer->prefix, strlen(multiplexer->prefix)))
		names[n++] = part(line, m[1]);
	if (!strcmp(line, "\t\tbreak;"))
		n = 0;
	if (!matches(line, "^\t\terr(or)? = ([a-z0-9_]+)[(]", m))
		return;
	for (s = stubs; s && strcmp(s->name, part(line, m[2])); s = s->next)
		;
	while (n > 0) {
		n--;
		if (s)
			found_stub(s, names[n]);
	}
}

static void read_call(char *line)
{
	regmatch_t m[4];
	char *title;

	if (!matches(line, "^([0-9]+)[ \t]+(common|64)[ \t]+([a-z0-9_]+)", m))
		return;
	if (asprintf(&title, "%s()", part(line, m[3])) < 0)
		fail("cannot store", line);
	add_thing("call", part(line, m[1]), title, "", "?");
}

static void read_tree(void)
{
	struct call *call;
	struct thing *t;
	char key[16];
	int count;

	call = find_calls(&count);
	each_line("arch/x86/entry/syscalls/syscall_64.tbl", read_call);
	for (; count; count--, call++) {
		snprintf(key, sizeof(key), "%d", call->number);
		for (t = things; t; t = t->next)
			if (!strcmp(t->key, key) && *call->options)
				t->options = call->options;
	}
	each_file("include/uapi/asm-generic/*.h", read_header);
	each_file("include/uapi/linux/*.h", read_header);
	each_file("include/uapi/linux/netfilter*/*.h", read_header);
	each_file("include/linux/socket.h", read_header);
	each_source(visit);
	apply_hooks();
	each_file("include/linux/*_namespace.h", read_namespaces);
	each_file("include/linux/utsname.h", read_namespaces);
	each_file("include/net/net_namespace.h", read_namespaces);
	each_file("include/linux/filelock.h", read_stubs);
	each_file("include/linux/dnotify.h", read_stubs);
	each_file("include/linux/memfd.h", read_stubs);
	each_file("include/linux/seccomp.h", read_stubs);
	for (size_t i = 0; i < sizeof(multiplexers) / sizeof(*multiplexers); i++) {
		multiplexer = &multiplexers[i];
		each_line(multiplexer->file, read_command);
	}
	for (t = things; t; t = t->next)
		if (*t->file)
			t->options = options_around(t->file, t->options);
}

static struct fragment *fragments;
static int nr_fragments;

/* A list of words without doubles */
static void add_word(char **list, const char *separator, const char *word)
{
	size_t length = strlen(word);
	char *more;

	for (more = *list ?: ""; (more = strstr(more, word)); more += length)
		if (!more[length] || strchr(" ,;", more[length]))
			return;
	if (asprintf(&more, "%s%s%s", *list ?: "", *list ? separator : "", word) < 0)
		fail("cannot store", word);
	*list = more;
}

static const char *fragment_with(const char *option)
{
	const struct request *r;

	for (int i = 0; i < nr_fragments; i++) {
		r = find_request(&fragments[i], option, NULL);
		if (r && !strcmp(r->value, "y"))
			return fragments[i].file;
	}
	return NULL;
}

static bool selects(struct symbol *by, struct symbol *sym)
{
	struct property *p;

	for (p = by->prop; p; p = p->next)
		if (p->type == P_SELECT && p->expr->type == E_SYMBOL && p->expr->left.sym == sym)
			return true;
	return false;
}

static void name_option(char **list, const char *separator, struct symbol *sym)
{
	const char *file = fragment_with(sym->name);
	char *text;

	if (file)
		file = strstr(file, "kconfig-profiles/") ?: file;

	if ((file ? asprintf(&text, "CONFIG_%s (%s)", sym->name, file) :
		    asprintf(&text, "CONFIG_%s", sym->name)) < 0)
		fail("cannot store", sym->name);
	add_word(list, separator, text);
}

/* Nobody can choose it, but others that bring it. */
static void name_selectors(char **list, struct symbol *sym)
{
	struct menu *menu;
	char *which = NULL;
	int shown = 0, more = 0;

	menu_for_each_entry(menu) {
		if (!menu->sym || !menu->sym->name || !menu->prompt || !selects(menu->sym, sym))
			continue;
		if (shown++ < MAX_SHOWN)
			name_option(&which, ", ", menu->sym);
		else
			more++;
	}
	if (!which)
		return;
	if (shown > 1 && asprintf(&which, "one of %s%s", which, more ? " and others" : "") < 0)
		fail("cannot store", sym->name);
	add_word(list, " and ", which);
}

static void name_unmet(char **list, struct expr *e, int depth);

static void name_missing(char **list, struct symbol *sym, int depth)
{
	if (has_prompt(sym))
		name_option(list, " and ", sym);
	else
		name_selectors(list, sym);
	if (sym->dir_dep.expr && depth < 4)
		name_unmet(list, sym->dir_dep.expr, depth + 1);
}

/* What a dependency needs; of alternatives, the first that can be had. */
static void name_unmet(char **list, struct expr *e, int depth)
{
	if (expr_calc_value(e) != no)
		return;
	switch (e->type) {
	case E_AND:
		name_unmet(list, e->left.expr, depth);
		name_unmet(list, e->right.expr, depth);
		break;
	case E_OR:
		name_unmet(list, e->left.expr, depth);
		break;
	case E_SYMBOL:
		if (e->left.sym->name)
			name_missing(list, e->left.sym, depth);
		break;
	default:
		break;
	}
}

/* One of the options that a Makefile has for the same object, or the option */
static struct symbol *first_choice(char *words)
{
	struct symbol *sym = NULL, *other;
	char *word;

	while ((word = strsep(&words, "/"))) {
		other = *word ? sym_find(word) : NULL;
		if (other && (!sym || strcmp(value_of(other), "n")))
			sym = other;
	}
	return sym;
}

/* How to get something that this place has: "-" if the kernel has it, NULL if one cannot. */
static char *way(const struct thing *t)
{
	char *words = check_memory(strdup(t->options)), *word, *list = NULL;
	struct symbol *off[16];
	int n = 0, i, j;

	if (!strcmp(words, "?"))
		return NULL;
	while ((word = strsep(&words, "+")) && n < 16) {
		off[n] = first_choice(word);
		if (off[n] && !strcmp(value_of(off[n]), "n"))
			n++;
	}
	for (i = 0; i < n; i++)
		if (has_prompt(off[i]))
			name_missing(&list, off[i], 0);
	for (i = 0; i < n; i++) {
		for (j = 0; j < n && !(has_prompt(off[j]) && selects(off[j], off[i])); j++)
			;
		if (!has_prompt(off[i]) && j == n)
			name_missing(&list, off[i], 0);
	}
	return n ? list : "-";
}

static int by_key(const void *a, const void *b)
{
	const struct thing *x = *(struct thing *const *)a, *y = *(struct thing *const *)b;

	return strcmp(x->kind, y->kind) ?: strcmp(x->key, y->key) ?:
	       (int)strlen(x->options) - (int)strlen(y->options);
}

int main(int argc, char **argv)
{
	struct thing **all, *t;
	size_t n = 0, i, j;
	char *list, *one;

	start(argc, argv, 2, "CONFIG FRAGMENT...");
	fragments = check_memory(calloc(argc, sizeof(*fragments)));
	for (argv += 2; *argv; argv++)
		read_fragment(&fragments[nr_fragments++], *argv);
	read_tree();
	for (t = things; t; t = t->next)
		n++;
	all = check_memory(calloc(n, sizeof(*all)));
	for (t = things, i = 0; t; t = t->next)
		all[i++] = t;
	qsort(all, n, sizeof(*all), by_key);
	for (i = 0; i < n; i = j) {
		list = NULL;
		for (j = i; j < n && !strcmp(all[i]->kind, all[j]->kind) &&
		     !strcmp(all[i]->key, all[j]->key); j++) {
			one = way(all[j]);
			if (one && !strcmp(one, "-"))
				list = one;
			else if (one && !(list && !strcmp(list, "-")))
				add_word(&list, "; or ", one);
		}
		printf("%s %s\t%s\t%s\n", all[i]->kind, all[i]->key, all[i]->title, list ?: "?");
	}
	return 0;
}
