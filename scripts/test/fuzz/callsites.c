// SPDX-License-Identifier: GPL-2.0
/*
 * Give callsites files that are no ELF files, or hardly. Beyond what the sanitizers
 * find: a check changes nothing, a rewriting changes what it reports and no other
 * byte, and it counts what the check has counted.
 */
#include <stdlib.h>
#include <string.h>

#include "callsites/callsites.h"
#include "fuzz.h"

static void compare(const uint8_t *before, const uint8_t *after, size_t size,
		    const struct callsites_report *report)
{
	const struct callsites_site *site;
	size_t at = 0, i;

	/* Sites are in order only within a segment. */
	if (!report->changed) {
		require(!memcmp(before, after, size));
		return;
	}
	for (i = 0; i < report->num_sites; i++) {
		site = &report->sites[i];
		if (!site->len)
			continue;
		require(site->offset + site->len <= size);
		require(!memcmp(after + site->offset, site->bytes, site->len));
		at += site->len;
	}
	for (i = 0; i < size; i++)
		at += before[i] == after[i];
	require(at >= size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct callsites_report check, report;
	/* Of exactly this size, so that a byte too far is seen */
	uint8_t *copy = duplicate(data, size), *rewritten;

	begin_input();
	require(callsites_run(copy, size, CALLSITES_CHECK, &check) == !check.error);
	require(!check.changed && !memcmp(copy, data, size));

	require(callsites_run(copy, size, CALLSITES_REWRITE, &report) == !check.error);
	require(!memcmp(report.total, check.total, sizeof(check.total)));
	compare(data, copy, size, &report);
	callsites_free(&report);
	callsites_free(&check);

	rewritten = duplicate(copy, size);
	callsites_run(copy, size, CALLSITES_UNDO, &report);
	compare(rewritten, copy, size, &report);
	callsites_free(&report);
	free(rewritten);
	free(copy);
	return 0;
}
