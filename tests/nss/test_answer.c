/* SPDX-License-Identifier: MIT */
/* Answers of a running muster, line by line: whose addresses are taken, and what is no answer. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "answer.h"
#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define ROW(state, address, more) \
    "{\"peer\":{\"id\":\"00\",\"state\":\"" state "\",\"address\":\"" address "\"" more "},\"lines\":1}\n"
#define ANNOUNCE(name) \
    "{\"muster\":1,\"services\":[{\"name\":\"other\",\"txt\":{}}],\"peers\":[],\"name\":\"" name "\"}\n"
#define DONE "{\"end\":\"done\",\"count\":1}\n"

/* Reads lines until one of them ends the answer, from memory that ends with each line. */
static enum answer_state read_all(struct answer *answer, const char *lines) {
    enum answer_state state = ANSWER_MORE;
    while (state == ANSWER_MORE && *lines != '\0') {
        const size_t length = strcspn(lines, "\n");
        char *line = strndup(lines, length);
        state = answer_read(answer, line, length);
        free(line);
        lines += length + 1;
    }
    return state;
}

static const char *text_of(const struct answer *answer, char text[1024]) {
    int length = snprintf(text, 1024, "%s", answer->name);
    for (size_t i = 0; i < answer->address_count; i++) {
        char ip[INET6_ADDRSTRLEN];
        inet_ntop(answer->addresses[i].family, answer->addresses[i].ip, ip, sizeof ip);
        length += snprintf(text + length, (size_t)(1024 - length), " %s", ip);
    }
    return text;
}

/* Of a peer "nas". */
static const struct {
    const char *lines;
    const char *result;
} answers[] = {
    {DONE, ""},
    {ROW("alive", "10.0.0.1", "") ANNOUNCE("nas") DONE, "nas 10.0.0.1"},
    {ROW("alive", "10.0.0.1", ",\"other_address\":\"fe80::1\",\"interface\":\"lo\"") ANNOUNCE("nas") DONE,
     "nas 10.0.0.1 fe80::1"},
    {ROW("alive", "10.0.0.1", "") ANNOUNCE("nase") ROW("alive", "10.0.0.2", "") ANNOUNCE("na") DONE, ""},
    {ROW("alive", "10.0.0.1", "") ANNOUNCE("n\\u0061s") DONE, "nas 10.0.0.1"},
    {" { \"lines\" : 1 , \"peer\" : { \"state\" : \"alive\" , \"address\" : \"10.0.0.1\" } } \n" ANNOUNCE(
         "nas") DONE,
     "nas 10.0.0.1"},
    /* who is gone, or was never heard by an address that can be read */
    {ROW("lost", "10.0.0.1", "") ANNOUNCE("nas") ROW("left", "10.0.0.2", "") ANNOUNCE("nas") DONE, ""},
    {ROW("alive", "nas.lan", "")
         ANNOUNCE("nas") "{\"peer\":{\"state\":\"alive\"},\"lines\":1}\n" ANNOUNCE("nas") DONE,
     ""},
    {"{\"peer\":[\"state\",\"alive\"],\"lines\":1}\n" ANNOUNCE("nas") DONE, ""},
    {ROW("alive", "10.0.0.1", "") "[\"name\",\"nas\"]\n" DONE, ""},
    /* the best */
    {ROW("suspect", "10.0.0.1", "") ANNOUNCE("nas") DONE, "nas 10.0.0.1"},
    {ROW("suspect", "10.0.0.1", ",\"verified\":true") ANNOUNCE("nas") ROW("alive", "10.0.0.2", "")
         ANNOUNCE("nas") DONE,
     "nas 10.0.0.2"},
    {ROW("alive", "10.0.0.1", "") ANNOUNCE("nas") ROW("alive", "10.0.0.2", ",\"verified\":true")
         ANNOUNCE("nas") ROW("alive", "10.0.0.3", "") ANNOUNCE("nas") DONE,
     "nas 10.0.0.2"},
    {ROW("alive", "10.0.0.1", ",\"verified\":true,\"provisional\":true") ANNOUNCE("nas")
         ROW("alive", "10.0.0.2", "") ANNOUNCE("nas") DONE,
     "nas 10.0.0.2"},
    {ROW("alive", "10.0.0.1", ",\"verified\":true") ANNOUNCE("NAS") ROW("suspect", "10.0.0.2", "")
         ANNOUNCE("nas") DONE,
     "nas 10.0.0.2"},
    {ROW("alive", "10.0.0.1", "") ANNOUNCE("Nas") ROW("alive", "10.0.0.1", "") ANNOUNCE("NAS") DONE,
     "Nas 10.0.0.1"},
    {ROW("alive", "10.0.0.1", ",\"verified\":true") ANNOUNCE("nas") ROW("alive", "10.0.0.2", ",\"self\":true")
         ANNOUNCE("nas") DONE,
     "nas 10.0.0.2"},
    {ROW("alive", "10.0.0.1", "") ANNOUNCE("nas") ROW("alive", "10.0.0.2", "") ANNOUNCE("nas")
         ROW("alive", "10.0.0.1", "") ANNOUNCE("nas") DONE,
     "nas 10.0.0.1 10.0.0.2"},
    /* lines that are passed on, and that say nothing here */
    {"{\"peer\":{\"state\":\"alive\",\"address\":\"10.0.0.1\"},\"lines\":3}\n" ANNOUNCE(
         "nas") "{\"sig\":\"\"}\n\n" DONE,
     "nas 10.0.0.1"},
    {"{\"document\":{},\"lines\":1}\n" ANNOUNCE("nas") DONE, ""},
};

