// SPDX-License-Identifier: GPL-2.0
/*
 * lupine image: make a root file system of a container image, of Debian packages,
 * or of a manifest alone.
 *
 * This process has the user's rights. It reads what the user has written (options,
 * manifest, files that these name) and nothing of an image; it opens files for the
 * process that does (worker.c), and puts the result in its place when that has
 * said that it is complete.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "image.h"
#include "publish.h"
#include "staging.h"
#include "workdir.h"

struct limits limits = {
	.bytes = 64ull << 30,
	.entries = 1000000,
	.depth = 1000,
	.links = 40,
	.config = 8ull << 20,
	.memory = 2ull << 30,
	.seconds = 3600,
};

#define FIRECRACKER		".firecracker.json"
#define CLOUD_HYPERVISOR	".cloud-hypervisor.json"

/* What the command line says */
static struct {
	const char *image, *name, *output, *manifest, *memory, *musl, *layer, *oci, *tag, *init;
	const char *platform;
	const char **adds;
	size_t nr_adds;
	bool rewrite, list, own_musl;
} given;

static struct job job;
static struct manifest manifest;
static char *output, *out_dir;
static int blobs = -1;		/* the folder blobs/sha256 of a layout */

static const char help[] =
"Usage: lupine image [OPTION]... [IMAGE]\n"
"\n"
"Make a root file system (ext2) with Lupine's init from a container image. The image's\n"
"configuration says what to run, as which user, in which folder, with which\n"
"environment, and which ports to forward. IMAGE is\n"
"\n"
"  an OCI layout              DIR, DIR:TAG or DIR@sha256:DIGEST\n"
"  an archive                 FILE or FILE:TAG, of docker save, podman save or skopeo,\n"
"                             plain or compressed by gzip, xz or zstd\n"
"  a reference for skopeo     docker://..., containers-storage:..., or a bare name,\n"
"                             which is looked up in the default registry\n"
"\n"
"The image is not trusted: a process that can only read it and write the result reads\n"
"it. FILE.conf, for lupine run, and configurations for Firecracker and cloud-hypervisor\n"
"appear beside FILE.ext2, and no file appears before all of them are complete.\n"
"\n"
"  --output FILE      write to FILE instead of build/image/NAME.ext2\n"
"  --name NAME        name of the machine (default: the last part of IMAGE's name)\n"
"  --manifest FILE    add what the image cannot say: memory, port, space, program, file,\n"
"                     account and the init's keys; its program replaces the image's.\n"
"                     Without it, the image's label " MANIFEST_LABEL " is read\n"
"  --memory MiB       memory that the guest needs (default 256)\n"
"  --platform OS/ARCHITECTURE[/VARIANT]\n"
"                     take this image of an index (default linux/amd64)\n"
"  --tag TAG          take this image of a layout or archive, as IMAGE:TAG\n"
"  --list             only print the names of the images in a layout or archive\n"
"  --musl[=DIR]       replace the musl of the image by that in DIR, or by build/musl's,\n"
"                     whose system calls use the kernel's call entry\n"
"  --rewrite          rewrite system calls of all programs into calls, and print how\n"
"                     many\n"
"  --layer FILE       begin with this tar archive of Debian packages\n"
"  --add DIR:DEST     put the contents of DIR at DEST (may be repeated)\n"
"  --oci DIR          make the image NAME in the OCI layout DIR instead of a file\n"
"                     system; its label " MANIFEST_LABEL " carries what OCI cannot say\n"
"  --init FILE        use FILE as /sbin/init (default: build/image/init)\n"
"\n"
"An image that exceeds a limit is refused:\n"
"\n"
"  --limit-bytes N    bytes of all layers, holes of files included (default %" PRIu64 ")\n"
"  --limit-entries N  entries of all layers (default %" PRIu64 ")\n"
"  --limit-depth N    folders in each other (default %" PRIu64 ")\n"
"  --limit-links N    symbolic links followed for one path (default %" PRIu64 ")\n"
"  --limit-config N   bytes of an index, manifest or configuration (default %" PRIu64 ")\n"
"  --limit-memory N   bytes of memory of the process that reads it (default %" PRIu64 ")\n"
"  --limit-seconds N  processor time of that process (default %" PRIu64 ")\n"
"\n"
"Example: lupine image --manifest mine.manifest --output mine.ext2 mine.tar\n";

