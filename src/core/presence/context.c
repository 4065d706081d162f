/* SPDX-License-Identifier: MIT */
#include "context.h"

#include <string.h>

void context_init(struct context *context, const struct muster_core_options *options, uint64_t now_ms) {
    *context = (struct context){.now_ms = now_ms,
                                .began_ms = now_ms,
                                .port = options->port,
                                .stream = options->stream,
                                .has_streams = options->has_streams,
                                .is_observer = options->document == NULL};
    paths_init(&context->paths);
    random_init(&context->random, options->seed);
    identity_init(&context->identity, options->key, &options->crypto, options->boot, &context->random);
    context_draw_seed(context, context->hash_seed);
    memcpy(context->rates.seed, context->hash_seed, sizeof context->rates.seed);
}

void context_deinit(struct context *context) {
    outbox_deinit(&context->outbox);
    rates_deinit(&context->rates);
}

void context_draw_seed(struct context *context, uint8_t seed[CONTEXT_SEED_BYTES]) {
    for (size_t i = 0; i < CONTEXT_SEED_BYTES; i += sizeof(uint64_t)) {
        uint64_t number = random_u64(&context->random);
        memcpy(seed + i, &number, sizeof number);
    }
}
