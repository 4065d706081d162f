/* SPDX-License-Identifier: MIT */
/* muster trust: the names that this user has pinned to keys. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <muster/muster.h>

#include "command.h"
#include "complain.h"
#include "group_keys.h"
#include "listing.h"
#include "look.h"
#include "pins.h"
#include "table.h"
#include "text.h"
#include "value.h"
#include "writer.h"

struct trust_options {
    struct listing_options listing;
};

static const struct args_option options_table[] = {
    LISTING_JSON(struct trust_options),
    LISTING_TIMEOUT(struct trust_options),
    {0},
};

struct trust_command {
    struct settings *settings;
    const struct trust_options *options;
    const char *name;                /* NULL: not given */
    const char *id;                  /* likewise */
    uint8_t key_id[MUSTER_ID_BYTES]; /* to which `pin` pins the name */
    struct muster_pin *pins;         /* NULL: none */
    size_t count;
    int (*change)(struct trust_command *command); /* of the pins, with room for MUSTER_PINS_MAX */
};

/* ---- pins ---- */

static struct muster_pin *find(const struct trust_command *command) {
    for (size_t i = 0; i < command->count; i++) {
        if (strcmp(command->pins[i].name, command->name) == 0) {
            return &command->pins[i];
        }
    }
    return NULL;
}

static void on_log(enum muster_log_level level, const char *line, void *context) {
    const struct trust_command *command = context;
    group_keys_complain(level, line, command->settings);
}

static int change_pins(struct muster_pin *pins, size_t *count, void *context) {
    struct trust_command command = *(const struct trust_command *)context;
    command.pins = pins;
    command.count = *count;
    const int status = command.change(&command);
    *count = command.count;
    return status;
}

/* Others may have changed the pins since they were read. A status of `change` that is no STATUS_OK changes
 * nothing. */
static int store(struct trust_command *command, int (*change)(struct trust_command *command)) {
    command->change = change;
    const int status = muster_pins_change(command->settings->state_dir, change_pins, on_log, command);
    return status < 0 ? STATUS_ERROR : status;
}

/* ---- pin ---- */

static bool parse_id(const char *text, uint8_t id[MUSTER_ID_BYTES]) {
    bool is_id = strlen(text) == MUSTER_ID_TEXT_BYTES - 1;
    for (size_t i = 0; i < MUSTER_ID_BYTES && is_id; i++) {
        int length = 0;
        is_id = strspn(text + 2 * i, "0123456789abcdef") >= 2 &&
                sscanf(text + 2 * i, "%2hhx%n", &id[i], &length) == 1;
    }
    return is_id;
}

/* Nobody is pinned by hearsay, nor by what anybody may say, nor who is gone. */
static bool is_candidate(const struct trust_command *command, const struct muster_peer *peer) {
    const bool is_here = peer->state == MUSTER_ALIVE || peer->state == MUSTER_SUSPECT;
    return is_here && peer->verified && !peer->provisional && strcmp(peer->document.name, command->name) == 0;
}

static int choose(struct trust_command *command, const struct snapshot *snapshot) {
    const struct muster_peer *found = NULL;
    for (size_t i = 0; i < snapshot->list.count; i++) {
        const struct muster_peer *peer = &snapshot->list.peers[i];
        if (!is_candidate(command, peer)) {
            continue;
        }
        if (found != NULL) {
            complain(command->settings, "several peers of that name have keys: give the ID of the right one");
            return STATUS_ERROR;
        }
        found = peer;
    }
    if (found == NULL) {
        complain(command->settings,
                 "nobody of that name is here with a proven key; with its ID it can be pinned");
        return STATUS_NOT_FOUND;
    }
    memcpy(command->key_id, found->id, MUSTER_ID_BYTES);
    return STATUS_OK;
}

/* Who is to be pinned may be hidden by --trust, or by the "trust" of a muster that runs here. */
static int look_up(struct trust_command *command) {
    struct snapshot snapshot;
    command->settings->trust = MUSTER_TRUST_ANY;
    command->settings->direct = command->settings->direct || command->settings->socket == NULL;
    int status = look(command->settings, command->options->listing.timeout_ms, NULL, &snapshot);
    if (status == STATUS_OK) {
        status = choose(command, &snapshot);
    }
    snapshot_deinit(&snapshot);
    return status;
}

static int refuse_pinned(const struct trust_command *command, const struct muster_pin *pin) {
    char text[MUSTER_ID_TEXT_BYTES];
    muster_id_text(pin->id, text);
    complain(command->settings, "that name is pinned to the key of %s; muster trust forget comes first",
             text);
    return STATUS_ERROR;
}

static int put(struct trust_command *command) {
    const struct muster_pin *pinned = find(command);
    struct muster_pin *pin = &command->pins[command->count];
    if (pinned != NULL) {
        return memcmp(pinned->id, command->key_id, sizeof(pinned->id)) == 0 ? STATUS_OK
                                                                            : refuse_pinned(command, pinned);
    }
    if (command->count == MUSTER_PINS_MAX) {
        complain(command->settings, "there are %d pins already; muster trust forget makes room",
                 MUSTER_PINS_MAX);
        return STATUS_ERROR;
    }
    snprintf(pin->name, sizeof(pin->name), "%s", command->name);
    memcpy(pin->id, command->key_id, sizeof(pin->id));
    command->count++;
    return STATUS_OK;
}

