/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ENTRY_MODEL_H
#define ENTRY_MODEL_H

/* The index of @name in @names, 0 if it is NULL; -1, with a message, if it is not there */
int find_mutant(const char *const *names, int n, const char *name);
int model_calls(const char *mutant);
int model_fred(const char *mutant);
void say_instructions(void);

#endif
