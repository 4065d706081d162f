/* SPDX-License-Identifier: MIT */
/* What the options of a node may be. */
#include "limit.h"
#include "node.h"
#include "options.h"
#include "value_cache.h"

void muster_core_options_init_sized(struct muster_core_options *options, size_t size) {
    const struct muster_core_options defaults = {.port = MUSTER_PORT_DEFAULT,
                                                 .interval_min_ms = MUSTER_INTERVAL_MIN_MS,
                                                 .budget_bps = MUSTER_BUDGET_BPS,
                                                 .tombstone_ms = MUSTER_TOMBSTONE_MS,
                                                 .peers_max = MUSTER_PEERS_MAX,
                                                 .unverified_max = MUSTER_UNVERIFIED_MAX,
                                                 .rate_bytes_s = MUSTER_RATE_BYTES_S,
                                                 .linger_ms = MUSTER_LINGER_MS,
                                                 .repair_share = MUSTER_REPAIR_SHARE};
    options_init(options, size, &defaults, sizeof defaults);
}

bool core_options_is_crypto(const struct muster_crypto *crypto, const uint8_t *key) {
    return crypto->verify != NULL && (key == NULL || crypto->sign != NULL);
}

bool core_options_is_boot(uint64_t boot) {
    return boot >= 1 && boot <= MUSTER_INTEGER_MAX;
}

static bool is_ring(size_t bytes) {
    return bytes == 0 || (bytes >= MUSTER_RING_BYTES_MIN && bytes <= MUSTER_RING_BYTES_MAX);
}

static bool is_telemetry_valid(const struct muster_core_options *options) {
    return options->rate_bytes_s >= MUSTER_RATE_BYTES_S_MIN &&
           options->rate_bytes_s <= MUSTER_RATE_BYTES_S_MAX && is_ring(options->ring_bytes) &&
           options->linger_ms <= MUSTER_LINGER_MS_MAX && options->repair_share >= 0 &&
           options->repair_share <= 1;
}

bool core_options_are_valid(const struct muster_core_options *options) {
    return core_options_is_crypto(&options->crypto, options->key) && core_options_is_boot(options->boot) &&
           options->port != 0 && options->interval_min_ms >= MUSTER_INTERVAL_MS_MIN &&
           options->interval_min_ms <= MUSTER_INTERVAL_MS_MAX && options->budget_bps > 0 &&
           options->tombstone_ms <= MUSTER_TOMBSTONE_MS_MAX && options->peers_max >= 1 &&
           options->peers_max <= MUSTER_PEERS_HIGHEST && options->unverified_max >= 1 &&
           is_telemetry_valid(options) && value_cache_wants(options);
}
