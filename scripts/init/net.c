// SPDX-License-Identifier: GPL-2.0
/*
 * lo, and eth0 when the kernel's own ip= has not configured it: from ip= on
 * the command line (a kernel without IP_PNP ignores it), from the image's
 * configuration, or by DHCP. Then /etc/hosts and /etc/resolv.conf.
 *
 * The DHCP client here takes 1,200 bytes of this program. The kernel's own one
 * (CONFIG_IP_PNP_DHCP) would add 5,800 bytes to each kernel, which the small ones do
 * without, and could not be asked for by an image, only on the command line. busybox's
 * would put a program of 1 MB and a script into each image, and want CONFIG_PACKET.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/types.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "init.h"

#define NIC		"eth0"
#define MAX_DNS		3

struct lease {
	struct in_addr address, netmask, gateway, dns[MAX_DNS];
	size_t nr_dns;
};

static void set_in(struct sockaddr *sa, struct in_addr in)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = in };

	memcpy(sa, &sin, sizeof(sin));
}

static int set_up(int fd, const char *name)
{
	struct ifreq ifr = { 0 };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(fd, SIOCGIFFLAGS, &ifr))
		return -1;
	ifr.ifr_flags |= IFF_UP;
	return ioctl(fd, SIOCSIFFLAGS, &ifr);
}

static bool has_address(int fd)
{
	struct ifreq ifr = { .ifr_name = NIC };

	return !ioctl(fd, SIOCGIFADDR, &ifr);
}

static bool is_beyond(const struct lease *l)
{
	return l->gateway.s_addr && ((l->gateway.s_addr ^ l->address.s_addr) & l->netmask.s_addr);
}

/* Networks of containers have gateways in another subnet, of which nothing says where they are. */
static int add_route(int fd, const struct lease *l)
{
	struct rtentry rt = { .rt_flags = RTF_UP | RTF_HOST, .rt_dev = (char *)NIC };
	struct in_addr any = { .s_addr = INADDR_ANY }, all = { .s_addr = INADDR_NONE };

	if (!l->gateway.s_addr)
		return 0;
	if (is_beyond(l)) {
		set_in(&rt.rt_dst, l->gateway);
		set_in(&rt.rt_genmask, all);
		if (ioctl(fd, SIOCADDRT, &rt) && errno != EEXIST)
			return -1;
	}
	rt.rt_flags = RTF_UP | RTF_GATEWAY;
	set_in(&rt.rt_dst, any);
	set_in(&rt.rt_genmask, any);
	set_in(&rt.rt_gateway, l->gateway);
	return ioctl(fd, SIOCADDRT, &rt) && errno != EEXIST ? -1 : 0;
}

static int apply(int fd, const struct lease *l)
{
	struct ifreq ifr = { .ifr_name = NIC };

	set_in(&ifr.ifr_addr, l->address);
	if (ioctl(fd, SIOCSIFADDR, &ifr))
		return -1;
	set_in(&ifr.ifr_netmask, l->netmask);
	if (ioctl(fd, SIOCSIFNETMASK, &ifr) || set_up(fd, NIC))
		return -1;
	return add_route(fd, l);
}

static void add_dns(struct lease *l, const char *text)
{
	struct in_addr in;

	if (l->nr_dns < MAX_DNS && inet_aton(text, &in) && in.s_addr)
		l->dns[l->nr_dns++] = in;
}

/* client:server:gateway:netmask:hostname:device:autoconf:dns0:dns1 */
static bool from_ip_parameter(struct lease *l, bool *dhcp)
{
	char *cmdline = slurp("/proc/cmdline", SIZE_MAX, NULL), *rest = cmdline, *word, *field;
	char *param = NULL;
	int nr = 0;

	/* The last one counts, as it does for the kernel. */
	while ((word = strsep(&rest, " \t\n")))
		if (!strncmp(word, "ip=", 3))
			param = word + 3;
	if (!param || !*param || !strcmp(param, "none") || !strcmp(param, "off")) {
		free(cmdline);
		return false;
	}
	if (!strcmp(param, "dhcp") || !strcmp(param, "on") || !strcmp(param, "any"))
		*dhcp = true;
	for (nr = 0; (field = strsep(&param, ":")); nr++) {
		if (nr == 0)
			inet_aton(field, &l->address);
		else if (nr == 2)
			inet_aton(field, &l->gateway);
		else if (nr == 3)
			inet_aton(field, &l->netmask);
		else if (nr == 6)
			*dhcp = !strcmp(field, "dhcp") || !strcmp(field, "on") ||
				!strcmp(field, "any");
		else if (nr == 7 || nr == 8)
			add_dns(l, field);
	}
	free(cmdline);
	return true;
}

