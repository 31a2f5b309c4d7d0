// SPDX-License-Identifier: GPL-2.0
/*
 * Tell what a guest says that its application asked for in vain (lupine run --explain).
 * Whatever it says, what is printed of it has no characters that a terminal would act upon.
 *
 * Input: what the machine has written to the device of scripts/init/explain.h.
 */
#include "lupine/explain.h"
#include "fuzz.h"

static const char table[] =
	"call 1\twrite()\t?\n"
	"device loop#\t/dev/loop#\tCONFIG_BLK_DEV_LOOP\n"
	"fs ext2\tfile system ext2\t-\n"
	"fs ext9\tfile system ext9\tCONFIG_EXT9 (kconfig-profiles/overlay/x.config)\n";

static void load(void)
{
	char folder[] = "/tmp/fuzz-explain.XXXXXX", path[64];
	FILE *f;

	require(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/failures", folder);
	f = fopen(path, "w");
	require(f && fputs(table, f) >= 0 && !fclose(f));
	explain_load(path);
	require(!unlink(path) && !rmdir(folder));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy, *said = NULL;
	static bool ready;
	FILE *usual;
	size_t len = 0, i;

	if (!ready)
		load();
	ready = true;
	begin_input();
	copy = duplicate(data, size);
	usual = stderr;
	stderr = open_memstream(&said, &len);
	require(stderr);
	explain_tell(copy, size);
	fclose(stderr);
	stderr = usual;
	for (i = 0; i < len; i++)
		require(said[i] == '\n' || (said[i] >= ' ' && said[i] < 0x7f));
	free(said);
	free(copy);
	return 0;
}
