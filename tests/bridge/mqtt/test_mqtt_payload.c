/* SPDX-License-Identifier: MIT */
/* Readings as messages say them, there and back. */
#include <string.h>

#include "document.h"
#include "home_assistant.h"
#include "mqtt_payload.h"
#include "reading_ref.h"
#include "scan.h"
#include "test.h"

#define NAME "kitchen/temperature"

static const struct reading_ref a_ref = {.peer = {0xab, 1}, .boot = 77, .shard = 3, .seq = 9, .record = 2};
#define REF "ab010000000000000000000000000000.77.3.9.2"

static const char *write_record(enum mqtt_payload kind, const struct muster_record *record,
                                const struct reading_ref *ref) {
    static char text[MQTT_PAYLOAD_BYTES_MAX];
    size_t length;
    const char *fault = mqtt_payload_write(kind, record, ref, text, sizeof(text), &length);
    if (fault == NULL) {
        assert_int_equal(length, strlen(text));
    }
    return fault != NULL ? fault : text;
}

TEST(a_number_with_its_unit) {
    const struct muster_record record = {
        .name = NAME, .unit = "Cel", .kind = MUSTER_VALUE_NUMBER, .number = 21.5, .time_s = 1700000000};
    assert_string_equal(write_record(MQTT_PAYLOAD_SENML, &record, &a_ref),
                        "[{\"n\":\"" NAME "\",\"u\":\"Cel\",\"v\":21.5,\"t\":1700000000,\"ref\":\"" REF
                        "\"}]");
    assert_string_equal(write_record(MQTT_PAYLOAD_JSON, &record, &a_ref),
                        "{\"value\":21.5,\"unit\":\"Cel\",\"time\":1700000000,\"ref\":\"" REF "\"}");
    assert_string_equal(write_record(MQTT_PAYLOAD_VALUE, &record, &a_ref), "21.5");
    assert_string_equal(write_record(MQTT_PAYLOAD_SENML, &record, &(struct reading_ref){.seq = 0}),
                        "[{\"n\":\"" NAME "\",\"u\":\"Cel\",\"v\":21.5,\"t\":1700000000}]");
}

TEST(an_empty_text_is_no_plain_value) {
    const struct muster_record record = {
        .name = NAME, .kind = MUSTER_VALUE_TEXT, .text = "", .time_s = 1700000000};
    assert_string_equal(write_record(MQTT_PAYLOAD_VALUE, &record, &a_ref), "an empty message would be none");
    assert_string_equal(write_record(MQTT_PAYLOAD_JSON, &record, &a_ref),
                        "{\"value\":\"\",\"time\":1700000000,\"ref\":\"" REF "\"}");
}

/* What was written is read as it was. */
static void check_back(enum mqtt_payload kind, const struct muster_record *record) {
    struct mqtt_payload_reader reader;
    struct muster_record read;
    const char *fault;
    const char *text = write_record(kind, record, &a_ref);
    mqtt_payload_open(&reader, NAME, text, strlen(text), 1700000001);
    assert_int_equal(mqtt_payload_next(&reader, &read, &fault), 1);
    assert_string_equal(read.name, "");
    assert_int_equal(read.kind, record->kind);
    assert_true(read.number >= record->number && read.number <= record->number);
    assert_int_equal(read.boolean, record->boolean);
    if (record->text != NULL) {
        assert_string_equal(read.text, record->text);
    }
    if (kind != MQTT_PAYLOAD_VALUE) {
        assert_memory_equal(&reader.ref, &a_ref, sizeof(a_ref));
        assert_true(read.time_s >= record->time_s && read.time_s <= record->time_s);
    }
    assert_int_equal(mqtt_payload_next(&reader, &read, &fault), 0);
}

