// SPDX-License-Identifier: GPL-2.0
/*
 * Give the init its configuration and the word lupine="..." of the command line, as
 * it reads both when it starts. What it makes of them is printed, read again and
 * printed again, which must be the same text.
 *
 * Input: the words, a NUL byte, the text of /etc/lupine-init.conf.
 */
#include "init/init.h"
#include "fuzz.h"

static void start(const uint8_t *data, size_t size)
{
	char *words = strndup((const char *)data, size), *text, *again;
	char error[MANIFEST_ERROR_SIZE];
	struct manifest copy = { 0 };
	struct config c = { 0 };
	size_t len = strlen(words);

	if (len < size && manifest_parse(&c.m, CONFIG_PATH, (const char *)data + len + 1,
					 size - len - 1, IN_INIT, error, sizeof(error)))
		fail("%s", error);
	config_override(&c, words);
	text = manifest_print(&c.m, IN_INIT);
	require(text);
	require(!manifest_parse(&copy, "again", text, strlen(text), IN_INIT, error, sizeof(error)));
	again = manifest_print(&copy, IN_INIT);
	require(again && !strcmp(text, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	begin_input();
	/* A disk of this machine is not to be read. */
	if (size && *data != '@')
		track_run(start, data, size);
	return 0;
}
