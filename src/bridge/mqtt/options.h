/* SPDX-License-Identifier: MIT */
/* What muster bridge mqtt is told. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "args.h"
#include "mqtt_payload.h"
#include "settings.h"
#include "value.h"

#define OPTIONS_SITE_BYTES_MAX 63
#define OPTIONS_PREFIX_BYTES_MAX 128

struct broker {
    char host[256];
    uint16_t port; /* 0: that of MQTT, or of MQTT over TLS */
};

struct mqtt_options {
    char name[MUSTER_NAME_BYTES_MAX +
              1]; /* of the bridge among the peers; "": the host's, "-mqtt" behind it */
    const char *config;
    const char *site;
    struct broker broker;
    const char *user;
    const char *password_file;
    const char *ca_file;
    const char *cert_file;
    const char *key_file;
    const char *prefix;     /* of all topics */
    struct value_texts out; /* patterns of readings */
    struct value_texts in;
    enum mqtt_payload payload;
    bool no_peers;
    bool home_assistant;
    const char *discovery; /* prefix of Home Assistant's */
    size_t queue;          /* readings */
    const char *queue_file;
    bool dry_run;
};

extern const struct mqtt_options mqtt_options_defaults;

extern const struct args_option mqtt_options_table[];

/* Checks what options mean together, and makes the name of the bridge. STATUS_OK, or another, reported. */
int mqtt_options_check(const struct settings *settings, struct mqtt_options *options);