TEST(there_and_back) {
    const struct muster_record records[] = {
        {.name = NAME, .kind = MUSTER_VALUE_NUMBER, .number = -0.1, .time_s = 1700000000.25},
        {.name = NAME, .kind = MUSTER_VALUE_BOOLEAN, .boolean = true, .time_s = 1700000000},
        {.name = NAME, .kind = MUSTER_VALUE_BOOLEAN, .time_s = 1700000000},
        {.name = NAME, .kind = MUSTER_VALUE_TEXT, .text = "a \"b\"\n", .time_s = 1700000000},
        {.name = NAME, .kind = MUSTER_VALUE_DATA, .text = "AQID", .time_s = 1700000000}};
    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
        check_back(MQTT_PAYLOAD_SENML, &records[i]);
        check_back(MQTT_PAYLOAD_JSON, &records[i]);
        if (records[i].kind != MUSTER_VALUE_DATA) {
            check_back(MQTT_PAYLOAD_VALUE, &records[i]);
        }
    }
}

/* The names that records of a payload have below NAME, and how it ended. */
static const char *names_of(const char *payload) {
    static char names[256];
    struct mqtt_payload_reader reader;
    struct muster_record record;
    const char *fault;
    int result;
    names[0] = '\0';
    mqtt_payload_open(&reader, NAME, payload, strlen(payload), 1700000001);
    while ((result = mqtt_payload_next(&reader, &record, &fault)) == 1) {
        strcat(names, "<");
        strcat(names, record.name);
        strcat(names, ">");
    }
    return result == 0 ? names : fault;
}

TEST(packs_of_others) {
    assert_string_equal(names_of("[{\"n\":\"a\",\"v\":1},{\"n\":\"b\",\"v\":2}]"), "<a><b>");
    assert_string_equal(names_of("[{\"bn\":\"" NAME "/\",\"n\":\"a\",\"v\":1},{\"n\":\"b\",\"v\":2}]"),
                        "<a><b>");
    assert_string_equal(names_of("[{\"n\":\"" NAME "/a\",\"v\":1}]"), "<a>");
    assert_string_equal(names_of("{\"n\":\"" NAME "\",\"v\":1}"), "<>");
    assert_string_equal(names_of("[{\"bn\":\"cellar/\",\"n\":\"a\",\"v\":1}]"),
                        "it names another reading than its topic");
}

TEST(what_is_no_reading) {
    assert_string_equal(names_of("{\"value\":null}"), "it is no reading");
    assert_string_equal(names_of("{\"value\":[1]}"), "it is no reading");
    assert_string_equal(names_of("\xff"), "it is no reading");
    assert_non_null(strstr("[{]", "[")); /* SenML says itself what is wrong */
    assert_string_not_equal(names_of("[{]"), "");
}

TEST(refs_of_others_are_checked) {
    static const char *const bad[] = {"",
                                      "ab.1.2.3.4",
                                      "ab010000000000000000000000000000.77.3.9",
                                      "ab010000000000000000000000000000.77.16.9.2",
                                      "ab010000000000000000000000000000.77.3.0.2",
                                      "AB010000000000000000000000000000.77.3.9.2",
                                      "ab010000000000000000000000000000.77.3.9.2x",
                                      "ab010000000000000000000000000000-77.3.9.2"};
    struct reading_ref ref;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(reading_ref_parse(bad[i], strlen(bad[i]), &ref));
        assert_int_equal(ref.seq, 0);
    }
    assert_true(reading_ref_parse(REF, strlen(REF), &ref));
    assert_memory_equal(&ref, &a_ref, sizeof(ref));
}

/* ---- Home Assistant ---- */

/* A member of its message, by its path. */
static const char *member_of(enum mqtt_payload payload, enum muster_value_kind kind, const char *unit,
                             const char *member, char topic[MQTT_TOPIC_BYTES_MAX]) {
    static char text[HOME_ASSISTANT_BYTES_MAX];
    static char found[256];
    const struct home_assistant_entity entity = {.prefix = "homeassistant",
                                                 .peer = "thermo",
                                                 .peer_id = "00ff",
                                                 .name = NAME,
                                                 .topic = "muster/home/thermo/" NAME,
                                                 .payload = payload,
                                                 .peer_topic = "muster/home/$peers/00ff",
                                                 .bridge_topic = "muster/home/$bridges/11",
                                                 .unit = unit,
                                                 .kind = kind};
    assert_null(home_assistant_write(&entity, topic, text));
    assert_int_equal(scan_value(text, strlen(text), NULL), SCAN_OK);
    document_node_t *root = document_parse(text, strlen(text));
    const char *value = document_text(document_member(root, member));
    strcpy(found, value != NULL ? value : "-");
    document_free(root);
    return found;
}

