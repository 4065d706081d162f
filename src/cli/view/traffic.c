/* SPDX-License-Identifier: MIT */
#include "traffic.h"

#include <inttypes.h>
#include <stdio.h>

#include "text.h"

#define ID_DIGITS 8 /* of a publisher that is no peer any more */

/* ---- what was published ---- */

void traffic_print_sender(const struct muster_sender *sender) {
    printf("  Published   %" PRIu64 " datagrams, %" PRIu64 " bytes; %" PRIu64 " sent again",
           sender->datagrams, sender->bytes, sender->repairs);
    if (sender->datagrams > 0) {
        printf(" (%s)", text_share((double)sender->repairs / (double)sender->datagrams).text);
    }
    printf("\n              %" PRIu64 " naks heard, %" PRIu64 " of them refused\n", sender->naks,
           sender->naks_refused);
}

void traffic_write_sender(struct writer *writer, const struct muster_sender *sender) {
    writer_integer(writer, "datagrams", NULL, sender->datagrams);
    writer_integer(writer, "bytes", NULL, sender->bytes);
    writer_integer(writer, "repairs", NULL, sender->repairs);
    writer_integer(writer, "repair_bytes", NULL, sender->repair_bytes);
    writer_integer(writer, "naks", NULL, sender->naks);
    writer_integer(writer, "naks_refused", NULL, sender->naks_refused);
}

/* ---- what is heard ---- */

/* Writes the publisher of a feed, who may be a peer of the roster that is the writer's context. */
static void write_publisher(struct writer *writer, const struct muster_feed *feed) {
    const struct roster_row *publisher = roster_find(writer->context, feed->id);
    const struct text_short id = text_id(feed->id);
    writer_text(writer, "id", NULL, id.text);
    if (publisher != NULL) {
        writer_shown(writer, "PUBLISHER", WRITER_CUT, NULL, "%s", roster_label(publisher).text);
        writer_text(writer, "name", NULL, publisher->peer->document.name);
    } else {
        writer_shown(writer, "PUBLISHER", WRITER_CUT, NULL, "id:%.*s", ID_DIGITS, id.text);
        writer_null(writer, "name");
    }
}

/* The headings of what is lost are those of the reasons. */
void traffic_write_lost(struct writer *writer, const struct muster_feed *feed) {
    const bool is_object = writer_object(writer, "lost");
    writer_integer(writer, "wire", "WIRE", feed->lost_wire);
    writer_integer(writer, "gone", "GONE", feed->lost_gone);
    writer_integer(writer, "kernel", "KERNEL", feed->lost_kernel);
    writer_integer(writer, "program", "PROGRAM", feed->lost_program);
    if (is_object) {
        writer_end(writer);
    }
}

static void write_feed(struct writer *writer, const void *muster_feed) {
    const struct muster_feed *feed = muster_feed;
    write_publisher(writer, feed);
    writer_integer(writer, "boot", NULL, feed->boot);
    writer_integer(writer, "shard", "SHARD", feed->shard);
    writer_text(writer, NULL, "BY", feed->is_streamed ? "stream" : "group");
    writer_bool(writer, "streamed", NULL, feed->is_streamed);
    writer_integer(writer, "since", NULL, feed->since);
    writer_integer(writer, "sent", NULL, feed->sent);
    writer_integer(writer, "received", "RECEIVED", feed->received);
    writer_integer(writer, "bytes", NULL, feed->bytes);
    writer_integer(writer, "duplicates", "AGAIN", feed->duplicates);
    writer_integer(writer, "reordered", "LATE", feed->reordered);
    writer_integer(writer, "repaired", "REPAIRED", feed->repaired);
    writer_integer(writer, "naks", "NAKS", feed->naks);
    writer_integer(writer, "pending", "PENDING", feed->pending);
    traffic_write_lost(writer, feed);
}

struct writer_rows traffic_rows(const struct muster_feed *feeds, size_t count, const struct roster *roster) {
    return (struct writer_rows){write_feed, feeds, sizeof(*feeds), count, roster};
}

int traffic_print(struct writer_rows rows, struct table_style style) {
    static const char *const expendable[] = {"SHARD", "AGAIN", "LATE", "NAKS", "PENDING", "REPAIRED", NULL};
    style.expendable = expendable;
    if (rows.count > 0) {
        putchar('\n');
    }
    return table_print(NULL, rows, style);
}
