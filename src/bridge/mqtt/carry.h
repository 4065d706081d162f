/* SPDX-License-Identifier: MIT */
/* Carrying between this LAN and the broker: what follows from all that happens, on the link, on the LAN and
 * as time passes. The functions are callbacks; their context is a struct mqtt. */
#pragma once

#include <muster/muster.h>

#include "bridge.h"
#include "dispatch.h"
#include "exporter.h"
#include "grievance.h"
#include "importer.h"
#include "marks.h"
#include "mqtt_link.h"
#include "mqtt_topic.h"
#include "options.h"
#include "rivals.h"
#include "spool.h"

#define CARRY_TICK_MS 1000
#define CARRY_PASSWORD_BYTES_MAX 1024

struct mqtt {
    struct bridge bridge;
    const struct settings *settings;
    struct mqtt_options *options;
    struct mqtt_link link;
    struct mqtt_link_options link_options;
    char password[CARRY_PASSWORD_BYTES_MAX];
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
    bool is_awaiting; /* bridges of other sites, before readings are published */
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

/* What is told of parts. */
void carry_on_lost(uint64_t count, const char *why, void *context);
void carry_on_full(void *context);
void carry_on_refused(const char *name, const char *why, void *context);
bool carry_is_overtaken(const struct reading_ref *ref, void *context);
void carry_print_status(char text[256], void *context);

/* Publishing: by the link, and by printing, where nothing is carried. */
enum dispatch_result carry_publish(const struct dispatch_message *message, int *number, void *context);
enum dispatch_result carry_print_message(const struct dispatch_message *message, int *number, void *context);

/* The link. */
void carry_on_up(bool has_session, void *context);
void carry_on_down(const char *why, void *context);
void carry_on_sent(int number, bool is_taken, void *context);
void carry_on_subscribed(bool is_granted, void *context);
void carry_on_message(const struct mqtt_link_message *message, void *context);

/* The LAN. */
void carry_on_busy(bool is_busy, void *context);
void carry_on_writable(muster_t *node, void *context);
void carry_on_event(enum muster_peer_event event, const struct muster_peer *peer, void *context);
void carry_on_rival(void *context);
void carry_on_settled(muster_t *node, void *context);

/* Every CARRY_TICK_MS. */
void carry_on_tick(uv_timer_t *timer);

/* Puts what waits where it outlives this process, and how far readings were carried with it. */
void carry_save(struct mqtt *mqtt);
