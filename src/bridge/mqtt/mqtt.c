/* SPDX-License-Identifier: MIT */
#include "mqtt.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge.h"
#include "complain.h"
#include "dispatch.h"
#include "escape.h"
#include "exporter.h"
#include "grievance.h"
#include "importer.h"
#include "marks.h"
#include "mqtt_link.h"
#include "mqtt_properties.h"
#include "mqtt_topic.h"
#include "options.h"
#include "rivals.h"
#include "spool.h"

#define TICK_MS 1000
#define PEERS_TICKS 60 /* between two looks for peers that are forgotten */
#define PASSWORD_BYTES_MAX 1024
#define SINCE_MS 60000 /* what was published in this time before is asked for when carrying goes on */
#define STALL_MS 30000 /* a reading that waits so long with a broker that answers is said */
#define AWAIT_MS \
    20000 /* for bridges of other sites, after the broker has forgotten all: more than one tries again in */
#define OFFLINE "{\"state\":\"offline\"}"

struct mqtt {
    struct bridge bridge;
    const struct settings *settings;
    struct mqtt_options *options;
    struct mqtt_link link;
    struct mqtt_link_options link_options;
    char password[PASSWORD_BYTES_MAX];
    char id[BRIDGE_ID_TEXT_BYTES];
    char client_id[64];
    char status_topic[MQTT_TOPIC_BYTES_MAX];
    struct muster_text txt[2];
    struct muster_service service;
    struct muster_document document; /* that the bridge announces of itself */
    char fault[256];                 /* why there is no link, as it was said last */

    struct spool spool;
    struct marks marks;
    struct dispatch dispatch;
    struct exporter exporter;
    struct importer importer;
    struct rivals rivals;
    muster_subscription_t *subscription; /* NULL: nothing is carried */
    bool is_open;                        /* the parts below are */
    bool is_settled;                     /* other bridges of this site, and peers, are known */
    bool is_learned;                     /* how far others have carried is known, or the broker is away */
    enum { ROLE_UNKNOWN, ROLE_CARRIES, ROLE_STANDS_BY } role;
    uint64_t up_ms;   /* since when the link is up */
    bool is_settling; /* last values of other sites are about to come */
    uv_timer_t tick;
    unsigned ticks;
    bool is_stalled;
    uint64_t refused;
    struct grievance losses;
    struct grievance refusals;
    struct grievance gaps;
    int printed; /* messages of a dry run */
};

static uint64_t wall_ms(void) {
    return (uint64_t)(session_wall_s() * 1000);
}

static void on_lost(uint64_t count, const char *why, void *context) {
    struct mqtt *mqtt = context;
    if (grievance_add(&mqtt->losses, count)) {
        complain(mqtt->settings, "%" PRIu64 " readings are lost, %" PRIu64 " in all: %s", mqtt->losses.count,
                 mqtt->dispatch.counts.lost, why);
        mqtt->losses.count = 0;
    }
}

static void on_refused(const char *name, const char *why, void *context) {
    struct mqtt *mqtt = context;
    mqtt->refused++;
    if (grievance_add(&mqtt->refusals, 1)) {
        complain(mqtt->settings, "%s: not carried: %s%s", name, why,
                 mqtt->refusals.count > 1 ? "; others were not, either" : "");
        mqtt->refusals.count = 0;
    }
}

static void on_gap(muster_t *node, const struct muster_loss *loss, void *context) {
    struct mqtt *mqtt = context;
    (void)node;
    if (grievance_add(&mqtt->gaps, loss->last - loss->first + 1)) {
        complain(mqtt->settings, "%" PRIu64 " datagrams of readings did not come to this host: %s",
                 mqtt->gaps.count, muster_loss_reason_name(loss->reason));
        mqtt->gaps.count = 0;
    }
}

/* Publishes what may be published. What a dry run prints is acknowledged at once. */
static void pump(struct mqtt *mqtt) {
    int acknowledged;
    do {
        acknowledged = mqtt->printed;
        dispatch_pump(&mqtt->dispatch);
        for (int number = acknowledged + 1; number <= mqtt->printed; number++) {
            dispatch_sent(&mqtt->dispatch, number, true);
        }
    } while (acknowledged != mqtt->printed);
    if (mqtt->options->dry_run && complain_flush(mqtt->settings) != 0) {
        session_end(&mqtt->bridge.session, STATUS_ERROR);
    }
}

