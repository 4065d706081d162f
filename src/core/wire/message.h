/* SPDX-License-Identifier: MIT */
/* The messages of PROTOCOL.md: from bytes to structs and back. Nothing here knows who sent a message or
 * whether its signature holds. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <muster/core.h>

#include "limit.h"
#include "name.h"

struct document_node;

enum message_kind { MESSAGE_ANNOUNCE, MESSAGE_ALIVE, MESSAGE_BYE, MESSAGE_QUERY, MESSAGE_PART };
#define MESSAGE_KINDS 5

extern const struct name_table message_kinds;  /* their names */
extern const struct name_table message_shards; /* the names of shards in `sent` */

struct message {
    enum message_kind kind;
    uint8_t id[MUSTER_ID_BYTES];
    uint64_t boot;
    uint64_t seq; /* 0: not sent to the group */

    /* announce, alive and query */
    uint64_t nonce; /* of the sender, see nonces; 0: it says none */
    const char *re; /* the nonces that this answers, MUSTER_NONCE_CHARS each, without anything between them;
                       NULL: no answer. Not of a query */

    /* announce and alive */
    uint64_t rev;
    uint64_t next_ms;
    uint64_t peers;
    bool tells_sent;              /* `sent` is there, be it empty: else nothing is known of what was sent */
    uint64_t sent[MUSTER_SHARDS]; /* seq of the last data in each shard in this boot; 0: none */

    struct muster_endpoint at; /* of an answer by unicast: where it leaves from, without a port; family 0: it
                                  does not say */

    /* alive */
    unsigned hears; /* bit 1 << kind of the paths by which others are heard; 0: it does not say */
    struct muster_endpoint gone[MUSTER_GONE_MAX]; /* addresses that the sender has no more; no ports */
    size_t gone_count;

    /* announce */
    struct muster_document document;
    uint16_t stream;                 /* TCP port that it answers requests on; 0: none */
    size_t size;                     /* bytes of the body that holds its lists; 0: they are in the announce */
    uint8_t hash[MUSTER_HASH_BYTES]; /* of the body; of a part, and of a query for one, too */
    unsigned heard;                  /* bit 1 << path kind */
    uint16_t
        probe; /* of a query too: its number among the sender's probes, which the answer repeats; 0: none */
    bool has_key;
    uint8_t key[MUSTER_KEY_BYTES];

    /* query */
    uint64_t count; /* of the asker's queries of this boot; 0: it does not say */
    uint64_t said;  /* seq of what it last said to the group; 0: it does not say */
    bool asks_some; /* `of` is there */
    size_t of_count;
    uint8_t of[MUSTER_QUERY_IDS_MAX][MUSTER_ID_BYTES];
    size_t known_count;
    uint8_t known[MUSTER_QUERY_IDS_MAX][MUSTER_ID_BYTES];
    bool wants; /* `want` is there: an announce is asked for */
    const char *want_type;
    const char *want_name;
    bool takes_table; /* `table` is there: who holds a large table may leave the answering to a few */

    /* part, and a query for one */
    uint64_t part;     /* its number, from 1 on; 0: a query for something else */
    const char *bytes; /* of a part: in base64; message_part_bytes() reads them */

    /* the signature line, after decoding */
    bool is_signed;
    uint8_t signature[MUSTER_SIGNATURE_BYTES];
    size_t signed_length; /* bytes of the datagram that it covers */

    /* what the texts above live in, after decoding */
    struct document_node *tree;
    struct document_node *body;
    void *arrays;
};

/* Decodes a datagram. True when *message is valid in itself; it is then freed by message_deinit(). False with
 * the reason otherwise; *message needs no freeing then. bytes are not kept. */
bool message_decode(const uint8_t *bytes, size_t length, struct message *message, enum muster_drop *reason);

/* Frees what decoding allocated. A zeroed struct is allowed. */
void message_deinit(struct message *message);

/* Encodes into at most size bytes, padded with white space to pad_to bytes (0: none), and signed when
 * crypto is not NULL. Returns the length, or MUSTER_ETOOBIG, MUSTER_ENOMEM, or what sign returned. */
int message_encode(const struct message *message, const struct muster_crypto *crypto, size_t pad_to,
                   uint8_t *bytes, size_t size);

/* True for what a query may want: a service type and a peer's name as the wire has them, or NULL. */
bool message_can_want(const char *type, const char *name);

/* Encodes the lists of a document into a body line, LF included, in memory for free(). MUSTER_ENOMEM, and
 * MUSTER_ETOOBIG for more than MUSTER_DOCUMENT_BYTES_MAX. */
int message_encode_body(const struct muster_document *document, uint8_t **body, size_t *length);

/* Gives a decoded announce that has a size the lists of its body, whose hash is for the caller to check.
 * False with the reason when it is none, and then the announce is as before. bytes are not kept. */
bool message_take_body(struct message *announce, const uint8_t *bytes, size_t length,
                       enum muster_drop *reason);

/* Where a part of a body of so many bytes begins, and how long it is; 0 where there is no such part. */
size_t message_part_length(size_t size, uint64_t part, size_t *begin);

#define MESSAGE_PART_TEXT_BYTES (MUSTER_PART_BYTES / 3 * 4 + 1)

/* Writes the bytes of a part, at most MUSTER_PART_BYTES, as base64. */
void message_part_text(const uint8_t *bytes, size_t length, char text[MESSAGE_PART_TEXT_BYTES]);

/* Reads the bytes of a decoded part. Returns how many there are. */
size_t message_part_bytes(const struct message *message, uint8_t bytes[MUSTER_PART_BYTES]);

/* BLAKE2b-256 (RFC 7693) of a body. */
void message_hash_body(const uint8_t *bytes, size_t length, uint8_t hash[MUSTER_HASH_BYTES]);

/* How many nonces this answers. */
size_t message_answer_count(const struct message *message);

/* True when the nonce is among them. */
bool message_answers(const struct message *message, uint64_t nonce);

/* True for a message to the group that goes out on all paths, not on the primary ones alone (PROTOCOL.md,
 * "Paths"). */
bool message_is_everywhere(const struct message *message);

/* True when the id is among count ids. */
bool message_lists(const uint8_t (*ids)[MUSTER_ID_BYTES], size_t count, const uint8_t id[MUSTER_ID_BYTES]);
