/* SPDX-License-Identifier: MIT */
#include "mqtt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge.h"
#include "carry.h"
#include "complain.h"

#define OFFLINE "{\"state\":\"offline\"}"

/* The file in which readings wait is beside the socket of the instance, unless another one is named. */
static int open_spool(struct mqtt *mqtt) {
    const char *socket = muster_socket(mqtt->bridge.session.node);
    char path[4096];
    struct reason reason;
    if (mqtt->options->queue_file != NULL) {
        snprintf(path, sizeof(path), "%s", mqtt->options->queue_file);
    } else if (socket != NULL) {
        snprintf(path, sizeof(path), "%.*s/mqtt.db", (int)(strrchr(socket, '/') - socket), socket);
    } else {
        complain(mqtt->settings, "--queue-file: expected, where there is no directory of the instance");
        return STATUS_ERROR;
    }
    if (spool_open(&mqtt->spool, path, &reason) != 0) {
        complain(mqtt->settings, "%s: %s", path, reason.text);
        return STATUS_ERROR;
    }
    return STATUS_OK;
}

static void on_mark(const struct spool_mark *mark, void *context) {
    struct mqtt *mqtt = context;
    (void)marks_take(&mqtt->marks, mark->site, &mark->ref);
}

static int open_parts(struct mqtt *mqtt) {
    struct reason reason;
    mqtt->exporter = (struct exporter){
        .options = {.prefix = mqtt->options->prefix,
                    .site = mqtt->options->site,
                    .bridge_topic = mqtt->status_topic,
                    .payload = mqtt->options->payload,
                    .discovery = mqtt->options->home_assistant ? mqtt->options->discovery : NULL,
                    .with_peers = !mqtt->options->no_peers,
                    .patterns = &mqtt->options->out},
        .dispatch = &mqtt->dispatch,
        .marks = &mqtt->marks,
        .on_refused = carry_on_refused,
        .context = mqtt};
    mqtt->importer = (struct importer){.prefix = mqtt->options->prefix,
                                       .node = mqtt->bridge.session.node,
                                       .document = &mqtt->document,
                                       .marks = &mqtt->marks,
                                       .on_refused = carry_on_refused,
                                       .on_busy = carry_on_busy,
                                       .context = mqtt};
    mqtt->dispatch =
        (struct dispatch){.spool = mqtt->spool.database != NULL ? &mqtt->spool : NULL,
                          .rows_max = mqtt->options->queue,
                          .publish = mqtt->options->dry_run ? carry_print_message : carry_publish,
                          .on_loss = carry_on_lost,
                          .on_full = carry_on_full,
                          .is_overtaken = carry_is_overtaken,
                          .holds_readings = true,
                          .context = mqtt};
    if (dispatch_open(&mqtt->dispatch, &reason) != 0 ||
        (mqtt->spool.database != NULL && spool_read_marks(&mqtt->spool, on_mark, mqtt, &reason) != 0)) {
        complain(mqtt->settings, "%s", reason.text);
        return STATUS_ERROR;
    }
    mqtt->is_open = true;
    return STATUS_OK;
}

static void open_link(struct mqtt *mqtt) {
    const struct mqtt_link_callbacks callbacks = {.on_up = carry_on_up,
                                                  .on_down = carry_on_down,
                                                  .on_sent = carry_on_sent,
                                                  .on_subscribed = carry_on_subscribed,
                                                  .on_message = carry_on_message,
                                                  .context = mqtt};
    mqtt_link_open(&mqtt->link, mqtt->bridge.session.loop, &mqtt->link_options, &callbacks);
}