static uint64_t positive(const char *option, const char *text)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (!isdigit(*text) || *end || errno || !n)
		die("--%s wants a number, not '%s'", option, text);
	return n;
}

/* What the value of an option goes to; one without any is a switch. */
static const struct setting {
	const char *name;
	const char **text;
	uint64_t *number;
	bool *flag;
} settings[] = {
	{ "output", .text = &given.output }, { "name", .text = &given.name },
	{ "manifest", .text = &given.manifest }, { "memory", .text = &given.memory },
	{ "platform", .text = &given.platform }, { "tag", .text = &given.tag },
	{ "layer", .text = &given.layer }, { "oci", .text = &given.oci },
	{ "init", .text = &given.init }, { .name = "add" },
	{ "musl", .text = &given.musl, .flag = &given.own_musl },
	{ "list", .flag = &given.list }, { "rewrite", .flag = &given.rewrite },
	{ "limit-bytes", .number = &limits.bytes }, { "limit-entries", .number = &limits.entries },
	{ "limit-depth", .number = &limits.depth }, { "limit-links", .number = &limits.links },
	{ "limit-config", .number = &limits.config },
	{ "limit-memory", .number = &limits.memory },
	{ "limit-seconds", .number = &limits.seconds },
};

static void set(const struct setting *s, const char *value)
{
	if (s->flag && !value) {
		*s->flag = true;
	} else if (s->number) {
		*s->number = positive(s->name, value);
	} else if (!s->text) {
		given.adds = xrealloc(given.adds, given.nr_adds + 1, sizeof(*given.adds));
		given.adds[given.nr_adds++] = value;
	} else {
		if (!*value)
			die("--%s wants a value", s->name);
		*s->text = value;
	}
}

/* Returns the exit status, or -1 to go on. */
static int parse_options(int argc, char **argv)
{
	struct option options[ARRAY_SIZE(settings) + 2] = {
		[ARRAY_SIZE(settings)] = { "help", no_argument, NULL, 'h' },
	};
	int option, index;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		options[i].name = settings[i].name;
		options[i].has_arg = !settings[i].flag ? required_argument :
				     settings[i].text ? optional_argument : no_argument;
	}
	while ((option = getopt_long(argc, argv, "h", options, &index)) != -1) {
		if (option == '?')
			return 2;
		if (option == 'h') {
			printf(help, limits.bytes, limits.entries, limits.depth, limits.links,
			       limits.config, limits.memory, limits.seconds);
			return 0;
		}
		set(&settings[index], optarg);
	}
	if (optind < argc - 1 || (optind == argc && !given.layer && !given.manifest)) {
		status_of_die = 2;
		die("needs one IMAGE, or --manifest or --layer; see --help");
	}
	given.image = argv[optind];
	return -1;
}

static void set_platform(void)
{
	char *copy = xstrdup(given.platform ?: "linux/amd64"), *arch, *variant;

	arch = strchr(copy, '/');
	if (!arch || !arch[1])
		die("--platform wants OS/ARCHITECTURE[/VARIANT], not '%s'", copy);
	*arch++ = '\0';
	variant = strchr(arch, '/');
	if (variant)
		*variant++ = '\0';
	job.image.os = copy;
	job.image.arch = arch;
	job.image.variant = variant;
}

/* The image's name without folder, tag and what tells an archive */
static char *name_of_image(const char *image)
{
	char *copy = xstrdup(image), *p;
	size_t len = strlen(copy);

	while (len > 1 && copy[len - 1] == '/')
		copy[--len] = '\0';
	p = strrchr(copy, '/');
	p = p ? p + 1 : copy;
	p[strcspn(p, ":@")] = '\0';
	if (strstr(p, ".tar"))
		*strstr(p, ".tar") = '\0';
	return p;
}

static void set_name(void)
{
	job.name = given.name ?: given.image ? name_of_image(given.image) : "image";
	check_name(job.name);
}

