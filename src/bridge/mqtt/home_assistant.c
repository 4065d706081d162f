/* SPDX-License-Identifier: MIT */
#include "home_assistant.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "document.h"

/* Units of SenML (RFC 8428, 12.1; RFC 8798) as Home Assistant writes them, and what it takes such a number
 * for; NULL where that says more than the unit does. */
static const struct {
    const char *senml;
    const char *unit;
    const char *device_class;
} units[] = {
    {"Cel", "°C", "temperature"},
    {"K", "K", "temperature"},
    {"%RH", "%", "humidity"},
    {"%EL", "%", "battery"},
    {"%", "%", NULL},
    {"W", "W", "power"},
    {"kW", "kW", "power"},
    {"VA", "VA", "apparent_power"},
    {"var", "var", "reactive_power"},
    {"J", "J", "energy"},
    {"Wh", "Wh", "energy"},
    {"kWh", "kWh", "energy"},
    {"V", "V", "voltage"},
    {"mV", "mV", "voltage"},
    {"A", "A", "current"},
    {"mA", "mA", "current"},
    {"Hz", "Hz", "frequency"},
    {"MHz", "MHz", "frequency"},
    {"Pa", "Pa", "pressure"},
    {"hPa", "hPa", "pressure"},
    {"lx", "lx", "illuminance"},
    {"dBm", "dBm", "signal_strength"},
    {"dB", "dB", NULL},
    {"ppm", "ppm", NULL},
    {"ug/m3", "µg/m³", NULL},
    {"m", "m", "distance"},
    {"mm", "mm", "distance"},
    {"km", "km", "distance"},
    {"g", "g", "weight"},
    {"kg", "kg", "weight"},
    {"m/s", "m/s", "speed"},
    {"km/h", "km/h", "speed"},
    {"m3", "m³", "volume_storage"},
    {"l", "L", "volume_storage"},
    {"s", "s", "duration"},
    {"min", "min", "duration"},
    {"h", "h", "duration"},
    {"ms", "ms", "duration"},
    {"B", "B", "data_size"},
    {"MiB", "MiB", "data_size"},
    {"deg", "°", NULL},
};

/* A name that is the same whenever the reading is, and that another reading has not: its ends are readable,
 * and the rest is FNV-1a of its topic. */
static void write_id(const struct home_assistant_entity *entity, char id[64]) {
    uint64_t hash = 14695981039346656037U;
    for (const char *at = entity->topic; *at != '\0'; at++) {
        hash = (hash ^ (unsigned char)*at) * 1099511628211U;
    }
    snprintf(id, 64, "muster_%016" PRIx64, hash);
}

/* Writes what Home Assistant calls the entity: "thermo_kitchen_temperature". */
static void write_object_id(const struct home_assistant_entity *entity, char *id, size_t size) {
    snprintf(id, size, "%s_%s", entity->peer, entity->name);
    for (; *id != '\0'; id++) {
        *id = isalnum((unsigned char)*id) ? (char)tolower((unsigned char)*id) : '_';
    }
}

/* Says how the value is found in a message. */
static void put_template(struct document *document, const struct home_assistant_entity *entity) {
    static const char *const members[] = {[MUSTER_VALUE_NONE] = "s",
                                          [MUSTER_VALUE_NUMBER] = "v",
                                          [MUSTER_VALUE_TEXT] = "vs",
                                          [MUSTER_VALUE_BOOLEAN] = "vb",
                                          [MUSTER_VALUE_DATA] = "vd"};
    const bool is_boolean = entity->kind == MUSTER_VALUE_BOOLEAN;
    char value[64] = "value";
    char text[128];
    if (entity->payload == MQTT_PAYLOAD_SENML) {
        snprintf(value, sizeof(value), "value_json[0].%s", members[entity->kind]);
    } else if (entity->payload == MQTT_PAYLOAD_JSON) {
        snprintf(value, sizeof(value), "value_json.%s",
                 entity->kind == MUSTER_VALUE_DATA   ? "data"
                 : entity->kind == MUSTER_VALUE_NONE ? "sum"
                                                     : "value");
    } else if (is_boolean) {
        strcpy(value, "value == 'true'");
    }
    snprintf(text, sizeof(text), is_boolean ? "{{ 'ON' if %s else 'OFF' }}" : "{{ %s }}", value);
    document_put_text(document, NULL, "value_template", text);
}

