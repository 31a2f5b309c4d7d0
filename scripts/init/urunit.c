// SPDX-License-Identifier: GPL-2.0
/*
 * The conventions by which urunc, a container runtime for unikernels, starts the init of
 * a Linux guest whose path contains "urunit":
 *
 *   - The container's arguments are words behind "--" of the kernel's command line. A word
 *     with blanks is between single quotes, which the kernel does not know.
 *   - Its environment, user, folder and volumes are lines of the file that the variable
 *     URUNIT_CONFIG names, which is the machine's initrd; up to urunc 0.6 there is no such
 *     file, and the environment is in words of the kernel's command line.
 *
 * What they say goes before what the image's configuration says.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "init.h"

#define CONFIG_VARIABLE	"URUNIT_CONFIG"
#define OWN_PREFIX	"URUNIT_"

/* Disks by their serial numbers, which are to be mounted */
static struct {
	char *serial, *dir;
} volumes['z' - 'a'];

static size_t nr_volumes;

bool urunit_wanted(const char *self)
{
	return strstr(self, "urunit");
}

static bool can_add(struct manifest *o, const char *from, enum manifest_key key, const char *text)
{
	char error[MANIFEST_ERROR_SIZE];

	if (!manifest_add(o, from, key, &text, 1, IN_COMMAND, error, sizeof(error)))
		return true;
	say("%s", error);
	return false;
}

static void add(struct manifest *o, const char *from, enum manifest_key key, const char *text)
{
	if (!can_add(o, from, key, text))
		exit(EXIT_INIT);
}

/*
 * A variable of the container. Container engines set PATH to this where nobody says
 * anything, and an image that does knows better. Among the many that Kubernetes makes,
 * one that cannot be is left out.
 */
static void add_variable(struct manifest *o, const char *from, const char *assignment)
{
	const char *value = strchr(assignment, '=');

	if (!value || value == assignment || !strncmp(assignment, OWN_PREFIX, strlen(OWN_PREFIX)) ||
	    !strcmp(assignment, "PATH=" DEFAULT_PATH))
		return;
	if (can_add(o, from, KEY_ENV, assignment) && value[1] &&
	    !strncmp(assignment, "HOSTNAME=", strlen("HOSTNAME=")))
		can_add(o, from, KEY_HOSTNAME, value + 1);
}

/* The kernel's own variables, and the parameter that config.c reads, are not the container's. */
static void add_environment(struct manifest *o)
{
	static const char *const ours[] = { "HOME=/", "TERM=linux" };
	char **e;
	size_t i;

	for (e = environ; *e; e++) {
		for (i = 0; i < ARRAY_SIZE(ours) && strcmp(*e, ours[i]); i++)
			;
		if (i == ARRAY_SIZE(ours) && strncmp(*e, "lupine=", strlen("lupine=")))
			add_variable(o, "command line", *e);
	}
}

/* 'a b' has arrived as two words. A quote that nobody closes is a quote. */
static void add_arguments(struct manifest *o, int argc, char **argv)
{
	char *all = copy("");
	int i, end;

	for (i = 1; i < argc; i++) {
		size_t len;

		for (end = i; argv[i][0] == '\'' && end < argc; end++) {
			/* A quote alone begins here, and ends elsewhere. */
			len = strlen(argv[end]);
			if (argv[end][len ? len - 1 : 0] == '\'' && (end > i || len > 1))
				break;
		}
		if (argv[i][0] != '\'' || end == argc) {
			add(o, "command line", KEY_CMD, argv[i]);
			continue;
		}
		free(all);
		all = copy(argv[i] + 1);
		while (i < end) {
			char *longer;

			i++;
			if (asprintf(&longer, "%s %s", all, argv[i]) < 0)
				fail("out of memory");
			free(all);
			all = longer;
		}
		all[strlen(all) - 1] = '\0';
		add(o, "command line", KEY_CMD, all);
	}
	free(all);
}

/* What follows KEY in a line KEY:VALUE, or NULL */
static char *value_of(char *line, const char *key)
{
	size_t len = strlen(key);

	return !strncmp(line, key, len) && line[len] == ':' ? line + len + 1 : NULL;
}

static bool is_id(const char *text)
{
	return *text && strlen(text) <= 10 && !text[strspn(text, "0123456789")];
}

