/* The muster that runs on this machine already: finding it, and saying why it could not be asked. */
#ifndef CLI_LOCAL_H
#define CLI_LOCAL_H

#include <uv.h>

#include <muster/muster.h>

#include "settings.h"

/* Opens the way to one that is on the port and interfaces of the settings, and of this instance (NULL: any),
 * passing over so many that would do. STATUS_OK; STATUS_NOBODY when none runs, having complained when none is
 * at the socket that was named; STATUS_ERROR, having complained, when that can't be used, or for want of
 * memory. */
int local_open(const struct settings *settings, const char *instance, size_t skip, uv_loop_t *loop,
               muster_local_t **local);

/* Says how an answer failed. text is what the other side said, NULL for nothing. */
void local_complain(const struct settings *settings, int error, const char *text);

/* The same for who could ask the network instead. STATUS_NOBODY when that is what to do, which is no matter
 * where none is on that port and those interfaces; STATUS_ERROR when the socket was named: that one is meant,
 * and no other. */
int local_fall_back(const struct settings *settings, int error, const char *text);

#endif
