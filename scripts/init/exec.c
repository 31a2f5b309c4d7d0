// SPDX-License-Identifier: GPL-2.0
/*
 * Run a program as container engines do, and say why if it cannot be run. execve() has
 * one error number for many causes: EACCES is a folder, a missing x bit of the file
 * or of its interpreter, and a file system that is mounted noexec. So look at what the
 * kernel has looked at: the file's type and mode, its first 256 bytes, the interpreter
 * that they name.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "init.h"

/* BINPRM_BUF_SIZE: so much of a file does the kernel look at. */
#define HEAD		256
/* A script's interpreter may be a script; the kernel gives up after five. */
#define MAX_DEPTH	5
#define MAX_PHDRS	64

static void explain(const char *path, const char *subject, int err, int depth);

/* Say what is wrong with a file, or with the interpreter that it names. */
static void __printf(2, 3) report(const char *subject, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say("%s: %s", subject, text);
}

/* What "#!" names, as the kernel reads it; NULL with a reason why it reads nothing. */
static char *interpreter_of(char *head, size_t len, const char **why)
{
	char *end = memchr(head, '\n', len), *name = head + 2, *stop;

	stop = end ?: head + len;
	while (name < stop && (*name == ' ' || *name == '\t'))
		name++;
	for (end = name; end < stop && *end && *end != ' ' && *end != '\t'; end++)
		;
	if (end == name) {
		*why = "its #! line names no interpreter";
		return NULL;
	}
	/* The name could go on where the kernel does not look. */
	if (end == head + HEAD) {
		*why = "its #! line is longer than the 255 bytes that the kernel reads";
		return NULL;
	}
	*end = '\0';
	return copy(name);
}

/* As far as its header tells. */
static bool runs_here(const char *path)
{
	Elf64_Ehdr ehdr = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool runs;

	runs = fd >= 0 && pread(fd, &ehdr, sizeof(ehdr), 0) == sizeof(ehdr) &&
	       !memcmp(ehdr.e_ident, ELFMAG, SELFMAG) && ehdr.e_machine == EM_X86_64 &&
	       (ehdr.e_type == ET_EXEC || ehdr.e_type == ET_DYN) && !access(path, X_OK);
	if (fd >= 0)
		close(fd);
	return runs;
}

/*
 * The kernel maps a program that has been cut short, and lets it die of SIGSEGV or
 * SIGBUS, which nobody would understand.
 */
static bool is_cut_short(const char *path)
{
	Elf64_Phdr phdr[MAX_PHDRS];
	Elf64_Ehdr ehdr;
	struct stat st;
	bool cut = false;
	size_t bytes, i;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) &&
	    pread(fd, &ehdr, sizeof(ehdr), 0) == sizeof(ehdr) &&
	    !memcmp(ehdr.e_ident, ELFMAG, SELFMAG) && ehdr.e_ident[EI_CLASS] == ELFCLASS64 &&
	    ehdr.e_phnum <= MAX_PHDRS && ehdr.e_phentsize == sizeof(*phdr)) {
		bytes = ehdr.e_phnum * sizeof(*phdr);
		cut = pread(fd, phdr, bytes, ehdr.e_phoff) != (ssize_t)bytes;
		for (i = 0; !cut && i < ehdr.e_phnum; i++)
			cut = phdr[i].p_type == PT_LOAD &&
			      (phdr[i].p_offset > (Elf64_Off)st.st_size ||
			       phdr[i].p_filesz > (Elf64_Off)st.st_size - phdr[i].p_offset);
	}
	if (fd >= 0)
		close(fd);
	return cut;
}

static void explain_script(const char *path, const char *subject, char *head, size_t len, int err,
			   int depth)
{
	const char *why = NULL;
	char *name = interpreter_of(head, len, &why), *as;
	const char *crlf;

	if (!name) {
		report(subject, "%s", why);
		return;
	}
	crlf = name[strlen(name) - 1] == '\r' ?
		" (its lines end as on Windows, in CR and LF: convert it)" : "";
	if (asprintf(&as, "%s: its interpreter '%s'", path, name) < 0)
		fail("out of memory");
	if (access(name, F_OK))
		report(as, "%s%s", strerror(errno), crlf);
	else if (err == ENOEXEC && runs_here(name))
		report(subject, "a script, and BINFMT_SCRIPT is off: %s",
		       "add CONFIG_BINFMT_SCRIPT to the kernel");
	else
		explain(name, as, err, depth + 1);
	free(as);
	free(name);
}

