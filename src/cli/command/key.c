/* SPDX-License-Identifier: MIT */
/* muster key: the group keys of this user, by which hosts hear each other alone. */
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "command.h"
#include "complain.h"
#include "group_keys.h"
#include "plot.h"
#include "qr.h"
#include "table.h"
#include "value.h"
#include "writer.h"

#define NAME_DEFAULT "group"
#define LINE_BYTES_MAX 1024
#define PASSPHRASE_BYTES_MIN 12

struct key_options {
    bool passphrase;
    bool qr;
    bool json;
};

static const struct args_option options_table[] = {
    {"passphrase", 0, NULL, "new: make the key of words that are asked for, the same on every host",
     offsetof(struct key_options, passphrase), value_flag},
    {"qr", 0, NULL, "show: print a QR code, for a camera", offsetof(struct key_options, qr), value_flag},
    {"json", 0, NULL, "list: print JSON, without the keys themselves", offsetof(struct key_options, json),
     value_flag},
    {0},
};

/* Holds secrets: wiped at the end, and locked meanwhile as far as the system allows it. */
struct key_command {
    struct settings *settings;
    const struct key_options *options;
    const char *name; /* of the group that is meant; NULL: not given */
    struct muster_keyring ring;
    int (*change)(struct key_command *command); /* of the ring */
    uint8_t key[MUSTER_GROUP_KEY_BYTES];        /* that is made or added */
    char line[LINE_BYTES_MAX];                  /* that was read */
    char again[LINE_BYTES_MAX];
};

/* ---- keys ---- */

static size_t find(const struct key_command *command, const char *name) {
    size_t i = 0;
    while (i < command->ring.count && strcmp(command->ring.keys[i].name, name) != 0) {
        i++;
    }
    return i;
}

static int refuse_unknown(const struct key_command *command, const char *name) {
    complain(command->settings, "there is no key '%.64s'; see muster key list", name);
    return STATUS_NOT_FOUND;
}

static void id_text(const struct muster_group_key *key, char text[2 * MUSTER_GROUP_KEY_ID_BYTES + 1]) {
    uint8_t id[MUSTER_GROUP_KEY_ID_BYTES];
    muster_group_key_id(key->bytes, id);
    for (size_t i = 0; i < sizeof(id); i++) {
        snprintf(text + 2 * i, 3, "%02x", id[i]);
    }
}

static int read_keys(struct key_command *command) {
    struct settings *settings = command->settings;
    return muster_keyring_read(settings->state_dir, &command->ring, group_keys_complain, settings) == 0
               ? STATUS_OK
               : STATUS_ERROR;
}

static void on_log(enum muster_log_level level, const char *line, void *context) {
    const struct key_command *command = context;
    group_keys_complain(level, line, command->settings);
}

static int change_ring(struct muster_keyring *ring, void *context) {
    struct key_command *command = context;
    command->ring = *ring;
    const int status = command->change(command);
    *ring = command->ring;
    return status;
}

/* Others may have changed the keys since they were read. A status of `change` that is no STATUS_OK changes
 * nothing. */
static int store(struct key_command *command, int (*change)(struct key_command *command)) {
    command->change = change;
    const int status = muster_keyring_change(command->settings->state_dir, change_ring, on_log, command);
    return status < 0 ? STATUS_ERROR : status;
}

/* Why a key of this name can't be added; STATUS_OK when it can. */
static int check_room(struct key_command *command) {
    command->name = command->name != NULL ? command->name : NAME_DEFAULT;
    if (!muster_group_key_is_name(command->name)) {
        return complain_usage(command->settings, "NAME",
                              "expected 1 to 63 of A-Z a-z 0-9 . _ -, no hyphen first, got " VALUE_QUOTE,
                              command->name);
    }
    if (find(command, command->name) < command->ring.count) {
        complain(command->settings, "there is a key '%s' already; another NAME keeps one beside it",
                 command->name);
        return STATUS_ERROR;
    }
    if (command->ring.count == MUSTER_GROUP_KEYS_MAX) {
        complain(command->settings, "there are %d keys already; muster key retire makes room",
                 MUSTER_GROUP_KEYS_MAX);
        return STATUS_ERROR;
    }
    return STATUS_OK;
}

