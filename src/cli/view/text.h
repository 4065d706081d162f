/* Text for people. Whatever came from the network or the command line is made safe on the way out. */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <muster/core.h>

void text_print(FILE *out, const char *text);

/* The columns of a terminal that a text takes. */
size_t text_width(const char *text);

/* The bytes of the first character of a text that is not empty, and the columns it takes. */
size_t text_width_of_character(const char *text, size_t *columns);

/* "12:00:01.250", of here and now. */
void text_print_now(FILE *out);

/* "0.2s", "34s", "3m20s", "5h10m", "2d4h"; with a minus when negative. */
void text_print_duration(FILE *out, int64_t ms);

/* "0%", "0.4%", "12%" of a share in 0..1. */
void text_print_share(FILE *out, double share);

/* The address without its port; "-" when it is unspecified. */
#define TEXT_ADDRESS_BYTES 46
const char *text_address(const struct muster_endpoint *endpoint, char buffer[TEXT_ADDRESS_BYTES]);
void text_print_address(FILE *out, const struct muster_endpoint *endpoint);

/* "10.0.0.1:80", "[fe80::1]:80". */
void text_print_endpoint(FILE *out, const struct muster_endpoint *endpoint, uint16_t port);

/* "http:8080", "coap:5683/udp". */
void text_print_service(FILE *out, const struct muster_service *service);

/* Its services, comma-separated; "-" when there is none. */
void text_print_services(FILE *out, const struct muster_document *document);

/* "a=b c=d"; "-" when there is none. */
void text_print_items(FILE *out, const struct muster_text *items, size_t count);

/* "m4,b4" of a peer's bits; a unicast path only where no other brought it, "-" for none. */
void text_print_paths(FILE *out, unsigned paths);

/* Writes the interfaces of these paths, "eth0,wlan0", each once. */
void text_interfaces(const struct muster_path *paths, size_t count, char *text, size_t size);

/* The escape sequence that a terminal shows a state in, and the one that ends it. */
const char *text_state_color(enum muster_state state);
#define TEXT_COLOR_END "\033[0m"

#endif
