#include "self.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <uv.h>

#include "complain.h"
#include "json.h"
#include "local.h"
#include "session.h"
#include "table.h"
#include "text.h"
#include "traffic.h"

struct self_look {
    const struct settings *settings;
    muster_local_t *local;
    uv_timer_t deadline;
    bool json;
    bool wide;
    struct muster_peer_list peers; /* to name publishers by */
    bool has_peers;                /* or as much of them as there was memory for */
    bool is_again;
    bool is_over;
    int status;
};

/* ---- the sockets; rows are struct muster_socket ---- */

static void print_protocol(FILE *out, const void *row) {
    fputs(((const struct muster_socket *)row)->protocol, out);
}

static void print_address(FILE *out, const void *row) {
    const struct muster_socket *socket = row;
    if (socket->address.family == 0) {
        fputc('-', out);
    } else {
        text_print_endpoint(out, &socket->address, socket->address.port);
    }
}

static void print_interface(FILE *out, const void *row) {
    const char *name = ((const struct muster_socket *)row)->interface_name;
    text_print(out, name[0] != '\0' ? name : "-");
}

static void print_buffer(FILE *out, const void *row) {
    uint32_t bytes = ((const struct muster_socket *)row)->buffer_bytes;
    if (bytes > 0) {
        fprintf(out, "%" PRIu32, bytes);
    } else {
        fputc('-', out);
    }
}

static void print_drops(FILE *out, const void *row) {
    fprintf(out, "%" PRIu64, ((const struct muster_socket *)row)->kernel_drops);
}

static void print_failed(FILE *out, const void *row) {
    fprintf(out, "%" PRIu64, ((const struct muster_socket *)row)->failed);
}

static const struct table_column columns[] = {
    {"SOCKET", NULL, 0, print_protocol, NULL},       {"ADDRESS", NULL, 0, print_address, NULL},
    {"IF", NULL, 0, print_interface, NULL},          {"BUFFER", NULL, TABLE_RIGHT, print_buffer, NULL},
    {"DROPS", NULL, TABLE_RIGHT, print_drops, NULL}, {"FAILED", NULL, TABLE_RIGHT, print_failed, NULL},
};

#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

/* ---- text ---- */

static void print_counters(const struct muster_counters *counters) {
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
    printf("  Samples     %" PRIu64 " by stream dropped; %" PRIu64 " kept topics made room for others\n",
           counters->samples_dropped, counters->keeps_evicted);
    printf("  Verified    %" PRIu64 " signatures; %" PRIu64 " rows and %" PRIu64
           " feeds made room for others\n",
           counters->verifications, counters->evicted, counters->feeds_evicted);
}

static struct traffic_feeds feeds_of(const struct self_look *look, const struct muster_self *self) {
    return (struct traffic_feeds){.feeds = self->feeds, .count = self->feed_count, .peers = &look->peers};
}

static int print_tables(const struct self_look *look, const struct muster_self *self) {
    const struct table_column *choice[COLUMN_COUNT];
    const struct table_style style = {.wide = look->wide, .color = settings_color(look->settings)};
    const struct traffic_feeds feeds = feeds_of(look, self);
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        choice[i] = &columns[i];
    }
    putchar('\n');
    if (table_print(choice, COLUMN_COUNT, self->sockets, sizeof(self->sockets[0]), self->socket_count,
                    style) != 0) {
        return complain_error(look->settings, MUSTER_ENOMEM);
    }
    int status = traffic_print_feeds(look->settings, look->wide, &feeds);
    if (status == STATUS_OK && self->feeds_known > self->feed_count) {
        printf("and %zu more\n", self->feeds_known - self->feed_count);
    }
    return status;
}

static int print_text(const struct self_look *look, const struct muster_self *self) {
    const struct muster_peer *peer = &self->peer;
    char id[MUSTER_ID_TEXT_BYTES];
    char interfaces[256];
    muster_id_text(peer->id, id);
    session_list_interfaces(self->paths, self->path_count, interfaces, sizeof(interfaces));
    text_print(stdout, peer->document.name);
    printf("\n  Id          %s, boot %" PRIu64 ", revision %" PRIu64 "\n", id, peer->boot, peer->rev);
    printf("  Muster      ");
    text_print(stdout, self->version);
    printf(", up for ");
    text_print_duration(stdout, (int64_t)peer->since_ms);
    printf(", speaks every ");
    text_print_duration(stdout, (int64_t)self->interval_ms);
    printf("\n  Listens     on ");
    text_print(stdout, interfaces[0] != '\0' ? interfaces : "nothing");
    printf(", port %u, unicast ", self->port);
    text_print_endpoint(stdout, &peer->address, peer->address.port);
    printf("\n  Peers       %zu alive or suspect\n", self->peers);
    print_counters(&self->counters);
    traffic_print_sender(&self->sender);
    return print_tables(look, self);
}

/* ---- JSON ---- */

