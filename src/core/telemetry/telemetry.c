#include "telemetry.h"

#include "arrival.h"
#include "deadline.h"
#include "node.h"
#include "signal.h"

void telemetry_step(struct muster_core *core, const struct muster_datagram *datagram, unsigned shard) {
    arrival_drop_all(core);
    if (paths_find(&core->paths, datagram->interface, MUSTER_PATH_M4) == NULL) {
        core->admission.counters.received++;
        core->admission.counters.drops[MUSTER_DROP_PATH]++;
        return;
    }
    feed_table_note_drops(&core->subscriber.feeds, datagram, core->now_ms);
    arrival_begin(core, datagram, shard);
    if (shard == MUSTER_SHARDS || (core->subscriber.ordered | core->subscriber.newest) == 0) {
        arrival_take_all(core);
    }
}

void telemetry_note_sent(struct muster_core *core, struct peer *peer, const struct message *message) {
    if (message->kind == MESSAGE_ANNOUNCE && peer->large == NULL) { /* else its body will say it, or has */
        telemetry_note_document(core, peer, &message->document);
    }
    catchup_note_heard(core, peer);
    feed_table_note_sent(core, peer, message);
}

void telemetry_note_document(struct muster_core *core, struct peer *peer,
                             const struct muster_document *document) {
    subscriber_note_topics(core, peer, document);
    catchup_note_topics(core, peer, document);
}

void telemetry_send(struct muster_core *core, const struct signal *signal,
                    const struct muster_endpoint *group, uint32_t interface) {
    char text[MUSTER_DATAGRAM_BYTES_MAX];
    struct packet *packet = packet_new((const uint8_t *)text, signal_write(signal, text));
    if (packet != NULL && outbox_put_datagram(&core->outbox, packet, group, interface)) {
        core->admission.counters.sent++;
    } else {
        core->admission.counters.outputs_dropped++;
    }
    packet_release(packet);
}

void telemetry_tick(struct muster_core *core) {
    publisher_tick(core);
    subscriber_tick(core);
    sender_tick(core);
    feed_table_tick(core);
    follow_tick(core);
    catchup_tick(core);
}

uint64_t telemetry_deadline(const struct muster_core *core) {
    uint64_t deadline_ms = deadline_earlier(publisher_deadline(core), sender_deadline(core));
    deadline_ms = deadline_earlier(deadline_ms, subscriber_deadline(core));
    deadline_ms = deadline_earlier(deadline_ms, feed_table_deadline(core));
    deadline_ms = deadline_earlier(deadline_ms, follow_deadline(core));
    return deadline_earlier(deadline_ms, catchup_deadline(core));
}