/* ---- carrying ---- */

static void print_status(char text[256], void *context) {
    const struct mqtt *mqtt = context;
    snprintf(text, 256, "%s %.100s%s%.100s%s", mqtt->link.is_up ? "connected to" : "not connected to",
             mqtt->link_options.host, mqtt->fault[0] != '\0' ? ": " : "", mqtt->fault,
             mqtt->role == ROLE_STANDS_BY ? ", standing by" : "");
}

static enum dispatch_result publish(const struct dispatch_message *message, int *number, void *context) {
    struct mqtt *mqtt = context;
    mosquitto_property *properties =
        mqtt->options->payload == MQTT_PAYLOAD_VALUE ? mqtt_properties_write(message) : NULL;
    const int result = mqtt_link_publish(&mqtt->link, message->topic, message->payload, message->length, true,
                                         properties, number);
    mosquitto_property_free_all(&properties);
    switch (result) {
    case MOSQ_ERR_SUCCESS: return DISPATCH_DONE;
    case MOSQ_ERR_INVAL:
    case MOSQ_ERR_PAYLOAD_SIZE:
    case MOSQ_ERR_MALFORMED_UTF8:
    case MOSQ_ERR_OVERSIZE_PACKET: return DISPATCH_NEVER;
    default: return DISPATCH_LATER;
    }
}

static void on_sample(muster_t *node, const struct muster_sample *sample, void *context) {
    struct mqtt *mqtt = context;
    if (sample->origin[0] == '\0') {
        exporter_take(&mqtt->exporter, node, sample, session_wall_s());
        pump(mqtt);
    }
}

/* Calls on_filter for each filter of what is brought in. */
static void each_filter(struct mqtt *mqtt, void (*on_filter)(struct mqtt *mqtt, const char *filter)) {
    const struct mqtt_options *options = mqtt->options;
    char filter[MQTT_TOPIC_BYTES_MAX];
    for (size_t i = 0; i < options->in.count; i++) {
        snprintf(filter, sizeof(filter), "%s/+/+/%s", options->prefix, options->in.texts[i]);
        on_filter(mqtt, filter);
    }
    snprintf(filter, sizeof(filter), "%s/+/" MQTT_TOPIC_BRIDGES "/+", options->prefix);
    on_filter(mqtt, filter);
    if (!options->no_peers) {
        snprintf(filter, sizeof(filter), "%s/+/" MQTT_TOPIC_PEERS "/+", options->prefix);
        on_filter(mqtt, filter);
    }
}

static void subscribe_filter(struct mqtt *mqtt, const char *filter) {
    mqtt->is_settling = true;
    mqtt_link_subscribe(&mqtt->link, filter, false);
}

static void unsubscribe_filter(struct mqtt *mqtt, const char *filter) {
    mqtt_link_unsubscribe(&mqtt->link, filter);
}

/* Asks for last values first, and for what was published since others have carried, or this bridge before. */
static void carry_out(struct mqtt *mqtt) {
    const char *patterns[VALUE_TEXTS_MAX];
    const struct muster_subscription_options options = {
        .size = sizeof(options),
        .patterns = value_texts_pointers(&mqtt->options->out, patterns),
        .pattern_count = mqtt->options->out.count,
        .since_ms = marks_has(&mqtt->marks, "") ? SINCE_MS : 0};
    if (mqtt->options->out.count == 0) {
        return;
    }
    const int error =
        muster_subscribe(mqtt->bridge.session.node, &options, on_sample, on_gap, mqtt, &mqtt->subscription);
    if (error != 0) {
        session_fail(&mqtt->bridge.session, error);
    }
}

static void start(struct mqtt *mqtt) {
    exporter_take_peers(&mqtt->exporter, mqtt->bridge.session.node);
    carry_out(mqtt);
    if (mqtt->link.is_up) {
        each_filter(mqtt, subscribe_filter);
    }
    if (!mqtt->options->dry_run) {
        importer_start(&mqtt->importer);
    }
}

