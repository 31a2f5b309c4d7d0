// SPDX-License-Identifier: GPL-2.0
/*
 * What a root file system needs beside the files of an image. All of it is done
 * in the tree, where a link leads to no other place than the tree.
 */
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "image.h"

static struct inode *file_of(const void *content, size_t size, uint32_t mode)
{
	struct inode *inode = inode_new(S_IFREG | mode);

	inode_set_mem(inode, content, size);
	return inode;
}

struct inode *link_to(const char *target)
{
	struct inode *inode = inode_new(S_IFLNK | 0777);

	inode_set_mem(inode, target, strlen(target));
	return inode;
}

/* A folder, made if it is missing; NULL if something else is in its place. */
static struct node *folder(const char *path)
{
	struct node *n = tree_lookup(path, FOLLOW_LAST | MAKE_FOLDERS, MADE);

	return n && S_ISDIR(n->inode->mode) ? n : NULL;
}

static void remove_path(const char *path)
{
	const char *name;
	size_t len;
	struct node *dir = tree_parent(path, 0, MADE, &name, &len), *n;

	n = dir && len ? tree_find(dir, name, len) : NULL;
	if (n)
		tree_remove(n);
}

/*
 * Debian's packages as they come, none of them configured. base-files' script would
 * have made these links before any package could have put its folders there; the init
 * makes those that an application needs.
 */
void finish_packages(void)
{
	struct node *var = tree_lookup("/var", FOLLOW_LAST, MADE);

	if (!var || !S_ISDIR(var->inode->mode))
		return;
	remove_path("/var/run");
	remove_path("/var/lock");
	tree_put("/var/run", link_to("/run"), MADE);
	tree_put("/var/lock", link_to("/run/lock"), MADE);
}

static struct inode *readable(const char *path)
{
	struct node *n = tree_lookup(path, FOLLOW_LAST, MADE);

	return n && S_ISREG(n->inode->mode) && n->inode->size ? n->inode : NULL;
}

/* A file in the place where a path leads, through a link to nowhere too */
static struct inode *write_file(const char *path, const void *content, size_t size)
{
	const char *name;
	size_t len;
	struct node *dir, *old;

	dir = tree_parent(path, FOLLOW_LAST | MAKE_FOLDERS, MADE, &name, &len);
	old = dir && len ? tree_find(dir, name, len) : NULL;
	if (!dir || !len || len > MAX_NAME || (old && !S_ISREG(old->inode->mode)))
		die("%s of the image is no file", path);
	if (!old)
		return tree_add(dir, name, len, file_of(content, size, 0644), MADE)->inode;
	inode_set_mem(old->inode, content, size);
	return old->inode;
}

/* base-passwd's script would have copied Debian's. */
static struct inode *account_file(const char *path, const char *master, const char *otherwise)
{
	struct inode *inode = readable(path), *from;

	if (inode)
		return inode;
	from = readable(master);
	if (from && from->mem)
		return write_file(path, from->mem, from->size);
	return write_file(path, otherwise, strlen(otherwise));
}

#define MAX_NUMBERS	65536

/* The C library ignores lines that are none, as it does when the guest runs. */
static FILE *entries(const struct inode *inode, const char *path)
{
	FILE *f;

	if (!inode->mem)
		die("%s of the image is too large to add an account", path);
	/* A stream of memory ends there. */
	if (memchr(inode->mem, '\0', inode->size))
		die("%s of the image has a NUL byte", path);
	f = fmemopen(inode->mem, inode->size, "r");
	if (!f)
		die("%s", out_of_memory);
	return f;
}

static bool has_user(const struct inode *passwd, const char *name)
{
	FILE *f = entries(passwd, "/etc/passwd");
	struct passwd *p;

	while ((p = fgetpwent(f)) && strcmp(p->pw_name, name))
		;
	fclose(f);
	return p;
}

/* A file may have hundreds of thousands of them, so it is not searched for each. */
static void mark_numbers(const struct inode *passwd, const struct inode *group, bool *taken)
{
	FILE *users = entries(passwd, "/etc/passwd"), *groups = entries(group, "/etc/group");
	struct passwd *p;
	struct group *g;

	while ((p = fgetpwent(users)))
		if (p->pw_uid < MAX_NUMBERS)
			taken[p->pw_uid] = true;
	while ((g = fgetgrent(groups)))
		if (g->gr_gid < MAX_NUMBERS)
			taken[g->gr_gid] = true;
	fclose(users);
	fclose(groups);
}

