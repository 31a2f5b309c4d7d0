// SPDX-License-Identifier: GPL-2.0
/*
 * The image's configuration: one `key value` a line, # starts a comment line.
 * A value runs to the end of the line; \n and \\ in it stand for a newline
 * and a backslash. Keys with + may be repeated.
 *
 *   entrypoint + WORD            program and its first arguments, one word a line
 *   cmd +        WORD            further arguments, replaced by --args
 *   shell        COMMAND         shell form: /bin/sh -c COMMAND
 *   env +        NAME=VALUE
 *   workdir      DIR             made when missing; default /
 *   user         USER[:GROUP]    names or numbers; default root
 *   hostname     NAME
 *   stop         SIGNAL          ends the application: sent for Ctrl-C on the console
 *                                and for SIGTERM to init, where SIGTERM is the default
 *   limit +      NAME SOFT[:HARD] as in ulimit: nofile, nproc, core, ...
 *   mkdir +      DIR [MODE [USER[:GROUP]]]
 *   mount +      TYPE SOURCE DIR [OPTIONS]
 *   sysctl +     NAME VALUE      as vm.overcommit_memory 1
 *   need +       OPTION          kernel option without CONFIG_, checked first; KML: slots
 *   address      A.B.C.D/BITS    for eth0, when ip= has not configured it
 *   gateway      A.B.C.D
 *   nameserver + A.B.C.D
 *   dhcp         yes
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "init.h"
#include "manifest.h"

static void unescape(char *s)
{
	char *d = s;

	for (; *s; s++) {
		if (*s == '\\' && s[1]) {
			s++;
			*d++ = *s == 'n' ? '\n' : *s;
		} else {
			*d++ = *s;
		}
	}
	*d = '\0';
}

static void print_escaped(const char *key, const char *s)
{
	printf("%s ", key);
	for (; *s; s++) {
		if (*s == '\n')
			fputs("\\n", stdout);
		else if (*s == '\\')
			fputs("\\\\", stdout);
		else
			putchar(*s);
	}
	putchar('\n');
}

/* A variable set twice: the last one counts, as docker run --env has it. */
static void set_env(struct list *env, const char *assignment)
{
	size_t i, len = strcspn(assignment, "=");

	for (i = 0; i < env->nr; i++) {
		if (!strncmp(env->item[i], assignment, len + 1)) {
			free(env->item[i]);
			env->item[i] = copy(assignment);
			return;
		}
	}
	list_add(env, assignment);
}

/* NULL, or what is wrong with the value. */
static const char *set(struct config *c, const char *key, char *value)
{
	const struct {
		const char *key;
		struct list *list;
	} lists[] = {
		{ "entrypoint", &c->entrypoint },
		{ "cmd", &c->cmd },
		{ "limit", &c->limits },
		{ "mkdir", &c->mkdirs },
		{ "mount", &c->mounts },
		{ "nameserver", &c->nameservers },
		{ "sysctl", &c->sysctls },
	};
	const struct {
		const char *key;
		char **text;
	} texts[] = {
		{ "shell", &c->shell },
		{ "workdir", &c->workdir },
		{ "user", &c->user },
		{ "hostname", &c->hostname },
		{ "address", &c->address },
		{ "gateway", &c->gateway },
	};
	size_t i;

	/* An empty argument is an argument; elsewhere a value is missing. */
	if (!*value && strcmp(key, "entrypoint") && strcmp(key, "cmd"))
		return "has no value";

	for (i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		if (!strcmp(key, lists[i].key)) {
			list_add(lists[i].list, value);
			return NULL;
		}
	}
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (!strcmp(key, texts[i].key)) {
			free(*texts[i].text);
			*texts[i].text = copy(value);
			if (!strcmp(key, "workdir") && *value != '/')
				return "is not an absolute path";
			return NULL;
		}
	}
	if (!strcmp(key, "env")) {
		if (*value == '=' || !strchr(value, '='))
			return "is not NAME=VALUE";
		set_env(&c->env, value);
		return NULL;
	}
	if (!strcmp(key, "need")) {
		if (!manifest_option_known(value))
			return "is not an option that init can test";
		list_add(&c->needs, value);
		return NULL;
	}
	if (!strcmp(key, "stop")) {
		c->stop_signal = signal_number(value);
		return c->stop_signal < 0 ? "is not a signal" : NULL;
	}
	if (!strcmp(key, "dhcp")) {
		c->dhcp = !strcmp(value, "yes");
		return c->dhcp || !strcmp(value, "no") ? NULL : "is neither yes nor no";
	}
	return "is not a key of this file (see init --help)";
}

