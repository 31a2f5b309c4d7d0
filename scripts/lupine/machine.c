// SPDX-License-Identifier: GPL-2.0
/*
 * Run QEMU and be its console. QEMU's standard input and output are pipes of ours: what
 * comes from the one goes to our output and to the log, what is typed goes to the other.
 * A pipe holds hundreds of times as many single bytes as a socket. If its reader does not
 * run and it is full, QEMU waits, and the guest's kernel, which waits for the serial port
 * for 10 ms at most, overwrites what that has not sent.
 * Ctrl-A x ends the machine, Ctrl-A twice is one Ctrl-A for the guest.
 *
 * How the application ended is told by the machine: the init writes a byte to a port
 * (scripts/init/status.h), QEMU hands it over by another socket. It counts only
 * if it is the only byte there.
 *
 * QEMU does not outlive this process: the kernel kills it when its parent is gone. It
 * has a process group of its own, so that only we act upon signals of the terminal.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "../init/clock.h"
#include "explain.h"
#include "network.h"
#include "run.h"
#include "snapshot.h"
#include "tasks.h"

#define SECOND		1000000000ll
#define CONSOLE_SIZE	(1 << 20)
#define ESCAPE		1		/* Ctrl-A */
#define PANIC		"Kernel panic"

/* A stretch of bytes on its way. */
struct buffer {
	char data[4096];		/* PIPE_BUF: no write of it blocks after POLLOUT */
	size_t start, end;
};

enum ending {
	RUNNING,
	BY_ITSELF,
	BY_KEY,
	BY_TIMEOUT,
	BY_SIGNAL,
	BY_SNAPSHOT,
};

struct session {
	struct machine *m;
	pid_t qemu;
	int console, keyboard, signals, log, out;
	struct buffer from_guest, to_guest;
	bool stdin_open, escaped, spoken, panicked, raw, widened;
	size_t panic_matched;
	struct termios tty;
	bool has_tty;
	int64_t deadline, next_storm;
	char explained[EXPLAIN_SIZE];
	size_t explained_len;
	unsigned long status_bytes;
	unsigned char status;
	enum ending ending;
	int signal, wait_status;
};

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

static void socket_pair(int fd[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd))
		die("no socket for QEMU: %s", strerror(errno));
}

/* QEMU opens it by its number below /proc/self/fd. NUL bytes fill it to sectors. */
static int text_file(const char *text)
{
	size_t len = strlen(text), size = (len / 512 + 1) * 512;
	int fd = memfd_create("lupine", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, size) || pwrite(fd, text, len, 0) != (ssize_t)len)
		die("no memory for the words to the init: %s", strerror(errno));
	return fd;
}

void machine_prepare(struct machine *m)
{
	int fd[2];

	socket_pair(fd);
	m->status_peer = fd[0];
	m->status_fd = fd[1];
	socket_pair(fd);
	m->clock_peer = fd[0];
	m->clock_fd = fd[1];
	m->storm_peer = m->storm_fd = m->text_fd = m->explain_peer = m->explain_fd = -1;
	m->monitor_fd = m->state_fd = m->tasks_fd = -1;
	if (m->tasks) {
		socket_pair(fd);
		tasks_attach(m->tasks, fd[0], m->snapshot && m->snapshot->loads);
		m->tasks_fd = fd[1];
	}
	if (m->snapshot) {
		socket_pair(fd);
		m->monitor_peer = fd[0];
		m->monitor_fd = fd[1];
	}
	if (m->snapshot && m->snapshot->loads) {
		socket_pair(fd);
		m->state_peer = fd[0];
		m->state_fd = fd[1];
	}
	if (m->explain) {
		socket_pair(fd);
		m->explain_peer = fd[0];
		m->explain_fd = fd[1];
	}
	if (m->storm) {
		socket_pair(fd);
		m->storm_peer = fd[0];
		m->storm_fd = fd[1];
		fcntl(m->storm_peer, F_SETFL, O_NONBLOCK);
	}
	if (m->text)
		m->text_fd = text_file(m->text);
}

