// SPDX-License-Identifier: GPL-2.0
/*
 * `lupine exec`: a process of the init runs further programs beside the application, as
 * tasks that `lupine run --exec` tells it of (lupine/link.h). It reaches the host by the
 * network, where nothing has to be in the kernel for that. Whoever asks is on the host and
 * may do everything with the guest anyway; a program in the guest that reaches the same
 * address can disturb what goes on there, and learn of it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "init.h"
#include "link.h"

#define CONTROL_D	"\004"
#define OOM		"/proc/self/oom_score_adj"
/* Let no more wait for the host than what is sent soon. */
#define MOST_WAITING	(4 * LINK_DATA)

enum { INPUT, OUTPUT, ERRORS, NR_ENDS };

struct task {
	char *text;			/* its manifest, as far as it has come */
	size_t text_size;
	pid_t pid;			/* 0: it does not run */
	bool ended;
	int status;			/* then */
	int end[NR_ENDS];		/* of pipes, or INPUT and OUTPUT are the terminal; or -1 */
	bool tty;
	size_t window;			/* so much may be sent */
	char input[TASK_WINDOW];
	size_t input_start, input_end;
	bool input_ends;
};

static struct task *tasks[TASKS];
static struct link host = { .fd = -1 };
static const struct config *config;

static void close_end(struct task *t, int which)
{
	if (t->end[which] >= 0)
		close(t->end[which]);
	t->end[which] = -1;
}

static void forget(unsigned int number)
{
	struct task *t = tasks[number];

	if (!t)
		return;
	close_end(t, INPUT);
	close_end(t, OUTPUT);
	close_end(t, ERRORS);
	free(t->text);
	free(t);
	tasks[number] = NULL;
}

/* All of the task; it may not have made its group of processes yet. */
static void tell_task(const struct task *t, int signal)
{
	if (t->pid && !t->ended && kill(-t->pid, signal))
		kill(t->pid, signal);
}

/* Nobody waits for it: as when a terminal is closed. */
static void hang_up(unsigned int number)
{
	if (tasks[number])
		tell_task(tasks[number], SIGHUP);
	forget(number);
}

static void __noreturn run(struct task *t, enum frame what, const int fd[NR_ENDS])
{
	char error[MANIFEST_ERROR_SIZE];
	struct config c = *config;
	struct manifest m = { 0 };
	sigset_t none;
	int i, k;

	setsid();
	if (t->tty)
		ioctl(fd[INPUT], TIOCSCTTY, 0);
	for (i = 0; i < NR_ENDS; i++)
		dup2(fd[i], i);
	/* Who copies executes nothing that would close these, and waits for the end of input. */
	for (i = 0; i < TASKS; i++)
		for (k = 0; tasks[i] && k < NR_ENDS; k++)
			close_end(tasks[i], k);
	close(host.fd);
	spill(OOM, "0");
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (manifest_parse(&m, "lupine exec", t->text, t->text_size, IN_COMMAND, error,
			   sizeof(error)))
		fail("%s", error);
	if (what == FRAME_READ)
		exit(copy_out(&m));
	if (what == FRAME_WRITE)
		exit(copy_in(&m));
	/* What is configured for the application, too */
	if (manifest_merge(&c.m, &m))
		fail("out of memory");
	start_application(&c);
}

static void set_size(int fd, const struct message *m)
{
	struct winsize size = { 0 };

	if (m->size != 4)
		return;
	size.ws_row = link_number(m->data);
	size.ws_col = link_number(m->data + 2);
	ioctl(fd, TIOCSWINSZ, &size);
}

/* Without CONFIG_DEVTMPFS nobody makes /dev/ptmx. */
static bool open_terminal(struct task *t, int fd[NR_ENDS], const struct message *m)
{
	int on = O_RDWR | O_NOCTTY | O_CLOEXEC, unlock = 0;
	int terminal = open("/dev/pts/ptmx", on | O_NONBLOCK);

	if (terminal < 0)
		return false;
	t->end[OUTPUT] = terminal;
	t->end[INPUT] = fcntl(terminal, F_DUPFD_CLOEXEC, 0);
	if (t->end[INPUT] < 0 || ioctl(terminal, TIOCSPTLCK, &unlock))
		return false;
	set_size(terminal, m);
	fd[INPUT] = ioctl(terminal, TIOCGPTPEER, on);
	fd[OUTPUT] = fcntl(fd[INPUT], F_DUPFD_CLOEXEC, 0);
	fd[ERRORS] = fcntl(fd[INPUT], F_DUPFD_CLOEXEC, 0);
	return fd[ERRORS] >= 0;
}

