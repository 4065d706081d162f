/* SPDX-License-Identifier: MIT */
#include "grievance.h"

#include <uv.h>

#define SAY_MS 10000

bool grievance_add(struct grievance *grievance, uint64_t count) {
    const uint64_t now_ms = uv_hrtime() / 1000000;
    grievance->count += count;
    if (grievance->said_ms != 0 && now_ms - grievance->said_ms < SAY_MS) {
        return false;
    }
    grievance->said_ms = now_ms;
    return true;
}
