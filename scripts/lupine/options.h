/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kernel options that the init can test, one a line: the name, and how. The init
 * expands the lines to tables of tests (scripts/image/init/features.c), the parser
 * of manifests to a list of names.
 */
#ifndef LUPINE_OPTIONS_H
#define LUPINE_OPTIONS_H

/* Calls that do nothing, or fail for another reason, when the option is on. */
#define LUPINE_OPTION_CALLS(X)							\
	X("ADVISE_SYSCALLS", SYS_madvise, 0, 0, 0)				\
	X("AIO", SYS_io_setup, 0, 0)						\
	X("BPF_SYSCALL", SYS_bpf, -1, 0, 0)					\
	X("CROSS_MEMORY_ATTACH", SYS_process_vm_readv, 0, 0, 0, 0, 0, -1)	\
	X("EPOLL", SYS_epoll_create1, 0)					\
	X("EVENTFD", SYS_eventfd2, 0, 0)					\
	X("FANOTIFY", SYS_fanotify_init, -1, 0)					\
	X("FHANDLE", SYS_name_to_handle_at, -1, 0, 0, 0, -1)			\
	X("FILE_LOCKING", SYS_flock, -1, 0)					\
	X("FUTEX", SYS_futex, 0, FUTEX_WAKE, 1)					\
	X("INOTIFY_USER", SYS_inotify_init1, 0)					\
	X("IO_URING", SYS_io_uring_setup, 0, 0)					\
	X("KEYS", SYS_keyctl, -1)						\
	X("MEMBARRIER", SYS_membarrier, 0, 0, 0)				\
	X("MEMFD_CREATE", SYS_memfd_create, 0, -1)				\
	X("MULTIUSER", SYS_setresuid, -1, -1, -1)				\
	X("POSIX_MQUEUE", SYS_mq_getsetattr, -1, 0, 0)				\
	X("POSIX_TIMERS", SYS_timer_delete, -1)					\
	X("RSEQ", SYS_rseq, 0, 0, -1, 0)					\
	X("SECCOMP", SYS_seccomp, -1, 0, 0)					\
	X("SIGNALFD", SYS_signalfd4, -1, 0, 0, 0)				\
	X("SWAP", SYS_swapoff, 0)						\
	X("SYSVIPC", SYS_shmdt, 1)						\
	X("TIMERFD", SYS_timerfd_create, -1, 0)					\
	X("USERFAULTFD", SYS_userfaultfd, -1)

#define LUPINE_OPTION_FAMILIES(X)						\
	X("INET", AF_INET)							\
	X("IPV6", AF_INET6)							\
	X("NET", AF_NETLINK)							\
	X("PACKET", AF_PACKET)							\
	X("UNIX", AF_UNIX)							\
	X("VSOCKETS", AF_VSOCK)

#define LUPINE_OPTION_FILE_SYSTEMS(X)						\
	X("DEVTMPFS", "devtmpfs")						\
	X("EXT2_FS", "ext2")							\
	X("EXT4_FS", "ext4")							\
	X("FUSE_FS", "fuse")							\
	X("HUGETLBFS", "hugetlbfs")						\
	X("9P_FS", "9p")							\
	X("OVERLAY_FS", "overlay")						\
	X("PROC_FS", "proc")							\
	X("SYSFS", "sysfs")							\
	X("TMPFS", "tmpfs")							\
	X("UNIX98_PTYS", "devpts")						\
	X("VIRTIO_FS", "virtiofs")

#endif
