// SPDX-License-Identifier: GPL-2.0
/* File systems: what every program expects, then what the image asks for. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init.h"

static const struct {
	const char *type, *dir, *data;
	unsigned long flags;
	bool only_when_empty;
} kernel_fs[] = {
	{ "proc", "/proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, false },
	{ "sysfs", "/sys", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, false },
	{ "devtmpfs", "/dev", "mode=0755", MS_NOSUID | MS_NOEXEC, false },
	{ "devpts", "/dev/pts", "mode=0620,ptmxmode=0666,gid=5", MS_NOSUID | MS_NOEXEC, false },
	{ "tmpfs", "/dev/shm", "mode=1777", MS_NOSUID | MS_NODEV, false },
	{ "mqueue", "/dev/mqueue", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, false },
	/* Files that the image brings there must stay visible. */
	{ "tmpfs", "/tmp", "mode=1777", MS_NOSUID | MS_NODEV, true },
	{ "tmpfs", "/run", "mode=0755", MS_NOSUID | MS_NODEV, true },
};

/*
 * Without CONFIG_TMPFS the kernel still registers a tmpfs, in which nothing
 * can be made.
 */
static bool usable(const char *dir)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/.lupine-init", dir);
	if (mkdir(path, 0700))
		return false;
	rmdir(path);
	return true;
}

static void make_links(void)
{
	static const char *const links[][2] = {
		{ "/proc/self/fd", "/dev/fd" },
		{ "/proc/self/fd/0", "/dev/stdin" },
		{ "/proc/self/fd/1", "/dev/stdout" },
		{ "/proc/self/fd/2", "/dev/stderr" },
	};
	size_t i;

	for (i = 0; i < sizeof(links) / sizeof(*links); i++)
		if (symlink(links[i][0], links[i][1]) && errno != EEXIST)
			return;		/* read-only root: the image may have them */
}

void mount_kernel_file_systems(void)
{
	size_t i;

	for (i = 0; i < sizeof(kernel_fs) / sizeof(*kernel_fs); i++) {
		const char *dir = kernel_fs[i].dir;

		/* An image may lack any of them; /dev/mqueue is nobody's fault. */
		if (mkdir(dir, 0755) && errno != EEXIST) {
			if (!strchr(dir + 1, '/'))
				say("%s is not in the image, and cannot be made: %s",
				    dir, strerror(errno));
			continue;
		}
		if (kernel_fs[i].only_when_empty && !is_empty_dir(dir))
			continue;
		if (mount(kernel_fs[i].type, dir, kernel_fs[i].type,
			  kernel_fs[i].flags, kernel_fs[i].data)) {
			/*
			 * ENODEV: not in this kernel, which is fine until
			 * somebody needs it. EBUSY: the kernel mounted /dev.
			 */
			if (errno != ENODEV && errno != EBUSY)
				say("%s on %s: %s", kernel_fs[i].type, dir, strerror(errno));
		} else if (!strcmp(kernel_fs[i].type, "tmpfs") && !usable(dir)) {
			umount(dir);
		}
	}
	make_links();
}

/* Only such a file system goes as is there by mount_kernel_file_systems(). */
void unmount_kernel_file_system(const char *type)
{
	size_t i;

	for (i = sizeof(kernel_fs) / sizeof(*kernel_fs); i-- > 0; )
		if (!strcmp(kernel_fs[i].type, type))
			umount2(kernel_fs[i].dir, MNT_DETACH);
}

static unsigned long mount_options(char *options, char *data)
{
	static const struct {
		const char *name;
		unsigned long flag;
	} flags[] = {
		{ "ro", MS_RDONLY }, { "nosuid", MS_NOSUID }, { "nodev", MS_NODEV },
		{ "noexec", MS_NOEXEC }, { "noatime", MS_NOATIME }, { "bind", MS_BIND },
		{ "rw", 0 },
	};
	unsigned long set = 0;
	char *option;
	size_t i;

	while ((option = strsep(&options, ","))) {
		for (i = 0; i < sizeof(flags) / sizeof(*flags); i++)
			if (!strcmp(option, flags[i].name))
				break;
		if (i < sizeof(flags) / sizeof(*flags)) {
			set |= flags[i].flag;
			continue;
		}
		if (*data)
			strcat(data, ",");
		strcat(data, option);
	}
	return set;
}

/* What to unmount in the end, so that volumes are clean for the next run. */
static struct list mounted;

/*
 * A new volume is root's, which the application need not be: let it take after
 * the folder that it covers.
 */
