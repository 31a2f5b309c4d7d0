/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LUPINE_WORKDIR_H
#define LUPINE_WORKDIR_H

#include <stdbool.h>
#include <sys/types.h>

void workdir_make(const char *beside, const char *name);
char *workdir_path(const char *name);
int workdir_file(const char *name);
/* What follows is done as a whole: no signal but SIGKILL comes between. */
void workdir_commit(void);
/* Whoever is started by this is killed with us. */
pid_t workdir_fork(void);
int workdir_wait(pid_t pid);
int workdir_run(const char *const *argv, bool inside, int out, int err);

#endif
