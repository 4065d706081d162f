/* SPDX-License-Identifier: MIT */
/* A node whose machine was suspended is heard at once. No test may suspend a machine: the clock that counts
 * the time of suspends jumps here, and the timer that tells of a wake-up expires. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "nodes.h"

static time_t suspended_s;

/* Stands in for the C library's. */
int clock_gettime(clockid_t clock, struct timespec *now) {
    long result = syscall(SYS_clock_gettime, clock, now);
    now->tv_sec += clock == CLOCK_BOOTTIME ? suspended_s : 0;
    return (int)result;
}

/* Lets the timers of this process that never expire do so. */
static unsigned wake(void) {
    const struct itimerspec soon = {.it_value = {.tv_nsec = 1}};
    DIR *directory = opendir("/proc/self/fd");
    unsigned woken = 0;
    assert_non_null(directory);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        char target[64] = "";
        ssize_t length = readlinkat(dirfd(directory), entry->d_name, target, sizeof target - 1);
        if (length > 0 && strcmp(target, "anon_inode:[timerfd]") == 0) {
            assert_int_equal(timerfd_settime(atoi(entry->d_name), 0, &soon, NULL), 0);
            woken++;
        }
    }
    closedir(directory);
    return woken;
}

static uint64_t questions(const muster_t *node) {
    return muster_counters(node)->questions;
}

static void on_settled(muster_t *node, void *context) {
    (void)node;
    *(bool *)context = true;
}

TEST(a_node_asks_and_tells_when_its_machine_wakes) {
    const struct muster_document document = {.name = "laptop"};
    struct muster_options options = node_options(&document);
    options.interval_min_ms = 600000; /* no timer of its own runs meanwhile */
    muster_t *node = node_open_with(&options);
    bool is_settled = false; /* behind the questions of the start */
    assert_int_equal(muster_query(node, NULL, NULL, on_settled, &is_settled), 0);
    AWAIT(is_settled);
    uint64_t asked = questions(node);
    suspended_s = 95;
    assert_int_equal(wake(), 1);
    AWAIT(questions(node) > asked);
}

static void begin(void) {
    suspended_s = 0;
    nodes_begin();
}

int main(void) {
    return test_run(begin, nodes_end);
}
