// SPDX-License-Identifier: GPL-2.0
/*
 * Compare the registers in a core dump with those that the process had when it died.
 *
 * A child loads a pattern into all registers and raises a fatal signal. The test parses the
 * notes of the core file. They must have the pattern, and the CS and SS of the ABI,
 * whichever selectors the CPU used.
 */
#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/procfs.h>
#include <sys/stat.h>

#include "kml_trace.h"

static const char pattern_file[] = "/proc/sys/kernel/core_pattern";

FIXTURE(core)
{
	char dir[64], old_pattern[256];
	char *core;
	size_t size;
};

static ssize_t file_read(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n >= 0)
		buf[n] = 0;
	return n;
}

static int file_write(const char *path, const char *buf)
{
	int fd = open(path, O_WRONLY);
	int ret;

	if (fd < 0)
		return -1;
	ret = write(fd, buf, strlen(buf)) == (ssize_t)strlen(buf) ? 0 : -1;
	close(fd);
	return ret;
}

FIXTURE_SETUP(core)
{
	if (file_read(pattern_file, self->old_pattern,
		      sizeof(self->old_pattern)) < 0)
		SKIP(return, "no core_pattern: needs COREDUMP and PROC_SYSCTL");
	if (strcmp(self->old_pattern, "core\n") &&
	    file_write(pattern_file, "core"))
		SKIP(return, "core_pattern is \"%s\" and cannot be changed",
		     strtok(self->old_pattern, "\n"));
	strcpy(self->dir, "/tmp/kml-core-XXXXXX");
	if (!mkdtemp(self->dir)) {
		strcpy(self->dir, "/dev/shm/kml-core-XXXXXX");
		if (!mkdtemp(self->dir))
			SKIP(return, "neither /tmp nor /dev/shm can be written");
	}
	self->core = NULL;
}

FIXTURE_TEARDOWN(core)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/core", self->dir);
	unlink(path);
	rmdir(self->dir);
	if (self->core)
		munmap(self->core, self->size);
	if (strcmp(self->old_pattern, "core\n"))
		file_write(pattern_file, self->old_pattern);
}

struct crash {
	const char *dir;
	const greg_t *regs;
	int threads;
};

static void *sleep_on(void *arg)
{
	pause();
	return NULL;
}

static int crash(void *arg)
{
	struct rlimit lim = { 64 << 20, 64 << 20 };
	struct crash *c = arg;
	pthread_t thread;
	int i;

	if (chdir(c->dir) || setrlimit(RLIMIT_CORE, &lim))
		return 1;
	file_write("/proc/self/coredump_filter", "0x33");
	prctl(PR_SET_DUMPABLE, 1);
	for (i = 0; i < c->threads; i++)
		pthread_create(&thread, NULL, sleep_on, NULL);
	for (i = 1; i < 32; i++)
		signal(i, SIG_DFL);
	kml_enter(c->regs);
	return 2;
}

/* The core's notes of @type, the @nth; its size in @len. */
static void *find_note(char *core, size_t size, unsigned int type, int nth,
		       size_t *len)
{
	Elf64_Ehdr *eh = (void *)core;
	Elf64_Phdr *ph = (void *)(core + eh->e_phoff);
	char *p, *end;
	int i;

	for (i = 0; i < eh->e_phnum; i++) {
		if (ph[i].p_type != PT_NOTE)
			continue;
		p = core + ph[i].p_offset;
		end = p + ph[i].p_filesz;
		if (end > core + size)
			return NULL;
		while (p < end) {
			Elf64_Nhdr *nh = (void *)p;
			char *desc = p + sizeof(*nh) + ((nh->n_namesz + 3) & ~3);

			if (nh->n_type == type && !nth--) {
				*len = nh->n_descsz;
				return desc;
			}
			p = desc + ((nh->n_descsz + 3) & ~3);
		}
	}
	return NULL;
}

/* The bytes that the core holds for an address. */
static void *find_memory(char *core, unsigned long addr)
{
	Elf64_Ehdr *eh = (void *)core;
	Elf64_Phdr *ph = (void *)(core + eh->e_phoff);
	int i;

	for (i = 0; i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_LOAD && addr >= ph[i].p_vaddr &&
		    addr < ph[i].p_vaddr + ph[i].p_filesz)
			return core + ph[i].p_offset + (addr - ph[i].p_vaddr);
	return NULL;
}

