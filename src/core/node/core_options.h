/* What the options of a node may be. */
#ifndef CORE_CORE_OPTIONS_H
#define CORE_CORE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <muster/core.h>

/* True when a node can be made of them; its document is checked apart. */
bool core_options_are_valid(const struct muster_core_options *options);

/* True when the functions are there that a node with this key, or NULL, needs. */
bool core_options_is_crypto(const struct muster_crypto *crypto, const uint8_t *key);

bool core_options_is_boot(uint64_t boot);

#endif
