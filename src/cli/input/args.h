/* Options: tables of them, and getopt_long under the tables. */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <muster/muster.h>

struct command;

#define ARGS_INTERFACES_MAX 32

/* Options of one command, and global ones. */
#define ARGS_OPTIONS_MAX 32

/* Highest control port: the unicast sockets take the 32 ports after it. */
#define ARGS_PORT_MAX (UINT16_MAX - 32)

#define ARGS_TIMEOUT_MS_MAX ((uint64_t)30 * 24 * 3600 * 1000)

#define ARGS_COUNT_MAX ((size_t)1000000)

/* Why an argument, a variable or a line was refused, in the words that follow its name in a message. */
struct reason {
    char text[512];
};

enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* What holds for every command: the global options, and the environment where they are silent. */
struct settings {
    char program[32]; /* for messages: "muster" or "muster peers" */
    char interfaces[ARGS_INTERFACES_MAX][MUSTER_INTERFACE_NAME_BYTES];
    size_t interface_count; /* 0: all */
    uint16_t port;          /* 0 until told */
    bool port_given;        /* by an option or the environment, not by default */
    const char *state_dir;  /* borrowed from argv or the environment; NULL: the library's default */
    const char *socket;     /* likewise; of the running muster; NULL: in its instance's directory */
    bool direct;            /* a running muster is not asked */
    enum color color;
    enum muster_log_level log_level;
    bool help;
    bool version;
};

enum args_source { ARGS_WORDS, ARGS_FILES, ARGS_DIRECTORIES, ARGS_INTERFACES };

/* What a shell offers for the value of an option. */
struct args_completion {
    enum args_source source;
    const char *(*word)(size_t i); /* of ARGS_WORDS: the i-th, NULL behind the last */
    bool list;                     /* any number of them, separated by commas */
};

extern const struct args_completion args_complete_files;
extern const struct args_completion args_complete_directories;

/* An option that has its value written into a struct of the command. */
struct args_option {
    const char *name;  /* without dashes, "sort" */
    char letter;       /* 0 when it has none */
    const char *value; /* what --help calls its value, "COL[:desc]"; NULL when it takes none */
    const char *help;
    size_t offset; /* of the place below, in the command's struct */

    /* Writes value, borrowed as long as the process lives, to place. Returns 0, or -1 with a reason that
     * begins with what was expected. */
    int (*parse)(const char *value, void *place, struct reason *reason);

    const struct args_completion *completion; /* NULL when a shell can't know */
};

/* The options that every command has, ended by a row without a name. */
extern const struct args_option args_global_options[];

/* The row of a name in a table; NULL when there is none. */
const struct args_option *args_find_option(const struct args_option *options, const char *name);

/* What is left when the options are taken; values is ended by NULL. */
struct operands {
    size_t count;
    char **values;
};

void settings_init(struct settings *settings);

/* True when output to stdout shall be coloured. */
bool settings_color(const struct settings *settings);

/* Reads the options before the command's name; operands begin with that name. True to go on; false to
 * exit with *status, whatever there was to say having been said (--help and --version included). */
bool args_parse_global(struct settings *settings, const struct command *const *commands, int argc,
                       char **argv, struct operands *operands, int *status);

/* Reads a command's options, and global ones among them, into the struct at `into`, of which the command
 * has set the defaults. Then takes what is still unset from the environment. Operands are as many as the
 * command takes, none of them empty, or, where it runs another one, that command's words, if any. True to
 * go on; false as above. */
bool args_parse(struct settings *settings, const struct command *command, int argc, char **argv, void *into,
                struct operands *operands, int *status);

/* Sets the reason, cut when it is too long, and returns -1, so that a parser can end with
 * `return reason_set(...)`. Say what is expected first and quote the user last. */
int reason_set(struct reason *reason, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Says "muster peers: ARGUMENT: REASON" and returns STATUS_USAGE. */
int args_refuse(const struct settings *settings, const char *argument, const struct reason *reason);

/* ---- kinds of values, for args_option.parse ---- */

int args_flag(const char *value, void *place_bool, struct reason *reason);
int args_text(const char *value, void *place_const_char_pointer, struct reason *reason); /* not empty */
int args_count(const char *value, void *place_size_t, struct reason *reason);      /* 1..ARGS_COUNT_MAX */
int args_timeout(const char *value, void *place_uint64_ms, struct reason *reason); /* not 0 */

/* "5", "0.5", "500ms", "2s", "1m", "1h", a bare number being seconds, in [min_ms, max_ms]. */
int args_duration(const char *value, uint64_t min_ms, uint64_t max_ms, uint64_t *ms, struct reason *reason);

/* A decimal number in [min, max], nothing before or behind it. False, *number untouched, for all else. */
bool args_number(const char *text, uint64_t min, uint64_t max, uint64_t *number);

#endif
