// SPDX-License-Identifier: GPL-2.0
/*
 * The grammar of manifests, and its only parser.
 *
 * A line is a key, a blank and a value that runs to the end of the line; blanks before
 * the key do not count. An empty line, and one that begins with #, is a comment. In a
 * value, \n stands for a newline, \\ for a backslash and \OOO (three octal digits,
 * 001 to 377) for any byte but NUL, which no value can have; any other backslash is an
 * error. The values of entrypoint, cmd, shell, env, workdir and oci are free text;
 * those of all other keys are words between blanks, and \040 is a blank in a word. All
 * but the first word of sysctl is text again.
 *
 * Keys that are not repeated may stand twice: the last one counts. The table below has
 * each key's name, syntax, type and the sources that may have it. Numbers are decimal,
 * without sign, unit or leading zero, so that nobody takes 08 for octal; modes are octal.
 *
 * A type is a function that looks at the words of a value and returns what is wanted
 * instead, or NULL. Values are read nowhere else, so a value that is in a struct manifest
 * is one that has been checked.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "manifest.h"
#include "shared.h"

#define STR2(x)		#x
#define STR(x)		STR2(x)

#define MAX_MIB		4194304		/* 4 TiB */
#define MAX_PORT	65535
#define MAX_SECONDS	86400
#define MAX_ID		4294967294	/* the last one means "leave it" to chown() */
#define MAX_PATH	4095
#define MAX_HOSTNAME	64		/* __NEW_UTS_LEN */
#define MAX_ACCOUNT	32
#define MAX_OPTIONS	4000		/* mount() takes a page */
#define MAX_QUOTED	160

#define DIGITS		"0123456789"
#define LETTERS		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

/* Decimal, and nothing but that. */
static bool number(const char *s, unsigned long long min, unsigned long long max,
		   unsigned long long *n)
{
	unsigned long long v = 0;
	size_t i, len = strlen(s);

	if (!len || len > 19 || (s[0] == '0' && len > 1))
		return false;
	for (i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (s[i] - '0');
	}
	if (v < min || v > max)
		return false;
	*n = v;
	return true;
}

static bool all_of(const char *s, const char *set)
{
	return *s && !s[strspn(s, set)];
}

static bool has_controls(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return true;
	return false;
}

static bool absolute(const char *path)
{
	return *path == '/' && strlen(path) <= MAX_PATH;
}

static bool octal_mode(const char *s, unsigned long long *mode)
{
	if (strlen(s) > 5 || !all_of(s, "01234567"))
		return false;
	*mode = strtoul(s, NULL, 8);
	return *mode <= 07777;
}

/* A name or a number of a user or group. */
static bool id(const char *s, size_t len)
{
	char copy[16];
	unsigned long long n;

	if (!len || len > 255)
		return false;
	if (strspn(s, DIGITS) < len)
		return true;
	/* 007 is a number here: what container engines accept stays accepted. */
	while (len > 1 && *s == '0') {
		s++;
		len--;
	}
	if (len >= sizeof(copy))
		return false;
	memcpy(copy, s, len);
	copy[len] = '\0';
	return number(copy, 0, MAX_ID, &n);
}

#define WANT_USER	"want USER or USER:GROUP, names or numbers from 0 to " STR(MAX_ID)

static bool is_user(const char *s)
{
	size_t len = strcspn(s, ":");

	if (has_controls(s) || strchr(s, ' '))
		return false;
	if (!s[len])
		return id(s, len);
	/* As container engines have it, "5:" is user 5 in its own group. */
	return id(s, len) && !strchr(s + len + 1, ':') &&
	       (!s[len + 1] || id(s + len + 1, strlen(s + len + 1)));
}

static const char *type_number(struct manifest_value *v, unsigned long long min,
			       unsigned long long max, const char *want)
{
	return v->nr == 1 && number(v->word[0], min, max, &v->number[0]) ? NULL : want;
}

static const char *type_memory(struct manifest_value *v)
{
	return type_number(v, 1, MAX_MIB, "want MiB, a number from 1 to " STR(MAX_MIB)
			   " without unit or leading zero");
}

static const char *type_space(struct manifest_value *v)
{
	return type_number(v, 0, MAX_MIB, "want MiB, a number from 0 to " STR(MAX_MIB)
			   " without unit or leading zero");
}

static const char *type_port(struct manifest_value *v)
{
	return type_number(v, 1, MAX_PORT, "want a TCP port, a number from 1 to " STR(MAX_PORT));
}

static const char *type_seconds(struct manifest_value *v)
{
	return type_number(v, 1, MAX_SECONDS, "want seconds, a number from 1 to " STR(MAX_SECONDS));
}

static const char *type_yes_no(struct manifest_value *v)
{
	if (v->nr != 1 || (strcmp(v->word[0], "yes") && strcmp(v->word[0], "no")))
		return "want yes or no";
	v->number[0] = !strcmp(v->word[0], "yes");
	return NULL;
}

