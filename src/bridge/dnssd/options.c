/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <stddef.h>

#include "spec.h"
#include "start.h"

static const char *for_word(size_t i) {
    static const char *const words[] = {"self", "all", "none"};
    return i < sizeof(words) / sizeof(words[0]) ? words[i] : NULL;
}

const char *dnssd_for_name(enum dnssd_for carried) {
    return for_word((size_t)carried);
}

static const struct args_completion complete_for = {.word = for_word};

static int parse_type(const char *text, void *place, struct reason *reason) {
    struct value_texts *types = place;
    if (!spec_is_type(text)) {
        return reason_set(reason, "expected a service type such as ipp, got " VALUE_QUOTE, text);
    }
    if (types->count == VALUE_TEXTS_MAX) {
        return reason_set(reason, "expected at most %d types", VALUE_TEXTS_MAX);
    }
    spec_lower(text, types->texts[types->count++]);
    return 0;
}

const struct args_option dnssd_options_table[] = {
    {"for", 0, "WHOM", "whose services go out: self (of this host), all or none",
     offsetof(struct dnssd_options, carried), NULL, &complete_for},
    {"type", 0, "TYPE", "bring in services of this type alone; more than once for more",
     offsetof(struct dnssd_options, types), parse_type},
    {"no-in", 0, NULL, "bring no services in", offsetof(struct dnssd_options, no_in), value_flag},
    {"dry-run", 0, NULL, "print what would be carried, and carry nothing",
     offsetof(struct dnssd_options, dry_run), value_flag},
    {"name", 0, "NAME", "what to be called among the peers (the host's name and -dnssd)",
     offsetof(struct dnssd_options, name), start_parse_instance},
    {"config", 0, "FILE", "read options from a file, see below", offsetof(struct dnssd_options, config),
     value_text, &args_complete_files},
    {0},
};
