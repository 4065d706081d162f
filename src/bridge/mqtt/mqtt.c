/* SPDX-License-Identifier: MIT */
/* muster bridge mqtt: join this LAN to others, and to whatever else speaks MQTT, by a broker. */
#include <stdio.h>
#include <string.h>

#include "bridge.h"
#include "complain.h"
#include "mqtt_link.h"
#include "notify.h"
#include "options.h"
#include "session.h"

#define SERVICE_TYPE "muster-mqtt"
#define TOPIC_BYTES_MAX 256
#define PASSWORD_BYTES_MAX 1024

struct mqtt {
    struct bridge bridge;
    const struct settings *settings;
    struct mqtt_options *options;
    struct mqtt_link link;
    struct mqtt_link_options link_options;
    bool has_link;
    char password[PASSWORD_BYTES_MAX];
    char client_id[64];
    char status_topic[TOPIC_BYTES_MAX];
    char fault[256]; /* why there is no link, as it was said last */
};

/* ---- the link ---- */

static void print_status(char text[256], void *context) {
    const struct mqtt *mqtt = context;
    snprintf(text, 256, "%s %.100s%s%.120s", mqtt->link.is_up ? "connected to" : "not connected to",
             mqtt->link_options.host, mqtt->fault[0] != '\0' ? ": " : "", mqtt->fault);
}

static void on_up(void *context) {
    struct mqtt *mqtt = context;
    int number;
    mqtt->fault[0] = '\0';
    complain(mqtt->settings, "connected to %s:%u as the site %s", mqtt->link_options.host,
             mqtt->link_options.port, mqtt->options->site);
    mqtt_link_publish(&mqtt->link, mqtt->status_topic, "online", strlen("online"), true, NULL, &number);
    notify_status(&mqtt->bridge.notify);
}

/* Says why, and once alone while that stays so. */
static void on_down(const char *why, void *context) {
    struct mqtt *mqtt = context;
    if (strcmp(mqtt->fault, why) != 0) {
        snprintf(mqtt->fault, sizeof(mqtt->fault), "%s", why);
        complain(mqtt->settings, "%s:%u: %s; tried again until it answers", mqtt->link_options.host,
                 mqtt->link_options.port, why);
    }
    notify_status(&mqtt->bridge.notify);
}

static void on_sent(int number, bool is_taken, void *context) {
    (void)number, (void)is_taken, (void)context;
}

static void on_message(const struct mqtt_link_message *message, void *context) {
    (void)message, (void)context;
}

/* ---- running ---- */

static void on_open(void *context) {
    struct mqtt *mqtt = context;
    uint8_t id[MUSTER_ID_BYTES];
    char hex[BRIDGE_ID_TEXT_BYTES];
    const struct mqtt_link_callbacks callbacks = {
        .on_up = on_up, .on_down = on_down, .on_sent = on_sent, .on_message = on_message, .context = mqtt};
    muster_id(mqtt->bridge.session.node, id);
    bridge_id_text(id, hex);
    snprintf(mqtt->client_id, sizeof(mqtt->client_id), "muster-%s", hex);
    snprintf(mqtt->status_topic, sizeof(mqtt->status_topic), "muster/%s/$bridges/%s", mqtt->options->site,
             hex);
    mqtt_link_open(&mqtt->link, &mqtt->bridge.session.loop, &mqtt->link_options, &callbacks);
    mqtt->has_link = true;
}

static void on_ending(void *context) {
    struct mqtt *mqtt = context;
    if (mqtt->has_link) {
        mqtt_link_close(&mqtt->link);
    }
}

static int read_password(struct mqtt *mqtt) {
    const char *path = mqtt->options->password_file;
    FILE *file = path != NULL ? fopen(path, "re") : NULL;
    if (path == NULL) {
        return STATUS_OK;
    }
    if (file == NULL || fgets(mqtt->password, sizeof(mqtt->password), file) == NULL) {
        complain(mqtt->settings, "--password-file: %s: %s", path,
                 file == NULL ? "cannot be read" : "expected a password in its first line");
    }
    if (file != NULL) {
        fclose(file);
    }
    mqtt->password[strcspn(mqtt->password, "\r\n")] = '\0';
    return mqtt->password[0] != '\0' ? STATUS_OK : STATUS_ERROR;
}

static int prepare(struct mqtt *mqtt) {
    struct mqtt_options *options = mqtt->options;
    struct reason reason;
    int status = mqtt_options_check(mqtt->settings, options);
    status = status != STATUS_OK ? status : read_password(mqtt);
    mqtt->link_options =
        (struct mqtt_link_options){.host = options->broker.host,
                                   .port = options->broker.port,
                                   .client_id = mqtt->client_id,
                                   .user = options->user,
                                   .password = mqtt->password[0] != '\0' ? mqtt->password : NULL,
                                   .ca_file = options->ca_file,
                                   .cert_file = options->cert_file,
                                   .key_file = options->key_file,
                                   .will_topic = mqtt->status_topic,
                                   .will = "offline"};
    if (status == STATUS_OK && mqtt_link_check(&mqtt->link_options, &reason) != 0) {
        complain(mqtt->settings, "%s", reason.text);
        status = STATUS_ERROR;
    }
    return status;
}

static int run(struct settings *settings, void *options, const struct operands *operands) {
    struct mqtt mqtt = {.settings = settings, .options = options};
    (void)operands;
    int status = prepare(&mqtt);
    if (status != STATUS_OK) {
        return status;
    }
    const struct muster_text txt[] = {{"site", mqtt.options->site}, {"broker", mqtt.options->broker.host}};
    const struct muster_service service = {.name = "",
                                           .type = SERVICE_TYPE,
                                           .proto = "tcp",
                                           .port = mqtt.options->broker.port,
                                           .txt = txt,
                                           .txt_count = sizeof(txt) / sizeof(txt[0])};
    const struct muster_document document = {
        .name = mqtt.options->name, .services = &service, .service_count = 1};
    const struct bridge_hooks hooks = {
        .on_open = on_open, .on_ending = on_ending, .print_status = print_status, .context = &mqtt};
    return bridge_hold(&mqtt.bridge, settings, &document, &hooks);
}

extern const struct command bridge_command;

const struct command bridge_command = {
    .name = "bridge mqtt",
    .summary = "join this LAN to others and to Home Assistant by a broker of MQTT",
    .syntax = {.operands = ""},
    .description = "Join this LAN to a broker of MQTT.\n",
    .options = mqtt_options_table,
    .options_bytes = sizeof(struct mqtt_options),
    .file_offset = offsetof(struct mqtt_options, config),
    .examples = "  muster bridge mqtt --broker mqtt.lan --site home\n",
    .statuses = "  0   ended by SIGINT or SIGTERM\n"
                "  1   error\n"
                "  2   wrong usage\n",
    .run = run,
};
