/* SPDX-License-Identifier: MIT */
/* What a confined process can do, and what not. Each test confines a child. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confine.h"
#include "test.h"

static char directory[] = "/tmp/muster-confine-XXXXXX";
static char inside[64];
static char outside[64];

static void begin(void) {
    strcpy(strrchr(directory, '-'), "-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(inside, sizeof(inside), "%s/inside", directory);
    snprintf(outside, sizeof(outside), "%s/outside", directory);
    assert_int_equal(mkdir(inside, 0700), 0);
    assert_int_equal(mkdir(outside, 0700), 0);
}

static void remove_all(const char *where) {
    static const char *const names[] = {"file", "new", "link"};
    char path[128];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", where, names[i]);
        unlink(path);
    }
    rmdir(where);
}

static void end(void) {
    remove_all(inside);
    remove_all(outside);
    rmdir(directory);
}

/* The wait status of a child that runs this: the lines that failed stand on standard error. */
static int run_in_child(int (*run)(void)) {
    fflush(NULL);
    const pid_t pid = fork();
    int status;
    if (pid == 0) {
        _exit(run());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static int failures;

static void check(bool is_right, const char *what) {
    if (!is_right) {
        fprintf(stderr, "%s: errno %d, %s\n", what, errno, strerror(errno));
        failures++;
    }
}

#define CHECK(condition) check((errno = 0, (condition)), #condition)
#define REFUSED(call) CHECK((call) == -1 && errno == ENOSYS)

static unsigned confine_for(const char *written) {
    return confine(&(struct confinement){.directories = {NULL, written, "/nowhere"}});
}

/* ---- calls ---- */

static int refuse_calls(void) {
    char *const arguments[] = {"true", NULL};
    const char character = 'x';
    if ((confine_for(NULL) & CONFINE_CALLS) == 0) {
        return 0;
    }
    REFUSED(unshare(CLONE_NEWUSER));
    REFUSED(socket(AF_PACKET, SOCK_RAW, 0));
    REFUSED(ioctl(STDIN_FILENO, TIOCSTI, &character));
    REFUSED(setuid(0));
    REFUSED(syscall(SYS_bpf, 0, NULL, 0));
    REFUSED(syscall(SYS_keyctl, 0, 0, 0, 0, 0));
    REFUSED(syscall(SYS_io_uring_setup, 8, NULL));
    REFUSED(syscall(SYS_clone3, NULL, 0));
    REFUSED(syscall(SYS_seccomp, 0, 0, NULL));
    REFUSED(mknod("/nowhere/x", S_IFCHR, 0));
    REFUSED(mprotect(NULL, 0, PROT_READ | PROT_EXEC));
    CHECK(mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    REFUSED(execve("/bin/true", arguments, NULL));
    REFUSED(fork());
    REFUSED(syscall(SYS_ptrace, 0, 0, 0, 0));
    return failures;
}

TEST(calls_without_a_use_are_refused) {
    assert_int_equal(run_in_child(refuse_calls), 0);
}

static int make_missing_call(void) {
    setenv("MUSTER_CONFINE", "strict", true);
    if ((confine_for(NULL) & CONFINE_CALLS) == 0) {
        raise(SIGSYS);
    }
    unshare(CLONE_NEWUSER);
    return 0;
}

TEST(the_strict_filter_ends_the_process) {
    const int status = run_in_child(make_missing_call);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
}

static int start_program(void) {
    char *const arguments[] = {"true", NULL};
    setenv("MUSTER_CONFINE", "strict", true);
    confine(&(struct confinement){.starts_programs = true});
    const pid_t pid = fork();
    int status = -1;
    if (pid == 0) {
        execv("/bin/true", arguments);
        _exit(1);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    return failures;
}

TEST(programs_are_started_where_they_are_asked_for) {
    assert_int_equal(run_in_child(start_program), 0);
}

static void *resolve(void *result) {
    struct addrinfo *addresses = NULL;
    const int error = getaddrinfo("localhost", NULL, NULL, &addresses);
    freeaddrinfo(addresses);
    *(int *)result = error;
    return NULL;
}

/* What is new to the process: a thread, the resolver's libraries, sockets. */
static int go_on(void) {
    int result = -1;
    pthread_t thread;
    setenv("MUSTER_CONFINE", "strict", true);
    confine_for(NULL);
    CHECK(pthread_create(&thread, NULL, resolve, &result) == 0 && pthread_join(thread, NULL) == 0);
    CHECK(result == 0);
    CHECK(socket(AF_INET6, SOCK_DGRAM, 0) >= 0 || errno == EAFNOSUPPORT);
    CHECK(socket(AF_NETLINK, SOCK_RAW, 0) >= 0);
    return failures;
}

TEST(threads_and_sockets_go_on) {
    assert_int_equal(run_in_child(go_on), 0);
}

/* ---- files ---- */

static int make(const char *where, const char *name) {
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", where, name);
    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) {
        close(fd);
    }
    return fd < 0 ? -1 : 0;
}

static int move(const char *where, const char *from, const char *to) {
    char old[128];
    char new[128];
    snprintf(old, sizeof(old), "%s/%s", where, from);
    snprintf(new, sizeof(new), "%s/%s", where, to);
    return rename(old, new);
}

static int delete (const char *where, const char *name) {
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", where, name);
    return unlink(path);
}

static int write_files(void) {
    char path[128];
    snprintf(path, sizeof(path), "%s/file", outside);
    const int before = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if ((confine_for(inside) & CONFINE_FILES) == 0) {
        return 0;
    }
    CHECK(make(inside, "file") == 0 && move(inside, "file", "new") == 0 && delete (inside, "new") == 0);
    CHECK(make(outside, "new") == -1 && errno == EACCES);
    CHECK(make(outside, "file") == -1 && errno == EACCES);
    CHECK(move(outside, "file", "new") == -1 && errno == EACCES);
    CHECK(delete (outside, "file") == -1 && errno == EACCES);
    CHECK(write(before, "x", 1) == 1); /* what is open stays so */
    CHECK(open(path, O_RDONLY | O_CLOEXEC) >= 0);
    CHECK(open("/dev/null", O_WRONLY | O_CLOEXEC) == -1 && errno == EACCES);
    return failures;
}

TEST(files_are_written_in_their_directories_alone) {
    assert_int_equal(run_in_child(write_files), 0);
}

static int write_anywhere(void) {
    confine(&(struct confinement){.writes_anywhere = true});
    CHECK(make(outside, "file") == 0);
    return failures;
}

TEST(files_are_written_anywhere_where_that_is_asked_for) {
    assert_int_equal(run_in_child(write_anywhere), 0);
}

/* ---- privileges ---- */

static int drop_privileges(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct had[_LINUX_CAPABILITY_U32S_3];
    struct __user_cap_data_struct has[_LINUX_CAPABILITY_U32S_3];
    CHECK(syscall(SYS_capget, &header, had) == 0);
    confine_for(NULL);
    CHECK(syscall(SYS_capget, &header, has) == 0);
    CHECK(has[0].permitted == (had[0].permitted & 1U << CAP_DAC_OVERRIDE) && has[1].permitted == 0);
    CHECK(has[0].effective == has[0].permitted && has[1].effective == 0);
    return failures;
}

TEST(capabilities_are_dropped) {
    assert_int_equal(run_in_child(drop_privileges), 0);
}

static int look_at_parts(void) {
    const unsigned possible = confine_possible();
    CHECK(confine_for(NULL) == possible);
    return failures;
}

TEST(what_is_possible_is_done) {
    assert_int_equal(run_in_child(look_at_parts), 0);
}

int main(void) {
    return test_run(begin, end);
}
