/* SPDX-License-Identifier: MIT */
#include "mqtt_topic.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "utf8.h"

static const char level_fault[] = "a topic of MQTT has no + or #";

const char *mqtt_topic_fault(const char *topic) {
    size_t levels = 1;
    if (topic[0] == '\0') {
        return "a topic of MQTT is not empty";
    }
    if (topic[0] == '$') {
        return "topics of MQTT that begin with $ are the broker's own";
    }
    if (!utf8_is_valid(topic)) {
        return "a topic of MQTT is UTF-8";
    }
    for (const char *at = topic; *at != '\0'; at++) {
        levels += *at == '/';
        if (*at == '+' || *at == '#') {
            return level_fault;
        }
        if ((unsigned char)*at < ' ' || *at == '\x7f') {
            return "a topic of MQTT has no control characters";
        }
    }
    return levels > MQTT_TOPIC_LEVELS_MAX ? "a topic of MQTT has at most 100 levels here" : NULL;
}

/* ---- a peer as a level ---- */

static bool stands_for_itself(unsigned char byte) {
    return byte > ' ' && byte != '\x7f' && strchr("/+#%$", byte) == NULL;
}

static void encode_level(const char *name, char *level) {
    for (; *name != '\0'; name++) {
        level += snprintf(level, 4, stands_for_itself((unsigned char)*name) ? "%c" : "%%%02X",
                          (unsigned char)*name);
    }
    *level = '\0';
}

static void decode_level(const char *level, size_t length, char *name) {
    unsigned byte;
    for (size_t i = 0; i < length; i++) {
        const bool is_escape = level[i] == '%' && i + 2 < length && isxdigit((unsigned char)level[i + 1]) &&
                               isxdigit((unsigned char)level[i + 2]) &&
                               sscanf(level + i + 1, "%2x", &byte) == 1 && byte != 0;
        *name++ = is_escape ? (char)byte : level[i];
        i += is_escape ? 2 : 0;
    }
    *name = '\0';
}

/* ---- to the broker ---- */

const char *mqtt_topic_write(const char *prefix, const char *site, const char *peer, const char *name,
                             char text[MQTT_TOPIC_BYTES_MAX]) {
    char level[3 * MUSTER_NAME_BYTES_MAX + 1];
    encode_level(peer, level);
    const int length = snprintf(text, MQTT_TOPIC_BYTES_MAX, "%s/%s/%s/%s", prefix, site, level, name);
    return length >= MQTT_TOPIC_BYTES_MAX ? "the topic is too long" : mqtt_topic_fault(text);
}

/* ---- from the broker ---- */

/* Takes the level at *at, and moves *at behind its slash. False where it is the last one, or too long. */
static bool take_level(const char **at, const char **level, size_t *length, size_t length_max) {
    *level = *at;
    *length = strcspn(*at, "/");
    const bool goes_on = (*at)[*length] == '/' && *length > 0 && *length < length_max;
    *at += *length + goes_on;
    return goes_on;
}

const char *mqtt_topic_read(const char *prefix, const char *topic, struct mqtt_topic_parts *parts) {
    static const char fault[] = "expected PREFIX/SITE/PEER/NAME";
    const size_t prefix_length = strlen(prefix);
    const char *at = topic + prefix_length + 1;
    const char *level;
    size_t length;
    *parts = (struct mqtt_topic_parts){.rest = ""};
    if (strncmp(topic, prefix, prefix_length) != 0 || topic[prefix_length] != '/' ||
        !take_level(&at, &level, &length, sizeof(parts->site))) {
        return fault;
    }
    memcpy(parts->site, level, length);
    if (!take_level(&at, &level, &length, sizeof(parts->peer)) || at[0] == '\0') {
        return fault;
    }
    parts->rest = at;
    parts->is_peer = length == strlen(MQTT_TOPIC_PEERS) && memcmp(level, MQTT_TOPIC_PEERS, length) == 0;
    parts->is_bridge = length == strlen(MQTT_TOPIC_BRIDGES) && memcmp(level, MQTT_TOPIC_BRIDGES, length) == 0;
    decode_level(level, length, parts->peer);
    return NULL;
}

/* ---- to this LAN ---- */

static bool is_of_names(unsigned char byte) {
    return isalnum(byte) || (byte != '\0' && strchr("-:._", byte) != NULL);
}

const char *mqtt_topic_write_local(const struct mqtt_topic_parts *parts,
                                   char topic[MUSTER_TOPIC_BYTES_MAX + 1],
                                   char record[MUSTER_NAME_BYTES_MAX + 1]) {
    char peer[sizeof(parts->peer)];
    const char *last = strrchr(parts->rest, '/');
    const char *name = last != NULL ? last + 1 : parts->rest;
    const int above = last != NULL ? (int)(last - parts->rest) : 0;
    strcpy(peer, parts->peer);
    for (char *at = peer; *at != '\0'; at++) {
        *at = is_of_names((unsigned char)*at) ? *at : '_';
    }
    if (snprintf(record, MUSTER_NAME_BYTES_MAX + 1, "%s", name) > MUSTER_NAME_BYTES_MAX) {
        return "its last level is too long";
    }
    if (snprintf(topic, MUSTER_TOPIC_BYTES_MAX + 1, "%s/%s%s%.*s", parts->site, peer, above > 0 ? "/" : "",
                 above, parts->rest) > MUSTER_TOPIC_BYTES_MAX) {
        return "the topic would be too long here";
    }
    const struct muster_record whole = {.name = record, .kind = MUSTER_VALUE_BOOLEAN};
    const char *fault = muster_topic_fault(topic);
    return fault != NULL ? fault : muster_record_fault(&whole);
}