static void set_output(void)
{
	size_t len;

	if (given.oci) {
		output = xstrdup(given.oci);
		for (len = strlen(output); len > 1 && output[len - 1] == '/';)
			output[--len] = '\0';
	} else {
		output = given.output ? xstrdup(given.output) :
			build_path("image/%s.ext2", job.name);
		check_replaceable(output);
		check_replaceable(beside_image(output, ".conf"));
		check_replaceable(beside_image(output, FIRECRACKER));
		check_replaceable(beside_image(output, CLOUD_HYPERVISOR));
	}
	out_dir = given.list ? xstrdup(getenv("TMPDIR") ?: "/tmp") : folder_of(output);
	need_folders(out_dir);
}

static void read_manifest(void)
{
	char error[MANIFEST_ERROR_SIZE], *text;
	size_t size;

	if (given.manifest) {
		text = slurp(given.manifest, SIZE_MAX, &size);
		if (!text)
			die("no manifest %s: %s", given.manifest, strerror(errno));
		if (manifest_parse(&manifest, given.manifest, text, size, IN_MANIFEST, error,
				   sizeof(error)))
			die("%s", error);
		job.manifest = &manifest;
		free(text);
	}
	if (given.memory) {
		struct manifest m = { 0 };

		if (manifest_add(&m, "--memory", KEY_MEMORY, &given.memory, 1, IN_MANIFEST, error,
				 sizeof(error)))
			die("%s", error);
		job.memory = manifest_number(&m, KEY_MEMORY, 0);
	}
}

static int open_inside(int dir, const char *name, int flags)
{
	return openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags);
}

static void use_layout(const char *path)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd, sub;
	struct stat st;

	if (dir < 0)
		die("%s cannot be read: %s", path, strerror(errno));
	fd = open_inside(dir, "oci-layout", 0);
	if (fd < 0)
		die("%s is not an OCI layout: it has no file oci-layout", path);
	close(fd);
	job.source = (struct source){ .kind = SOURCE_LAYOUT, .name = xstrdup(path) };
	job.source.index = open_inside(dir, "index.json", 0);
	if (job.source.index < 0)
		die("%s cannot be read: index.json: %s", path, strerror(errno));
	if (fstat(job.source.index, &st) || !S_ISREG(st.st_mode))
		die("%s cannot be read: index.json is no file", path);
	sub = open_inside(dir, "blobs", O_DIRECTORY);
	blobs = sub < 0 ? -1 : open_inside(sub, "sha256", O_DIRECTORY);
	if (blobs < 0)
		die("%s cannot be read: blobs/sha256: %s", path, strerror(errno));
	close(sub);
	close(dir);
}

static void use_archive(const char *path)
{
	job.source = (struct source){ .kind = SOURCE_ARCHIVE, .name = xstrdup(path) };
	job.source.archive = open_regular(path, NULL);
}

/* A folder or file of that name, or with :TAG behind it */
static bool use_path(const char *image)
{
	char *path = xstrdup(image), *colon;
	struct stat st;

	while (stat(path, &st)) {
		colon = strrchr(path, ':');
		if (colon && colon - path > 7 && !strncmp(colon - 7, "@sha256", 7))
			colon -= 7;
		if (!colon || colon == path) {
			free(path);
			return false;
		}
		*colon = '\0';
		if (!given.tag || job.image.tag)
			job.image.tag = xstrdup(image + (colon - path) + 1);
	}
	if (S_ISDIR(st.st_mode))
		use_layout(path);
	else
		use_archive(path);
	free(path);
	return true;
}

/* The last message of a tool, without its time stamps and levels */
static char *last_words(const char *path)
{
	size_t size = 0;
	char *text = slurp(path, SIZE_MAX, &size), *line, *msg, *from, *to;

	if (!text)
		return xstrdup("no message");
	while (size && isspace((unsigned char)text[size - 1]))
		text[--size] = '\0';
	line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	msg = strstr(line, "msg=\"");
	if (!msg)
		return line;
	/* A quoted string */
	for (from = to = msg + 5; *from && *from != '"'; from++) {
		if (*from == '\\' && from[1])
			from++;
		*to++ = *from;
	}
	*to = '\0';
	return msg + 5;
}