/* An argument may be empty. */
static const char *type_argument(struct manifest_value *v)
{
	(void)v;
	return NULL;
}

static const char *type_text(struct manifest_value *v)
{
	return *v->word[0] ? NULL : "has no value";
}

static const char *type_env(struct manifest_value *v)
{
	const char *s = v->word[0];

	return *s != '=' && strchr(s, '=') ? NULL : "is not NAME=VALUE";
}

static const char *type_path(struct manifest_value *v)
{
	return absolute(v->word[0]) ? NULL : "is not an absolute path of at most "
		STR(MAX_PATH) " bytes";
}

static const char *type_user(struct manifest_value *v)
{
	return v->nr == 1 && is_user(v->word[0]) ? NULL : WANT_USER;
}

static const char *type_hostname(struct manifest_value *v)
{
	const char *s = v->nr == 1 ? v->word[0] : "";
	size_t len = strlen(s), i;

	if (len > MAX_HOSTNAME || !all_of(s, LETTERS DIGITS "._-"))
		len = 0;
	for (i = 0; i < len; i++) {
		bool first = !i || s[i - 1] == '.', last = i == len - 1 || s[i + 1] == '.';

		if ((s[i] == '-' && (first || last)) || (s[i] == '.' && (first || i == len - 1)))
			len = 0;
	}
	return len ? NULL : "want a host name: 1 to " STR(MAX_HOSTNAME)
		" letters, digits, - and _, in parts between dots that - neither begins nor ends";
}

static int signal_number(const char *name)
{
	unsigned long long n;
	const char *abbrev;
	int i;

	if (number(name, 1, NSIG - 1, &n))
		return n;
	if (!strncmp(name, "SIG", 3))
		name += 3;
	if (!strcmp(name, "RTMIN"))
		return SIGRTMIN;
	if (!strcmp(name, "RTMAX"))
		return SIGRTMAX;
	if (!strncmp(name, "RTMIN+", 6))
		return number(name + 6, 0, SIGRTMAX - SIGRTMIN, &n) ? SIGRTMIN + (int)n : -1;
	if (!strncmp(name, "RTMAX-", 6))
		return number(name + 6, 0, SIGRTMAX - SIGRTMIN, &n) ? SIGRTMAX - (int)n : -1;
	for (i = 1; i < NSIG; i++) {
		abbrev = sigabbrev_np(i);
		if (abbrev && !strcmp(abbrev, name))
			return i;
	}
	return -1;
}

static const char *type_signal(struct manifest_value *v)
{
	int n = v->nr == 1 ? signal_number(v->word[0]) : -1;

	v->number[0] = n;
	return n > 0 ? NULL : "is not a signal: want a name as SIGTERM or a number from 1 to 64";
}

static const struct {
	const char *name;
	int resource;
} limits[] = {
	{ "as", RLIMIT_AS }, { "core", RLIMIT_CORE }, { "cpu", RLIMIT_CPU },
	{ "data", RLIMIT_DATA }, { "fsize", RLIMIT_FSIZE },
	{ "memlock", RLIMIT_MEMLOCK }, { "msgqueue", RLIMIT_MSGQUEUE },
	{ "nice", RLIMIT_NICE }, { "nofile", RLIMIT_NOFILE },
	{ "nproc", RLIMIT_NPROC }, { "rss", RLIMIT_RSS },
	{ "rtprio", RLIMIT_RTPRIO }, { "sigpending", RLIMIT_SIGPENDING },
	{ "stack", RLIMIT_STACK },
};

#define WANT_LIMIT	"is no limit: want one of as, core, cpu, data, fsize, memlock, " \
			"msgqueue, nice, nofile, nproc, rss, rtprio, sigpending, stack"
#define WANT_NUMBERS	"is not a number: want SOFT or SOFT:HARD, " \
			"each from 0 to 2^63-1 or unlimited"

static bool limit_number(const char *s, size_t len, unsigned long long *n)
{
	char copy[20];

	if (len == 9 && !memcmp(s, "unlimited", 9)) {
		*n = RLIM_INFINITY;
		return true;
	}
	if (!len || len >= sizeof(copy))
		return false;
	memcpy(copy, s, len);
	copy[len] = '\0';
	return number(copy, 0, INT64_MAX, n);
}

static const char *type_limit(struct manifest_value *v)
{
	const char *s, *hard;
	size_t i;

	if (v->nr != 2)
		return "want NAME SOFT or NAME SOFT:HARD";
	for (i = 0; i < ARRAY_SIZE(limits); i++)
		if (!strcmp(v->word[0], limits[i].name))
			break;
	if (i == ARRAY_SIZE(limits))
		return WANT_LIMIT;
	v->number[0] = limits[i].resource;
	s = v->word[1];
	hard = strchr(s, ':');
	if (!limit_number(s, strcspn(s, ":"), &v->number[1]))
		return WANT_NUMBERS;
	v->number[2] = v->number[1];
	if (hard && !limit_number(hard + 1, strlen(hard + 1), &v->number[2]))
		return WANT_NUMBERS;
	return v->number[1] <= v->number[2] ? NULL : "has a soft limit above the hard one";
}

