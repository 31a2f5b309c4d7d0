/* SPDX-License-Identifier: GPL-2.0 */
/* The guest's network, see network.c. */
#ifndef LUPINE_NETWORK_H
#define LUPINE_NETWORK_H

#include <sys/types.h>

#include "run.h"

struct port {
	char *address;			/* of this machine */
	unsigned int host, guest;
	bool udp;
};

struct network {
	struct port *port;
	size_t nr;
};

/* The ports to forward, [ADDRESS:]HOST:GUEST[/udp] each */
void network_parse(struct network *n, const struct words *words);
/* A socket that listens on a port of this machine; ends the program if it is taken. */
int network_hold(const struct port *p);
/* Both: find out whether all are free. */
void network_ports(struct network *n, const struct words *words);
/*
 * Append QEMU's arguments for the network and its card. restricted: nothing outwards; tasks:
 * link.h's address reaches the character device of that name.
 */
void network_arguments(const struct network *n, bool restricted, const char *tasks,
		       struct words *q);
/*
 * Let more than one connection wait at each forwarded TCP port. Returns how many ports
 * QEMU does not listen on yet, or -errno if its sockets are out of reach.
 */
int network_widen(const struct network *n, pid_t qemu);

#endif
