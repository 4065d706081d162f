/* SPDX-License-Identifier: MIT */
#include "mqtt_properties.h"

#include <mqtt_protocol.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"

mosquitto_property *mqtt_properties_write(const struct dispatch_message *message) {
    mosquitto_property *properties = NULL;
    char text[READING_REF_TEXT_BYTES];
    if (message->unit[0] != '\0') {
        mosquitto_property_add_string_pair(&properties, MQTT_PROP_USER_PROPERTY, "unit", message->unit);
    }
    if (message->time_s > 0) {
        snprintf(text, sizeof(text), "%.6f", message->time_s);
        mosquitto_property_add_string_pair(&properties, MQTT_PROP_USER_PROPERTY, "time", text);
    }
    if (reading_ref_text(message->ref, text)[0] != '\0') {
        mosquitto_property_add_string_pair(&properties, MQTT_PROP_USER_PROPERTY, "ref", text);
    }
    return properties;
}

void mqtt_properties_read(const mosquitto_property *properties, struct importer_message *message,
                          char unit[MUSTER_NAME_BYTES_MAX + 1]) {
    char *name;
    char *value;
    bool is_first = true;
    for (; properties != NULL; is_first = false) {
        properties = mosquitto_property_read_string_pair(properties, MQTT_PROP_USER_PROPERTY, &name, &value,
                                                         !is_first);
        if (properties == NULL) {
            return;
        }
        if (strcmp(name, "unit") == 0) {
            snprintf(unit, MUSTER_NAME_BYTES_MAX + 1, "%s", value);
        } else if (strcmp(name, "time") == 0) {
            const char *at = value;
            if (number_read(&at, value + strlen(value), &message->time_s) != NUMBER_OK) {
                message->time_s = 0;
            }
        } else if (strcmp(name, "ref") == 0) {
            reading_ref_parse(value, strlen(value), &message->ref);
        }
        free(name);
        free(value);
    }
}
