/* SPDX-License-Identifier: MIT */
/* The bridge between this LAN and a broker of MQTT, until a signal. */
#pragma once

#include "options.h"
#include "settings.h"

/* Returns what to exit with. */
int mqtt_run(const struct settings *settings, struct mqtt_options *options);
