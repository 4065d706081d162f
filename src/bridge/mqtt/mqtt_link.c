/* SPDX-License-Identifier: MIT */
#include "mqtt_link.h"

#include <errno.h>
#include <mqtt_protocol.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEEPALIVE_S 20
#define MISC_MS 1000
#define ATTEMPT_MS 10000
#define RETRY_MS_MIN 500
#define RETRY_MS_MAX 10000
#define SESSION_S 3600 /* for so long the broker keeps messages for a bridge that is away */
#define PACKETS_MAX 64 /* that are read in one go */

/* An attempt to reach an address of the broker. */
struct mqtt_link_probe {
    uv_tcp_t tcp; /* first: closing it frees all of it */
    uv_connect_t request;
};

static void connect_later(struct mqtt_link *link);

static void free_handle(uv_handle_t *handle) {
    free(handle);
}

/* ---- the end of a connection ---- */

static void drop_poll(struct mqtt_link *link) {
    if (link->poll != NULL) {
        uv_close((uv_handle_t *)link->poll, free_handle); /* stops it, before its socket is closed */
        link->poll = NULL;
    }
}

static void close_probe(struct mqtt_link *link) {
    if (link->probe != NULL) {
        uv_close((uv_handle_t *)&link->probe->tcp, free_handle);
        link->probe = NULL;
    }
}

static void drop_probe(struct mqtt_link *link) {
    if (link->lookup != NULL) {
        link->lookup->data = NULL;
        uv_cancel((uv_req_t *)link->lookup);
        link->lookup = NULL;
    }
    close_probe(link);
    uv_freeaddrinfo(link->found);
    link->found = link->next = NULL;
}

static void drop_client(struct mqtt_link *link) {
    drop_poll(link);
    uv_timer_stop(&link->misc);
    if (link->client != NULL) {
        mosquitto_destroy(link->client);
        link->client = NULL;
    }
    link->is_up = false;
}

/* The connection has ended, or could not be made. */
static void go_down(struct mqtt_link *link, const char *why) {
    char text[256];
    snprintf(text, sizeof(text), "%s", link->fault[0] != '\0' ? link->fault : why);
    link->fault[0] = '\0';
    drop_probe(link);
    drop_client(link);
    link->callbacks.on_down(text, link->callbacks.context);
    connect_later(link);
}

/* Looks at what a call of libmosquitto said, which may have closed the socket. */
static void check(struct mqtt_link *link, int result) {
    if (result != MOSQ_ERR_SUCCESS || link->fault[0] != '\0') {
        go_down(link, result == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(result));
    }
}

/* ---- what libmosquitto says ---- */

static bool is_of_protocol(int code) {
    return code == CONNACK_REFUSED_PROTOCOL_VERSION || code == MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION;
}

static void on_connect(struct mosquitto *client, void *context, int code, int flags,
                       const mosquitto_property *properties) {
    struct mqtt_link *link = context;
    (void)client, (void)properties;
    if (code == 0) {
        link->is_up = true;
        link->retry_ms = RETRY_MS_MIN;
        uv_timer_stop(&link->retry);
        link->callbacks.on_up((flags & 1) != 0, link->callbacks.context);
        return;
    }
    if (is_of_protocol(code) && link->protocol == MQTT_PROTOCOL_V5) {
        link->protocol = MQTT_PROTOCOL_V311;
        link->retry_ms = 0;
        snprintf(link->fault, sizeof(link->fault), "it speaks no MQTT 5, MQTT 3.1.1 is tried");
        return;
    }
    snprintf(link->fault, sizeof(link->fault), "the broker refused: %s",
             link->protocol == MQTT_PROTOCOL_V5 ? mosquitto_reason_string(code)
                                                : mosquitto_connack_string(code));
}

static void on_disconnect(struct mosquitto *client, void *context, int code,
                          const mosquitto_property *properties) {
    struct mqtt_link *link = context;
    (void)client, (void)properties;
    if (link->fault[0] == '\0' && code >= MQTT_RC_UNSPECIFIED) { /* of the broker, by MQTT 5 */
        snprintf(link->fault, sizeof(link->fault), "the broker ended it: %s", mosquitto_reason_string(code));
    }
}

