/* The streams of a node: what happens on them goes into its core, and what the core wants is done. */
#ifndef UV_STREAMS_H
#define UV_STREAMS_H

#include <uv.h>

#include <muster/core.h>

#include "network.h"
#include "part.h"
#include "stream_table.h"

struct streams_calls {
    void (*on_step)(void *owner); /* the core has seen something; it may call anything */
    stream_table_ended_cb on_ended;
    void *owner;
};

struct streams {
    const struct part_context *context;
    struct network *network; /* the listeners and the links */
    struct streams_calls calls;
    struct stream_table table;
};

/* Puts the table and the listeners that are open on the loop; context and network are borrowed. on_ended
 * comes after streams_end(). MUSTER_ENOMEM, MUSTER_ESYSTEM, and then too it is to be ended. */
int streams_start(struct streams *streams, const struct part_context *context, struct network *network,
                  uv_loop_t *loop, const struct streams_calls *calls);

/* Ends all streams and closes the listeners. */
void streams_end(struct streams *streams);

/* Does what one of the STREAM_… outputs says. */
void streams_do(struct streams *streams, const struct muster_output *output);

#endif