void config_read(struct config *c, const char *path)
{
	char *text, *line, *next, *key, *value;
	const char *wrong;
	unsigned int nr = 0;

	text = slurp(path);
	if (!text)
		fail("%s: %s: is this an image made by scripts/image/build?",
		     path, strerror(errno));
	for (line = text; line && *line; line = next) {
		nr++;
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		key = line + strspn(line, " \t");
		if (!*key || *key == '#')
			continue;
		value = key + strcspn(key, " \t");
		if (*value)
			*value++ = '\0';
		unescape(value);
		wrong = set(c, key, value);
		if (wrong)
			fail("%s:%u: %s '%s' %s", path, nr, key, value, wrong);
	}
	free(text);
	if (c->shell && c->entrypoint.nr)
		fail("%s: both entrypoint and shell: which one?", path);
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * The kernel's command line knows no escapes, so scripts/vm/run writes %XX for
 * a character, and %- for a word of nothing.
 */
static void percent_decode(char *s)
{
	char *d = s;

	for (; *s; s++) {
		if (*s == '%' && hex(s[1]) >= 0 && hex(s[2]) >= 0) {
			*d++ = hex(s[1]) << 4 | hex(s[2]);
			s += 2;
		} else if (*s == '%' && s[1] == '-') {
			s++;
		} else {
			*d++ = *s;
		}
	}
	*d = '\0';
}

/*
 * What lupine="..." on the kernel's command line says. The kernel hands a
 * parameter that it does not know to init, as an environment variable.
 */
void config_override(struct config *c, const char *words)
{
	static const struct {
		const char *option, *key;
	} known[] = {
		{ "--env", "env" },
		{ "--workdir", "workdir" },
		{ "--user", "user" },
		{ "--hostname", "hostname" },
		{ "--mount", "mount" },
	};
	char *line = copy(words ?: ""), *rest = line, *option, *value;
	const char *wrong;
	size_t k;

	while ((option = word(&rest))) {
		if (!strcmp(option, "--args")) {
			c->has_override_cmd = true;
			while ((value = word(&rest))) {
				percent_decode(value);
				list_add(&c->override_cmd, value);
			}
			break;
		}
		value = word(&rest);
		if (!value)
			fail("command line: lupine: %s has no value", option);
		percent_decode(value);
		if (!strcmp(option, "--entrypoint")) {
			list_add(&c->override_entrypoint, value);
			continue;
		}
		for (k = 0; k < sizeof(known) / sizeof(*known); k++)
			if (!strcmp(option, known[k].option))
				break;
		if (k == sizeof(known) / sizeof(*known))
			fail("command line: lupine: unknown option %s", option);
		wrong = set(c, known[k].key, value);
		if (wrong)
			fail("command line: lupine: %s '%s' %s", option, value, wrong);
	}
	free(line);

	/* As docker run --entrypoint: the image's arguments go with its program. */
	if (c->override_entrypoint.nr) {
		c->entrypoint = c->override_entrypoint;
		c->cmd = (struct list){ 0 };
		c->shell = NULL;
	}
	if (c->has_override_cmd)
		c->cmd = c->override_cmd;
	if (c->shell) {
		list_add(&c->entrypoint, "/bin/sh");
		list_add(&c->entrypoint, "-c");
		list_add(&c->entrypoint, c->shell);
	}
}

static void print_list(const char *key, const struct list *l)
{
	size_t i;

	for (i = 0; i < l->nr; i++)
		print_escaped(key, l->item[i]);
}

static void print_text(const char *key, const char *text)
{
	if (text)
		print_escaped(key, text);
}

/* In a fixed order, so that tests can compare it. */
void config_print(const struct config *c)
{
	print_list("entrypoint", &c->entrypoint);
	print_list("cmd", &c->cmd);
	print_list("env", &c->env);
	print_text("workdir", c->workdir);
	print_text("user", c->user);
	print_text("hostname", c->hostname);
	if (c->stop_signal)
		printf("stop %d\n", c->stop_signal);
	print_list("limit", &c->limits);
	print_list("mkdir", &c->mkdirs);
	print_list("mount", &c->mounts);
	print_list("sysctl", &c->sysctls);
	print_list("need", &c->needs);
	print_text("address", c->address);
	print_text("gateway", c->gateway);
	print_list("nameserver", &c->nameservers);
	if (c->dhcp)
		puts("dhcp yes");
}
