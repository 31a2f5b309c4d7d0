/* SPDX-License-Identifier: GPL-2.0 */
/* lupine image: what its parts share. */
#ifndef LUPINE_IMAGE_H
#define LUPINE_IMAGE_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "lupine.h"
#include "manifest.h"

#define BLOCK_SIZE	4096u
#define MAX_NAME	255u
#define MAX_PATH	4095u
#define HEX_DIGITS	64u
#define SHA256_SIZE	32u

/* What an image may ask of this machine; each has a switch. */
struct limits {
	uint64_t bytes;		/* of all files and layers, holes included */
	uint64_t entries;	/* of all layers */
	uint64_t depth;		/* folders in each other */
	uint64_t links;		/* symbolic links followed for one path */
	uint64_t config;	/* bytes of an index, a manifest, a configuration */
	uint64_t memory;	/* bytes of the process that reads the image */
	uint64_t seconds;	/* of the processor, of that process */
};

extern struct limits limits;

/* tree.c: the file system that results, in memory */
struct extent {
	uint64_t offset, length;
};

struct xattr {
	struct xattr *next;
	uint8_t index;		/* what its prefix is on the disk */
	uint8_t name_len;
	uint16_t size;
	char *name;		/* without prefix */
	uint8_t *value;
};

struct inode {
	uint32_t mode, uid, gid, nlink;
	int64_t mtime;
	uint64_t size;
	uint32_t major, minor;
	/* Of a file: where its content is */
	uint32_t layer, entry;
	/* Of a program that is rewritten, its size before */
	uint64_t original;
	/* Of a link its target, of a file its content if that is in memory */
	uint8_t *mem;
	struct xattr *xattrs;
	/* Of a file with holes: where it has data */
	struct extent *data;
	uint32_t nr_data;
	uint32_t version;	/* of a file that may be musl's libc: what it says */
	/* Settled when the tree is complete */
	uint32_t ino;
	uint64_t first;		/* its first block, counted without metadata */
	bool written;
	struct node *node;	/* one of its names */
};

struct node {
	struct node *parent, *child, *next, *prev, *hash_next;
	struct inode *inode;
	uint32_t layer;
	uint32_t cleared;	/* by which layer, see tree_remove_lower() */
	uint16_t len, depth;
	char name[];
};

extern struct node *root;
extern uint64_t nr_nodes;

#define NO_LAYER	UINT32_MAX
/* Of files and folders that are made here: no layer can white them out. */
#define MADE		(NO_LAYER - 1)

/* Each path is looked up with links followed inside the tree. */
enum {
	FOLLOW_LAST = 1,	/* the last part, too, if it is a link */
	MAKE_FOLDERS = 2,	/* those that are missing, for the layer given */
};

void tree_init(void);
struct node *tree_find(struct node *dir, const char *name, size_t len);
struct node *tree_add(struct node *dir, const char *name, size_t len, struct inode *inode,
		      uint32_t layer);
void tree_remove(struct node *n);
void tree_remove_lower(struct node *n, uint32_t layer, bool itself);
struct node *tree_lookup(const char *path, unsigned int flags, uint32_t layer);
/* The folder that is to have the path's last part, and that part */
struct node *tree_parent(const char *path, unsigned int flags, uint32_t layer, const char **name,
			 size_t *len);
struct node *tree_put(const char *path, struct inode *inode, uint32_t layer);
void tree_sort(void);
struct node *tree_next(struct node *n);		/* in order, a folder before its content */
char *tree_path(const struct node *n);
struct inode *inode_new(uint32_t mode);
void inode_put(struct inode *inode);
void inode_set_mem(struct inode *inode, const void *mem, size_t size);
void count_entry(void);
void count_bytes(uint64_t bytes);

/* oci.c: sources of images */
struct blob {
	int fd;
	uint64_t offset, size;
	char hex[HEX_DIGITS + 1];	/* of itself, or "" */
	char diff_id[HEX_DIGITS + 1];	/* of its content, or "" */
	const char *what;
};

#define MANIFEST_LABEL	"lupine.manifest"

struct oci_image {
	char *tag;		/* what was asked for, or NULL */
	char *os, *arch, *variant;
	struct blob *layers;
	size_t nr_layers;
	struct manifest conf;	/* what its configuration says */
	char *label;
};