static void put_sockets(struct document *document, const struct muster_self *self) {
    document_node_t *sockets = document_put_array(document, NULL, "sockets");
    for (size_t i = 0; i < self->socket_count; i++) {
        const struct muster_socket *socket = &self->sockets[i];
        document_node_t *node = document_put_object(document, sockets, NULL);
        document_put_text(document, node, "protocol", socket->protocol);
        json_put_address(document, node, "address", &socket->address);
        document_put_integer(document, node, "port", socket->address.port);
        json_put_interface(document, node, socket->interface_name);
        document_put_integer(document, node, "buffer_bytes", socket->buffer_bytes);
        document_put_integer(document, node, "kernel_drops", (int64_t)socket->kernel_drops);
        document_put_integer(document, node, "failed", (int64_t)socket->failed);
    }
}

static void put_telemetry(struct document *document, const struct self_look *look,
                          const struct muster_self *self) {
    const struct traffic_feeds feeds = feeds_of(look, self);
    document_node_t *object = document_put_object(document, NULL, "telemetry");
    traffic_put_sender(document, document_put_object(document, object, "sender"), &self->sender);
    traffic_put_feeds(document, object, &feeds, NULL);
    document_put_integer(document, object, "feeds_known", (int64_t)self->feeds_known);
}

static int print_json(const struct self_look *look, const struct muster_self *self) {
    struct document document;
    document_init(&document);
    document_put_integer(&document, NULL, "schema", JSON_SCHEMA);
    document_node_t *object = document_put_object(&document, NULL, "self");
    json_put_peer(&document, object, &self->peer);
    document_put_text(&document, NULL, "version", self->version);
    document_put_integer(&document, NULL, "port", self->port);
    document_put_integer(&document, NULL, "interval_ms", (int64_t)self->interval_ms);
    document_put_integer(&document, NULL, "peers", (int64_t)self->peers);
    put_sockets(&document, self);
    json_put_all_counters(&document, &self->counters);
    put_telemetry(&document, look, self);
    int error = json_print(&document, true);
    document_deinit(&document);
    return error == 0 ? STATUS_OK : complain_error(look->settings, MUSTER_ENOMEM);
}

/* ---- asking ---- */

static void finish(struct self_look *look) {
    if (!look->is_over) {
        look->is_over = true;
        muster_local_close(look->local, NULL, NULL);
        uv_close((uv_handle_t *)&look->deadline, NULL);
    }
}

/* A publisher that there is no memory for is shown by its id. */
static void on_row(enum muster_peer_event event, const struct muster_peer *peer, void *context) {
    struct self_look *look = context;
    (void)event;
    muster_peer_list_add(&look->peers, peer);
}

/* Whoever publishes is a row of the table, which is asked for only where it is needed; then it says it all
 * again. */
static void on_self(const struct muster_self *self, void *context) {
    struct self_look *look = context;
    if (self->feed_count > 0 && !look->has_peers) {
        look->is_again = true;
        return;
    }
    look->status = look->json ? print_json(look, self) : print_text(look, self);
}

static void on_end(int error, const char *text, void *context);

static int ask_again(struct self_look *look) {
    look->is_again = false;
    look->has_peers = true;
    int error = muster_local_table(look->local, on_row, NULL, look);
    return error != 0 ? error : muster_local_self(look->local, on_self, on_end, look);
}

static void on_end(int error, const char *text, void *context) {
    struct self_look *look = context;
    if (error == 0 && look->is_again) {
        error = ask_again(look);
        if (error == 0) {
            return;
        }
    }
    if (error == MUSTER_ENOTFOUND) {
        complain(look->settings, "no muster runs here on that port and those interfaces");
        look->status = STATUS_NOBODY;
    } else if (error != 0) {
        local_complain(look->settings, error, text);
        look->status = STATUS_ERROR;
    }
    finish(look);
}

static void on_late(uv_timer_t *timer) {
    struct self_look *look = timer->data;
    complain(look->settings, "the running muster did not answer before --timeout");
    look->status = STATUS_TIMED_OUT;
    finish(look);
}

static void start(struct self_look *look, uv_loop_t *loop, uint64_t timeout_ms) {
    uv_timer_init(loop, &look->deadline);
    look->deadline.data = look;
    uv_timer_start(&look->deadline, on_late, timeout_ms, 0);
    int error = muster_local_self(look->local, on_self, on_end, look);
    if (error != 0) {
        on_end(error, NULL, look);
    }
}

int self_show(const struct settings *settings, bool json, bool wide, uint64_t timeout_ms) {
    struct self_look look = {.settings = settings, .json = json, .wide = wide, .status = STATUS_OK};
    uv_loop_t loop;
    if (uv_loop_init(&loop) != 0) {
        return complain_error(settings, MUSTER_ESYSTEM);
    }
    int status = local_open(settings, NULL, 0, &loop, &look.local);
    if (status == STATUS_OK) {
        start(&look, &loop, timeout_ms);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    muster_peer_list_free(&look.peers);
    if (status == STATUS_NOBODY && settings->socket == NULL) {
        complain(settings, "no muster announce runs here");
    }
    return status == STATUS_OK ? look.status : status;
}
