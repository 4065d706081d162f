/* SPDX-License-Identifier: MIT */
#include "context.h"

#include <string.h>

void context_init(struct context *context, const struct muster_core_options *options, uint64_t now_ms) {
    *context = (struct context){.now_ms = now_ms,
                                .began_ms = now_ms,
                                .port = options->port,
                                .site_ttl = options->site_ttl,
                                .stream = options->stream,
                                .has_streams = options->has_streams,
                                .is_observer = options->document == NULL};
    paths_init(&context->paths);
    context->paths.is_site = options->site_ttl > 0;
    random_init(&context->random, options->seed);
    identity_init(&context->identity, options->key, &options->crypto, options->boot, &context->random);
    context_draw_seed(context, context->hash_seed);
    memcpy(context->rates.seed, context->hash_seed, sizeof context->rates.seed);
}

void context_deinit(struct context *context) {
    outbox_deinit(&context->outbox);
    rates_deinit(&context->rates);
}

enum group_scope context_scope(const struct context *context) {
    return context->site_ttl > 0 ? GROUP_SITE : GROUP_LINK;
}

uint8_t context_ttl(const struct context *context, const struct muster_endpoint *destination) {
    bool is_of_site = context->site_ttl > 0 && group_is_multicast(destination);
    return is_of_site ? context->site_ttl : group_ttl(destination);
}

void context_draw_seed(struct context *context, uint8_t seed[CONTEXT_SEED_BYTES]) {
    for (size_t i = 0; i < CONTEXT_SEED_BYTES; i += sizeof(uint64_t)) {
        uint64_t number = random_u64(&context->random);
        memcpy(seed + i, &number, sizeof number);
    }
}
