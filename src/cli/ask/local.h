/* SPDX-License-Identifier: MIT */
/* The muster that runs on this machine: how it is found, and what is reported when it can't be asked. */
#pragma once

#include <uv.h>

#include <muster/muster.h>

#include "settings.h"

/* Connects to a muster that uses the port and interfaces of the settings and is of this instance (NULL: any);
 * `skip` that match are passed over. Returns STATUS_OK; STATUS_NOBODY when none runs, reported only when the
 * settings name a socket; STATUS_ERROR, reported, when the socket can't be used or memory is out. */
int local_open(const struct settings *settings, const char *instance, size_t skip, uv_loop_t *loop,
               muster_local_t **local);

/* Reports why an answer failed, and returns a status. text is that of the other side, or NULL. */
int local_complain(const struct settings *settings, int error, const char *text);

/* The same where the network can be asked instead. Returns STATUS_NOBODY when it is to be asked; that is not
 * reported where merely no muster uses that port and those interfaces. Returns STATUS_ERROR when the settings
 * name a socket: that muster is meant, and no other. */
int local_fall_back(const struct settings *settings, int error, const char *text);
