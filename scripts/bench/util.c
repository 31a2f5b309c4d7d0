// SPDX-License-Identifier: GPL-2.0
/*
 * Words, files and processes. The program is short-lived: strings are never
 * freed. Other programs are started from argument vectors; no shell sees any word.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

const char *root, *build, *work;

static pid_t children[MOST_GUESTS + 4];
static volatile sig_atomic_t caught;

static void add_all(struct words *w, const char *s, va_list args)
{
	for (; s; s = va_arg(args, const char *)) {
		if (w->n == MOST_WORDS)
			die("more than %d words: %s", MOST_WORDS, s);
		w->v[w->n++] = s;
		w->v[w->n] = NULL;
	}
}

/* Words up to NULL */
void add(struct words *w, ...)
{
	va_list args;

	va_start(args, w);
	add_all(w, va_arg(args, const char *), args);
	va_end(args);
}

struct words *words(const char *first, ...)
{
	struct words *w = calloc(1, sizeof(*w));
	va_list args;

	if (!w)
		die("no memory");
	va_start(args, first);
	add_all(w, first, args);
	va_end(args);
	return w;
}

/* Room for one more element than n, doubled whenever n is a power of two. */
void *more(void *array, size_t n, size_t size)
{
	if (n & (n - 1))
		return array;
	array = reallocarray(array, n ? 2 * n : 1, size);
	if (!array)
		die("no memory");
	return array;
}

char *script(const char *name)
{
	return text("%s/scripts/%s", root, name);
}

/* The path up to its last slash, and with it */
char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? text("%.*s", (int)(slash + 1 - path), path) : "./";
}

/* Add to what the list has of this name. */
void count_in(struct items *l, const char *name, uint64_t n)
{
	size_t i = 0;

	while (i < l->n && strcmp(l->v[i].name, name))
		i++;
	if (i == l->n) {
		l->v = more(l->v, l->n, sizeof(*l->v));
		l->v[l->n++] = (struct item){ name, 0 };
	}
	l->v[i].n += n;
}

static int by_number(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return x->n < y->n ? 1 : x->n > y->n ? -1 : strcmp(x->name, y->name);
}

/* The largest ones first */
void print_items(FILE *f, struct items *l, size_t top)
{
	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), by_number);
	for (size_t i = 0; i < l->n && i < top; i++)
		fprintf(f, "  %10lu  %s\n", l->v[i].n, l->v[i].name);
}

double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

long number(const char *s, const char *what, long least, long most)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(s, &end, 10);
	if (errno || !isdigit((unsigned char)*s) || *end || n < least || n > most)
		die("%s wants a %s from %ld to %ld, not '%s'", what, "number", least, most, s);
	return n;
}

/* Letters, digits and . + _ - and what else is allowed; the first is no '-'. */
bool is_name(const char *s, const char *more)
{
	if (!*s || *s == '-' || strlen(s) > 200)
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr(".+_-", *s) && !strchr(more, *s))
			return false;
	return true;
}

/* A whole file, with a 0 behind it. */
char *content(const char *file, size_t *size)
{
	char *data = slurp(file, SIZE_MAX, size);

	if (!data)
		die("%s: %s", file, strerror(errno));
	return data;
}

/* All of it at once: readers see the old file or the new one. */
void publish(const char *file, const char *data, size_t size)
{
	char *new = text("%s.new-%d", file, getpid());
	FILE *f = fopen(new, "w");

	if (!f || fwrite(data, 1, size, f) != size || fflush(f) || fsync(fileno(f)) ||
	    fclose(f) || rename(new, file))
		die("%s cannot be written: %s", file, strerror(errno));
}

static void clean_up(void)
{
	for (size_t i = 0; i < sizeof(children) / sizeof(children[0]); i++)
		if (children[i])
			stop(children[i]);
	if (work)
		remove_tree(work);
}

static void on_signal(int sig)
{
	caught = sig;
}

/* For loops that wait for something else than a child */
void end_if_caught(void)
{
	if (caught)
		exit(128 + caught);
}

/* A signal is an end like others: children are stopped, and the workplace goes. */
void handle_signals(void)
{
	/* Without SA_RESTART: what waits notices. */
	struct sigaction act = { .sa_handler = on_signal };
	static bool done;

	if (done)
		return;
	done = true;
	atexit(clean_up);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
}