static void adopt(const char *dir, const struct stat *covered)
{
	struct stat st;

	if (stat(dir, &st) || st.st_uid || st.st_gid || !is_empty_dir(dir))
		return;
	if ((chown(dir, covered->st_uid, covered->st_gid) && errno != ENOSYS) ||
	    chmod(dir, covered->st_mode & 07777))
		say("mount on %s: owner and mode: %s", dir, strerror(errno));
}

/* Is /dev a folder of the image? */
static bool no_devtmpfs(void)
{
	struct stat root, dev;

	return !stat("/", &root) && !stat("/dev", &dev) && root.st_dev == dev.st_dev;
}

static void mount_one(const struct manifest_value *v)
{
	const char *type = v->word[0], *source = v->word[1], *dir = v->word[2];
	char *options = v->nr > 3 ? copy(v->word[3]) : NULL, *data = NULL;
	unsigned long flags = 0;
	struct stat covered;

	if (options) {
		data = calloc(1, strlen(options) + 1);
		if (!data)
			fail("out of memory");
		flags = mount_options(options, data);
	}
	if (make_folders(dir, 0755) || stat(dir, &covered))
		fail("mount on %s: %s", dir, strerror(errno));
	make_disk_node(source);
	if (mount(source, dir, type, flags, data)) {
		if (errno == ENODEV && feature_of_fs(type))
			fail("mount of %s on %s: %s is off: add CONFIG_%s to the kernel",
			     type, dir, feature_of_fs(type), feature_of_fs(type));
		if (errno == ENOENT && !strncmp(source, "/dev/", 5) && no_devtmpfs())
			fail("mount of %s on %s: no %s: add CONFIG_DEVTMPFS to the kernel",
			     type, dir, source);
		fail("mount of %s %s on %s: %s", type, source, dir, strerror(errno));
	}
	if (*source == '/' && !(flags & (MS_RDONLY | MS_BIND)))
		adopt(dir, &covered);
	list_add(&mounted, dir);
	free(data);
	free(options);
}

/* A disk of which nobody says what file system it has */
void mount_disk(const char *source, const char *dir)
{
	char *types = slurp("/proc/filesystems", 4096, NULL), *rest = types, *line;
	struct stat covered;

	make_disk_node(source);
	if (make_folders(dir, 0755) || stat(dir, &covered))
		fail("mount on %s: %s", dir, strerror(errno));
	/* "nodev TYPE" is for file systems without a disk. */
	while (rest && (line = strsep(&rest, "\n"))) {
		if (*line++ == '\t' && !mount(source, dir, line, 0, NULL)) {
			adopt(dir, &covered);
			list_add(&mounted, dir);
			free(types);
			return;
		}
	}
	fail("mount of %s on %s: no file system of this kernel is on it: %s", source, dir,
	     strerror(errno));
}

static void mkdir_one(const struct manifest_value *v)
{
	const char *dir = v->word[0], *owner = v->nr > 2 ? v->word[2] : NULL;
	struct account a;
	struct stat st;

	if (make_folders(dir, 0755))
		fail("mkdir %s: %s", dir, strerror(errno));
	if (stat(dir, &st) || !S_ISDIR(st.st_mode))
		fail("mkdir %s: the image has something else of that name", dir);
	/* Owner first: chown() takes set-id bits away. */
	if (owner) {
		if (account_find(owner, &a))
			fail("mkdir %s: no owner %s", dir, owner);
		if (chown(dir, a.uid, a.gid) && errno != ENOSYS)
			fail("mkdir %s: owner %s: %s", dir, owner, strerror(errno));
	}
	if (v->nr > 1 && chmod(dir, v->number[0]))
		fail("mkdir %s: mode %s: %s", dir, v->word[1], strerror(errno));
}

static void make_all(const struct manifest_list *l)
{
	size_t i;

	for (i = 0; i < l->nr; i++)
		mkdir_one(&l->value[i]);
}

void mount_configured(const struct config *c)
{
	const struct manifest_list *mounts = &c->m.key[KEY_MOUNT];
	size_t i;

	make_all(&c->m.key[KEY_MKDIR]);
	for (i = 0; i < mounts->nr; i++)
		mount_one(&mounts->value[i]);
	/* And inside what has been mounted: /run/NAME, say. */
	if (mounts->nr)
		make_all(&c->m.key[KEY_MKDIR]);
}

void unmount_configured(void)
{
	while (mounted.nr) {
		mounted.nr--;
		if (umount(mounted.item[mounted.nr]))
			say("unmounting %s: %s", mounted.item[mounted.nr], strerror(errno));
	}
}