static void on_publish(struct mosquitto *client, void *context, int number, int code,
                       const mosquitto_property *properties) {
    struct mqtt_link *link = context;
    (void)client, (void)properties;
    link->callbacks.on_sent(number, code < MQTT_RC_UNSPECIFIED, link->callbacks.context);
}

static void on_subscribe(struct mosquitto *client, void *context, int number, int count, const int *granted,
                         const mosquitto_property *properties) {
    struct mqtt_link *link = context;
    bool is_granted = true;
    (void)client, (void)number, (void)properties;
    for (int i = 0; i < count; i++) {
        is_granted = is_granted && granted[i] < MQTT_RC_UNSPECIFIED;
    }
    link->callbacks.on_subscribed(is_granted, link->callbacks.context);
}

static void on_message(struct mosquitto *client, void *context, const struct mosquitto_message *message,
                       const mosquitto_property *properties) {
    struct mqtt_link *link = context;
    const struct mqtt_link_message taken = {.topic = message->topic,
                                            .payload = message->payloadlen > 0 ? message->payload : "",
                                            .length = (size_t)message->payloadlen,
                                            .is_retained = message->retain,
                                            .properties = properties};
    (void)client;
    link->callbacks.on_message(&taken, link->callbacks.context);
}

/* ---- driving libmosquitto ---- */

static void on_poll(uv_poll_t *poll, int status, int events);

static void poll_socket(struct mqtt_link *link) {
    if (link->poll == NULL || link->is_driven) {
        return;
    }
    const int reads = link->is_polled ? UV_READABLE : 0;
    const int events = reads | (mosquitto_want_write(link->client) ? UV_WRITABLE : 0);
    if (events == link->polled) {
        return;
    }
    link->polled = events;
    if (events == 0) {
        uv_poll_stop(link->poll);
    } else {
        uv_poll_start(link->poll, events, on_poll);
    }
}

static void on_poll(uv_poll_t *poll, int status, int events) {
    struct mqtt_link *link = poll->data;
    int result = status < 0 ? MOSQ_ERR_CONN_LOST : MOSQ_ERR_SUCCESS;
    link->is_driven = true;
    if (result == MOSQ_ERR_SUCCESS && (events & UV_READABLE) != 0) {
        result = mosquitto_loop_read(link->client, PACKETS_MAX);
    }
    if (result == MOSQ_ERR_SUCCESS && !link->is_closing && mosquitto_want_write(link->client)) {
        result = mosquitto_loop_write(link->client, 1);
    }
    link->is_driven = false;
    if (!link->is_closing) {
        check(link, result);
        poll_socket(link);
    }
}

static void on_misc(uv_timer_t *timer) {
    struct mqtt_link *link = timer->data;
    check(link, mosquitto_loop_misc(link->client));
    if (link->client != NULL) {
        poll_socket(link);
    }
}

/* ---- connecting ---- */

static int set_options(struct mqtt_link *link) {
    const struct mqtt_link_options *options = link->options;
    struct mosquitto *client = link->client;
    int result = mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, link->protocol);
    if (result == MOSQ_ERR_SUCCESS && options->user != NULL) {
        result = mosquitto_username_pw_set(client, options->user, options->password);
    }
    if (result == MOSQ_ERR_SUCCESS && options->ca_file != NULL) {
        result =
            mosquitto_tls_set(client, options->ca_file, NULL, options->cert_file, options->key_file, NULL);
    }
    if (result == MOSQ_ERR_SUCCESS) {
        result = mosquitto_will_set(client, options->will_topic, (int)strlen(options->will), options->will, 1,
                                    true);
    }
    mosquitto_connect_v5_callback_set(client, on_connect);
    mosquitto_disconnect_v5_callback_set(client, on_disconnect);
    mosquitto_publish_v5_callback_set(client, on_publish);
    mosquitto_subscribe_v5_callback_set(client, on_subscribe);
    mosquitto_message_v5_callback_set(client, on_message);
    return result;
}

