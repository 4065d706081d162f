/* SPDX-License-Identifier: MIT */
/* The cheap checks, before anything of a datagram is parsed: length, first byte, path, source, distance,
 * source rate.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <muster/core.h>

#include "paths.h"
#include "rates.h"

/* True when a datagram of control is worth parsing; *reason otherwise. */
bool admission_check(struct rates *rates, const struct paths *paths, const struct muster_datagram *datagram,
                     uint64_t now_ms, enum muster_drop *reason);

/* The same for a datagram of telemetry of an address whose feed is not known: only its rate is looked at. */
bool admission_allows_telemetry(struct rates *rates, const struct muster_endpoint *source, uint64_t now_ms,
                                enum muster_drop *reason);
