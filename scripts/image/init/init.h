/* SPDX-License-Identifier: GPL-2.0 */
/* Lupine's guest init: what the parts share. */
#ifndef LUPINE_INIT_H
#define LUPINE_INIT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define __packed		__attribute__((packed))
#define __noreturn		__attribute__((noreturn))
#define __printf(a, b)		__attribute__((format(printf, a, b)))

#define CONFIG_PATH	"/etc/lupine-init.conf"

/* As docker run: init's own failure, not executable, not found. */
#define EXIT_INIT	125
#define EXIT_NOEXEC	126
#define EXIT_NOTFOUND	127

struct list {
	char **item;
	size_t nr;
};

struct config {
	struct list entrypoint;
	struct list cmd;
	struct list env;
	struct list mounts;
	struct list mkdirs;
	struct list limits;
	struct list sysctls;
	struct list needs;
	struct list nameservers;
	char *shell;
	char *workdir;
	char *user;
	char *hostname;
	char *address;
	char *gateway;
	bool dhcp;
	int stop_signal;
	/* From the kernel's command line: replaces what the image says. */
	struct list override_entrypoint;
	struct list override_cmd;
	bool has_override_cmd;
};

/* util.c */
void __printf(1, 2) say(const char *fmt, ...);
void __noreturn __printf(1, 2) fail(const char *fmt, ...);
void list_add(struct list *l, const char *s);
char *copy(const char *s);
char *word(char **line);
char *slurp(const char *path);
int spill(const char *path, const char *text);
int signal_number(const char *name);
int make_dirs(const char *path, mode_t mode);
bool is_empty_dir(const char *path);

/* config.c */
void config_read(struct config *c, const char *path);
void config_override(struct config *c, const char *words);
void config_print(const struct config *c);

/* account.c */
struct account {
	uid_t uid;
	gid_t gid;
	gid_t groups[64];
	size_t nr_groups;
	char *home;
};

int account_find(const char *spec, struct account *a);

/* mounts.c */
void mount_kernel_file_systems(void);
void mount_configured(const struct config *c);
void unmount_configured(void);

/* net.c */
void net_up(const struct config *c, const char *hostname);

/* features.c */
bool feature_missing(const char *name);
size_t features_missing(char *buf, size_t size);
const char *feature_of_fs(const char *type);

#endif