static void inherit(int fd)
{
	if (fd >= 0)
		fcntl(fd, F_SETFD, 0);
}

static void __noreturn exec_qemu(const struct machine *m, int in, int out, int error_fd,
				 pid_t parent)
{
	sigset_t none;
	int err;

	/* Whoever kills the parent ends the machine, too. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	setpgid(0, 0);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	inherit(m->status_fd);
	inherit(m->storm_fd);
	inherit(m->text_fd);
	inherit(m->clock_fd);
	inherit(m->explain_fd);
	inherit(m->monitor_fd);
	inherit(m->state_fd);
	inherit(m->tasks_fd);
	inherit(m->snapshot ? m->snapshot->fd : -1);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(m->qemu.word[0], m->qemu.word);
	err = errno;
	if (write(error_fd, &err, sizeof(err)) < 0)
		_exit(2);
	_exit(1);
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void start(struct session *s)
{
	pid_t parent = getpid();
	int console[2], keyboard[2], error[2], err;

	if (pipe2(console, O_CLOEXEC) || pipe2(keyboard, O_CLOEXEC) || pipe2(error, O_CLOEXEC))
		die("no pipe: %s", strerror(errno));
	/* As much as the kernel allows */
	fcntl(console[1], F_SETPIPE_SZ, CONSOLE_SIZE);
	s->qemu = fork();
	if (s->qemu < 0)
		die("no process for QEMU: %s", strerror(errno));
	if (!s->qemu)
		exec_qemu(s->m, keyboard[0], console[1], error[1], parent);
	close(error[1]);
	if (read(error[0], &err, sizeof(err)) == sizeof(err)) {
		waitpid(s->qemu, NULL, 0);
		if (err == ENOENT)
			die("'%s' is missing; make setup installs it", s->m->qemu.word[0]);
		die("%s: %s", s->m->qemu.word[0], strerror(err));
	}
	close(error[0]);
	close(console[1]);
	close(keyboard[0]);
	close_if_open(s->m->status_fd);
	close_if_open(s->m->storm_fd);
	close_if_open(s->m->text_fd);
	close_if_open(s->m->clock_fd);
	close_if_open(s->m->explain_fd);
	close_if_open(s->m->monitor_fd);
	close_if_open(s->m->state_fd);
	close_if_open(s->m->tasks_fd);
	s->console = console[0];
	s->keyboard = keyboard[1];
}

/*
 * As QEMU's own console does it: what is typed is the guest's, Ctrl-C too. Nothing is
 * changed, or read, while another job has the terminal.
 */
