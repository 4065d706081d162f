/* SPDX-License-Identifier: MIT */
#include "scrape.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <utlist.h>

#include "value.h"

#define PATH "/metrics"

/* ---- where ---- */

/* Splits "HOST:PORT" or "PORT". Returns the port's text, and the host's in `host`; NULL when it is too long.
 */
static const char *split(const char *text, char *host, size_t size) {
    const char *colon = strrchr(text, ':');
    if (colon == NULL) {
        snprintf(host, size, "127.0.0.1");
        return text;
    }
    const bool has_brackets = text[0] == '[' && colon > text + 1 && colon[-1] == ']';
    const char *begin = has_brackets ? text + 1 : text;
    const size_t length = (size_t)(colon - begin) - (has_brackets ? 1 : 0);
    if (length >= size) {
        return NULL;
    }
    memcpy(host, begin, length);
    host[length] = '\0';
    return colon + 1;
}

/* Reads an address of the loopback; false when it is none. */
static bool read_loopback(const char *host, union scrape_address *address) {
    if (inet_pton(AF_INET, host, &address->v4.sin_addr) == 1) {
        address->any.sa_family = AF_INET;
        return (ntohl(address->v4.sin_addr.s_addr) >> 24) == IN_LOOPBACKNET;
    }
    address->any.sa_family = AF_INET6;
    return inet_pton(AF_INET6, host, &address->v6.sin6_addr) == 1 &&
           IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
}

bool scrape_is_for_loopback(const char *text) {
    const bool has_brackets = text[0] == '[';
    const char *begin = text + (has_brackets ? 1 : 0);
    const size_t length = strcspn(begin, has_brackets ? "]" : ":");
    const char *rest = begin + length + (has_brackets && begin[length] == ']' ? 1 : 0);
    union scrape_address address = {0};
    char host[INET6_ADDRSTRLEN];
    if (length >= sizeof(host) || (rest[0] != '\0' && rest[0] != ':')) {
        return false;
    }
    memcpy(host, begin, length);
    host[length] = '\0';
    return strcasecmp(host, "localhost") == 0 || read_loopback(host, &address);
}

int scrape_parse(const char *text, union scrape_address *address, struct reason *reason) {
    char host[INET6_ADDRSTRLEN];
    uint64_t port;
    const char *port_text = split(text, host, sizeof(host));
    *address = (union scrape_address){0};
    if (port_text == NULL || !value_number(port_text, 0, UINT16_MAX, &port)) {
        return reason_set(
            reason, "expected a port, or an address of the loopback and a port, got " VALUE_QUOTE, text);
    }
    if (read_loopback(host, address)) {
        address->v4.sin_port = htons((uint16_t)port); /* that of IPv6 has the same place */
        return 0;
    }
    return reason_set(reason, "expected an address of the loopback, 127.0.0.1 or [::1], got " VALUE_QUOTE,
                      text);
}

/* ---- driving libmicrohttpd ---- */

static void run(struct scrape *scrape);

static void on_timer(uv_timer_t *timer) {
    run(timer->data);
}

static void on_poll(uv_poll_t *poll, int status, int events) {
    (void)status;
    (void)events;
    run(poll->data);
}