static char *map_core(const char *dir, size_t *size)
{
	char path[128], *p;
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/core", dir);
	fd = open(path, O_RDONLY);
	if (fd < 0) {
		/* core_uses_pid appends it. */
		perror("# core");
		return NULL;
	}
	if (fstat(fd, &st) || st.st_size < (off_t)sizeof(Elf64_Ehdr)) {
		close(fd);
		return NULL;
	}
	*size = st.st_size;
	p = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

static void compare_regs(struct __test_metadata *_metadata, const greg_t *in,
			 const struct user_regs_struct *u)
{
	EXPECT_EQ(0, kml_user_regs_differ(in, u, 0));
	EXPECT_EQ(in[REG_RIP], (greg_t)u->rip);
	EXPECT_EQ(kml_flags(in), u->eflags & ~FL_RF);
	EXPECT_ABI_SELECTORS(u);
	EXPECT_EQ(-1, (long)u->orig_rax);
	EXPECT_EQ(0, u->gs_base);
	EXPECT_NE(0, u->fs_base);
}

TEST_F(core, registers)
{
	static const struct {
		const char *rip;
		int sig;
	} crashes[] = {
		{ kml_do_ud2, SIGILL },
		{ kml_do_load, SIGSEGV },
		{ kml_do_div, SIGFPE },
	};
	struct crash c = { .dir = self->dir };
	greg_t regs[NGREG];
	size_t len, i;

	c.regs = regs;
	for (i = 0; i < 3; i++) {
		struct elf_prstatus *st;
		siginfo_t *si;
		int status;

		kml_regs_init(regs, crashes[i].rip);
		regs[REG_RAX] = 0x10;
		regs[REG_RCX] = 0;
		regs[REG_EFL] |= FL_CF | FL_OF;
		*(long *)regs[REG_RSP] = 0x6b6d6c2d636f7265;
		status = kml_child(crash, &c);
		EXPECT_KILLED(crashes[i].sig, status);
		EXPECT_TRUE(WCOREDUMP(status));
		self->core = map_core(self->dir, &self->size);
		ASSERT_NE(NULL, self->core);
		EXPECT_EQ(0, memcmp(self->core, ELFMAG, SELFMAG));

		st = find_note(self->core, self->size, NT_PRSTATUS, 0, &len);
		ASSERT_NE(NULL, st);
		ASSERT_EQ(sizeof(*st), len);
		EXPECT_EQ(crashes[i].sig, st->pr_cursig);
		compare_regs(_metadata, regs, (void *)&st->pr_reg);

		si = find_note(self->core, self->size, NT_SIGINFO, 0, &len);
		ASSERT_NE(NULL, si);
		EXPECT_EQ(crashes[i].sig, si->si_signo);
		EXPECT_EQ(crashes[i].rip == kml_do_load ? (void *)0x10 :
			  (void *)crashes[i].rip, si->si_addr);

		/* And the memory: what lay at RSP. */
		ASSERT_NE(NULL, find_memory(self->core, regs[REG_RSP]));
		EXPECT_EQ(0x6b6d6c2d636f7265,
			  *(long *)find_memory(self->core, regs[REG_RSP]));
		munmap(self->core, self->size);
		self->core = NULL;
	}
}

/* Vector registers go into a note of their own. */
TEST_F(core, vectors)
{
	struct user_fpregs_struct *fp;
	long vec[32];
	size_t len;
	pid_t pid;
	int status;

	pid = fork();
	if (!pid) {
		struct rlimit lim = { 64 << 20, 64 << 20 };

		if (chdir(self->dir) || setrlimit(RLIMIT_CORE, &lim))
			_exit(1);
		signal(SIGILL, SIG_DFL);
		asm volatile("movq %0, %%xmm3; movq %0, %%xmm9; ud2"
			     : : "r" (0x1122334455667788)
			     : "xmm3", "xmm9");
		_exit(2);
	}
	ASSERT_LT(0, pid);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_KILLED(SIGILL, status);
	self->core = map_core(self->dir, &self->size);
	ASSERT_NE(NULL, self->core);
	fp = find_note(self->core, self->size, NT_FPREGSET, 0, &len);
	ASSERT_NE(NULL, fp);
	ASSERT_EQ(sizeof(*fp), len);
	memcpy(vec, fp->xmm_space, sizeof(vec));
	EXPECT_EQ(0x1122334455667788, vec[3 * 2]);
	EXPECT_EQ(0x1122334455667788, vec[9 * 2]);
}

/* Other threads are in it too, where they slept. */
TEST_F(core, threads)
{
	struct crash c = { .dir = self->dir, .threads = 3 };
	struct elf_prstatus *st;
	greg_t regs[NGREG];
	size_t len;
	int i;

	c.regs = regs;
	kml_regs_init(regs, kml_do_ud2);
	EXPECT_KILLED(SIGILL, kml_child(crash, &c));
	self->core = map_core(self->dir, &self->size);
	ASSERT_NE(NULL, self->core);
	for (i = 0; i < 4; i++) {
		struct user_regs_struct *u;

		st = find_note(self->core, self->size, NT_PRSTATUS, i, &len);
		ASSERT_NE(NULL, st);
		u = (void *)&st->pr_reg;
		EXPECT_EQ(KML_ABI_CS, u->cs);
		EXPECT_EQ(KML_ABI_SS, u->ss);
		EXPECT_EQ(FL_IF, u->eflags & FL_IF);
		EXPECT_GT(KML_TASK_END, u->rip);
		EXPECT_GT(KML_TASK_END, u->rsp);
		if (!i)
			compare_regs(_metadata, regs, u);
	}
	EXPECT_EQ(NULL, find_note(self->core, self->size, NT_PRSTATUS, 4, &len));
}

TEST_HARNESS_MAIN