static void put_unit(struct document *document, const struct home_assistant_entity *entity) {
    const char *unit = entity->unit != NULL ? entity->unit : "";
    const char *device_class = NULL;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(units[i].senml, unit) == 0) {
            unit = units[i].unit;
            device_class = units[i].device_class;
            break;
        }
    }
    if (entity->kind != MUSTER_VALUE_NUMBER) {
        return;
    }
    if (unit[0] != '\0') {
        document_put_text(document, NULL, "unit_of_measurement", unit);
    }
    if (device_class != NULL) {
        document_put_text(document, NULL, "device_class", device_class);
    }
    /* Energy only grows, or it would be no energy: Home Assistant refuses measurements of it. */
    document_put_text(document, NULL, "state_class",
                      device_class != NULL && strcmp(device_class, "energy") == 0 ? "total" : "measurement");
}

/* It is there while both its peer and the bridge are. */
static void put_availability(struct document *document, const struct home_assistant_entity *entity) {
    document_node_t *list = document_put_array(document, NULL, "availability");
    if (entity->peer_topic != NULL) {
        document_node_t *peer = document_put_object(document, list, NULL);
        document_put_text(document, peer, "topic", entity->peer_topic);
        document_put_text(document, peer, "value_template",
                          "{{ 'online' if value_json.state in ['alive', 'suspect'] else 'offline' }}");
    }
    document_node_t *bridge = document_put_object(document, list, NULL);
    document_put_text(document, bridge, "topic", entity->bridge_topic);
    document_put_text(document, bridge, "value_template", "{{ value_json.state }}");
    document_put_text(document, NULL, "availability_mode", "all");
}

static void put_device(struct document *document, const struct home_assistant_entity *entity) {
    char text[128];
    document_node_t *device = document_put_object(document, NULL, "device");
    document_node_t *list = document_put_array(document, device, "identifiers");
    snprintf(text, sizeof(text), "muster_%s", entity->peer_id);
    document_put_text(document, list, NULL, text);
    document_put_text(document, device, "name", entity->peer);
    document_node_t *origin = document_put_object(document, NULL, "origin");
    document_put_text(document, origin, "name", "muster");
    document_put_text(document, origin, "sw_version", muster_version());
}

const char *home_assistant_write(const struct home_assistant_entity *entity, char topic[MQTT_TOPIC_BYTES_MAX],
                                 char text[HOME_ASSISTANT_BYTES_MAX]) {
    struct document document;
    char id[64];
    char object_id[MUSTER_NAME_BYTES_MAX + 1 + MUSTER_FULL_NAME_BYTES_MAX + 1];
    write_id(entity, id);
    write_object_id(entity, object_id, sizeof(object_id));
    const bool is_boolean = entity->kind == MUSTER_VALUE_BOOLEAN;
    if (snprintf(topic, MQTT_TOPIC_BYTES_MAX, "%s/%s/%s/config", entity->prefix,
                 is_boolean ? "binary_sensor" : "sensor", id) >= MQTT_TOPIC_BYTES_MAX) {
        return "the topic of its discovery is too long";
    }
    document_init(&document);
    document_put_text(&document, NULL, "name", entity->name);
    document_put_text(&document, NULL, "unique_id", id);
    document_put_text(&document, NULL, "object_id", object_id);
    document_put_text(&document, NULL, "state_topic", entity->topic);
    put_template(&document, entity);
    put_unit(&document, entity);
    put_availability(&document, entity);
    put_device(&document, entity);
    const int length = document_print(&document, text, HOME_ASSISTANT_BYTES_MAX);
    document_deinit(&document);
    return length < 0 ? muster_error_text(MUSTER_ENOMEM) : NULL;
}
