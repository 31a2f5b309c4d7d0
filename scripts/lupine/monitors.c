// SPDX-License-Identifier: GPL-2.0
/*
 * Configurations of other machine monitors, beside an image: for Firecracker's
 * --config-file, and for the vm.create request of cloud-hypervisor. A tap device of the
 * host connects the guest. Documentation/lupine/images.rst says how to start them.
 */
#include <json-c/json.h>
#include <stdlib.h>

#include "image.h"

#define CMDLINE	"root=/dev/vda rw console=ttyS0 panic=-1 quiet " \
		"ip=172.16.0.2::172.16.0.1:255.255.255.252::eth0:off "
#define MAC	"06:00:ac:10:00:02"

/* As a JSON string, with quotes. It stays allocated. */
static const char *quoted(const char *path)
{
	return json_object_to_json_string_ext(json_object_new_string(path),
					      JSON_C_TO_STRING_NOSLASHESCAPE);
}

/* Firecracker's keyboard controller knows one command: reset. */
char *firecracker_configuration(const char *kernel, const char *image, unsigned int memory)
{
	return xasprintf("{\n"
		"  \"boot-source\": {\n"
		"    \"kernel_image_path\": %s,\n"
		"    \"boot_args\": \"" CMDLINE "reboot=k pci=off i8042.nokbd i8042.noaux\"\n"
		"  },\n"
		"  \"drives\": [ { \"drive_id\": \"root\", \"path_on_host\": %s,\n"
		"    \"is_root_device\": true, \"is_read_only\": false } ],\n"
		"  \"machine-config\": { \"vcpu_count\": 1, \"mem_size_mib\": %u },\n"
		"  \"network-interfaces\": [ { \"iface_id\": \"eth0\",\n"
		"    \"guest_mac\": \"" MAC "\", \"host_dev_name\": \"tap0\" } ]\n"
		"}\n", quoted(kernel), quoted(image), memory);
}

char *cloud_hypervisor_configuration(const char *kernel, const char *image, unsigned int memory)
{
	return xasprintf("{\n"
		"  \"payload\": { \"kernel\": %s,\n"
		"    \"cmdline\": \"" CMDLINE "reboot=t\" },\n"
		"  \"cpus\": { \"boot_vcpus\": 1, \"max_vcpus\": 1 },\n"
		"  \"memory\": { \"size\": %llu },\n"
		"  \"disks\": [ { \"path\": %s } ],\n"
		"  \"net\": [ { \"tap\": \"tap0\", \"mac\": \"" MAC "\" } ],\n"
		"  \"serial\": { \"mode\": \"Tty\" },\n"
		"  \"console\": { \"mode\": \"Off\" }\n"
		"}\n", quoted(kernel), (unsigned long long)memory << 20, quoted(image));
}