static int put_last(struct key_command *command) {
    struct muster_keyring *ring = &command->ring;
    const int status = check_room(command);
    if (status != STATUS_OK) {
        return status;
    }
    struct muster_group_key *key = &ring->keys[ring->count];
    memcpy(key->bytes, command->key, sizeof(key->bytes));
    snprintf(key->name, sizeof(key->name), "%s", command->name);
    for (size_t i = 0; i < ring->count; i++) {
        if (memcmp(ring->keys[i].bytes, key->bytes, sizeof(key->bytes)) == 0) {
            complain(command->settings, "that is the key '%s'", ring->keys[i].name);
            return STATUS_ERROR;
        }
    }
    ring->count++;
    return STATUS_OK;
}

/* The first key of all seals at once; others wait for muster key use. */
static int add_key(struct key_command *command) {
    const struct muster_keyring *ring = &command->ring;
    const int status = store(command, put_last);
    if (status == STATUS_OK) {
        char id[2 * MUSTER_GROUP_KEY_ID_BYTES + 1];
        id_text(&ring->keys[ring->count - 1], id);
        fprintf(stderr, "%s: key %s, %s, %s\n", command->settings->program, command->name, id,
                ring->count == 1 ? "seals from the next start on" : "opens; muster key use makes it seal");
    }
    return status;
}

/* ---- asking ---- */

/* Waits for a line, or for a signal, which stays pending. False for a signal. */
static bool await_line(const sigset_t *signals) {
    const int caught = signalfd(-1, signals, SFD_CLOEXEC);
    struct pollfd waits[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = caught, .events = POLLIN}};
    const bool is_line = poll(waits, 2, -1) > 0 && waits[1].revents == 0;
    if (caught >= 0) {
        close(caught);
    }
    return is_line;
}

/* Reads a line that the terminal does not show. A signal takes effect once the terminal is as
 * before. */
static bool ask_unseen(const char *prompt, char line[LINE_BYTES_MAX], const struct termios *before) {
    struct termios silent = *before;
    sigset_t signals;
    sigset_t mask;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGQUIT);
    sigaddset(&signals, SIGTSTP);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigprocmask(SIG_BLOCK, &signals, &mask);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    fputs(prompt, stderr); /* what is typed from now on is not shown, and not lost */
    const bool is_read = await_line(&signals) && fgets(line, LINE_BYTES_MAX, stdin) != NULL;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, before);
    fputc('\n', stderr);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    return is_read;
}

/* Reads a line of standard input, which is not shown where it is a terminal. False at its end. */
static bool ask(const char *prompt, char line[LINE_BYTES_MAX]) {
    struct termios before;
    const bool is_terminal = tcgetattr(STDIN_FILENO, &before) == 0;
    const bool is_read =
        is_terminal ? ask_unseen(prompt, line, &before) : fgets(line, LINE_BYTES_MAX, stdin) != NULL;
    if (is_read) {
        line[strcspn(line, "\r\n")] = '\0';
    }
    return is_read;
}

/* ---- new, add ---- */

/* A terminal is asked twice: nobody sees what he types. */
static int ask_passphrase(struct key_command *command) {
    if (!ask("Passphrase: ", command->line) || strlen(command->line) < PASSPHRASE_BYTES_MIN) {
        complain(command->settings, "a passphrase has %d characters or more: several words, drawn by dice",
                 PASSPHRASE_BYTES_MIN);
        return STATUS_ERROR;
    }
    const bool is_same = isatty(STDIN_FILENO) == 0 ||
                         (ask("Again: ", command->again) && strcmp(command->line, command->again) == 0);
    if (!is_same) {
        complain(command->settings, "these are two different passphrases");
    }
    return is_same ? STATUS_OK : STATUS_ERROR;
}

static int run_new(struct key_command *command) {
    int status = check_room(command);
    if (status == STATUS_OK && command->options->passphrase) {
        status = ask_passphrase(command);
    }
    if (status == STATUS_OK) {
        const int error = command->options->passphrase
                              ? muster_group_key_derive(command->name, command->line, command->key)
                              : muster_group_key_generate(command->key);
        status = error != 0 ? complain_error(command->settings, error) : add_key(command);
    }
    return status;
}

