/* SPDX-License-Identifier: MIT */
#include "calls.h"

#ifdef MUSTER_SECCOMP

#include <errno.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <seccomp.h>

/* By name, as some are of some machines alone, and libseccomp may be too old for others. What is not here is
 * above all: to start programs and processes, other users and namespaces, to look into other processes, to
 * mount, modules, keys of the kernel, and io_uring_setup(2), whose ring would go around this list.
 * muster.service allows all of these to the whole process, and those of its start besides. */
static const char *const allowed[] = {
    /* files: the state directory, recordings, configuration, what the resolver reads */
    "_llseek", "access", "chmod", "close", "dup", "dup2", "dup3", "faccessat", "faccessat2", "fadvise64",
    "fadvise64_64", "arm_fadvise64_64", "fallocate", "fchmod", "fchmodat", "fchown", "fchown32", "fcntl",
    "fcntl64", "fdatasync", "flock", "fstat", "fstat64", "fstatat64", "fstatfs", "fstatfs64", "fsync",
    "ftruncate", "ftruncate64", "getcwd", "getdents", "getdents64", "inotify_add_watch", "inotify_init1",
    "inotify_rm_watch", "link", "linkat", "lseek", "lstat", "lstat64", "mkdir", "mkdirat", "newfstatat",
    "open", "openat", "pread64", "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readlink",
    "readlinkat", "readv", "rename", "renameat", "renameat2", "stat", "stat64", "statfs", "statfs64", "statx",
    "sync_file_range", "sync_file_range2", "umask", "unlink", "unlinkat", "write", "writev",
    /* the network, and programs that ask */
    "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recv",
    "recvfrom", "recvmmsg", "recvmmsg_time64", "recvmsg", "send", "sendfile", "sendfile64", "sendmmsg",
    "sendmsg", "sendto", "setsockopt", "shutdown", "socketpair",
    /* the loop; libuv has made its ring before, where it uses one */
    "_newselect", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd2",
    "io_uring_enter", "pipe", "pipe2", "poll", "ppoll", "ppoll_time64", "pselect6", "pselect6_time64",
    "select", "timerfd_create", "timerfd_gettime", "timerfd_gettime64", "timerfd_settime",
    "timerfd_settime64",
    /* memory and threads */
    "brk", "cacheflush", "exit", "exit_group", "futex", "futex_time64", "futex_waitv", "get_robust_list",
    "getcpu", "madvise", "membarrier", "mlock", "mlock2", "mremap", "munlock", "munmap", "rseq",
    "sched_getaffinity", "sched_yield", "set_robust_list", "set_thread_area", "set_tid_address", "set_tls",
    /* signals, and the command that announce runs */
    "alarm", "getpgid", "getpgrp", "kill", "pause", "restart_syscall", "rt_sigaction", "rt_sigpending",
    "rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "rt_sigtimedwait_time64",
    "setitimer", "sigaltstack", "signalfd4", "sigreturn", "tgkill", "wait4", "waitid", "waitpid",
    /* the time, and who this is */
    "capget", "clock_getres", "clock_getres_time64", "clock_gettime", "clock_gettime64", "clock_nanosleep",
    "clock_nanosleep_time64", "getegid", "getegid32", "geteuid", "geteuid32", "getgid", "getgid32",
    "getgroups", "getgroups32", "getpid", "getppid", "getrandom", "getresgid", "getresgid32", "getresuid",
    "getresuid32", "getrlimit", "getrusage", "getsid", "gettid", "gettimeofday", "getuid", "getuid32",
    "nanosleep", "prlimit64", "sysinfo", "time", "times", "ugetrlimit", "uname"};

/* To start programs, which are confined as well. */
static const char *const to_start[] = {"arch_prctl", "clone", "execve", "fork", "prctl", "vfork"};

/* The leak check stops all threads from a process of its own, and a report runs a program. */
static const char *const to_sanitize[] = {"process_vm_readv", "ptrace"};

#ifdef MUSTER_SANITIZED
static const bool is_sanitized = true;
#else
static const bool is_sanitized = false;
#endif

/* Those that a rule of their arguments allows. */
struct condition {
    const char *call;
    struct scmp_arg_cmp argument;
};

#define IS(position, value) \
    { (position), SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint32_t)(value) }
#define HAS(position, mask, value) \
    { (position), SCMP_CMP_MASKED_EQ, (mask), (value) }

/* struct termios2, by which newer C libraries ask for a terminal */
#define TERMIOS2_GET _IOR('T', 0x2A, char[44])
#define TERMIOS2_SET(how) _IOW('T', 0x2B + (how), char[44])

#ifndef PR_SET_VMA /* by which C libraries give memory names */
#define PR_SET_VMA 0x53564d41
#endif

#ifdef __s390x__
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif

