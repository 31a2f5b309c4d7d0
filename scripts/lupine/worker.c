// SPDX-License-Identifier: GPL-2.0
/*
 * The process that reads an image and writes the file system. Nothing of the image
 * is believed, so it first gives up its rights (sandbox.c). What it needs then and
 * has not open, a layout's blobs, it asks its parent for, over a socket: the parent
 * opens a file whose name is 64 hexadecimal digits, in one folder, and hands over
 * the descriptor. What it tells at the end is numbers and digests.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "image.h"
#include "../callsites/callsites.h"

#define DEFAULT_MEMORY	256
#define DEFAULT_SPACE	32

bool rewriting;

static struct job *job;
static struct callsites_report sum;
static unsigned int nr_reports;

int worker_open_blob(const char *hex)
{
	struct request request = { .type = REQUEST_BLOB };
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, status;
	struct iovec iov = { &request, sizeof(request) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;
	int fd = -1;

	memcpy(request.hex, hex, HEX_DIGITS);
	if (sendmsg(job->socket, &msg, MSG_NOSIGNAL) < 0)
		die("the parent process is gone");
	iov = (struct iovec){ &status, 1 };
	msg.msg_control = control;
	msg.msg_controllen = sizeof(control);
	if (recvmsg(job->socket, &msg, 0) != 1)
		die("the parent process is gone");
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

void print_visible(const char *text)
{
	char line[8192];

	manifest_show(line, sizeof(line), text, strlen(text));
	puts(line);
}

/* Rewrite a program, which has @size bytes then. */
void rewrite_calls(const char *path, uint8_t *data, uint64_t original, uint64_t size)
{
	struct callsites_report report;

	/* It works as it is, or would have worked nowhere. */
	if (!callsites_run(data, original, CALLSITES_REWRITE, &report))
		warn("%s: its system calls stay as they are: %s", path, report.error);
	if (report.size + (report.changed ? report.tail_size : 0) != size)
		die("a layer has changed while it was read");
	if (report.changed)
		memcpy(data + report.size, report.tail, report.tail_size);
	if (report.num_sites) {
		if (!nr_reports++)
			callsites_print_heading(stdout, CALLSITES_REWRITE);
		callsites_print(stdout, path, &report);
		callsites_add(&sum, &report);
	}
	callsites_free(&report);
}

/* Libraries read files at their first use; let them do so before that is forbidden. */
static void prepare_libraries(void)
{
	json_object *o = json_object_new_object();

	EVP_MD_CTX_free(sha256_begin());
	json_object_object_add(o, "a", json_object_new_string("b"));
	json_object_put(o);
}

/* What the image, its label and the user's manifest say, the last one first */
static void merge_configuration(struct manifest *conf)
{
	char error[MANIFEST_ERROR_SIZE];
	struct manifest label = { 0 };

	if (manifest_merge(conf, &job->image.conf))
		die("out of memory");
	if (job->manifest) {
		if (manifest_merge(conf, job->manifest))
			die("out of memory");
		return;
	}
	if (!job->image.label)
		return;
	if (manifest_parse(&label, "the label " MANIFEST_LABEL, job->image.label,
			   strlen(job->image.label), IN_LABEL, error, sizeof(error)))
		die("%s cannot be used: %s", job->source.name, error);
	if (manifest_merge(conf, &label))
		die("out of memory");
	manifest_free(&label);
}

static void add_word(struct manifest *m, enum manifest_key key, const char *word)
{
	char error[MANIFEST_ERROR_SIZE];

	if (manifest_add(m, job->name, key, &word, 1, IN_INIT, error, sizeof(error)))
		die("%s", error);
}

