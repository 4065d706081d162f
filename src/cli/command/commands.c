/* SPDX-License-Identifier: MIT */
/* muster: the table of its commands, what holds for all of them, and help. */
#include "command.h"

#include <string.h>

#include "complain.h"
#include "near.h"

static const struct command command_help;

const struct command *const command_table[] = {
    &command_announce,  &command_update,  &command_peers,
    &command_services,  &command_topics,  &command_publish,
    &command_subscribe, &command_show,    &command_resolve,
    &command_wait,      &command_watch,   &command_doctor,
    &command_why,
#ifdef MUSTER_STORE
    &command_record,    &command_history, &command_replay,
#endif
#ifdef MUSTER_TOP
    &command_top,
#endif
#ifdef MUSTER_METRICS
    &command_metrics,
#endif
    &command_config,    &command_key,     &command_trust,
    &command_bridge,    &command_help,    NULL,
};

const struct command command_muster = {
    .name = "muster",
    .commands = command_table,
    .summary = "who is on this network, and what they offer",
    .syntax = {.operands = "COMMAND [OPTION…] [ARGUMENT…]",
               .operands_min = 1,
               .operands_max = 1,
               .ends_at_operand = true},
    .description =
        "Who is on this network, and what they offer: whoever takes part tells it to all others by\n"
        "UDP multicast and broadcast, and each keeps a table of its own. There is no server and\n"
        "nothing to configure.\n",
    .options = settings_options,
    .environment = "  MUSTER_INTERFACE  interfaces to use, where --interface is not given\n"
                   "  MUSTER_PORT       port of the group, where --port is not given\n"
                   "  MUSTER_STATE      directory of keys, where --state-dir is not given\n"
                   "  MUSTER_SOCKET     Unix socket of the running muster, where --socket is not given\n"
                   "  NO_COLOR          when it is set and not empty: no color but by --color always\n",
    .files = "  ~/.local/state/muster  keys and instances of muster announce (XDG_STATE_HOME is obeyed)\n"
             "  /var/lib/muster        the same of root; /var/lib/muster-service of muster.service\n"
             "  INSTANCE/socket        in these: where a running muster is asked, the first found\n"
             "  /run/muster/socket     the same of muster.service, after these\n"
             "  " MUSTER_CONFIG_DIR "/muster.json\n"
             "                         what muster.service announces, with those in conf.d beside it\n",
    .examples = "  muster announce --service http:8080\n"
                "  muster peers\n"
                "  muster resolve http\n",
    .statuses = "  0   done\n"
                "  1   error\n"
                "  2   wrong usage\n"
                "  3   nobody was heard\n"
                "  4   nothing or too few found\n"
                "  124 timed out\n",
};

/* ---- running ---- */

static const struct command *find_command(const char *name) {
    for (size_t i = 0; command_table[i] != NULL; i++) {
        if (strcmp(command_table[i]->name, name) == 0) {
            return command_table[i];
        }
    }
    return NULL;
}

static const char *command_word(size_t i) {
    return command_table[i] != NULL ? command_table[i]->name : NULL;
}

/* True for a word by which other programs call what a command does. */
static bool is_synonym(const struct command *command, const char *word) {
    char spaced[32];
    snprintf(spaced, sizeof(spaced), " %s ", word);
    return strlen(word) < sizeof(spaced) - 2 && command->synonyms != NULL &&
           strstr(command->synonyms, spaced) != NULL;
}

/* Names the commands that may be meant. */
static int refuse_command(const struct settings *settings, const char *name) {
    struct near near = {.wanted = name};
    for (size_t i = 0; command_table[i] != NULL; i++) {
        if (is_synonym(command_table[i], name)) {
            near = (struct near){.wanted = command_table[i]->name};
            near_offer(&near, command_table[i]->name);
            break;
        }
        near_offer(&near, command_table[i]->name);
    }
    return complain_usage(settings, name, "no such command%s",
                          near.count > 0 ? near_text(&near).text : ", see muster --help");
}

int commands_run(struct settings *settings, int argc, char **argv) {
    struct operands operands;
    int status;
    if (!command_parse(settings, &command_muster, argc, argv, settings, &operands, &status)) {
        return status;
    }
    if (operands.count == 0) {
        help_print_short(stderr, &command_muster);
        return STATUS_USAGE;
    }
    const char *name = operands.values[0];
    const struct command *command = find_command(name);
    return command != NULL ? command_run(settings, command, (int)operands.count, operands.values)
                           : refuse_command(settings, name);
}

/* muster help COMMAND: as COMMAND --help, or --help, which many try first. A bridge has a help of its own. */
static int run_help(struct settings *settings, void *options, const struct operands *operands) {
    char *name = operands->values[0];
    char *bridge = name != NULL ? operands->values[1] : NULL;
    char *words[] = {(char *)settings->program, NULL, NULL, NULL, NULL};
    int count = 1;
    (void)options;
    if (name != NULL && find_command(name) == NULL) {
        return refuse_command(settings, name);
    }
    if (bridge != NULL && find_command(name) != &command_bridge) {
        return complain_usage(settings, bridge, "expected nothing after COMMAND, see muster help %s", name);
    }
    for (size_t i = 0; i < operands->count; i++) {
        words[count++] = operands->values[i];
    }
    words[count++] = (char *)"--help";
    return commands_run(settings, count, words);
}

static const struct args_completion complete_commands = {.word = command_word};

static const struct args_option no_options[] = {{0}};

static const struct command command_help = {
    .name = "help",
    .group = COMMAND_OTHER,
    .summary = "say how a command is used",
    .synonyms = " man usage ",
    .syntax = {.operands = "COMMAND [BRIDGE]", .operands_max = 2},
    .completion = &complete_commands,
    .description = "Say how muster, one COMMAND of it, or a BRIDGE is used: as --help does.\n",
    .options = no_options,
    .examples = "  muster help\n"
                "  muster help announce\n"
                "  muster help bridge mqtt\n",
    .statuses = "  0   done\n"
                "  1   error\n"
                "  2   wrong usage, or no such COMMAND\n",
    .run = run_help,
};
