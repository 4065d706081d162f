/* SPDX-License-Identifier: MIT */
/* What a session is confined to: where it still writes. */
#pragma once

#include "session.h"

/* Confines the process to what the session needs from now on. Its node is open. */
void confining_start(const struct session *session);
