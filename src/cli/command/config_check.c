/* SPDX-License-Identifier: MIT */
/* muster config: look at config files without announcing anything. */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "complain.h"
#include "config.h"
#include "config_file.h"
#include "near.h"
#include "peer.h"
#include "text.h"
#include "value.h"

struct config_options {
    bool json;
};

static const struct args_option options_table[] = {
    {"json", 0, NULL, "print one config that says the same as all files together",
     offsetof(struct config_options, json), value_flag},
    {0},
};

/* ---- checking ---- */

static void on_config_error(const char *error, void *context) {
    const struct settings *settings = context;
    complain(settings, "%s", error);
}

/* Reads the files as announce does without options. Returns the status to exit with, all errors being
 * reported. */
static int read_config(struct settings *settings, const struct operands *paths, struct config *config) {
    struct reason reason;
    *config = (struct config){.on_error = on_config_error, .context = settings};
    if (config_read(config, (const char *const *)paths->values, paths->count) != 0) {
        return STATUS_ERROR;
    }
    if (config->draft.name == NULL && draft_take_host_name(&config->draft, &reason) != 0) {
        complain(settings, "name: %s", reason.text);
        return STATUS_ERROR;
    }
    const struct muster_document document = draft_document(&config->draft);
    const int error = muster_document_check(&document, true, true, NULL);
    if (error != 0) {
        complain_error(settings, error);
    }
    return error == 0 ? STATUS_OK : STATUS_ERROR;
}

/* ---- printing ---- */

/* Writes texts: an array, or a line each. */
static void write_texts(struct writer *writer, const char *name, const char *heading,
                        const struct value_texts *texts) {
    const bool is_array = texts->count > 0 && writer_array(writer, name);
    for (size_t i = 0; i < texts->count; i++) {
        writer_text(writer, NULL, heading, texts->texts[i]);
    }
    if (is_array) {
        writer_end(writer);
    }
}

static void write_start(struct writer *writer, const struct start *start) {
    if (start->instance[0] != '\0') {
        writer_text(writer, "instance", "instance:", start->instance);
    }
    if (start->interval_ms != 0) {
        char text[32];
        snprintf(text, sizeof(text), "%" PRIu64 "ms", start->interval_ms);
        writer_text(writer, "interval", NULL, text);
        writer_duration(writer, NULL, "interval:", (int64_t)start->interval_ms);
    }
    write_texts(writer, "interfaces", "interface:", &start->interfaces);
    if (start->site_ttl != 0) {
        writer_text(writer, "scope", "scope:", "site");
        writer_integer(writer, "ttl", "ttl:", start->site_ttl);
    }
    write_texts(writer, "peers", "peer:", &start->peers);
    if (start->port != 0) {
        writer_integer(writer, "port", "port:", start->port);
    }
    write_texts(writer, "caches", "caches:", &start->caches);
}

/* The line of a service. */
static void print_service(FILE *out, const struct muster_service *service) {
    fputs(text_service(service).text, out);
    if (service->name[0] != '\0') {
        fprintf(out, " name=%s", text_name(service->name).text);
    }
    if (service->txt_count > 0) {
        fputc(' ', out);
        text_print_items(out, service->txt, service->txt_count);
    }
}

static void write_document(struct writer *writer, const struct muster_document *document) {
    writer_array_of(writer, "services", peer_services(document));
    writer_items(writer, "attrs", NULL, document->attrs, document->attr_count);
    for (size_t i = 0; i < document->service_count && !writer->is_json; i++) {
        print_service(writer_cell(writer, "service:", 0), &document->services[i]);
    }
    for (size_t i = 0; i < document->attr_count; i++) {
        writer_items(writer, NULL, "attr:", &document->attrs[i], 1);
    }
}

static void write_config(struct writer *writer, const struct config *config) {
    const struct muster_document document = draft_document(&config->draft);
    for (size_t i = 0; i < config->file_count; i++) {
        writer_text(writer, NULL, "file:", config->files[i].path);
    }
    writer_text(writer, "name", "name:", document.name);
    write_start(writer, &config->start);
    write_document(writer, &document);
}

static void print_config(const struct config *config, bool json) {
    struct writer writer;
    if (json) {
        writer_open_document(&writer);
        write_config(&writer, config);
        writer_close(&writer);
    } else {
        writer_open_lines(&writer, 11);
        write_config(&writer, config);
        writer_close_lines(&writer);
    }
}

/* ---- running ---- */

static int check(struct settings *settings, const struct operands *paths,
                 const struct config_options *options) {
    struct config config;
    const int status = read_config(settings, paths, &config);
    if (status == STATUS_OK && config.file_count == 0) {
        complain(settings, "%s: there is no *.json in it", paths->values[0]);
    }
    if (status == STATUS_OK) {
        print_config(&config, options->json);
    }
    config_deinit(&config);
    return status;
}

static int run(struct settings *settings, void *options, const struct operands *operands) {
    const char *verb = operands->values[0];
    if (strcmp(verb, "check") != 0 && operands->count > 1) {
        struct near near = {.wanted = verb};
        near_offer(&near, "check");
        return complain_usage(settings, verb, "expected check%s", near_text(&near).text);
    }
    if (strcmp(verb, "check") != 0) {
        return complain_usage(settings, verb, "expected check; did you mean config check %s?", verb);
    }
    if (operands->count == 1) {
        return complain_usage(settings, "check PATH",
                              "expected a file or a directory, see muster config --help");
    }
    const struct operands paths = {.count = operands->count - 1, .values = operands->values + 1};
    return check(settings, &paths, options);
}

const struct command command_config = {
    .name = "config",
    .group = COMMAND_OTHER,
    .summary = "check config files",
    .synonyms = " check validate ",
    .syntax = {.operands = "check PATH…", .operands_min = 1, .operands_max = SIZE_MAX},
    .completion = &args_complete_files,
    .description = "Read config files and directories as announce --config would, and print what it would\n"
                   "announce, or every error with its file, line and column. Nothing is sent.\n",
    .options = options_table,
    .options_bytes = sizeof(struct config_options),
    .examples = "  muster config check /etc/muster/conf.d\n"
                "  muster config check nas.json && systemctl reload muster\n",
    .statuses = "  0   announce would take them\n"
                "  1   error: a file is missing, bad, or says too much for an announcement\n"
                "  2   wrong usage\n",
    .run = run,
};
