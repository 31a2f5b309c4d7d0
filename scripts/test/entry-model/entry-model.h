/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ENTRY_MODEL_H
#define ENTRY_MODEL_H

int model_calls(const char *mutant);
int model_fred(const char *mutant);
void say_instructions(void);

#endif
