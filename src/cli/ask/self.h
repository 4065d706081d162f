/* What the muster that runs here says of itself. */
#ifndef CLI_SELF_H
#define CLI_SELF_H

#include <stdbool.h>
#include <stdint.h>

#include "settings.h"

/* Asks for it and prints it. Returns what to exit with: STATUS_NOBODY when none runs. */
int self_show(const struct settings *settings, bool json, bool wide, uint64_t timeout_ms);

#endif
