/* SPDX-License-Identifier: MIT */
/* Signatures that cost next to nothing, in the place of Ed25519. They hold for their key and their bytes
 * alone, as real ones do. But whoever knows a key can sign with it, so an attacker of the simulator signs
 * with keys of its own. The processor model charges what a real verification costs. */
#pragma once

#include <muster/core.h>

/* The crypto of a node with this key, which is borrowed as long as the crypto is used. */
struct muster_crypto signature_crypto(uint8_t key[MUSTER_KEY_BYTES]);

void signature_make(const uint8_t key[MUSTER_KEY_BYTES], const uint8_t *bytes, size_t length,
                    uint8_t signature[MUSTER_SIGNATURE_BYTES]);
