/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <stddef.h>
#include <string.h>

#include "bridge.h"
#include "complain.h"
#include "start.h"
#include "value.h"

#define PORT 1883
#define PORT_TLS 8883
#define NAME_ENDING "-mqtt"

static int parse_site(const char *text, void *place, struct reason *reason) {
    const size_t length = strlen(text);
    if (length == 0 || length > OPTIONS_SITE_BYTES_MAX ||
        strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") != length || text[0] == '-') {
        return reason_set(reason, "expected 1 to %d of a-z 0-9 -, no hyphen first, got " VALUE_QUOTE,
                          OPTIONS_SITE_BYTES_MAX, text);
    }
    return value_text(text, place, reason);
}

/* "host", "host:1883", "10.0.0.1", "[fd00::1]:1883". */
static int parse_broker(const char *text, void *place, struct reason *reason) {
    struct broker *broker = place;
    const bool has_brackets = text[0] == '[';
    const char *host = text + has_brackets;
    const size_t length = strcspn(host, has_brackets ? "]" : ":");
    const char *rest = host + length + (has_brackets && host[length] == ']');
    uint64_t port = 0;
    if (length == 0 || length >= sizeof(broker->host) || (has_brackets && host[length] != ']') ||
        (rest[0] != '\0' && (rest[0] != ':' || !value_number(rest + 1, 1, UINT16_MAX, &port)))) {
        return reason_set(reason, "expected HOST or HOST:PORT, got " VALUE_QUOTE, text);
    }
    memcpy(broker->host, host, length);
    broker->host[length] = '\0';
    broker->port = (uint16_t)port;
    return 0;
}

const struct args_option mqtt_options_table[] = {
    {"broker", 0, "HOST[:PORT]", "the broker (port 1883, with TLS 8883)",
     offsetof(struct mqtt_options, broker), parse_broker},
    {"site", 0, "NAME", "what this LAN is called at the broker", offsetof(struct mqtt_options, site),
     parse_site},
    {"user", 0, "NAME", "who logs in there", offsetof(struct mqtt_options, user), value_text},
    {"password-file", 0, "FILE", "a file with the password in its first line",
     offsetof(struct mqtt_options, password_file), value_text, &args_complete_files},
    {"cafile", 0, "FILE", "use TLS; the certificates by which the broker is known",
     offsetof(struct mqtt_options, ca_file), value_text, &args_complete_files},
    {"cert", 0, "FILE", "certificate to log in with, beside --key", offsetof(struct mqtt_options, cert_file),
     value_text, &args_complete_files},
    {"key", 0, "FILE", "its key", offsetof(struct mqtt_options, key_file), value_text, &args_complete_files},
    {"name", 0, "NAME", "what to be called among the peers (the host's name and -mqtt)",
     offsetof(struct mqtt_options, name), start_parse_instance},
    {"config", 0, "FILE", "read options from a file, see below", offsetof(struct mqtt_options, config),
     value_text, &args_complete_files},
    {0},
};

int mqtt_options_check(const struct settings *settings, struct mqtt_options *options) {
    if (options->broker.host[0] == '\0') {
        return complain_usage(settings, "--broker", "expected, such as mqtt.lan");
    }
    if (options->site == NULL) {
        return complain_usage(settings, "--site", "expected a name of this LAN, such as home");
    }
    if (options->broker.port == 0) {
        options->broker.port = options->ca_file != NULL ? PORT_TLS : PORT;
    }
    if (options->name[0] == '\0') {
        bridge_host_name(NAME_ENDING, options->name);
    }
    return STATUS_OK;
}
