/* SPDX-License-Identifier: MIT */
/* Which of several bridges carries what. */
#include <string.h>

#include "election.h"
#include "test.h"

#define OWN_ID 5

static struct muster_text txt[2];
static struct muster_service service = {
    .type = ELECTION_TYPE, .proto = ELECTION_PROTO, .port = ELECTION_PORT, .txt = txt, .txt_count = 2};

/* A peer of this id at 10.0.0.HOST; carried NULL: it is no bridge. */
static struct muster_peer peer_of(uint8_t id, uint8_t host, const char *carried, const char *in) {
    struct muster_peer peer = {
        .id = {id}, .state = MUSTER_ALIVE, .address = {.family = 4, .ip = {10, 0, 0, host}, .port = 19798}};
    txt[0] = (struct muster_text){ELECTION_FOR, carried};
    txt[1] = (struct muster_text){ELECTION_IN, in};
    peer.document = (struct muster_document){.services = &service, .service_count = carried != NULL ? 1 : 0};
    return peer;
}

static bool take(struct election *election, uint8_t id, uint8_t host, const char *carried, const char *in) {
    const struct muster_peer peer = peer_of(id, host, carried, in);
    return election_take(election, &peer);
}

static bool carries(const struct election *election, uint8_t host, bool is_here) {
    const struct muster_peer peer = peer_of(99, host, NULL, NULL);
    return election_carries_out(election, &peer, is_here);
}

TEST(the_lowest_id_brings_in) {
    struct election election = {.id = {OWN_ID}};
    assert_true(election_leads_in(&election));
    assert_true(take(&election, 9, 2, "self", "yes"));
    assert_true(election_leads_in(&election));
    assert_true(take(&election, 1, 3, "self", "no"));
    assert_true(election_leads_in(&election));
    assert_true(take(&election, 1, 3, "self", "yes"));
    assert_false(election_leads_in(&election));
    assert_false(take(&election, 1, 3, "self", "yes"));
    struct muster_peer lost = peer_of(1, 3, "self", "yes");
    lost.state = MUSTER_SUSPECT;
    assert_false(election_take(&election, &lost));
    lost.state = MUSTER_LOST;
    assert_true(election_take(&election, &lost));
    assert_true(election_leads_in(&election));
    assert_false(election_take(&election, &lost));
}

TEST(a_bridge_carries_those_of_its_host) {
    struct election election = {.id = {OWN_ID}};
    assert_true(carries(&election, 1, true) && carries(&election, 2, false));
    take(&election, 9, 2, "self", "yes");
    assert_false(carries(&election, 2, false));
    assert_true(carries(&election, 3, false));
    take(&election, 1, 4, "all", "yes");
    assert_false(carries(&election, 3, false));
    assert_true(carries(&election, 1, true));
    take(&election, 1, 4, "none", "yes");
    assert_true(carries(&election, 3, false) && carries(&election, 4, false));
}

TEST(of_two_on_one_host_the_lowest_id_carries) {
    struct election election = {.id = {OWN_ID}};
    take(&election, 9, 1, "self", "yes");
    assert_true(carries(&election, 1, true));
    take(&election, 1, 1, "self", "yes");
    assert_false(carries(&election, 1, true));
}

/* A service that somebody brought is no sign of a bridge. */
TEST(what_has_an_origin_is_no_bridge) {
    struct election election = {.id = {OWN_ID}};
    service.origin = "site-b";
    assert_false(take(&election, 1, 1, "all", "yes"));
    service.origin = NULL;
}

TEST(more_bridges_than_there_is_room_for_are_not_known) {
    struct election election = {.id = {OWN_ID}};
    for (unsigned i = 0; i < ELECTION_BRIDGES_MAX + 5; i++) {
        assert_int_equal(take(&election, (uint8_t)(100 + i), 2, "self", "yes"), i < ELECTION_BRIDGES_MAX);
    }
    assert_int_equal(election.count, ELECTION_BRIDGES_MAX);
}

int main(void) {
    return test_run(NULL, NULL);
}