/* libmosquitto connects again while the caller waits: without TLS to the address that was just reached, which
 * takes one round trip. With TLS it needs the name, which it checks the certificate against: it looks that up
 * again, and tries its addresses in turn. */
static int connect_client(struct mqtt_link *link) {
    mosquitto_property *properties = NULL;
    const char *host = link->options->ca_file != NULL ? link->options->host : link->address;
    link->client = mosquitto_new(link->options->client_id, false, link);
    if (link->client == NULL) {
        return MOSQ_ERR_NOMEM;
    }
    int result = set_options(link);
    if (result == MOSQ_ERR_SUCCESS && link->protocol == MQTT_PROTOCOL_V5) {
        result = mosquitto_property_add_int32(&properties, MQTT_PROP_SESSION_EXPIRY_INTERVAL, SESSION_S);
    }
    if (result == MOSQ_ERR_SUCCESS) {
        result =
            mosquitto_connect_bind_v5(link->client, host, link->options->port, KEEPALIVE_S, NULL, properties);
    }
    mosquitto_property_free_all(&properties);
    return result;
}

static void open_client(struct mqtt_link *link) {
    int result = connect_client(link);
    if (result == MOSQ_ERR_SUCCESS) {
        link->poll = malloc(sizeof(*link->poll));
        result = link->poll != NULL ? MOSQ_ERR_SUCCESS : MOSQ_ERR_NOMEM;
    }
    if (result == MOSQ_ERR_SUCCESS &&
        uv_poll_init(link->loop, link->poll, mosquitto_socket(link->client)) != 0) {
        free(link->poll);
        link->poll = NULL;
        result = MOSQ_ERR_NOMEM;
    }
    if (result == MOSQ_ERR_SUCCESS) {
        link->poll->data = link;
        link->polled = 0;
        link->is_polled = true;
        uv_timer_start(&link->misc, on_misc, MISC_MS, MISC_MS);
        poll_socket(link);
    }
    check(link, result);
}

static void on_attempt_over(uv_timer_t *timer);
static void on_probed(uv_connect_t *request, int status);

/* Reaches for an address. Returns 0, or an error of libuv. */
static int probe(struct mqtt_link *link, const struct addrinfo *address) {
    if (getnameinfo(address->ai_addr, address->ai_addrlen, link->address, sizeof(link->address), NULL, 0,
                    NI_NUMERICHOST) != 0) {
        return UV_EAI_FAMILY;
    }
    link->probe = malloc(sizeof(*link->probe));
    if (link->probe == NULL) {
        return UV_ENOMEM;
    }
    uv_tcp_init(link->loop, &link->probe->tcp); /* cannot fail */
    link->probe->request.data = link;
    uv_timer_start(&link->retry, on_attempt_over, ATTEMPT_MS, 0);
    return uv_tcp_connect(&link->probe->request, &link->probe->tcp, address->ai_addr, on_probed);
}

/* An address could not be reached, or none was tried yet: the next one may be. */
static void go_on(struct mqtt_link *link, const char *why) {
    int status = UV_EHOSTUNREACH;
    while (status != 0 && link->next != NULL) {
        close_probe(link);
        status = probe(link, link->next);
        link->next = link->next->ai_next;
        why = status != 0 ? uv_strerror(status) : why;
    }
    if (status != 0) {
        go_down(link, why);
    }
}

static void on_probed(uv_connect_t *request, int status) {
    struct mqtt_link *link = request->data;
    if (status == UV_ECANCELED) {
        return;
    }
    if (status != 0) {
        go_on(link, uv_strerror(status));
    } else {
        drop_probe(link);
        open_client(link);
    }
}

/* Reaches for the broker's port first: libmosquitto connects while the caller waits. */
static void on_found(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found) {
    struct mqtt_link *link = lookup->data;
    free(lookup);
    if (link == NULL) { /* nobody waits for it any more */
        uv_freeaddrinfo(found);
        return;
    }
    link->lookup = NULL;
    link->found = link->next = found;
    go_on(link, status != 0 ? uv_strerror(status) : "");
}

