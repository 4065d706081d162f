#include "offer.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "text.h"

/* ---- collecting ---- */

const char *offer_name(const struct offer *offer) {
    if (offer->service->name[0] != '\0') {
        return offer->service->name;
    }
    return offer->row->peer->document.name;
}

/* By peer's name and id, type and port: two offers never compare equal. */
static int compare_names(const struct offer *a, const struct offer *b) {
    int result = strcmp(a->row->peer->document.name, b->row->peer->document.name);
    if (result == 0) {
        result = memcmp(a->row->peer->id, b->row->peer->id, MUSTER_ID_BYTES);
    }
    if (result == 0) {
        result = strcmp(a->service->type, b->service->type);
    }
    if (result == 0) {
        result = a->service->port - b->service->port;
    }
    if (result == 0) {
        result = strcmp(a->service->proto, b->service->proto);
    }
    return result;
}

static int compare_by_type(const void *left, const void *right) {
    const struct offer *a = left;
    const struct offer *b = right;
    int result = strcmp(a->service->type, b->service->type);
    return result != 0 ? result : compare_names(a, b);
}

static int compare_by_trust(const void *left, const void *right) {
    const struct offer *a = left;
    const struct offer *b = right;
    if (a->row->peer->state != b->row->peer->state) {
        return a->row->peer->state < b->row->peer->state ? -1 : 1;
    }
    if (a->row->peer->verified != b->row->peer->verified) {
        return a->row->peer->verified ? -1 : 1;
    }
    return compare_names(a, b);
}

/* Collects the offers of one row into room that is large enough. */
static void collect(struct offers *offers, const struct roster_row *row, const struct selector *selector) {
    const struct muster_document *document = &row->peer->document;
    if (!roster_is_there(row->peer)) {
        return;
    }
    for (size_t i = 0; i < document->service_count; i++) {
        const struct muster_service *service = &document->services[i];
        if (selector != NULL && !selector_matches_service(selector, row->peer, service)) {
            continue;
        }
        offers->offers[offers->count++] = (struct offer){.row = row, .service = service};
    }
}

int offers_init(struct offers *offers, const struct roster *roster, const struct selector *selector,
                enum offer_order order) {
    size_t room = 0;
    *offers = (struct offers){0};
    for (size_t i = 0; i < roster->count; i++) {
        room += roster->rows[i].peer->document.service_count;
    }
    if (room == 0) {
        return 0;
    }
    offers->offers = calloc(room, sizeof(*offers->offers));
    if (offers->offers == NULL) {
        return -1;
    }
    for (size_t i = 0; i < roster->count; i++) {
        collect(offers, &roster->rows[i], selector);
    }
    qsort(offers->offers, offers->count, sizeof(*offers->offers),
          order == OFFER_BY_TYPE ? compare_by_type : compare_by_trust);
    return 0;
}

void offers_deinit(struct offers *offers) {
    free(offers->offers);
    *offers = (struct offers){0};
}

/* ---- JSON ---- */

void offers_put_json(struct document *document, const struct offers *offers) {
    document_node_t *services = document_put_array(document, NULL, "services");
    for (size_t i = 0; i < offers->count; i++) {
        const struct muster_peer *peer = offers->offers[i].row->peer;
        document_node_t *service = document_put_object(document, services, NULL);
        json_put_service(document, service, offers->offers[i].service);
        json_put_address(document, service, "address", &peer->address);
        json_put_owner(document, service, peer);
    }
}

/* ---- templates ---- */

static void print_service_name(FILE *out, const struct offer *offer) {
    text_print(out, offer_name(offer));
}

static void print_peer_name(FILE *out, const struct offer *offer) {
    text_print(out, offer->row->peer->document.name);
}

static void print_type(FILE *out, const struct offer *offer) {
    text_print(out, offer->service->type);
}

static void print_proto(FILE *out, const struct offer *offer) {
    text_print(out, offer->service->proto);
}

static void print_address(FILE *out, const struct offer *offer) {
    text_print_address(out, &offer->row->peer->address);
}

static void print_port(FILE *out, const struct offer *offer) {
    fprintf(out, "%u", offer->service->port);
}

static void print_interface(FILE *out, const struct offer *offer) {
    text_print(out, offer->row->peer->interface_name);
}

