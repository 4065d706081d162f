/* SPDX-License-Identifier: MIT */
#include "attacker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "utterance.h"
#include "world.h"

#define BOOT 1767225600000
#define RECORDED_MAX 4096
#define QUESTION_BYTES 1200

static void send(struct world *world, struct host *from, const char *bytes, size_t length) {
    const struct muster_datagram datagram = {
        .bytes = (const uint8_t *)bytes,
        .length = length,
        .destination = {.family = 4, .ip = {224, 0, 0, 254}, .port = MUSTER_PORT_DEFAULT},
        .interface = from->segment + SEGMENT_INTERFACE};
    segment_send(world, from, &datagram, world->now_us);
}

/* ---- adding ---- */

static void run(struct world *world, void *subject, uint64_t value) {
    struct attacker *attacker = subject;
    if (value == HEAP_DISCARD || world->now_us > attacker->end_us) {
        return;
    }
    attacker->attack(world, attacker, attacker->hosts[attacker->number++ % attacker->host_count]);
    heap_add(&world->heap, world->now_us + attacker->each_us, run, attacker, 0);
}

struct attacker *attacker_add(struct world *world, size_t addresses, size_t ports, double from_s, double to_s,
                              double per_s,
                              void (*attack)(struct world *world, struct attacker *attacker,
                                             struct host *from)) {
    struct attacker *attacker = memory_new(sizeof *attacker);
    attacker->hosts = memory_new(addresses * ports * sizeof(struct host *));
    for (size_t i = 0; i < addresses * ports; i++) {
        struct host *beside = i % ports == 0 ? NULL : attacker->hosts[i - i % ports];
        attacker->hosts[attacker->host_count++] = hosts_add(&world->hosts, 0, beside);
    }
    attacker->attack = attack;
    attacker->each_us = (uint64_t)(US_PER_S / per_s);
    attacker->end_us = (uint64_t)(to_s * US_PER_S);
    world->attackers =
        memory_resize(world->attackers, (world->attacker_count + 1) * sizeof(struct attacker *));
    world->attackers[world->attacker_count++] = attacker;
    heap_add(&world->heap, (uint64_t)(from_s * US_PER_S), run, attacker, 0);
    return attacker;
}

void attackers_deinit(struct world *world) {
    for (size_t i = 0; i < world->attacker_count; i++) {
        struct attacker *attacker = world->attackers[i];
        for (size_t k = 0; k < attacker->recorded_count; k++) {
            packet_release(attacker->recorded[k]);
        }
        free(attacker->recorded);
        free(attacker->hosts);
        free(attacker);
    }
    free(world->attackers);
}

/* ---- attacks ---- */

void attack_with_garbage(struct world *world, struct attacker *attacker, struct host *from) {
    char text[64];
    int length = snprintf(text, sizeof text, "{\"muster\":1,\"kind\":\"noise\",\"number\":%llu}\n",
                          (unsigned long long)attacker->number);
    send(world, from, text, (size_t)length);
}

void attack_with_names(struct world *world, struct attacker *attacker, struct host *from) {
    char text[256];
    char id[MUSTER_ID_TEXT_BYTES];
    uint8_t bytes[MUSTER_ID_BYTES] = {0xff};
    memcpy(bytes + 8, &attacker->number, sizeof attacker->number);
    muster_id_text(bytes, id);
    size_t subject = truth_add(&world->truth, bytes);
    world->truth.subjects[subject].is_forged = true;
    int length = snprintf(text, sizeof text,
                          "{\"muster\":1,\"kind\":\"announce\",\"id\":\"%s\",\"boot\":1,\"seq\":1,\"rev\":1,"
                          "\"next_ms\":172800000,\"peers\":1000000,\"name\":\"forged\"}\n",
                          id);
    send(world, from, text, (size_t)length);
}

/* A message in the name of an id, signed by the attacker's own key. */
static void speak(struct world *world, struct attacker *attacker, struct host *from, const char *kind,
                  const uint8_t id[MUSTER_ID_BYTES]) {
    struct utterance utterance;
    const uint8_t key[MUSTER_KEY_BYTES] = {0xee, (uint8_t)attacker->number, (uint8_t)(attacker->number >> 8)};
    uint64_t later_ms = world->now_us / US_PER_MS;
    const struct utterance_parts parts = {.kind = kind,
                                          .id = id,
                                          .boot = BOOT + later_ms,
                                          .seq = 1000000 + attacker->number,
                                          .rev = 1000000,
                                          .next_ms = 172800000,
                                          .peers = 1000000,
                                          .number = attacker->number,
                                          .key = key};
    utterance_make(&utterance, &parts);
    send(world, from, utterance.text, utterance.length);
}

void attack_with_keys(struct world *world, struct attacker *attacker, struct host *from) {
    uint8_t id[MUSTER_ID_BYTES];
    const uint8_t key[MUSTER_KEY_BYTES] = {0xee, (uint8_t)attacker->number, (uint8_t)(attacker->number >> 8)};
    muster_id_of_key(key, id);
    speak(world, attacker, from, "announce", id);
}

static void speak_as_node(struct world *world, struct attacker *attacker, struct host *from,
                          const char *kind) {
    const struct node *node = world->nodes[attacker->number % world->node_count];
    if (node->subject != SUBJECT_NONE) {
        uint8_t id[MUSTER_ID_BYTES];
        memcpy(id, world->truth.subjects[node->subject].id, sizeof id);
        speak(world, attacker, from, kind, id);
    }
}

void attack_with_byes(struct world *world, struct attacker *attacker, struct host *from) {
    speak_as_node(world, attacker, from, "bye");
}

void attack_with_alives(struct world *world, struct attacker *attacker, struct host *from) {
    speak_as_node(world, attacker, from, "alive");
}

/* "Who is there?" of an id of its own. */
void attack_with_questions(struct world *world, struct attacker *attacker, struct host *from) {
    char text[QUESTION_BYTES + 1];
    memset(text, ' ', QUESTION_BYTES);
    int length =
        snprintf(text, sizeof text,
                 "{\"muster\":1,\"kind\":\"query\",\"id\":\"%032llx\",\"boot\":1,\"nonce\":\"%016llx\","
                 "\"want\":{}}",
                 (unsigned long long)attacker->number, (unsigned long long)attacker->number);
    text[length] = ' ';
    text[QUESTION_BYTES - 1] = '\n';
    send(world, from, text, QUESTION_BYTES);
}

/* ---- recordings ---- */

void attackers_hear(struct world *world, struct packet *packet) {
    for (size_t i = 0; i < world->attacker_count; i++) {
        struct attacker *attacker = world->attackers[i];
        bool is_wanted = attacker->attack == attack_with_recordings && packet->from->node != NULL;
        if (!is_wanted || attacker->recorded_count == RECORDED_MAX) {
            continue;
        }
        if (attacker->recorded_count == attacker->recorded_size) {
            attacker->recorded_size = attacker->recorded_size == 0 ? 64 : 2 * attacker->recorded_size;
            attacker->recorded =
                memory_resize(attacker->recorded, attacker->recorded_size * sizeof(struct packet *));
        }
        packet->references++;
        attacker->recorded[attacker->recorded_count++] = packet;
    }
}

void attack_with_recordings(struct world *world, struct attacker *attacker, struct host *from) {
    if (attacker->recorded_count > 0) {
        const struct packet *packet =
            attacker->recorded[chance_below(&world->chance, attacker->recorded_count)];
        send(world, from, (const char *)packet->bytes, packet->datagram.length);
    }
}
