// SPDX-License-Identifier: GPL-2.0
/*
 * lupine pack: make a container image that urunc runs, of a kernel and of a root file
 * system that lupine image has made.
 *
 * The image has two layers: the kernel, which is the same for all applications and which a
 * registry keeps once, and the root file system. urunc learns what they are from annotations
 * of the image's manifest, or from the file /urunc.json where an engine does not hand these
 * on. The same files make the same bytes.
 */
#include <archive.h>
#include <archive_entry.h>
#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ociwrite.h"
#include "publish.h"
#include "tarwrite.h"
#include "workdir.h"

#define LAYER_TYPE	"application/vnd.oci.image.layer.v1.tar+gzip"
#define PROFILE		"lupine-general+pci+urunc"
#define URUNC		"com.urunc.unikernel."
#define KERNEL		"/kernel"
#define ROOT		"/rootfs.ext2"
#define INIT		"/sbin/urunit"
#define MAX_KERNEL	(1u << 30)

static const char help[] =
"Usage: lupine pack [OPTION]... IMAGE.ext2\n"
"\n"
"Make a container image that urunc runs, so that containerd and Kubernetes start the\n"
"application as a unikernel. It has a kernel, the root file system IMAGE.ext2, which\n"
"lupine image makes, and annotations and /urunc.json, which tell urunc of them. The\n"
"kernel is a layer of its own: a registry keeps it once for all applications.\n"
"\n"
"  --kernel FILE      the kernel, a vmlinux (default:\n"
"                     build/kernel/" PROFILE "/vmlinux)\n"
"  --hypervisor NAME  qemu (default), firecracker or cloud-hypervisor\n"
"  --name NAME        name of the image (default: that of IMAGE.ext2)\n"
"  --to TO            where it goes (default: oci:build/image/NAME.oci):\n"
"                     oci:DIR           an OCI layout, in which other images stay\n"
"                     oci-archive:FILE  an archive of one\n"
"                     REFERENCE         a registry, or whatever else skopeo writes to:\n"
"                                       docker://..., containers-storage:...\n"
"\n"
"In a container of it, arguments replace those of the application; environment, user\n"
"and working folder are added to or replace what IMAGE.ext2 says. Give it as much memory\n"
"as IMAGE.conf names, by the container's limit.\n"
"\n"
"Example: lupine pack --to docker://registry.example/redis:7 build/image/redis.ext2\n";

static struct {
	const char *kernel, *hypervisor, *name, *to, *image;
} given;

struct layer_file {
	const char *path;
	int fd;			/* or -1 and a text */
	const char *text;
	uint64_t size;
	uint32_t mode;
};

/* One layer: of all bytes the digest, and its compressed form in a file */
struct layer_out {
	struct sink plain, compressed;
	struct archive *gzip;
};

static ssize_t take_compressed(struct archive *a, void *to, const void *data, size_t size)
{
	struct layer_out *l = to;

	(void)a;
	sink_write(&l->compressed, data, size);
	return size;
}

static void layer_write(void *to, const void *data, size_t size)
{
	struct layer_out *l = to;

	sink_write(&l->plain, data, size);
	if (archive_write_data(l->gzip, data, size) != (ssize_t)size)
		die("the layer cannot be compressed: %s", archive_error_string(l->gzip));
}

/* gzip alone, of one stream, without a date */
static void layer_begin(struct layer_out *l, int fd)
{
	struct archive_entry *e = archive_entry_new();

	sink_open(&l->plain, -1);
	sink_open(&l->compressed, fd);
	l->gzip = archive_write_new();
	if (!l->gzip || !e)
		die("%s", out_of_memory);
	archive_entry_set_filetype(e, AE_IFREG);
	if (archive_write_add_filter_gzip(l->gzip) || archive_write_set_format_raw(l->gzip) ||
	    archive_write_set_filter_option(l->gzip, "gzip", "timestamp", NULL) ||
	    archive_write_set_bytes_per_block(l->gzip, 0) ||
	    archive_write_open(l->gzip, l, NULL, take_compressed, NULL) ||
	    archive_write_header(l->gzip, e))
		die("a layer cannot be compressed: %s", archive_error_string(l->gzip));
	archive_entry_free(e);
}

