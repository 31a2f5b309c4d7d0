// SPDX-License-Identifier: GPL-2.0
/*
 * Check that mitigations of speculative execution which act by ring are off.
 *
 * In ring 0 a process can read without speculation what they would hide, and the processor
 * would apply some of them to the process itself. With CONFIG_KML they must be off whatever
 * the command line says, and the kernel must say so in its log and in
 * /sys/devices/system/cpu/vulnerabilities. The tests read both, and, since ring 0 can,
 * SPEC_CTRL itself where the processor has it.
 */
#include "kml.h"

#include <cpuid.h>
#include <sys/klog.h>
#include <sys/mount.h>

#define FILES		"/sys/devices/system/cpu/vulnerabilities/"
#define REASON		"Vulnerable: processes run in ring 0"
#define BOOT_LINE	"Processes run in ring 0"

#define MSR_SPEC_CTRL	0x48
#define SPEC_CTRL_IBRS	(1 << 0)
#define SPEC_CTRL_STIBP	(1 << 1)
#define SPEC_CTRL_RRSBA_DIS_S	(1 << 6)
#define SPEC_CTRL_BHI_DIS_S	(1 << 10)

#define SYSLOG_READ_ALL	3
#define SYSLOG_SIZE	10

static const char * const by_ring[] = {
	"meltdown", "spectre_v1", "spectre_v2", "mds", "tsx_async_abort",
	"mmio_stale_data", "retbleed", "spec_rstack_overflow",
	"reg_file_data_sampling", "indirect_target_selection", "tsa", "vmscape",
};

static const char * const by_others[] = {
	"spec_store_bypass", "l1tf", "itlb_multihit", "srbds", "gather_data_sampling",
};

/* One line of text without its end; false if the kernel has no such file. */
static bool read_file(const char *name, char *text, int size)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), FILES "%s", name);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (!fgets(text, size, f))
		text[0] = 0;
	text[strcspn(text, "\n")] = 0;
	fclose(f);
	return true;
}

FIXTURE(files)
{
	char text[512];
};

FIXTURE_SETUP(files)
{
	if (access(FILES "spectre_v1", F_OK))
		mount("sysfs", "/sys", "sysfs", 0, NULL);
	if (access(FILES "spectre_v1", F_OK))
		SKIP(return, "no " FILES);
}

FIXTURE_TEARDOWN(files)
{
}

/* A file needs no reason if the processor lacks the fault or the feature. */
static bool no_fault(const char *name, const char *text)
{
	/* Of a processor that its maker no longer serves, nobody knows. */
	if (!strcmp(text, "Not affected") || !strcmp(text, "Unknown: No mitigations"))
		return true;
	return !strcmp(name, "tsx_async_abort") && strstr(text, "TSX disabled");
}

TEST_F(files, by_ring)
{
	int i, reasons = 0;

	for (i = 0; i < sizeof(by_ring) / sizeof(by_ring[0]); i++) {
		if (!read_file(by_ring[i], self->text, sizeof(self->text)))
			continue;
		printf("# %s: %s\n", by_ring[i], self->text);
		if (no_fault(by_ring[i], self->text))
			continue;
		EXPECT_EQ(kml_on(), !strcmp(self->text, REASON));
		reasons++;
	}
	/* All have spectre_v1, but for some very simple ones. */
	if (!reasons)
		SKIP(return, "this processor has none of the faults");
}

TEST_F(files, by_others)
{
	int i;

	for (i = 0; i < sizeof(by_others) / sizeof(by_others[0]); i++) {
		if (!read_file(by_others[i], self->text, sizeof(self->text)))
			continue;
		printf("# %s: %s\n", by_others[i], self->text);
		EXPECT_NE(0, self->text[0]);
		EXPECT_EQ(NULL, strstr(self->text, "ring 0"));
	}
}

TEST(boot_line)
{
	int size = klogctl(SYSLOG_SIZE, NULL, 0), length, lines = 0;
	char *log, *p;

	if (size <= 0)
		SKIP(return, "no kernel log");
	log = malloc(size + 1);
	ASSERT_NE(NULL, log);
	length = klogctl(SYSLOG_READ_ALL, log, size);
	ASSERT_LE(0, length);
	log[length] = 0;
	for (p = log; (p = strstr(p, BOOT_LINE)); p++)
		lines++;
	if (!strstr(log, "Linux version"))
		SKIP(return, "the beginning of the kernel log is lost");
	EXPECT_EQ(kml_on(), lines);
	free(log);
}

TEST(spec_ctrl)
{
	unsigned int a, b, c, d, low, high;

	if (!kml_on())
		SKIP(return, "ring 3 cannot read SPEC_CTRL");
	if ((!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d & (1 << 26))) &&
	    (!__get_cpuid(0x80000008, &a, &b, &c, &d) || !(b & (1 << 14))))
		SKIP(return, "this processor has no SPEC_CTRL");
	asm volatile("rdmsr" : "=a" (low), "=d" (high) : "c" (MSR_SPEC_CTRL));
	printf("# SPEC_CTRL: %#x\n", low);
	EXPECT_EQ(0, low & (SPEC_CTRL_IBRS | SPEC_CTRL_STIBP | SPEC_CTRL_RRSBA_DIS_S |
			    SPEC_CTRL_BHI_DIS_S));
}

TEST_HARNESS_MAIN
