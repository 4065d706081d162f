/* SPDX-License-Identifier: MIT */
/* Discovery of Home Assistant: a retained message for each reading, by which it becomes an entity of the
 * device that its peer is. https://www.home-assistant.io/integrations/mqtt/ has the members. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <muster/muster.h>

#include "mqtt_payload.h"
#include "mqtt_topic.h"

#define HOME_ASSISTANT_BYTES_MAX 4096

struct home_assistant_entity {
    const char *prefix;  /* of discovery: "homeassistant" */
    const char *peer;    /* its name, */
    const char *peer_id; /* and its id in hexadecimal */
    const char *name;    /* full name of the reading */
    const char *topic;   /* of its messages, */
    enum mqtt_payload payload;
    const char *peer_topic;   /* of the peer's state, NULL where that is not carried, */
    const char *bridge_topic; /* and of the bridge's */
    const char *unit;
    enum muster_value_kind kind;
};

/* Writes the topic and the message. NULL, or why there is no such entity. */
const char *home_assistant_write(const struct home_assistant_entity *entity, char topic[MQTT_TOPIC_BYTES_MAX],
                                 char text[HOME_ASSISTANT_BYTES_MAX]);
