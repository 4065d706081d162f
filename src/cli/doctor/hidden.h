/* SPDX-License-Identifier: MIT */
/* Who is heard and has no row here, because this user trusts others (PROTOCOL.md, section 6, "Trust"). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/muster.h>

/* Whom this user trusts. Zeroed: everybody. */
struct trusted {
    enum muster_trust level;
    const struct muster_pin *pins; /* borrowed */
    size_t count;
};

enum hidden_by { HIDDEN_BY_NOTHING, HIDDEN_BY_PIN, HIDDEN_BY_LEVEL };

struct hidden {
    enum hidden_by by;
    char what[128];   /* "its name is pinned to another key" */
    char rule[320];   /* "that name is for the key of e680…; who says it here has the key of 1b2c…" */
    char change[256]; /* "if the new key is right: …" */
};

/* Says whether and why a peer that was heard is hidden; the texts are empty where it is not. A peer whose
 * name is not known is judged by its key alone. */
void hidden_explain(const struct trusted *trusted, const struct muster_probe_peer *peer,
                    struct hidden *hidden);

/* What this user knows of the key of a row: "a key vouches for what it says, and its name is pinned to that
 * key". */
const char *trusted_row_text(const struct trusted *trusted, const struct muster_peer *peer);