static bool open_pipes(struct task *t, int fd[NR_ENDS])
{
	int i, pair[2];

	for (i = 0; i < NR_ENDS; i++) {
		if (pipe2(pair, O_CLOEXEC))
			return false;
		fd[i] = pair[i != INPUT];
		t->end[i] = pair[i == INPUT];
		fcntl(t->end[i], F_SETFL, O_NONBLOCK);
	}
	return true;
}

static void report(unsigned int number, const char *what, int err)
{
	char text[128];

	snprintf(text, sizeof(text), "lupine-init: %s: %s\n", what, strerror(err));
	link_put(&host, FRAME_ERRORS, number, text, strlen(text));
}

static void end_with(unsigned int number, unsigned char status)
{
	link_put(&host, FRAME_STATUS, number, &status, 1);
	forget(number);
}

static void begin(unsigned int number, const struct message *m)
{
	struct task *t = tasks[number];
	int fd[NR_ENDS] = { -1, -1, -1 }, i;
	const char *lacks = NULL;

	link_put(&host, FRAME_BEGUN, number, NULL, 0);
	t->tty = m->type == FRAME_RUN_TTY;
	if (t->tty && !open_terminal(t, fd, m))
		lacks = "no terminal (-t)";
	else if (!t->tty && !open_pipes(t, fd))
		lacks = "no pipe";
	if (!lacks)
		t->pid = fork();
	if (!lacks && !t->pid)
		run(t, m->type, fd);
	if (t->pid < 0)
		lacks = "no process";
	if (lacks)
		report(number, lacks, errno);
	for (i = 0; i < NR_ENDS; i++)
		if (fd[i] >= 0)
			close(fd[i]);
	free(t->text);
	t->text = NULL;
	if (lacks)
		end_with(number, EXIT_INIT);
}

static bool add_text(unsigned int number, const struct message *m)
{
	struct task *t = tasks[number];
	char *more;
	int i;

	if (!t) {
		t = calloc(1, sizeof(*t));
		if (!t)
			return false;
		for (i = 0; i < NR_ENDS; i++)
			t->end[i] = -1;
		t->window = TASK_WINDOW;
		tasks[number] = t;
	}
	if (t->pid || t->text_size + m->size > TASK_TEXT)
		return false;
	more = realloc(t->text, t->text_size + m->size + 1);
	if (!more)
		return false;
	memcpy(more + t->text_size, m->data, m->size);
	t->text = more;
	t->text_size += m->size;
	return true;
}

static bool add_input(struct task *t, const struct message *m)
{
	if (t->input_start) {
		memmove(t->input, t->input + t->input_start, t->input_end - t->input_start);
		t->input_end -= t->input_start;
		t->input_start = 0;
	}
	if (m->size > sizeof(t->input) - t->input_end)
		return false;
	memcpy(t->input + t->input_end, m->data, m->size);
	t->input_end += m->size;
	return true;
}

/* False: that is no host that keeps to the rules. */
static bool obey(const struct message *m)
{
	struct task *t;

	if (m->task >= TASKS)
		return false;
	if (m->type == FRAME_TEXT)
		return add_text(m->task, m);
	t = tasks[m->task];
	/* It may have ended while this was under way. */
	if (!t)
		return true;
	switch (m->type) {
	case FRAME_RUN:
	case FRAME_RUN_TTY:
	case FRAME_READ:
	case FRAME_WRITE:
		if (t->pid)
			return false;
		begin(m->task, m);
		return true;
	case FRAME_INPUT:
		return add_input(t, m);
	case FRAME_INPUT_END:
		t->input_ends = true;
		return true;
	case FRAME_SIGNAL:
		if (m->size == 1)
			tell_task(t, m->data[0]);
		return true;
	case FRAME_SIZE:
		if (t->tty && t->end[OUTPUT] >= 0)
			set_size(t->end[OUTPUT], m);
		return true;
	case FRAME_TAKEN:
		if (m->size != 2 || link_number(m->data) > TASK_WINDOW - t->window)
			return false;
		t->window += link_number(m->data);
		return true;
	case FRAME_CLOSE:
		hang_up(m->task);
		end_with(m->task, 128 + SIGHUP);
		return true;
	default:
		return false;
	}
}

/* Pass on what there is; true if nothing more is there now. */
static bool read_end(unsigned int number, int which)
{
	struct task *t = tasks[number];
	char data[LINK_DATA];
	size_t room;
	ssize_t got;

	while (t->end[which] >= 0) {
		room = t->window < sizeof(data) ? t->window : sizeof(data);
		if (!room || link_waiting(&host) > MOST_WAITING)
			return false;
		got = read(t->end[which], data, room);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return true;
		/* A terminal that no process has open gives EIO. */
		if (got <= 0) {
			close_end(t, which);
			break;
		}
		t->window -= got;
		link_put(&host, which == OUTPUT ? FRAME_OUTPUT : FRAME_ERRORS, number, data, got);
	}
	return true;
}