static const struct condition conditions[] = {
    {"socket", IS(0, AF_UNIX)},
    {"socket", IS(0, AF_INET)},
    {"socket", IS(0, AF_INET6)},
    {"socket", IS(0, AF_NETLINK)},
    {"clone", HAS(CLONE_FLAGS, CLONE_THREAD, CLONE_THREAD)}, /* a thread, no process */
    {"mmap", HAS(2, PROT_WRITE | PROT_EXEC, 0)},             /* nothing can be written and run */
    {"mmap", HAS(2, PROT_WRITE | PROT_EXEC, PROT_WRITE)},
    {"mmap", HAS(2, PROT_WRITE | PROT_EXEC, PROT_EXEC)},
    {"mmap2", HAS(2, PROT_WRITE | PROT_EXEC, 0)},
    {"mmap2", HAS(2, PROT_WRITE | PROT_EXEC, PROT_WRITE)},
    {"mmap2", HAS(2, PROT_WRITE | PROT_EXEC, PROT_EXEC)},
    {"mprotect", HAS(2, PROT_EXEC, 0)},
    {"prctl", IS(0, PR_SET_NAME)},
    {"prctl", IS(0, PR_GET_NAME)},
    {"prctl", IS(0, PR_SET_VMA)},
    {"ioctl", IS(1, FIONBIO)},
    {"ioctl", IS(1, FIONREAD)},
    {"ioctl", IS(1, FIOCLEX)},
    {"ioctl", IS(1, SIOCOUTQ)},
    {"ioctl", IS(1, SIOCGIFINDEX)},
    {"ioctl", IS(1, SIOCGIFNAME)},
    {"ioctl", IS(1, TIOCGWINSZ)}, /* no TIOCSTI: nothing is typed for the shell that comes after */
    {"ioctl", IS(1, TCGETS)},
    {"ioctl", IS(1, TCSETS)},
    {"ioctl", IS(1, TCSETSW)},
    {"ioctl", IS(1, TCSETSF)},
    {"ioctl", IS(1, TCXONC)}, /* the end of a session lets a stopped terminal go on */
    {"ioctl", IS(1, TERMIOS2_GET)},
    {"ioctl", IS(1, TERMIOS2_SET(0))},
    {"ioctl", IS(1, TERMIOS2_SET(1))},
    {"ioctl", IS(1, TERMIOS2_SET(2))},
};

/* A call that this machine or libseccomp does not know needs no rule. */
static int allow(scmp_filter_ctx filter, const char *name, const struct scmp_arg_cmp *argument) {
    const int number = seccomp_syscall_resolve_name(name);
    return number == __NR_SCMP_ERROR
               ? 0
               : seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, argument != NULL, argument);
}

static int allow_all(scmp_filter_ctx filter, const char *const *names, size_t count) {
    int error = 0;
    for (size_t i = 0; i < count && error == 0; i++) {
        error = allow(filter, names[i], NULL);
    }
    return error;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int add_rules(scmp_filter_ctx filter, const struct confinement *confinement) {
    int error = allow_all(filter, allowed, COUNT(allowed));
    if (error == 0 && (confinement->starts_programs || is_sanitized)) {
        error = allow_all(filter, to_start, COUNT(to_start));
    }
    if (error == 0 && is_sanitized) {
        error = allow_all(filter, to_sanitize, COUNT(to_sanitize));
    }
    for (size_t i = 0; i < COUNT(conditions) && error == 0; i++) {
        error = allow(filter, conditions[i].call, &conditions[i].argument);
    }
    return error;
}

/* All threads at once. A refused call is written to the kernel's log. The speculation of stores stays as it
 * is: nobody else's code runs in this process. */
static int set_attributes(scmp_filter_ctx filter) {
    seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
    seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
    seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree where the kernel keeps no bitmap */
    return seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
}

/* A call that is missing fails as one that the kernel lacks: the C library then takes the older one, and this
 * host stays on the network. Whoever runs code in here gets no further by ENOSYS than by a dead process. */
bool calls_confine(const struct confinement *confinement) {
    const char *mode = getenv("MUSTER_CONFINE");
    const bool is_strict = mode != NULL && strcmp(mode, "strict") == 0;
    const uint32_t absent = SCMP_ACT_ERRNO(ENOSYS);
    const scmp_filter_ctx filter = seccomp_init(is_strict ? SCMP_ACT_KILL_PROCESS : absent);
    if (filter == NULL) {
        return false;
    }
    int error = set_attributes(filter);
    error = error != 0 ? error : add_rules(filter, confinement);
    if (error == 0 && is_strict) { /* its flags can't be seen; C libraries have clone(2) for its place */
        error = seccomp_rule_add(filter, absent, SCMP_SYS(clone3), 0);
    }
    error = error != 0 ? error : seccomp_load(filter);
    seccomp_release(filter);
    return error == 0;
}

bool calls_are_confinable(void) {
    return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
}

#else

bool calls_confine(const struct confinement *confinement) {
    (void)confinement;
    return false;
}

bool calls_are_confinable(void) {
    return false;
}

#endif
