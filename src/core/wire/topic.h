/* SPDX-License-Identifier: MIT */
/* Names that readings go by: which bytes they may have, and what is wrong with one. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What a byte may be in a name (RFC 8428, 4.5.1); 0: it is in none. */
#define TOPIC_BYTE_LATER 1 /* behind the first one: letters, digits, - : . / _ */
#define TOPIC_BYTE_FIRST 2 /* at the beginning too: letters and digits */
extern const uint8_t topic_bytes[256];

/* Why a text can't name a record below a topic, for people; NULL when it can. Static storage. */
const char *topic_name_fault(const char *name);

/* True when some full name matches both patterns. */
bool topic_patterns_meet(const char *a, const char *b);
