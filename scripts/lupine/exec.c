// SPDX-License-Identifier: GPL-2.0
/*
 * lupine exec: run a program in a guest that runs. It talks to `lupine run --exec` (tasks.c),
 * and that to the guest's init.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "manifest.h"
#include "run.h"
#include "tasks.h"

#define PATIENCE_MS	5000

static const char help[] =
"Usage: lupine exec [OPTION]... NAME PROGRAM [ARG...]\n"
"\n"
"Run a program in the guest NAME, which lupine run --detach NAME --exec has started,\n"
"beside the application: with its variables, in its folder and as its user.\n"
"\n"
"  -i, --interactive     pass standard input to the program; else it has none\n"
"  -t, --tty             give it a terminal, and pass what is typed\n"
"  -e, --env NAME=VALUE  set a variable (may be repeated)\n"
"  -w, --workdir DIR     run it in DIR\n"
"  -u, --user USER[:GROUP]\n"
"                        run it as USER\n"
"\n"
"Without -t, signals of this program go to that one. If this one is killed, that one\n"
"gets SIGHUP. The exit status is that of the program; 125 if it could not be run, or if\n"
"the guest ended meanwhile, 126 if it cannot be executed, 127 if it is not there.\n"
"\n"
"Example: lupine exec -t redis /bin/sh\n";

struct client {
	struct link link;
	struct manifest m;
	enum frame what;
	bool input, tty, raw, begun, warned;
	size_t window;			/* so much input may be sent */
	int signals;
	struct termios was;
};

static struct client client;

static void give_back_terminal(void)
{
	if (client.raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &client.was);
	client.raw = false;
}

static void take_terminal(struct client *c)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &c->was))
		die("-t: standard input is no terminal");
	raw = c->was;
	cfmakeraw(&raw);
	c->raw = !tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	atexit(give_back_terminal);
}

static void add(struct manifest *m, enum manifest_key key, const char *option, const char *value)
{
	char error[MANIFEST_ERROR_SIZE];

	if (manifest_add(m, option, key, &value, 1, IN_COMMAND, error, sizeof(error)))
		die("%s", error);
}

/* Returns the name of the guest. */
static const char *parse(struct client *c, int argc, char **argv)
{
	static const struct option known[] = {
		{ "interactive", no_argument, NULL, 'i' }, { "tty", no_argument, NULL, 't' },
		{ "env", required_argument, NULL, 'e' },
		{ "workdir", required_argument, NULL, 'w' },
		{ "user", required_argument, NULL, 'u' }, { "help", no_argument, NULL, 'h' }, { 0 },
	};
	const char *name, *term = getenv("TERM");
	int o, at = optind;

	opterr = 0;
	for (; (o = getopt_long(argc, argv, "+:ite:w:u:h", known, NULL)) >= 0; at = optind) {
		switch (o) {
		case 'i':
			c->input = true;
			break;
		case 't':
			c->input = c->tty = true;
			break;
		case 'e':
			add(&c->m, KEY_ENV, "-e", optarg);
			break;
		case 'w':
			add(&c->m, KEY_WORKDIR, "-w", optarg);
			break;
		case 'u':
			add(&c->m, KEY_USER, "-u", optarg);
			break;
		case 'h':
			fputs(help, stdout);
			exit(0);
		case ':':
			die("%s wants a value (see --help)", argv[optind - 1]);
		default:
			die("unknown option %s (see --help)", argv[at]);
		}
	}
	if (argc - optind < 2)
		die("needs the NAME of a guest and a PROGRAM; see --help");
	name = argv[optind++];
	if (c->tty && term)
		add(&c->m, KEY_ENV, "TERM", xasprintf("TERM=%s", term));
	add(&c->m, KEY_ENTRYPOINT, "PROGRAM", argv[optind++]);
	for (; optind < argc; optind++)
		add(&c->m, KEY_CMD, "ARG", argv[optind]);
	return name;
}

static void connect_to(struct client *c, const char *name)
{
	if (!detach_name_ok(name) || access(state_file(name, ""), F_OK))
		die("no guest '%s'; lupine guest list shows all", name);
	if (!state_running(name))
		die("%s does not run any more", name);
	c->link.fd = tasks_connect(name);
	if (c->link.fd < 0 && (errno == ENOENT || errno == ECONNREFUSED))
		die("%s was started without --exec", name);
	if (c->link.fd < 0)
		die("%s: %s", name, strerror(errno));
	fcntl(c->link.fd, F_SETFL, O_NONBLOCK);
}

static void get_size(unsigned char data[4])
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };

	ioctl(STDIN_FILENO, TIOCGWINSZ, &size);
	link_put_number(data, size.ws_row);
	link_put_number(data + 2, size.ws_col);
}

static void send_task(struct client *c)
{
	char *text = manifest_print(&c->m, IN_COMMAND);
	size_t left = text ? strlen(text) : 0, part;
	unsigned char size[4];
	const char *p = text;

	if (!text)
		die("%s", out_of_memory);
	if (left > TASK_TEXT)
		die("arguments and variables are longer than %d bytes", TASK_TEXT);
	for (; left; left -= part, p += part) {
		part = left < LINK_DATA ? left : LINK_DATA;
		link_put(&c->link, FRAME_TEXT, 0, p, part);
	}
	get_size(size);
	link_put(&c->link, c->what, 0, size, c->tty ? sizeof(size) : 0);
	if (!c->input)
		link_put(&c->link, FRAME_INPUT_END, 0, NULL, 0);
	free(text);
}

