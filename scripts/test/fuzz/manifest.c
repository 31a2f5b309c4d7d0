// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzz the parser of manifests: whatever it accepts, it prints, and reads again to the
 * same; a copy by merging is the same, too; what it refuses leaves nothing behind and
 * has a message of one line. The first byte of the input is the place that it is read
 * from: the manifest, the label, the init's configuration or the command line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../lupine/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct manifest m, again, merged = { 0 };
	char error[MANIFEST_ERROR_SIZE] = "", *text, *text2;
	const char *input = (const char *)data + 1;
	unsigned int where;

	if (!size)
		return 0;
	where = 1u << (*data & 3);
	if (manifest_parse(&m, "input", input, size - 1, where, error, sizeof(error))) {
		must(*error && !strchr(error, '\n') && !strchr(error, '\033') && !m.nr_values);
		return 0;
	}
	must(!*error);
	text = manifest_print(&m, where);
	must(text && !manifest_parse(&again, "print", text, strlen(text), where,
				     error, sizeof(error)));
	text2 = manifest_print(&again, where);
	must(text2 && !strcmp(text, text2));
	free(text2);
	must(!manifest_merge(&merged, &again));
	text2 = manifest_print(&merged, where);
	must(text2 && !strcmp(text, text2));
	free(text2);
	free(text);
	manifest_free(&m);
	manifest_free(&again);
	manifest_free(&merged);
	return 0;
}
