// SPDX-License-Identifier: GPL-2.0
/* Loading a shared object that makes system calls while it is being loaded. */
#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>

#include "test.h"

static const char *module;

static void *load(void *arg)
{
	long *bad = arg;
	void *h = dlopen(module, RTLD_NOW | RTLD_LOCAL);
	long (*value)(void);

	value = h ? (long (*)(void))dlsym(h, "value") : NULL;
	*bad = !value || value() != getppid() + 1000;
	if (!value)
		printf("# %s\n", dlerror());
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t t;
	long bad;

	if (argc != 2 || !strcmp(argv[1], "--help")) {
		printf("Usage: %s SHARED-OBJECT\n", argv[0]);
		return argc != 2;
	}
	module = argv[1];
	load(&bad);
	test(!bad, "dlopen runs a constructor that makes system calls");
	must(!pthread_create(&t, NULL, load, &bad));
	must(!pthread_join(t, NULL));
	test(!bad, "dlopen in a thread that is older than the object's TLS");
	test(!dlopen("/nonexistent.so", RTLD_NOW) && dlerror(),
	     "dlopen reports that there is no such file");
	return tests_done();
}