static const char *type_mkdir(struct manifest_value *v)
{
	v->number[0] = MANIFEST_NO_MODE;
	if (v->nr < 1 || v->nr > 3 || !absolute(v->word[0]))
		return "want DIR [MODE [USER[:GROUP]]], DIR absolute; \\040 is a blank in it";
	if (v->nr > 1 && !octal_mode(v->word[1], &v->number[0]))
		return "wants an octal mode from 0 to 7777 there (\\040 is a blank in a name)";
	if (v->nr > 2 && !is_user(v->word[2]))
		return WANT_USER;
	return NULL;
}

static const char *type_mount(struct manifest_value *v)
{
	if (v->nr < 3 || v->nr > 4 || !absolute(v->word[2]))
		return "want TYPE SOURCE DIR [OPTIONS], DIR absolute; \\040 is a blank in it";
	if (!all_of(v->word[0], LETTERS DIGITS "._-"))
		return "wants the name of a file system first, as ext2 or tmpfs";
	if (v->nr > 3 && strlen(v->word[3]) > MAX_OPTIONS)
		return "has more than " STR(MAX_OPTIONS) " bytes of options";
	return NULL;
}

static const char *type_sysctl(struct manifest_value *v)
{
	const char *name = v->word[0];

	if (v->nr != 2 || !*v->word[1])
		return "want NAME VALUE, as vm.overcommit_memory 1";
	if (!all_of(name, LETTERS DIGITS "._/-") || *name == '/' || *name == '.' ||
	    strstr(name, "..") || strlen(name) > 255)
		return "wants the name of a setting first, as vm.overcommit_memory";
	return NULL;
}

