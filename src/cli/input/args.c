#include "args.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "help.h"
#include "text.h"

/* getopt_long's value of the option at index i is OPTION_BASE + i, above any letter. */
#define OPTION_BASE 1000

/* Negative numbers in one command line that are not taken for options. */
#define NUMBERS_MAX 8

/* How much of a refused value is quoted. */
#define QUOTE "'%.64s'"

/* The tables of one parse, as getopt_long wants them. */
struct parser {
    const struct args_option *rows[ARGS_OPTIONS_MAX];
    void *into[ARGS_OPTIONS_MAX];
    struct option options[ARGS_OPTIONS_MAX + 1];
    char letters[2 * ARGS_OPTIONS_MAX + 3];
    size_t count;
    int end;                    /* index of the word behind the last option and its value */
    char *numbers[NUMBERS_MAX]; /* words behind the dash that was hidden from getopt_long */
    size_t number_count;
};

/* ---- why not ---- */

int reason_set(struct reason *reason, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason->text, sizeof(reason->text), format, arguments);
    va_end(arguments);
    return -1;
}

/* ---- the global options ---- */

static int parse_interfaces(const char *value, void *place, struct reason *reason) {
    struct settings *settings = place;
    for (const char *name = value;; name++) {
        size_t length = strcspn(name, ",");
        if (length == 0 || length >= MUSTER_INTERFACE_NAME_BYTES) {
            return reason_set(reason, "expected interface names such as eth0,wlan0, got " QUOTE, value);
        }
        if (settings->interface_count == ARGS_INTERFACES_MAX) {
            return reason_set(reason, "expected at most %d interfaces", ARGS_INTERFACES_MAX);
        }
        char *into = settings->interfaces[settings->interface_count++];
        memcpy(into, name, length);
        into[length] = '\0';
        name += length;
        if (*name == '\0') {
            return 0;
        }
    }
}

static int parse_port(const char *value, void *place, struct reason *reason) {
    uint64_t port;
    if (!args_number(value, 1, ARGS_PORT_MAX, &port)) {
        return reason_set(reason, "expected a port from 1 to %d, got " QUOTE, ARGS_PORT_MAX, value);
    }
    *(uint16_t *)place = (uint16_t)port;
    return 0;
}

static const char *color_word(size_t i) {
    static const char *const words[] = {"auto", "always", "never"};
    return i < sizeof(words) / sizeof(words[0]) ? words[i] : NULL;
}

static int parse_color(const char *value, void *place, struct reason *reason) {
    for (size_t i = 0; color_word(i) != NULL; i++) {
        if (strcmp(value, color_word(i)) != 0) {
            continue;
        }
        *(enum color *)place = (enum color)i;
        return 0;
    }
    return reason_set(reason, "expected auto, always or never, got " QUOTE, value);
}

static const char *log_level_word(size_t i) {
    static const char *const words[] = {"error", "warning", "info", "debug"};
    return i < sizeof(words) / sizeof(words[0]) ? words[i] : NULL;
}

static int parse_log_level(const char *value, void *place, struct reason *reason) {
    for (size_t i = 0; log_level_word(i) != NULL; i++) {
        if (strcmp(value, log_level_word(i)) != 0) {
            continue;
        }
        *(enum muster_log_level *)place = (enum muster_log_level)i;
        return 0;
    }
    return reason_set(reason, "expected error, warning, info or debug, got " QUOTE, value);
}

const struct args_completion args_complete_files = {.source = ARGS_FILES};
const struct args_completion args_complete_directories = {.source = ARGS_DIRECTORIES};
static const struct args_completion complete_interfaces = {.source = ARGS_INTERFACES, .list = true};
static const struct args_completion complete_color = {.word = color_word};
static const struct args_completion complete_log_level = {.word = log_level_word};

const struct args_option args_global_options[] = {
    {"interface", 0, "NAME,…", "only these interfaces (repeatable; MUSTER_INTERFACE)", 0, parse_interfaces,
     &complete_interfaces},
    {"port", 0, "N", "UDP port of the group (19797; MUSTER_PORT)", offsetof(struct settings, port),
     parse_port},
    {"state", 0, "DIR", "directory of keys and instances (MUSTER_STATE)",
     offsetof(struct settings, state_dir), args_text, &args_complete_directories},
    {"socket", 0, "PATH", "Unix socket of the running muster (MUSTER_SOCKET)",
     offsetof(struct settings, socket), args_text, &args_complete_files},
    {"direct", 0, NULL, "ask the network, even if a muster runs here", offsetof(struct settings, direct),
     args_flag},
    {"color", 0, "WHEN", "auto, always or never (auto obeys NO_COLOR)", offsetof(struct settings, color),
     parse_color, &complete_color},
    {"log-level", 0, "LEVEL", "error, warning, info or debug (warning)", offsetof(struct settings, log_level),
     parse_log_level, &complete_log_level},
    {"version", 'V', NULL, "print the version", offsetof(struct settings, version), args_flag},
    {"help", 'h', NULL, "print help", offsetof(struct settings, help), args_flag},
    {0},
};

