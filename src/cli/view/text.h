/* SPDX-License-Identifier: MIT */
/* Text for people. Whatever came from the network or the command line is made safe on the way out. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <muster/muster.h>

void text_print(FILE *out, const char *text);

/* Bytes of a text's first piece: at most so many, 4 at least, and whole characters. */
size_t text_piece(const char *text, size_t bytes_max);

/* Prints a text as JSON has it, in quotes. What a terminal could obey becomes \uXXXX (escape.h), and each
 * byte that is not UTF-8 U+FFFD. */
void text_print_quoted(FILE *out, const char *text);

/* Prints valid JSON in one line, made safe likewise. */
void text_print_json(FILE *out, const char *json, size_t length);

/* The columns of a terminal that a text takes. */
size_t text_width(const char *text);

/* The bytes of the first character of a text that is not empty, and the columns it takes. */
size_t text_width_of_character(const char *text, size_t *columns);

/* A name of at most MUSTER_NAME_BYTES_MAX bytes made safe, by value: printf("%s", text_name(name).text). */
struct text_name {
    char text[MUSTER_TEXT_SAFE_BYTES(MUSTER_NAME_BYTES_MAX)];
};
struct text_name text_name(const char *name);

/* Digits of an id that a label shows at least, where it shows any. */
#define TEXT_LABEL_DIGITS 6

/* "printer", or with so many digits of its id "printer (3fa9c1)", and "(3fa9c1)" where the name is not known:
 * safe, by value. */
struct text_label {
    char text[sizeof(struct text_name) + MUSTER_ID_TEXT_BYTES + 3];
};
struct text_label text_label(const char *name, const uint8_t id[MUSTER_ID_BYTES], unsigned id_digits);

/* A short text, by value likewise. */
struct text_short {
    char text[64];
};

/* UTC as RFC 3339 has it, to the microsecond where there are some. */
struct text_short text_utc(int64_t us);

/* 32 hexadecimal digits. */
struct text_short text_id(const uint8_t id[MUSTER_ID_BYTES]);

/* "12:00:01.250", of here and now; and "2026-01-31T12:00:00.123Z" (RFC 3339). */
struct text_short text_now(void);
struct text_short text_now_utc(void);

/* "0.2s", "34s", "3m20s", "5h10m", "2d4h"; with a minus when negative. */
struct text_short text_duration(int64_t ms);

/* "0%", "0.4%", "12%" of a share in 0..1. */
struct text_short text_share(double share);

/* The address without its port; "-" when it is not specified. */
struct text_short text_address(const struct muster_endpoint *endpoint);

/* "10.0.0.1:80", "[fe80::1]:80". */
struct text_short text_endpoint(const struct muster_endpoint *endpoint, uint16_t port);

/* An address as it stands before a port: "10.0.0.1", "[2001:db8::1]", "[fe80::1%eth0]". */
struct text_short text_host(const struct muster_endpoint *endpoint, const char *interface_name);

/* "m4,b4" of a peer's bits; unicast paths only where no other brought it, "-" for none. */
struct text_short text_paths(unsigned paths);

/* The name under which a service is listed: its peer's, or "printer~dnssd" of one that was
 * brought from elsewhere: safe, by value. */
struct text_offerer {
    char text[MUSTER_TEXT_SAFE_BYTES(MUSTER_OFFERER_BYTES)];
};
struct text_offerer text_offerer(const struct muster_peer *peer, const struct muster_service *service);

/* True for a text that is neither NULL nor empty: an origin, a host. */
bool text_is_given(const char *text);

/* "http:8080", "coap:5683/udp", and of one that was brought from elsewhere "ipp:631~dnssd". */
struct text_short text_service(const struct muster_service *service);

/* Its services, comma-separated; "-" when there is none. */
void text_print_services(FILE *out, const struct muster_document *document);

/* "a=b c=d"; "-" when there is none. */
void text_print_items(FILE *out, const struct muster_text *items, size_t count);

/* The interfaces of paths, "eth0,wlan0", each once, cut where there is no more room; by value. */
struct text_line {
    char text[256];
};
struct text_line text_interfaces(const struct muster_path *paths, size_t count);

/* The escape sequence that a terminal shows a state in, and the one that ends it. */
const char *text_state_color(enum muster_state state);
#define TEXT_COLOR_END "\033[0m"
