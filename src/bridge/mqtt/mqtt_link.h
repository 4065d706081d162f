/* SPDX-License-Identifier: MIT */
/* One connection to a broker, by libmosquitto on a libuv loop. It is made again whenever it ends, with a new
 * client each time: what was not acknowledged then is for the caller to publish again. MQTT 5 is spoken where
 * the broker speaks it, else MQTT 3.1.1. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mosquitto.h>
#include <uv.h>

/* All of it is borrowed as long as the link is open. */
struct mqtt_link_options {
    const char *host;
    uint16_t port;
    const char *client_id; /* the broker keeps the session of that name for a while */
    const char *user;      /* NULL: none */
    const char *password;  /* NULL: none */
    const char *ca_file;   /* NULL: no TLS */
    const char *cert_file; /* of the client; NULL: none, like its key */
    const char *key_file;
    const char *will_topic; /* what the broker publishes, retained, when the link has ended */
    const char *will;
};

/* A message that came; borrowed for the call. */
struct mqtt_link_message {
    const char *topic;
    const char *payload; /* not ended by a NUL */
    size_t length;
    bool is_retained;                     /* from before the subscription */
    const mosquitto_property *properties; /* NULL: none, or MQTT 3.1.1 */
};

struct mqtt_link_callbacks {
    void (*on_up)(bool has_session, void *context);  /* it is made; the broker has kept the session, or not */
    void (*on_down)(const char *why, void *context); /* it ended, or could not be made; why is for people */
    void (*on_sent)(int number, bool is_taken, void *context); /* the broker has acknowledged a message */
    void (*on_subscribed)(bool is_granted, void *context);     /* what comes from now on is of that, too */
    void (*on_message)(const struct mqtt_link_message *message, void *context);
    void *context;
};

struct mqtt_link_probe;

struct mqtt_link {
    const struct mqtt_link_options *options;
    struct mqtt_link_callbacks callbacks;
    uv_loop_t *loop;
    struct mosquitto *client; /* NULL: none */
    int protocol;             /* MQTT_PROTOCOL_… */
    bool is_up;
    bool is_closing;
    bool is_polled;
    uint64_t retry_ms;        /* before the next attempt */
    char fault[256];          /* why the broker refused; "": it did not */
    uv_getaddrinfo_t *lookup; /* NULL: none is under way */
    struct addrinfo *found;   /* the broker's addresses; NULL: none are tried, */
    struct addrinfo *next;    /* and the one to try next */
    struct mqtt_link_probe *probe;
    char address[64]; /* that was reached, as numbers */
    uv_poll_t *poll;
    bool is_driven;   /* on_poll() runs, which looks at the end */
    int polled;       /* what it waits for: changing that costs calls of the system */
    uv_timer_t misc;  /* keep-alive while there is a client */
    uv_timer_t retry; /* the next attempt, or how long one may take */
};

/* Begins to connect. The handles are to be closed with the loop. */
void mqtt_link_open(struct mqtt_link *link, uv_loop_t *loop, const struct mqtt_link_options *options,
                    const struct mqtt_link_callbacks *callbacks);

/* Publishes with QoS 1 while the link is up, and gives the number that on_sent() will have. Properties are
 * borrowed, and left out with MQTT 3.1.1. 0, or a MOSQ_ERR_…: then nothing was published. */
int mqtt_link_publish(struct mqtt_link *link, const char *topic, const char *payload, size_t length,
                      bool is_retained, const mosquitto_property *properties, int *number);

/* Subscribes to a filter with QoS 1, while the link is up; with_own: what this link publishes, too, which is
 * always so with MQTT 3.1.1. Last values come unless the broker has kept the session, and with MQTT 3.1.1
 * then, too. 0, or a MOSQ_ERR_…. */
int mqtt_link_subscribe(struct mqtt_link *link, const char *filter, bool with_own);

/* Ends a subscription, while the link is up. */
void mqtt_link_unsubscribe(struct mqtt_link *link, const char *filter);

/* Stops and resumes taking messages: what is not read waits at the broker. */
void mqtt_link_pause(struct mqtt_link *link);
void mqtt_link_resume(struct mqtt_link *link);

/* Ends it: the broker publishes the will. No callback comes any more. */
void mqtt_link_close(struct mqtt_link *link);
