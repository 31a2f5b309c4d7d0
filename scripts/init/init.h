/* SPDX-License-Identifier: GPL-2.0 */
/* Lupine's guest init: what the parts share. */
#ifndef LUPINE_INIT_H
#define LUPINE_INIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdarg.h>
#include <sys/types.h>

#include "manifest.h"
#include "shared.h"

#define __packed		__attribute__((packed))

#define CONFIG_PATH	"/etc/lupine-init.conf"

#define DEFAULT_PATH	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* As docker run: init's own failure, not executable, not found. */
#define EXIT_INIT	125
#define EXIT_NOEXEC	126
#define EXIT_NOTFOUND	127

struct list {
	char **item;
	size_t nr;
};

struct config {
	struct manifest m;
};

/* util.c */
void __printf(1, 2) say(const char *fmt, ...);
void __noreturn __printf(1, 2) fail(const char *fmt, ...);
void list_add(struct list *l, const char *s);
char *copy(const char *s);
char *word(char **line);
int spill(const char *path, const char *text);
bool is_empty_dir(const char *path);
void make_disk_node(const char *path);

/* config.c */
void config_read(struct config *c, const char *path);
void config_override(struct config *c, const char *words);
void config_print(const struct config *c);

/*
 * urunit.c: was this program started as urunc's init? What the container's engine wants
 * then goes before the configuration; its volumes are mounted when that has been done.
 */
bool urunit_wanted(const char *self);
void urunit_override(struct config *c, int argc, char **argv);
void urunit_mount(void);

/* account.c */
struct account {
	uid_t uid;
	gid_t gid;
	gid_t groups[64];
	size_t nr_groups;
	char *home;
};

int account_find(const char *spec, struct account *a);

/* clock.c: all but the last one want clock_open(), which a process is to end with. */
bool clock_open(void);
void clock_take_time(void);
void clock_wait_for_start(void);
bool clock_answer(char question, unsigned char *answer, size_t size);
void clock_from_host(void);

/* snapshot.c: a child waits for the application's port, if it is to; 0: nothing is saved */
void snapshot_start(unsigned short port);

/* tasks.c: a child runs what `lupine exec` wants */
void tasks_start(const struct config *c);

/* copy.c: the exit status */
int copy_out(const struct manifest *m);
int copy_in(const struct manifest *m);

/* init.c: become the application, or whatever program is configured */
void __noreturn start_application(const struct config *c);

/* exec.c */
extern bool lacks_scripts;	/* This kernel is said to have no BINFMT_SCRIPT. */
const char *env_value(const struct list *env, const char *name);
int run_program(char **argv, const struct list *env);

/*
 * explain.c: the application waits for the end of a pipe, which its tracer closes.
 * Process 1 reports in the end, if it was wanted.
 */
bool explain_wanted(void);
void explain_wait(int go[2]);
void explain_start(pid_t app, int go[2]);
void explain_report(void);

/* lack.c: let all processes miss what the kernel is said to lack. */
void lack_configured(const struct manifest *m);

/* mounts.c */
void mount_kernel_file_systems(void);
void unmount_kernel_file_system(const char *type);
void mount_configured(const struct config *c);
void mount_disk(const char *source, const char *dir);
void unmount_configured(void);

/* net.c */
void net_up(const struct config *c, const char *hostname);

/* features.c */
bool feature_missing(const char *name);
size_t features_missing(char *buf, size_t size);
const char *feature_of_fs(const char *type);

#endif
