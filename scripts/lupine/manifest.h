/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Manifests: what an application needs, one `key value` a line. One grammar and one
 * parser for the manifest of an application, for the label lupine.manifest of a
 * container image, for the init's configuration /etc/lupine-init.conf and for what
 * `lupine run` changes in that. manifest.c describes the grammar.
 *
 * The parser does no I/O and ends no program: it works on a buffer and returns
 * errors as text, so that it serves the program lupine, the init and a fuzzer.
 */
#ifndef LUPINE_MANIFEST_H
#define LUPINE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>

/* Where a key may stand. A label is written by strangers: it is an allow-list. */
#define IN_MANIFEST	1	/* the user's own file: it may name files of the host */
#define IN_LABEL	2	/* an image's label lupine.manifest */
#define IN_INIT		4	/* /etc/lupine-init.conf */
#define IN_COMMAND	8	/* what `lupine run` changes in that */

/*
 * execve() takes no longer string than MAX_WORD; the others are for hostile labels.
 * A byte can take four in a text, so that what is within the limits of values can
 * always be printed and read again.
 */
#define MANIFEST_MAX_WORD	131071			/* all words of a value */
#define MANIFEST_MAX_BYTES	(2 * 1024 * 1024)	/* all values */
#define MANIFEST_MAX_LINES	10000
#define MANIFEST_MAX_LINE	(4 * MANIFEST_MAX_WORD + 64)
#define MANIFEST_MAX_SIZE	(4 * MANIFEST_MAX_BYTES + 64 * MANIFEST_MAX_LINES)

/* Long enough for a path and a quoted value in an error. */
#define MANIFEST_ERROR_SIZE	1024

/* In the order in which manifest_print() prints them. */
enum manifest_key {
	/* for whoever makes the image */
	KEY_OCI,
	KEY_PACKAGES,
	KEY_REMOVE,
	KEY_ACCOUNT,
	KEY_PROGRAM,
	KEY_FILE,
	KEY_BUSYBOX,
	KEY_SPACE,
	/* for whoever runs it */
	KEY_MEMORY,
	KEY_PORT,
	KEY_READY,
	/* for the init */
	KEY_ENTRYPOINT,
	KEY_CMD,
	KEY_SHELL,
	KEY_ENV,
	KEY_WORKDIR,
	KEY_USER,
	KEY_HOSTNAME,
	KEY_STOP,
	KEY_LIMIT,
	KEY_MKDIR,
	KEY_MOUNT,
	KEY_SYSCTL,
	KEY_NEED,
	KEY_ADDRESS,
	KEY_GATEWAY,
	KEY_NAMESERVER,
	KEY_DHCP,
	KEY_SNAPSHOT,
	KEY_EXEC,
	KEY_LACK,
	NR_MANIFEST_KEYS,
};

/*
 * One line's value: its words as they are meant, without escapes, ended by NULL; a
 * key of free text has one. number[] has what its type says:
 *
 *   memory, space, port, ready, snapshot  the number
 *   stop                        the signal
 *   busybox, dhcp, exec         1 for yes
 *   limit                       the resource (RLIMIT_*), soft and hard limit
 *   mkdir, file                 the mode, or MANIFEST_NO_MODE
 *   address                     the address as on the network, and the bits
 *   gateway, nameserver         the address as on the network
 *   lack                        the one or two numbers of the key, if it is no name
 */
struct manifest_value {
	char **word;
	size_t nr;
	unsigned long long number[3];
	unsigned int line;		/* 0: not of a text */
};

#define MANIFEST_NO_MODE	(~0ull)

struct manifest_list {
	struct manifest_value *value;
	size_t nr;
};

/* All zero: an empty manifest. */
struct manifest {
	struct manifest_list key[NR_MANIFEST_KEYS];
	size_t nr_values, bytes;
};

/*
 * Read a text into an empty manifest. Returns 0, or -1 with a message in error: the
 * manifest is empty then. source_name and the number of the line are for the message.
 */
int manifest_parse(struct manifest *m, const char *source_name, const char *text, size_t len,
		   unsigned int where, char *error, size_t error_size);

/*
 * Add one value, as if it were a line more: manifest_add() its words as they are,
 * manifest_add_text() the value as a manifest has it, with escapes.
 */
int manifest_add(struct manifest *m, const char *source_name, enum manifest_key key,
		 const char *const *word, size_t nr, unsigned int where,
		 char *error, size_t error_size);
int manifest_add_text(struct manifest *m, const char *source_name, enum manifest_key key,
		      const char *text, unsigned int where, char *error, size_t error_size);

/*
 * Let the values of one manifest go before those of another, as a manifest's before
 * an image's, or those of the command line before both. A program replaces the
 * program and its arguments, arguments replace arguments, ports replace ports; a
 * variable replaces the one of its name; of a key that is not repeated the new value
 * counts; all others are added. Returns -1 if memory runs out, or at a limit.
 */
int manifest_merge(struct manifest *to, const struct manifest *from);

/*
 * The values whose keys may stand at `where`, as text that manifest_parse() reads to
 * the same manifest; NULL if memory runs out. The caller frees it.
 */
char *manifest_print(const struct manifest *m, unsigned int where);

void manifest_free(struct manifest *m);

/* The last value's first word, or NULL; the last value's number, or what is given. */
const char *manifest_text(const struct manifest *m, enum manifest_key key);
unsigned long long manifest_number(const struct manifest *m, enum manifest_key key,
				   unsigned long long otherwise);

/* The key of that name, or NR_MANIFEST_KEYS. */
enum manifest_key manifest_key(const char *name);

struct manifest_key_info {
	const char *name, *syntax, *what;
	unsigned int where;
	bool repeated;
};

const struct manifest_key_info *manifest_key_info(enum manifest_key key);

/* A kernel option, without CONFIG_, that the init can test. */
bool manifest_option_known(const char *name);

/* Copy text with what a terminal acts upon made visible; it is cut to fit. */
void manifest_show(char *to, size_t size, const char *from, size_t len);

#endif