void settings_init(struct settings *settings) {
    *settings = (struct settings){.program = "muster", .log_level = MUSTER_LOG_WARNING};
}

bool settings_color(const struct settings *settings) {
    if (settings->color != COLOR_AUTO) {
        return settings->color == COLOR_ALWAYS;
    }
    const char *no_color = getenv("NO_COLOR"); /* https://no-color.org: set and not empty */
    const char *terminal = getenv("TERM");
    if (no_color != NULL && no_color[0] != '\0') {
        return false;
    }
    if (terminal != NULL && strcmp(terminal, "dumb") == 0) {
        return false;
    }
    return isatty(STDOUT_FILENO);
}

const struct args_option *args_find_option(const struct args_option *options, const char *name) {
    for (; options->name != NULL; options++) {
        if (strcmp(options->name, name) == 0) {
            return options;
        }
    }
    return NULL;
}

/* ---- parsing ---- */

int args_refuse(const struct settings *settings, const char *argument, const struct reason *reason) {
    text_complain(settings->program, "%s: %s", argument, reason->text);
    return STATUS_USAGE;
}

/* Adds a table, but for options that another one (NULL: none) has taken the name of. */
static void add_options(struct parser *parser, const struct args_option *options,
                        const struct args_option *others, void *into) {
    char *letter = strchr(parser->letters, '\0');
    for (const struct args_option *row = options; row->name != NULL; row++) {
        if (others != NULL && args_find_option(others, row->name) != NULL) {
            continue;
        }
        if (parser->count == ARGS_OPTIONS_MAX) {
            abort(); /* a table of ours has grown: raise the bound */
        }
        parser->rows[parser->count] = row;
        parser->into[parser->count] = into;
        parser->options[parser->count] =
            (struct option){.name = row->name,
                            .has_arg = row->value != NULL ? required_argument : no_argument,
                            .val = OPTION_BASE + (int)parser->count};
        parser->count++;
        if (row->letter == 0) {
            continue;
        }
        *letter++ = row->letter;
        if (row->value != NULL) {
            *letter++ = ':';
        }
    }
    *letter = '\0';
}

/* The index of what getopt_long returned or left in optopt; parser->count when it is none of ours. */
static size_t option_index(const struct parser *parser, int value) {
    if (value >= OPTION_BASE) {
        return (size_t)(value - OPTION_BASE);
    }
    size_t i = 0;
    while (i < parser->count && (value == 0 || parser->rows[i]->letter != value)) {
        i++;
    }
    return i;
}

/* What an option is called in messages: "--sort" or "-o/--columns"; "-x" when it is none of ours. */
static void name_option(const struct parser *parser, int value, char *name, size_t size) {
    size_t i = option_index(parser, value);
    if (i == parser->count) {
        snprintf(name, size, "-%c", value);
    } else if (parser->rows[i]->letter != 0) {
        snprintf(name, size, "-%c/--%s", parser->rows[i]->letter, parser->rows[i]->name);
    } else {
        snprintf(name, size, "--%s", parser->rows[i]->name);
    }
}

/* Says what is wrong with the option at which getopt_long stopped with '?' or ':'. */
static int refuse_option(const struct settings *settings, const struct parser *parser, int stop,
                         char **argv) {
    struct reason reason;
    char argument[80];
    size_t i = option_index(parser, optopt);
    if (optopt != 0) {
        name_option(parser, optopt, argument, sizeof(argument));
    }
    if (i < parser->count) {
        if (stop == ':') {
            reason_set(&reason, "expected a value, %s", parser->rows[i]->value);
        } else {
            reason_set(&reason, "expected no value");
        }
    } else {
        if (optopt == 0) {
            snprintf(argument, sizeof(argument), "%.*s", (int)strcspn(argv[optind - 1], "="),
                     argv[optind - 1]);
        }
        reason_set(&reason, "expected an option that %s --help lists", settings->program);
    }
    return args_refuse(settings, argument, &reason);
}

/* getopt_long would take "-3.5" for the option -3: without its dash it is an operand, or some value. */
static void hide_dashes(struct parser *parser, int argc, char **argv) {
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0 && parser->number_count < NUMBERS_MAX; i++) {
        const char *digits = argv[i][0] == '-' && argv[i][1] == '.' ? argv[i] + 2 : argv[i] + 1;
        if (argv[i][0] == '-' && *digits >= '0' && *digits <= '9') {
            parser->numbers[parser->number_count++] = ++argv[i];
        }
    }
}

