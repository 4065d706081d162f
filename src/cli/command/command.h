/* SPDX-License-Identifier: MIT */
/* A command of muster: one file each, and a row of the table in commands.c. */
#pragma once

#include "command_line.h"

/* The table of commands, ended by NULL. */
extern const struct command *const command_table[];

/* What holds for muster as a whole. It is no row of the table, and can't be run. */
extern const struct command command_muster;

/* Runs the command that the arguments begin with, behind global options, or says what is wrong with them.
 * Returns what to exit with. */
int commands_run(struct settings *settings, int argc, char **argv);

extern const struct command command_announce;
extern const struct command command_config;
extern const struct command command_peers;
extern const struct command command_services;
extern const struct command command_topics;
extern const struct command command_publish;
extern const struct command command_subscribe;
extern const struct command command_show;
extern const struct command command_resolve;
extern const struct command command_wait;
extern const struct command command_watch;
extern const struct command command_update;
extern const struct command command_key;
extern const struct command command_trust;
extern const struct command command_doctor;
extern const struct command command_why;
extern const struct command command_bridge;

/* They need SQLite, and are left out where that is not there (MUSTER_STORE). */
extern const struct command command_record;
extern const struct command command_history;
extern const struct command command_replay;

/* It needs libmicrohttpd, and is left out where that is not there (MUSTER_METRICS). */
extern const struct command command_metrics;

/* It needs ncurses, and is left out where that is not there (MUSTER_TOP). */
extern const struct command command_top;
