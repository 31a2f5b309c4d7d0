// SPDX-License-Identifier: GPL-2.0
/*
 * Give the parser of manifests two texts and a value: as the user's manifest, a label,
 * the init's configuration, or what the command line changes. What it accepts is
 * printed, read again and printed again, which must be the same text.
 *
 * Input: a byte that selects the source, then the texts, with a NUL byte between them.
 */
#include "lupine/manifest.h"
#include "fuzz.h"

static const unsigned int sources[] = { IN_MANIFEST, IN_LABEL, IN_INIT, IN_COMMAND };

static char error[MANIFEST_ERROR_SIZE];

/* An error is a text that ends in the buffer, and shows no control characters. */
static void check_error(const struct manifest *m)
{
	size_t len = strnlen(error, sizeof(error)), i;

	require(len && len < sizeof(error));
	for (i = 0; i < len; i++)
		require((unsigned char)error[i] >= ' ' && error[i] != 0x7f);
	require(!m->nr_values);
}

static void round_trip(const struct manifest *m, unsigned int where)
{
	char *text = manifest_print(m, where), *again;
	struct manifest copy = { 0 }, merged = { 0 };

	require(text);
	if (manifest_parse(&copy, "again", text, strlen(text), where, error, sizeof(error))) {
		fprintf(stderr, "%s\nof: %s\n", error, text);
		abort();
	}
	again = manifest_print(&copy, where);
	require(again && !strcmp(text, again));
	free(again);
	/* Into an empty one, so is a merge. */
	require(!manifest_merge(&merged, &copy));
	again = manifest_print(&merged, where);
	require(again && !strcmp(text, again));
	free(again);
	free(text);
	manifest_free(&merged);
	manifest_free(&copy);
}

/* Does each value agree with what the header says of it? */
static void check_values(const struct manifest *m)
{
	const struct manifest_value *v;
	size_t key, i, w, n = 0;

	for (key = 0; key < NR_MANIFEST_KEYS; key++) {
		for (i = 0; i < m->key[key].nr; i++, n++) {
			v = &m->key[key].value[i];
			require(!v->word[v->nr]);
			for (w = 0; w < v->nr; w++)
				require(v->word[w] && strlen(v->word[w]) <= MANIFEST_MAX_WORD);
		}
	}
	require(n == m->nr_values && n <= MANIFEST_MAX_LINES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct manifest m = { 0 }, other = { 0 }, value = { 0 };
	const char *text = (const char *)data + 1;
	size_t first, rest;
	unsigned int where;
	char *copy;

	begin_input();
	if (!size)
		return 0;
	where = sources[*data & 3];
	first = strnlen(text, size - 1);
	/* Of exactly this size, so that a byte too far is seen */
	copy = duplicate(text, first);
	if (manifest_parse(&m, "one", copy, first, where, error, sizeof(error)))
		check_error(&m);
	else
		round_trip(&m, where);
	free(copy);
	check_values(&m);
	if (first + 1 < size) {
		rest = size - first - 2;
		copy = duplicate(text + first + 1, rest);
		if (manifest_parse(&other, "two", copy, rest, where, error, sizeof(error)))
			check_error(&other);
		free(copy);
		check_values(&other);
		if (!manifest_merge(&m, &other))
			round_trip(&m, where);
		check_values(&m);
		/* A value, as lupine run has it from its options */
		copy = strndup(text + first + 1, rest);
		require(copy);
		if (manifest_add_text(&value, "value", (*data >> 2) % NR_MANIFEST_KEYS, copy, where,
				      error, sizeof(error)))
			check_error(&value);
		free(copy);
		check_values(&value);
		if (!manifest_merge(&m, &value))
			round_trip(&m, where);
		check_values(&m);
	}
	manifest_free(&value);
	manifest_free(&other);
	manifest_free(&m);
	return 0;
}
