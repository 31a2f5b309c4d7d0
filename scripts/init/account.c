// SPDX-License-Identifier: GPL-2.0
/*
 * Users and groups from /etc/passwd and /etc/group, entry by entry. Static glibc would
 * load NSS modules for getpwnam(), which need not fit the image's C library;
 * fgetpwent() and fgetgrent() only parse.
 *
 * The files are the image's, so anything may stand there: neither file needs to
 * exist, a pipe must not stop the init, a line must not take all memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init.h"

#define PASSWD		"/etc/passwd"
#define GROUP		"/etc/group"
#define MAX_FILE	(4 * 1024 * 1024)
#define NO_ID		((unsigned int)-1)

/* NULL: there are no entries. */
static FILE *open_entries(const char *path)
{
	struct stat st;
	FILE *f;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		if (errno != ENOENT)
			say("%s: %s", path, strerror(errno));
		return NULL;
	}
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > MAX_FILE) {
		say("%s is ignored: not a file of at most %d bytes", path, MAX_FILE);
		close(fd);
		return NULL;
	}
	f = fdopen(fd, "r");
	if (!f)
		close(fd);
	return f;
}

/* The parser of manifests has checked that what begins as a number is one. */
static bool number(const char *s, unsigned int *n)
{
	if (!*s || s[strspn(s, "0123456789")])
		return false;
	*n = strtoul(s, NULL, 10);
	return true;
}

/* The user's entry; false where there is none. */
static bool find_user(const char *name, bool by_id, unsigned int uid, struct account *a,
		      char **login)
{
	FILE *f = open_entries(PASSWD);
	struct passwd *p;
	bool found = false;

	while (f && !found && (p = fgetpwent(f))) {
		if (!p->pw_name || p->pw_uid == NO_ID || p->pw_gid == NO_ID)
			continue;
		found = by_id ? p->pw_uid == uid : !strcmp(p->pw_name, name);
		if (found) {
			a->uid = p->pw_uid;
			a->gid = p->pw_gid;
			a->home = copy(p->pw_dir && *p->pw_dir ? p->pw_dir : "/");
			*login = copy(p->pw_name);
		}
	}
	if (f)
		fclose(f);
	return found;
}

static bool find_group(const char *name, gid_t *gid)
{
	FILE *f = open_entries(GROUP);
	struct group *g;
	bool found = false;

	while (f && !found && (g = fgetgrent(f))) {
		found = g->gr_name && g->gr_gid != NO_ID && !strcmp(g->gr_name, name);
		if (found)
			*gid = g->gr_gid;
	}
	if (f)
		fclose(f);
	return found;
}

/* Supplementary groups: every group that lists the user. */
static void find_memberships(const char *login, struct account *a)
{
	FILE *f = open_entries(GROUP);
	struct group *g;
	char **member;

	while (f && (g = fgetgrent(f))) {
		for (member = g->gr_mem; member && *member; member++)
			if (!strcmp(*member, login))
				break;
		if (!member || !*member || g->gr_gid == NO_ID)
			continue;
		if (a->nr_groups == ARRAY_SIZE(a->groups)) {
			say("user %s is in more than %zu groups; the first ones count",
			    login, a->nr_groups);
			break;
		}
		a->groups[a->nr_groups++] = g->gr_gid;
	}
	if (f)
		fclose(f);
}

static const char *no_file(const char *path)
{
	return access(path, F_OK) ? ", which the image does not have; a number would do" : "";
}

/* USER[:GROUP], by name or number. A number needs no entry. */
int account_find(const char *spec, struct account *a)
{
	char *user = copy(spec), *group, *login = NULL;
	unsigned int id = 0;
	bool by_id;
	int ret = -1;

	memset(a, 0, sizeof(*a));
	group = strchr(user, ':');
	if (group)
		*group++ = '\0';
	if (group && !*group)
		group = NULL;

	by_id = number(user, &id);
	if (!find_user(user, by_id, id, a, &login)) {
		if (!by_id) {
			say("user '%s' is not in " PASSWD "%s", user, no_file(PASSWD));
			goto out;
		}
		a->uid = id;
		a->home = copy("/");
	}
	if (login && !group)
		find_memberships(login, a);

	if (group && number(group, &id)) {
		a->gid = id;
	} else if (group && !find_group(group, &a->gid)) {
		say("group '%s' is not in " GROUP "%s", group, no_file(GROUP));
		goto out;
	}
	ret = 0;
out:
	free(login);
	free(user);
	return ret;
}
