/* SPDX-License-Identifier: MIT */
/* A bare publisher: publisher HOST COUNT TOPICS sends messages like those of muster bridge mqtt, retained,
 * with QoS 1 and libmosquitto's own bound of 20 unacknowledged ones, and ends when all are acknowledged. */
#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Messages that libmosquitto holds behind those that are under way. */
#define AHEAD 200

static int acknowledged;
static bool is_up;

static void on_connect(struct mosquitto *client, void *context, int code) {
    (void)client, (void)context;
    is_up = code == 0;
}

static void on_publish(struct mosquitto *client, void *context, int number) {
    (void)client, (void)context, (void)number;
    acknowledged++;
}

static int publish(struct mosquitto *client, int number, int topics) {
    char topic[128];
    char payload[256];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(topic, sizeof(topic), "muster/bare/thermo/bench/t%d", number % topics);
    const int length = snprintf(
        payload, sizeof(payload),
        "[{\"n\":\"bench/t%d\",\"u\":\"Cel\",\"v\":%d.5,\"t\":%ld.%06ld,\"ref\":\"%032x.%ld000.%d.%d.0\"}]",
        number % topics, number % 100, (long)now.tv_sec, now.tv_nsec / 1000, (unsigned)topics,
        (long)now.tv_sec, number % 16, number);
    return mosquitto_publish(client, NULL, topic, length, payload, 1, true);
}

int main(int argc, char **argv) {
    const int count = argc == 4 ? atoi(argv[2]) : 0;
    const int topics = argc == 4 ? atoi(argv[3]) : 0;
    int published = 0;
    if (count <= 0 || topics <= 0) {
        return fprintf(stderr, "usage: publisher HOST COUNT TOPICS\n"), 2;
    }
    mosquitto_lib_init();
    struct mosquitto *client = mosquitto_new(NULL, true, NULL);
    mosquitto_connect_callback_set(client, on_connect);
    mosquitto_publish_callback_set(client, on_publish);
    if (mosquitto_connect(client, argv[1], 1883, 60) != MOSQ_ERR_SUCCESS) {
        return fprintf(stderr, "no broker at %s\n", argv[1]), 1;
    }
    while (acknowledged < count) {
        while (is_up && published < count && published - acknowledged < AHEAD) {
            if (publish(client, published++, topics) != MOSQ_ERR_SUCCESS) {
                return fprintf(stderr, "not published\n"), 1;
            }
        }
        if (mosquitto_loop(client, 1000, 1) != MOSQ_ERR_SUCCESS) {
            return fprintf(stderr, "the connection was lost\n"), 1;
        }
    }
    mosquitto_destroy(client);
    mosquitto_lib_cleanup();
    return 0;
}
