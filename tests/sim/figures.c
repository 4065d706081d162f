/* SPDX-License-Identifier: MIT */
#include "figures.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "node.h"
#include "world.h"

static const char *const traffic_names[TRAFFIC_COUNT] = {"announce", "alive", "bye",
                                                         "query",    "data",  "other"};

void figures_deinit(struct figures *figures) {
    free(figures->seconds);
    *figures = (struct figures){0};
}

/* ---- counting ---- */

static enum traffic traffic_of(const struct packet *packet) {
    static const char *const starts[] = {"announce\"", "alive\"", "bye\"", "query\""};
    static const char before[] = "{\"muster\":1,\"kind\":\"";
    const size_t at = sizeof before - 1;
    if (packet->datagram.destination.ip[0] == 239) {
        return TRAFFIC_DATA;
    }
    for (int i = 0; i < TRAFFIC_DATA; i++) {
        size_t length = strlen(starts[i]);
        if (packet->datagram.length > at + length && memcmp(packet->bytes, before, at) == 0 &&
            memcmp(packet->bytes + at, starts[i], length) == 0) {
            return (enum traffic)i;
        }
    }
    return TRAFFIC_OTHER;
}

static struct second *this_second(struct world *world) {
    struct figures *figures = &world->figures;
    size_t second = world->now_us / US_PER_S;
    while (second >= figures->second_count) {
        size_t size = figures->second_count == 0 ? 256 : 2 * figures->second_count;
        size_t added = size - figures->second_count;
        figures->seconds = memory_resize(figures->seconds, size * sizeof *figures->seconds);
        memset(figures->seconds + figures->second_count, 0, added * sizeof *figures->seconds);
        figures->second_count = size;
    }
    return &figures->seconds[second];
}

void figures_sent(struct world *world, const struct packet *packet) {
    enum traffic traffic = traffic_of(packet);
    size_t bytes = packet->datagram.length +
                   (packet->datagram.destination.family == 6 ? SEGMENT_HEADER6_BYTES : SEGMENT_HEADER_BYTES);
    struct figure *figure = &world->figures.sent[traffic][packet->kind];
    struct second *second = this_second(world);
    figure->datagrams++;
    figure->bytes += bytes;
    second->all.datagrams++;
    second->all.bytes += bytes;
    if (traffic == TRAFFIC_ALIVE && packet->kind == MUSTER_PATH_M4) {
        second->alive_bits += 8 * (packet->datagram.length + FRAME_BYTES);
    }
    world_hash(world, packet->from->index << 16 | packet->datagram.length);
}

void figures_waited(struct world *world, uint64_t waited_us) {
    struct figures *figures = &world->figures;
    figures->waited_us_max = waited_us > figures->waited_us_max ? waited_us : figures->waited_us_max;
}

void figures_stream_opened(struct world *world) {
    world->figures.streams++;
}

void figures_stream_bytes(struct world *world, size_t bytes) {
    world->figures.stream_bytes += bytes;
    this_second(world)->stream_bytes += bytes;
}

void figures_take(struct world *world, const struct node *node) {
    struct figures *figures = &world->figures;
    const struct muster_counters *counters = muster_core_counters(node->core);
    figures->verifications += counters->verifications;
    figures->counters.received += counters->received;
    figures->counters.accepted += counters->accepted;
    figures->counters.copies += counters->copies;
    figures->counters.evicted += counters->evicted;
    figures->counters.outputs_dropped += counters->outputs_dropped;
    for (int drop = 0; drop < MUSTER_DROP_COUNT; drop++) {
        figures->counters.drops[drop] += counters->drops[drop];
    }
}

struct second figures_between(const struct figures *figures, uint64_t from_s, uint64_t to_s) {
    struct second sum = {0};
    for (uint64_t i = from_s; i < to_s && i < figures->second_count; i++) {
        sum.all.datagrams += figures->seconds[i].all.datagrams;
        sum.all.bytes += figures->seconds[i].all.bytes;
        sum.alive_bits += figures->seconds[i].alive_bits;
        sum.stream_bytes += figures->seconds[i].stream_bytes;
    }
    return sum;
}