TEST(the_best_peers_have_the_addresses) {
    for (size_t i = 0; i < COUNT(answers); i++) {
        struct answer answer = {.wanted = "nas"};
        char text[1024];
        assert_int_equal(read_all(&answer, answers[i].lines), ANSWER_DONE);
        assert_string_equal(text_of(&answer, text), answers[i].result);
    }
}

TEST(the_interface_belongs_to_an_address_of_the_link) {
    struct answer answer = {.wanted = "nas"};
    read_all(&answer, ROW("alive", "fe80::1", ",\"other_address\":\"2001:db8::1\",\"interface\":\"lo\"")
                          ANNOUNCE("nas"));
    assert_int_equal(answer.addresses[0].scope, 1);
    assert_int_equal(answer.addresses[1].scope, 0);
}

TEST(more_addresses_than_there_is_room_for_are_left_out) {
    struct answer answer = {.wanted = "nas"};
    for (unsigned i = 1; i <= ANSWER_ADDRESSES_MAX + 1; i++) {
        char line[128];
        snprintf(line, sizeof line, ROW("alive", "10.0.0.%u", ""), i);
        assert_int_equal(read_all(&answer, line), ANSWER_MORE);
        assert_int_equal(read_all(&answer, ANNOUNCE("nas")), ANSWER_MORE);
    }
    assert_int_equal(answer.address_count, ANSWER_ADDRESSES_MAX);
}

TEST(other_ends_are_told_apart) {
    static const struct {
        const char *lines;
        enum answer_state state;
    } ends[] = {
        {"{\"end\":\"elsewhere\",\"count\":0}\n", ANSWER_OTHER},
        {"{\"end\":\"busy\",\"count\":0}\n", ANSWER_BAD},
        {"{\"end\":1}\n", ANSWER_BAD},
        {"{}\n", ANSWER_BAD},
        {"\n", ANSWER_BAD},
        {"[]\n", ANSWER_BAD},
        {"\"end\"\n", ANSWER_BAD},
        {"{\"end\":\"done\"\n", ANSWER_BAD},
        {"{\"peer\":{}}\n", ANSWER_BAD},
        {"{\"peer\":{},\"lines\":0}\n", ANSWER_BAD},
        {"{\"peer\":{},\"lines\":4}\n", ANSWER_BAD},
        {"{\"peer\":{},\"lines\":\"1\"}\n", ANSWER_BAD},
        {ROW("alive", "10.0.0.1", "") "name\n", ANSWER_BAD},
        {ROW("alive", "10.0.0.1", ""), ANSWER_MORE},
        {"{\"a\":[[[[[[[[[[]]]]]]]]]]}\n", ANSWER_BAD},
    };
    for (size_t i = 0; i < COUNT(ends); i++) {
        struct answer answer = {.wanted = "nas"};
        assert_int_equal(read_all(&answer, ends[i].lines), ends[i].state);
    }
}

int main(void) {
    return test_run(NULL, NULL);
}
