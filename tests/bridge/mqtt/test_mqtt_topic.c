/* SPDX-License-Identifier: MIT */
/* Topics of the broker: what is carried under which, and what of others can be published here. */
#include <stdio.h>
#include <string.h>

#include "mqtt_topic.h"
#include "test.h"

static const char *write_topic(const char *peer, const char *name) {
    static char text[MQTT_TOPIC_BYTES_MAX];
    const char *fault = mqtt_topic_write("muster", "home", peer, name, text);
    return fault != NULL ? fault : text;
}

TEST(a_reading_is_below_its_peer) {
    assert_string_equal(write_topic("thermo", "kitchen/temperature"),
                        "muster/home/thermo/kitchen/temperature");
    assert_string_equal(write_topic("a/b+c#%", "x"), "muster/home/a%2Fb%2Bc%23%25/x");
    assert_string_equal(write_topic("$peers", "x"), "muster/home/%24peers/x");
    assert_string_equal(write_topic("Küche 2", "x"), "muster/home/Küche%202/x");
    assert_string_equal(write_topic("p", "http://host/sensor"), "muster/home/p/http://host/sensor");
}

TEST(what_mqtt_can_not_carry_is_refused) {
    char levels[2 * MQTT_TOPIC_LEVELS_MAX + 1] = "";
    for (int i = 0; i < MQTT_TOPIC_LEVELS_MAX - 3; i++) {
        strcat(levels, i > 0 ? "/a" : "a");
    }
    assert_memory_equal(write_topic("p", levels), "muster/home/p/a/", strlen("muster/home/p/a/"));
    strcat(levels, "/a");
    assert_string_equal(write_topic("p", levels), "a topic of MQTT has at most 100 levels here");
    assert_non_null(mqtt_topic_fault("$SYS/x"));
    assert_non_null(mqtt_topic_fault(""));
    assert_non_null(mqtt_topic_fault("a/+/b"));
    assert_non_null(mqtt_topic_fault("a/#"));
    assert_non_null(mqtt_topic_fault("a\nb"));
    assert_non_null(mqtt_topic_fault("a\xff"));
    assert_null(mqtt_topic_fault("a/$b//c"));
}

TEST(a_topic_is_taken_apart) {
    struct mqtt_topic_parts parts;
    assert_null(mqtt_topic_read("muster", "muster/home/a%2Fb%41/kitchen/temperature", &parts));
    assert_string_equal(parts.site, "home");
    assert_string_equal(parts.peer, "a/bA");
    assert_string_equal(parts.rest, "kitchen/temperature");
    assert_false(parts.is_peer || parts.is_bridge);
    assert_null(mqtt_topic_read("a/b", "a/b/home/$peers/00ff", &parts));
    assert_true(parts.is_peer && !parts.is_bridge);
    assert_string_equal(parts.rest, "00ff");
    assert_null(mqtt_topic_read("muster", "muster/home/$bridges/00ff", &parts));
    assert_true(parts.is_bridge);
    assert_null(mqtt_topic_read("muster", "muster/home/%24peers/x", &parts));
    assert_false(parts.is_peer);
    assert_string_equal(parts.peer, "$peers");
    assert_null(mqtt_topic_read("muster", "muster/home/100%/x", &parts));
    assert_string_equal(parts.peer, "100%");
    for (size_t i = 0; i < 6; i++) {
        static const char *const bad[] = {"muster",
                                          "muster/home",
                                          "muster/home/thermo",
                                          "muster/home/thermo/",
                                          "other/home/thermo/x",
                                          "muster//thermo/x"};
        assert_non_null(mqtt_topic_read("muster", bad[i], &parts));
    }
}

static const char *write_local(const char *topic, const char **record) {
    static char name[MUSTER_TOPIC_BYTES_MAX + 1];
    static char leaf[MUSTER_NAME_BYTES_MAX + 1];
    struct mqtt_topic_parts parts;
    assert_null(mqtt_topic_read("muster", topic, &parts));
    const char *fault = mqtt_topic_write_local(&parts, name, leaf);
    *record = leaf;
    return fault != NULL ? fault : name;
}

TEST(a_reading_of_another_site_has_a_topic_here) {
    const char *record;
    char text[512];
    assert_string_equal(write_local("muster/home/thermo/kitchen/climate/temperature", &record),
                        "home/thermo/kitchen/climate");
    assert_string_equal(record, "temperature");
    assert_string_equal(write_local("muster/home/a b/load", &record), "home/a_b");
    assert_string_equal(record, "load");
    /* What names of readings don't have. */
    assert_string_not_equal(write_local("muster/home/thermo/kitchen//x", &record), "home/thermo/kitchen/");
    assert_non_null(strstr(write_local("muster/home/thermo/a b/x", &record), " "));
    snprintf(text, sizeof(text), "muster/home/thermo/%0120d/x", 0);
    assert_string_equal(write_local(text, &record), "the topic would be too long here");
    snprintf(text, sizeof(text), "muster/home/thermo/%0*d", MUSTER_NAME_BYTES_MAX + 1, 0);
    assert_string_equal(write_local(text, &record), "its last level is too long");
}

int main(void) {
    return test_run(NULL, NULL);
}
