/* SPDX-License-Identifier: MIT */
#include "counters.h"

#include <inttypes.h>

#include "text.h"

void counters_write(struct writer *writer, const struct muster_counters *counters,
                    enum counters_scope scope) {
    const struct {
        enum counters_scope scope;
        const char *name;
        uint64_t value;
    } rows[] = {
        {COUNTERS_MESSAGES, "sent", counters->sent},
        {COUNTERS_MESSAGES, "questions", counters->questions},
        {COUNTERS_MESSAGES, "answers", counters->answers},
        {COUNTERS_MESSAGES, "evicted", counters->evicted},
        {COUNTERS_MESSAGES, "verifications", counters->verifications},
        {COUNTERS_MESSAGES, "outputs_dropped", counters->outputs_dropped},
        {COUNTERS_ALL, "streams_accepted", counters->streams_accepted},
        {COUNTERS_ALL, "streams_refused", counters->streams_refused},
        {COUNTERS_ALL, "streams_cut", counters->streams_cut},
        {COUNTERS_ALL, "requests", counters->requests},
        {COUNTERS_ALL, "tables", counters->tables},
        {COUNTERS_ALL, "documents", counters->documents},
        {COUNTERS_ALL, "fetches_failed", counters->fetches_failed},
        {COUNTERS_ALL, "histories_failed", counters->histories_failed},
        {COUNTERS_ALL, "samples_dropped", counters->samples_dropped},
        {COUNTERS_ALL, "cache_evicted", counters->cache_evicted},
        {COUNTERS_ALL, "feeds_evicted", counters->feeds_evicted},
    };
    writer_integer(writer, "received", NULL, counters->received);
    writer_integer(writer, "accepted", NULL, counters->accepted);
    writer_integer(writer, "copies", NULL, counters->copies);
    writer_object(writer, "drops");
    for (unsigned i = 0; i < MUSTER_DROP_COUNT; i++) {
        if (scope != COUNTERS_RECEIVED || counters->drops[i] > 0) {
            writer_integer(writer, muster_drop_name((enum muster_drop)i), NULL, counters->drops[i]);
        }
    }
    writer_end(writer);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].scope <= scope) {
            writer_integer(writer, rows[i].name, NULL, rows[i].value);
        }
    }
}

void counters_print(const struct muster_counters *counters) {
    printf("  Received    %" PRIu64 " datagrams: %" PRIu64 " accepted, %" PRIu64 " copies\n",
           counters->received, counters->accepted, counters->copies);
    for (int i = 0; i < MUSTER_DROP_COUNT; i++) {
        if (counters->drops[i] > 0) {
            printf("              %" PRIu64 " dropped: %s (%s)\n", counters->drops[i],
                   muster_drop_meaning((enum muster_drop)i), muster_drop_name((enum muster_drop)i));
        }
    }
    printf("  Sent        %" PRIu64 " datagrams: %" PRIu64 " questions, %" PRIu64 " answers; %" PRIu64
           " could not be sent\n",
           counters->sent, counters->questions, counters->answers, counters->outputs_dropped);
    printf("  Streams     %" PRIu64 " accepted, %" PRIu64 " refused, %" PRIu64 " cut off; %" PRIu64
           " requests answered\n",
           counters->streams_accepted, counters->streams_refused, counters->streams_cut, counters->requests);
    printf("  Fetched     %" PRIu64 " tables, %" PRIu64 " documents; %" PRIu64 " could not be had\n",
           counters->tables, counters->documents, counters->fetches_failed);
    printf("  Samples     %" PRIu64 " by stream dropped, %" PRIu64 " histories could not be had; %" PRIu64
           " kept topics made room for others\n",
           counters->samples_dropped, counters->histories_failed, counters->cache_evicted);
    printf("  Verified    %" PRIu64 " signatures; %" PRIu64 " rows and %" PRIu64
           " feeds made room for others\n",
           counters->verifications, counters->evicted, counters->feeds_evicted);
}

void counters_print_line(const struct muster_counters *counters) {
    uint64_t dropped = 0;
    const char *separator = ": ";
    for (unsigned i = 0; i < MUSTER_DROP_COUNT; i++) {
        dropped += counters->drops[i];
    }
    printf("%s  stats      received %" PRIu64 ", accepted %" PRIu64 ", copies %" PRIu64 ", sent %" PRIu64
           ", dropped %" PRIu64,
           text_now().text, counters->received, counters->accepted, counters->copies, counters->sent,
           dropped);
    for (unsigned i = 0; i < MUSTER_DROP_COUNT; i++) {
        if (counters->drops[i] > 0) {
            printf("%s%s %" PRIu64, separator, muster_drop_name((enum muster_drop)i), counters->drops[i]);
            separator = ", ";
        }
    }
    putchar('\n');
}
