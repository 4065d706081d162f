/* SPDX-License-Identifier: MIT */
/* HELP texts are frozen: where two files explain one metric in other words, node_exporter leaves one of them
 * out, and says so only in its log. */
#include "metrics.h"

#include <stdio.h>
#include <string.h>

#include <muster/telemetry.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What is written about. */
struct metrics {
    struct exposition exposition;
    const struct muster_self *self;
    const struct muster_peer_list *rows;
};

static void begin(struct metrics *metrics, const char *family, enum exposition_kind kind, const char *help) {
    exposition_begin(&metrics->exposition, family, kind, help);
}

/* ---- the node ---- */

static void write_build(struct metrics *metrics) {
    const struct exposition_label labels[] = {{"version", metrics->self->version}};
    begin(metrics, "muster_build", EXPOSITION_INFO, "Version of the running muster.");
    exposition_integer(&metrics->exposition, labels, COUNT(labels), 1);
}

/* What the program that runs the node has by names of its own. */
static void write_figures(struct metrics *metrics) {
    const struct muster_self *self = metrics->self;
    if (self->figure_count > 0) {
        begin(metrics, "muster_program_figure", EXPOSITION_GAUGE,
              "Figures of the program that runs, by their names.");
    }
    for (size_t i = 0; i < self->figure_count; i++) {
        const struct exposition_label labels[] = {{"name", self->figures[i].name}};
        exposition_integer(&metrics->exposition, labels, COUNT(labels), self->figures[i].value);
    }
}

static void write_counters(struct metrics *metrics) {
    const struct muster_counters *counters = &metrics->self->counters;
    const struct muster_sender *sender = &metrics->self->sender;
    const struct {
        const char *family;
        uint64_t value;
        const char *help;
    } rows[] = {
        {"muster_received_datagrams", counters->received,
         "Datagrams received: accepted, copies and dropped ones."},
        {"muster_accepted_datagrams", counters->accepted, "Datagrams received that had an effect."},
        {"muster_copied_datagrams", counters->copies, "Datagrams received that had come by another path."},
        {"muster_sent_datagrams", counters->sent, "Datagrams sent, each path counted."},
        {"muster_unsent_datagrams", counters->outputs_dropped, "Datagrams that could not be sent."},
        {"muster_questions", counters->questions, "Questions asked of the group."},
        {"muster_answers", counters->answers, "Answers given."},
        {"muster_verified_signatures", counters->verifications, "Signatures checked."},
        {"muster_evicted_peers", counters->evicted, "Rows of peers that made room for others."},
        {"muster_accepted_streams", counters->streams_accepted, "Connections of others."},
        {"muster_refused_streams", counters->streams_refused, "Connections closed at once: too many."},
        {"muster_cut_streams", counters->streams_cut, "Connections closed for being slow, silent or wrong."},
        {"muster_answered_requests", counters->requests, "Requests by stream answered to their end."},
        {"muster_fetched_tables", counters->tables, "Peer tables fetched from others."},
        {"muster_fetched_documents", counters->documents, "Documents fetched from others."},
        {"muster_failed_fetches", counters->fetches_failed, "Fetches from others that failed."},
        {"muster_failed_histories", counters->histories_failed,
         "Publishers asked in vain for what they sent before."},
        {"muster_dropped_samples", counters->samples_dropped, "Samples by stream that were dropped."},
        {"muster_evicted_cached_topics", counters->cache_evicted, "Topics kept for others that made room."},
        {"muster_evicted_feeds", counters->feeds_evicted, "Feeds of publishers that made room for others."},
        {"muster_published_datagrams", sender->datagrams,
         "Datagrams of readings published, repairs not counted."},
        {"muster_published_bytes", sender->bytes, "Bytes of readings published, repairs not counted."},
        {"muster_repaired_datagrams", sender->repairs, "Datagrams of readings sent again."},
        {"muster_repaired_bytes", sender->repair_bytes, "Bytes of readings sent again."},
        {"muster_heard_naks", sender->naks, "Naks heard for what this node published."},
        {"muster_refused_naks", sender->naks_refused, "Naks heard that earned no repair."},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        begin(metrics, rows[i].family, EXPOSITION_COUNTER, rows[i].help);
        exposition_integer(&metrics->exposition, NULL, 0, rows[i].value);
    }
}