static void use_skopeo(const char *reference)
{
	char *to = workdir_path("layout");
	char *err = workdir_path("skopeo");
	const char *argv[] = { "skopeo", "--insecure-policy", "--override-os", job.image.os,
			       "--override-arch", job.image.arch, "copy",
			       reference, "oci:layout:image", NULL };
	int fd = workdir_file("skopeo"), status;
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	/* Its syntax splits a path at colons; the folder's name may have some. */
	status = workdir_run(argv, true, show_progress ? STDERR_FILENO : null, fd);
	close(null);
	if (status == 127)
		die("'skopeo' is missing; make setup installs it");
	if (status)
		die("%s cannot be read: %s", given.image, last_words(err));
	use_layout(to);
	job.source.name = given.image;
	job.image.tag = NULL;
	close(fd);
}

static void find_source(void)
{
	static const char * const ours[] = { "oci:", "oci-archive:", "docker-archive:" };
	static const char * const skopeos[] = { "containers-storage:", "docker-daemon:" };
	const char *image = given.image;
	char *reference;
	size_t i;

	job.image.tag = given.tag ? xstrdup(given.tag) : NULL;
	if (!image)
		return;
	for (i = 0; i < ARRAY_SIZE(ours); i++)
		if (!strncmp(image, ours[i], strlen(ours[i])))
			image += strlen(ours[i]);
	if (use_path(image))
		return;
	if (image != given.image)
		die("there is no %s", image);
	if (!strncmp(image, "dir:", 4)) {
		reference = realpath(image + 4, NULL);
		if (!reference)
			die("there is no %s: %s", image + 4, strerror(errno));
		use_skopeo(xasprintf("dir:%s", reference));
		free(reference);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(skopeos); i++) {
		if (!strncmp(image, skopeos[i], strlen(skopeos[i]))) {
			use_skopeo(image);
			return;
		}
	}
	if (strstr(image, "://")) {
		use_skopeo(image);
		return;
	}
	if (*image == '/' || *image == '.')
		die("there is no %s", image);
	reference = xasprintf("docker://%s", image);
	use_skopeo(reference);
	free(reference);
}

static void make_program(const struct manifest_value *v, const char *folder, size_t nr)
{
	char *src = xasprintf("%s/%s", folder, v->word[0]), *name = xasprintf("program-%zu", nr);
	char *out = workdir_path(name);
	const char *argv[] = { "gcc", "-static", "-Os", "-s", "-Wall", "-o", out, src, NULL };
	struct stat st = { 0 };

	if (stat(src, &st) || workdir_run(argv, false, -1, -1))
		die("%s: %s does not compile", given.manifest, v->word[0]);
	/* The time of the source: the program's would be another one each time. */
	staging_file(out, v->word[1], 0755, &st.st_mtim, v->word[0]);
	free(src);
	free(name);
	free(out);
}

static void stage_manifest(void)
{
	char *folder = folder_of(given.manifest), *from, *what;
	const struct manifest_list *list = &manifest.key[KEY_PROGRAM];
	const struct manifest_value *v;
	uint32_t mode;
	size_t i;

	for (i = 0; i < list->nr; i++)
		make_program(&list->value[i], folder, i);
	list = &manifest.key[KEY_FILE];
	for (i = 0; i < list->nr; i++) {
		v = &list->value[i];
		from = xasprintf("%s/%s", folder, v->word[0]);
		what = xasprintf("%s: file %s", given.manifest, v->word[0]);
		mode = v->number[0] == MANIFEST_NO_MODE ? 0644 : v->number[0];
		staging_file(from, v->word[1], mode, NULL, what);
		free(from);
		free(what);
	}
	free(folder);
}

static void stage_folder(const char *add)
{
	const char *colon = strstr(add, ":/");
	struct stat st;
	char *dir;
	size_t len;

	if (!colon)
		die("--add %s: want DIR:/DEST", add);
	while (strstr(colon + 1, ":/"))
		colon = strstr(colon + 1, ":/");
	dir = xasprintf("%.*s", (int)(colon - add), add);
	for (len = strlen(dir); len > 1 && dir[len - 1] == '/';)
		dir[--len] = '\0';
	if (stat(dir, &st) || !S_ISDIR(st.st_mode))
		die("--add %s: no folder %s", add, dir);
	staging_folder(dir, colon + 1);
	free(dir);
}

