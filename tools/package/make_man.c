/* SPDX-License-Identifier: MIT */
/* Writes the man pages of muster, out of the table of its commands, or, as make_man_NAME, that of the bridge
 * NAME: make_man DIRECTORY DATE */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef MAKE_MAN_OF_BRIDGE
#include "command_line.h"
extern const struct command bridge_command;
static const struct command *const command_table[] = {&bridge_command, NULL};
#else
#include "command.h"
#endif
#include "utf8.h"

/* ---- text as roff ---- */

/* The escape of a character that roff would take for something else: groff_char(7); NULL for others. */
static const char *roff_escape(uint32_t code_point) {
    switch (code_point) {
    case '\\': return "\\e";
    case '-': return "\\-";
    case '\'': return "\\(aq";
    case '`': return "\\(ga";
    case '^': return "\\(ha";
    case '~': return "\\(ti";
    default: return NULL;
    }
}

/* Puts length bytes of our own texts, which are UTF-8. */
static void put_bytes(FILE *out, const char *text, size_t length) {
    uint32_t code_point;
    for (const char *end = text + length; text < end;) {
        int bytes = utf8_decode(text, (size_t)(end - text), &code_point);
        if (bytes <= 0) {
            abort();
        }
        if (roff_escape(code_point) != NULL) {
            fputs(roff_escape(code_point), out);
        } else if (bytes > 1) {
            fprintf(out, "\\[u%04X]", (unsigned)code_point);
        } else {
            fputc((int)code_point, out);
        }
        text += bytes;
    }
}

/* Puts text that may begin a line: a dot there would be a request. */
static void put_text(FILE *out, const char *text, size_t length) {
    fputs(length > 0 && text[0] == '.' ? "\\&" : "", out);
    put_bytes(out, text, length);
}

/* Puts what stands for a value, "COL[:desc]", with the words in capitals in italics. */
static void put_value(FILE *out, const char *text) {
    while (*text != '\0') {
        size_t capitals = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        size_t length = capitals > 0 ? capitals : strcspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        fputs(capitals > 0 ? "\\fI" : "", out);
        put_bytes(out, text, length);
        fputs(capitals > 0 ? "\\fR" : "", out);
        text += length;
    }
}

/* Puts text in lines: those that begin with a space stay as they are, the others become paragraphs. */
static void put_lines(FILE *out, const char *text) {
    bool example = false;
    bool begun = false;   /* there is something to set a paragraph off from */
    bool pending = false; /* it is to be set off */
    for (size_t length; *text != '\0'; text += length + (text[length] == '\n')) {
        length = strcspn(text, "\n");
        bool is_example = text[0] == ' ';
        if (example && !is_example) {
            fputs(".EE\n", out);
        }
        pending = pending || length == 0 || example != is_example;
        example = is_example;
        if (length == 0) {
            continue;
        }
        if (pending && begun) {
            fputs(".PP\n", out);
        }
        if (pending && is_example) {
            fputs(".EX\n", out);
        }
        put_text(out, text, length);
        fputc('\n', out);
        begun = true;
        pending = false;
    }
    fputs(example ? ".EE\n" : "", out);
}

/* Puts lines such as "  124 timed out", in which more blanks than two carry on with the line before. */
static void put_terms(FILE *out, const char *lines) {
    for (size_t length; *lines != '\0'; lines += length + 1) {
        length = strcspn(lines, "\n");
        size_t blanks = strspn(lines, " ");
        const char *text = lines + blanks;
        if (blanks == 2) {
            size_t term = strcspn(text, " \n");
            fputs(".TP\n\\fB", out);
            put_bytes(out, text, term);
            fputs("\\fR\n", out);
            text += term + strspn(text + term, " ");
        }
        if (text < lines + length) {
            put_text(out, text, (size_t)(lines + length - text));
            fputc('\n', out);
        }
    }
}

/* ---- the sections of a page ---- */

static void put_terms_section(FILE *out, const char *title, const char *lines) {
    if (lines != NULL) {
        fprintf(out, ".SH %s\n", title);
        put_terms(out, lines);
    }
}

static void put_option(FILE *out, const struct args_option *option) {
    fputs(".TP\n", out);
    if (option->letter != 0) {
        fprintf(out, "\\fB\\-%c\\fR, ", option->letter);
    }
    fputs("\\fB\\-\\-", out);
    put_bytes(out, option->name, strlen(option->name));
    fputs("\\fR", out);
    if (option->value != NULL) {
        fputc(' ', out);
        put_value(out, option->value);
    }
    fputc('\n', out);
    put_text(out, option->help, strlen(option->help));
    fputc('\n', out);
}

/* Puts a table of options, but for those that another one (NULL: none) has taken the name of. */
static void put_options(FILE *out, const char *title, const struct args_option *options,
                        const struct args_option *others) {
    if (options->name == NULL) {
        return;
    }
    fprintf(out, ".SH \"%s\"\n", title);
    for (; options->name != NULL; options++) {
        if (others == NULL || args_find_option(others, options->name) == NULL) {
            put_option(out, options);
        }
    }
}

