// SPDX-License-Identifier: GPL-2.0
/* Accesses that a process must not make: each has to end it by SIGSEGV. */
#include <stdint.h>

#include "process.h"

static const char constant[] = "constant";
static char data[16];
static volatile char *volatile null;
static void (*volatile nowhere)(void);

static void write_null(void)
{
	*null = 1;
}

static void read_null(void)
{
	(void)*null;
}

static void jump_to_null(void)
{
	nowhere();
}

static void write_text(void)
{
	*(volatile char *)(uintptr_t)write_text = 1;
}

static void write_constant(void)
{
	*(volatile char *)(uintptr_t)constant = 1;
}

static void execute_data(void)
{
	data[0] = (char)0xc3;
	nowhere = (void (*)(void))(uintptr_t)data;
	nowhere();
}

const struct wild_access wild_accesses[] = {
	{ "write", write_null },
	{ "read", read_null },
	{ "jump", jump_to_null },
	{ "text", write_text },
	{ "constant", write_constant },
	{ "data", execute_data },
	{ NULL, NULL },
};
