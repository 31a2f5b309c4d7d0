// SPDX-License-Identifier: GPL-2.0
/*
 * Debian's alternatives: which of several packages' files has the common name, as
 * /usr/sbin/iptables or libblas.so.3. Scripts of packages choose by calling
 * update-alternatives(1), and no such script runs while an image is made. So what they would
 * say is looked up in their text: scripts/apps/build puts all of them into one file,
 * each behind a line "# package NAME". Where a call of --install has only words that stand for
 * themselves, the link is made, to the file with the highest priority that is there. Others are
 * named.
 *
 * So are files that only a program makes which the scripts call, as caches are.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "image.h"

#define SCRIPTS		"/var/lib/lupine.postinst"
#define CHOICES		"/etc/alternatives"
#define PROGRAM		"update-alternatives"
#define MOST		2000		/* of all packages */
#define MOST_WORDS	400		/* of a call */
#define MAX_PRIORITY	1000000

struct choice {
	const char *link, *name, *path;
	long priority;
	size_t master;		/* whose choice it goes with; itself, if it is no slave */
};

static struct choice choices[MOST];
static size_t nr_choices;

/* Cut the next word off, and quotes off that; a word may end the command. NULL: no more */
static char *next_word(char **text, bool *ends)
{
	char *word, quote;
	size_t len;

	*text += strspn(*text, " \t");
	if (!**text || strchr("\n;&|<>#", **text))
		return NULL;
	quote = **text;
	if (quote == '"' || quote == '\'') {
		word = ++*text;
		len = strcspn(word, quote == '"' ? "\"\n" : "'\n");
		*ends = word[len] != quote || !strchr(" \t\n", word[len + 1]);
	} else {
		word = *text;
		len = strcspn(word, " \t\n;&|<>");
		*ends = strchr(";&|<>\n", word[len]);
	}
	*text = word + len;
	if (**text)
		*(*text)++ = '\0';
	return word;
}

static bool exists(const char *path)
{
	return tree_lookup(path, FOLLOW_LAST, MADE);
}

/* Programs that scripts call, what they make, and of what */
static const struct maker {
	const char *program, *file, *of;
} makers[] = {
	{ "update-ca-certificates", "/etc/ssl/certs/ca-certificates.crt",
	  "/usr/share/ca-certificates" },
	{ "glib-compile-schemas", "/usr/share/glib-2.0/schemas/gschemas.compiled",
	  "/usr/share/glib-2.0/schemas" },
	{ "gio-querymodules", "/usr/lib/x86_64-linux-gnu/gio/modules/giomodule.cache",
	  "/usr/lib/x86_64-linux-gnu/gio/modules" },
	{ "gdk-pixbuf-query-loaders",
	  "/usr/lib/x86_64-linux-gnu/gdk-pixbuf-2.0/2.10.0/loaders.cache",
	  "/usr/lib/x86_64-linux-gnu/gdk-pixbuf-2.0/2.10.0/loaders" },
	{ "update-mime-database", "/usr/share/mime/mime.cache", "/usr/share/mime/packages" },
	{ "fc-cache", "/var/cache/fontconfig/CACHEDIR.TAG", "/usr/share/fonts" },
	{ "update-xmlcatalog", "/etc/xml/catalog", "/usr/share/xml" },
};

static bool is_of_word(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_';
}

static bool calls(const char *line, const char *program)
{
	const char *at = line;
	size_t len = strlen(program);

	for (; (at = strstr(at, program)); at += len)
		if ((at == line || !is_of_word(at[-1])) && !is_of_word(at[len]) && at[len] != '.')
			return true;
	return false;
}

static void find_makers(const char *line, const char *package)
{
	static bool told[ARRAY_SIZE(makers)];
	const struct maker *m;

	if (line[strspn(line, " \t")] == '#')
		return;
	for (m = makers; m < makers + ARRAY_SIZE(makers); m++) {
		if (told[m - makers] || !calls(line, m->program) || exists(m->file) ||
		    !exists(m->of))
			continue;
		told[m - makers] = true;
		tell("%.100s: its script is not run, so there is no %s; %s makes it, which the %s",
		     package, m->file, m->program, "application can run as it starts");
	}
}