static void layer_end(struct layer_out *l)
{
	if (archive_write_close(l->gzip))
		die("the layer cannot be compressed: %s", archive_error_string(l->gzip));
	archive_write_free(l->gzip);
	sha256_hex(l->plain.sha, l->plain.hex);
	sha256_hex(l->compressed.sha, l->compressed.hex);
}

static void tar_file(struct tar *tar, const struct layer_file *f)
{
	const struct inode inode = { .mode = S_IFREG | f->mode, .nlink = 1, .size = f->size,
				     .mem = (uint8_t *)"" };
	static uint8_t data[1024 * 1024];
	uint64_t at, left;
	ssize_t n;

	tar_entry(tar, f->path + 1, &inode, NULL);
	if (f->text)
		tar_data(tar, f->text, f->size);
	for (at = 0; !f->text && at < f->size; at += n) {
		left = f->size - at;
		n = pread(f->fd, data, left < sizeof(data) ? left : sizeof(data), at);
		if (n <= 0)
			die("%s cannot be read: %s", f->path + 1,
			    n ? strerror(errno) : "it has become shorter");
		tar_data(tar, data, n);
		progress(!at, "compressing %s: %" PRIu64 " of %" PRIu64 " MB", f->path + 1,
			 (at + n) >> 20, f->size >> 20);
	}
	progress_end();
	tar_entry_end(tar);
}

static void write_layer(struct layer_out *l, const char *name, const struct layer_file *files,
			size_t nr)
{
	struct tar tar = { .write = layer_write, .to = l };
	size_t i;

	layer_begin(l, workdir_file(name));
	for (i = 0; i < nr; i++)
		tar_file(&tar, &files[i]);
	tar_end(&tar);
	layer_end(l);
}

static int parse_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "kernel", required_argument, NULL, 'k' },
		{ "hypervisor", required_argument, NULL, 'v' },
		{ "name", required_argument, NULL, 'n' },
		{ "to", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' }, { },
	};
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'h':
			fputs(help, stdout);
			return 0;
		case 'k':
			given.kernel = optarg;
			break;
		case 'v':
			given.hypervisor = optarg;
			break;
		case 'n':
			given.name = optarg;
			break;
		case 't':
			given.to = optarg;
			break;
		default:
			return 2;
		}
	}
	status_of_die = 2;
	if (optind != argc - 1)
		die("needs one IMAGE.ext2; see --help");
	given.image = argv[optind];
	given.hypervisor = given.hypervisor ?: "qemu";
	if (strcmp(given.hypervisor, "qemu") && strcmp(given.hypervisor, "firecracker") &&
	    strcmp(given.hypervisor, "cloud-hypervisor"))
		die("--hypervisor: '%s' is none of qemu, firecracker and cloud-hypervisor",
		    given.hypervisor);
	status_of_die = 1;
	return -1;
}

static void set_name(void)
{
	char *path = beside_image(given.image, ""), *slash = strrchr(path, '/');

	given.name = given.name ?: slash ? slash + 1 : path;
	check_name(given.name);
}

static void open_content(struct layer_file *f, const char *path, const char *cure)
{
	struct stat st;

	f->fd = open_regular(path, cure);
	if (fstat(f->fd, &st))
		die("%s: %s", path, strerror(errno));
	f->size = st.st_size;
}

/* The magic number of ext2 is at a fixed place. */
static void check_root(int fd)
{
	uint8_t magic[2];

	if (pread(fd, magic, 2, 1024 + 56) != 2 || magic[0] != 0x53 || magic[1] != 0xef)
		die("%s is no ext2 file system; lupine image makes one", given.image);
}

