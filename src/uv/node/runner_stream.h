/* The streams of a node: what happens on them goes into its core, and what the core wants is done. */
#ifndef UV_RUNNER_STREAM_H
#define UV_RUNNER_STREAM_H

#include "runner.h"

/* Puts them on the loop; on_ended comes after runner_stream_end(). MUSTER_ENOMEM, MUSTER_ESYSTEM, and then
 * too it is to be ended. */
int runner_stream_start(muster_t *node, uv_loop_t *loop, stream_table_ended_cb on_ended);

/* Ends all streams and closes the listeners. */
void runner_stream_end(muster_t *node);

/* Does what one of the STREAM_… outputs says. */
void runner_stream_output(muster_t *node, const struct muster_output *output);

#endif