static void write_input(unsigned int number)
{
	struct task *t = tasks[number];
	unsigned char taken[2];
	size_t left;
	ssize_t put;

	while (t->input_start < t->input_end) {
		left = t->input_end - t->input_start;
		put = t->end[INPUT] < 0 ? (ssize_t)left :
			write(t->end[INPUT], t->input + t->input_start, left);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0 && errno == EAGAIN)
			return;
		/* Nobody reads it any more. */
		if (put < 0) {
			close_end(t, INPUT);
			continue;
		}
		t->input_start += put;
		for (; put > 0; put -= link_number(taken)) {
			link_put_number(taken, put < LINK_DATA ? put : LINK_DATA);
			link_put(&host, FRAME_TAKEN, number, taken, sizeof(taken));
		}
	}
	if (t->input_ends && t->end[INPUT] >= 0 &&
	    (!t->tty || write(t->end[INPUT], CONTROL_D, 1) == 1 || errno != EAGAIN))
		close_end(t, INPUT);
}

static void reap(void)
{
	unsigned int i;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (i = 0; i < TASKS; i++) {
			if (!tasks[i] || tasks[i]->pid != pid)
				continue;
			tasks[i]->ended = true;
			tasks[i]->status = WIFEXITED(status) ? WEXITSTATUS(status) :
				128 + WTERMSIG(status);
		}
	}
}

static void child_ended(int signal)
{
	(void)signal;
}

/* Move what can be moved. A task that has ended has written all that counts. */
static void advance(unsigned int number)
{
	struct task *t = tasks[number];
	bool ended = t->ended, drained;

	if (!t->pid)
		return;
	write_input(number);
	drained = read_end(number, OUTPUT);
	drained &= read_end(number, ERRORS);
	if (ended && drained)
		end_with(number, t->status);
}

static short wanted(const struct task *t, int which)
{
	if (which == INPUT)
		return t->input_start < t->input_end || t->input_ends ? POLLOUT : 0;
	return t->window && link_waiting(&host) <= MOST_WAITING ? POLLIN : 0;
}

/* Until the host is gone */
static void serve(const sigset_t *waiting)
{
	struct pollfd p[1 + TASKS * NR_ENDS];
	struct message m;
	enum link_result r;
	unsigned int i, k, n;

	for (;;) {
		p[0] = (struct pollfd){ .fd = host.fd, .events = POLLIN };
		if (link_waiting(&host))
			p[0].events |= POLLOUT;
		for (i = 0, n = 1; i < TASKS; i++) {
			for (k = 0; tasks[i] && k < NR_ENDS; k++) {
				if (tasks[i]->end[k] >= 0 && wanted(tasks[i], k))
					p[n++] = (struct pollfd){ tasks[i]->end[k],
								  wanted(tasks[i], k), 0 };
			}
		}
		/* A child's end comes as an interruption. */
		ppoll(p, n, NULL, waiting);
		reap();
		while ((r = link_receive(&host, &m)) == LINK_MESSAGE)
			if (!obey(&m))
				return;
		if (r != LINK_NOTHING_YET)
			return;
		for (i = 0; i < TASKS; i++)
			if (tasks[i])
				advance(i);
		if (link_send(&host))
			return;
	}
}

static bool reach_host(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(TASK_PORT) };
	int on = 1;

	inet_pton(AF_INET, TASK_ADDRESS, &a.sin_addr);
	host.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (host.fd >= 0 && !connect(host.fd, (struct sockaddr *)&a, sizeof(a)) &&
	    !setsockopt(host.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) &&
	    !fcntl(host.fd, F_SETFL, O_NONBLOCK)) {
		link_put(&host, FRAME_HELLO, 0, NULL, 0);
		return true;
	}
	link_close(&host);
	return false;
}

void tasks_start(const struct config *c)
{
	struct sigaction action = { .sa_handler = child_ended };
	sigset_t set, waiting;
	unsigned int i;

	if (fork())
		return;
	/* Ctrl-C is for the application, and so is a lack of memory. */
	setsid();
	spill(OOM, "-1000");
	config = c;
	sigaction(SIGCHLD, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&waiting);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_SETMASK, &set, NULL);
	for (;;) {
		if (reach_host())
			serve(&waiting);
		for (i = 0; i < TASKS; i++)
			hang_up(i);
		link_close(&host);
		sleep(1);
	}
}