/* The rest of an ELF program, where the header is in order. */
static void explain_segments(const char *path, const char *subject, int fd, const Elf64_Ehdr *ehdr,
			     off_t size, int err, int depth)
{
	Elf64_Phdr phdr[MAX_PHDRS];
	size_t bytes = ehdr->e_phnum * sizeof(*phdr), i;
	char loader[256] = "", *as;

	if (!ehdr->e_phnum || ehdr->e_phnum > MAX_PHDRS || ehdr->e_phentsize != sizeof(*phdr)) {
		report(subject, "a damaged ELF program: %u program headers of %u bytes",
		       ehdr->e_phnum, ehdr->e_phentsize);
		return;
	}
	if (pread(fd, phdr, bytes, ehdr->e_phoff) != (ssize_t)bytes) {
		report(subject, "an ELF program cut short: its program headers are missing");
		return;
	}
	for (i = 0; i < ehdr->e_phnum; i++) {
		if (phdr[i].p_type == PT_INTERP &&
		    pread(fd, loader, sizeof(loader) - 1, phdr[i].p_offset) < 0)
			loader[0] = '\0';
		if (phdr[i].p_type != PT_LOAD)
			continue;
		if (phdr[i].p_offset > (Elf64_Off)size ||
		    phdr[i].p_filesz > (Elf64_Off)size - phdr[i].p_offset) {
			report(subject, "an ELF program cut short: byte %llu of %llu is the last",
			       (unsigned long long)size,
			       (unsigned long long)(phdr[i].p_offset + phdr[i].p_filesz));
			return;
		}
	}
	if (!*loader) {
		report(subject, "%s", strerror(err));
		return;
	}
	if (asprintf(&as, "%s: its dynamic loader '%s'", path, loader) < 0)
		fail("out of memory");
	if (access(loader, F_OK))
		report(as, "%s", strerror(errno));
	else
		explain(loader, as, err, depth + 1);
	free(as);
}

static void explain_elf(const char *path, const char *subject, int fd, const char *head, size_t len,
			off_t size, int err, int depth)
{
	Elf64_Ehdr ehdr = { 0 };

	memcpy(&ehdr, head, len < sizeof(ehdr) ? len : sizeof(ehdr));
	if (len <= EI_DATA)
		report(subject, "an ELF program cut short: it has %zu bytes", len);
	else if (ehdr.e_ident[EI_CLASS] == ELFCLASS32)
		report(subject, "a 32-bit program, this kernel runs 64-bit ones");
	else if (ehdr.e_ident[EI_CLASS] != ELFCLASS64 || ehdr.e_ident[EI_DATA] == ELFDATANONE ||
		 ehdr.e_ident[EI_DATA] > ELFDATA2MSB)
		report(subject, "a damaged ELF program: class %u, byte order %u",
		       ehdr.e_ident[EI_CLASS], ehdr.e_ident[EI_DATA]);
	else if (len < offsetof(Elf64_Ehdr, e_version))
		report(subject, "an ELF program cut short: it has %zu bytes", len);
	else if (ehdr.e_ident[EI_DATA] == ELFDATA2MSB)
		report(subject, "a program for ELF machine %u, not x86-64",
		       __builtin_bswap16(ehdr.e_machine));
	else if (ehdr.e_machine != EM_X86_64)
		report(subject, "a program for ELF machine %u, not x86-64", ehdr.e_machine);
	else if (ehdr.e_type != ET_EXEC && ehdr.e_type != ET_DYN)
		report(subject, "an ELF file of type %u (%s), not a program", ehdr.e_type,
		       ehdr.e_type == ET_REL ? "object" : ehdr.e_type == ET_CORE ? "core dump" :
		       "unknown");
	else if (len < sizeof(ehdr))
		report(subject, "an ELF program cut short: it has %zu bytes", len);
	else
		explain_segments(path, subject, fd, &ehdr, size, err, depth);
}