enum source_kind { SOURCE_NONE, SOURCE_LAYOUT, SOURCE_ARCHIVE };

struct source {
	enum source_kind kind;
	const char *name;	/* for messages */
	int index;		/* a layout's index.json */
	int archive;
	int scratch;		/* for what a compressed archive has in it */
	uint64_t scratch_room;
};

void oci_open(const struct source *source, struct oci_image *image);
void oci_list(const struct source *source, struct oci_image *image);

void print_visible(const char *text);

/* worker.c: the process without rights */
struct layer {
	struct blob blob;
	bool ours;		/* of the user: puts files over an image */
	bool packages;		/* mmdebstrap's: without what is in its /dev */
};

/* What to do, and all that is open for it */
struct job {
	struct source source;
	struct oci_image image;
	bool list;
	const char *name;
	struct manifest *manifest;	/* of the user, or NULL */
	struct layer packages, staging;
	bool has_packages, has_staging;
	uint32_t musl;			/* the version of what replaces it, or 0 */
	uint32_t memory;		/* MiB, or 0 for what the image says */
	bool rewrite;
	const void *init;
	size_t init_size;
	uint64_t room;			/* bytes that the disk has for it */
	int out;			/* the file system */
	int socket;			/* to the parent */
	/* To make an image instead: its layer and its JSON */
	bool to_oci;
	int layer, config, oci_manifest, index, old_index;
};

#define MAX_PORTS	256

/* What the parent process asks, and what it is told */
struct request {
	enum { REQUEST_BLOB, REQUEST_DONE } type;
	char hex[HEX_DIGITS + 1];
};

struct result {
	struct request request;
	uint32_t memory, ready, nr_ports;
	uint16_t ports[MAX_PORTS];
	char layer[HEX_DIGITS + 1], config[HEX_DIGITS + 1], manifest[HEX_DIGITS + 1];
};

void __noreturn worker_run(struct job *job);
int worker_open_blob(const char *hex);
extern bool rewriting;
void rewrite_calls(const char *path, uint8_t *data, uint64_t original, uint64_t size);

/* digest.c: both ends take the context with them. */
EVP_MD_CTX *sha256_begin(void);
void sha256_end(EVP_MD_CTX *ctx, uint8_t *sha);
void sha256_hex(EVP_MD_CTX *ctx, char *hex);

/* ociwrite.c */
void oci_write(struct job *job, struct manifest *conf, struct result *result);

/* layers.c */
enum capture { CAPTURE_BUSYBOX = 1, CAPTURE_MUSL = 2 };

void layers_scan(struct layer *layers, size_t from, size_t to, unsigned int capture);
void layers_copy(struct layer *layers, size_t nr);
uint32_t musl_version(const uint8_t *data, size_t size);
ssize_t read_at(int fd, void *buf, size_t size, uint64_t offset);
/* The content of an archive in a file as it is without compression */
void decompress(struct blob *from, int to, uint64_t room);

/* ext2.c */
void ext2_plan(uint64_t free_bytes);
uint64_t ext2_bytes(void);	/* that the disk has to have */
void ext2_create(int fd);
void ext2_file_data(struct inode *inode, const void *data, size_t size, uint64_t offset);
void ext2_file_begin(struct inode *inode);
void ext2_file_end(struct inode *inode);
void ext2_finish(void);
/* Hand on a file's data as it has been written, without holes. */
void ext2_read_file(struct inode *inode, void (*take)(void *to, const void *data, size_t size),
		    void *to);

/* alternatives.c: links that scripts of packages would have made */
void finish_alternatives(void);

/* finish.c: what a root file system needs beside an image's files */
void finish_packages(void);
void finish_accounts(const struct manifest_list *accounts);
void finish_busybox(void);
void finish_musl(uint32_t ours, const char *name);
/* A symbolic link, which is to get its name */
struct inode *link_to(const char *target);
void finish_root(const void *init, size_t init_size, const char *conf, size_t conf_size);

/* sandbox.c */
void sandbox_enter(void);

/* monitors.c: texts that configure other monitors for an image */
char *firecracker_configuration(const char *kernel, const char *image, unsigned int memory);
char *cloud_hypervisor_configuration(const char *kernel, const char *image, unsigned int memory);

#endif