static void take_terminal(struct session *s)
{
	struct termios raw;

	if (!s->has_tty || s->raw || tcgetpgrp(STDIN_FILENO) != getpgrp())
		return;
	raw = s->tty;
	raw.c_iflag &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
	raw.c_oflag |= OPOST;
	raw.c_lflag &= ~(ECHO | ECHONL | ICANON | IEXTEN | ISIG);
	raw.c_cflag = (raw.c_cflag & ~(CSIZE | PARENB)) | CS8;
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	s->raw = !tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

static void give_back_terminal(struct session *s)
{
	if (s->raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &s->tty);
	s->raw = false;
}

static void end(struct session *s, enum ending ending)
{
	if (s->ending == RUNNING)
		s->ending = ending;
	kill(s->qemu, SIGKILL);
}

static void typed(struct session *s, const char *data, size_t len)
{
	struct buffer *b = &s->to_guest;
	size_t i;

	for (i = 0; i < len; i++) {
		if (!s->escaped && data[i] == ESCAPE) {
			s->escaped = true;
			continue;
		}
		if (s->escaped && data[i] == 'x') {
			end(s, BY_KEY);
			return;
		}
		if (s->escaped && data[i] == 'h')
			fputs("\nCtrl-A x  end the machine\nCtrl-A Ctrl-A  send Ctrl-A\n", stderr);
		if (!s->escaped || data[i] == ESCAPE)
			b->data[b->end++] = data[i];
		s->escaped = false;
	}
}

static void read_stdin(struct session *s)
{
	struct buffer *b = &s->to_guest;
	char data[sizeof(b->data)];
	ssize_t got;

	if (b->start) {
		memmove(b->data, b->data + b->start, b->end - b->start);
		b->end -= b->start;
		b->start = 0;
	}
	got = read(STDIN_FILENO, data, sizeof(b->data) - b->end);
	if (got > 0)
		typed(s, data, got);
	else if (!got || errno != EINTR)
		s->stdin_open = false;
}

/* Write some of a buffer; false if nobody reads any more. */
static bool flush(struct buffer *b, int fd)
{
	ssize_t put = write(fd, b->data + b->start, b->end - b->start);

	if (put < 0)
		return errno == EINTR || errno == EAGAIN;
	b->start += put;
	if (b->start == b->end)
		b->start = b->end = 0;
	return true;
}

/* Only for the message: what a panicking kernel says may be cut over two reads. */
static void look_for_panic(struct session *s, const char *data, size_t len)
{
	size_t i;

	for (i = 0; i < len && !s->panicked; i++) {
		if (data[i] == PANIC[s->panic_matched])
			s->panic_matched++;
		else
			s->panic_matched = data[i] == PANIC[0];
		s->panicked = s->panic_matched == strlen(PANIC);
	}
}

static void keep(struct session *s, const char *data, size_t len)
{
	ssize_t put;

	while (s->log >= 0 && len) {
		put = write(s->log, data, len);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0) {
			tell("%s: %s; the rest of the console is not kept", s->m->log,
			     strerror(errno));
			close(s->log);
			s->log = -1;
			return;
		}
		data += put;
		len -= put;
	}
}

/* False at the end. */
static bool read_console(struct session *s)
{
	struct buffer *b = &s->from_guest;
	ssize_t got = read(s->console, b->data, sizeof(b->data));

	if (got < 0 && errno == EINTR)
		return true;
	if (got <= 0)
		return false;
	s->spoken = true;
	look_for_panic(s, b->data, got);
	keep(s, b->data, got);
	/* Where nobody reads, the guest goes on nevertheless. */
	if (s->out >= 0)
		b->end = got;
	return true;
}

static bool read_status(struct session *s)
{
	unsigned char data[256];
	ssize_t got = read(s->m->status_peer, data, sizeof(data));

	if (got < 0 && errno == EINTR)
		return true;
	if (got <= 0)
		return false;
	s->status = data[got - 1];
	s->status_bytes += got;
	return true;
}

/* What does not fit spoils the rest. */
static bool read_explained(struct session *s)
{
	char data[4096];
	ssize_t got = read(s->m->explain_peer, data, sizeof(data));

	if (got < 0 && errno == EINTR)
		return true;
	if (got <= 0)
		return false;
	if ((size_t)got > sizeof(s->explained) - s->explained_len)
		got = sizeof(s->explained) - s->explained_len;
	memcpy(s->explained + s->explained_len, data, got);
	s->explained_len += got;
	return true;
}

/* The guest waits: the machine's state is that in which it does. */
static void save(struct session *s)
{
	s->m->saved = snapshot_save(s->m->snapshot, s->m->monitor_peer);
	end(s, BY_SNAPSHOT);
}

/* The application is ready, and the guest waits for this. */
static bool go_on(struct session *s)
{
	/* Once: a guest may say it as often as it likes. */
	if (s->m->ready_fd >= 0 && write(s->m->ready_fd, "", 1) < 0)
		tell("nobody waits for the application any more");
	s->m->ready_fd = -1;
	return send(s->m->clock_peer, "", 1, MSG_DONTWAIT) == 1;
}

