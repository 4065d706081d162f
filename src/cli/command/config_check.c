/* muster config: look at config files without announcing anything. */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "config.h"
#include "document.h"
#include "json.h"
#include "parse.h"
#include "text.h"

struct config_options {
    bool json;
};

static const struct args_option options_table[] = {
    {"json", 0, NULL, "print one config that says the same as all files together",
     offsetof(struct config_options, json), value_flag},
    {0},
};

/* ---- checking ---- */

static int no_signature(void *context, const uint8_t *bytes, size_t length,
                        uint8_t signature[MUSTER_SIGNATURE_BYTES]) {
    (void)context;
    (void)bytes;
    (void)length;
    memset(signature, 0, MUSTER_SIGNATURE_BYTES);
    return 0;
}

static int no_verification(void *context, const uint8_t key[MUSTER_KEY_BYTES], const uint8_t *bytes,
                           size_t length, const uint8_t signature[MUSTER_SIGNATURE_BYTES]) {
    (void)context;
    (void)key;
    (void)bytes;
    (void)length;
    (void)signature;
    return MUSTER_EINVAL;
}

/* What the core says to a document: 0 or an error. The node is gone before it could speak. */
static int try_document(const struct muster_document *document) {
    static const uint8_t key[MUSTER_KEY_BYTES];
    struct muster_core_options options;
    muster_core_t *core;
    muster_core_options_init(&options);
    options.document = document;
    options.key = key; /* a signed announcement is the longer one */
    options.crypto = (struct muster_crypto){.sign = no_signature, .verify = no_verification};
    options.stream = MUSTER_PORT_DEFAULT; /* with it, a large document is one that others can fetch */
    options.boot = 1;
    const int error = muster_core_new(&options, 0, &core);
    muster_core_free(core);
    return error;
}

static void on_config_error(const char *error, void *context) {
    const struct settings *settings = context;
    complain(settings, "%s", error);
}

/* Reads the files as announce does without options. Returns what to exit with, all errors being said. */
static int read_config(struct settings *settings, const struct operands *paths, struct config *config) {
    struct reason reason;
    *config = (struct config){.on_error = on_config_error, .context = settings};
    if (config_read(config, (const char *const *)paths->values, paths->count) != 0) {
        return STATUS_ERROR;
    }
    if (config->draft.name == NULL && draft_set_host_name(&config->draft, &reason) != 0) {
        complain(settings, "name: %s", reason.text);
        return STATUS_ERROR;
    }
    const struct muster_document document = draft_document(&config->draft);
    const int error = try_document(&document);
    if (error != 0) {
        complain_error(settings, error);
    }
    return error == 0 ? STATUS_OK : STATUS_ERROR;
}

/* ---- printing ---- */

static void print_line(const char *title, const char *text) {
    printf("%-11s", title);
    text_print(stdout, text);
    putchar('\n');
}

static void print_start(const struct config_start *start) {
    if (start->instance[0] != '\0') {
        print_line("instance:", start->instance);
    }
    if (start->interval_ms != 0) {
        printf("%-11s", "interval:");
        text_print_duration(stdout, (int64_t)start->interval_ms);
        putchar('\n');
    }
    for (size_t i = 0; i < start->interface_count; i++) {
        print_line("interface:", start->interfaces[i]);
    }
    if (start->port != 0) {
        printf("%-11s%u\n", "port:", start->port);
    }
    for (size_t i = 0; i < start->keep_count; i++) {
        print_line("keep:", start->keeps[i]);
    }
}

static void print_service(const struct muster_service *service) {
    printf("%-11s", "service:");
    text_print_service(stdout, service);
    if (service->name[0] != '\0') {
        printf(" name=");
        text_print(stdout, service->name);
    }
    if (service->txt_count > 0) {
        putchar(' ');
        text_print_items(stdout, service->txt, service->txt_count);
    }
    putchar('\n');
}

