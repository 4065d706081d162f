/* SPDX-License-Identifier: MIT */
#include "speaker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "question.h"
#include "scenario.h"
#include "signature.h"
#include "utterance.h"
#include "world.h"

#define INTERVAL_MIN_US (2 * US_PER_S)
#define COPIES 3
#define CROWD 32
#define GROUP_ANSWER_US (100 * US_PER_MS)
#define TABLE_ROWS 64
#define TABLE_ANSWERERS 8
#define TABLE_ANSWER_US (50 * US_PER_MS)
#define BOOT 1767225600000
#define BYES 3
#define PROOFS_MAX 16 /* nonces that one message answers */
#define RE_BYTES (PROOFS_MAX * SPEAKERS_NONCE_BYTES)

/* ---- time ---- */

static uint64_t base_us(const struct world *world) {
    uint64_t claimed = world_knob(world, KNOB_ONE_ADDRESS) > 0 ? world->speakers.count : 0;
    uint64_t wanted_us = (world->truth.alive + claimed) * ALIVE_BITS * US_PER_S / BUDGET_BPS;
    return wanted_us > INTERVAL_MIN_US ? wanted_us : INTERVAL_MIN_US;
}

static uint64_t promise_us(const struct world *world, const struct speaker *speaker) {
    uint64_t least_us = 100 * US_PER_MS;
    return speaker->next_us > world->now_us + least_us ? speaker->next_us - world->now_us : least_us;
}

/* ---- what it says ---- */

static void say(struct world *world, struct speaker *speaker, enum muster_path_kind path,
                const struct muster_endpoint *to, const struct utterance *utterance) {
    struct muster_datagram datagram = {.bytes = (const uint8_t *)utterance->text,
                                       .length = utterance->length,
                                       .destination = {.family = 4, .port = MUSTER_PORT_DEFAULT},
                                       .interface = speaker->host->segment + SEGMENT_INTERFACE};
    static const uint8_t groups[][4] = {
        [MUSTER_PATH_M4] = {224, 0, 0, 254}, [MUSTER_PATH_B4] = {255, 255, 255, 255}};
    if (path == MUSTER_PATH_U4) {
        datagram.destination = *to;
    } else {
        memcpy(datagram.destination.ip, groups[path], sizeof groups[path]);
    }
    segment_send(world, speaker->host, &datagram, world->now_us);
}

static struct utterance compose(struct world *world, const struct speaker *speaker, const char *kind,
                                const char *re, bool has_seq) {
    struct utterance utterance;
    bool gives_table = world->scenario->is_table_given;
    const struct utterance_parts parts = {.kind = kind,
                                          .id = world->truth.subjects[speaker->subject].id,
                                          .boot = speaker->boot,
                                          .seq = has_seq ? speaker->seq : 0,
                                          .re = re,
                                          .rev = speaker->rev,
                                          .next_ms = promise_us(world, speaker) / US_PER_MS,
                                          .peers = world->truth.alive - 1,
                                          .number = (size_t)(speaker - world->speakers.all),
                                          .stream = gives_table ? speaker->host->endpoint.port : 0,
                                          .key = speaker->key};
    utterance_make(&utterance, &parts);
    return utterance;
}

static void say_to_group(struct world *world, struct speaker *speaker, const char *kind, const char *re,
                         bool is_everywhere) {
    speaker->seq++;
    const struct utterance utterance = compose(world, speaker, kind, re, true);
    say(world, speaker, MUSTER_PATH_M4, NULL, &utterance);
    if (is_everywhere || speaker->seq % 8 == 4) {
        say(world, speaker, MUSTER_PATH_B4, NULL, &utterance);
    }
}

/* ---- nonces of others ---- */

/* A new one, which announces of others bore, is answered with the next message: it proves that the speaker is
 * there. */
static void record_nonce(struct speakers *speakers, const struct packet *packet) {
    char nonce[SPEAKERS_NONCE_BYTES];
    if (!question_read_nonce(packet, nonce)) {
        return;
    }
    for (size_t i = 0; i < SPEAKERS_NONCES; i++) {
        if (strcmp(speakers->nonces[i], nonce) == 0) {
            return;
        }
    }
    memcpy(speakers->nonces[speakers->nonce_count++ % SPEAKERS_NONCES], nonce, sizeof nonce);
}

/* Those that it has not answered, as one text. NULL: none. */
static const char *take_nonces(const struct world *world, struct speaker *speaker, char text[RE_BYTES]) {
    const struct speakers *speakers = &world->speakers;
    uint64_t from = speaker->proven;
    uint64_t count = speakers->nonce_count;
    size_t length = 0;
    from = count - from > PROOFS_MAX ? count - PROOFS_MAX : from;
    for (; from < count; from++) {
        const char *nonce = speakers->nonces[from % SPEAKERS_NONCES];
        memcpy(text + length, nonce, strlen(nonce) + 1);
        length += strlen(nonce);
    }
    speaker->proven = count;
    return length > 0 ? text : NULL;
}