static void stop(struct mqtt *mqtt) {
    muster_subscription_end(mqtt->subscription);
    mqtt->subscription = NULL;
    exporter_deinit(&mqtt->exporter); /* all is told anew when carrying goes on */
    if (mqtt->link.is_up) {
        each_filter(mqtt, unsubscribe_filter);
    }
    importer_stop(&mqtt->importer);
}

/* Of several bridges of a site one carries. */
static void choose_role(struct mqtt *mqtt) {
    const bool carries = rivals_is_first(&mqtt->rivals);
    const int role = carries ? ROLE_CARRIES : ROLE_STANDS_BY;
    if (!mqtt->is_settled || !mqtt->is_learned || role == (int)mqtt->role) {
        return;
    }
    mqtt->role = carries ? ROLE_CARRIES : ROLE_STANDS_BY;
    (carries ? start : stop)(mqtt);
    pump(mqtt);
    complain(mqtt->settings, carries ? "carries for the site %s" : "another bridge carries for the site %s",
             mqtt->options->site);
    notify_status(&mqtt->bridge.notify);
}

/* ---- the link ---- */

static void subscribe(struct mqtt *mqtt) {
    char filter[MQTT_TOPIC_BYTES_MAX];
    if (mqtt->role == ROLE_CARRIES) {
        each_filter(mqtt, subscribe_filter);
    }
    snprintf(filter, sizeof(filter), "%s/%s/#", mqtt->options->prefix, mqtt->options->site);
    mqtt_link_subscribe(&mqtt->link, filter, false);
    mqtt_link_subscribe(&mqtt->link, mqtt->status_topic, true); /* it comes back behind all that was there */
}

/* Another one with each connection, so that others know that this one has subscribed again. */
static void set_status(struct mqtt *mqtt) {
    char text[128];
    snprintf(text, sizeof(text), "{\"state\":\"online\",\"since\":%.3f}", session_wall_s());
    dispatch_set(&mqtt->dispatch, mqtt->status_topic, text);
}

/* Where the broker has lost its sessions, what is published before other bridges are back would be lost to
 * them. */
static void look_for_others(struct mqtt *mqtt) {
    const bool has_waited = uv_now(&mqtt->bridge.session.loop) - mqtt->up_ms > AWAIT_MS;
    if (mqtt->dispatch.holds_readings && (has_waited || !importer_awaits(&mqtt->importer))) {
        mqtt->dispatch.holds_readings = false;
        pump(mqtt);
    }
}

static void on_up(bool has_session, void *context) {
    struct mqtt *mqtt = context;
    mqtt->fault[0] = '\0';
    mqtt->up_ms = uv_now(&mqtt->bridge.session.loop);
    complain(mqtt->settings, "connected to %s:%u as the site %s", mqtt->link_options.host,
             mqtt->link_options.port, mqtt->options->site);
    if (!has_session) {
        importer_await(&mqtt->importer);
        mqtt->dispatch.holds_readings = importer_awaits(&mqtt->importer);
    }
    subscribe(mqtt);
    set_status(mqtt);
    dispatch_up(&mqtt->dispatch);
    pump(mqtt);
    notify_status(&mqtt->bridge.notify);
}

/* Says why, and once alone while that stays so. */
static void on_down(const char *why, void *context) {
    struct mqtt *mqtt = context;
    dispatch_down(&mqtt->dispatch);
    if (strcmp(mqtt->fault, why) != 0) {
        snprintf(mqtt->fault, sizeof(mqtt->fault), "%s", why);
        complain(mqtt->settings, "%s:%u: %s; tried again until it answers", mqtt->link_options.host,
                 mqtt->link_options.port, why);
    }
    mqtt->is_learned = true; /* nobody carries anything past a broker that is away */
    choose_role(mqtt);
    notify_status(&mqtt->bridge.notify);
}

static void on_sent(int number, bool is_taken, void *context) {
    struct mqtt *mqtt = context;
    dispatch_sent(&mqtt->dispatch, number, is_taken);
    pump(mqtt);
}

static void on_subscribed(bool is_granted, void *context) {
    struct mqtt *mqtt = context;
    if (!is_granted) {
        complain(mqtt->settings, "the broker refused a subscription below %s", mqtt->options->prefix);
    }
    if (mqtt->is_settling) {
        mqtt->is_settling = false;
        marks_settle(&mqtt->marks);
    }
}

