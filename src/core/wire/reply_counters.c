#include "reply_counters.h"

#include <stddef.h>

#include <muster/telemetry.h>

#define COUNTER(member) \
    { #member, offsetof(struct muster_counters, member) }
#define SENDER(member) \
    { #member, offsetof(struct muster_sender, member) }
#define FEED(member) \
    { #member, offsetof(struct muster_feed, member) }
const struct reply_counter_row reply_counters[REPLY_COUNTERS] = {
    COUNTER(received),        COUNTER(accepted),         COUNTER(copies),          COUNTER(sent),
    COUNTER(questions),       COUNTER(answers),          COUNTER(evicted),         COUNTER(verifications),
    COUNTER(outputs_dropped), COUNTER(streams_accepted), COUNTER(streams_refused), COUNTER(streams_cut),
    COUNTER(requests),        COUNTER(tables),           COUNTER(documents),       COUNTER(fetches_failed),
    COUNTER(samples_dropped), COUNTER(keeps_evicted),    COUNTER(feeds_evicted),
};
const struct reply_counter_row reply_sender_counters[REPLY_SENDER_COUNTERS] = {
    SENDER(datagrams),    SENDER(bytes), SENDER(repairs),
    SENDER(repair_bytes), SENDER(naks),  SENDER(naks_refused),
};
const struct reply_counter_row reply_feed_counters[REPLY_FEED_COUNTERS] = {
    FEED(boot),       FEED(since),       FEED(sent),         FEED(received), FEED(bytes),
    FEED(duplicates), FEED(reordered),   FEED(repaired),     FEED(pending),  FEED(lost_wire),
    FEED(lost_gone),  FEED(lost_kernel), FEED(lost_program), FEED(naks),
};
