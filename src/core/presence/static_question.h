/* SPDX-License-Identifier: MIT */
/* Static peers that are not heard are asked, less and less often. */
#pragma once

#include <stdint.h>

struct presence;

/* Asks those that are due. Returns when the next one is. */
uint64_t static_question_tick(struct presence *presence);
