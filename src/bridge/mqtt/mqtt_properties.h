/* SPDX-License-Identifier: MIT */
/* What a plain value does not say by itself, as user properties of MQTT 5: unit, time and ref. */
#pragma once

#include <mosquitto.h>

#include "dispatch.h"
#include "importer.h"

/* To be freed by mosquitto_property_free_all(); NULL where there is nothing to say, or memory is out. */
mosquitto_property *mqtt_properties_write(const struct dispatch_message *message);

/* Sets time_s and ref of a message, and fills in its unit. */
void mqtt_properties_read(const mosquitto_property *properties, struct importer_message *message,
                          char unit[MUSTER_NAME_BYTES_MAX + 1]);
