/* SPDX-License-Identifier: MIT */
#include "carry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "escape.h"
#include "mqtt_payload.h"
#include "mqtt_properties.h"

#define PEERS_TICKS 60 /* between two looks for peers that are forgotten */
#define SINCE_MS 60000 /* what was published in this time before is asked for when carrying goes on */
#define STALL_MS 30000 /* a reading that waits so long with a broker that answers is said */
#define LEARN_MS 5000  /* for the broker to give back what this bridge says of itself */
#define AWAIT_MS 20000 /* for bridges of other sites, when the broker has forgotten all */

static uint64_t wall_ms(void) {
    return (uint64_t)(session_wall_s() * 1000);
}

void carry_on_lost(uint64_t count, const char *why, void *context) {
    struct mqtt *mqtt = context;
    if (grievance_add(&mqtt->losses, count)) {
        complain(mqtt->settings, "%" PRIu64 " readings are lost, %" PRIu64 " in all: %s", mqtt->losses.count,
                 mqtt->dispatch.counts.lost, why);
        mqtt->losses.count = 0;
    }
}

bool carry_is_overtaken(const struct reading_ref *ref, void *context) {
    const struct mqtt *mqtt = context;
    return marks_is_overtaken(&mqtt->marks, ref);
}

void carry_on_full(void *context) {
    const struct mqtt *mqtt = context;
    complain(mqtt->settings, "more than %d topics were published under: new ones are not carried",
             DISPATCH_TOPICS_MAX);
}

