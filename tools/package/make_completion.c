/* SPDX-License-Identifier: MIT */
/* Writes the completion of a shell, out of the table of commands: make_completion bash|zsh|fish */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

/* Calls put() for each option of a command (NULL: none), and for the global ones that it has not taken the
 * name of. */
static void each_option(const struct command *command,
                        void (*put)(const struct command *command, const struct args_option *option)) {
    for (const struct args_option *row = command != NULL ? command->options : NULL;
         row != NULL && row->name != NULL; row++) {
        put(command, row);
    }
    for (const struct args_option *row = settings_options; row->name != NULL; row++) {
        if (command == NULL || args_find_option(command->options, row->name) == NULL) {
            put(command, row);
        }
    }
}

static void put_words(const struct args_completion *completion) {
    for (size_t i = 0; completion->word(i) != NULL; i++) {
        printf(" %s", completion->word(i));
    }
}

/* ---- bash ---- */

static void put_bash_flag(const struct command *command, const struct args_option *option) {
    (void)command;
    printf(" --%s", option->name);
    if (option->letter != 0) {
        printf(" -%c", option->letter);
    }
}

static void put_bash_offer(const struct args_completion *completion) {
    if (completion == NULL) {
        return;
    }
    switch (completion->source) {
    case ARGS_WORDS:
        printf("%s", completion->list ? "list" : "words");
        put_words(completion);
        break;
    case ARGS_FILES: printf("files"); break;
    case ARGS_DIRECTORIES: printf("directories"); break;
    case ARGS_INTERFACES: printf("interfaces"); break;
    }
}

static void put_bash_value(const struct command *command, const struct args_option *option) {
    const char *name = command != NULL ? command->name : "";
    if (option->value == NULL) {
        return;
    }
    printf("    %s:--%s", name, option->name);
    if (option->letter != 0) {
        printf(" | %s:-%c", name, option->letter);
    }
    printf(") offer='");
    put_bash_offer(option->completion);
    printf("' ;;\n");
}

static void put_bash_operand(const struct command *command) {
    if (command->completion != NULL) {
        printf("    %s) offer='", command->name);
        put_bash_offer(command->completion);
        printf("' ;;\n");
    }
}

static void put_bash_options(const struct command *command) {
    printf("    %s) offer='words", command != NULL ? command->name : "''");
    each_option(command, put_bash_flag);
    printf("' ;;\n");
}

static void put_bash_tables(void) {
    printf("# Says in `offer` what to offer for the value of option $2 of command $1; fails when it takes "
           "none.\n"
           "_muster_value() {\n"
           "    case $1:$2 in\n");
    each_option(NULL, put_bash_value);
    for (const struct command *const *row = command_table; *row != NULL; row++) {
        each_option(*row, put_bash_value);
    }
    printf("    *) return 1 ;;\n"
           "    esac\n"
           "}\n"
           "\n"
           "# Says in `offer` the options of command $1.\n"
           "_muster_options() {\n"
           "    case $1 in\n");
    put_bash_options(NULL);
    for (const struct command *const *row = command_table; *row != NULL; row++) {
        put_bash_options(*row);
    }
    printf("    esac\n"
           "}\n"
           "\n"
           "# Says in `offer` what to offer for the operands of command $1.\n"
           "_muster_operands() {\n"
           "    case $1 in\n");
    for (const struct command *const *row = command_table; *row != NULL; row++) {
        put_bash_operand(*row);
    }
    printf("    esac\n"
           "}\n"
           "\n"
           "_muster_commands='");
    for (const struct command *const *row = command_table; *row != NULL; row++) {
        printf("%s%s", row == command_table ? "" : " ", (*row)->name);
    }
    printf("'\n\n");
}