static void from_config(const struct config *c, struct lease *l)
{
	const struct manifest_list *address = &c->m.key[KEY_ADDRESS];
	const struct manifest_list *dns = &c->m.key[KEY_NAMESERVER];
	size_t i;

	if (address->nr) {
		l->address.s_addr = address->value[0].number[0];
		l->netmask.s_addr = htonl(~0u << (32 - address->value[0].number[1]));
	}
	l->gateway.s_addr = manifest_number(&c->m, KEY_GATEWAY, 0);
	for (i = 0; i < dns->nr && l->nr_dns < MAX_DNS; i++)
		l->dns[l->nr_dns++].s_addr = dns->value[i].number[0];
}

/* RFC 2131. */
struct dhcp {
	__u8 op, htype, hlen, hops;
	__u32 xid;
	__u16 secs, flags;
	__u32 ciaddr, yiaddr, siaddr, giaddr;
	__u8 chaddr[16], sname[64], file[128];
	__u32 magic;
	__u8 options[312];
} __packed;

#define DHCP_MAGIC	0x63825363
#define DHCP_BROADCAST	0x8000

enum {
	DISCOVER = 1,
	OFFER = 2,
	REQUEST = 3,
	ACK = 5,
};

enum {
	OPT_PAD = 0,
	OPT_NETMASK = 1,
	OPT_ROUTER = 3,
	OPT_DNS = 6,
	OPT_ADDRESS = 50,
	OPT_TYPE = 53,
	OPT_SERVER = 54,
	OPT_LIST = 55,
	OPT_END = 255,
};

static const __u8 *dhcp_option(const struct dhcp *p, size_t len, int code, size_t want)
{
	const __u8 *o = p->options, *end = (const __u8 *)p + len;

	while (o < end && *o != OPT_END) {
		if (*o == OPT_PAD) {
			o++;
			continue;
		}
		if (end - o < 2 || end - o < 2 + o[1])
			break;
		if (*o == code && o[1] >= want)
			return o;
		o += 2 + o[1];
	}
	return NULL;
}

static void dhcp_send(int fd, const __u8 *mac, __u32 xid, int type,
		      const struct dhcp *offer, size_t offer_len)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(67),
				  .sin_addr.s_addr = htonl(INADDR_BROADCAST) };
	struct dhcp p = { .op = 1, .htype = 1, .hlen = 6, .xid = xid,
			  .flags = htons(DHCP_BROADCAST), .magic = htonl(DHCP_MAGIC) };
	const __u8 *server;
	__u8 *o = p.options;

	memcpy(p.chaddr, mac, 6);
	*o++ = OPT_TYPE;
	*o++ = 1;
	*o++ = type;
	if (offer) {
		*o++ = OPT_ADDRESS;
		*o++ = 4;
		memcpy(o, &offer->yiaddr, 4);
		o += 4;
		server = dhcp_option(offer, offer_len, OPT_SERVER, 4);
		if (server) {
			memcpy(o, server, 6);
			o += 6;
		}
	}
	*o++ = OPT_LIST;
	*o++ = 3;
	*o++ = OPT_NETMASK;
	*o++ = OPT_ROUTER;
	*o++ = OPT_DNS;
	*o++ = OPT_END;
	/* Lost packets are sent again by the caller. */
	sendto(fd, &p, sizeof(p), 0, (struct sockaddr *)&to, sizeof(to));
}

/* Wait for an answer of the given type; returns its length or 0. */
static size_t dhcp_receive(int fd, const __u8 *mac, __u32 xid, int type,
			   struct dhcp *p)
{
	const __u8 *o;
	ssize_t len;

	while ((len = recv(fd, p, sizeof(*p), 0)) > 0) {
		if ((size_t)len <= offsetof(struct dhcp, options) || p->op != 2 ||
		    p->xid != xid || p->magic != htonl(DHCP_MAGIC) ||
		    memcmp(p->chaddr, mac, 6))
			continue;
		o = dhcp_option(p, len, OPT_TYPE, 1);
		if (o && o[2] == type)
			return len;
	}
	return 0;
}

