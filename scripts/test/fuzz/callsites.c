// SPDX-License-Identifier: GPL-2.0
/*
 * Give callsites files that are no ELF files, or hardly. Beyond what the sanitizers
 * find: a check changes nothing and counts what a rewriting counts; to rewrite once
 * more changes nothing; and what is undone is as it was.
 */
#include <stdlib.h>
#include <string.h>

#include "callsites/callsites.h"
#include "fuzz.h"

/* The file that a report stands for, and its size */
static uint8_t *result(const uint8_t *data, const struct callsites_report *report, size_t *size)
{
	uint8_t *file;

	*size = report->size + report->tail_size;
	file = malloc(*size);
	require(file);
	memcpy(file, data, report->size);
	if (report->tail_size)
		memcpy(file + report->size, report->tail, report->tail_size);
	return file;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct callsites_report check, report, again;
	/* Of exactly this size, so that a byte too far is seen */
	uint8_t *copy = duplicate(data, size), *rewritten, *twice;
	size_t new_size;

	begin_input();
	require(callsites_run(copy, size, CALLSITES_CHECK, &check) == !check.error);
	require(!check.changed && check.size == size && !memcmp(copy, data, size));

	require(callsites_run(copy, size, CALLSITES_REWRITE, &report) == !check.error);
	if (report.changed) {
		require(check.total[REWRITTEN] + check.total[ALREADY] == report.total[REWRITTEN]);
		rewritten = result(copy, &report, &new_size);
		twice = duplicate(rewritten, new_size);
		require(callsites_run(twice, new_size, CALLSITES_REWRITE, &again));
		require(!again.changed && !memcmp(twice, rewritten, new_size));
		require(again.total[ALREADY] == report.total[REWRITTEN]);
		callsites_free(&again);
		callsites_run(twice, new_size, CALLSITES_UNDO, &again);
		require(again.changed && again.size == report.size);
		require(report.size != size || !memcmp(twice, data, size));
		callsites_free(&again);
		free(twice);
		free(rewritten);
	} else {
		require(!memcmp(report.total, check.total, sizeof(check.total)));
		require(!memcmp(copy, data, size));
	}
	callsites_free(&report);
	callsites_free(&check);
	free(copy);

	copy = duplicate(data, size);
	callsites_run(copy, size, CALLSITES_UNDO, &report);
	require(report.changed || !memcmp(copy, data, size));
	callsites_free(&report);
	free(copy);
	return 0;
}
