/* SPDX-License-Identifier: MIT */
/* What a command that runs for long gives up once it has started, so that who takes it over by what it reads
 * from the network gets little: most system calls, the right to write elsewhere, and what root may do. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define CONFINE_DIRECTORIES_MAX 8

/* What stays possible; all zero: nothing but to read files and to use the network. */
struct confinement {
    const char *directories[CONFINE_DIRECTORIES_MAX]; /* in which files are made, written and removed; NULL
                                                         and what is no directory are passed over */
    bool starts_programs; /* and these are confined as well; without it none can be started */
    bool writes_anywhere; /* files are not confined: where one will be written is not known */
};

/* The parts, as bits. */
enum confine_part {
    CONFINE_CALLS = 1, /* seccomp(2): calls that the command has no use for fail with ENOSYS */
    CONFINE_FILES = 2, /* landlock(7): no file is written elsewhere */
};

/* Confines the process for good, and all threads and processes that it starts from now on: to be called while
 * it has one thread. What the kernel or this build lacks is left out. In any case no program that it starts
 * can gain rights, and of the capabilities only CAP_DAC_OVERRIDE stays, so that root still reaches files of
 * others. Where MUSTER_CONFINE in the environment is "strict" a call that is refused ends the process by
 * SIGSYS, which tests see. Returns the parts that hold now. */
unsigned confine(const struct confinement *confinement);

/* The parts that this build and this kernel have. */
unsigned confine_possible(void);