static void on_attempt_over(uv_timer_t *timer) {
    go_on(timer->data, "no answer within 10 s");
}

static void on_retry(uv_timer_t *timer) {
    struct mqtt_link *link = timer->data;
    char port[8];
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    snprintf(port, sizeof(port), "%u", link->options->port);
    uv_timer_start(&link->retry, on_attempt_over, ATTEMPT_MS, 0);
    link->lookup = malloc(sizeof(*link->lookup));
    int error = link->lookup != NULL ? 0 : UV_ENOMEM;
    if (error == 0) {
        link->lookup->data = link;
        error = uv_getaddrinfo(link->loop, link->lookup, on_found, link->options->host, port, &hints);
    }
    if (error != 0) {
        free(link->lookup);
        link->lookup = NULL;
        go_down(link, uv_strerror(error));
    }
}

static void connect_later(struct mqtt_link *link) {
    uv_timer_start(&link->retry, on_retry, link->retry_ms, 0);
    link->retry_ms = link->retry_ms < RETRY_MS_MIN       ? RETRY_MS_MIN
                     : link->retry_ms * 2 < RETRY_MS_MAX ? link->retry_ms * 2
                                                         : RETRY_MS_MAX;
}

/* ---- for the caller ---- */

void mqtt_link_open(struct mqtt_link *link, uv_loop_t *loop, const struct mqtt_link_options *options,
                    const struct mqtt_link_callbacks *callbacks) {
    *link = (struct mqtt_link){
        .options = options, .callbacks = *callbacks, .loop = loop, .protocol = MQTT_PROTOCOL_V5};
    mosquitto_lib_init();
    uv_timer_init(loop, &link->misc); /* cannot fail */
    uv_timer_init(loop, &link->retry);
    link->misc.data = link->retry.data = link;
    connect_later(link);
}

int mqtt_link_publish(struct mqtt_link *link, const char *topic, const char *payload, size_t length,
                      bool is_retained, const mosquitto_property *properties, int *number) {
    properties = link->protocol == MQTT_PROTOCOL_V5 ? properties : NULL;
    int result =
        mosquitto_publish_v5(link->client, number, topic, (int)length, payload, 1, is_retained, properties);
    if (result == MOSQ_ERR_RETAIN_NOT_SUPPORTED) {
        result =
            mosquitto_publish_v5(link->client, number, topic, (int)length, payload, 1, false, properties);
    }
    poll_socket(link);
    return result;
}

int mqtt_link_subscribe(struct mqtt_link *link, const char *filter, bool with_own) {
    const int options = MQTT_SUB_OPT_SEND_RETAIN_NEW | (with_own ? 0 : MQTT_SUB_OPT_NO_LOCAL);
    const int result = mosquitto_subscribe_v5(link->client, NULL, filter, 1,
                                              link->protocol == MQTT_PROTOCOL_V5 ? options : 0, NULL);
    poll_socket(link);
    return result;
}

void mqtt_link_unsubscribe(struct mqtt_link *link, const char *filter) {
    mosquitto_unsubscribe(link->client, NULL, filter);
    poll_socket(link);
}

void mqtt_link_pause(struct mqtt_link *link) {
    link->is_polled = false;
    poll_socket(link);
}

void mqtt_link_resume(struct mqtt_link *link) {
    link->is_polled = true;
    poll_socket(link);
}

void mqtt_link_close(struct mqtt_link *link) {
    link->is_closing = true;
    uv_timer_stop(&link->retry);
    if (link->is_up && link->protocol == MQTT_PROTOCOL_V5) { /* MQTT 3.1.1 has no good-bye with a will */
        mosquitto_disconnect_v5(link->client, MQTT_RC_DISCONNECT_WITH_WILL_MSG, NULL);
    }
    drop_probe(link);
    drop_client(link);
    mosquitto_lib_cleanup();
}