static int run_add(struct key_command *command) {
    int status = check_room(command);
    if (status == STATUS_OK &&
        (!ask("Key: ", command->line) || muster_group_key_parse(command->line, command->key) != 0)) {
        complain(command->settings, "expected the 64 hexadecimal digits that muster key show prints");
        status = STATUS_ERROR;
    }
    return status == STATUS_OK ? add_key(command) : status;
}

/* ---- list, show, use, retire ---- */

static void write_key(struct writer *writer, const void *row) {
    const struct muster_group_key *key = row;
    const struct muster_keyring *ring = writer->context;
    char id[2 * MUSTER_GROUP_KEY_ID_BYTES + 1];
    id_text(key, id);
    writer_text(writer, "name", "NAME", key->name);
    writer_text(writer, "key_id", "ID", id);
    writer_text(writer, "use", "USE", key == ring->keys ? "seals" : "opens");
}

/* Tells who would see an empty table why. */
static void tell_none(const struct key_command *command) {
    if (command->ring.count == 0) {
        complain(command->settings,
                 "there are no keys; muster key new makes one, muster key add takes another "
                 "host's");
    }
}

static int run_list(struct key_command *command) {
    const struct muster_keyring *ring = &command->ring;
    const struct writer_rows rows = {write_key, ring->keys, sizeof(*ring->keys), ring->count, ring};
    if (command->options->json) {
        struct writer writer;
        writer_open_document(&writer);
        writer_array_of(&writer, "keys", rows);
        writer_close(&writer);
        return STATUS_OK;
    }
    tell_none(command);
    const struct table_style style = {.color = settings_color(command->settings)};
    return table_print(NULL, rows, style) == 0 ? STATUS_OK : complain_error(command->settings, MUSTER_ENOMEM);
}

static int print_qr(const struct key_command *command, const char *text) {
    if (plot_style().ascii) {
        complain(command->settings, "a QR code is made of characters that the locale, which is not UTF-8, "
                                    "does not have");
        return STATUS_ERROR;
    }
    return qr_print(stdout, text, settings_color(command->settings))
               ? STATUS_OK
               : complain_error(command->settings, MUSTER_ENOMEM);
}

static int run_show(struct key_command *command) {
    char text[MUSTER_GROUP_KEY_TEXT_BYTES];
    int status = STATUS_OK;
    const size_t i = command->name != NULL ? find(command, command->name) : 0;
    if (i >= command->ring.count) {
        return refuse_unknown(command, command->name != NULL ? command->name : NAME_DEFAULT);
    }
    muster_group_key_text(command->ring.keys[i].bytes, text);
    if (command->options->qr) {
        status = print_qr(command, text);
    } else {
        puts(text);
    }
    explicit_bzero(text, sizeof(text));
    return status;
}

static int put_first(struct key_command *command) {
    struct muster_keyring *ring = &command->ring;
    const size_t i = find(command, command->name);
    if (i == ring->count) {
        return refuse_unknown(command, command->name);
    }
    struct muster_group_key key = ring->keys[i];
    memmove(ring->keys + 1, ring->keys, i * sizeof(key));
    ring->keys[0] = key;
    explicit_bzero(&key, sizeof(key));
    return STATUS_OK;
}

static int run_use(struct key_command *command) {
    return store(command, put_first);
}

static int take_out(struct key_command *command) {
    struct muster_keyring *ring = &command->ring;
    const size_t i = find(command, command->name);
    if (i == ring->count) {
        return refuse_unknown(command, command->name);
    }
    ring->count--;
    memmove(ring->keys + i, ring->keys + i + 1, (ring->count - i) * sizeof(*ring->keys));
    return STATUS_OK;
}

static int run_retire(struct key_command *command) {
    const int status = store(command, take_out);
    if (status == STATUS_OK && command->ring.count == 0) {
        complain(command->settings, "that was the last key; what runs with it keeps it until a restart");
    }
    return status;
}

/* ---- running ---- */

