/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "bridge.h"
#include "complain.h"
#include "mqtt_topic.h"
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

/* One more pattern of readings. */
static int parse_pattern(const char *text, void *place, struct reason *reason) {
    struct value_texts *patterns = place;
    const char *fault = muster_pattern_fault(text);
    if (fault != NULL) {
        return reason_set(reason, "%s", fault);
    }
    if (patterns->count == VALUE_TEXTS_MAX) {
        return reason_set(reason, "expected at most %d patterns", VALUE_TEXTS_MAX);
    }
    strcpy(patterns->texts[patterns->count++], text);
    return 0;
}

/* The first levels of a topic. */
static int parse_prefix(const char *text, void *place, struct reason *reason) {
    const char *fault = mqtt_topic_fault(text);
    if (fault != NULL || strlen(text) > OPTIONS_PREFIX_BYTES_MAX || text[strlen(text) - 1] == '/') {
        return reason_set(
            reason, "expected up to %d bytes without a slash at their end, got " VALUE_QUOTE "%s%s",
            OPTIONS_PREFIX_BYTES_MAX, text, fault != NULL ? ": " : "", fault != NULL ? fault : "");
    }
    return value_text(text, place, reason);
}

static int parse_queue(const char *text, void *place, struct reason *reason) {
    uint64_t count;
    if (value_range("a number of readings", text, 1000, 100000000, &count, reason) != 0) {
        return -1;
    }
    *(size_t *)place = (size_t)count;
    return 0;
}

static const struct args_completion complete_payload = {.word = mqtt_payload_word};

#define AT(member) offsetof(struct mqtt_options, member)

const struct args_option mqtt_options_table[] = {
    {"broker", 0, "HOST[:PORT]", "the broker (port 1883, with TLS 8883)", AT(broker), parse_broker},
    {"site", 0, "NAME", "what this LAN is called at the broker", AT(site), parse_site},
    {"out", 0, "PATTERN", "carry these readings to the broker (repeatable)", AT(out), parse_pattern},
    {"in", 0, "PATTERN", "bring these readings of other sites to this LAN (repeatable)", AT(in),
     parse_pattern},
    {"payload", 0, "HOW", "say readings as senml, json or value (senml)", AT(payload), NULL,
     &complete_payload},
    {"prefix", 0, "TOPIC", "what all topics begin with (muster)", AT(prefix), parse_prefix},
    {"home-assistant", 0, NULL, "make the readings entities of Home Assistant", AT(home_assistant),
     value_flag},
    {"discovery", 0, "TOPIC", "the prefix of its discovery (homeassistant)", AT(discovery), parse_prefix},
    {"no-peers", 0, NULL, "carry no peers and services", AT(no_peers), value_flag},
    {"user", 0, "NAME", "who logs in at the broker", AT(user), value_text},
    {"password-file", 0, "FILE", "a file with the password in its first line", AT(password_file), value_text,
     &args_complete_files},
    {"cafile", 0, "FILE", "use TLS; the certificates by which the broker is known", AT(ca_file), value_text,
     &args_complete_files},
    {"cert", 0, "FILE", "certificate to log in with, beside --key", AT(cert_file), value_text,
     &args_complete_files},
    {"key", 0, "FILE", "its key", AT(key_file), value_text, &args_complete_files},
    {"queue", 0, "N", "readings that wait while the broker is away (1000000)", AT(queue), parse_queue},
    {"queue-file", 0, "FILE", "where they wait (mqtt.db in the directory of the instance)", AT(queue_file),
     value_text, &args_complete_files},
    {"name", 0, "NAME", "what to be called among the peers (the host's name and -mqtt)", AT(name),
     start_parse_instance},
    {"config", 0, "FILE", "read options from a file, see below", AT(config), value_text,
     &args_complete_files},
    {"dry-run", 0, NULL, "print what would be carried, and connect to nobody", AT(dry_run), value_flag},
    {0},
};

const struct mqtt_options mqtt_options_defaults = {
    .prefix = "muster", .discovery = "homeassistant", .queue = 1000000};

/* A certificate or key that is not there would be noticed only when the broker is reached. */
static int check_file(const struct settings *settings, const char *option, const char *path) {
    if (path == NULL || access(path, R_OK) == 0) {
        return STATUS_OK;
    }
    complain(settings, "%s: %s: %s", option, path, strerror(errno));
    return STATUS_ERROR;
}

static int check_files(const struct settings *settings, const struct mqtt_options *options) {
    if ((options->cert_file == NULL) != (options->key_file == NULL)) {
        return complain_usage(settings, "--cert", "expected together with --key");
    }
    if (options->cert_file != NULL && options->ca_file == NULL) {
        return complain_usage(settings, "--cert",
                              "expected together with --cafile, by which the broker is known");
    }
    const int status = check_file(settings, "--cafile", options->ca_file);
    const int next = check_file(settings, "--cert", options->cert_file);
    const int last = check_file(settings, "--key", options->key_file);
    return status != STATUS_OK ? status : next != STATUS_OK ? next : last;
}

int mqtt_options_check(const struct settings *settings, struct mqtt_options *options) {
    if (options->broker.host[0] == '\0' && !options->dry_run) {
        return complain_usage(settings, "--broker", "expected, such as mqtt.lan");
    }
    if (options->site == NULL) {
        return complain_usage(settings, "--site", "expected a name of this LAN, such as home");
    }
    if (options->out.count == 0 && options->in.count == 0 && options->no_peers) {
        return complain_usage(settings, "--no-peers",
                              "expected with --out or --in: nothing is left to carry");
    }
    if (options->out.count == 0 && options->home_assistant) {
        return complain_usage(
            settings, "--home-assistant",
            "expected with --out, which says what readings it is to have, such as --out '#'");
    }
    if (options->password_file != NULL && options->user == NULL) {
        return complain_usage(settings, "--password-file", "expected together with --user");
    }
    if (settings->socket != NULL && options->queue_file == NULL && !options->dry_run) {
        return complain_usage(settings, "--socket", "expected together with --queue-file");
    }
    if (options->broker.port == 0) {
        options->broker.port = options->ca_file != NULL ? PORT_TLS : PORT;
    }
    if (options->name[0] == '\0') {
        bridge_host_name(NAME_ENDING, options->name);
    }
    return check_files(settings, options);
}
