/* SPDX-License-Identifier: MIT */
/* What muster bridge mqtt is told. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "args.h"
#include "mqtt_link.h"
#include "settings.h"

#define OPTIONS_SITE_BYTES_MAX 63

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
};

extern const struct args_option mqtt_options_table[];

/* Checks what options mean together, and makes the name of the bridge. STATUS_OK, or another, reported. */
int mqtt_options_check(const struct settings *settings, struct mqtt_options *options);