/* The word as the user wrote it. */
static char *whole_word(const struct parser *parser, char *word) {
    for (size_t i = 0; i < parser->number_count; i++) {
        if (parser->numbers[i] == word) {
            return word - 1;
        }
    }
    return word;
}

/* Reads all options. Returns STATUS_OK, or STATUS_USAGE when it has complained. */
static int read_options(const struct settings *settings, struct parser *parser, int argc, char **argv) {
    int value;
    opterr = 0;
    optind = 0; /* glibc: begin afresh */
    parser->end = 1;
    while ((value = getopt_long(argc, argv, parser->letters, parser->options, NULL)) != -1) {
        struct reason reason;
        char argument[80];
        if (value == '?' || value == ':') {
            return refuse_option(settings, parser, value, argv);
        }
        parser->end = optind;
        size_t i = option_index(parser, value);
        const char *text = whole_word(parser, optarg);
        if (parser->rows[i]->parse(text, (char *)parser->into[i] + parser->rows[i]->offset, &reason) == 0) {
            continue;
        }
        name_option(parser, value, argument, sizeof(argument));
        return args_refuse(settings, argument, &reason);
    }
    return STATUS_OK;
}

/* Takes one variable if it is set and not empty. */
static int read_variable(struct settings *settings, const char *name, void *place,
                         int (*parse)(const char *, void *, struct reason *)) {
    struct reason reason;
    const char *value = getenv(name);
    if (value == NULL || value[0] == '\0') {
        return STATUS_OK;
    }
    return parse(value, place, &reason) == 0 ? STATUS_OK : args_refuse(settings, name, &reason);
}

static int read_environment(struct settings *settings) {
    int status = STATUS_OK;
    if (settings->interface_count == 0) {
        status = read_variable(settings, "MUSTER_INTERFACE", settings, parse_interfaces);
    }
    if (status == STATUS_OK && settings->port == 0) {
        status = read_variable(settings, "MUSTER_PORT", &settings->port, parse_port);
    }
    if (status == STATUS_OK && settings->state_dir == NULL) {
        status = read_variable(settings, "MUSTER_STATE", &settings->state_dir, args_text);
    }
    if (status == STATUS_OK && settings->socket == NULL) {
        status = read_variable(settings, "MUSTER_SOCKET", &settings->socket, args_text);
    }
    settings->port_given = settings->port != 0;
    if (!settings->port_given) {
        settings->port = MUSTER_PORT_DEFAULT;
    }
    return status;
}

bool args_parse_global(struct settings *settings, const struct command *const *commands, int argc,
                       char **argv, struct operands *operands, int *status) {
    struct parser parser = {.letters = "+:"}; /* stop at the command */
    add_options(&parser, args_global_options, NULL, settings);
    *status = read_options(settings, &parser, argc, argv);
    if (*status != STATUS_OK) {
        return false;
    }
    if (settings->help || settings->version) {
        if (settings->help) {
            help_print_all(commands);
        } else {
            printf("muster %s\n", muster_version());
        }
        return false;
    }
    *operands = (struct operands){.count = (size_t)(argc - optind), .values = argv + optind};
    return true;
}

/* Is there a COMMAND behind a "--" that is no option's value, and nothing before that? */
static int check_trailing_command(const struct settings *settings, const struct parser *parser,
                                  const struct operands *operands) {
    struct reason reason;
    bool has_dashes = optind > parser->end;
    if (has_dashes && (operands->count == 0 || operands->values[0][0] == '\0')) {
        reason_set(&reason, "expected a COMMAND after it");
        return args_refuse(settings, "--", &reason);
    }
    if (!has_dashes && operands->count > 0) {
        reason_set(&reason, "expected no argument, or -- before a COMMAND");
        return args_refuse(settings, operands->values[0], &reason);
    }
    return STATUS_OK;
}

/* Are there as many as the command takes, and none empty? */
static int check_operands(const struct settings *settings, const struct command *command,
                          const struct operands *operands) {
    struct reason reason;
    if (operands->count < command->operands_min) {
        reason_set(&reason, "expected an argument, see %s --help", settings->program);
        return args_refuse(settings, command->operands, &reason);
    }
    if (operands->count > command->operands_max) {
        if (command->operands_max == 0) {
            reason_set(&reason, "expected no argument");
        } else if (strstr(command->operands, "…") != NULL) {
            reason_set(&reason, "expected at most %zu, got %zu", command->operands_max, operands->count);
            return args_refuse(settings, command->operands, &reason);
        } else {
            reason_set(&reason, "expected nothing after %s", command->operands);
        }
        return args_refuse(settings, operands->values[command->operands_max], &reason);
    }
    for (size_t i = 0; i < operands->count; i++) {
        if (operands->values[i][0] != '\0') {
            continue;
        }
        reason_set(&reason, "expected a text that is not empty");
        return args_refuse(settings, command->operands, &reason);
    }
    return STATUS_OK;
}

