// SPDX-License-Identifier: GPL-2.0
/*
 * Test the parser of manifests: each text is read, and what it means is printed and read
 * again; or it is refused, with words that the message has to have. The tables name
 * the edges of each type. Nothing that is refused may leave a value behind.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../lupine/manifest.h"

#define NR(a)	(sizeof(a) / sizeof(*(a)))

static int passed, failed;

static void result(const char *name, int ok)
{
	char shown[200];

	manifest_show(shown, sizeof(shown), name, strlen(name));
	printf("%sok - manifest: %s\n", ok ? "" : "not ", shown);
	if (ok)
		passed++;
	else
		failed++;
}

/* want NULL: the text itself, a newline added */
static const struct {
	unsigned int where;
	const char *text, *want;
} accepted[] = {
	{ IN_INIT, "", "" },
	{ IN_INIT, "# one\n\n  # two\n \t\nuser a", "user a\n" },
	{ IN_INIT, "entrypoint /bin/a b\ncmd  c", NULL },
	{ IN_INIT, "cmd\nworkdir /a", "cmd \12workdir /a\n" },
	{ IN_INIT, "\tworkdir   /a b", "workdir /a b\n" },
	{ IN_INIT, "env A=1\\n2\\\\3\\015\\033\\377", "env A=1\\n2\\\\3\\015\\033\377\n" },
	{ IN_INIT, "env A=1\nenv AB=2\nenv A=3", "env A=3\nenv AB=2\n" },
	{ IN_INIT, "env A==\nenv B=", NULL },
	{ IN_INIT, "workdir /a\nworkdir /b", "workdir /b\n" },
	{ IN_INIT, "user 0", NULL },
	{ IN_INIT, "user 4294967294:4294967294", NULL },
	{ IN_INIT, "user 007:www-data", NULL },
	{ IN_INIT, "user 5:", NULL },
	{ IN_INIT, "user a.b@c:d", NULL },
	{ IN_INIT, "hostname a", NULL },
	{ IN_INIT, "hostname a-b.c_d.0", NULL },
	{ IN_INIT, "stop SIGTERM", NULL },
	{ IN_INIT, "stop 64", NULL },
	{ IN_INIT, "stop RTMIN+30", NULL },
	{ IN_INIT, "limit nofile 77:99", NULL },
	{ IN_INIT, "limit core 0", NULL },
	{ IN_INIT, "limit memlock unlimited", NULL },
	{ IN_INIT, "limit as 9223372036854775807:unlimited", NULL },
	{ IN_INIT, "mkdir /a", NULL },
	{ IN_INIT, "mkdir /my\\040data 01777 5:6", NULL },
	{ IN_INIT, "mkdir /a\\0400", NULL },
	{ IN_INIT, "mkdir  /a\t0  b", "mkdir /a 0 b\n" },
	{ IN_INIT, "mount ext2 /dev/vdb /a", NULL },
	{ IN_INIT, "mount tmpfs none /a\\040b size=1m,nosuid", NULL },
	{ IN_INIT, "sysctl vm.overcommit_memory 1", NULL },
	{ IN_INIT, "sysctl net.ipv4.tcp_rmem  4096 87380 1",
	  "sysctl net.ipv4.tcp_rmem 4096 87380 1\n" },
	{ IN_INIT, "sysctl kernel.a \\040b ", NULL },
	{ IN_INIT, "need 9P_FS\nneed EPOLL", NULL },
	{ IN_INIT, "address 10.0.2.15/24\ngateway 10.0.2.2", NULL },
	{ IN_INIT, "nameserver 1.1.1.1\nnameserver 8.8.8.8", NULL },
	{ IN_INIT, "address 0.0.0.0/32", NULL },
	{ IN_INIT, "dhcp yes", NULL },
	{ IN_INIT, "shell echo $HOME; exit 3", NULL },
	{ IN_COMMAND, "entrypoint a\ncmd b\nenv C=d\nworkdir /", NULL },
	{ IN_COMMAND, "user 0\nhostname h\nmount a b /c", NULL },
	{ IN_COMMAND, "lack call 232\nlack sockopt 41 26\nlack fs proc\nlack device null", NULL },
	{ IN_LABEL, "account a_b-c.D /x\nspace 0\nmemory 1", NULL },
	{ IN_LABEL, "port 1\nport 65535\nready 86400", NULL },
	{ IN_LABEL, "memory 4194304\nmemory   64 ", "memory 64\n" },
	{ IN_MANIFEST, "oci docker://a/b:c", NULL },
	{ IN_MANIFEST, "oci ./my folder", NULL },
	{ IN_MANIFEST, "packages g++ libc6:amd64 a=1:2~b", NULL },
	{ IN_MANIFEST, "remove /usr/lib/*gcc* /a\\040b /x/..y", NULL },
	{ IN_MANIFEST, "program hello.c /hello\nfile ../a/b /c 4755\nfile a /b\nbusybox no",
	  "program hello.c /hello\nfile ../a/b /c 4755\nfile a /b\nbusybox no" },
};