static void append(struct inode *inode, const char *line)
{
	size_t size = inode->size, len = strlen(line);
	bool newline = size && inode->mem[size - 1] != '\n';
	char *text = xmalloc(size + len + 2);

	memcpy(text, inode->mem, size);
	if (newline)
		text[size++] = '\n';
	memcpy(text + size, line, len);
	inode_set_mem(inode, text, size + len);
	free(text);
}

/* System users and groups with the first numbers that are free */
void finish_accounts(const struct manifest_list *accounts)
{
	struct inode *passwd, *group;
	bool *taken = NULL;
	unsigned int id = 100;
	char *line;
	size_t i;

	passwd = account_file("/etc/passwd", "/usr/share/base-passwd/passwd.master",
			      "root:x:0:0:root:/root:/bin/sh\n");
	group = account_file("/etc/group", "/usr/share/base-passwd/group.master",
			     "root:x:0:\ntty:x:5:\n");
	if (accounts->nr) {
		taken = xcalloc(MAX_NUMBERS, sizeof(*taken));
		mark_numbers(passwd, group, taken);
	}
	for (i = 0; i < accounts->nr; i++) {
		const struct manifest_value *v = &accounts->value[i];

		if (has_user(passwd, v->word[0]))
			continue;
		while (id < MAX_NUMBERS && taken[id])
			id++;
		if (id == MAX_NUMBERS)
			die("the image has no number below %u left for the account %s", MAX_NUMBERS,
			    v->word[0]);
		line = xasprintf("%s:x:%u:%u::%s:/usr/sbin/nologin\n", v->word[0], id, id,
				 v->nr > 1 ? v->word[1] : "/nonexistent");
		append(passwd, line);
		free(line);
		line = xasprintf("%s:x:%u:\n", v->word[0], id++);
		append(group, line);
		free(line);
	}
	free(taken);
}

#define MAX_APPLETS	1000

struct applets {
	const char *name[MAX_APPLETS];
	size_t nr;
	const uint8_t *places;
};

/* What busybox's enum BB_DIR_ says */
static const char * const places[] = { "/", "/bin", "/sbin", "/usr/bin", "/usr/sbin" };

static size_t find_name(const struct applets *a, const char *name)
{
	size_t i;

	for (i = 0; i < a->nr && strcmp(a->name[i], name); i++)
		;
	return i;
}

static unsigned int place_of(const uint8_t *table, size_t i)
{
	return table[i / 2] >> (i & 1 ? 4 : 0) & 0xf;
}

/*
 * busybox has its commands' names one after the other, ended by NUL, in the order
 * of the alphabet, beginning with [ and [[. Its table of folders has half a byte for
 * each; it is found by its length and by what is known of some.
 */
static void find_applets(const struct inode *box, struct applets *a)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyz_.+-[0123456789";
	static const struct {
		const char *name;
		unsigned int place;
	} known[] = { { "cat", 1 }, { "ls", 1 }, { "sh", 1 }, { "[", 3 }, { "env", 3 },
		      { "chroot", 4 } };
	const uint8_t *end = box->mem + box->size, *p, *start;
	size_t i, len, size, index[ARRAY_SIZE(known)];

	/* What is in front of the list is another one, which may end in any byte. */
	a->nr = 0;
	for (start = box->mem; a->nr < 10; start++) {
		start = memmem(start, end - start, "[\0[[", 5);
		if (!start)
			break;
		a->nr = 0;
		for (p = start; p < end && a->nr < MAX_APPLETS; p += len + 1) {
			/* The file's content is followed by a NUL of our own. */
			len = strlen((const char *)p);
			if (!len || len > 32 || strspn((const char *)p, chars) != len)
				break;
			if (a->nr && strcmp(a->name[a->nr - 1], (const char *)p) >= 0)
				break;
			a->name[a->nr++] = (const char *)p;
		}
	}
	if (a->nr < 10)
		die("busybox: /bin/busybox has no list of its commands where it was expected");
	for (i = 0; i < ARRAY_SIZE(known); i++)
		index[i] = find_name(a, known[i].name);
	size = (a->nr + 1) / 2;
	a->places = NULL;
	for (p = box->mem; p + size <= end && !a->places; p++) {
		for (i = 0; i < ARRAY_SIZE(known); i++)
			if (index[i] < a->nr && place_of(p, index[i]) != known[i].place)
				break;
		if (i < ARRAY_SIZE(known))
			continue;
		for (i = 0; i < a->nr && place_of(p, i) < ARRAY_SIZE(places); i++)
			;
		if (i == a->nr)
			a->places = p;
	}
}