static const char bash_functions[] =
    "# Offers those of the words that go on with what is typed, behind `before`. A word may be the name of "
    "an\n"
    "# interface, which may be anything: none is run, as `compgen -W` would, now or when the line is.\n"
    "_muster_words() {\n"
    "    local word\n"
    "    for word; do\n"
    "        [[ $word == \"${typed#\"$before\"}\"* ]] || continue\n"
    "        printf -v word %q \"$word\"\n"
    "        COMPREPLY+=(\"$before$word\")\n"
    "    done\n"
    "}\n"
    "\n"
    "# The same for the last of a list, \"COL,COL\" or \"+COL,COL\".\n"
    "_muster_list() {\n"
    "    local before=''\n"
    "    [[ $typed != +* ]] || before=+\n"
    "    [[ $typed != *,* ]] || before=${typed%,*},\n"
    "    compopt -o nospace\n"
    "    _muster_words \"$@\"\n"
    "}\n"
    "\n"
    "_muster_offer() {\n"
    "    local interfaces=(/sys/class/net/*/)\n"
    "    interfaces=(\"${interfaces[@]%/}\")\n"
    "    case $1 in\n"
    "    words) _muster_words \"${@:2}\" ;;\n"
    "    list) _muster_list \"${@:2}\" ;;\n"
    "    interfaces) _muster_list \"${interfaces[@]##*/}\" ;;\n"
    "    files) compopt -o default ;;\n"
    "    directories) compopt -o dirnames ;;\n"
    "    esac\n"
    "}\n"
    "\n"
    "_muster() {\n"
    "    local IFS=$' \\t\\n' typed=${COMP_WORDS[COMP_CWORD]} before='' command='' option='' offer='' word\n"
    "    COMPREPLY=()\n"
    "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
    "        if [[ -n $option ]]; then\n"
    "            [[ $word == = ]] || option='' # --option = value are three words\n"
    "        elif [[ $word == -- ]]; then\n"
    "            compopt -o default\n"
    "            return\n"
    "        elif [[ $word == -* ]]; then\n"
    "            ! _muster_value \"$command\" \"$word\" || option=$word\n"
    "        elif [[ -z $command ]]; then\n"
    "            command=$word\n"
    "        fi\n"
    "    done\n"
    "    if [[ -n $option ]]; then\n"
    "        [[ $typed != = ]] || typed=''\n"
    "        _muster_value \"$command\" \"$option\"\n"
    "    elif [[ $typed == -* ]]; then\n"
    "        _muster_options \"$command\"\n"
    "    elif [[ -z $command ]]; then\n"
    "        offer=\"words $_muster_commands\"\n"
    "    else\n"
    "        _muster_operands \"$command\"\n"
    "    fi\n"
    "    # shellcheck disable=SC2086 # words\n"
    "    _muster_offer $offer\n"
    "}\n"
    "\n"
    "complete -F _muster muster\n";

static void put_bash(void) {
    printf("# bash completion for muster -*- shell-script -*-\n\n");
    put_bash_tables();
    fputs(bash_functions, stdout);
}

/* ---- zsh ---- */

/* Puts text in single quotes' inside, with a backslash before those of `special`. */
static void put_zsh_text(const char *text, const char *special) {
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            printf("'\\''");
            continue;
        }
        printf("%s%c", strchr(special, *text) != NULL ? "\\" : "", *text);
    }
}

/* Puts an action of _arguments. */
static void put_zsh_action(const struct args_completion *completion) {
    if (completion == NULL) {
        putchar(' '); /* nothing to offer but the message */
        return;
    }
    switch (completion->source) {
    case ARGS_WORDS:
        printf(completion->list ? "{compset -P +; _sequence compadd -" : "(");
        put_words(completion);
        printf(completion->list ? "}" : ")");
        break;
    case ARGS_FILES: printf("_files"); break;
    case ARGS_DIRECTORIES: printf("_files -/"); break;
    case ARGS_INTERFACES: printf("{_sequence compadd - /sys/class/net/*(N-/\\:t)}"); break;
    }
}