static unsigned count_connections(const struct scrape *scrape) {
    return MHD_get_daemon_info(scrape->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;
}

static uint64_t now_ms(const struct scrape *scrape) {
    return uv_now(scrape->timer.loop);
}

/* The timeout of libmicrohttpd is of silence: who sends a byte now and then has none. Once it is shut down,
 * the connection is closed by the next run. */
static void end_turns(struct scrape *scrape) {
    while (scrape->clients != NULL && scrape->clients->until_ms <= now_ms(scrape)) {
        struct scrape_client *client = scrape->clients;
        DL_DELETE(scrape->clients, client);
        client->is_over = true;
        shutdown(MHD_get_connection_info(client->connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
                 SHUT_RDWR);
    }
}

static void set_timer(struct scrape *scrape) {
    unsigned long long timeout_ms = UINT64_MAX;
    const bool has_timeout = MHD_get_timeout(scrape->daemon, &timeout_ms) == MHD_YES;
    if (scrape->clients != NULL) {
        const uint64_t until_ms = scrape->clients->until_ms;
        const uint64_t left_ms = until_ms > now_ms(scrape) ? until_ms - now_ms(scrape) : 0;
        timeout_ms = has_timeout && timeout_ms < left_ms ? timeout_ms : left_ms;
    }
    if (has_timeout || scrape->clients != NULL) {
        uv_timer_start(&scrape->timer, on_timer, timeout_ms, 0);
    } else {
        uv_timer_stop(&scrape->timer);
    }
}

/* True while somebody waits for an answer. */
static bool is_wanted(const struct scrape *scrape) {
    for (const struct scrape_request *request = scrape->requests; request != NULL; request = request->next) {
        if (request->is_waiting) {
            return true;
        }
    }
    return false;
}

/* At its limit libmicrohttpd does not wait for connections. When one was closed, it does so again only in its
 * next run, which neither its descriptor nor its time asks for. */
static void run(struct scrape *scrape) {
    unsigned before;
    end_turns(scrape);
    do {
        before = count_connections(scrape);
        MHD_run(scrape->daemon);
    } while (count_connections(scrape) < before);
    set_timer(scrape);
    if (is_wanted(scrape)) {
        scrape->on_wanted(scrape, scrape->context);
    }
}

/* ---- answers ---- */

static struct MHD_Response *new_response(const char *text, size_t length, const char *type) {
    struct MHD_Response *response =
        MHD_create_response_from_buffer(length, (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    if (response != NULL) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    }
    return response;
}

static struct MHD_Response *new_line(const char *text) {
    return new_response(text, strlen(text), "text/plain; charset=utf-8");
}

/* Answers a request at once. MHD_NO, out of memory, ends its connection. */
static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status, const char *text) {
    struct MHD_Response *response = new_line(text);
    if (response == NULL) {
        return MHD_NO;
    }
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    const enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/* Lets a request go on. A response of NULL, out of memory, ends its connection. */
static void resume(struct scrape_request *request, unsigned status, struct MHD_Response *response) {
    request->status = status;
    request->response = response;
    request->is_waiting = false;
    MHD_resume_connection(request->connection);
}

static enum MHD_Result send_answer(struct scrape_request *request) {
    if (request->response == NULL) {
        return MHD_NO;
    }
    const enum MHD_Result result =
        MHD_queue_response(request->connection, request->status, request->response);
    MHD_destroy_response(request->response);
    request->response = NULL;
    return result;
}

void scrape_answer(struct scrape *scrape, char *const texts[2], const size_t lengths[2]) {
    for (struct scrape_request *request = scrape->requests; request != NULL; request = request->next) {
        const enum exposition_format format = request->format;
        if (request->is_waiting) {
            resume(request, MHD_HTTP_OK,
                   new_response(texts[format], lengths[format], exposition_content_type(format)));
        }
    }
    uv_timer_start(&scrape->timer, on_timer, 0, 0);
}

void scrape_refuse(struct scrape *scrape, const char *why) {
    for (struct scrape_request *request = scrape->requests; request != NULL; request = request->next) {
        if (request->is_waiting) {
            resume(request, MHD_HTTP_SERVICE_UNAVAILABLE, new_line(why));
        }
    }
    uv_timer_start(&scrape->timer, on_timer, 0, 0);
}

/* ---- requests ---- */

/* The first call for a request tells of its head, further ones of what follows. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_length, void **place) {
    struct scrape *scrape = context;
    struct scrape_request *request = *place;
    (void)version;
    (void)upload;
    const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
    if (host != NULL && !scrape_is_for_loopback(host)) {
        return refuse(connection, MHD_HTTP_FORBIDDEN, "Host: expected localhost or its address\n");
    }
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    }
    if (strcmp(url, PATH) != 0) {
        return refuse(connection, MHD_HTTP_NOT_FOUND, "metrics are at " PATH "\n");
    }
    if (request != NULL && !request->is_waiting) {
        *upload_length = 0;
        return send_answer(request);
    }
    request = calloc(1, sizeof(*request));
    if (request == NULL) {
        return MHD_NO;
    }
    const char *accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
    *request = (struct scrape_request){.connection = connection,
                                       .format = exposition_negotiate(accept),
                                       .is_waiting = true,
                                       .next = scrape->requests};
    scrape->requests = request;
    *place = request;
    MHD_suspend_connection(connection);
    return MHD_YES;
}

/* ---- clients ---- */

static void begin_turn(struct scrape *scrape, struct scrape_client *client) {
    client->until_ms = now_ms(scrape) + (uint64_t)SCRAPE_TURN_S * 1000;
    DL_APPEND(scrape->clients, client);
}

/* Without memory for it a client has no turn that ends. */
static void on_connection(void *context, struct MHD_Connection *connection, void **place,
                          enum MHD_ConnectionNotificationCode code) {
    struct scrape *scrape = context;
    struct scrape_client *client = *place;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        client = calloc(1, sizeof(*client));
        if (client != NULL) {
            client->connection = connection;
            begin_turn(scrape, client);
        }
        *place = client;
    } else if (client != NULL) {
        if (!client->is_over) {
            DL_DELETE(scrape->clients, client);
        }
        free(client);
    }
}

static void begin_next_turn(struct scrape *scrape, struct MHD_Connection *connection) {
    struct scrape_client *client =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    if (client != NULL && !client->is_over) {
        DL_DELETE(scrape->clients, client);
        begin_turn(scrape, client);
    }
}

static void on_completed(void *context, struct MHD_Connection *connection, void **place,
                         enum MHD_RequestTerminationCode code) {
    struct scrape *scrape = context;
    struct scrape_request *request = *place;
    struct scrape_request **at = &scrape->requests;
    (void)code;
    begin_next_turn(scrape, connection);
    if (request == NULL) {
        return;
    }
    while (*at != request) {
        at = &(*at)->next;
    }
    *at = request->next;
    if (request->response != NULL) {
        MHD_destroy_response(request->response);
    }
    free(request);
    *place = NULL;
}

/* ---- opening and closing ---- */

/* What clients send wrong is theirs. */
static void on_log(void *context, const char *format, va_list arguments) {
    (void)context;
    (void)format;
    (void)arguments;
}

static int start_daemon(struct scrape *scrape, union scrape_address *address) {
    const bool is_v6 = address->any.sa_family == AF_INET6;
    const unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (is_v6 ? MHD_USE_IPv6 : 0);
    errno = 0;
    scrape->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, scrape, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
        MHD_OPTION_SOCK_ADDR, &address->any, MHD_OPTION_CONNECTION_LIMIT, (unsigned)SCRAPE_CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SCRAPE_SILENT_S, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
        scrape, MHD_OPTION_NOTIFY_CONNECTION, on_connection, scrape, MHD_OPTION_END);
    return scrape->daemon != NULL ? 0 : errno != 0 ? errno : EADDRNOTAVAIL;
}

int scrape_open(struct scrape *scrape, uv_loop_t *loop, union scrape_address *address, scrape_cb on_wanted,
                void *context) {
    *scrape = (struct scrape){.on_wanted = on_wanted, .context = context};
    int error = start_daemon(scrape, address);
    if (error != 0) {
        return error;
    }
    const union MHD_DaemonInfo *epoll = MHD_get_daemon_info(scrape->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    error = uv_poll_init(loop, &scrape->poll, epoll->epoll_fd);
    if (error != 0) {
        MHD_stop_daemon(scrape->daemon);
        return -error;
    }
    address->v4.sin_port = htons(MHD_get_daemon_info(scrape->daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    uv_timer_init(loop, &scrape->timer); /* cannot fail */
    scrape->poll.data = scrape->timer.data = scrape;
    uv_poll_start(&scrape->poll, UV_READABLE, on_poll);
    return 0;
}

void scrape_close(struct scrape *scrape) {
    scrape_refuse(scrape, "muster metrics ends\n"); /* no connection may be suspended */
    MHD_run(scrape->daemon);
    uv_close((uv_handle_t *)&scrape->poll, NULL);
    uv_close((uv_handle_t *)&scrape->timer, NULL);
    MHD_stop_daemon(scrape->daemon);
}