static char *init_configuration(const struct manifest *conf)
{
	struct manifest m = { 0 };
	char *text, *all;

	if (manifest_merge(&m, conf))
		die("out of memory");
	if (!manifest_text(&m, KEY_HOSTNAME)) {
		char *host = xstrdup(job->name), *p;

		for (p = host; *p; p++)
			if (*p == '.' || *p == '_')
				*p = '-';
		for (p = host + strlen(host); p > host && (p - host > 63 || p[-1] == '-');)
			*--p = '\0';
		add_word(&m, KEY_HOSTNAME, *host ? host : "lupine");
		free(host);
	}
	text = manifest_print(&m, IN_INIT);
	if (!text)
		die("out of memory");
	all = xasprintf("# Made by lupine image of %s.\n%s", job->name, text);
	free(text);
	manifest_free(&m);
	return all;
}

static void fill_result(struct result *result, const struct manifest *conf)
{
	const struct manifest_list *ports = &conf->key[KEY_PORT];
	size_t i;

	result->request.type = REQUEST_DONE;
	result->memory = job->memory ?: manifest_number(conf, KEY_MEMORY, DEFAULT_MEMORY);
	result->ready = manifest_number(conf, KEY_READY, 0);
	if (ports->nr > MAX_PORTS)
		die("%s has more than %u ports", job->name, MAX_PORTS);
	for (i = 0; i < ports->nr; i++)
		result->ports[result->nr_ports++] = ports->value[i].number[0];
}

/* Put together what the result is to have, lowest first. */
static void make_tree(const struct manifest *conf)
{
	struct layer *layers = xcalloc(job->image.nr_layers + 2, sizeof(*layers));
	bool busybox = manifest_number(conf, KEY_BUSYBOX, 0);
	unsigned int capture = (busybox ? CAPTURE_BUSYBOX : 0) | (job->musl ? CAPTURE_MUSL : 0);
	size_t nr = 0, i;

	tree_init();
	if (job->has_packages)
		layers[nr++] = job->packages;
	for (i = 0; i < job->image.nr_layers; i++)
		layers[nr++].blob = job->image.layers[i];
	layers_scan(layers, 0, nr, capture);
	if (job->has_packages) {
		finish_packages();
		finish_alternatives();
	}
	if (job->musl)
		finish_musl(job->musl, job->source.name);
	finish_accounts(&conf->key[KEY_ACCOUNT]);
	if (job->has_staging) {
		layers[nr++] = job->staging;
		layers_scan(layers, nr - 1, nr, capture);
	}
	if (busybox)
		finish_busybox();
	if (!job->to_oci) {
		char *text = init_configuration(conf);

		finish_root(job->init, job->init_size, text, strlen(text));
		free(text);
	}
	ext2_plan(job->to_oci ? 0 : manifest_number(conf, KEY_SPACE, DEFAULT_SPACE) << 20);
	if (ext2_bytes() > job->room)
		die("no space left on the disk for an image of %" PRIu64 " MiB, only %" PRIu64
		    " MiB", ext2_bytes() >> 20, job->room >> 20);
	ext2_create(job->out);
	layers_copy(layers, nr);
	progress(true, "Write the file system, %" PRIu64 " MB", ext2_bytes() >> 20);
	ext2_finish();
	progress_end();
	if (nr_reports > 1)
		callsites_print(stdout, "all", &sum);
	free(layers);
}

void worker_run(struct job *the_job)
{
	struct result result = { 0 };
	struct manifest conf = { 0 };
	struct iovec iov = { &result, sizeof(result) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	job = the_job;
	rewriting = job->rewrite;
	prepare_libraries();
	sandbox_enter();
	if (job->list) {
		oci_list(&job->source, &job->image);
		exit(fflush(stdout) ? 1 : 0);
	}
	if (job->source.kind != SOURCE_NONE)
		oci_open(&job->source, &job->image);
	merge_configuration(&conf);
	if (!conf.key[KEY_ENTRYPOINT].nr && !conf.key[KEY_CMD].nr &&
	    !manifest_text(&conf, KEY_SHELL))
		die("%s names no program to run; add an entrypoint line to a manifest", job->name);
	fill_result(&result, &conf);
	make_tree(&conf);
	if (job->to_oci)
		oci_write(job, &conf, &result);
	if (fflush(stdout) || sendmsg(job->socket, &msg, MSG_NOSIGNAL) < 0)
		die("the parent process is gone");
	exit(0);
}
