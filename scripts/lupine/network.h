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

/* The ports to forward, [ADDRESS:]HOST:GUEST[/udp] each; ends the program if one is taken. */
void network_ports(struct network *n, const struct words *words);
/* Append QEMU's arguments for the network and its card. restricted: nothing outwards. */
void network_arguments(const struct network *n, bool restricted, struct words *q);
/*
 * Let more than one connection wait at each forwarded TCP port. Returns how many ports
 * QEMU does not listen on yet, or -errno if its sockets are out of reach.
 */
int network_widen(const struct network *n, pid_t qemu);

#endif