static void put_zsh_spec(const struct args_option *option, const char *name, const char *exclusion) {
    printf(" \\\n        '");
    if (option->value != NULL) {
        printf("*%s%s", name, name[1] == '-' ? "=" : "+"); /* given twice, it adds or wins */
    } else {
        printf("%s%s", exclusion, name);
    }
    printf("[");
    put_zsh_text(option->help, "[]\\");
    printf("]");
    if (option->value != NULL) {
        printf(":");
        put_zsh_text(option->value, ":\\");
        printf(":");
        put_zsh_action(option->completion);
    }
    printf("'");
}

static void put_zsh_option(const struct command *command, const struct args_option *option) {
    char name[64];
    char letter[] = {'-', option->letter, '\0'};
    char exclusion[80] = "";
    (void)command;
    snprintf(name, sizeof(name), "--%s", option->name);
    if (option->letter != 0) {
        snprintf(exclusion, sizeof(exclusion), "(%s %s)", letter, name);
        put_zsh_spec(option, letter, exclusion);
    }
    put_zsh_spec(option, name, exclusion);
}

static void put_zsh_command(const struct command *command) {
    printf("    %s)\n        _arguments -s -S", command->name);
    each_option(command, put_zsh_option);
    if (command->syntax.runs_command) {
        printf(" \\\n        '*::command:{[[ $PREFIX = - ]] || _normal}'");
    } else if (command->syntax.operands_max > 0) {
        printf(" \\\n        '*:");
        put_zsh_text(command->syntax.operands, ":\\");
        printf(":");
        put_zsh_action(command->completion);
        printf("'");
    }
    printf(" && ret=0\n        ;;\n");
}

static void put_zsh(void) {
    printf("#compdef muster\n\n"
           "local curcontext=\"$curcontext\" state line ret=1\n"
           "local -A opt_args\n"
           "local -a commands=(\n");
    for (const struct command *const *row = command_table; *row != NULL; row++) {
        printf("    '%s:", (*row)->name);
        put_zsh_text((*row)->summary, "\\");
        printf("'\n");
    }
    printf(")\n\n_arguments -C -s -S");
    each_option(NULL, put_zsh_option);
    printf(" \\\n        '(-)1:command:->command' '(-)*::argument:->argument' && ret=0\n\n"
           "case $state in\n"
           "command) _describe -t commands 'muster command' commands && ret=0 ;;\n"
           "argument)\n"
           "    curcontext=\"${curcontext%%:*:*}:muster-$words[1]:\"\n"
           "    case $words[1] in\n");
    for (const struct command *const *row = command_table; *row != NULL; row++) {
        put_zsh_command(*row);
    }
    printf("    esac\n    ;;\nesac\n\nreturn ret\n");
}

/* ---- fish ---- */

/* Puts text in single quotes. */
static void put_fish_text(const char *text) {
    putchar('\'');
    for (; *text != '\0'; text++) {
        printf("%s%c", *text == '\'' || *text == '\\' ? "\\" : "", *text);
    }
    putchar('\'');
}

/* Puts what is offered for a value or an operand, as options of `complete`. */
static void put_fish_offer(const struct args_completion *completion) {
    if (completion == NULL) {
        return;
    }
    switch (completion->source) {
    case ARGS_WORDS:
        printf(completion->list ? " -a '(_muster_list" : " -a '");
        put_words(completion);
        printf(completion->list ? ")'" : "'");
        break;
    case ARGS_FILES: printf(" -F"); break;
    case ARGS_DIRECTORIES: printf(" -a '(__fish_complete_directories (_muster_value))'"); break;
    case ARGS_INTERFACES: printf(" -a '(_muster_list (_muster_interfaces))'"); break;
    }
}

static void put_fish_option(const struct command *command, const struct args_option *option) {
    printf("complete -c muster -n '_muster_is \"%s\"' -l %s", command != NULL ? command->name : "",
           option->name);
    if (option->letter != 0) {
        printf(" -s %c", option->letter);
    }
    printf(" -d ");
    put_fish_text(option->help);
    if (option->value != NULL) {
        bool is_file = option->completion != NULL && option->completion->source == ARGS_FILES;
        printf(is_file ? " -r" : " -x");
        put_fish_offer(option->completion);
    }
    putchar('\n');
}

