#include "traffic.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "complain.h"
#include "roster.h"
#include "table.h"
#include "text.h"

#define ID_DIGITS 8 /* of a publisher that is no peer any more */

struct feed_row {
    const struct muster_feed *feed;
    const struct roster_row *publisher; /* NULL: not known */
};

/* ---- what was published ---- */

void traffic_print_sender(const struct muster_sender *sender) {
    printf("  Published   %" PRIu64 " datagrams, %" PRIu64 " bytes; %" PRIu64 " sent again",
           sender->datagrams, sender->bytes, sender->repairs);
    if (sender->datagrams > 0) {
        printf(" (");
        text_print_share(stdout, (double)sender->repairs / (double)sender->datagrams);
        putchar(')');
    }
    printf("\n              %" PRIu64 " naks heard, %" PRIu64 " of them refused\n", sender->naks,
           sender->naks_refused);
}

void traffic_put_sender(struct document *document, document_node_t *object,
                        const struct muster_sender *sender) {
    document_put_integer(document, object, "datagrams", (int64_t)sender->datagrams);
    document_put_integer(document, object, "bytes", (int64_t)sender->bytes);
    document_put_integer(document, object, "repairs", (int64_t)sender->repairs);
    document_put_integer(document, object, "repair_bytes", (int64_t)sender->repair_bytes);
    document_put_integer(document, object, "naks", (int64_t)sender->naks);
    document_put_integer(document, object, "naks_refused", (int64_t)sender->naks_refused);
}

/* ---- feeds for people; rows are struct feed_row ---- */

static void print_publisher(FILE *out, const void *row) {
    const struct feed_row *feed_row = row;
    char id[MUSTER_ID_TEXT_BYTES];
    if (feed_row->publisher != NULL) {
        roster_print_label(out, feed_row->publisher);
    } else {
        muster_id_text(feed_row->feed->id, id);
        fprintf(out, "id:%.*s", ID_DIGITS, id);
    }
}

static void print_shard(FILE *out, const void *row) {
    fprintf(out, "%u", ((const struct feed_row *)row)->feed->shard);
}

static void print_way(FILE *out, const void *row) {
    fputs(((const struct feed_row *)row)->feed->is_by_stream ? "stream" : "group", out);
}

#define COUNTER(member)                                                         \
    static void print_##member(FILE *out, const void *row) {                    \
        fprintf(out, "%" PRIu64, ((const struct feed_row *)row)->feed->member); \
    }
COUNTER(received)
COUNTER(duplicates)
COUNTER(reordered)
COUNTER(repaired)
COUNTER(pending)
COUNTER(lost_wire)
COUNTER(lost_gone)
COUNTER(lost_kernel)
COUNTER(lost_program)
COUNTER(naks)
#undef COUNTER

static const struct table_column columns[] = {
    {"PUBLISHER", NULL, TABLE_CUT, print_publisher, NULL},
    {"SHARD", NULL, TABLE_RIGHT, print_shard, NULL},
    {"BY", NULL, 0, print_way, NULL},
    {"RECEIVED", NULL, TABLE_RIGHT, print_received, NULL},
    {"AGAIN", NULL, TABLE_RIGHT, print_duplicates, NULL},
    {"LATE", NULL, TABLE_RIGHT, print_reordered, NULL},
    {"REPAIRED", NULL, TABLE_RIGHT, print_repaired, NULL},
    {"NAKS", NULL, TABLE_RIGHT, print_naks, NULL},
    {"PENDING", NULL, TABLE_RIGHT, print_pending, NULL},
    {"WIRE", NULL, TABLE_RIGHT, print_lost_wire, NULL},
    {"GONE", NULL, TABLE_RIGHT, print_lost_gone, NULL},
    {"KERNEL", NULL, TABLE_RIGHT, print_lost_kernel, NULL},
    {"PROGRAM", NULL, TABLE_RIGHT, print_lost_program, NULL},
};

#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

static const struct roster_row *find_publisher(const struct roster *roster, const uint8_t *id) {
    for (size_t i = 0; i < roster->count; i++) {
        if (memcmp(roster->rows[i].peer->id, id, MUSTER_ID_BYTES) == 0) {
            return &roster->rows[i];
        }
    }
    return NULL;
}

