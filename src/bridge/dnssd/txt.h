/* SPDX-License-Identifier: MIT */
/* TXT records of DNS-SD (RFC 6763, 6) and the txt of a muster service: there and back. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <avahi-common/strlst.h>
#include <muster/core.h>

/* Avahi lists a service with a longer record, and then never answers for it. */
#define TXT_BYTES_MAX 1300

/* The key whose value is the id of the peer that offers a service: of who has it muster knows already. */
#define TXT_ID "muster-id"

/* The key, without a value, of a record from which something was cut off. */
#define TXT_CUT "muster-cut"

/* Writes a record that begins with the peer's id. *is_cut: something is left out, or shortened: names that no
 * key can have (RFC 6763, 6.4), and what is too long. NULL when memory is out; else for
 * avahi_string_list_free(). */
AvahiStringList *txt_write(const uint8_t id[MUSTER_ID_BYTES], const struct muster_text *items, size_t count,
                           bool *is_cut);

/* More of them than anybody means, in one record. */
#define TXT_ITEMS_MAX 64

struct txt {
    struct muster_text items[TXT_ITEMS_MAX];
    size_t count;
    size_t left_out; /* what is no text or has no key, and what there was no room for */
    bool has_id;     /* it is of a peer */
    char *text;      /* in which the items are */
};

/* Reads a record as Avahi's client library gives it: in order, for it turns round what comes by D-Bus in
 * reverse. Of one key, whatever its case, the first one counts. A key without a value reads as "true", one
 * with an empty value as
 * "". *txt is for txt_deinit(). MUSTER_ENOMEM, then it needs none. */
int txt_read(const AvahiStringList *record, struct txt *txt);

/* A zeroed struct is allowed. */
void txt_deinit(struct txt *txt);