static int signal_descriptor(void)
{
	static const int passed_on[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 };
	sigset_t set;
	size_t i;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	for (i = 0; i < ARRAY_SIZE(passed_on); i++)
		sigaddset(&set, passed_on[i]);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0 || sigprocmask(SIG_BLOCK, &set, NULL))
		die("signals: %s", strerror(errno));
	signal(SIGPIPE, SIG_IGN);
	return fd;
}

static void read_signal(struct client *c)
{
	struct signalfd_siginfo info;
	unsigned char data[4];

	if (read(c->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH) {
		get_size(data);
		if (c->tty)
			link_put(&c->link, FRAME_SIZE, 0, data, sizeof(data));
		return;
	}
	/* Who has a terminal there types Ctrl-C into it. Here it is somebody else's signal. */
	if (c->tty || !c->begun)
		exit(128 + info.ssi_signo);
	data[0] = info.ssi_signo;
	link_put(&c->link, FRAME_SIGNAL, 0, data, 1);
}

static void read_input(struct client *c)
{
	char data[LINK_DATA];
	ssize_t got;

	got = read(STDIN_FILENO, data, c->window < sizeof(data) ? c->window : sizeof(data));
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (got <= 0) {
		c->input = false;
		link_put(&c->link, FRAME_INPUT_END, 0, NULL, 0);
		return;
	}
	c->window -= got;
	link_put(&c->link, FRAME_INPUT, 0, data, got);
}

static void put_out(struct client *c, int fd, const struct message *m)
{
	unsigned char taken[2];
	size_t done = 0;
	ssize_t put;

	while (done < m->size) {
		put = write(fd, m->data + done, m->size - done);
		if (put < 0 && errno == EINTR)
			continue;
		/* As a program here that writes to what nobody reads */
		if (put < 0)
			exit(128 + SIGPIPE);
		done += put;
	}
	link_put_number(taken, m->size);
	link_put(&c->link, FRAME_TAKEN, 0, taken, sizeof(taken));
}

/* Handle what has come; a status ends the program. */
static void hear(struct client *c, const char *name)
{
	enum link_result r;
	struct message m;

	while ((r = link_receive(&c->link, &m)) == LINK_MESSAGE) {
		switch (m.type) {
		case FRAME_BEGUN:
			c->begun = true;
			break;
		case FRAME_OUTPUT:
			put_out(c, STDOUT_FILENO, &m);
			break;
		case FRAME_ERRORS:
			put_out(c, STDERR_FILENO, &m);
			break;
		case FRAME_TAKEN:
			if (m.size == 2 && link_number(m.data) <= TASK_WINDOW - c->window)
				c->window += link_number(m.data);
			break;
		case FRAME_STATUS:
			exit(m.size == 1 ? m.data[0] : EXIT_CANNOT);
		default:
			break;
		}
	}
	if (r == LINK_NOTHING_YET)
		return;
	give_back_terminal();
	die("%s has ended, or cannot be reached any more", name);
}

/* Until it has ended, and this program with it */
static void __noreturn run(struct client *c, const char *name)
{
	int ready;

	c->window = TASK_WINDOW;
	connect_to(c, name);
	if (c->tty)
		take_terminal(c);
	c->signals = signal_descriptor();
	send_task(c);
	for (;;) {
		struct pollfd p[] = {
			{ .fd = c->link.fd, .events = POLLIN },
			{ .fd = c->signals, .events = POLLIN },
			{ .fd = c->input && c->window ? STDIN_FILENO : -1, .events = POLLIN },
		};

		/* If nobody takes it, the last words may be there. */
		if (link_send(&c->link))
			hear(c, name);
		if (link_waiting(&c->link))
			p[0].events |= POLLOUT;
		ready = poll(p, ARRAY_SIZE(p), c->begun ? -1 : PATIENCE_MS);
		if (ready < 0 && errno != EINTR)
			die("poll: %s", strerror(errno));
		if (!ready && !c->warned)
			warn("%s does not answer yet", name);
		c->warned |= !ready;
		if (ready <= 0)
			continue;
		if (p[1].revents)
			read_signal(c);
		if (p[2].revents)
			read_input(c);
		if (p[0].revents)
			hear(c, name);
	}
}

void task_run(const char *name, enum frame what, const char *const *words)
{
	struct client *c = &client;

	c->what = what;
	c->input = what == FRAME_WRITE;
	for (; *words; words++)
		add(&c->m, KEY_CMD, name, *words);
	run(c, name);
}

int cmd_exec(int argc, char **argv)
{
	struct client *c = &client;
	const char *name;

	status_of_die = EXIT_CANNOT;
	name = parse(c, argc, argv);
	c->what = c->tty ? FRAME_RUN_TTY : FRAME_RUN;
	run(c, name);
}