/* What the kernel says of itself: the word behind "Linux version " */
static char *kernel_release(const char *path)
{
	static const char banner[] = "Linux version ", allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.+-~_";
	size_t size, len;
	char *data = slurp(path, MAX_KERNEL, &size), *at, *release;

	if (!data)
		die("%s cannot be read: %s", path, strerror(errno));
	if (size < SELFMAG || memcmp(data, ELFMAG, SELFMAG))
		die("%s is no vmlinux, which urunc's monitors boot", path);
	at = memmem(data, size, banner, strlen(banner));
	at = at ? at + strlen(banner) : NULL;
	len = at ? strspn(at, allowed) : 0;
	if (!len || len > 64)
		die("%s is no Linux kernel: it does not say its version", path);
	release = xasprintf("%.*s", (int)len, at);
	free(data);
	return release;
}

/*
 * What urunc's guests need of the kernel whose configuration stands beside it: the monitor
 * offers these devices, and urunc hands its file over as the initrd.
 */
static void check_configuration(const char *config, const char *path)
{
	static const char *const always[] = { "BLK_DEV_INITRD", "SYSFS", "PROC_FS", "VIRTIO_BLK",
					      "SERIAL_8250_CONSOLE", "PVH", NULL };
	static const char *const pci[] = { "PCI", "VIRTIO_PCI", "ACPI", NULL };
	static const char *const mmio[] = { "VIRTIO_MMIO_CMDLINE_DEVICES", NULL };
	bool is_mmio = !strcmp(given.hypervisor, "firecracker");
	const char *const *lists[] = { always, is_mmio ? mmio : pci };
	char *line;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lists); i++)
		for (; *lists[i]; lists[i]++) {
			line = xasprintf("\nCONFIG_%s=y\n", *lists[i]);
			if (!strstr(config, line))
				die("%s is without CONFIG_%s, which a guest of urunc needs by %s; "
				    "make kernel PROFILE=" PROFILE " has it",
				    path, *lists[i], given.hypervisor);
			free(line);
		}
}

static char *sha256_of(const char *data, size_t size)
{
	EVP_MD_CTX *sha = sha256_begin();
	char hex[HEX_DIGITS + 1];

	EVP_DigestUpdate(sha, data, size);
	sha256_hex(sha, hex);
	return xstrdup(hex);
}

static void put(json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

/* Which kernel it is; what stands beside it says more. */
static json_object *labels(const char *kernel)
{
	json_object *o = json_object_new_object();
	char *slash = strrchr(kernel, '/'), *path, *text, *line, *rest;
	int folder = slash ? slash - kernel : 1;
	size_t size;

	put(o, "org.opencontainers.image.title", given.name);
	put(o, "lupine.kernel.release", kernel_release(kernel));
	path = xasprintf("%.*s/.config", folder, slash ? kernel : ".");
	text = slurp(path, 4 << 20, &size);
	if (text) {
		check_configuration(text, kernel);
		put(o, "lupine.kernel.config", xasprintf("sha256:%s", sha256_of(text, size)));
	}
	free(text);
	free(path);
	path = xasprintf("%.*s/.lupine-version", folder, slash ? kernel : ".");
	text = slurp(path, MAX_CONF, &size);
	rest = text;
	while (rest && (line = strsep(&rest, "\n")))
		if (!strncmp(line, "series ", 7) && !line[7 + strspn(line + 7, "0123456789abcdef")])
			put(o, "lupine.series", line + 7);
	free(text);
	free(path);
	return o;
}

static json_object *exposed_ports(void)
{
	json_object *o = json_object_new_object();
	unsigned long ports[MAX_CONF];
	size_t i, n = numbers_of_image(given.image, "ports", 65535, ports, ARRAY_SIZE(ports));

	for (i = 0; i < n; i++)
		json_object_object_add(o, xasprintf("%lu/tcp", ports[i]),
				       json_object_new_object());
	return o;
}

static const char *const keys[][2] = {
	{ URUNC "unikernelType", "linux" },
	{ URUNC "unikernelVersion", NULL },
	{ URUNC "hypervisor", NULL },
	{ URUNC "binary", KERNEL },
	{ URUNC "cmdline", INIT },
	{ URUNC "block", ROOT },
	{ URUNC "blkMntPoint", "/" },
	/* Else the engine's snapshot would be tried as a disk. */
	{ URUNC "useDMBlock", "false" },
	{ URUNC "mountRootfs", "false" },
};

static char *base64(const char *text)
{
	size_t len = strlen(text);
	char *to = xmalloc(4 * (len / 3 + 1) + 1);

	EVP_EncodeBlock((unsigned char *)to, (const unsigned char *)text, len);
	return to;
}

/* In base64, as urunc wants them in a manifest as well as in its file */
static json_object *annotations(const char *release)
{
	json_object *o = json_object_new_object();
	const char *value;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		value = keys[i][1];
		if (!value)
			value = strstr(keys[i][0], "Version") ? release : given.hypervisor;
		put(o, keys[i][0], base64(value));
	}
	return o;
}