void carry_on_refused(const char *name, const char *why, void *context) {
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

void carry_print_status(char text[256], void *context) {
    const struct mqtt *mqtt = context;
    snprintf(text, 256, "%s %.100s%s%.100s%s", mqtt->link.is_up ? "connected to" : "not connected to",
             mqtt->link_options.host, mqtt->fault[0] != '\0' ? ": " : "", mqtt->fault,
             mqtt->role == ROLE_STANDS_BY ? ", standing by" : "");
}

enum dispatch_result carry_publish(const struct dispatch_message *message, int *number, void *context) {
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

/* The readings of two bridges of a site at once would come in no order. */
static void hold_readings(struct mqtt *mqtt) {
    mqtt->dispatch.holds_readings = mqtt->role != ROLE_CARRIES || mqtt->is_awaiting;
}

/* Another one with each connection, so that others know that this one has subscribed again. */
static void set_status(struct mqtt *mqtt) {
    char text[128];
    snprintf(text, sizeof(text), "{\"state\":\"online\",\"since\":%.3f}", session_wall_s());
    dispatch_set(&mqtt->dispatch, mqtt->status_topic, text);
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
    dispatch_abandon(&mqtt->dispatch, "another bridge carries", wall_ms());
    if (mqtt->link.is_up) {
        set_status(mqtt);
    }
}

static void tell_role(const struct mqtt *mqtt, bool carries) {
    const bool is_dry = mqtt->options->dry_run;
    const char *what = !carries ? "another bridge carries" : is_dry ? "would carry" : "carries";
    const char *when = carries && !is_dry && !mqtt->link.is_up ? ", once the broker answers" : "";
    complain(mqtt->settings, "%s for the site %s%s", what, mqtt->options->site, when);
}

/* Of several bridges of a site one carries. */
static void choose_role(struct mqtt *mqtt) {
    const bool carries = rivals_is_first(&mqtt->rivals);
    const int role = carries ? ROLE_CARRIES : ROLE_STANDS_BY;
    if (!mqtt->is_settled || !mqtt->is_learned || role == (int)mqtt->role) {
        return;
    }
    mqtt->role = carries ? ROLE_CARRIES : ROLE_STANDS_BY;
    hold_readings(mqtt);
    (carries ? start : stop)(mqtt);
    pump(mqtt);
    tell_role(mqtt, carries);
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

/* Where the broker has lost its sessions, what is published before other bridges are back would be lost to
 * them. */
static void look_for_others(struct mqtt *mqtt) {
    const bool has_waited = uv_now(mqtt->bridge.session.loop) - mqtt->up_ms > AWAIT_MS;
    if (mqtt->is_awaiting && (has_waited || !importer_awaits(&mqtt->importer))) {
        mqtt->is_awaiting = false;
        hold_readings(mqtt);
        pump(mqtt);
    }
}

void carry_on_up(bool has_session, void *context) {
    struct mqtt *mqtt = context;
    mqtt->fault[0] = '\0';
    mqtt->up_ms = uv_now(mqtt->bridge.session.loop);
    mqtt->is_learned = mqtt->is_learned && mqtt->role != ROLE_UNKNOWN;
    complain(mqtt->settings, "connected to %s:%u as the site %s", mqtt->link_options.host,
             mqtt->link_options.port, mqtt->options->site);
    if (!has_session) {
        importer_await(&mqtt->importer);
        mqtt->is_awaiting = importer_awaits(&mqtt->importer);
        hold_readings(mqtt);
    }
    subscribe(mqtt);
    set_status(mqtt);
    dispatch_up(&mqtt->dispatch);
    pump(mqtt);
    notify_status(&mqtt->bridge.notify);
}

/* Says why, and once alone while that stays so. */
void carry_on_down(const char *why, void *context) {
    struct mqtt *mqtt = context;
    dispatch_down(&mqtt->dispatch);
    if (strcmp(mqtt->fault, why) != 0) {
        snprintf(mqtt->fault, sizeof(mqtt->fault), "%s", why);
        complain(mqtt->settings, "%s:%u: %s; tried again until it answers", mqtt->link_options.host,
                 mqtt->link_options.port, why);
    }
    mqtt->is_learned = true; /* nobody carries anything past a broker that is away */
    notify_status(&mqtt->bridge.notify);
}

void carry_on_sent(int number, bool is_taken, void *context) {
    struct mqtt *mqtt = context;
    dispatch_sent(&mqtt->dispatch, number, is_taken);
    pump(mqtt);
}

void carry_on_subscribed(bool is_granted, void *context) {
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
        mqtt->is_learned = true; /* the tick chooses: the link calls, and must not end under that */
    } else if (parts->is_peer && message->length > 0 && mqtt->role == ROLE_CARRIES &&
               bridge_id_parse(parts->rest, id)) {
        const int error = muster_peer_find(mqtt->bridge.session.node, id, &list);
        muster_peer_list_free(&list);
        if (error == MUSTER_ENOTFOUND) {
            exporter_forget_peer(&mqtt->exporter, id);
        }
    } else if (!parts->is_peer && !parts->is_bridge) {
        mqtt_payload_open(&reader, parts->rest, message->payload, message->length, session_wall_s());
        marks_tell(&mqtt->marks, reader.ref.seq != 0 ? &reader.ref : &message->ref);
    }
}

void carry_on_message(const struct mqtt_link_message *message, void *context) {
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
    } else if (mqtt->options->no_peers && parts.is_peer) {
        return; /* --in '#' asks for them, too */
    } else if (mqtt->role != ROLE_STANDS_BY) {
        importer_take(&mqtt->importer, &taken);
        look_for_others(mqtt);
    }
    pump(mqtt);
}

void carry_on_busy(bool is_busy, void *context) {
    struct mqtt *mqtt = context;
    if (mqtt->link.is_up) {
        (is_busy ? mqtt_link_pause : mqtt_link_resume)(&mqtt->link);
    }
}

void carry_on_writable(muster_t *node, void *context) {
    struct mqtt *mqtt = context;
    (void)node;
    importer_go_on(&mqtt->importer);
}

/* ---- a dry run ---- */

enum dispatch_result carry_print_message(const struct dispatch_message *message, int *number, void *context) {
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

void carry_save(struct mqtt *mqtt) {
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
        {"readings_refused", mqtt->refused + counts->refused + mqtt->exporter.malformed},
        {"services_left_out", mqtt->importer.left_out},
        {"stalled_ms", dispatch_stalled_ms(&mqtt->dispatch, wall_ms())},
    };
    muster_set_figures(mqtt->bridge.session.node, figures, sizeof(figures) / sizeof(figures[0]));
}

/* A broker that lets this bridge write alone tells it nothing. */
static void look_for_own(struct mqtt *mqtt) {
    if (mqtt->link.is_up && !mqtt->is_learned && uv_now(mqtt->bridge.session.loop) - mqtt->up_ms > LEARN_MS) {
        mqtt->is_learned = true;
        complain(
            mqtt->settings,
            "the broker does not give back %s: is this user allowed to read there? How far other bridges "
            "of the site have carried is not known",
            mqtt->status_topic);
    }
}

void carry_on_tick(uv_timer_t *timer) {
    struct mqtt *mqtt = timer->data;
    struct reason reason;
    if (++mqtt->ticks % PEERS_TICKS == 0 && mqtt->role == ROLE_CARRIES) {
        exporter_take_peers(&mqtt->exporter, mqtt->bridge.session.node);
    }
    look_for_own(mqtt);
    choose_role(mqtt);
    look_for_others(mqtt);
    pump(mqtt);
    carry_save(mqtt);
    importer_announce(&mqtt->importer);
    if (mqtt->spool.database != NULL && mqtt->ticks % PEERS_TICKS == 0) {
        (void)spool_trim_marks(&mqtt->spool, MARKS_MAX, &reason); /* or in a minute */
    }
    if (mqtt->dispatch.counts.queued == 0) {
        spool_shrink(&mqtt->spool);
    }
    look_for_stalls(mqtt);
    tell_figures(mqtt);
}

/* ---- the LAN ---- */

void carry_on_event(enum muster_peer_event event, const struct muster_peer *peer, void *context) {
    struct mqtt *mqtt = context;
    if (mqtt->role == ROLE_CARRIES && event != MUSTER_PEER_CONFLICT) {
        exporter_take_peer(&mqtt->exporter, peer);
        pump(mqtt);
    }
}

void carry_on_rival(void *context) {
    choose_role(context);
}

void carry_on_settled(muster_t *node, void *context) {
    struct mqtt *mqtt = context;
    (void)node;
    mqtt->is_settled = true;
    choose_role(mqtt);
}
