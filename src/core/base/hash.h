/* SPDX-License-Identifier: MIT */
/* Hashes for tables, which nobody who lacks the seed can aim at (SipHash-2-4). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define HASH_SEED_BYTES 16

/* The same on every machine. */
uint64_t hash_bytes(const void *bytes, size_t length, const uint8_t seed[HASH_SEED_BYTES]);