static void stage_files(void)
{
	struct stat st;
	char *libc, *data, *add;
	size_t i, size;
	int fd;

	fd = workdir_file("staging");
	staging_begin(fd);
	if (given.musl) {
		libc = xasprintf("%s/lib/ld-musl-x86_64.so.1", given.musl);
		data = slurp(libc, SIZE_MAX, &size);
		if (!data)
			die("--musl: no %s: %s", libc, strerror(errno));
		job.musl = musl_version((uint8_t *)data, size) ?: 1;
		add = xasprintf("%s:/", given.musl);
		stage_folder(add);
		free(add);
		free(data);
		free(libc);
	}
	if (given.manifest)
		stage_manifest();
	for (i = 0; i < given.nr_adds; i++)
		stage_folder(given.adds[i]);
	job.has_staging = staging_end();
	if (fstat(fd, &st))
		die("fstat: %s", strerror(errno));
	job.staging.ours = true;
	job.staging.blob = (struct blob){ .fd = fd, .size = st.st_size,
					  .what = "the user's own files" };
}

static void use_packages(void)
{
	struct stat st;
	int fd;

	if (!given.layer)
		return;
	fd = open_regular(given.layer, NULL);
	if (fstat(fd, &st))
		die("fstat: %s", strerror(errno));
	job.has_packages = true;
	job.packages.packages = true;
	job.packages.blob = (struct blob){ .fd = fd, .size = st.st_size, .what = given.layer };
}

static void read_init(void)
{
	const char *path = given.init ?: build_path("image/init");

	job.init = slurp(path, SIZE_MAX, &job.init_size);
	if (!job.init)
		die("no init %s: %s; make -C scripts/init OUT=... makes it", path,
		    strerror(errno));
}