static void add_volume(const char *from, char *serial, const char *dir)
{
	if (!serial || *dir != '/')
		fail("%s: a volume wants a line ID: and a folder, not '%s'", from, dir);
	if (nr_volumes == ARRAY_SIZE(volumes))
		fail("%s: more than %zu volumes", from, ARRAY_SIZE(volumes));
	volumes[nr_volumes].serial = copy(serial);
	volumes[nr_volumes++].dir = copy(dir);
}

/* A user or folder that engines give where nobody says anything leaves the image's. */
static void add_process(struct manifest *o, const char *from, const char *uid, const char *gid,
			const char *dir)
{
	char *user;

	if (uid && is_id(uid) && (!gid || is_id(gid))) {
		if (strcmp(uid, "0") || (gid && strcmp(gid, "0"))) {
			if (asprintf(&user, "%s:%s", uid, gid ?: uid) < 0)
				fail("out of memory");
			add(o, from, KEY_USER, user);
			free(user);
		}
	} else if (uid || gid) {
		fail("%s: UID '%s' and GID '%s' are no numbers", from, uid ?: "", gid ?: "");
	}
	if (dir && strcmp(dir, "/"))
		add(o, from, KEY_WORKDIR, dir);
}

/* Sections between UES and UEE, UCS and UCE, UBS and UBE: variables, process, volumes */
static void add_file(struct manifest *o, const char *path)
{
	char *text, *rest, *line, *value, *serial = NULL, *uid = NULL, *gid = NULL, *dir = NULL;
	char section = 0;
	size_t len;

	text = slurp(path, MANIFEST_MAX_SIZE, &len);
	if (!text)
		fail("%s: %s: add CONFIG_BLK_DEV_INITRD to the kernel", path, strerror(errno));
	/* The machine pads it with NUL bytes. */
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		len = strlen(line);
		if (len == 3 && line[0] == 'U' && line[2] == 'S' && strchr("ECB", line[1])) {
			section = line[1];
		} else if (len == 3 && line[0] == 'U' && line[1] == section && line[2] == 'E') {
			section = 0;
		} else if (section == 'E') {
			add_variable(o, path, line);
		} else if (section == 'C') {
			uid = value_of(line, "UID") ?: uid;
			gid = value_of(line, "GID") ?: gid;
			dir = value_of(line, "WD") ?: dir;
		} else if (section == 'B') {
			serial = value_of(line, "ID") ?: serial;
			value = value_of(line, "MP");
			if (!value)
				continue;
			add_volume(path, serial, value);
			serial = NULL;
		}
	}
	if (section)
		fail("%s ends within its section U%cS", path, section);
	add_process(o, path, uid, gid, dir);
	free(text);
}

void urunit_override(struct config *c, int argc, char **argv)
{
	const char *path = getenv(CONFIG_VARIABLE);
	struct manifest o = { 0 };

	if (path)
		add_file(&o, path);
	else
		add_environment(&o);
	add_arguments(&o, argc, argv);
	if (manifest_merge(&c->m, &o))
		fail("out of memory, or more than %d values", MANIFEST_MAX_LINES);
	manifest_free(&o);
}

/* The disk with this serial number, as a path that stays allocated; NULL: there is none. */
static char *disk_with(const char *serial)
{
	char path[] = "/sys/class/block/vdX/serial", *text, *disk, letter;
	bool found;

	for (letter = 'a'; letter <= 'z'; letter++) {
		path[strlen("/sys/class/block/vd")] = letter;
		/* It ends in no newline in some versions of the kernel. */
		text = slurp(path, 64, NULL);
		if (!text)
			continue;
		text[strcspn(text, "\n")] = '\0';
		found = !strcmp(text, serial);
		free(text);
		if (found && asprintf(&disk, "/dev/vd%c", letter) > 0)
			return disk;
	}
	return NULL;
}

void urunit_mount(void)
{
	char *disk;
	size_t i;

	for (i = 0; i < nr_volumes; i++) {
		disk = disk_with(volumes[i].serial);
		if (!disk)
			fail("volume on %s: no disk has the serial number '%s'", volumes[i].dir,
			     volumes[i].serial);
		mount_disk(disk, volumes[i].dir);
	}
}