/* ---- what it says of itself ---- */

static void speak(struct world *world, void *subject, uint64_t value) {
    struct speaker *speaker = subject;
    if (!speaker->is_up || value != speaker->next_us) {
        return;
    }
    uint64_t base = base_us(world);
    char re[RE_BYTES];
    bool is_crowd = world->truth.alive > TABLE_ROWS;
    speaker->next_us = world->now_us + 5 * base / 4;
    say_to_group(world, speaker, "alive", is_crowd ? take_nonces(world, speaker, re) : NULL, false);
    speaker->next_us = world->now_us + (uint64_t)((double)base * chance_between(&world->chance, 0.75, 1.25));
    heap_add(&world->heap, speaker->next_us, speak, speaker, speaker->next_us);
}

static void announce(struct world *world, void *subject, uint64_t value) {
    struct speaker *speaker = subject;
    if (speaker->is_up && value == speaker->rev && speaker->copies > 0) {
        char re[RE_BYTES];
        speaker->copies--;
        say_to_group(world, speaker, "announce", take_nonces(world, speaker, re), true);
    }
}

static void announce_copies(struct world *world, struct speaker *speaker) {
    static const uint64_t copies_us[COPIES] = {0, 250 * US_PER_MS, 1000 * US_PER_MS};
    speaker->rev++;
    speaker->copies = COPIES;
    for (int i = 0; i < COPIES; i++) {
        uint64_t later_us =
            world->truth.alive > CROWD ? chance_below(&world->chance, base_us(world)) : copies_us[i];
        heap_add(&world->heap, world->now_us + later_us, announce, speaker, speaker->rev);
    }
}

void speaker_start(struct world *world, struct speaker *speaker) {
    speaker->boot = BOOT + world->now_us / US_PER_MS;
    speaker->seq = 0;
    speaker->is_up = true;
    world_host_changed(world, speaker->host);
    speaker->host->started_us = world->now_us;
    truth_speaks(world, speaker->subject, speaker->host);
    speaker->next_us =
        world->now_us + (uint64_t)((double)base_us(world) * chance_between(&world->chance, 0.75, 1.25));
    heap_add(&world->heap, speaker->next_us, speak, speaker, speaker->next_us);
    announce_copies(world, speaker);
}

void speaker_change(struct world *world, struct speaker *speaker) {
    if (speaker->is_up) {
        truth_changes(world, speaker->subject);
        announce_copies(world, speaker);
    }
}

void speaker_kill(struct world *world, struct speaker *speaker) {
    if (speaker->is_up) {
        speaker->is_up = false;
        truth_ends(world, speaker->subject, false);
    }
}

void speaker_leave(struct world *world, struct speaker *speaker) {
    if (!speaker->is_up) {
        return;
    }
    for (int i = 0; i < BYES; i++) {
        say_to_group(world, speaker, "bye", NULL, true);
    }
    speaker->is_up = false;
    truth_ends(world, speaker->subject, true);
}

/* ---- what it answers ---- */

static void answer_to_group(struct world *world, struct speaker *speaker, const struct question *question) {
    bool is_new = world->now_us - speaker->answered_us >= GROUP_ANSWER_US || speaker->answered_us == 0;
    if (question->has_want || is_new) {
        speaker->answered_us = world->now_us;
        say_to_group(world, speaker, question->has_want ? "announce" : "alive", question->nonce, true);
    }
}

struct late_answer {
    struct muster_endpoint to;
    struct question question;
    struct speaker *speaker;
};

static void answer(struct world *world, void *subject, uint64_t value) {
    struct late_answer *late = subject;
    struct speaker *speaker = late->speaker;
    if (value != HEAP_DISCARD && speaker->is_up) {
        const char *kind = late->question.has_want ? "announce" : "alive";
        const struct utterance utterance = compose(world, speaker, kind, late->question.nonce, false);
        say(world, speaker, MUSTER_PATH_U4, &late->to, &utterance);
    }
    free(late);
}

static void answer_later(struct world *world, struct speaker *speaker, const struct packet *packet,
                         const struct question *question, uint64_t within_us) {
    struct late_answer *late = memory_new(sizeof *late);
    *late = (struct late_answer){.to = packet->datagram.source, .question = *question, .speaker = speaker};
    heap_add(&world->heap, world->now_us + chance_below(&world->chance, within_us), answer, late, 0);
}

void speaker_receive(struct world *world, struct speaker *speaker, const struct packet *packet) {
    struct question question;
    if (speaker->is_up && question_read(packet, &question) &&
        question_is_for(&question, world->truth.subjects[speaker->subject].id)) {
        answer_later(world, speaker, packet, &question, 1);
    }
}