static void on_open(void *context) {
    struct mqtt *mqtt = context;
    struct session *session = &mqtt->bridge.session;
    uint8_t id[MUSTER_ID_BYTES];
    muster_id(session->node, id);
    bridge_id_text(id, mqtt->id);
    snprintf(mqtt->client_id, sizeof(mqtt->client_id), "muster-%s", mqtt->id);
    snprintf(mqtt->status_topic, sizeof(mqtt->status_topic), "%s/%s/" MQTT_TOPIC_BRIDGES "/%s",
             mqtt->options->prefix, mqtt->options->site, mqtt->id);
    uv_timer_init(session->loop, &mqtt->tick); /* cannot fail */
    mqtt->tick.data = mqtt;
    int status = mqtt->options->dry_run ? STATUS_OK : open_spool(mqtt);
    status = status != STATUS_OK ? status : open_parts(mqtt);
    int error = status == STATUS_OK
                    ? rivals_open(&mqtt->rivals, session->node, mqtt->options->site, carry_on_rival, mqtt)
                    : 0;
    error = error != 0 ? error : muster_query(session->node, NULL, NULL, carry_on_settled, mqtt);
    if (status != STATUS_OK || error != 0) {
        session_end(session, status != STATUS_OK ? status : complain_error(mqtt->settings, error));
        return;
    }
    if (mqtt->options->out.count == 0 && mqtt->options->in.count == 0) {
        complain(mqtt->settings, "no readings are carried, but peers and services alone; --out and --in say "
                                 "which, such as --out '#' --in '#'");
    }
    uv_timer_start(&mqtt->tick, carry_on_tick, 0, CARRY_TICK_MS);
    muster_on_writable(session->node, carry_on_writable, mqtt);
    if (mqtt->options->dry_run) {
        mqtt->is_learned = true;
        dispatch_up(&mqtt->dispatch);
    } else {
        open_link(mqtt);
    }
}

static void on_ending(void *context) {
    struct mqtt *mqtt = context;
    uv_timer_stop(&mqtt->tick);
    dispatch_down(&mqtt->dispatch); /* what is under way waits again */
    if (mqtt->link.loop != NULL) {
        mqtt_link_close(&mqtt->link);
    }
    if (mqtt->is_open && mqtt->spool.database != NULL) {
        carry_save(mqtt);
    }
}

static int read_password(struct mqtt *mqtt) {
    const char *path = mqtt->options->password_file;
    FILE *file = path != NULL ? fopen(path, "re") : NULL;
    if (path == NULL) {
        return STATUS_OK;
    }
    if (file == NULL) {
        complain(mqtt->settings, "--password-file: %s: %s", path, strerror(errno));
        return STATUS_ERROR;
    }
    const bool is_read = fgets(mqtt->password, sizeof(mqtt->password), file) != NULL;
    fclose(file);
    mqtt->password[strcspn(mqtt->password, "\r\n")] = '\0';
    if (!is_read || mqtt->password[0] == '\0') {
        complain(mqtt->settings, "--password-file: %s: expected a password in its first line", path);
        return STATUS_ERROR;
    }
    return STATUS_OK;
}

static int prepare(struct mqtt *mqtt) {
    struct mqtt_options *options = mqtt->options;
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
                                   .will = OFFLINE};
    return status;
}

/* Announces itself, so that other bridges of the site know of it. A dry run does not. */
static int hold(struct mqtt *mqtt) {
    const struct bridge_hooks hooks = {.on_open = on_open,
                                       .on_ending = on_ending,
                                       .on_event = carry_on_event,
                                       .print_status = carry_print_status,
                                       .written = mqtt->options->queue_file,
                                       .context = mqtt};
    mqtt->txt[0] = (struct muster_text){"site", mqtt->options->site};
    mqtt->txt[1] = (struct muster_text){"broker", mqtt->options->broker.host};
    mqtt->service = (struct muster_service){.name = "",
                                            .type = RIVALS_SERVICE_TYPE,
                                            .proto = "tcp",
                                            .port = mqtt->options->broker.port,
                                            .txt = mqtt->txt,
                                            .txt_count = sizeof(mqtt->txt) / sizeof(mqtt->txt[0])};
    mqtt->document =
        (struct muster_document){.name = mqtt->options->name, .services = &mqtt->service, .service_count = 1};
    return bridge_hold(&mqtt->bridge, mqtt->settings, mqtt->options->dry_run ? NULL : &mqtt->document,
                       &hooks);
}

int mqtt_run(const struct settings *settings, struct mqtt_options *options) {
    struct mqtt *mqtt = calloc(1, sizeof(*mqtt));
    if (mqtt == NULL) {
        return complain_error(settings, MUSTER_ENOMEM);
    }
    mqtt->settings = settings;
    mqtt->options = options;
    int status = prepare(mqtt);
    status = status != STATUS_OK ? status : hold(mqtt);
    exporter_deinit(&mqtt->exporter);
    importer_deinit(&mqtt->importer);
    dispatch_close(&mqtt->dispatch);
    marks_deinit(&mqtt->marks);
    spool_close(&mqtt->spool);
    rivals_deinit(&mqtt->rivals);
    free(mqtt);
    return status;
}
