/* SPDX-License-Identifier: MIT */
/* What muster bridge dnssd is told to do. */
#pragma once

#include <stdbool.h>

#include <muster/core.h>

#include "args.h"
#include "value.h"

enum dnssd_for { DNSSD_FOR_SELF, DNSSD_FOR_ALL, DNSSD_FOR_NONE };

struct dnssd_options {
    enum dnssd_for carried; /* whose services go out */
    bool no_in;
    struct value_texts types; /* that come in, in lower case; none: all */
    bool dry_run;
    char name[MUSTER_NAME_BYTES_MAX + 1];
    const char *config;
};

extern const struct args_option dnssd_options_table[];

/* "self", "all", "none". */
const char *dnssd_for_name(enum dnssd_for carried);
