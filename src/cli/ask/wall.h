/* The clock on the wall. */
#ifndef CLI_WALL_H
#define CLI_WALL_H

/* Seconds since 1970. */
double wall_s(void);

#endif