static void print_id(FILE *out, const struct offer *offer) {
    char id[MUSTER_ID_TEXT_BYTES];
    muster_id_text(offer->row->peer->id, id);
    fputs(id, out);
}

static const struct placeholder {
    const char *name;
    const char *help;
    void (*print)(FILE *out, const struct offer *offer);
} placeholders[] = {
    {"name", "name of the peer", print_peer_name},
    {"type", "type of the service, \"http\"", print_type},
    {"proto", "tcp or udp", print_proto},
    {"address", "where the peer's datagrams come from", print_address},
    {"port", "port of the service", print_port},
    {"service", "the service's own name, or the peer's", print_service_name},
    {"interface", "interface that the peer was heard on", print_interface},
    {"id", "id of the peer", print_id},
};

#define PLACEHOLDER_COUNT (sizeof(placeholders) / sizeof(placeholders[0]))
#define TXT_PREFIX "txt."

/* The placeholder of a name of `length` bytes, or NULL. */
static const struct placeholder *find_placeholder(const char *name, size_t length) {
    for (size_t i = 0; i < PLACEHOLDER_COUNT; i++) {
        if (strlen(placeholders[i].name) == length && memcmp(placeholders[i].name, name, length) == 0) {
            return &placeholders[i];
        }
    }
    return NULL;
}

static bool is_txt(const char *name, size_t length) {
    return length > strlen(TXT_PREFIX) && strncmp(name, TXT_PREFIX, strlen(TXT_PREFIX)) == 0;
}

/* True at "{{" and "}}", which stand for one brace. */
static bool is_doubled_brace(const char *at) {
    return (at[0] == '{' || at[0] == '}') && at[1] == at[0];
}

int offer_check_template(const char *template, struct reason *reason) {
    if (template[0] == '\0') {
        return reason_set(reason, "expected a text such as '{address}:{port}'");
    }
    for (const char *at = template; *at != '\0'; at++) {
        if (is_doubled_brace(at)) {
            at++;
        } else if (*at == '}') {
            return reason_set(reason, "expected } only after {, or twice");
        } else if (*at == '{') {
            size_t length = strcspn(at + 1, "{}");
            if (at[1 + length] != '}') {
                return reason_set(reason, "expected } after '%.64s'", at);
            }
            if (find_placeholder(at + 1, length) == NULL && !is_txt(at + 1, length)) {
                return reason_set(reason,
                                  "no such placeholder '{%.*s}', expected {name}, {type}, {proto}, "
                                  "{address}, {port}, {service}, {interface}, {id} or {txt.KEY}",
                                  length > 64 ? 64 : (int)length, at + 1);
            }
            at += 1 + length;
        }
    }
    return 0;
}

/* Prints the value of a txt key; nothing when the service has no such key. */
static void print_txt(FILE *out, const struct muster_service *service, const char *key, size_t length) {
    for (size_t i = 0; i < service->txt_count; i++) {
        if (strlen(service->txt[i].name) == length && memcmp(service->txt[i].name, key, length) == 0) {
            text_print(out, service->txt[i].value);
        }
    }
}

void offer_print(FILE *out, const char *template, const struct offer *offer) {
    for (const char *at = template; *at != '\0'; at++) {
        if (*at != '{' || is_doubled_brace(at)) {
            if (is_doubled_brace(at)) {
                at++;
            }
            fputc(*at, out);
            continue;
        }
        const char *name = at + 1;
        size_t length = strcspn(name, "}");
        const struct placeholder *placeholder = find_placeholder(name, length);
        if (placeholder != NULL) {
            placeholder->print(out, offer);
        } else {
            print_txt(out, offer->service, name + strlen(TXT_PREFIX), length - strlen(TXT_PREFIX));
        }
        at = name + length;
    }
    fputc('\n', out);
}

void offer_describe_templates(FILE *out) {
    fprintf(out, "Placeholders:\n");
    for (size_t i = 0; i < PLACEHOLDER_COUNT; i++) {
        fprintf(out, "  {%s}%*s%s\n", placeholders[i].name, 12 - (int)strlen(placeholders[i].name), "",
                placeholders[i].help);
    }
    fprintf(out, "  {txt.KEY}     value of that txt key, or nothing\n"
                 "  {{ and }}     a brace\n");
}