static json_object *config_json(const char **ids, json_object *label)
{
	json_object *o = oci_config("linux", "amd64", ids, 2), *config = json_object_new_object();
	json_object *entrypoint = json_object_new_array();

	json_object_array_add(entrypoint, json_object_new_string(INIT));
	json_object_object_add(config, "Entrypoint", entrypoint);
	json_object_object_add(config, "ExposedPorts", exposed_ports());
	json_object_object_add(config, "Labels", label);
	json_object_object_add(o, "config", config);
	return o;
}

static uint64_t bytes_on_disk(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		die("fstat: %s", strerror(errno));
	return (uint64_t)st.st_blocks * 512;
}

/* Kernel and init are what the image has beside the application. */
static void print_sizes(const struct layer_out *kernel, const struct layer_out *root, int fd)
{
	unsigned long init;

	printf("    %-10s %14s %14s\n", "", "bytes", "compressed");
	printf("    %-10s %14" PRIu64 " %14" PRIu64 "\n", "kernel", kernel->plain.size,
	       kernel->compressed.size);
	printf("    %-10s %14" PRIu64 " %14" PRIu64 ", %" PRIu64 " MB of it used\n", "files",
	       root->plain.size, root->compressed.size, bytes_on_disk(fd) >> 20);
	if (numbers_of_image(given.image, "init", MAX_KERNEL, &init, 1))
		printf("    %-10s %14lu\n", "  its init", init);
	printf("    %-10s %14" PRIu64 " %14" PRIu64 "\n", "image",
	       kernel->plain.size + root->plain.size,
	       kernel->compressed.size + root->compressed.size);
}

/* An archive of a layout, which is the same for the same layout. */
static void write_archive(const struct layout_blob *blobs, size_t nr)
{
	static const struct inode folder = { .mode = S_IFDIR | 0755, .nlink = 1 };
	struct sink sink;
	struct tar tar = { .write = sink_write, .to = &sink };
	struct layer_file f = { .path = "/oci-layout", .text = OCI_LAYOUT,
				.size = strlen(OCI_LAYOUT), .mode = 0644 };
	size_t i;

	sink_open(&sink, workdir_file("archive"));
	tar_file(&tar, &f);
	f = (struct layer_file){ .path = "/index.json", .mode = 0644 };
	open_content(&f, workdir_path("index"), NULL);
	tar_file(&tar, &f);
	tar_entry(&tar, "blobs/", &folder, NULL);
	tar_entry(&tar, "blobs/sha256/", &folder, NULL);
	for (i = 0; i < nr; i++) {
		f.path = xasprintf("/blobs/sha256/%s", blobs[i].hex);
		open_content(&f, workdir_path(blobs[i].file), NULL);
		tar_file(&tar, &f);
	}
	tar_end(&tar);
	EVP_MD_CTX_free(sink.sha);
}

static void push(const struct layout_blob *blobs, size_t nr)
{
	char *layout = workdir_path("pushed"), *from = xasprintf("oci:pushed:%s", given.name);
	const char *argv[] = { "skopeo", "--insecure-policy", "copy", from, given.to, NULL };
	int status;

	publish_layout(layout, blobs, nr);
	status = workdir_run(argv, true, STDERR_FILENO, -1);
	if (status == 127)
		die("'skopeo' is missing; make setup installs it");
	if (status)
		die("%s cannot be written", given.to);
}