static void explain_content(const char *path, const char *subject, off_t size, int err, int depth)
{
	char head[HEAD + 1] = "";
	ssize_t len;
	int fd;

	/* Who may execute a file need not be able to read it. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	len = fd < 0 ? -1 : pread(fd, head, HEAD, 0);
	if (len < 0)
		report(subject, "%s", strerror(err));
	else if (!len)
		report(subject, "an empty file");
	else if (len >= 2 && !memcmp(head, "#!", 2))
		explain_script(path, subject, head, len, err, depth);
	else if (len < SELFMAG && !memcmp(head, ELFMAG, len))
		report(subject, "an ELF program cut short: it has %zd bytes", len);
	else if (len >= SELFMAG && !memcmp(head, ELFMAG, SELFMAG))
		explain_elf(path, subject, fd, head, len, size, err, depth);
	else
		report(subject, "neither a script nor an ELF program: %s", strerror(err));
	if (fd >= 0)
		close(fd);
}

static void explain_access(const char *path, const char *subject, const struct stat *st, int err,
			   int depth)
{
	struct statvfs fs;

	if (!statvfs(path, &fs) && (fs.f_flag & ST_NOEXEC))
		report(subject, "is on a file system that is mounted noexec");
	else if (!(st->st_mode & 0111))
		report(subject, "has no x bit (its mode is %04o): chmod +x it in the image",
		       st->st_mode & 07777);
	else if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS))
		report(subject, "is not for user %u to execute (its mode is %04o, its owner %u:%u)",
		       geteuid(), st->st_mode & 07777, st->st_uid, st->st_gid);
	else
		explain_content(path, subject, st->st_size, err, depth);
}

/* Find out why execve() ended with err, at a file or at its interpreter. */
static void explain(const char *path, const char *subject, int err, int depth)
{
	struct stat st;

	if (depth > MAX_DEPTH) {
		report(subject, "interpreters of interpreters, more than %d", MAX_DEPTH);
		return;
	}
	if (err == E2BIG) {
		report(subject, "arguments and environment are longer than the kernel takes");
		return;
	}
	if (stat(path, &st))
		report(subject, "%s", strerror(errno));
	else if (S_ISDIR(st.st_mode))
		report(subject, "is a folder");
	else if (!S_ISREG(st.st_mode))
		report(subject, "is no file, but a device, pipe or socket");
	else if (err == EACCES)
		explain_access(path, subject, &st, err, depth);
	else
		explain_content(path, subject, st.st_size, err, depth);
}

/* A path that cannot be followed to its end: what is missing? */
static int explain_missing(const char *path)
{
	char target[4096];
	ssize_t len;
	int err = errno;

	if (err == ENOENT) {
		len = readlink(path, target, sizeof(target) - 1);
		if (len < 0) {
			say("%s: not in the image", path);
		} else {
			target[len] = '\0';
			say("%s: a link to '%s', which is not in the image", path, target);
		}
		return EXIT_NOTFOUND;
	}
	/* A file where a folder would have to be is as good as nothing. */
	say("%s: %s", path, strerror(err));
	return err == ENOTDIR ? EXIT_NOTFOUND : EXIT_NOEXEC;
}

const char *env_value(const struct list *env, const char *name)
{
	size_t i, len = strlen(name);

	for (i = 0; i < env->nr; i++)
		if (!strncmp(env->item[i], name, len) && env->item[i][len] == '=')
			return env->item[i] + len + 1;
	return NULL;
}

bool lacks_scripts;

static bool is_script(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char head[2];
	bool is = fd >= 0 && read(fd, head, 2) == 2 && !memcmp(head, "#!", 2);

	if (fd >= 0)
		close(fd);
	return is;
}

/* Returns with errno if it cannot be run. */
static void try(const char *path, char **argv, const struct list *env)
{
	if (is_cut_short(path) || (lacks_scripts && is_script(path)))
		errno = ENOEXEC;
	else
		execve(path, argv, env->item);
}

/* As execvpe(), but with the PATH of the environment given. Returns the exit status. */
int run_program(char **argv, const struct list *env)
{
	const char *dirs = env_value(env, "PATH") ?: DEFAULT_PATH;
	char *path, *copied, *rest, *dir, *found = NULL;
	int err = 0, this_err;

	if (!*argv[0]) {
		say("the program's name is empty");
		return EXIT_NOTFOUND;
	}
	if (strchr(argv[0], '/')) {
		try(argv[0], argv, env);
		err = errno;
		if (access(argv[0], F_OK))
			return explain_missing(argv[0]);
		explain(argv[0], argv[0], err, 0);
		return EXIT_NOEXEC;
	}
	copied = copy(dirs);
	rest = copied;
	while ((dir = strsep(&rest, ":"))) {
		if (asprintf(&path, "%s/%s", *dir ? dir : ".", argv[0]) < 0)
			fail("out of memory");
		try(path, argv, env);
		this_err = errno;
		/* Of those that are there, the first one is explained. */
		if (!found && !access(path, F_OK)) {
			err = this_err;
			found = path;
		} else {
			free(path);
		}
	}
	free(copied);
	if (!found) {
		say("%s: not found in PATH=%s", argv[0], dirs);
		return EXIT_NOTFOUND;
	}
	explain(found, found, err, 0);
	return EXIT_NOEXEC;
}
