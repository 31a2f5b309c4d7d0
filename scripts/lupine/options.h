/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kernel options that the init can test, one a line: the name, and how. Who includes
 * this defines what a line becomes: the init tables of tests
 * (scripts/init/features.c), the parser of manifests a list of names.
 */
#ifndef LUPINE_CALL
#define LUPINE_CALL(...)
#endif
#ifndef LUPINE_FAMILY
#define LUPINE_FAMILY(...)
#endif
#ifndef LUPINE_FILE_SYSTEM
#define LUPINE_FILE_SYSTEM(...)
#endif

/* Calls that do nothing, or fail for another reason, when the option is on. */
LUPINE_CALL("ADVISE_SYSCALLS", SYS_madvise, 0, 0, 0)
LUPINE_CALL("AIO", SYS_io_setup, 0, 0)
LUPINE_CALL("BPF_SYSCALL", SYS_bpf, -1, 0, 0)
LUPINE_CALL("CROSS_MEMORY_ATTACH", SYS_process_vm_readv, 0, 0, 0, 0, 0, -1)
LUPINE_CALL("EPOLL", SYS_epoll_create1, 0)
LUPINE_CALL("EVENTFD", SYS_eventfd2, 0, 0)
LUPINE_CALL("FANOTIFY", SYS_fanotify_init, -1, 0)
LUPINE_CALL("FHANDLE", SYS_name_to_handle_at, -1, 0, 0, 0, -1)
LUPINE_CALL("FILE_LOCKING", SYS_flock, -1, 0)
LUPINE_CALL("FUTEX", SYS_futex, 0, FUTEX_WAKE, 1)
LUPINE_CALL("INOTIFY_USER", SYS_inotify_init1, 0)
LUPINE_CALL("IO_URING", SYS_io_uring_setup, 0, 0)
LUPINE_CALL("KEYS", SYS_keyctl, -1)
LUPINE_CALL("MEMBARRIER", SYS_membarrier, 0, 0, 0)
LUPINE_CALL("MEMFD_CREATE", SYS_memfd_create, 0, -1)
LUPINE_CALL("MULTIUSER", SYS_setresuid, -1, -1, -1)
LUPINE_CALL("POSIX_MQUEUE", SYS_mq_getsetattr, -1, 0, 0)
LUPINE_CALL("POSIX_TIMERS", SYS_timer_delete, -1)
LUPINE_CALL("RSEQ", SYS_rseq, 0, 0, -1, 0)
LUPINE_CALL("SECCOMP", SYS_seccomp, -1, 0, 0)
LUPINE_CALL("SIGNALFD", SYS_signalfd4, -1, 0, 0, 0)
LUPINE_CALL("SWAP", SYS_swapoff, 0)
LUPINE_CALL("SYSVIPC", SYS_shmdt, 1)
LUPINE_CALL("TIMERFD", SYS_timerfd_create, -1, 0)
LUPINE_CALL("USERFAULTFD", SYS_userfaultfd, -1)

LUPINE_FAMILY("INET", AF_INET)
LUPINE_FAMILY("IPV6", AF_INET6)
LUPINE_FAMILY("NET", AF_NETLINK)
LUPINE_FAMILY("PACKET", AF_PACKET)
LUPINE_FAMILY("UNIX", AF_UNIX)
LUPINE_FAMILY("VSOCKETS", AF_VSOCK)

LUPINE_FILE_SYSTEM("DEVTMPFS", "devtmpfs")
LUPINE_FILE_SYSTEM("EXT2_FS", "ext2")
LUPINE_FILE_SYSTEM("EXT4_FS", "ext4")
LUPINE_FILE_SYSTEM("FUSE_FS", "fuse")
LUPINE_FILE_SYSTEM("HUGETLBFS", "hugetlbfs")
LUPINE_FILE_SYSTEM("9P_FS", "9p")
LUPINE_FILE_SYSTEM("OVERLAY_FS", "overlay")
LUPINE_FILE_SYSTEM("PROC_FS", "proc")
LUPINE_FILE_SYSTEM("SYSFS", "sysfs")
LUPINE_FILE_SYSTEM("TMPFS", "tmpfs")
LUPINE_FILE_SYSTEM("UNIX98_PTYS", "devpts")
LUPINE_FILE_SYSTEM("VIRTIO_FS", "virtiofs")

#undef LUPINE_CALL
#undef LUPINE_FAMILY
#undef LUPINE_FILE_SYSTEM