/* ---- what all hear ---- */

static bool hears(struct world *world, struct speaker *speaker, const struct packet *packet) {
    return speaker->is_up && segment_connects(world, packet->from, speaker->host, packet->kind) &&
           !link_loses(&speaker->host->link, MUSTER_PATH_M4, &world->chance);
}

static void hear_named(struct world *world, const struct packet *packet, const struct question *question) {
    const struct speakers *speakers = &world->speakers;
    uint8_t id[MUSTER_ID_BYTES];
    for (size_t i = 0; question_named(question, i, id); i++) {
        size_t subject = truth_find(&world->truth, id);
        size_t number = subject < speakers->subject_count ? speakers->by_subject[subject] : 0;
        if (number != 0 && hears(world, &speakers->all[number - 1], packet)) {
            answer_to_group(world, &speakers->all[number - 1], question);
        }
    }
}

/* Each answers by unicast; of a large table only a few do. */
static void hear_everybody(struct world *world, const struct packet *packet,
                           const struct question *question) {
    const struct speakers *speakers = &world->speakers;
    bool is_large = question->has_table && world->truth.alive > TABLE_ROWS;
    double share = is_large ? (double)TABLE_ANSWERERS / (double)world->truth.alive : 1;
    uint64_t window_us = (20 + world->truth.alive) * US_PER_MS;
    window_us = is_large ? TABLE_ANSWER_US : window_us < 500 * US_PER_MS ? window_us : 500 * US_PER_MS;
    for (size_t i = 0; i < speakers->count; i++) {
        struct speaker *speaker = &speakers->all[i];
        bool is_chosen = share >= 1 || chance_happens(&world->chance, share);
        if (is_chosen && hears(world, speaker, packet) &&
            !question_knows(question, world->truth.subjects[speaker->subject].id)) {
            answer_later(world, speaker, packet, question, window_us);
        }
    }
}

/* A question comes by multicast and by broadcast. The second one counts where the first is filtered, which a
 * speaker's link never is: speakers listen to multicast alone. */
void speakers_hear(struct world *world, const struct packet *packet) {
    struct question question;
    if (world->speakers.count == 0 || packet->kind != MUSTER_PATH_M4 || packet->from->speaker != NULL) {
        return;
    }
    if (!question_read(packet, &question)) {
        record_nonce(&world->speakers, packet);
        return;
    }
    if (question.named_count > 0) {
        hear_named(world, packet, &question);
    } else if (question.has_want && !question.has_conditions) {
        hear_everybody(world, packet, &question);
    }
}

/* ---- adding ---- */

static void start(struct world *world, void *subject, uint64_t value) {
    if (value != HEAP_DISCARD) {
        speaker_start(world, subject);
    }
}

static void init(struct world *world, struct speaker *speaker, unsigned segment) {
    uint8_t id[MUSTER_ID_BYTES];
    struct speakers *speakers = &world->speakers;
    bool is_beside = speaker != speakers->all && world_knob(world, KNOB_ONE_ADDRESS) > 0;
    speaker->host = hosts_add(&world->hosts, segment, is_beside ? speakers->all[0].host : NULL);
    speaker->host->speaker = speaker;
    world_set_link(world, &speaker->host->link);
    world_make_key(world, speaker->key);
    muster_id_of_key(speaker->key, id);
    speaker->subject = truth_add(&world->truth, id);
    world->truth.subjects[speaker->subject].is_forged = world_knob(world, KNOB_ONE_ADDRESS) > 0;
    if (speaker->subject >= speakers->subject_count) {
        size_t size = world->truth.size;
        speakers->by_subject = memory_resize(speakers->by_subject, size * sizeof(size_t));
        memset(speakers->by_subject + speakers->subject_count, 0,
               (size - speakers->subject_count) * sizeof(size_t));
        speakers->subject_count = size;
    }
    speakers->by_subject[speaker->subject] = (size_t)(speaker - speakers->all) + 1;
}

/* Called once, for they do not move in memory afterwards. */
void speakers_add(struct world *world, unsigned segment, size_t count, uint64_t within_us) {
    struct speakers *speakers = &world->speakers;
    speakers->all = memory_new((count + 1) * sizeof *speakers->all);
    speakers->count = count;
    for (size_t i = 0; i < count; i++) {
        init(world, &speakers->all[i], segment);
        heap_add(&world->heap, world->now_us + chance_below(&world->chance, within_us + 1), start,
                 &speakers->all[i], 0);
    }
}

void speakers_deinit(struct speakers *speakers) {
    free(speakers->all);
    free(speakers->by_subject);
    *speakers = (struct speakers){0};
}