/* Puts what a printing function prints. */
static void put_printed(FILE *out, void (*print)(FILE *, const struct command *),
                        const struct command *command, void (*put)(FILE *, const char *)) {
    char *text;
    size_t size;
    FILE *memory = open_memstream(&text, &size);
    if (memory == NULL) {
        abort();
    }
    print(memory, command);
    if (fclose(memory) != 0) {
        abort();
    }
    put(out, text);
    free(text);
}

static void print_details(FILE *out, const struct command *command) {
    command->describe(out);
}

static void put_head(FILE *out, const struct command *command, const char *page, const char *date) {
    fputs(".TH \"", out);
    for (const char *at = page; *at != '\0'; at++) {
        char upper = (char)toupper((unsigned char)*at);
        put_bytes(out, &upper, 1);
    }
    fprintf(out, "\" 1 \"%s\" \"muster %s\" \"User Commands\"\n.SH NAME\n", date, muster_version());
    put_bytes(out, page, strlen(page));
    fputs(" \\- ", out);
    put_bytes(out, command->summary, strlen(command->summary));
    fprintf(out, "\n.SH SYNOPSIS\n\\fBmuster%s%s\\fR ", command->commands != NULL ? "" : " ",
            command->commands != NULL ? "" : command->name);
    put_printed(out, help_print_usage, command, put_value);
    fputs("\n.SH DESCRIPTION\n", out);
    put_lines(out, command->description);
}

static void put_examples(FILE *out, const struct command *command) {
    fputs(".SH EXAMPLES\n", out);
    put_lines(out, command->examples);
}

static void put_command(FILE *out, const struct command *command, const char *page, const char *date) {
    put_head(out, command, page, date);
    put_options(out, "OPTIONS", command->options, NULL);
    put_options(out, "GLOBAL OPTIONS", settings_options, command->options);
    if (command->describe != NULL) {
        fputs(".SH DETAILS\n", out);
        put_printed(out, print_details, command, put_lines);
    }
    put_terms_section(out, "EXIT STATUS", command->statuses);
    put_terms_section(out, "ENVIRONMENT", command->environment);
    put_terms_section(out, "FILES", command->files);
    put_examples(out, command);
    fputs(".SH \"SEE ALSO\"\n\\fBmuster\\fR(1), for the environment and files of all commands\n", out);
}

static void put_command_list(FILE *out) {
    fputs(".SH COMMANDS\n", out);
    for (const struct command *const *row = command_table; *row != NULL; row++) {
        fprintf(out, ".TP\n\\fB%s\\fR\n", (*row)->name);
        put_text(out, (*row)->summary, strlen((*row)->summary));
        fputc('\n', out);
    }
}

static void put_see_also(FILE *out) {
    fputs(".SH \"SEE ALSO\"\n", out);
    for (const struct command *const *row = command_table; *row != NULL; row++) {
        fprintf(out, "\\fBmuster\\-%s\\fR(1),\n", (*row)->name);
    }
    fputs("\\fBmuster.json\\fR(5),\n\\fBmuster\\-protocol\\fR(7)\n", out);
}

static void put_muster(FILE *out, const struct command *command, const char *page, const char *date) {
    put_head(out, command, page, date);
    put_command_list(out);
    put_options(out, "OPTIONS", settings_options, NULL);
    put_terms_section(out, "EXIT STATUS", command->statuses);
    put_terms_section(out, "ENVIRONMENT", command->environment);
    put_terms_section(out, "FILES", command->files);
    put_examples(out, command);
    put_see_also(out);
}

/* ---- files ---- */

static int fail(const char *path) {
    fprintf(stderr, "make_man: %s: %s\n", path, strerror(errno));
    return EXIT_FAILURE;
}

static int write_page(const char *directory, const struct command *command, const char *date) {
    char page[64];
    char path[4096];
    bool whole = command->commands != NULL;
    snprintf(page, sizeof(page), "muster%s%s", whole ? "" : "-", whole ? "" : command->name);
    for (char *blank = strchr(page, ' '); blank != NULL; blank = strchr(page, ' ')) {
        *blank = '-';
    }
    snprintf(path, sizeof(path), "%s/%s.1", directory, page);
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        return fail(path);
    }
    (whole ? put_muster : put_command)(out, command, page, date);
    bool failed = ferror(out) != 0;
    return fclose(out) != 0 || failed ? fail(path) : EXIT_SUCCESS;
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: make_man DIRECTORY DATE\n");
        return EXIT_FAILURE;
    }
    int status = EXIT_SUCCESS;
#ifndef MAKE_MAN_OF_BRIDGE
    status = write_page(argv[1], &command_muster, argv[2]);
#endif
    for (const struct command *const *row = command_table; *row != NULL && status == EXIT_SUCCESS; row++) {
        status = write_page(argv[1], *row, argv[2]);
    }
    return status;
}