static bool dhcp(struct lease *l)
{
	struct sockaddr_in local = { .sin_family = AF_INET, .sin_port = htons(68) };
	struct timeval patience = { .tv_sec = 2 };
	struct ifreq ifr = { .ifr_name = NIC };
	struct dhcp offer, ack;
	const __u8 *o;
	__u8 mac[6];
	size_t len;
	__u32 xid;
	int fd, on = 1, i, n;

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &ifr))
		fail("DHCP: %s: %s", NIC, strerror(errno));
	memcpy(mac, ifr.ifr_hwaddr.sa_data, sizeof(mac));
	if (set_up(fd, NIC) ||
	    setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, NIC, sizeof(NIC)) ||
	    bind(fd, (struct sockaddr *)&local, sizeof(local)))
		fail("DHCP: %s: %s", NIC, strerror(errno));

	memcpy(&xid, mac + 2, sizeof(xid));
	xid ^= time(NULL);
	for (i = 0; i < 5; i++) {
		dhcp_send(fd, mac, xid, DISCOVER, NULL, 0);
		len = dhcp_receive(fd, mac, xid, OFFER, &offer);
		if (!len)
			continue;
		dhcp_send(fd, mac, xid, REQUEST, &offer, len);
		len = dhcp_receive(fd, mac, xid, ACK, &ack);
		if (len)
			break;
	}
	close(fd);
	if (i == 5)
		return false;

	l->address.s_addr = ack.yiaddr;
	o = dhcp_option(&ack, len, OPT_NETMASK, 4);
	if (o)
		memcpy(&l->netmask, o + 2, 4);
	o = dhcp_option(&ack, len, OPT_ROUTER, 4);
	if (o)
		memcpy(&l->gateway, o + 2, 4);
	o = dhcp_option(&ack, len, OPT_DNS, 4);
	for (n = 0; o && n + 4 <= o[1] && l->nr_dns < MAX_DNS; n += 4)
		memcpy(&l->dns[l->nr_dns++], o + 2 + n, 4);
	return true;
}

static bool is_missing(const char *path)
{
	struct stat st;

	return stat(path, &st) || !st.st_size;
}

/* /proc/net/pnp has what the kernel's own DHCP client found. */
static void write_resolv_conf(const struct lease *l)
{
	char text[128] = "", *pnp, *found;
	size_t i, len = 0;

	if (!is_missing("/etc/resolv.conf"))
		return;
	for (i = 0; i < l->nr_dns; i++)
		len += snprintf(text + len, sizeof(text) - len, "nameserver %s\n",
				inet_ntoa(l->dns[i]));
	if (!len) {
		pnp = slurp("/proc/net/pnp", SIZE_MAX, NULL);
		found = pnp ? strstr(pnp, "nameserver ") : NULL;
		if (found)
			snprintf(text, sizeof(text), "%.*s\n", (int)strcspn(found, "\n"), found);
		free(pnp);
	}
	if (*text && spill("/etc/resolv.conf", text))
		say("/etc/resolv.conf: %s", strerror(errno));
}

static void write_hosts(const char *hostname)
{
	char text[256];

	if (!is_missing("/etc/hosts"))
		return;
	snprintf(text, sizeof(text), "127.0.0.1\tlocalhost %s\n"
		 "::1\tlocalhost ip6-localhost ip6-loopback\n", hostname);
	if (spill("/etc/hosts", text))
		say("/etc/hosts: %s", strerror(errno));
}

void net_up(const struct config *c, const char *hostname)
{
	struct lease l = { 0 };
	bool want, use_dhcp = false;
	int fd;

	want = from_ip_parameter(&l, &use_dhcp);
	if (!want) {
		from_config(c, &l);
		use_dhcp = manifest_number(&c->m, KEY_DHCP, 0);
		want = l.address.s_addr || use_dhcp;
	}

	write_hosts(hostname);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		if (want)
			say("no network: INET is off: add CONFIG_INET to the kernel");
		return;
	}
	if (set_up(fd, "lo"))
		say("lo: %s", strerror(errno));
	if (want && !has_address(fd)) {
		if (set_up(fd, NIC) && errno == ENODEV) {
			say("no %s: the monitor gave no network device, or the kernel", NIC);
			say("is without CONFIG_VIRTIO_NET or CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES");
		} else if (use_dhcp && !dhcp(&l)) {
			say("%s: no answer from a DHCP server", NIC);
		} else if (apply(fd, &l)) {
			say("%s: %s: %s", NIC, inet_ntoa(l.address), strerror(errno));
		}
	} else if (want && is_beyond(&l) && add_route(fd, &l)) {
		/* The kernel's own ip= does not do that. */
		say("%s: route to %s: %s", NIC, inet_ntoa(l.gateway), strerror(errno));
	}
	write_resolv_conf(&l);
	close(fd);
}