/* Kernels, images and logs of this run. */
void make_workplace(void)
{
	char *folder = text("%s/bench/.work-XXXXXX", build);

	handle_signals();
	mkdir(text("%s/bench", build), 0755);
	if (!mkdtemp(folder))
		die("%s: %s", folder, strerror(errno));
	work = folder;
}

static pid_t *free_place(void)
{
	for (size_t i = 0; i < sizeof(children) / sizeof(children[0]); i++)
		if (!children[i])
			return &children[i];
	die("too many programs at a time");
}

/* As fork(), and the child is stopped when we are. */
pid_t fork_child(void)
{
	pid_t *place = free_place(), pid = fork();

	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (pid)
		*place = pid;
	else
		memset(children, 0, sizeof(children));
	return pid;
}

extern char **environ;

static pid_t spawn(const struct words *command, int out, int err)
{
	posix_spawn_file_actions_t actions;
	pid_t *place = free_place();

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	posix_spawn_file_actions_adddup2(&actions, err, 2);
	errno = posix_spawnp(place, command->v[0], &actions, NULL, (char *const *)command->v,
			     environ);
	if (errno) {
		*place = 0;
		die("%s cannot be started: %s", command->v[0], strerror(errno));
	}
	posix_spawn_file_actions_destroy(&actions);
	return *place;
}

/* Its output goes to a file, or to our standard error. */
pid_t start(const struct words *command, const char *log)
{
	int fd = 2;
	pid_t pid;

	fflush(stdout);
	if (log)
		fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		die("%s: %s", log, strerror(errno));
	pid = spawn(command, fd, fd);
	if (log)
		close(fd);
	return pid;
}

/* Its exit status, as a shell gives it. A signal for us ends all of us. */
int await(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) != pid) {
		if (errno != EINTR)
			die("waiting: %s", strerror(errno));
		end_if_caught();
	}
	for (size_t i = 0; i < sizeof(children) / sizeof(children[0]); i++)
		if (children[i] == pid)
			children[i] = 0;
	end_if_caught();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void stop(pid_t pid)
{
	int status;

	kill(pid, SIGTERM);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	for (size_t i = 0; i < sizeof(children) / sizeof(children[0]); i++)
		if (children[i] == pid)
			children[i] = 0;
}

int run(const struct words *command, const char *log)
{
	return await(start(command, log));
}

void must(const struct words *command)
{
	int status = run(command, NULL);

	if (status)
		die("%s %s ended with status %d", command->v[0], command->v[1] ?: "", status);
}

/* The output of a program, or NULL if it fails. Its errors go where ours do. */
char *output_of(const struct words *command)
{
	char *file = text("%s/output", work);
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	pid_t pid;

	if (fd < 0)
		die("%s: %s", file, strerror(errno));
	pid = spawn(command, fd, 2);
	close(fd);
	return await(pid) ? NULL : content(file, NULL);
}

/* Lines of a console, without what moves a terminal's cursor. */
void show_end(const char *file, int lines)
{
	size_t size, from;
	char *data = content(file, &size);

	for (from = size; from && lines; from--)
		if (data[from - 1] == '\n' && from != size && !--lines)
			break;
	fputs("    ", stderr);
	for (; from < size; from++) {
		if (data[from] == '\n')
			fputs(from + 1 < size ? "\n    " : "", stderr);
		else if (data[from] == '\t' || !iscntrl((unsigned char)data[from]))
			fputc(data[from], stderr);
	}
	fputc('\n', stderr);
}

/* Held until it is closed. */
int lock_file(const char *name, bool say)
{
	char *file = text("%s/%s", build, name);
	int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB)) {
		if (say)
			fprintf(stderr, "    waiting for another program that measures\n");
		while (flock(fd, LOCK_EX) && errno == EINTR)
			end_if_caught();
	}
	if (fd < 0)
		die("%s: %s", file, strerror(errno));
	return fd;
}

/* The next line, without its end; NULL after the last one. */
char *next_line(char **rest)
{
	char *line = strsep(rest, "\n");
	size_t n;

	if (!line || (!*line && !*rest))
		return NULL;
	n = strlen(line);
	if (n && line[n - 1] == '\r')
		line[n - 1] = '\0';
	return line;
}