bool args_parse(struct settings *settings, const struct command *command, int argc, char **argv, void *into,
                struct operands *operands, int *status) {
    /* Behind the first operand of a command that runs another one, nothing is an option of ours. */
    struct parser parser = {.letters = ":"};
    if (command->runs_command) {
        memcpy(parser.letters, "+:", sizeof("+:"));
    }
    snprintf(settings->program, sizeof(settings->program), "muster %s", command->name);
    add_options(&parser, command->options, NULL, into);
    add_options(&parser, args_global_options, command->options, settings);
    if (command->takes_numbers) {
        hide_dashes(&parser, argc, argv);
    }
    *status = read_options(settings, &parser, argc, argv);
    for (int i = 1; i < argc; i++) {
        argv[i] = whole_word(&parser, argv[i]);
    }
    if (*status != STATUS_OK) {
        return false;
    }
    if (settings->help || settings->version) {
        if (settings->help) {
            help_print(command);
        } else {
            printf("muster %s\n", muster_version());
        }
        return false;
    }
    *operands = (struct operands){.count = (size_t)(argc - optind), .values = argv + optind};
    *status = command->runs_command ? check_trailing_command(settings, &parser, operands)
                                    : check_operands(settings, command, operands);
    if (*status == STATUS_OK) {
        *status = read_environment(settings);
    }
    return *status == STATUS_OK;
}

/* ---- kinds of values ---- */

int args_flag(const char *value, void *place_bool, struct reason *reason) {
    (void)value;
    (void)reason;
    *(bool *)place_bool = true;
    return 0;
}

int args_text(const char *value, void *place_const_char_pointer, struct reason *reason) {
    if (value[0] == '\0') {
        return reason_set(reason, "expected a text that is not empty");
    }
    *(const char **)place_const_char_pointer = value;
    return 0;
}

int args_count(const char *value, void *place_size_t, struct reason *reason) {
    uint64_t number;
    if (!args_number(value, 1, ARGS_COUNT_MAX, &number)) {
        return reason_set(reason, "expected a number from 1 to %zu, got " QUOTE, ARGS_COUNT_MAX, value);
    }
    *(size_t *)place_size_t = (size_t)number;
    return 0;
}

int args_timeout(const char *value, void *place_uint64_ms, struct reason *reason) {
    return args_duration(value, 1, ARGS_TIMEOUT_MS_MAX, place_uint64_ms, reason);
}

bool args_number(const char *text, uint64_t min, uint64_t max, uint64_t *number) {
    char *end;
    if (text[0] < '0' || text[0] > '9') {
        return false; /* strtoull takes signs and white space */
    }
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || value < min || value > max) {
        return false;
    }
    *number = value;
    return true;
}

/* Reads one to nine digits and returns what follows them; NULL when there are none or more. */
static const char *read_digits(const char *text, uint64_t *value) {
    size_t count = strspn(text, "0123456789");
    if (count == 0 || count > 9) {
        return NULL;
    }
    *value = strtoull(text, NULL, 10);
    return text + count;
}

/* The milliseconds of a unit; 0 when there is no such unit. */
static uint64_t unit_ms(const char *unit) {
    static const struct {
        const char *name;
        uint64_t ms;
    } units[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(unit, units[i].name) == 0) {
            return units[i].ms;
        }
    }
    return 0;
}

static bool read_duration(const char *text, uint64_t *ms) {
    uint64_t whole;
    uint64_t thousandths = 0;
    const char *unit = read_digits(text, &whole);
    if (unit != NULL && *unit == '.') {
        const char *digits = unit + 1;
        uint64_t fraction;
        unit = read_digits(digits, &fraction);
        if (unit == NULL) {
            return false;
        }
        for (long places = unit - digits; places < 3; places++) {
            fraction *= 10;
        }
        for (long places = unit - digits; places > 3; places--) {
            fraction /= 10;
        }
        thousandths = fraction;
    }
    if (unit == NULL || unit_ms(unit) == 0) {
        return false;
    }
    *ms = whole * unit_ms(unit) + thousandths * unit_ms(unit) / 1000;
    return true;
}

int args_duration(const char *value, uint64_t min_ms, uint64_t max_ms, uint64_t *ms, struct reason *reason) {
    uint64_t duration_ms;
    if (read_duration(value, &duration_ms) && duration_ms >= min_ms && duration_ms <= max_ms) {
        *ms = duration_ms;
        return 0;
    }
    return reason_set(reason, "expected a time from %llums to %lluh such as 5, 2.5s or 1m, got " QUOTE,
                      (unsigned long long)min_ms, (unsigned long long)(max_ms / 3600000), value);
}