/* See scripts/init/clock.h. */
static void answer(struct session *s, char question)
{
	unsigned char text[CLOCK_RANDOM_BYTES];
	size_t size = CLOCK_BYTES, i;
	struct timespec t;
	uint64_t time;

	switch (question) {
	case CLOCK_SAVE:
		if (s->ending != RUNNING)
			return;
		if (s->m->snapshot && !s->m->snapshot->loads)
			save(s);
		else
			go_on(s);
		return;
	case CLOCK_RANDOM:
		size = CLOCK_RANDOM_BYTES;
		if (getrandom(text, size, 0) != (ssize_t)size)
			return;
		break;
	default:
		clock_gettime(CLOCK_REALTIME, &t);
		time = t.tv_sec * SECOND + t.tv_nsec;
		for (i = 0; i < CLOCK_BYTES; i++)
			text[i] = time >> (8 * i);
	}
	/* What a guest does not read is not sent. */
	if (send(s->m->clock_peer, text, size, MSG_DONTWAIT) < 0)
		return;
}

static bool answer_questions(struct session *s)
{
	char question[16];
	ssize_t got = read(s->m->clock_peer, question, sizeof(question)), i;

	if (got < 0 && errno == EINTR)
		return true;
	for (i = 0; i < got; i++)
		answer(s, question[i]);
	return got > 0;
}

static void read_signals(struct session *s)
{
	struct signalfd_siginfo info;

	if (read(s->signals, &info, sizeof(info)) != sizeof(info))
		return;
	switch (info.ssi_signo) {
	case SIGCHLD:
		if (waitpid(s->qemu, &s->wait_status, WNOHANG) == s->qemu) {
			s->qemu = 0;
			if (s->ending == RUNNING)
				s->ending = BY_ITSELF;
		}
		break;
	case SIGCONT:
		/* The shell had the terminal meanwhile. */
		s->raw = false;
		take_terminal(s);
		break;
	default:
		s->signal = info.ssi_signo;
		end(s, BY_SIGNAL);
	}
}

static void storm(struct session *s, int64_t time)
{
	char answer[4096];

	while (read(s->m->storm_peer, answer, sizeof(answer)) > 0)
		;
	if (time < s->next_storm || (s->m->storm_waits && !s->spoken))
		return;
	/* What does not fit is one less. */
	if (write(s->m->storm_peer, s->m->storm, strlen(s->m->storm)) < 0 && errno == EPIPE)
		s->m->storm = NULL;
	s->next_storm += SECOND / s->m->storm_rate;
	/*
	 * What has been missed is not made up for: a machine check during another one resets
	 * the machine.
	 */
	if (s->next_storm <= time)
		s->next_storm = time + SECOND / s->m->storm_rate;
}

/* QEMU has its sockets soon after its start, before the guest runs. */
static void widen(struct session *s)
{
	int left;

	if (s->widened || !s->qemu)
		return;
	left = network_widen(s->m->network, s->qemu);
	if (left < 0)
		tell("QEMU's sockets cannot be had (%s): many connections at once may stall",
		     strerror(-left));
	s->widened = left <= 0;
}

/* How long poll() may sleep; NULL: until something happens. */
static struct timespec *patience(const struct session *s, int64_t time, struct timespec *t)
{
	int64_t until = INT64_MAX;

	if (s->deadline)
		until = s->deadline;
	if (s->m->storm && (!s->m->storm_waits || s->spoken) && s->next_storm < until)
		until = s->next_storm;
	/* Nothing tells that a job has come to the foreground. */
	if (s->has_tty && !s->raw && until > time + SECOND / 2)
		until = time + SECOND / 2;
	if (!s->widened && until > time + SECOND / 20)
		until = time + SECOND / 20;
	if (until == INT64_MAX)
		return NULL;
	until = until > time ? until - time : 0;
	t->tv_sec = until / SECOND;
	t->tv_nsec = until % SECOND;
	return t;
}

enum { CONSOLE, KEYBOARD, STDIN, OUT, STATUS, STORM, CLOCK, EXPLAIN, SIGNALS,
       FIRST_OF_TASKS, NR_FDS = FIRST_OF_TASKS + TASKS_FDS };

