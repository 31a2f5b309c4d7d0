// SPDX-License-Identifier: GPL-2.0
/*
 * `lupine run --snapshot` saves the machine when its application listens on a port. A process
 * of the init waits for that and tells the host, see clock.h. All that a machine has comes
 * back from the snapshot, the process in its loop, too; so this is the place to mend what
 * must not be as it was: the date, and what random numbers are made of, which would be the
 * same in all machines that start from one snapshot.
 *
 * With one processor nothing else runs meanwhile, since the process has a real-time
 * priority. With more, what runs on the others may see the old date, and random numbers of
 * the machine that was saved, for about a millisecond.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/io.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "init.h"

#define TICK_NS		(10 * 1000 * 1000)

/* The address of eth0, which an application may listen on alone; else that of lo */
static struct in_addr own_address(void)
{
	struct in_addr address = { htonl(INADDR_LOOPBACK) };
	struct ifreq r = { .ifr_name = "eth0" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (!ioctl(fd, SIOCGIFADDR, &r))
		address = ((struct sockaddr_in *)&r.ifr_addr)->sin_addr;
	close(fd);
	return address;
}

static bool listens(unsigned short port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port),
				 .sin_addr = own_address() };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = !connect(fd, (struct sockaddr *)&a, sizeof(a));

	close(fd);
	return yes;
}

static void renew_random_numbers(void)
{
	struct {
		struct rand_pool_info info;
		unsigned char bytes[CLOCK_RANDOM_BYTES];
	} pool = { .info = { 8 * CLOCK_RANDOM_BYTES, CLOCK_RANDOM_BYTES }, .bytes = { 0 } };
	int fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);

	if (fd < 0 || !clock_answer(CLOCK_RANDOM, pool.bytes, CLOCK_RANDOM_BYTES) ||
	    ioctl(fd, RNDADDENTROPY, &pool) || ioctl(fd, RNDRESEEDCRNG))
		say("random numbers are those of the snapshot: %s", strerror(errno));
	close(fd);
}

void snapshot_start(unsigned short port)
{
	struct sched_param p = { .sched_priority = 1 };
	struct timespec tick = { .tv_nsec = TICK_NS };
	sigset_t none;

	if (!port || fork())
		return;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	while (!listens(port))
		nanosleep(&tick, NULL);
	if (!clock_open()) {
		say("the machine cannot be saved: add CONFIG_X86_IOPL_IOPERM to the kernel");
		_exit(0);
	}
	sched_setscheduler(0, SCHED_FIFO, &p);
	clock_wait_for_start();
	clock_take_time();
	renew_random_numbers();
	_exit(0);
}
