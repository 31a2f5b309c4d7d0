// SPDX-License-Identifier: GPL-2.0
/* What holds a pod's namespaces: it waits for a signal. */
#include <signal.h>
#include <unistd.h>

static void end(int signal)
{
	(void)signal;
	_exit(0);
}

int main(void)
{
	signal(SIGTERM, end);
	signal(SIGINT, end);
	for (;;)
		pause();
}
