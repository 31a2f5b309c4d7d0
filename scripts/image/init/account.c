// SPDX-License-Identifier: GPL-2.0
/*
 * Users and groups from /etc/passwd and /etc/group. Static glibc would load
 * NSS modules for getpwnam(), which need not fit the image's C library.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "init.h"

#define NR_FIELDS	7

/* Split an entry in place; returns how many fields there are. */
static size_t split(char *line, char **field)
{
	size_t nr = 0;

	do {
		field[nr++] = line;
		line = strchr(line, ':');
		if (line)
			*line++ = '\0';
	} while (line && nr < NR_FIELDS);
	return nr;
}

static bool number(const char *s, unsigned int *n)
{
	unsigned long v;
	char *end;

	errno = 0;
	v = strtoul(s, &end, 10);
	if (*s < '0' || *s > '9' || *end || errno || v >= (unsigned int)-1)
		return false;
	*n = v;
	return true;
}

/* Call fn for each entry of a file until it returns true. */
static bool each_entry(const char *path, size_t min_fields,
		       bool (*fn)(char **field, void *arg), void *arg)
{
	char *text = slurp(path), *line, *next, *field[NR_FIELDS];
	bool found = false;

	for (line = text; line && *line && !found; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (split(line, field) >= min_fields)
			found = fn(field, arg);
	}
	free(text);
	return found;
}

struct search {
	const char *name;
	unsigned int id;
	bool by_id;
	struct account *account;
	const char *user;
};

static bool matches(const struct search *s, char **field)
{
	unsigned int id;

	if (s->by_id)
		return number(field[2], &id) && id == s->id;
	return !strcmp(field[0], s->name);
}

static bool passwd_entry(char **field, void *arg)
{
	struct search *s = arg;
	unsigned int uid, gid;

	if (!matches(s, field) || !number(field[2], &uid) || !number(field[3], &gid))
		return false;
	s->account->uid = uid;
	s->account->gid = gid;
	s->account->home = copy(field[5]);
	s->user = copy(field[0]);
	return true;
}

static bool group_entry(char **field, void *arg)
{
	struct search *s = arg;
	unsigned int gid;

	if (!matches(s, field) || !number(field[2], &gid))
		return false;
	s->account->gid = gid;
	return true;
}

/* Supplementary groups: every group that lists the user. */
static bool member_entry(char **field, void *arg)
{
	struct search *s = arg;
	struct account *a = s->account;
	char *name, *rest = field[3];
	unsigned int gid;

	while ((name = strsep(&rest, ","))) {
		if (!strcmp(name, s->user) && number(field[2], &gid) &&
		    a->nr_groups < sizeof(a->groups) / sizeof(*a->groups))
			a->groups[a->nr_groups++] = gid;
	}
	return false;
}

/* USER[:GROUP], by name or number. A number needs no entry. */
int account_find(const char *spec, struct account *a)
{
	struct search s = { .account = a };
	char *user = copy(spec), *group;
	int ret = -1;

	memset(a, 0, sizeof(*a));
	group = strchr(user, ':');
	if (group)
		*group++ = '\0';

	s.name = user;
	s.by_id = number(user, &s.id);
	if (!each_entry("/etc/passwd", 6, passwd_entry, &s)) {
		if (!s.by_id) {
			say("user '%s' is not in /etc/passwd", user);
			goto out;
		}
		a->uid = s.id;
		a->home = copy("/");
	}
	if (s.user && !group)
		each_entry("/etc/group", 4, member_entry, &s);

	if (group) {
		s.name = group;
		s.by_id = number(group, &s.id);
		if (s.by_id) {
			a->gid = s.id;
		} else if (!each_entry("/etc/group", 3, group_entry, &s)) {
			say("group '%s' is not in /etc/group", group);
			goto out;
		}
	}
	ret = 0;
out:
	free(user);
	return ret;
}