static const struct {
	unsigned int where;
	const char *text, *message;
} refused[] = {
	/* as they came: shared values of images */
	{ IN_LABEL, "memory 64M", "label:1: memory '64M': want MiB, a number from 1 to 4194304" },
	{ IN_LABEL, "memory 08", "memory '08': want MiB" },
	{ IN_LABEL, "memory 0", "memory '0': want MiB" },
	{ IN_LABEL, "memory 99999999999999999999", "want MiB" },
	{ IN_LABEL, "memory 18446744073709551617", "want MiB" },
	{ IN_LABEL, "memory 4194305", "want MiB" },
	{ IN_LABEL, "memory -1", "want MiB" },
	{ IN_LABEL, "memory +1", "want MiB" },
	{ IN_LABEL, "memory 0x10", "want MiB" },
	{ IN_LABEL, "memory 1 2", "want MiB" },
	{ IN_LABEL, "memory", "memory '': has no value" },
	{ IN_LABEL, "memory PATH[$(id >/tmp/x)]", "memory 'PATH[$(id >/tmp/x)]': want MiB" },
	{ IN_LABEL, "space 08", "space '08': want MiB, a number from 0 to 4194304" },
	{ IN_LABEL, "space 1 2", "space '1 2': want MiB" },
	{ IN_LABEL, "port a/b", "port 'a/b': want a TCP port, a number from 1 to 65535" },
	{ IN_LABEL, "port &", "port '&': want a TCP port" },
	{ IN_LABEL, "port 0.0.0.0:2222:22", "want a TCP port" },
	{ IN_LABEL, "port 0", "want a TCP port" },
	{ IN_LABEL, "port 65536", "want a TCP port" },
	{ IN_LABEL, "port 80/tcp", "want a TCP port" },
	{ IN_LABEL, "ready x", "ready 'x': want seconds, a number from 1 to 86400" },
	{ IN_LABEL, "ready 0", "want seconds" },
	{ IN_LABEL, "ready 86401", "want seconds" },
	/* keys where they may not stand */
	{ IN_LABEL, "memory 64\nfile /etc/shadow /x",
	  "label:2: file '/etc/shadow /x': is not for an image's label" },
	{ IN_LABEL, "oci a", "is not for an image's label" },
	{ IN_LABEL, "packages a", "is not for an image's label" },
	{ IN_LABEL, "remove /a", "is not for an image's label" },
	{ IN_LABEL, "program a /b", "is not for an image's label" },
	{ IN_LABEL, "busybox yes", "is not for an image's label" },
	{ IN_INIT, "memory 64", "is not for the init" },
	{ IN_COMMAND, "limit core 0", "cannot be changed when the guest is started" },
	{ IN_MANIFEST, "entrypont /x", "label:1: entrypont '/x' is not a key of this file" },
	{ IN_MANIFEST, "averyveryveryverylongkey", "is not a key" },
	/* escapes and lines */
	{ IN_INIT, "cmd a\\t", "has a \\ that stands for nothing" },
	{ IN_INIT, "cmd \\", "has a \\ that stands for nothing" },
	{ IN_INIT, "cmd \\000", "has a \\ that stands for nothing" },
	{ IN_INIT, "cmd \\400", "has a \\ that stands for nothing" },
	{ IN_INIT, "cmd \\12", "has a \\ that stands for nothing" },
	{ IN_INIT, "cmd a\r", "label:1: the line ends in a carriage return" },
	{ IN_INIT, "user a\rb", "user 'a\\rb': want USER" },
	{ IN_INIT, "workdir \033[2J", "workdir '\\033[2J': is not an absolute path" },
	/* types */
	{ IN_INIT, "entrypoint /a\nshell b", "both entrypoint and shell" },
	{ IN_INIT, "shell", "has no value" },
	{ IN_INIT, "env A", "is not NAME=VALUE" },
	{ IN_INIT, "env =A", "is not NAME=VALUE" },
	{ IN_INIT, "env", "has no value" },
	{ IN_INIT, "workdir x", "is not an absolute path" },
	{ IN_INIT, "user a b", "want USER" },
	{ IN_INIT, "user :5", "want USER" },
	{ IN_INIT, "user a:b:c", "want USER" },
	{ IN_INIT, "user 4294967295", "want USER" },
	{ IN_INIT, "user 0:99999999999", "want USER" },
	{ IN_INIT, "user a\\040b", "want USER" },
	{ IN_INIT, "hostname -a", "want a host name" },
	{ IN_INIT, "hostname a-.b", "want a host name" },
	{ IN_INIT, "hostname a..b", "want a host name" },
	{ IN_INIT, "hostname .a", "want a host name" },
	{ IN_INIT, "hostname a b", "want a host name" },
	{ IN_INIT, "hostname $(id)", "want a host name" },
	{ IN_INIT, "hostname aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	  "want a host name" },
	{ IN_INIT, "stop SIGNOTHING", "is not a signal" },
	{ IN_INIT, "stop 0", "is not a signal" },
	{ IN_INIT, "stop 65", "is not a signal" },
	{ IN_INIT, "stop RTMIN+31", "is not a signal" },
	{ IN_INIT, "limit nofile", "want NAME SOFT" },
	{ IN_INIT, "limit files 1", "is no limit" },
	{ IN_INIT, "limit nofile x", "is not a number" },
	{ IN_INIT, "limit nofile 1:", "is not a number" },
	{ IN_INIT, "limit nofile -1", "is not a number" },
	{ IN_INIT, "limit nofile 9223372036854775808", "is not a number" },
	{ IN_INIT, "limit nofile 2:1", "soft limit above the hard one" },
	{ IN_INIT, "limit nofile unlimited:1", "soft limit above the hard one" },
	{ IN_INIT, "mkdir a", "want DIR" },
	{ IN_INIT, "mkdir /my data", "wants an octal mode" },
	{ IN_INIT, "mkdir /a 888", "wants an octal mode" },
	{ IN_INIT, "mkdir /a 10000", "wants an octal mode" },
	{ IN_INIT, "mkdir /a 755 b c", "want DIR" },
	{ IN_INIT, "mkdir /a 755 b:c:d", "want USER" },
	{ IN_INIT, "mount tmpfs none", "want TYPE SOURCE DIR" },
	{ IN_INIT, "mount tmpfs none a", "want TYPE SOURCE DIR" },
	{ IN_INIT, "mount a;b none /a", "wants the name of a file system" },
	{ IN_INIT, "mount a b /c d e", "want TYPE SOURCE DIR" },
	{ IN_INIT, "sysctl a", "want NAME VALUE" },
	{ IN_INIT, "sysctl ../../etc/passwd x", "wants the name of a setting" },
	{ IN_INIT, "sysctl /etc/passwd x", "wants the name of a setting" },
	{ IN_INIT, "need NO_SUCH_THING", "is not an option that init can test" },
	{ IN_INIT, "need CONFIG_EPOLL", "is not an option that init can test" },
	{ IN_INIT, "address 10.0.2.15", "want A.B.C.D/BITS" },
	{ IN_INIT, "address 10.0.2.15/0", "want A.B.C.D/BITS" },
	{ IN_INIT, "address 10.0.2.15/33", "want A.B.C.D/BITS" },
	{ IN_INIT, "address 10.0.2.256/24", "want A.B.C.D/BITS" },
	{ IN_INIT, "gateway 10.1", "want A.B.C.D" },
	{ IN_INIT, "nameserver ::1", "want A.B.C.D" },
	{ IN_INIT, "dhcp maybe", "want yes or no" },
	{ IN_COMMAND, "lack call", "want KIND KEY" },
	{ IN_COMMAND, "lack call 1 2 3", "want KIND KEY" },
	{ IN_COMMAND, "lack c,l 1", "want KIND KEY" },
	{ IN_COMMAND, "lack call -1", "wants a number" },
	{ IN_COMMAND, "lack call 4294967295", "wants a number" },
	{ IN_COMMAND, "lack sockopt 1 x", "wants a number" },
	{ IN_COMMAND, "lack device ../sda", "wants a name" },
	{ IN_COMMAND, "lack fs a;b", "wants a name" },
	{ IN_INIT, "lack fs proc", "is not for the init" },
	{ IN_LABEL, "lack call 1", "is not for an image" },
	{ IN_MANIFEST, "busybox", "has no value" },
	{ IN_MANIFEST, "oci -x", "want the name of a container image" },
	{ IN_MANIFEST, "packages -x", "want names of Debian packages" },
	{ IN_MANIFEST, "packages a $(id)", "want names of Debian packages" },
	{ IN_MANIFEST, "remove /a ../b", "want absolute paths" },
	{ IN_MANIFEST, "remove /a/../../b", "want absolute paths" },
	{ IN_MANIFEST, "account a:0:0", "want NAME" },
	{ IN_MANIFEST, "account 1a", "want NAME" },
	{ IN_MANIFEST, "account a /x:/y", "wants an absolute path" },
	{ IN_MANIFEST, "account intruder::0:0::/root:/bin/sh /x", "want NAME" },
	{ IN_MANIFEST, "program a", "want SRC.c DEST" },
	{ IN_MANIFEST, "program -o /b", "want SRC.c DEST" },
	{ IN_MANIFEST, "file a /b/", "want SRC DEST" },
	{ IN_MANIFEST, "file a /../b", "want SRC DEST" },
	{ IN_MANIFEST, "file a /b 99", "wants an octal mode" },
};

static void test_accepted(unsigned int where, const char *text, const char *want)
{
	char error[MANIFEST_ERROR_SIZE] = "", *printed, *again;
	struct manifest m, m2 = { 0 };
	size_t len = want ? strlen(want) : strlen(text);
	int ok;

	if (manifest_parse(&m, "label", text, strlen(text), where, error, sizeof(error))) {
		result(text, 0);
		printf("#   %s\n", error);
		return;
	}
	printed = manifest_print(&m, where);
	ok = printed && !strncmp(printed, want ?: text, len) &&
	     (!printed[len] || !strcmp(printed + len, "\n")) &&
	     !manifest_parse(&m2, "again", printed, strlen(printed), where, error, sizeof(error));
	again = manifest_print(&m2, where);
	ok = ok && again && !strcmp(printed, again) && m.bytes == m2.bytes;
	result(text, ok);
	if (!ok)
		printf("#   printed: %s#   again: %s", printed, again);
	free(printed);
	free(again);
	manifest_free(&m);
	manifest_free(&m2);
}

static void test_refused(unsigned int where, const char *text, const char *message)
{
	char error[MANIFEST_ERROR_SIZE] = "";
	struct manifest m;
	int ok;

	ok = manifest_parse(&m, "label", text, strlen(text), where, error, sizeof(error)) == -1 &&
	     strstr(error, message) && !m.nr_values && !m.bytes;
	result(text, ok);
	if (!ok)
		printf("#   %s\n", error);
	manifest_free(&m);
}

/* Each byte but NUL survives, in text and in words. */
static void test_bytes(void)
{
	char word[260] = "/", env[260] = "A=", error[MANIFEST_ERROR_SIZE], *text;
	const char *words[] = { word, "755" }, *variable = env;
	struct manifest m = { 0 }, again;
	unsigned int i;
	int ok;

	for (i = 1; i < 256; i++) {
		word[i] = i;
		env[i + 1] = i;
	}
	ok = !manifest_add(&m, "x", KEY_MKDIR, words, 2, IN_INIT, error, sizeof(error)) &&
	     !manifest_add(&m, "x", KEY_ENV, &variable, 1, IN_INIT, error, sizeof(error));
	text = manifest_print(&m, IN_INIT);
	ok = ok && text && !manifest_parse(&again, "x", text, strlen(text), IN_INIT,
					   error, sizeof(error)) &&
	     !strcmp(manifest_text(&again, KEY_ENV), env) &&
	     !strcmp(manifest_text(&again, KEY_MKDIR), word) &&
	     manifest_number(&again, KEY_MKDIR, 0) == 0755;
	result("all bytes survive", ok);
	free(text);
	manifest_free(&m);
	manifest_free(&again);
}

static void test_limits(void)
{
	static char text[MANIFEST_MAX_SIZE + 2];
	char error[MANIFEST_ERROR_SIZE] = "";
	struct manifest m;
	size_t i, len;
	int ok;

	memset(text, 'x', sizeof(text));
	memcpy(text, "env A=", 6);
	ok = !manifest_parse(&m, "x", text, 4 + MANIFEST_MAX_WORD, IN_INIT, error, sizeof(error));
	manifest_free(&m);
	result("the longest word", ok);
	ok = manifest_parse(&m, "x", text, 5 + MANIFEST_MAX_WORD, IN_INIT, error, sizeof(error)) &&
	     strstr(error, "x:1: env 'A=xxx") && strstr(error, "is longer than 131071 bytes");
	result("a longer word", ok);
	ok = manifest_parse(&m, "x", text, MANIFEST_MAX_LINE + 1, IN_INIT, error, sizeof(error)) &&
	     strstr(error, "the line is longer than");
	result("a line too long", ok);
	ok = manifest_parse(&m, "x", text, sizeof(text), IN_INIT, error, sizeof(error)) &&
	     strstr(error, "x: longer than");
	result("a text too long", ok);
	for (i = 0, len = 0; i <= MANIFEST_MAX_LINES; i++)
		len += sprintf(text + len, "cmd\n");
	ok = !manifest_parse(&m, "x", text, len - 4, IN_INIT, error, sizeof(error));
	manifest_free(&m);
	result("as many lines as there may be", ok);
	ok = manifest_parse(&m, "x", text, len, IN_INIT, error, sizeof(error)) &&
	     strstr(error, "more than 10000 lines");
	result("a line more", ok);
	for (i = 0, len = 0; i < 20; i++) {
		len += sprintf(text + len, "cmd ");
		memset(text + len, 'x', 130000);
		len += 130000;
		text[len++] = '\n';
	}
	ok = manifest_parse(&m, "x", text, len, IN_INIT, error, sizeof(error)) &&
	     strstr(error, "makes more than 2 MiB of values");
	result("values of more than 2 MiB", ok);
	ok = manifest_parse(&m, "x", "cmd a\0b", 7, IN_INIT, error, sizeof(error)) &&
	     strstr(error, "x:1: the line has a NUL byte");
	result("a NUL byte", ok);
	result("nothing is left of what was refused", !m.nr_values);
}

static void merged(const char *name, const char *image, const char *manifest, const char *want)
{
	char error[MANIFEST_ERROR_SIZE] = "", *text;
	struct manifest to, from;
	int ok;

	ok = !manifest_parse(&to, "image", image, strlen(image), IN_LABEL, error, sizeof(error)) &&
	     !manifest_parse(&from, "manifest", manifest, strlen(manifest), IN_LABEL,
			     error, sizeof(error)) &&
	     !manifest_merge(&to, &from);
	text = manifest_print(&to, IN_LABEL);
	ok = ok && text && !strcmp(text, want);
	result(name, ok);
	if (!ok)
		printf("#   %s%s\n", error, text);
	free(text);
	manifest_free(&to);
	manifest_free(&from);
}

int main(void)
{
	size_t i;

	for (i = 0; i < NR(accepted); i++)
		test_accepted(accepted[i].where, accepted[i].text, accepted[i].want);
	for (i = 0; i < NR(refused); i++)
		test_refused(refused[i].where, refused[i].text, refused[i].message);
	test_bytes();
	test_limits();
	merged("a program replaces program and arguments", "entrypoint /a\ncmd b\nenv A=1",
	       "entrypoint /c", "entrypoint /c\nenv A=1\n");
	merged("a shell's line replaces them, too", "entrypoint /a\ncmd b", "shell c", "shell c\n");
	merged("arguments replace arguments", "entrypoint /a\ncmd b\ncmd c", "cmd d",
	       "entrypoint /a\ncmd d\n");
	merged("ports replace ports, variables those of their names",
	       "port 1\nport 2\nenv A=1\nenv B=2\nmkdir /a\nuser a",
	       "port 3\nenv A=4\nmkdir /b\nuser c",
	       "port 3\nenv A=4\nenv B=2\nuser c\nmkdir /a\nmkdir /b\n");
	printf("%d passed, %d failed\n", passed, failed);
	return failed != 0;
}