/* What this site's bridges have published: how far they have carried, and peers that are no more. */
static void take_own(struct mqtt *mqtt, const struct mqtt_topic_parts *parts,
                     const struct importer_message *message) {
    struct mqtt_payload_reader reader;
    uint8_t id[MUSTER_ID_BYTES];
    struct muster_peer_list list;
    if (parts->is_bridge && strcmp(parts->rest, mqtt->id) == 0) {
        mqtt->is_learned = true;
        choose_role(mqtt);
    } else if (parts->is_peer && message->length > 0 && mqtt->role == ROLE_CARRIES &&
               bridge_id_parse(parts->rest, id)) {
        const int error = muster_peer_find(mqtt->bridge.session.node, id, &list);
        muster_peer_list_free(&list);
        if (error == MUSTER_ENOTFOUND) {
            exporter_forget_peer(&mqtt->exporter, id);
        }
    } else if (!parts->is_peer && !parts->is_bridge) {
        mqtt_payload_open(&reader, parts->rest, message->payload, message->length, session_wall_s());
        (void)marks_take(&mqtt->marks, "", reader.ref.seq != 0 ? &reader.ref : &message->ref);
    }
}

static void on_message(const struct mqtt_link_message *message, void *context) {
    struct mqtt *mqtt = context;
    struct mqtt_topic_parts parts;
    char unit[MUSTER_NAME_BYTES_MAX + 1] = "";
    struct importer_message taken = {.topic = message->topic,
                                     .payload = message->payload,
                                     .length = message->length,
                                     .is_retained = message->is_retained,
                                     .unit = unit};
    mqtt_properties_read(message->properties, &taken, unit);
    if (mqtt_topic_read(mqtt->options->prefix, message->topic, &parts) == NULL &&
        strcmp(parts.site, mqtt->options->site) == 0) {
        take_own(mqtt, &parts, &taken);
    } else if (mqtt->role != ROLE_STANDS_BY) {
        importer_take(&mqtt->importer, &taken);
        look_for_others(mqtt);
    }
    pump(mqtt);
}

static void on_busy(bool is_busy, void *context) {
    struct mqtt *mqtt = context;
    if (mqtt->link.is_up) {
        (is_busy ? mqtt_link_pause : mqtt_link_resume)(&mqtt->link);
    }
}

static void on_writable(muster_t *node, void *context) {
    struct mqtt *mqtt = context;
    (void)node;
    importer_go_on(&mqtt->importer);
}

/* ---- a dry run ---- */

static enum dispatch_result print_message(const struct dispatch_message *message, int *number,
                                          void *context) {
    struct mqtt *mqtt = context;
    char *safe = malloc(MUSTER_TEXT_SAFE_BYTES(message->length));
    char *payload = strndup(message->payload, message->length);
    if (safe != NULL && payload != NULL) {
        printf("%s %s\n", message->topic,
               escape_text(payload, safe, MUSTER_TEXT_SAFE_BYTES(message->length)));
    }
    free(safe);
    free(payload);
    *number = ++mqtt->printed;
    return DISPATCH_DONE;
}

/* ---- ticking ---- */

/* Puts what waits where it outlives this process, and how far readings were carried with it. */
static void save(struct mqtt *mqtt) {
    size_t count;
    struct spool_mark *moved = marks_moved(&mqtt->marks, &count);
    if (!dispatch_save(&mqtt->dispatch, moved, count, wall_ms())) {
        marks_move_again(&mqtt->marks, moved, count);
    }
    free(moved);
}

static void look_for_stalls(struct mqtt *mqtt) {
    const uint64_t stalled_ms = dispatch_stalled_ms(&mqtt->dispatch, wall_ms());
    const bool is_stalled = mqtt->link.is_up && stalled_ms > STALL_MS;
    if (is_stalled && !mqtt->is_stalled) {
        complain(mqtt->settings, "readings wait for the broker since %" PRIu64 " s, %" PRIu64 " of them",
                 stalled_ms / 1000, mqtt->dispatch.counts.queued);
    }
    mqtt->is_stalled = is_stalled;
}