static void set_events(struct session *s, struct pollfd *p)
{
	bool may_type = s->stdin_open && (!s->has_tty || s->raw) &&
		s->to_guest.end - s->to_guest.start < sizeof(s->to_guest.data);

	/* A descriptor that we do not wait for would still report its end. */
	p[CONSOLE] = (struct pollfd){
		.fd = s->from_guest.start == s->from_guest.end ? s->console : -1, .events = POLLIN
	};
	p[KEYBOARD] = (struct pollfd){
		.fd = s->to_guest.start < s->to_guest.end ? s->keyboard : -1, .events = POLLOUT
	};
	p[STDIN] = (struct pollfd){ .fd = may_type ? STDIN_FILENO : -1, .events = POLLIN };
	p[OUT] = (struct pollfd){ .fd = s->from_guest.start < s->from_guest.end ? s->out : -1,
				  .events = POLLOUT };
	p[STATUS] = (struct pollfd){ .fd = s->m->status_peer, .events = POLLIN };
	p[STORM] = (struct pollfd){ .fd = s->m->storm ? s->m->storm_peer : -1, .events = POLLIN };
	p[CLOCK] = (struct pollfd){ .fd = s->m->clock_peer, .events = POLLIN };
	p[EXPLAIN] = (struct pollfd){ .fd = s->m->explain_peer, .events = POLLIN };
	p[SIGNALS] = (struct pollfd){ .fd = s->signals, .events = POLLIN };
	if (s->m->tasks)
		tasks_events(s->m->tasks, p + FIRST_OF_TASKS);
}

static void handle_events(struct session *s, const struct pollfd *p)
{
	if (p[SIGNALS].revents)
		read_signals(s);
	if (p[STATUS].revents && !read_status(s)) {
		close(s->m->status_peer);
		s->m->status_peer = -1;
	}
	if (p[EXPLAIN].revents && !read_explained(s)) {
		close(s->m->explain_peer);
		s->m->explain_peer = -1;
	}
	if (p[CLOCK].revents && !answer_questions(s)) {
		close(s->m->clock_peer);
		s->m->clock_peer = -1;
	}
	if (p[OUT].revents && !flush(&s->from_guest, s->out)) {
		s->out = -1;
		s->from_guest.start = s->from_guest.end = 0;
	}
	/* What is typed to a machine that has ended is lost. */
	if (p[KEYBOARD].revents && !flush(&s->to_guest, s->keyboard))
		s->to_guest.start = s->to_guest.end = 0;
	if (p[CONSOLE].revents && !read_console(s)) {
		close(s->console);
		close(s->keyboard);
		s->console = s->keyboard = -1;
		s->to_guest.start = s->to_guest.end = 0;
	}
	if (p[STDIN].revents)
		read_stdin(s);
	if (s->m->tasks)
		tasks_handle(s->m->tasks, p + FIRST_OF_TASKS);
}

/* Until QEMU is gone, and all that it has said has been passed on. */
static void relay(struct session *s)
{
	struct pollfd p[NR_FDS];
	struct timespec t;
	int64_t time;
	nfds_t n;

	while (s->qemu || s->console >= 0 || s->m->status_peer >= 0 || s->m->explain_peer >= 0 ||
	       (s->out >= 0 && s->from_guest.start < s->from_guest.end)) {
		time = now();
		if (s->qemu && s->deadline && time >= s->deadline) {
			s->deadline = 0;
			end(s, BY_TIMEOUT);
		}
		if (s->m->storm)
			storm(s, time);
		take_terminal(s);
		widen(s);
		set_events(s, p);
		n = s->m->tasks ? NR_FDS : FIRST_OF_TASKS;
		if (ppoll(p, n, patience(s, time, &t), NULL) < 0) {
			if (errno != EINTR)
				die("poll: %s", strerror(errno));
			continue;
		}
		handle_events(s, p);
		/* Somebody who does not read must not keep us from ending. */
		if (!s->qemu && (s->ending == BY_SIGNAL || s->ending == BY_TIMEOUT) &&
		    s->console < 0 && s->m->status_peer < 0 && !p[OUT].revents)
			break;
	}
}