struct figure figures_total(const struct figures *figures) {
    return figures_between(figures, 0, figures->second_count).all;
}

double figures_idle_kb(const struct world *world) {
    uint64_t from_s = world->mark_us / US_PER_S + MARK_S;
    uint64_t to_s = world->end_us / US_PER_S;
    double minutes = (double)(to_s - from_s) / 60;
    double bytes = (double)figures_between(&world->figures, from_s, to_s).all.bytes;
    return to_s <= from_s || world->truth.alive == 0 ? 0
                                                     : bytes / 1000 / minutes / (double)world->truth.alive;
}

double figures_budget(const struct world *world) {
    uint64_t from_s = world->mark_us / US_PER_S + MARK_S;
    uint64_t to_s = world->end_us / US_PER_S;
    double bits = (double)figures_between(&world->figures, from_s, to_s).alive_bits;
    return to_s <= from_s ? 0 : bits / (double)(to_s - from_s) / BUDGET_BPS;
}

/* ---- printing ---- */

static void print_traffic(const struct figures *figures, FILE *file) {
    static const enum muster_path_kind kinds[] = {MUSTER_PATH_M4, MUSTER_PATH_B4, MUSTER_PATH_U4,
                                                  MUSTER_PATH_M6, MUSTER_PATH_U6};
    fprintf(file, "  %-10s %20s %20s %20s %20s %20s\n", "sent", "m4", "b4", "u4", "m6", "u6");
    for (int traffic = 0; traffic < TRAFFIC_COUNT; traffic++) {
        const struct figure *row = figures->sent[traffic];
        uint64_t datagrams = 0;
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
            datagrams += row[kinds[i]].datagrams;
        }
        if (datagrams == 0) {
            continue;
        }
        fprintf(file, "  %-10s", traffic_names[traffic]);
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
            fprintf(file, " %9llu %7.1f kB", (unsigned long long)row[kinds[i]].datagrams,
                    (double)row[kinds[i]].bytes / 1000);
        }
        fputc('\n', file);
    }
    fprintf(file, "  streams    %9llu %7.1f kB\n", (unsigned long long)figures->streams,
            (double)figures->stream_bytes / 1000);
}

static void print_drops(const struct figures *figures, FILE *file) {
    fprintf(file, "  received %llu: accepted %llu, copies %llu",
            (unsigned long long)figures->counters.received, (unsigned long long)figures->counters.accepted,
            (unsigned long long)figures->counters.copies);
    for (int drop = 0; drop < MUSTER_DROP_COUNT; drop++) {
        if (figures->counters.drops[drop] > 0) {
            fprintf(file, ", %s %llu", muster_drop_name((enum muster_drop)drop),
                    (unsigned long long)figures->counters.drops[drop]);
        }
    }
    fputc('\n', file);
}

static void print_times(const char *name, struct samples *samples, FILE *file) {
    if (samples->count > 0) {
        fprintf(file, "  %s: %zu times, p50 %u p99 %u max %u ms\n", name, samples->count,
                samples_percentile(samples, 0.5), samples_percentile(samples, 0.99),
                samples_percentile(samples, 1));
    }
}

static void print_told(struct truth *truth, FILE *file) {
    fputs("  told:", file);
    for (int event = 0; event <= MUSTER_PEER_CONFLICT; event++) {
        if (truth->told[event] > 0) {
            fprintf(file, " %s %llu", muster_peer_event_name((enum muster_peer_event)event),
                    (unsigned long long)truth->told[event]);
        }
    }
    fprintf(file, "; false suspect %llu, false lost %llu\n", (unsigned long long)truth->false_suspects,
            (unsigned long long)truth->false_lost);
    print_times("joined after", &truth->joined, file);
    print_times("lost after", &truth->noticed, file);
    print_times("left after", &truth->left, file);
}