static int run_pin(struct trust_command *command) {
    char text[MUSTER_ID_TEXT_BYTES];
    if (!muster_pin_is_name(command->name)) {
        return complain_usage(command->settings, "NAME",
                              "expected 1 to 63 bytes without characters that can't be seen");
    }
    if (command->id != NULL && !parse_id(command->id, command->key_id)) {
        return complain_usage(command->settings, "ID",
                              "expected the 32 digits that muster show prints, got " VALUE_QUOTE,
                              command->id);
    }
    const struct muster_pin *pin = find(command);
    if (command->id == NULL && pin != NULL) {
        return refuse_pinned(command, pin);
    }
    int status = command->id == NULL ? look_up(command) : STATUS_OK;
    status = status == STATUS_OK ? store(command, put) : status;
    if (status == STATUS_OK) {
        muster_id_text(command->key_id, text);
        fprintf(stderr, "%s: %s is for the key of %s\n", command->settings->program, command->name, text);
    }
    return status;
}

/* ---- list, forget ---- */

static void write_pin(struct writer *writer, const void *row) {
    const struct muster_pin *pin = row;
    char id[MUSTER_ID_TEXT_BYTES];
    muster_id_text(pin->id, id);
    writer_text(writer, "name", "NAME", pin->name);
    writer_text(writer, "id", "ID", id);
}

static int run_list(struct trust_command *command) {
    const struct writer_rows rows = {write_pin, command->pins, sizeof(*command->pins), command->count, NULL};
    if (command->options->listing.json) {
        struct writer writer;
        writer_open_document(&writer);
        writer_array_of(&writer, "pins", rows);
        writer_close(&writer);
        return STATUS_OK;
    }
    if (command->count == 0) {
        complain(command->settings,
                 "no name is pinned; muster trust pin NAME pins one to the key of who has it now");
    }
    const struct table_style style = {.color = settings_color(command->settings)};
    return table_print(NULL, rows, style) == 0 ? STATUS_OK : complain_error(command->settings, MUSTER_ENOMEM);
}

static int take_out(struct trust_command *command) {
    struct muster_pin *pin = find(command);
    if (pin == NULL) {
        complain(command->settings, "that name is not pinned; see muster trust list");
        return STATUS_NOT_FOUND;
    }
    memmove(pin, pin + 1, (size_t)(command->pins + command->count - pin - 1) * sizeof(*pin));
    command->count--;
    return STATUS_OK;
}

static int run_forget(struct trust_command *command) {
    return store(command, take_out);
}

/* ---- running ---- */

static const struct verb {
    const char *name;
    int (*run)(struct trust_command *command);
    size_t operands_min; /* behind it */
    size_t operands_max;
} verbs[] = {{"list", run_list, 0, 0}, {"pin", run_pin, 1, 2}, {"forget", run_forget, 1, 1}};

static const char *verb_word(size_t i) {
    return i < sizeof(verbs) / sizeof(*verbs) ? verbs[i].name : NULL;
}

static const struct args_completion complete_verbs = {.word = verb_word};

static int run(struct settings *settings, void *options, const struct operands *operands) {
    struct reason reason;
    size_t index;
    if (value_word(operands->values[0], verb_word, &index, &reason) != 0) {
        return complain_usage(settings, operands->values[0], "%s", reason.text);
    }
    const struct verb *verb = &verbs[index];
    const size_t given = operands->count - 1;
    if (given < verb->operands_min || given > verb->operands_max) {
        return complain_usage(settings, verb->name, "expected %s",
                              verb->operands_max == 0   ? "nothing behind it"
                              : verb->operands_max == 1 ? "the NAME of a peer"
                                                        : "the NAME of a peer, and its ID or nothing");
    }
    struct trust_command command = {
        .settings = settings, .options = options, .name = operands->values[1], .id = operands->values[2]};
    if (command.options->listing.json && verb->run != run_list) {
        return complain_usage(settings, "--json", "expected with list alone");
    }
    int status = pins_read(settings, &command.pins, &command.count) == 0 ? STATUS_OK : STATUS_ERROR;
    status = status == STATUS_OK ? verb->run(&command) : status;
    free(command.pins);
    return status;
}

const struct command command_trust = {
    .name = "trust",
    .group = COMMAND_OTHER,
    .summary = "pin the names of peers to their keys",
    .syntax = {.operands = "VERB [NAME [ID]]", .operands_min = 1, .operands_max = 3},
    .completion = &complete_verbs,
    .description =
        "Pin names of peers to their keys, as ssh does with hosts. A pinned name is for its key: all\n"
        "commands of this user list nobody else by it, and muster watch tells of who says it, as a\n"
        "conflict. Where there are pins they ask the network, as with --direct: a muster that runs\n"
        "may have others. With --trust pinned, or \"trust\" in the configuration, pinned names alone are\n"
        "listed, and with --trust signed all but peers without a key.\n"
        "\n"
        "A VERB is one of\n"
        "  pin NAME       pin the name to the key of the peer that has it now\n"
        "  pin NAME ID    pin the name to the key of this id, which muster show prints there\n"
        "  list           say which names are pinned\n"
        "  forget NAME    pin it no more\n"
        "\n"
        "The first form takes the word of the network, once; the second one takes yours. A running\n"
        "muster takes up at once what changes here, if there was a pin or group key at its start.\n"
        "The service has a --state-dir of its own.\n",
    .options = options_table,
    .options_bytes = sizeof(struct trust_options),
    .defaults = &(const struct trust_options){.listing.timeout_ms = LISTING_TIMEOUT_MS},
    .examples = "  muster trust pin nas\n"
                "  muster trust pin nas e6808f33fbec87975122804ac9ceda8e\n"
                "  muster peers --trust pinned\n",
    .statuses = "  0   done\n"
                "  1   error: the name is pinned already, several peers have it\n"
                "  2   wrong usage\n"
                "  3   nobody was heard\n"
                "  4   nobody of that name has a key, or it is not pinned\n",
    .files = "  keys/trusted           in the state directory: the pins, for their owner alone\n",
    .run = run,
};
