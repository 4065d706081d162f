/* SPDX-License-Identifier: MIT */
/* What a program of muster does before all else. */
#pragma once

/* Makes sure that the standard streams are open, that writing to a pipe that nobody reads fails instead of
 * ending the process, and that characters are UTF-8. */
void process_begin(void);