/* What stands behind the prefix of --to, or NULL */
static const char *path_behind(const char *prefix)
{
	return strncmp(given.to, prefix, strlen(prefix)) ? NULL : given.to + strlen(prefix);
}

int cmd_pack(int argc, char **argv)
{
	struct layer_file kernel = { .path = KERNEL, .mode = 0644 };
	/* Whoever the monitor runs as writes to it: others do not see the container's files. */
	struct layer_file root[2] = { { .path = ROOT, .mode = 0666 },
				      { .path = "/urunc.json", .fd = -1, .mode = 0644 } };
	const char *layout, *archive, *kernel_path, *release, *ids[2];
	int status = parse_options(argc, argv), old_index = -1;
	struct layer_out first, second;
	json_object *label, *layers, *json;
	struct oci_digests digests;
	struct oci_parts parts;

	if (status >= 0)
		return status;
	show_progress = isatty(STDERR_FILENO);
	set_name();
	given.to = given.to ?: xasprintf("oci:%s", build_path("image/%s.oci", given.name));
	layout = path_behind("oci:");
	archive = path_behind("oci-archive:");
	if (!(layout ?: archive ?: given.to)[0] || (!layout && !archive && !strchr(given.to, ':')))
		die("--to %s: want oci:DIR, oci-archive:FILE or a reference for skopeo, docker://...",
		    given.to);
	kernel_path = given.kernel ?: build_path("kernel/" PROFILE "/vmlinux");
	open_content(&kernel, kernel_path, "make kernel PROFILE=" PROFILE " makes it");
	open_content(&root[0], given.image, "make image or lupine image makes it");
	check_root(root[0].fd);
	label = labels(kernel_path);
	release = json_object_get_string(json_object_object_get(label, "lupine.kernel.release"));
	if (archive)
		check_replaceable(archive);
	if (layout)
		old_index = open_layout(layout);
	need_folders(folder_of(layout ?: archive ?: build_path("image/")));
	workdir_make(folder_of(layout ?: archive ?: build_path("image/")), given.name);
	printf("==> Pack %s for urunc by %s\n", given.name, given.hypervisor);
	fflush(stdout);

	json = annotations(release);
	root[1].text = json_object_to_json_string_ext(json, JSON_C_TO_STRING_PRETTY |
						      JSON_C_TO_STRING_NOSLASHESCAPE);
	root[1].size = strlen(root[1].text);
	write_layer(&first, "kernel", &kernel, 1);
	write_layer(&second, "root", root, ARRAY_SIZE(root));
	ids[0] = first.plain.hex;
	ids[1] = second.plain.hex;
	layers = json_object_new_array();
	json_object_array_add(layers, oci_descriptor(LAYER_TYPE, &first.compressed));
	json_object_array_add(layers, oci_descriptor(LAYER_TYPE, &second.compressed));
	parts = (struct oci_parts){ workdir_file("config"), workdir_file("manifest"),
				    workdir_file("index"), old_index, given.name };
	oci_finish(&parts, config_json(ids, label), layers, json_object_get(json), &digests);

	const struct layout_blob blobs[] = {
		{ "kernel", first.compressed.hex }, { "root", second.compressed.hex },
		{ "config", digests.config }, { "manifest", digests.manifest },
	};

	if (archive)
		write_archive(blobs, ARRAY_SIZE(blobs));
	if (layout || archive)
		workdir_commit();
	if (layout)
		publish_layout(layout, blobs, ARRAY_SIZE(blobs));
	else if (archive)
		publish_file("archive", archive);
	else
		push(blobs, ARRAY_SIZE(blobs));
	print_sizes(&first, &second, root[0].fd);
	printf("    %s%s%s: sha256:%s\n", given.to, layout ? ":" : "", layout ? given.name : "",
	       digests.manifest);
	return 0;
}