static bool has_path(const char *dir, const char *name)
{
	struct node *n = tree_lookup(dir, FOLLOW_LAST, MADE);

	return n && tree_find(n, name, strlen(name));
}

/* Links for all of busybox's commands, where no package has a file of that name */
void finish_busybox(void)
{
	struct inode *box = readable("/bin/busybox");
	static struct applets a;
	struct node *dir;
	const char *place;
	size_t i;

	if (!box || !(box->mode & 0111))
		die("busybox: no /bin/busybox in the packages");
	if (!box->mem)
		die("busybox: /bin/busybox is too large");
	find_applets(box, &a);
	for (i = 0; i < a.nr; i++) {
		place = a.places ? places[place_of(a.places, i)] : "/bin";
		if (has_path("/bin", a.name[i]) || has_path("/usr/bin", a.name[i]) ||
		    has_path(place, a.name[i]))
			continue;
		dir = folder(place);
		if (!dir)
			die("busybox: %s of the packages is no folder", place);
		tree_add(dir, a.name[i], strlen(a.name[i]), link_to("/bin/busybox"), MADE);
	}
}

/* Whether the libc that is going to be replaced is one that ours can stand in for */
void finish_musl(uint32_t ours, const char *name)
{
	static const char * const libs[] = { "/lib", "/usr/lib" };
	struct inode *libc = NULL;
	char *path;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(libs) && !libc; i++) {
		path = xasprintf("%s/ld-musl-x86_64.so.1", libs[i]);
		libc = readable(path);
		free(path);
	}
	if (!libc)
		die("--musl: %s has no lib/ld-musl-x86_64.so.1", name);
	/* A program that is linked to a newer one may want functions that ours has not. */
	if (libc->version > ours)
		warn("the image's musl is %u.%u.%u, ours only %u.%u.%u: programs may lack symbols",
		     libc->version >> 16, libc->version >> 8 & 0xff, libc->version & 0xff,
		     ours >> 16, ours >> 8 & 0xff, ours & 0xff);
}

/* For kernels without DEVTMPFS */
static void make_devices(void)
{
	static const struct {
		const char *name;
		uint32_t mode, major, minor;
	} devices[] = {
		{ "console", 0600, 5, 1 },
		{ "full", 0666, 1, 7 },
		{ "null", 0666, 1, 3 },
		{ "ptmx", 0666, 5, 2 },
		{ "random", 0666, 1, 8 },
		{ "tty", 0666, 5, 0 },
		{ "ttyS0", 0600, 4, 64 },
		{ "urandom", 0666, 1, 9 },
		{ "zero", 0666, 1, 5 },
	};
	struct node *dev = folder("/dev");
	struct inode *inode;
	size_t i;

	if (!dev)
		die("/dev of the image is no folder");
	for (i = 0; i < ARRAY_SIZE(devices); i++) {
		if (tree_find(dev, devices[i].name, strlen(devices[i].name)))
			continue;
		inode = inode_new(S_IFCHR | devices[i].mode);
		inode->major = devices[i].major;
		inode->minor = devices[i].minor;
		tree_add(dev, devices[i].name, strlen(devices[i].name), inode, MADE);
	}
	folder("/dev/pts");
	folder("/dev/shm");
}

void finish_root(const void *init, size_t init_size, const char *conf, size_t conf_size)
{
	static const char * const needed[] = { "/proc", "/sys", "/run", "/etc" };
	struct node *n;
	struct inode *inode;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(needed); i++)
		folder(needed[i]);
	n = folder("/tmp");
	if (n)
		n->inode->mode = S_IFDIR | 01777;
	n = folder("/root");
	if (n)
		n->inode->mode = S_IFDIR | 0700;
	tree_put("/etc/lupine-init.conf", file_of(conf, conf_size, 0644), MADE);
	inode = file_of(init, init_size, 0755);
	tree_put("/sbin/init", inode, MADE);
	/* By this name, it knows that urunc starts it. */
	tree_put("/sbin/urunit", link_to("init"), MADE);
	/* Hosts and name servers are found out at boot. */
	remove_path("/etc/resolv.conf");
	remove_path("/etc/hosts");
	make_devices();
}
