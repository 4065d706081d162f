/* What the CLI prints as JSON: parts of the documents of
 * schemas/{peers,services,topics,watch,reading}.schema.json. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "document.h"

/* Every one-shot document says it; it grows when a member changes its meaning. */
#define JSON_SCHEMA 1

/* Puts the members of a peer into an object (NULL: the root). */
void json_put_peer(struct document *document, document_node_t *object, const struct muster_peer *peer);

/* Puts "tuples": each observed 5-tuple of a peer. */
void json_put_tuples(struct document *document, document_node_t *object, const struct muster_peer *peer);

/* Puts a service's own members. */
void json_put_service(struct document *document, document_node_t *object,
                      const struct muster_service *service);

/* Puts the members of a service that say whose it is: interface and "peer". */
void json_put_owner(struct document *document, document_node_t *object, const struct muster_peer *peer);

/* Puts address (null when unspecified) under this name. */
void json_put_address(struct document *document, document_node_t *object, const char *name,
                      const struct muster_endpoint *endpoint);

/* Puts the name of an interface, null for "". */
void json_put_interface(struct document *document, document_node_t *object, const char *name);

/* Puts all counters into an object "counters" of the root. */
void json_put_all_counters(struct document *document, const struct muster_counters *counters);

/* Puts received, accepted, copies and "drops", a counter for each reason, into the root. */
void json_put_counters(struct document *document, const struct muster_counters *counters);

/* Prints JSON from outside, which somebody has found to be some, to stdout in one line: a line break between
 * its tokens becomes a blank, and what a terminal could obey \uXXXX. */
void json_print_line(const char *json, size_t length);

/* Prints a text of JSON, with its quotes, to stdout, made safe likewise. */
void json_print_text(const char *text);

/* Begins a document of one line: what happened, and that it did so now. document_deinit() is to follow. */
void json_begin_line(struct document *document, const char *event);

/* Prints to stdout, indented (a document) or in one line (of a stream), with a LF. Returns 0, or -1
 * when memory was out at any point. */
int json_print(const struct document *document, bool indent);

#endif