static void write_drops(struct metrics *metrics) {
    begin(metrics, "muster_dropped_datagrams", EXPOSITION_COUNTER,
          "Datagrams received that had no effect, by reason.");
    for (unsigned i = 0; i < MUSTER_DROP_COUNT; i++) {
        const struct exposition_label labels[] = {{"reason", muster_drop_name((enum muster_drop)i)}};
        exposition_integer(&metrics->exposition, labels, COUNT(labels), metrics->self->counters.drops[i]);
    }
}

/* ---- its sockets ---- */

static void add_socket(struct muster_socket *sum, const struct muster_socket *socket) {
    sum->kernel_drops += socket->kernel_drops;
    sum->failed += socket->failed;
    sum->queue_drops += socket->queue_drops;
    sum->unicast_drops += socket->unicast_drops;
    sum->unreached += socket->unreached;
}

/* The sum over the sockets of the interface of the i-th one; false when an earlier one had it. */
static bool sum_sockets(const struct muster_self *self, size_t first, struct muster_socket *sum) {
    *sum = self->sockets[first];
    for (size_t i = 0; i < self->socket_count; i++) {
        if (i != first && strcmp(self->sockets[i].interface_name, sum->interface_name) == 0) {
            if (i < first) {
                return false;
            }
            add_socket(sum, &self->sockets[i]);
        }
    }
    return true;
}

static void write_sockets(struct metrics *metrics) {
    begin(metrics, "muster_lost_datagrams", EXPOSITION_COUNTER,
          "Datagrams that this machine lost, by interface and place.");
    for (size_t i = 0; i < metrics->self->socket_count; i++) {
        struct muster_socket sum;
        if (!sum_sockets(metrics->self, i, &sum)) {
            continue;
        }
        const struct {
            const char *place;
            uint64_t value;
        } places[] = {{"receive_buffer", sum.kernel_drops},
                      {"send", sum.failed},
                      {"send_queue", sum.queue_drops},
                      {"unicast_backlog", sum.unicast_drops},
                      {"unreachable_peer", sum.unreached}};
        for (size_t j = 0; j < COUNT(places); j++) {
            const struct exposition_label labels[] = {{"interface", sum.interface_name},
                                                      {"place", places[j].place}};
            exposition_integer(&metrics->exposition, labels, COUNT(labels), places[j].value);
        }
    }
}

/* ---- peers ---- */

static bool is_present(const struct muster_peer *peer) {
    return !peer->self && (peer->state == MUSTER_ALIVE || peer->state == MUSTER_SUSPECT);
}

static void write_states(struct metrics *metrics) {
    size_t counts[MUSTER_LEFT + 1] = {0};
    for (size_t i = 0; i < metrics->rows->count; i++) {
        const struct muster_peer *peer = &metrics->rows->peers[i];
        counts[peer->state] += peer->self ? 0 : 1;
    }
    begin(metrics, "muster_peers", EXPOSITION_GAUGE, "Peers in the table, by state.");
    for (unsigned i = 0; i <= MUSTER_LEFT; i++) {
        const struct exposition_label labels[] = {{"state", muster_state_name((enum muster_state)i)}};
        exposition_integer(&metrics->exposition, labels, COUNT(labels), counts[i]);
    }
}

/* Writes a sample, or some, of a peer, whose id and name are the labels `who`. */
typedef void (*peer_writer)(struct metrics *metrics, const struct muster_peer *peer,
                            const struct exposition_label who[2]);