/* Does it mean itself in every shell? */
static bool is_plain(const char *word)
{
	if (!*word)
		return false;
	for (; *word; word++)
		if (!isalnum((unsigned char)*word) && !strchr("/._+-:@", *word))
			return false;
	return true;
}

static bool is_file(const char *path)
{
	return *path == '/' && !strstr(path, "/..") && strlen(path) <= MAX_PATH && is_plain(path);
}

static bool is_name(const char *name)
{
	return !strchr(name, '/') && *name != '.' && strlen(name) <= MAX_NAME && is_plain(name);
}

static bool add(char **word, long priority, size_t master)
{
	if (!is_file(word[0]) || !is_name(word[1]) || !is_file(word[2]))
		return false;
	if (nr_choices == MOST)
		die("the packages have more than %u alternatives", MOST);
	choices[nr_choices++] = (struct choice){ word[0], word[1], word[2], priority, master };
	return true;
}

/* The words behind --install; false: they are not known before the script runs. */
static bool install(char **word, size_t nr)
{
	size_t i, first = nr_choices;
	long priority;
	char *end;

	if (nr < 4)
		return false;
	priority = strtol(word[3], &end, 10);
	if (*end || end == word[3] || labs(priority) > MAX_PRIORITY ||
	    !add(word, priority, first))
		return false;
	for (i = 4; i < nr; i += 4) {
		if (strcmp(word[i], "--slave") || nr - i < 4 ||
		    !add(word + i + 1, priority, first)) {
			nr_choices = first;
			return false;
		}
	}
	return true;
}

/* The words behind the name of the program; moves text behind what it has read of them. */
static bool read_call(char **text)
{
	char *word[MOST_WORDS], *w;
	bool ends = false;
	size_t nr = 0, i;

	while (!ends && nr < MOST_WORDS && (w = next_word(text, &ends)))
		word[nr++] = w;
	for (i = 0; i < nr && strcmp(word[i], "--install"); i++)
		;
	return i == nr || install(word + i + 1, nr - i - 1);
}

/* All calls in a line of a script; a mention in a text may look like one. */
static bool read_line(char *line)
{
	bool known = true;

	if (line[strspn(line, " \t")] == '#')
		return true;
	while ((line = strstr(line, PROGRAM))) {
		line += strlen(PROGRAM);
		if (*line == ' ' || *line == '\t')
			known &= read_call(&line);
	}
	return known;
}

/* Is there none of its name that has a higher priority? Of two alike the first one counts. */
static bool is_best(size_t which)
{
	const struct choice *c = &choices[which], *o;
	size_t i;

	for (i = 0; i < nr_choices; i++) {
		o = &choices[i];
		if (i == which || o->master != i || strcmp(o->name, c->name) || !exists(o->path))
			continue;
		if (o->priority > c->priority || (o->priority == c->priority && i < which))
			return false;
	}
	return true;
}

static void make_links(void)
{
	const struct choice *c;
	char *choice;
	size_t i;

	for (i = 0; i < nr_choices; i++) {
		c = &choices[i];
		if (!exists(c->path) || tree_lookup(c->link, 0, MADE) ||
		    !exists(choices[c->master].path) || !is_best(c->master))
			continue;
		choice = xasprintf(CHOICES "/%s", c->name);
		tree_put(choice, link_to(c->path), MADE);
		tree_put(c->link, link_to(choice), MADE);
		free(choice);
	}
}

void finish_alternatives(void)
{
	struct node *n = tree_lookup(SCRIPTS, 0, MADE);
	const char *package = "a package", *unknown = NULL;
	char *text, *line, *end, *p;

	if (!n || !S_ISREG(n->inode->mode) || !n->inode->mem)
		return;
	/* A NUL byte follows it; nothing behind one counts. */
	text = xstrdup((char *)n->inode->mem);
	tree_remove(n);
	for (p = text; (p = strstr(p, "\\\n")); )
		p[0] = p[1] = ' ';
	for (line = text; line; line = end ? end + 1 : NULL) {
		end = strchr(line, '\n');
		if (end)
			*end = '\0';
		if (!strncmp(line, "# package ", 10)) {
			package = line + 10;
			unknown = NULL;
			continue;
		}
		find_makers(line, package);
		if (!read_line(line) && unknown != package) {
			unknown = package;
			tell("%.100s: the alternatives that its script makes are left out",
			     package);
		}
	}
	make_links();
	free(text);
}
