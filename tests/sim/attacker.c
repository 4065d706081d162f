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
#define NAMED_MAX 16 /* ids that a forged question asks for */

static struct muster_datagram to_group(const struct host *from, const void *bytes, size_t length) {
    return (struct muster_datagram){
        .bytes = bytes,
        .length = length,
        .destination = {.family = 4, .ip = {224, 0, 0, 254}, .port = MUSTER_PORT_DEFAULT},
        .interface = from->segment + SEGMENT_INTERFACE};
}

static void send(struct world *world, struct host *from, const void *bytes, size_t length) {
    const struct muster_datagram datagram = to_group(from, bytes, length);
    segment_send(world, from, &datagram, world->now_us);
}

static void whisper(struct world *world, struct host *from, const struct node *to, const void *bytes,
                    size_t length) {
    const struct muster_datagram datagram = to_group(from, bytes, length);
    segment_whisper(world, from, to->hosts[from->segment], &datagram);
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
                  const uint8_t id[MUSTER_ID_BYTES], uint64_t boot) {
    struct utterance utterance;
    const uint8_t key[MUSTER_KEY_BYTES] = {0xee, (uint8_t)attacker->number, (uint8_t)(attacker->number >> 8)};
    const struct utterance_parts parts = {.kind = kind,
                                          .id = id,
                                          .boot = boot,
                                          .seq = 1000000 + attacker->number,
                                          .re = attacker->nonce[0] == '\0' ? NULL : attacker->nonce,
                                          .rev = 1000000,
                                          .next_ms = 172800000,
                                          .peers = 1000000,
                                          .number = attacker->number,
                                          .key = key};
    utterance_make(&utterance, &parts);
    send(world, from, utterance.text, utterance.length);
}

static uint64_t later_boot(const struct world *world) {
    return BOOT + world->now_us / US_PER_MS;
}

void attack_with_keys(struct world *world, struct attacker *attacker, struct host *from) {
    uint8_t id[MUSTER_ID_BYTES];
    const uint8_t key[MUSTER_KEY_BYTES] = {0xee, (uint8_t)attacker->number, (uint8_t)(attacker->number >> 8)};
    muster_id_of_key(key, id);
    speak(world, attacker, from, "announce", id, later_boot(world));
}

void attack_with_impostors(struct world *world, struct attacker *attacker, struct host *from) {
    uint8_t id[MUSTER_ID_BYTES] = {0xdd};
    memcpy(id + 8, &attacker->number, sizeof attacker->number);
    speak(world, attacker, from, "announce", id, later_boot(world));
}

/* In each second round it names the present start of the node, else a later one. */
static void speak_as_node(struct world *world, struct attacker *attacker, struct host *from,
                          const char *kind) {
    const struct node *node = world->nodes[attacker->number % world->node_count];
    if (node->subject != SUBJECT_NONE) {
        uint8_t id[MUSTER_ID_BYTES];
        bool is_present = attacker->number / world->node_count % 2 == 0;
        memcpy(id, world->truth.subjects[node->subject].id, sizeof id);
        speak(world, attacker, from, kind, id, is_present ? node->boot : later_boot(world));
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

static void record(struct attacker *attacker, struct packet *packet) {
    if (attacker->recorded_count == RECORDED_MAX) {
        return;
    }
    if (attacker->recorded_count == attacker->recorded_size) {
        attacker->recorded_size = attacker->recorded_size == 0 ? 64 : 2 * attacker->recorded_size;
        attacker->recorded =
            memory_resize(attacker->recorded, attacker->recorded_size * sizeof(struct packet *));
    }
    packet->references++;
    attacker->recorded[attacker->recorded_count++] = packet;
}

void attackers_hear(struct world *world, struct packet *packet) {
    for (size_t i = 0; i < world->attacker_count && packet->from->node != NULL; i++) {
        struct attacker *attacker = world->attackers[i];
        if (attacker->attack == attack_with_impostors) {
            question_read_nonce(packet, attacker->nonce);
        } else if (attacker->attack == attack_with_recordings) {
            record(attacker, packet);
        }
    }
}

void attack_with_recordings(struct world *world, struct attacker *attacker, struct host *from) {
    if (attacker->recorded_count > 0) {
        const struct packet *packet =
            attacker->recorded[chance_below(&world->chance, attacker->recorded_count)];
        send(world, from, packet->bytes, packet->datagram.length);
    }
}

/* ---- questions that the others do not hear ---- */

static void append_id(struct utterance *utterance, const struct world *world, const struct node *node) {
    char id[MUSTER_ID_TEXT_BYTES];
    muster_id_text(world->truth.subjects[node->subject].id, id);
    utterance_append(utterance, "\"%s\"", id);
}

void attack_with_forged_questions(struct world *world, struct attacker *attacker, struct host *from) {
    static const uint8_t key[MUSTER_KEY_BYTES] = {0xee};
    struct utterance utterance = {0};
    const struct node *to = world->nodes[attacker->number % world->node_count];
    const struct node *as = world->nodes[attacker->number / world->node_count % world->node_count];
    unsigned long long later = 1000000 + attacker->number;
    bool is_first = true;
    utterance_append(&utterance, "{\"muster\":1,\"kind\":\"query\",\"id\":");
    append_id(&utterance, world, as);
    utterance_append(&utterance,
                     ",\"boot\":%llu,\"nonce\":\"forged00\",\"count\":%llu,\"said\":%llu,\"of\":[",
                     (unsigned long long)as->boot, later, later);
    for (size_t i = 0; i < world->node_count && i < NAMED_MAX; i++) {
        if (world->nodes[i] != to) {
            utterance_append(&utterance, is_first ? "" : ",");
            append_id(&utterance, world, world->nodes[i]);
            is_first = false;
        }
    }
    utterance_append(&utterance, "]}\n");
    utterance_sign(&utterance, key);
    whisper(world, from, to, utterance.text, utterance.length);
}