/* Writes of each peer that is present, those with a key first. */
static void write_each_peer(struct metrics *metrics, peer_writer write) {
    size_t count = 0;
    for (int verified = 1; verified >= 0; verified--) {
        for (size_t i = 0; i < metrics->rows->count && count < METRICS_PEERS_MAX; i++) {
            const struct muster_peer *peer = &metrics->rows->peers[i];
            char id[MUSTER_ID_TEXT_BYTES];
            if (is_present(peer) && peer->verified == (verified == 1)) {
                muster_id_text(peer->id, id);
                const struct exposition_label who[] = {{"id", id}, {"name", peer->document.name}};
                write(metrics, peer, who);
                count++;
            }
        }
    }
}

/* As long as nothing of a peer was counted, its loss is not known. */
static void write_loss(struct metrics *metrics, const struct muster_peer *peer,
                       const struct exposition_label who[2]) {
    if (peer->received > 0) {
        exposition_number(&metrics->exposition, who, 2, peer->loss);
    }
}

static void write_age(struct metrics *metrics, const struct muster_peer *peer,
                      const struct exposition_label who[2]) {
    exposition_number(&metrics->exposition, who, 2, (double)peer->age_ms / 1000);
}

/* True when a tuple is the most recent one of its interface and path, by which that peer speaks to many. The
 * loss of unicast is not measured. */
static bool tells_loss(const struct muster_peer *peer, size_t tuple) {
    const struct muster_tuple *tuples = peer->tuples;
    const enum muster_path_kind path = tuples[tuple].path;
    for (size_t i = 0; i < tuple; i++) {
        if (tuples[i].path == path && strcmp(tuples[i].interface_name, tuples[tuple].interface_name) == 0) {
            return false;
        }
    }
    return path == MUSTER_PATH_M4 || path == MUSTER_PATH_M6 || path == MUSTER_PATH_B4;
}

static void write_path_loss(struct metrics *metrics, const struct muster_peer *peer,
                            const struct exposition_label who[2]) {
    for (size_t i = 0; i < peer->tuple_count; i++) {
        const struct muster_tuple *tuple = &peer->tuples[i];
        if (tells_loss(peer, i)) {
            const struct exposition_label labels[] = {who[0],
                                                      who[1],
                                                      {"interface", tuple->interface_name},
                                                      {"path", muster_path_name(tuple->path)}};
            exposition_number(&metrics->exposition, labels, COUNT(labels), tuple->loss);
        }
    }
}

static void write_peers(struct metrics *metrics) {
    write_states(metrics);
    begin(metrics, "muster_peer_age_seconds", EXPOSITION_GAUGE, "Time since a peer was last heard.");
    write_each_peer(metrics, write_age);
    begin(metrics, "muster_peer_loss_ratio", EXPOSITION_GAUGE,
          "Share of a peer's messages that came by no path, 0 to 1.");
    write_each_peer(metrics, write_loss);
    begin(metrics, "muster_peer_path_loss_ratio", EXPOSITION_GAUGE,
          "Share of a peer's messages that did not come by a path, 0 to 1.");
    write_each_peer(metrics, write_path_loss);
}

/* ---- readings ---- */

/* True when no earlier topic of the document has its name. */
static bool is_first_topic(const struct muster_document *document, size_t topic) {
    for (size_t i = 0; i < topic; i++) {
        if (strcmp(document->topics[i].name, document->topics[topic].name) == 0) {
            return false;
        }
    }
    return true;
}

static size_t write_topics_of(struct metrics *metrics, const struct muster_peer *peer, size_t room) {
    const struct muster_document *document = &peer->document;
    size_t count = 0;
    char id[MUSTER_ID_TEXT_BYTES];
    muster_id_text(peer->id, id);
    for (size_t i = 0; i < document->topic_count && count < room; i++) {
        const struct muster_topic *topic = &document->topics[i];
        const struct exposition_label labels[] = {
            {"id", id}, {"name", document->name}, {"topic", topic->name}};
        if (topic->rate > 0 && is_first_topic(document, i)) {
            exposition_number(&metrics->exposition, labels, COUNT(labels), topic->rate);
            count++;
        }
    }
    return count;
}