TEST(an_entity_has_the_unit_and_class) {
    char topic[MQTT_TOPIC_BYTES_MAX];
    assert_string_equal(member_of(0, MUSTER_VALUE_NUMBER, "Cel", "unit_of_measurement", topic), "°C");
    assert_string_equal(member_of(0, MUSTER_VALUE_NUMBER, "Cel", "device_class", topic), "temperature");
    assert_string_equal(member_of(0, MUSTER_VALUE_NUMBER, "Cel", "state_class", topic), "measurement");
    assert_string_equal(member_of(0, MUSTER_VALUE_NUMBER, "kWh", "state_class", topic), "total");
    assert_string_equal(member_of(0, MUSTER_VALUE_NUMBER, "own", "unit_of_measurement", topic), "own");
    assert_string_equal(member_of(0, MUSTER_VALUE_NUMBER, "own", "device_class", topic), "-");
    assert_string_equal(member_of(0, MUSTER_VALUE_NUMBER, "", "unit_of_measurement", topic), "-");
    assert_string_equal(member_of(0, MUSTER_VALUE_TEXT, "", "state_class", topic), "-");
    assert_memory_equal(topic, "homeassistant/sensor/muster_", strlen("homeassistant/sensor/muster_"));
    assert_string_equal(strrchr(topic, '/'), "/config");
}

TEST(an_entity_finds_its_value) {
    char topic[MQTT_TOPIC_BYTES_MAX];
    const struct {
        enum mqtt_payload payload;
        enum muster_value_kind kind;
        const char *text;
    } rows[] = {{MQTT_PAYLOAD_SENML, MUSTER_VALUE_NUMBER, "{{ value_json[0].v }}"},
                {MQTT_PAYLOAD_JSON, MUSTER_VALUE_NUMBER, "{{ value_json.value }}"},
                {MQTT_PAYLOAD_VALUE, MUSTER_VALUE_NUMBER, "{{ value }}"},
                {MQTT_PAYLOAD_SENML, MUSTER_VALUE_BOOLEAN, "{{ 'ON' if value_json[0].vb else 'OFF' }}"},
                {MQTT_PAYLOAD_JSON, MUSTER_VALUE_BOOLEAN, "{{ 'ON' if value_json.value else 'OFF' }}"},
                {MQTT_PAYLOAD_VALUE, MUSTER_VALUE_BOOLEAN, "{{ 'ON' if value == 'true' else 'OFF' }}"},
                {MQTT_PAYLOAD_SENML, MUSTER_VALUE_TEXT, "{{ value_json[0].vs }}"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_string_equal(member_of(rows[i].payload, rows[i].kind, "", "value_template", topic),
                            rows[i].text);
        assert_int_equal(strstr(topic, "/binary_sensor/") != NULL, rows[i].kind == MUSTER_VALUE_BOOLEAN);
    }
}

TEST(a_large_value_is_carried_whole) {
    static char data[1400000];
    static char text[sizeof(data) + MQTT_PAYLOAD_BYTES_MAX];
    const struct reading_ref none = {.seq = 0};
    const struct muster_record record = {.name = "camera/thumbnail",
                                         .kind = MUSTER_VALUE_DATA,
                                         .text = data,
                                         .text_length = sizeof(data) - 1,
                                         .time_s = 1700000000};
    memset(data, 'A', sizeof(data) - 1);
    for (int kind = MQTT_PAYLOAD_SENML; kind <= MQTT_PAYLOAD_VALUE; kind++) {
        size_t length = 0;
        assert_null(mqtt_payload_write((enum mqtt_payload)kind, &record, &none, text, sizeof(text), &length));
        assert_true(length >= sizeof(data) - 1 && text[length] == '\0');
        assert_non_null(strstr(text, data));
    }
}

int main(void) {
    return test_run(NULL, NULL);
}