static void send_blob(int socket, const char *hex)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, status = 0;
	struct iovec iov = { &status, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;
	struct stat st;
	int fd = -1;

	if (blobs >= 0 && is_digest(hex))
		fd = open_inside(blobs, hex, 0);
	if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode))) {
		close(fd);
		fd = -1;
	}
	if (fd >= 0) {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	/* A worker that is gone says so by its status. */
	if (sendmsg(socket, &msg, MSG_NOSIGNAL) < 0 && errno != EPIPE)
		warn("sendmsg: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* What --musl without a folder stands for, made if it is missing */
static void make_musl(void)
{
	const char *top = getenv("LUPINE_ROOT");
	char *program = top ? xasprintf("%s/scripts/musl/build", top) : NULL;
	const char *argv[] = { program, NULL };

	if (!program || workdir_run(argv, false, -1, -1))
		die("--musl: no build/musl");
	given.musl = build_path("musl/rootfs");
	free(program);
}

/* Returns true when the worker has said that all is done. */
static bool serve(int socket, struct result *result)
{
	union {
		struct request request;
		struct result result;
	} message;
	bool done = false;
	ssize_t n;

	for (;;) {
		memset(&message, 0, sizeof(message));
		n = recv(socket, &message, sizeof(message), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return done;
		message.request.hex[HEX_DIGITS] = '\0';
		if (n == sizeof(message.request) && message.request.type == REQUEST_BLOB) {
			send_blob(socket, message.request.hex);
		} else if (n == sizeof(message.result) && message.request.type == REQUEST_DONE) {
			*result = message.result;
			done = true;
		} else {
			return false;
		}
	}
}

static uint64_t room_for_files(void)
{
	struct statvfs st;

	if (statvfs(out_dir, &st))
		die("%s: %s", out_dir, strerror(errno));
	return (uint64_t)st.f_bavail * st.f_frsize;
}

static void run_worker(struct result *result)
{
	int ends[2], status;
	bool done;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		die("socketpair: %s", strerror(errno));
	pid = workdir_fork();
	if (!pid) {
		close(ends[0]);
		close(blobs);
		job.socket = ends[1];
		worker_run(&job);
	}
	close(ends[1]);
	done = serve(ends[0], result);
	status = workdir_wait(pid);
	close(ends[0]);
	if (status == 128 + SIGXCPU || (status == 128 + SIGKILL && !done))
		die("the image takes more than %" PRIu64
		    " seconds of the processor, or its process was killed; --limit-seconds N allows more",
		    limits.seconds);
	if (status >= 128)
		die("the process that reads the image was ended by signal %d (%s)", status - 128,
		    strsignal(status - 128));
	if (status || (!done && !given.list))
		exit(1);
}

static void write_conf(const struct result *r)
{
	int fd = workdir_file("conf");
	FILE *f = fdopen(fd, "w");
	uint32_t i;

	if (!f)
		die("fdopen: %s", strerror(errno));
	fprintf(f, "memory=%u\nports=", r->memory);
	for (i = 0; i < r->nr_ports && i < MAX_PORTS; i++)
		fprintf(f, "%s%u", i ? " " : "", r->ports[i]);
	fprintf(f, "\ninit=%zu\n", job.init_size);
	if (r->ready)
		fprintf(f, "ready=%u\n", r->ready);
	if (fclose(f))
		die("%s: %s", beside_image(output, ".conf"), strerror(errno));
}

static void write_beside(const char *end, const char *text)
{
	int fd = workdir_file(end);

	if (dprintf(fd, "%s", text) < 0 || close(fd))
		die("%s: %s", beside_image(output, end), strerror(errno));
	publish_file(end, beside_image(output, end));
}

static void write_monitors(unsigned int memory)
{
	const char *kernel = build_path("kernel/lupine-general/vmlinux");
	const char *image = realpath(output, NULL) ?: output;

	write_beside(FIRECRACKER, firecracker_configuration(kernel, image, memory));
	write_beside(CLOUD_HYPERVISOR, cloud_hypervisor_configuration(kernel, image, memory));
}

static void publish_file_system(const struct result *result)
{
	struct stat st;

	write_conf(result);
	if (fstat(job.out, &st))
		die("fstat: %s", strerror(errno));
	publish_file("conf", beside_image(output, ".conf"));
	publish_file("image", output);
	write_monitors(result->memory);
	printf("    %s: %" PRIu64 " MB used of %" PRIu64 " MB\n", output,
	       (uint64_t)st.st_blocks * 512 >> 20, (uint64_t)st.st_size >> 20);
}

static void publish_image(struct result *r)
{
	const struct layout_blob blobs[] = { { "layer", r->layer }, { "config", r->config },
					     { "manifest", r->manifest } };

	r->layer[HEX_DIGITS] = r->config[HEX_DIGITS] = r->manifest[HEX_DIGITS] = '\0';
	publish_layout(output, blobs, ARRAY_SIZE(blobs));
	printf("    %s:%s\n", output, job.name);
}

static void open_layout_output(void)
{
	if (given.rewrite)
		die("--rewrite is for a file system, which lupine image makes of a layout");
	job.to_oci = true;
	job.layer = workdir_file("layer");
	job.config = workdir_file("config");
	job.oci_manifest = workdir_file("manifest");
	job.index = workdir_file("index");
	job.old_index = open_layout(output);
}

int cmd_image(int argc, char **argv)
{
	struct result result = { 0 };
	struct timespec start, end;
	int status = parse_options(argc, argv);

	if (status >= 0)
		return status;
	show_progress = isatty(STDERR_FILENO);
	clock_gettime(CLOCK_MONOTONIC, &start);
	set_platform();
	set_name();
	read_manifest();
	set_output();
	workdir_make(out_dir, job.name);
	if (given.oci)
		open_layout_output();
	else
		read_init();
	if (!given.list)
		printf("==> Make %s %s\n", given.oci ? "the image" : "the root file system of",
		       job.name);
	fflush(stdout);
	if (given.own_musl)
		make_musl();
	find_source();
	use_packages();
	stage_files();
	job.list = given.list;
	job.rewrite = given.rewrite;
	job.room = room_for_files();
	job.source.scratch_room = job.room;
	job.source.scratch = workdir_file("archive");
	job.out = workdir_file("image");
	run_worker(&result);
	if (given.list)
		return 0;
	workdir_commit();
	if (given.oci)
		publish_image(&result);
	else
		publish_file_system(&result);
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("    %.1f s\n", end.tv_sec - start.tv_sec + (end.tv_nsec - start.tv_nsec) / 1e9);
	return 0;
}