static void put_fish_command(const struct command *command) {
    printf("\ncomplete -c muster -n '_muster_is \"\"' -a %s -d ", command->name);
    put_fish_text(command->summary);
    putchar('\n');
    each_option(command, put_fish_option);
    if (command->syntax.runs_command) {
        printf("complete -c muster -n '_muster_is %s; and _muster_runs' -a '(_muster_run)'\n", command->name);
    } else if (command->completion != NULL) {
        printf("complete -c muster -n '_muster_is %s'", command->name);
        put_fish_offer(command->completion);
        putchar('\n');
    }
}

/* Options with a value that may stand before the command: that value is not the command. */
static void put_fish_global(const struct command *command, const struct args_option *option) {
    (void)command;
    if (option->value != NULL) {
        printf(" --%s", option->name);
        if (option->letter != 0) {
            printf(" -%c", option->letter);
        }
    }
}

static const char fish_functions[] =
    "# True when the line so far has that command; \"\": none.\n"
    "function _muster_is\n"
    "    set -l words (commandline -opc)\n"
    "    set -l command ''\n"
    "    set -l is_value no\n"
    "    for word in $words[2..]\n"
    "        if test $is_value = yes\n"
    "            set is_value no\n"
    "        else if contains -- $word $_muster_with_value\n"
    "            set is_value yes\n"
    "        else if not string match -q -- '-*' $word\n"
    "            set command $word\n"
    "            break\n"
    "        end\n"
    "    end\n"
    "    test \"$command\" = \"$argv[1]\"\n"
    "end\n"
    "\n"
    "# The value that is being typed, without the option before it.\n"
    "function _muster_value\n"
    "    string replace -r -- '^(--[^=]*=|-[a-zA-Z])' '' (commandline -ct)\n"
    "end\n"
    "\n"
    "# These words for the last of a list, \"COL,COL\" or \"+COL,COL\".\n"
    "function _muster_list\n"
    "    string replace -r -- '[^,+]*$' '' (_muster_value) | read -l before\n"
    "    string join \\n -- $before$argv\n"
    "end\n"
    "\n"
    "function _muster_interfaces\n"
    "    string replace -r -- '^/sys/class/net/(.*)/$' '$1' /sys/class/net/*/\n"
    "end\n"
    "\n"
    "# True behind \"--\", where the words are those of another command.\n"
    "function _muster_runs\n"
    "    contains -- -- (commandline -opc)\n"
    "end\n"
    "\n"
    "function _muster_run\n"
    "    set -l words (commandline -opc)\n"
    "    set -l end (contains -i -- -- $words)\n"
    "    set -e words[1..$end]\n"
    "    complete -C (string join ' ' -- (string escape -- $words) (commandline -ct))\n"
    "end\n"
    "\n"
    "complete -c muster -f\n";

static void put_fish(void) {
    printf("# fish completion for muster\n\nset -g _muster_with_value");
    each_option(NULL, put_fish_global);
    printf("\n\n");
    fputs(fish_functions, stdout);
    each_option(NULL, put_fish_option);
    for (const struct command *const *row = command_table; *row != NULL; row++) {
        put_fish_command(*row);
    }
}

int main(int argc, char **argv) {
    const char *shell = argc == 2 ? argv[1] : "";
    if (strcmp(shell, "bash") == 0) {
        put_bash();
    } else if (strcmp(shell, "zsh") == 0) {
        put_zsh();
    } else if (strcmp(shell, "fish") == 0) {
        put_fish();
    } else {
        fprintf(stderr, "usage: make_completion bash|zsh|fish\n");
        return EXIT_FAILURE;
    }
    return fflush(stdout) == 0 && ferror(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