static void print_processors(const struct world *world, FILE *file) {
    uint64_t spent_us = 0;
    uint64_t most_us = 0;
    for (size_t i = 0; i < world->processor_count; i++) {
        uint64_t one_us = world->processors[i].spent_us;
        spent_us += one_us;
        most_us = one_us > most_us ? one_us : most_us;
    }
    double all_us = (double)(world->now_us == 0 ? 1 : world->now_us);
    fprintf(file,
            "  processors: %zu, busy %.2f %% on average, %.2f %% the busiest; %llu verifications, "
            "%llu queue drops, %llu without a neighbour, oldest datagram read %llu ms\n",
            world->processor_count, 100 * (double)spent_us / all_us / (double)world->processor_count,
            100 * (double)most_us / all_us, (unsigned long long)world->figures.verifications,
            (unsigned long long)world->figures.queue_drops,
            (unsigned long long)world->figures.neighbour_drops,
            (unsigned long long)(world->figures.waited_us_max / US_PER_MS));
}

static void print_complete(const struct world *world, FILE *file) {
    const struct truth *truth = &world->truth;
    uint64_t slowest_us = 0;
    for (size_t i = 0; i < world->node_count; i++) {
        const struct node *node = world->nodes[i];
        uint64_t took_us = node->whole_us == 0 ? 0 : node->whole_us - node->started_us;
        slowest_us = took_us > slowest_us ? took_us : slowest_us;
    }
    if (truth->first_complete_us == NEVER) {
        fputs("  all had all: never", file);
    } else {
        fprintf(file, "  all had all: first at %.3f s, %s %.3f s", (double)truth->first_complete_us / 1e6,
                truth->is_complete ? "for good since" : "last since", (double)truth->complete_us / 1e6);
    }
    fprintf(file, "; the slowest node had all %.3f s after its start\n", (double)slowest_us / 1e6);
}

/* Those that start at the mark. */
static void print_joiners(const struct world *world, FILE *file) {
    for (size_t i = 0; i < world->node_count; i++) {
        const struct node *node = world->nodes[i];
        if (world->mark_us > 0 && node->started_us == world->mark_us && node->nearly_us > 0) {
            fprintf(file, "  %s, which joined then, had all after %.3f s\n", node->name,
                    (double)(node->nearly_us - node->started_us) / 1e6);
        }
    }
}

static void print_mark(const struct world *world, FILE *file) {
    uint64_t mark_s = world->mark_us / US_PER_S;
    struct second after = figures_between(&world->figures, mark_s, mark_s + MARK_S);
    struct second before = figures_between(&world->figures, mark_s < MARK_S ? 0 : mark_s - MARK_S, mark_s);
    fprintf(file,
            "  in the %d s from second %llu on: %llu datagrams, %.1f kB, streams %.1f kB (before: %llu, %.1f "
            "kB)\n",
            MARK_S, (unsigned long long)mark_s, (unsigned long long)after.all.datagrams,
            (double)after.all.bytes / 1000, (double)after.stream_bytes / 1000,
            (unsigned long long)before.all.datagrams, (double)before.all.bytes / 1000);
    fprintf(file, "  later: %.2f kB a peer and minute; alives take %.2f of their budget\n",
            figures_idle_kb(world), figures_budget(world));
}

void figures_print(struct world *world, FILE *file) {
    struct figure total = figures_total(&world->figures);
    print_complete(world, file);
    fprintf(file, "  sent in all: %llu datagrams, %.1f kB\n", (unsigned long long)total.datagrams,
            (double)total.bytes / 1000);
    print_traffic(&world->figures, file);
    print_mark(world, file);
    print_joiners(world, file);
    print_told(&world->truth, file);
    print_drops(&world->figures, file);
    telemetry_print(world, file);
    print_processors(world, file);
    fprintf(file, "  memory: %.1f MB for %zu nodes with %zu rows\n", (double)world->memory_bytes / 1e6,
            world->node_count, world->rows);
}