static void print_text(const struct config *config) {
    for (size_t i = 0; i < config->file_count; i++) {
        print_line("file:", config_file_path(config, i));
    }
    print_line("name:", config->draft.name);
    print_start(&config->start);
    for (size_t i = 0; i < config->draft.service_count; i++) {
        print_service(&config->draft.services[i]);
    }
    for (size_t i = 0; i < config->draft.attr_count; i++) {
        printf("%-11s", "attr:");
        text_print_items(stdout, &config->draft.attrs[i], 1);
        putchar('\n');
    }
}

static void put_start(struct document *document, const struct config_start *start) {
    if (start->instance[0] != '\0') {
        document_put_text(document, NULL, "instance", start->instance);
    }
    if (start->interval_ms != 0) {
        char text[32];
        snprintf(text, sizeof(text), "%" PRIu64 "ms", start->interval_ms);
        document_put_text(document, NULL, "interval", text);
    }
    if (start->interface_count > 0) {
        document_node_t *interfaces = document_put_array(document, NULL, "interfaces");
        for (size_t i = 0; i < start->interface_count; i++) {
            document_put_text(document, interfaces, NULL, start->interfaces[i]);
        }
    }
    if (start->port != 0) {
        document_put_integer(document, NULL, "port", start->port);
    }
    if (start->keep_count > 0) {
        document_node_t *keeps = document_put_array(document, NULL, "keeps");
        for (size_t i = 0; i < start->keep_count; i++) {
            document_put_text(document, keeps, NULL, start->keeps[i]);
        }
    }
}

/* Returns -1 when memory is out. */
static int print_json(const struct config *config) {
    struct document document;
    document_init(&document);
    document_put_integer(&document, NULL, "schema", JSON_SCHEMA);
    document_put_text(&document, NULL, "name", config->draft.name);
    put_start(&document, &config->start);
    document_node_t *services = document_put_array(&document, NULL, "services");
    for (size_t i = 0; i < config->draft.service_count; i++) {
        json_put_service(&document, document_put_object(&document, services, NULL),
                         &config->draft.services[i]);
    }
    document_node_t *attrs = document_put_object(&document, NULL, "attrs");
    for (size_t i = 0; i < config->draft.attr_count; i++) {
        document_put_text(&document, attrs, config->draft.attrs[i].name, config->draft.attrs[i].value);
    }
    const int error = json_print(&document, true);
    document_deinit(&document);
    return error;
}

/* ---- running ---- */

static int check(struct settings *settings, const struct operands *paths,
                 const struct config_options *options) {
    struct config config;
    int status = read_config(settings, paths, &config);
    if (status == STATUS_OK && !options->json) {
        print_text(&config);
    } else if (status == STATUS_OK && print_json(&config) != 0) {
        status = complain_error(settings, MUSTER_ENOMEM);
    }
    config_deinit(&config);
    return status;
}

static int run(struct settings *settings, int argc, char **argv) {
    struct config_options options = {0};
    struct operands operands;
    int status;
    if (!parse_command(settings, &command_config, argc, argv, &options, &operands, &status)) {
        return status;
    }
    if (strcmp(operands.values[0], "check") != 0) {
        return complain_usage(settings, operands.values[0], "expected check");
    }
    const struct operands paths = {.count = operands.count - 1, .values = operands.values + 1};
    return check(settings, &paths, &options);
}

const struct command command_config = {
    .name = "config",
    .summary = "check config files",
    .operands = "check PATH…",
    .operands_min = 2,
    .operands_max = SIZE_MAX,
    .completion = &args_complete_files,
    .description = "Read config files and directories as announce --config would, and print what it would\n"
                   "announce, or every error with its file, line and column. Nothing is sent.\n",
    .options = options_table,
    .examples = "  muster config check /etc/muster/conf.d\n"
                "  muster config check nas.json && systemctl reload muster\n",
    .statuses = "  0   announce would take them\n"
                "  1   error: a file is missing, bad, or says too much for an announcement\n"
                "  2   wrong usage\n",
    .run = run,
};