static int verdict(const struct session *s, int64_t started)
{
	const struct machine *m = s->m;
	int64_t tenths = (now() - started) / (SECOND / 10);

	switch (s->ending) {
	case BY_TIMEOUT:
		tell("ended after %u s (--timeout)", m->timeout);
		return EXIT_TIMEOUT;
	case BY_SIGNAL:
		return 128 + (s->signal == SIGHUP ? SIGTERM : s->signal);
	case BY_SNAPSHOT:
		if (m->snapshot->loads)
			die("no machine starts from %s", m->snapshot->path);
		if (!m->saved)
			die("the machine was not saved");
		return 0;
	case BY_KEY:
		if (!m->quiet)
			tell("ended by Ctrl-A x");
		return 0;
	default:
		break;
	}
	if (WIFSIGNALED(s->wait_status))
		die("QEMU was killed by signal %d (%s)", WTERMSIG(s->wait_status),
		    strsignal(WTERMSIG(s->wait_status)));
	if (WEXITSTATUS(s->wait_status))
		die("QEMU ended with status %d", WEXITSTATUS(s->wait_status));
	if (!m->quiet)
		tell("ended after %lld.%lld s", (long long)tenths / 10, (long long)tenths % 10);
	if (s->status_bytes == 1)
		return s->status;
	if (s->status_bytes)
		tell("the machine told %lu statuses, where one is due: none is believed",
		     s->status_bytes);
	else if (!s->panicked)
		tell("the machine ended without an exit status from its init");
	else if (!m->quiet)
		tell("the kernel panicked");
	return EXIT_NO_STATUS;
}

static int signal_descriptor(void)
{
	static const int handled[] = { SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	sigset_t set;
	size_t i;
	int fd;

	sigemptyset(&set);
	for (i = 0; i < ARRAY_SIZE(handled); i++)
		sigaddset(&set, handled[i]);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	/* A write to the terminal's modes from the background would stop us. */
	sigaddset(&set, SIGTTOU);
	if (fd < 0 || sigprocmask(SIG_BLOCK, &set, NULL))
		die("signals: %s", strerror(errno));
	/* Parents may ignore it, and with it the end of children. */
	signal(SIGCHLD, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	return fd;
}

static void start_from_snapshot(struct session *s)
{
	struct machine *m = s->m;

	if (!snapshot_load(m->snapshot, m->monitor_peer, m->state_fd, m->state_peer) ||
	    !go_on(s))
		end(s, BY_SNAPSHOT);
}

int machine_run(struct machine *m)
{
	static struct session s;
	int64_t started;

	/* What was saved has run with the same log before. */
	s = (struct session){ .m = m, .log = -1, .out = STDOUT_FILENO, .stdin_open = true };
	if (m->log) {
		s.log = open(m->log, O_WRONLY | O_CREAT | O_CLOEXEC |
			     (m->saved ? O_APPEND : O_TRUNC), 0666);
		if (s.log < 0)
			die("the console cannot be written to %s: %s", m->log, strerror(errno));
	}
	s.signals = signal_descriptor();
	s.has_tty = !tcgetattr(STDIN_FILENO, &s.tty);
	started = now();
	start(&s);
	if (m->timeout)
		s.deadline = started + m->timeout * SECOND;
	s.next_storm = started;
	if (m->snapshot && m->snapshot->loads)
		start_from_snapshot(&s);
	relay(&s);
	give_back_terminal(&s);
	if (m->explain)
		explain_tell(s.explained, s.explained_len);
	/* QEMU had no time to do it. */
	if (m->monitor && s.ending != BY_ITSELF)
		unlink(m->monitor);
	return verdict(&s, started);
}
