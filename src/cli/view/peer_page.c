/* SPDX-License-Identifier: MIT */
#include "peer_page.h"

#include <inttypes.h>
#include <stdio.h>

#include "peer.h"
#include "text.h"

/* ---- what is known of it ---- */

void peer_page_print_head(const struct muster_peer *peer) {
    printf("%s\n  Id          %s, boot %" PRIu64 ", revision %" PRIu64 "\n",
           text_name(peer->document.name).text, text_id(peer->id).text, peer->boot, peer->rev);
}

static void print_state(const struct muster_peer *peer, bool color) {
    printf("  State       %s%s%s, %s%s\n", color ? text_state_color(peer->state) : "",
           muster_state_name(peer->state), color ? TEXT_COLOR_END : "",
           peer->verified ? "verified" : "unverified: no key vouches for what it says",
           peer->provisional ? "; told by another peer, not heard yet" : "");
}

static void print_address(const struct muster_peer *peer) {
    printf("  Address     %s on %s", text_endpoint(&peer->address, peer->address.port).text,
           peer->interface_name[0] != '\0' ? text_name(peer->interface_name).text : "-");
    if (!peer->self) {
        printf(" by %s", text_paths(peer->paths).text);
    }
    putchar('\n');
}

static void print_heard(const struct muster_peer *peer) {
    if (peer->self) {
        printf("  Heard       never: it is the muster that was asked, see muster show --self\n");
        return;
    }
    printf("  Heard       %s ago", text_duration((int64_t)peer->age_ms).text);
    if (roster_is_there(peer)) {
        printf("%s%s", peer->next_ms >= 0 ? ", promised to speak again within " : ", overdue by ",
               text_duration(peer->next_ms >= 0 ? peer->next_ms : -peer->next_ms).text);
    }
    printf("; known for %s\n", text_duration((int64_t)peer->since_ms).text);
}

static void print_messages(const struct muster_peer *peer) {
    printf("  Messages    %" PRIu64 " received, %" PRIu64 " copies, %s lost\n", peer->received, peer->copies,
           text_share(peer->loss).text);
}

/* ---- what it says of itself ---- */

/* Prints the title of a list before its first line, and blanks before the others. */
static void print_title(const char *title, size_t line) {
    printf("  %-12s", line == 0 ? title : "");
}

static void print_services(const struct muster_document *document) {
    for (size_t i = 0; i < document->service_count; i++) {
        const struct muster_service *service = &document->services[i];
        print_title("Services", i);
        fputs(text_service(service).text, stdout);
        if (service->name[0] != '\0') {
            printf("  \"%s\"", text_name(service->name).text);
        }
        if (service->txt_count > 0) {
            printf("  ");
            text_print_items(stdout, service->txt, service->txt_count);
        }
        putchar('\n');
    }
}

static void print_attrs(const struct muster_document *document) {
    for (size_t i = 0; i < document->attr_count; i++) {
        print_title("Attributes", i);
        text_print_items(stdout, &document->attrs[i], 1);
        putchar('\n');
    }
}

static void print_topics(const struct muster_document *document) {
    for (size_t i = 0; i < document->topic_count; i++) {
        const struct muster_topic *topic = &document->topics[i];
        print_title("Topics", i);
        text_print(stdout, topic->name);
        if (topic->unit[0] != '\0') {
            printf("  %s", text_name(topic->unit).text);
        }
        if (topic->unit_count > 0) {
            printf("  ");
            text_print_items(stdout, topic->units, topic->unit_count);
        }
        if (topic->rate > 0) {
            printf("  %g/s", topic->rate);
        }
        putchar('\n');
    }
}

static void print_caches(const struct muster_document *document) {
    for (size_t i = 0; i < document->cache_count; i++) {
        print_title("Caches", i);
        text_print(stdout, document->caches[i]);
        putchar('\n');
    }
}

int peer_page_print(const struct muster_peer *peer, struct table_style style) {
    peer_page_print_head(peer);
    print_state(peer, style.color);
    print_address(peer);
    print_heard(peer);
    if (!peer->self) {
        print_messages(peer);
    }
    print_services(&peer->document);
    print_attrs(&peer->document);
    print_topics(&peer->document);
    print_caches(&peer->document);
    putchar('\n');
    return table_print(NULL, peer_tuples(peer), style);
}