static int print_table(bool wide, bool color, const struct traffic_feeds *feeds,
                       const struct roster *roster) {
    const struct table_column *choice[COLUMN_COUNT];
    const struct table_style style = {.wide = wide, .color = color};
    struct feed_row *rows = calloc(feeds->count, sizeof(*rows));
    if (rows == NULL) {
        return -1;
    }
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        choice[i] = &columns[i];
    }
    for (size_t i = 0; i < feeds->count; i++) {
        rows[i] = (struct feed_row){.feed = &feeds->feeds[i],
                                    .publisher = find_publisher(roster, feeds->feeds[i].id)};
    }
    putchar('\n');
    int result = table_print(choice, COLUMN_COUNT, rows, sizeof(rows[0]), feeds->count, style);
    free(rows);
    return result;
}

int traffic_print_feeds(const struct settings *settings, bool wide, const struct traffic_feeds *feeds) {
    struct roster roster = {0};
    if (feeds->count == 0) {
        return STATUS_OK;
    }
    int result = roster_init(&roster, feeds->peers);
    if (result == 0) {
        result = print_table(wide, settings_color(settings), feeds, &roster);
    }
    roster_deinit(&roster);
    return result == 0 ? STATUS_OK : complain_error(settings, MUSTER_ENOMEM);
}

/* ---- feeds as JSON ---- */

static const char *name_of(const struct muster_peer_list *peers, const uint8_t *id) {
    for (size_t i = 0; i < peers->count; i++) {
        if (memcmp(peers->peers[i].id, id, MUSTER_ID_BYTES) == 0) {
            return peers->peers[i].document.name;
        }
    }
    return NULL;
}

static void put_publisher(struct document *document, document_node_t *object, const struct muster_feed *feed,
                          const struct muster_peer_list *peers) {
    char id[MUSTER_ID_TEXT_BYTES];
    const char *name = name_of(peers, feed->id);
    muster_id_text(feed->id, id);
    document_put_text(document, object, "id", id);
    if (name != NULL) {
        document_put_text(document, object, "name", name);
    } else {
        document_put_null(document, object, "name");
    }
    document_put_integer(document, object, "boot", (int64_t)feed->boot);
    document_put_integer(document, object, "shard", feed->shard);
}

static void put_feed(struct document *document, document_node_t *object, const struct muster_feed *feed,
                     const struct muster_peer_list *peers) {
    put_publisher(document, object, feed, peers);
    document_put_bool(document, object, "by_stream", feed->is_by_stream);
    document_put_integer(document, object, "since", (int64_t)feed->since);
    document_put_integer(document, object, "sent", (int64_t)feed->sent);
    document_put_integer(document, object, "received", (int64_t)feed->received);
    document_put_integer(document, object, "bytes", (int64_t)feed->bytes);
    document_put_integer(document, object, "duplicates", (int64_t)feed->duplicates);
    document_put_integer(document, object, "reordered", (int64_t)feed->reordered);
    document_put_integer(document, object, "repaired", (int64_t)feed->repaired);
    document_put_integer(document, object, "naks", (int64_t)feed->naks);
    document_put_integer(document, object, "pending", (int64_t)feed->pending);
    document_node_t *lost = document_put_object(document, object, "lost");
    document_put_integer(document, lost, "wire", (int64_t)feed->lost_wire);
    document_put_integer(document, lost, "gone", (int64_t)feed->lost_gone);
    document_put_integer(document, lost, "kernel", (int64_t)feed->lost_kernel);
    document_put_integer(document, lost, "program", (int64_t)feed->lost_program);
}

void traffic_put_feeds(struct document *document, document_node_t *object, const struct traffic_feeds *feeds,
                       const uint8_t *id) {
    document_node_t *array = document_put_array(document, object, "feeds");
    for (size_t i = 0; i < feeds->count; i++) {
        if (id == NULL || memcmp(feeds->feeds[i].id, id, MUSTER_ID_BYTES) == 0) {
            put_feed(document, document_put_object(document, array, NULL), &feeds->feeds[i], feeds->peers);
        }
    }
}