bool manifest_option_known(const char *name)
{
	static const char *const names[] = {
#define LUPINE_CALL(name, ...)		name,
#define LUPINE_FAMILY(name, ...)	name,
#define LUPINE_FILE_SYSTEM(name, ...)	name,
#include "options.h"
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static const char *type_need(struct manifest_value *v)
{
	return v->nr == 1 && manifest_option_known(v->word[0]) ? NULL :
		"is not an option that init can test: want a name without CONFIG_, as EPOLL";
}

/* As scripts/kconfig/failures prints them; a key may have two numbers. */
static const char *type_lack(struct manifest_value *v)
{
	static const char *const named[] = { "fs", "device", "binfmt" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(named) && v->nr == 2; i++)
		if (!strcmp(v->word[0], named[i]))
			return all_of(v->word[1], LETTERS DIGITS "._-") && strlen(v->word[1]) < 64 ?
				NULL : "wants a name there, as proc";
	if (v->nr < 2 || v->nr > 3 || !all_of(v->word[0], LETTERS))
		return "want KIND KEY, as scripts/kconfig/failures prints them";
	for (i = 1; i < v->nr; i++)
		if (!number(v->word[i], 0, UINT32_MAX - 1, &v->number[i - 1]))
			return "wants a number there";
	return NULL;
}

static bool ipv4(const char *s, size_t len, unsigned long long *n)
{
	char copy[16];
	struct in_addr in;

	if (len >= sizeof(copy))
		return false;
	memcpy(copy, s, len);
	copy[len] = '\0';
	/* Unlike inet_aton(), it takes four decimal numbers and nothing else. */
	if (inet_pton(AF_INET, copy, &in) != 1)
		return false;
	*n = in.s_addr;
	return true;
}

static const char *type_ipv4(struct manifest_value *v)
{
	return v->nr == 1 && ipv4(v->word[0], strlen(v->word[0]), &v->number[0]) ? NULL :
		"want A.B.C.D, each from 0 to 255";
}

static const char *type_address(struct manifest_value *v)
{
	const char *s = v->nr == 1 ? v->word[0] : "", *bits = strchr(s, '/');

	return bits && ipv4(s, bits - s, &v->number[0]) && number(bits + 1, 1, 32, &v->number[1]) ?
		NULL : "want A.B.C.D/BITS, each from 0 to 255, BITS from 1 to 32";
}

/* They become arguments of programs of the host. */
static const char *type_oci(struct manifest_value *v)
{
	const char *s = v->word[0];

	return *s && *s != '-' && !has_controls(s) && strlen(s) <= MAX_PATH ? NULL :
		"want the name of a container image: printable, not beginning with -";
}

static const char *type_packages(struct manifest_value *v)
{
	size_t i;

	for (i = 0; i < v->nr; i++)
		if (!all_of(v->word[i], LETTERS DIGITS "+.:~=/-") ||
		    !strchr(LETTERS DIGITS, *v->word[i]))
			return "want names of Debian packages between blanks";
	return v->nr ? NULL : "want names of Debian packages between blanks";
}

static const char *type_remove(struct manifest_value *v)
{
	size_t i;

	for (i = 0; i < v->nr; i++)
		if (!absolute(v->word[i]) || path_climbs(v->word[i]) || has_controls(v->word[i]))
			return "want absolute paths without .. (\\040 is a blank in one)";
	return v->nr ? NULL : "want absolute paths between blanks";
}

static const char *type_account(struct manifest_value *v)
{
	const char *name = v->nr ? v->word[0] : "";

	if (v->nr < 1 || v->nr > 2 || strlen(name) > MAX_ACCOUNT ||
	    !all_of(name, LETTERS DIGITS "_.-") || !strchr(LETTERS "_", *name))
		return "want NAME [HOME], NAME of at most " STR(MAX_ACCOUNT)
			" letters, digits, _, - and ., a letter or _ first";
	if (v->nr > 1 && (!absolute(v->word[1]) || strchr(v->word[1], ':') ||
			  has_controls(v->word[1])))
		return "wants an absolute path without colons for HOME";
	return NULL;
}

/* Where a file of the host is to go in the image: it ends in the file's name. */
static bool destination(const char *path)
{
	const char *name = strrchr(path, '/');

	return absolute(path) && !path_climbs(path) && name[1] && strcmp(name, "/.");
}

static const char *type_file(struct manifest_value *v)
{
	v->number[0] = MANIFEST_NO_MODE;
	if (v->nr < 2 || v->nr > 3 || !destination(v->word[1]))
		return "want SRC DEST [MODE], DEST absolute without .. (\\040 is a blank)";
	if (v->nr > 2 && !octal_mode(v->word[2], &v->number[0]))
		return "wants an octal mode from 0 to 7777 at the end";
	return NULL;
}

static const char *type_program(struct manifest_value *v)
{
	return v->nr == 2 && *v->word[0] != '-' && destination(v->word[1]) ? NULL :
		"want SRC.c DEST, DEST absolute without .. (\\040 is a blank)";
}

enum shape {
	TEXT,		/* all behind one blank */
	ALIGNED,	/* the same, where any number of blanks may come before it */
	WORDS,
	NAME_TEXT,	/* a word, then text */
};

#define ANYWHERE	(IN_MANIFEST | IN_LABEL | IN_INIT)

/* Order and number as in enum manifest_key. */
static const struct {
	struct manifest_key_info info;
	enum shape shape;
	const char *(*type)(struct manifest_value *v);
} keys[] = {
	[KEY_OCI] = { { "oci", "REFERENCE", "container image to start from",
			IN_MANIFEST, false }, ALIGNED, type_oci },
	[KEY_PACKAGES] = { { "packages", "NAME...", "Debian packages, with what they depend on",
			IN_MANIFEST, true }, WORDS, type_packages },
	[KEY_REMOVE] = { { "remove", "PATTERN...", "files of those packages to leave out",
			IN_MANIFEST, true }, WORDS, type_remove },
	[KEY_ACCOUNT] = { { "account", "NAME [HOME]", "system user and group to add",
			IN_MANIFEST | IN_LABEL, true }, WORDS, type_account },
	[KEY_PROGRAM] = { { "program", "SRC.c DEST",
			"C program beside the manifest, linked statically",
			IN_MANIFEST, true }, WORDS, type_program },
	[KEY_FILE] = { { "file", "SRC DEST [MODE]", "file beside the manifest",
			IN_MANIFEST, true }, WORDS, type_file },
	[KEY_BUSYBOX] = { { "busybox", "yes|no", "make links for all of busybox's commands",
			IN_MANIFEST, false }, WORDS, type_yes_no },
	[KEY_SPACE] = { { "space", "MiB", "free room in the file system (default 32)",
			IN_MANIFEST | IN_LABEL, false }, WORDS, type_space },
	[KEY_MEMORY] = { { "memory", "MiB", "what the guest needs",
			IN_MANIFEST | IN_LABEL, false }, WORDS, type_memory },
	[KEY_PORT] = { { "port", "N", "TCP port that the application listens on",
			IN_MANIFEST | IN_LABEL, true }, WORDS, type_port },
	[KEY_READY] = { { "ready", "SECONDS", "that it may take to answer, where 60 are not enough",
			IN_MANIFEST | IN_LABEL, false }, WORDS, type_seconds },
	[KEY_ENTRYPOINT] = { { "entrypoint", "WORD",
			"the program and its first arguments, one a line",
			ANYWHERE | IN_COMMAND, true }, TEXT, type_argument },
	[KEY_CMD] = { { "cmd", "WORD", "further arguments, replaced by those of lupine run",
			ANYWHERE | IN_COMMAND, true }, TEXT, type_argument },
	[KEY_SHELL] = { { "shell", "COMMAND", "instead of both: /bin/sh -c COMMAND",
			ANYWHERE, false }, TEXT, type_text },
	[KEY_ENV] = { { "env", "NAME=VALUE", "environment variable",
			ANYWHERE | IN_COMMAND, true }, TEXT, type_env },
	[KEY_WORKDIR] = { { "workdir", "DIR", "made when missing; default /",
			ANYWHERE | IN_COMMAND, false }, ALIGNED, type_path },
	[KEY_USER] = { { "user", "USER[:GROUP]", "names or numbers; default root",
			ANYWHERE | IN_COMMAND, false }, WORDS, type_user },
	[KEY_HOSTNAME] = { { "hostname", "NAME", "of the machine",
			ANYWHERE | IN_COMMAND, false }, WORDS, type_hostname },
	[KEY_STOP] = { { "stop", "SIGNAL",
			"ends the application; sent for Ctrl-C and for SIGTERM to init",
			ANYWHERE, false }, WORDS, type_signal },
	[KEY_LIMIT] = { { "limit", "NAME SOFT[:HARD]", "as in ulimit: nofile, nproc, core, ...",
			ANYWHERE, true }, WORDS, type_limit },
	[KEY_MKDIR] = { { "mkdir", "DIR [MODE [USER[:GROUP]]]", "folder to make",
			ANYWHERE, true }, WORDS, type_mkdir },
	[KEY_MOUNT] = { { "mount", "TYPE SOURCE DIR [OPTIONS]", "file system to mount",
			ANYWHERE | IN_COMMAND, true }, WORDS, type_mount },
	[KEY_SYSCTL] = { { "sysctl", "NAME VALUE", "as vm.overcommit_memory 1",
			ANYWHERE, true }, NAME_TEXT, type_sysctl },
	[KEY_NEED] = { { "need", "OPTION",
			"kernel option to insist on, without CONFIG_",
			ANYWHERE, true }, WORDS, type_need },
	[KEY_ADDRESS] = { { "address", "A.B.C.D/BITS", "of eth0, where ip= has not configured it",
			ANYWHERE, false }, WORDS, type_address },
	[KEY_GATEWAY] = { { "gateway", "A.B.C.D", "where all else goes",
			ANYWHERE, false }, WORDS, type_ipv4 },
	[KEY_NAMESERVER] = { { "nameserver", "A.B.C.D", "for /etc/resolv.conf",
			ANYWHERE, true }, WORDS, type_ipv4 },
	[KEY_DHCP] = { { "dhcp", "yes|no", "ask for an address",
			ANYWHERE, false }, WORDS, type_yes_no },
	[KEY_SNAPSHOT] = { { "snapshot", "PORT",
			"have the machine saved when this TCP port listens",
			IN_COMMAND, false }, WORDS, type_port },
	[KEY_EXEC] = { { "exec", "yes|no", "run what lupine exec wants",
			 IN_COMMAND, false }, WORDS, type_yes_no },
	[KEY_LACK] = { { "lack", "KIND KEY", "let the application miss this of the kernel",
			 IN_COMMAND, true }, WORDS, type_lack },
};

_Static_assert(ARRAY_SIZE(keys) == NR_MANIFEST_KEYS, "each key has its line");

enum manifest_key manifest_key(const char *name)
{
	unsigned int key;

	for (key = 0; key < NR_MANIFEST_KEYS; key++)
		if (!strcmp(name, keys[key].info.name))
			break;
	return key;
}

const struct manifest_key_info *manifest_key_info(enum manifest_key key)
{
	return &keys[key].info;
}

/* The length of the UTF-8 character at s, if it is one that terminals print. */
static size_t utf8(const unsigned char *s, size_t len)
{
	size_t need, i;

	if (*s >= 0xc2 && *s <= 0xdf)
		need = 2;
	else if (*s >= 0xe0 && *s <= 0xef)
		need = 3;
	else if (*s >= 0xf0 && *s <= 0xf4)
		need = 4;
	else
		return 0;
	if (need > len)
		return 0;
	for (i = 1; i < need; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* U+0080 to U+009F are control characters, too. */
	return *s == 0xc2 && s[1] < 0xa0 ? 0 : need;
}

void manifest_show(char *to, size_t size, const char *from, size_t len)
{
	const unsigned char *s = (const unsigned char *)from, *end = s + len;
	size_t at = 0, n;

	while (s < end && at + sizeof("...") + 4 < size) {
		n = *s < 0x80 ? 1 : utf8(s, end - s);
		if (*s == '\n' || *s == '\r' || *s == '\t') {
			at += sprintf(to + at, "\\%c", *s == '\n' ? 'n' : *s == '\r' ? 'r' : 't');
			n = 1;
		} else if (!n || *s < ' ' || *s == 0x7f) {
			at += sprintf(to + at, "\\%03o", *s);
			n = 1;
		} else {
			memcpy(to + at, s, n);
			at += n;
		}
		s += n;
	}
	if (s < end && at + sizeof("...") <= size) {
		memcpy(to + at, "...", 3);
		at += 3;
	}
	if (size)
		to[at] = '\0';
}

/* Where a value comes from, and where to say what is wrong with it. */
struct context {
	const char *source;
	unsigned int line;
	unsigned int where;
	char *error;
	size_t error_size;
};

__attribute__((format(printf, 2, 3)))
static int wrong(const struct context *c, const char *fmt, ...)
{
	char text[MANIFEST_ERROR_SIZE], source[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	manifest_show(source, sizeof(source), c->source, strlen(c->source));
	if (c->line)
		snprintf(c->error, c->error_size, "%s:%u: %s", source, c->line, text);
	else
		snprintf(c->error, c->error_size, "%s: %s", source, text);
	return -1;
}

static int no_memory(const struct context *c)
{
	return wrong(c, "out of memory");
}

static int wrong_value(const struct context *c, enum manifest_key key, const char *value,
		       size_t len, const char *want)
{
	char shown[MAX_QUOTED];

	manifest_show(shown, sizeof(shown), value, len);
	return wrong(c, "%s '%s': %s", keys[key].info.name, shown, want);
}

static size_t value_bytes(const struct manifest_value *v)
{
	size_t bytes = 0, i;

	for (i = 0; i < v->nr; i++)
		bytes += strlen(v->word[i]) + 1;
	return bytes;
}

static void free_value(struct manifest_value *v)
{
	size_t i;

	for (i = 0; i < v->nr; i++)
		free(v->word[i]);
	free(v->word);
}

static void free_list(struct manifest_list *l)
{
	size_t i;

	for (i = 0; i < l->nr; i++)
		free_value(&l->value[i]);
	free(l->value);
	l->value = NULL;
	l->nr = 0;
}

static void clear_key(struct manifest *m, enum manifest_key key)
{
	size_t i;

	for (i = 0; i < m->key[key].nr; i++)
		m->bytes -= value_bytes(&m->key[key].value[i]);
	m->nr_values -= m->key[key].nr;
	free_list(&m->key[key]);
}

void manifest_free(struct manifest *m)
{
	unsigned int key;

	for (key = 0; key < NR_MANIFEST_KEYS; key++)
		clear_key(m, key);
}

/* Append a copy of a word that is len bytes long. */
static char *add_word(struct manifest_value *v, const char *s, size_t len)
{
	char **word, *copy;

	word = realloc(v->word, (v->nr + 2) * sizeof(*word));
	if (!word)
		return NULL;
	v->word = word;
	copy = malloc(len + 1);
	if (!copy)
		return NULL;
	memcpy(copy, s, len);
	copy[len] = '\0';
	v->word[v->nr++] = copy;
	v->word[v->nr] = NULL;
	return copy;
}

/* Resolve escapes in place; false at a backslash that means nothing. */
static bool unescape(char *s)
{
	char *d = s;
	unsigned int byte, i;

	while (*s) {
		if (*s != '\\') {
			*d++ = *s++;
			continue;
		}
		s++;
		if (*s == 'n' || *s == '\\') {
			*d++ = *s == 'n' ? '\n' : '\\';
			s++;
			continue;
		}
		for (byte = 0, i = 0; i < 3 && *s >= '0' && *s <= '7'; i++)
			byte = byte * 8 + (*s++ - '0');
		if (i < 3 || !byte || byte > 255)
			return false;
		*d++ = byte;
	}
	*d = '\0';
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Put a value that has been checked, or a copy of one, into a manifest. */
static int put(struct manifest *m, enum manifest_key key, const struct manifest_value *v)
{
	struct manifest_list *l = &m->key[key];
	struct manifest_value *value;
	size_t i, len;

	if (!keys[key].info.repeated)
		clear_key(m, key);
	if (m->nr_values >= MANIFEST_MAX_LINES ||
	    m->bytes + value_bytes(v) > MANIFEST_MAX_BYTES)
		return -1;
	/* A variable set twice: the last one counts, as docker run --env has it. */
	for (i = 0; key == KEY_ENV && i < l->nr; i++) {
		len = strcspn(v->word[0], "=") + 1;
		if (!strncmp(l->value[i].word[0], v->word[0], len)) {
			m->bytes += value_bytes(v) - value_bytes(&l->value[i]);
			free_value(&l->value[i]);
			l->value[i] = *v;
			return 0;
		}
	}
	/* Full when the number is a power of two. */
	if (!(l->nr & (l->nr - 1))) {
		value = realloc(l->value, (l->nr ? l->nr * 2 : 1) * sizeof(*value));
		if (!value)
			return -1;
		l->value = value;
	}
	l->value[l->nr++] = *v;
	m->nr_values++;
	m->bytes += value_bytes(v);
	return 0;
}

/* Check a value's words and put it into the manifest; it is used up. */
static int take(const struct context *c, struct manifest *m, enum manifest_key key,
		struct manifest_value *v, const char *shown, size_t shown_len)
{
	const char *want = NULL;
	size_t i;

	if (value_bytes(v) > MANIFEST_MAX_WORD + 1)
		want = "is longer than " STR(MANIFEST_MAX_WORD) " bytes";
	else if (m->nr_values >= MANIFEST_MAX_LINES)
		want = "is one more than " STR(MANIFEST_MAX_LINES) " values";
	else if (m->bytes + value_bytes(v) > MANIFEST_MAX_BYTES)
		want = "makes more than 2 MiB of values";
	if (!want && (!v->nr || (v->nr == 1 && !*v->word[0])) &&
	    keys[key].type != type_argument)
		want = "has no value";
	/* An empty word could not be told from none. */
	for (i = 0; i < v->nr && !want && keys[key].shape == WORDS; i++)
		if (!*v->word[i])
			want = "has an empty word";
	if (!want)
		want = keys[key].type(v);
	v->line = c->line;
	if (!want && !put(m, key, v))
		return 0;
	free_value(v);
	return want ? wrong_value(c, key, shown, shown_len, want) : no_memory(c);
}

static int check_where(const struct context *c, enum manifest_key key, const char *shown,
		       size_t len)
{
	static const struct {
		unsigned int where;
		const char *text;
	} places[] = {
		{ IN_LABEL, "is not for an image's label: it is about files of this machine" },
		{ IN_INIT, "is not for the init" },
		{ IN_COMMAND, "cannot be changed when the guest is started" },
		{ IN_MANIFEST, "is not for a manifest" },
	};
	size_t i;

	if (keys[key].info.where & c->where)
		return 0;
	for (i = 0; i < ARRAY_SIZE(places) - 1; i++)
		if (places[i].where & c->where)
			break;
	return wrong_value(c, key, shown, len, places[i].text);
}

#define WANT_ESCAPE	"has a \\ that stands for nothing: write \\\\ for a backslash, " \
			"\\n for a newline, \\OOO (three octal digits, not 000) for a byte"

/* Split a value into words as the key's type wants it, and resolve escapes. */
static int add_text(const struct context *c, struct manifest *m, enum manifest_key key,
		    const char *text, size_t len)
{
	struct manifest_value v = { 0 };
	const char *s = text, *end = text + len, *stop;
	enum shape shape = keys[key].shape;
	char *word;

	if (check_where(c, key, text, len))
		return -1;
	do {
		while (s < end && shape != TEXT && is_blank(*s))
			s++;
		stop = end;
		if (shape == WORDS || (shape == NAME_TEXT && !v.nr))
			for (stop = s; stop < end && !is_blank(*stop); stop++)
				;
		if (stop == s && v.nr)
			break;
		word = add_word(&v, s, stop - s);
		if (!word) {
			free_value(&v);
			return no_memory(c);
		}
		if (!unescape(word)) {
			free_value(&v);
			return wrong_value(c, key, text, len, WANT_ESCAPE);
		}
		s = stop;
	} while (s < end);
	return take(c, m, key, &v, text, len);
}

int manifest_add_text(struct manifest *m, const char *source_name, enum manifest_key key,
		      const char *text, unsigned int where, char *error, size_t error_size)
{
	struct context c = { source_name, 0, where, error, error_size };

	return add_text(&c, m, key, text, strlen(text));
}

int manifest_add(struct manifest *m, const char *source_name, enum manifest_key key,
		 const char *const *word, size_t nr, unsigned int where,
		 char *error, size_t error_size)
{
	struct context c = { source_name, 0, where, error, error_size };
	struct manifest_value v = { 0 };
	const char *shown = nr ? word[0] : "";
	size_t i;

	if (check_where(&c, key, shown, strlen(shown)))
		return -1;
	for (i = 0; i < nr; i++) {
		if (!add_word(&v, word[i], strlen(word[i]))) {
			free_value(&v);
			return no_memory(&c);
		}
	}
	if (nr != 1 && (keys[key].shape == TEXT || keys[key].shape == ALIGNED)) {
		free_value(&v);
		return wrong_value(&c, key, shown, strlen(shown), "wants one text");
	}
	return take(&c, m, key, &v, shown, strlen(shown));
}

static int parse_line(const struct context *c, struct manifest *m, const char *line, size_t len)
{
	const char *end = line + len, *stop;
	char name[16] = "", shown[MAX_QUOTED], shown_key[64];
	enum manifest_key key;

	while (line < end && is_blank(*line))
		line++;
	if (line == end || *line == '#')
		return 0;
	if (len > MANIFEST_MAX_LINE)
		return wrong(c, "the line is longer than %d bytes", MANIFEST_MAX_LINE);
	if (memchr(line, '\0', end - line))
		return wrong(c, "the line has a NUL byte; no value can have one");
	if (end[-1] == '\r')
		return wrong(c, "the line ends in a carriage return: have lines end as in Unix, %s",
			     "or write \\015 if a value is to have one");
	for (stop = line; stop < end && !is_blank(*stop); stop++)
		;
	if ((size_t)(stop - line) < sizeof(name))
		memcpy(name, line, stop - line);
	key = manifest_key(name);
	if (key == NR_MANIFEST_KEYS) {
		manifest_show(shown_key, sizeof(shown_key), line, stop - line);
		if (stop < end)
			stop++;
		manifest_show(shown, sizeof(shown), stop, end - stop);
		return wrong(c, "%s '%s' is not a key of this file", shown_key, shown);
	}
	if (stop < end)
		stop++;
	return add_text(c, m, key, stop, end - stop);
}

int manifest_parse(struct manifest *m, const char *source_name, const char *text, size_t len,
		   unsigned int where, char *error, size_t error_size)
{
	struct context c = { source_name, 0, where, error, error_size };
	const char *end = text + len, *stop;

	memset(m, 0, sizeof(*m));
	if (len > MANIFEST_MAX_SIZE)
		return wrong(&c, "longer than %d bytes", MANIFEST_MAX_SIZE);
	for (; text < end; text = stop + 1) {
		stop = memchr(text, '\n', end - text) ?: end;
		c.line++;
		if (c.line > MANIFEST_MAX_LINES) {
			wrong(&c, "more than %d lines", MANIFEST_MAX_LINES);
			goto fail;
		}
		if (parse_line(&c, m, text, stop - text))
			goto fail;
	}
	c.line = 0;
	if (m->key[KEY_SHELL].nr && m->key[KEY_ENTRYPOINT].nr) {
		wrong(&c, "both entrypoint and shell: which one?");
		goto fail;
	}
	return 0;
fail:
	manifest_free(m);
	return -1;
}

static int put_copies(struct manifest *to, enum manifest_key key, const struct manifest_list *l)
{
	size_t i, k;

	for (i = 0; i < l->nr; i++) {
		struct manifest_value v = l->value[i];

		v.word = NULL;
		v.nr = 0;
		for (k = 0; k < l->value[i].nr; k++)
			if (!add_word(&v, l->value[i].word[k], strlen(l->value[i].word[k])))
				break;
		if (k < l->value[i].nr || put(to, key, &v)) {
			free_value(&v);
			return -1;
		}
	}
	return 0;
}

int manifest_merge(struct manifest *to, const struct manifest *from)
{
	unsigned int key;

	if (from->key[KEY_ENTRYPOINT].nr || from->key[KEY_SHELL].nr) {
		clear_key(to, KEY_ENTRYPOINT);
		clear_key(to, KEY_CMD);
		clear_key(to, KEY_SHELL);
	} else if (from->key[KEY_CMD].nr) {
		clear_key(to, KEY_CMD);
	}
	if (from->key[KEY_PORT].nr)
		clear_key(to, KEY_PORT);
	for (key = 0; key < NR_MANIFEST_KEYS; key++)
		if (put_copies(to, key, &from->key[key]))
			return -1;
	return 0;
}

/* Write a word with escapes; with `to` NULL, only say how long it gets. */
static size_t escape(char *to, const char *s, bool blanks, bool first_blank)
{
	const char *start = s;
	char text[8];
	size_t len = 0;

	for (; *s; s++) {
		unsigned char c = *s;

		if (c == '\n')
			strcpy(text, "\\n");
		else if (c == '\\')
			strcpy(text, "\\\\");
		else if (c < ' ' || c == 0x7f ||
			 (c == ' ' && (blanks || (first_blank && s == start))))
			sprintf(text, "\\%03o", c);
		else
			sprintf(text, "%c", c);
		if (to)
			strcpy(to + len, text);
		len += strlen(text);
	}
	return len;
}

static size_t print_value(char *to, enum manifest_key key, const struct manifest_value *v)
{
	enum shape shape = keys[key].shape;
	size_t len = 0, i;

	len += strlen(keys[key].info.name);
	if (to)
		strcpy(to, keys[key].info.name);
	for (i = 0; i < v->nr; i++) {
		bool word = shape == WORDS || (shape == NAME_TEXT && !i);

		if (to)
			to[len] = ' ';
		len++;
		len += escape(to ? to + len : NULL, v->word[i], word, shape != TEXT);
	}
	if (to)
		to[len] = '\n';
	return len + 1;
}

static size_t print_all(char *to, const struct manifest *m, unsigned int where)
{
	size_t len = 0, i;
	unsigned int key;

	for (key = 0; key < NR_MANIFEST_KEYS; key++)
		for (i = 0; (keys[key].info.where & where) && i < m->key[key].nr; i++)
			len += print_value(to ? to + len : NULL, key, &m->key[key].value[i]);
	return len;
}

char *manifest_print(const struct manifest *m, unsigned int where)
{
	size_t len = print_all(NULL, m, where);
	char *text = malloc(len + 1);

	if (text) {
		print_all(text, m, where);
		text[len] = '\0';
	}
	return text;
}

const char *manifest_text(const struct manifest *m, enum manifest_key key)
{
	const struct manifest_list *l = &m->key[key];

	return l->nr ? l->value[l->nr - 1].word[0] : NULL;
}

unsigned long long manifest_number(const struct manifest *m, enum manifest_key key,
				   unsigned long long otherwise)
{
	const struct manifest_list *l = &m->key[key];

	return l->nr ? l->value[l->nr - 1].number[0] : otherwise;
}
