// SPDX-License-Identifier: GPL-2.0
/*
 * Compare what microvm selects with Firecracker's published guest configuration.
 *
 * CONFIG is ours, OLD the guest's, and NEW the guest's for a later version of Linux, which
 * counts for options that OLD does not know. DIFFERENCES says where our version leaves no
 * choice.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

struct difference {
	char kind[16], name[128], rest[128];
	int line;
	bool used;
	struct difference *next;
};

static struct difference *differences;
static const char *differences_file;
static int faults;

#define fault(...) (faults++, printf(__VA_ARGS__), putchar('\n'))

/* Of an entry: the place is named first. */
#define fault_of(d, format, ...) \
	fault("%s:%d: " format, differences_file, (d)->line, ##__VA_ARGS__)

static void no_mistake(const char *file, int line, const char *what, const char *text)
{
}

static void read_differences(void)
{
	static const char *const kinds[] = { "renamed", "gone", "derived", "new", "differs" };
	FILE *f = fopen(differences_file, "r");
	struct difference *d, *other;
	char *text = NULL;
	size_t size = 0;
	int line, words;
	bool known;

	if (!f)
		fail("cannot read", differences_file);
	for (line = 1; getline(&text, &size, f) != -1; line++) {
		if (*text == '#' || *text == '\n')
			continue;
		d = check_memory(calloc(1, sizeof(*d)));
		d->line = line;
		words = sscanf(text, "%15s %127s %127s", d->kind, d->name, d->rest);
		known = false;
		for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
			known |= !strcmp(d->kind, kinds[i]);
		for (other = differences; other; other = other->next)
			known &= strcmp(d->name, other->name) != 0;
		if (!known || words < (strcmp(d->kind, "derived") ? 3 : 2))
			fault_of(d, "not understood: %.*s", (int)strcspn(text, "\n"), text);
		d->next = differences;
		differences = d;
	}
	free(text);
	fclose(f);
}

/* The entry of a kind about an option, or about what an option was renamed to. */
static struct difference *find_difference(const char *name, const char *kind, bool new_name)
{
	struct difference *d;

	for (d = differences; d; d = d->next)
		if (!strcmp(new_name ? d->rest : d->name, name) &&
		    (!kind || !strcmp(d->kind, kind)))
			return d;
	return NULL;
}

/* What a configuration says of an option, without quotes; NULL if nothing. */
static char *setting(const struct fragment *config, const char *name)
{
	const struct request *r = find_request(config, name, NULL);
	char *value = r ? r->value : NULL;

	if (!value || *value != '"')
		return value;
	value = check_memory(strdup(value + 1));
	value[strcspn(value, "\"")] = '\0';
	return value;
}

/* Have we got what the guest has? */
static void check_guest(const struct options *ours, const char *name, const char *value)
{
	const struct option *option = find_option(ours, name);
	struct difference *d = find_difference(name, NULL, false);
	const char *kind = d ? d->kind : "";

	if (d)
		d->used = true;
	if (!strcmp(kind, "renamed")) {
		if (is_on(option))
			fault_of(d, "CONFIG_%s is there, it was not renamed", name);
		if (!is_on(find_option(ours, d->rest)))
			fault("lost CONFIG_%s, which CONFIG_%s was renamed to", d->rest, name);
	} else if (!strcmp(kind, "gone") || !strcmp(kind, "derived")) {
		if (is_on(option) || (option && *kind == 'd'))
			fault_of(d, "CONFIG_%s is not gone", name);
	} else if (!strcmp(kind, "differs")) {
		if (option && !strcmp(option->value, value))
			fault_of(d, "CONFIG_%s does not differ", name);
	} else if (!is_on(option)) {
		/* An empty string is no option. */
		if (*value)
			fault("lost CONFIG_%s=%s%s%s", name, value, option ? "" :
			      ", unknown to Linux ", option ? "" : getenv("KERNELVERSION"));
	} else if (strcmp(option->value, value)) {
		fault("CONFIG_%s is %s and not %s", name, option->value, value);
	}
}

int main(int argc, char **argv)
{
	int guest = 0, recent = 0, followed = 0;
	struct fragment old, new;
	const struct option *o;
	struct difference *d;
	struct options ours;
	struct request *r;
	const char *value;

	start(argc, argv, 5, "CONFIG OLD NEW DIFFERENCES");
	ours = read_options(argv[2]);
	mistake = no_mistake;
	read_fragment(&old, argv[3]);
	read_fragment(&new, argv[4]);
	differences_file = argv[5];
	read_differences();

	for (r = old.requests; r; r = r->next) {
		value = setting(&old, r->symbol);
		if (!strcmp(value, "n") || is_about_tools(r->symbol))
			continue;
		guest++;
		check_guest(&ours, r->symbol, value);
	}
	for (o = ours.list; o < ours.list + ours.count; o++) {
		value = setting(&old, o->name);
		if (!is_on(o) || !*o->value || (value && strcmp(value, "n")))
			continue;
		d = find_difference(o->name, "new", false);
		if (o->origin != CHOSEN) {
			followed++;
		} else if (d) {
			d->used = true;
			recent++;
		} else if (!find_difference(o->name, "renamed", true)) {
			const char *later = setting(&new, o->name);

			if (!value && later && strcmp(later, "n"))
				recent++;
			else
				fault("grown CONFIG_%s=%s", o->name, o->value);
		}
	}
	for (d = differences; d; d = d->next)
		if (!d->used)
			fault_of(d, "CONFIG_%s needs no entry", d->name);
	printf("%d options of the guest compared; ", guest);
	printf("%d that it did not know, %d that follow from others\n", recent, followed);
	return faults > 0;
}
