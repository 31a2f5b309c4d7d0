// SPDX-License-Identifier: GPL-2.0
/*
 * Functions of the kernel, called by their names: one that computes, one that sleeps, and
 * one that comes back from a page fault by the exception table. The latter two need to
 * be on the kernel's stack. Data of the kernel can be read in ring 0, and only there.
 * ukl-gcc defines these symbols if UKL_KERNEL_SYMBOLS names them.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest.h"

#define ARCH_UKL_CALL	0x6001

unsigned long int_sqrt(unsigned long x);
void msleep(unsigned int ms);
long strnlen_user(const char *s, long size);
extern volatile unsigned long jiffies_64;
#pragma weak int_sqrt
#pragma weak msleep
#pragma weak strnlen_user
#pragma weak jiffies_64

static long ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool sleeps(void)
{
	/* Another process, in its own memory, runs meanwhile. */
	pid_t other = fork();
	long start;

	while (!other)
		ms();
	start = ms();
	msleep(50);
	start = ms() - start;
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	return start >= 50;
}

static bool data(void)
{
	unsigned short cs;
	int status;
	pid_t child;

	asm("mov %%cs, %0" : "=r" (cs));
	child = fork();
	if (!child)
		_exit(!jiffies_64);
	waitpid(child, &status, 0);
	return status == (cs & 3 ? SIGSEGV : 0);
}

static bool refused(unsigned long number)
{
	unsigned long call[8] = { number };

	return syscall(SYS_arch_prctl, ARCH_UKL_CALL, call) && errno == ENOENT;
}

int main(void)
{
	ksft_print_header();
	if (!int_sqrt || !msleep || !strnlen_user || !&jiffies_64)
		ksft_exit_skip("not linked with these symbols of a kernel\n");
	ksft_set_plan(7);
	ksft_test_result(int_sqrt(144) == 12, "a function computes\n");
	ksft_test_result(sleeps(), "a function sleeps\n");
	ksft_test_result(strnlen_user("four", 10) == 5, "a function reads user memory\n");
	ksft_test_result(!strnlen_user((const char *)1, 10), "a function faults safely\n");
	ksft_test_result(data(), "data can be read in ring 0 only\n");
	ksft_test_result(refused(3) && refused(-1UL), "other functions are refused\n");
	ksft_test_result(syscall(SYS_arch_prctl, ARCH_UKL_CALL, 1) && errno == EFAULT,
			 "a wrong pointer is refused\n");
	ksft_finished();
}