static const struct verb {
    const char *name;
    int (*run)(struct key_command *command);
    bool needs_name;
    bool takes_name;
} verbs[] = {
    {"new", run_new, false, true},   {"add", run_add, false, true}, {"list", run_list, false, false},
    {"show", run_show, false, true}, {"use", run_use, true, true},  {"retire", run_retire, true, true},
};

static const char *verb_word(size_t i) {
    return i < sizeof(verbs) / sizeof(*verbs) ? verbs[i].name : NULL;
}

static const struct args_completion complete_verbs = {.word = verb_word};

/* Refuses an option that is of another verb. */
static int check_options(const struct settings *settings, const struct key_options *options,
                         const struct verb *verb) {
    if (options->passphrase && verb->run != run_new) {
        return complain_usage(settings, "--passphrase", "expected with new alone");
    }
    if (options->qr && verb->run != run_show) {
        return complain_usage(settings, "--qr", "expected with show alone");
    }
    if (options->json && verb->run != run_list) {
        return complain_usage(settings, "--json", "expected with list alone");
    }
    return STATUS_OK;
}

static int run_verb(struct settings *settings, const struct key_options *options, const struct verb *verb,
                    const char *name) {
    struct key_command command = {.settings = settings, .options = options, .name = name};
    if (verb->needs_name && name == NULL) {
        return complain_usage(settings, verb->name, "expected the NAME of a key");
    }
    if (!verb->takes_name && name != NULL) {
        return complain_usage(settings, name, "%s takes no NAME", verb->name);
    }
    int status = check_options(settings, options, verb);
    if (status != STATUS_OK) {
        return status;
    }
    mlock(&command, sizeof(command));
    setvbuf(stdin, NULL, _IONBF, 0); /* nothing that is read or said stays in a buffer */
    setvbuf(stdout, NULL, _IONBF, 0);
    status = read_keys(&command);
    if (status == STATUS_OK) {
        status = verb->run(&command);
    }
    explicit_bzero(&command, sizeof(command));
    return status;
}

static int run(struct settings *settings, void *options, const struct operands *operands) {
    struct reason reason;
    size_t index;
    if (value_word(operands->values[0], verb_word, &index, &reason) != 0) {
        return complain_usage(settings, operands->values[0], "%s", reason.text);
    }
    return run_verb(settings, options, &verbs[index], operands->values[1]);
}

const struct command command_key = {
    .name = "key",
    .group = COMMAND_OTHER,
    .summary = "close a group of hosts by a key",
    .syntax = {.operands = "VERB [NAME]", .operands_min = 1, .operands_max = 2},
    .completion = &complete_verbs,
    .description =
        "Make and change the group keys of this user. With a key all that muster says is sealed:\n"
        "who lacks the key reads neither names nor readings, and is not heard. All commands use\n"
        "the keys, but with --no-key; the service has a --state-dir of its own.\n"
        "\n"
        "A VERB is one of\n"
        "  new [NAME]     make a key, at random, or of words with --passphrase (\"group\")\n"
        "  add [NAME]     add the key of another host, which is asked for\n"
        "  show [NAME]    print a key, for add on another host: whoever reads it is in the group\n"
        "  list           say which keys there are; the first one seals, all open\n"
        "  use NAME       seal by this key\n"
        "  retire NAME    forget this key\n"
        "\n"
        "A running muster that was started with a key takes up at once what changes here, but keeps\n"
        "the last key that is retired until a restart: it never goes on in the clear. To change the\n"
        "key while all goes on, without any loss: add the new one on all hosts, then use it on all,\n"
        "then retire the old one on all.\n",
    .options = options_table,
    .options_bytes = sizeof(struct key_options),
    .examples = "  muster key new home\n"
                "  muster key show home | ssh nas muster key add home\n"
                "  muster key new home --passphrase\n"
                "  muster key use next\n",
    .statuses = "  0   done\n"
                "  1   error: others can read the keys, there is such a key already, no such digits\n"
                "  2   wrong usage\n"
                "  4   there is no such key\n",
    .files = "  keys/group             in the state directory: the keys, for their owner alone\n",
    .run = run,
};