/* Tells what there is to count to who asks this node, as muster show --self and muster metrics do. */
static void tell_figures(struct mqtt *mqtt) {
    const struct dispatch_counts *counts = &mqtt->dispatch.counts;
    const struct muster_figure figures[] = {
        {"connected", mqtt->link.is_up},
        {"carries", mqtt->role == ROLE_CARRIES},
        {"readings_out", counts->sent},
        {"readings_in", mqtt->importer.taken},
        {"readings_repeated", mqtt->importer.repeated},
        {"readings_queued", counts->queued},
        {"readings_lost", counts->lost},
        {"readings_refused", mqtt->refused + counts->refused},
        {"stalled_ms", dispatch_stalled_ms(&mqtt->dispatch, wall_ms())},
    };
    muster_set_figures(mqtt->bridge.session.node, figures, sizeof(figures) / sizeof(figures[0]));
}

static void on_tick(uv_timer_t *timer) {
    struct mqtt *mqtt = timer->data;
    if (mqtt->role == ROLE_CARRIES && ++mqtt->ticks % PEERS_TICKS == 0) {
        exporter_take_peers(&mqtt->exporter, mqtt->bridge.session.node);
    }
    choose_role(mqtt);
    look_for_others(mqtt);
    pump(mqtt);
    save(mqtt);
    importer_announce(&mqtt->importer);
    if (mqtt->dispatch.counts.queued == 0) {
        spool_shrink(&mqtt->spool);
    }
    look_for_stalls(mqtt);
    tell_figures(mqtt);
}

/* ---- the LAN ---- */

static void on_event(enum muster_peer_event event, const struct muster_peer *peer, void *context) {
    struct mqtt *mqtt = context;
    if (mqtt->role == ROLE_CARRIES && event != MUSTER_PEER_CONFLICT) {
        exporter_take_peer(&mqtt->exporter, peer);
        pump(mqtt);
    }
}

static void on_rival(void *context) {
    choose_role(context);
}

static void on_settled(muster_t *node, void *context) {
    struct mqtt *mqtt = context;
    (void)node;
    mqtt->is_settled = true;
    choose_role(mqtt);
}

/* ---- beginning ---- */

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
        .on_refused = on_refused,
        .context = mqtt};
    mqtt->importer = (struct importer){.prefix = mqtt->options->prefix,
                                       .node = mqtt->bridge.session.node,
                                       .document = &mqtt->document,
                                       .marks = &mqtt->marks,
                                       .on_refused = on_refused,
                                       .on_busy = on_busy,
                                       .context = mqtt};
    mqtt->dispatch = (struct dispatch){.spool = mqtt->spool.database != NULL ? &mqtt->spool : NULL,
                                       .rows_max = mqtt->options->queue,
                                       .publish = mqtt->options->dry_run ? print_message : publish,
                                       .on_loss = on_lost,
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
    const struct mqtt_link_callbacks callbacks = {.on_up = on_up,
                                                  .on_down = on_down,
                                                  .on_sent = on_sent,
                                                  .on_subscribed = on_subscribed,
                                                  .on_message = on_message,
                                                  .context = mqtt};
    mqtt_link_open(&mqtt->link, &mqtt->bridge.session.loop, &mqtt->link_options, &callbacks);
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
    uv_timer_init(&session->loop, &mqtt->tick); /* cannot fail */
    mqtt->tick.data = mqtt;
    int status = mqtt->options->dry_run ? STATUS_OK : open_spool(mqtt);
    status = status != STATUS_OK ? status : open_parts(mqtt);
    int error = status == STATUS_OK
                    ? rivals_open(&mqtt->rivals, session->node, mqtt->options->site, on_rival, mqtt)
                    : 0;
    error = error != 0 ? error : muster_query(session->node, NULL, NULL, on_settled, mqtt);
    if (status != STATUS_OK || error != 0) {
        session_end(session, status != STATUS_OK ? status : complain_error(mqtt->settings, error));
        return;
    }
    uv_timer_start(&mqtt->tick, on_tick, 0, TICK_MS);
    muster_on_writable(session->node, on_writable, mqtt);
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
    if (mqtt->link.loop != NULL) {
        mqtt_link_close(&mqtt->link);
    }
    if (mqtt->is_open && mqtt->spool.database != NULL) {
        save(mqtt);
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
                                       .on_event = on_event,
                                       .print_status = print_status,
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