static void write_topics(struct metrics *metrics) {
    size_t count = 0;
    begin(metrics, "muster_topic_readings_per_second", EXPOSITION_GAUGE,
          "Records a second of each reading of a topic, as its publisher announces them.");
    count += write_topics_of(metrics, &metrics->self->peer, METRICS_TOPICS_MAX);
    for (int verified = 1; verified >= 0; verified--) {
        for (size_t i = 0; i < metrics->rows->count; i++) {
            const struct muster_peer *peer = &metrics->rows->peers[i];
            if (is_present(peer) && peer->verified == (verified == 1)) {
                count += write_topics_of(metrics, peer, METRICS_TOPICS_MAX - count);
            }
        }
    }
}

/* True when no other feed of this publisher and shard is of a later start of the publisher. */
static bool is_newest_feed(const struct muster_self *self, const struct muster_feed *feed) {
    for (size_t i = 0; i < self->feed_count; i++) {
        const struct muster_feed *other = &self->feeds[i];
        if (other->shard == feed->shard && memcmp(other->id, feed->id, MUSTER_ID_BYTES) == 0 &&
            other->boot > feed->boot) {
            return false;
        }
    }
    return true;
}

/* Writes of each feed of the latest start of its publisher. */
static void write_each_feed(struct metrics *metrics,
                            void (*write)(struct metrics *metrics, const struct muster_feed *feed,
                                          const struct exposition_label where[2])) {
    for (size_t i = 0; i < metrics->self->feed_count; i++) {
        const struct muster_feed *feed = &metrics->self->feeds[i];
        char id[MUSTER_ID_TEXT_BYTES];
        char shard[16];
        if (is_newest_feed(metrics->self, feed)) {
            muster_id_text(feed->id, id);
            snprintf(shard, sizeof(shard), "%u", feed->shard);
            const struct exposition_label where[] = {{"id", id}, {"shard", shard}};
            write(metrics, feed, where);
        }
    }
}

static void write_feed_received(struct metrics *metrics, const struct muster_feed *feed,
                                const struct exposition_label where[2]) {
    exposition_integer(&metrics->exposition, where, 2, feed->received);
}

static void write_feed_lost(struct metrics *metrics, const struct muster_feed *feed,
                            const struct exposition_label where[2]) {
    const struct {
        enum muster_loss_reason reason;
        uint64_t value;
    } losses[] = {{MUSTER_LOSS_WIRE, feed->lost_wire},
                  {MUSTER_LOSS_GONE, feed->lost_gone},
                  {MUSTER_LOSS_KERNEL, feed->lost_kernel},
                  {MUSTER_LOSS_PROGRAM, feed->lost_program}};
    for (size_t i = 0; i < COUNT(losses); i++) {
        const struct exposition_label labels[] = {
            where[0], where[1], {"reason", muster_loss_reason_name(losses[i].reason)}};
        exposition_integer(&metrics->exposition, labels, COUNT(labels), losses[i].value);
    }
}

static void write_feeds(struct metrics *metrics) {
    begin(metrics, "muster_feed_received_datagrams", EXPOSITION_COUNTER,
          "Datagrams of readings received, by publisher and shard.");
    write_each_feed(metrics, write_feed_received);
    begin(metrics, "muster_feed_lost_datagrams", EXPOSITION_COUNTER,
          "Datagrams of readings that did not come, by publisher, shard and reason.");
    write_each_feed(metrics, write_feed_lost);
}

void metrics_write(FILE *out, enum exposition_format format, const struct muster_self *self,
                   const struct muster_peer_list *rows) {
    char id[MUSTER_ID_TEXT_BYTES];
    muster_id_text(self->peer.id, id);
    const struct exposition_label common[] = {{"node", self->peer.document.name}, {"node_id", id}};
    struct metrics metrics = {
        .exposition = {.out = out, .format = format, .common = common, .common_count = COUNT(common)},
        .self = self,
        .rows = rows,
    };
    write_build(&metrics);
    write_peers(&metrics);
    write_topics(&metrics);
    write_feeds(&metrics);
    write_counters(&metrics);
    write_drops(&metrics);
    write_sockets(&metrics);
    write_figures(&metrics);
    exposition_end(&metrics.exposition);
}
