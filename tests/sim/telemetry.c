/* SPDX-License-Identifier: MIT */
#include "telemetry.h"

#include <string.h>

#include <muster/telemetry.h>

#include "turn.h"
#include "world.h"

#define TOPIC "field/meter"
#define RECORD_BYTES_MAX 1000
#define FEEDS 64
#define RATE_BYTES_S 1000000 /* the default of a core, and of what repairs may take in addition */

void telemetry_begin(struct world *world, struct node *node) {
    static const char *const pattern = "#";
    if (node->role == TELEMETRY_PUBLISHER) {
        const struct muster_topic topic = {.name = TOPIC};
        if (muster_core_topic_open(node->core, &topic, &node->topic) != 0) {
            world_fail(world, "%s could not open its topic", node->name);
        }
    } else if (node->role == TELEMETRY_SUBSCRIBER) {
        struct muster_subscription_options options = {
            .size = sizeof options, .patterns = &pattern, .pattern_count = 1, .without_last = true};
        unsigned number;
        if (muster_core_subscribe(node->core, &options, &number) != 0) {
            world_fail(world, "%s could not subscribe", node->name);
        }
    }
}

void telemetry_pull(struct world *world, struct node *node) {
    struct muster_arrival arrival;
    while (node->role != TELEMETRY_NONE && muster_core_next_arrival(node->core, &arrival)) {
        if (arrival.kind == MUSTER_ARRIVAL_SAMPLE) {
            world->telemetry.samples++;
        } else {
            world->telemetry.losses += arrival.loss.last - arrival.loss.first + 1;
        }
    }
}

void telemetry_add(struct world *world, struct node *node, uint64_t value) {
    char text[RECORD_BYTES_MAX + 1];
    const struct muster_record record = {.kind = MUSTER_VALUE_TEXT, .text = text};
    if (node->state != NODE_UP) {
        return;
    }
    size_t length = value < RECORD_BYTES_MAX ? value : RECORD_BYTES_MAX;
    memset(text, 'x', length);
    text[length] = '\0';
    uint64_t now_ms = turn_clock_ms(node, world->now_us);
    if (muster_core_topic_add(node->core, node->topic, &record, now_ms,
                              1767225600.0 + (double)now_ms / 1000) == 0) {
        world->telemetry.added++;
    }
    processor_wake(world, &node->task);
}

static void check_feeds(struct world *world, const struct node *node) {
    struct muster_feed feeds[FEEDS];
    size_t count = muster_core_feeds(node->core, feeds, FEEDS);
    for (size_t i = 0; i < count && i < FEEDS; i++) {
        const struct muster_feed *feed = &feeds[i];
        uint64_t counted = feed->received + feed->pending + feed->lost_wire + feed->lost_gone +
                           feed->lost_kernel + feed->lost_program;
        if (!feed->is_streamed && counted != feed->sent + 1 - feed->since) {
            world_fail(world, "%s counts %llu datagrams of a feed of %llu", node->name,
                       (unsigned long long)counted, (unsigned long long)(feed->sent + 1 - feed->since));
        }
    }
}

void telemetry_check(struct world *world, const struct node *node) {
    if (node->role == TELEMETRY_SUBSCRIBER) {
        check_feeds(world, node);
    } else if (node->role == TELEMETRY_PUBLISHER) {
        const struct muster_sender *sender = muster_core_sender(node->core);
        double allowed = RATE_BYTES_S * ((double)(world->now_us - node->started_us) / US_PER_S + 1);
        world->telemetry.repair_bytes += sender->repair_bytes;
        world->telemetry.naks += sender->naks;
        if ((double)sender->repair_bytes > allowed) {
            world_fail(world, "%s sent %llu bytes of repairs, more than %.0f", node->name,
                       (unsigned long long)sender->repair_bytes, allowed);
        }
    }
}

void telemetry_print(const struct world *world, FILE *file) {
    if (world->telemetry.added > 0) {
        fprintf(file,
                "  readings: %llu added, %llu samples came, %llu datagrams lost; %llu naks heard, %.1f kB "
                "repairs\n",
                (unsigned long long)world->telemetry.added, (unsigned long long)world->telemetry.samples,
                (unsigned long long)world->telemetry.losses, (unsigned long long)world->telemetry.naks,
                (double)world->telemetry.repair_bytes / 1000);
    }
}
