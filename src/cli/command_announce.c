/* muster announce: tell who this is and what it offers, until told to stop. */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "batch.h"
#include "command.h"
#include "draft.h"
#include "lines.h"
#include "session.h"
#include "spec.h"
#include "text.h"

struct announce_options {
    struct draft draft;
    const char *instance; /* NULL: named after the document */
    uint64_t interval_ms; /* 0: the library's default */
    bool read_stdin;
};

struct announce {
    struct session session;
    const struct settings *settings;
    struct draft announced;
    uint8_t id[MUSTER_ID_BYTES];

    /* What standard input has changed since, and by which lines. */
    struct lines lines;
    struct draft draft;
    struct batch batch;
};

/* ---- options ---- */

static int parse_name(const char *value, void *place, struct reason *reason) {
    return draft_set_name(place, value, reason);
}

static int parse_service(const char *value, void *place, struct reason *reason) {
    return draft_put_service(place, value, false, reason);
}

static int parse_attr(const char *value, void *place, struct reason *reason) {
    return draft_put_attr(place, value, false, reason);
}

static int parse_instance(const char *value, void *place, struct reason *reason) {
    if (spec_check_text("a name", value, false, MUSTER_NAME_BYTES_MAX, reason) != 0) {
        return -1;
    }
    *(const char **)place = value;
    return 0;
}

static int parse_interval(const char *value, void *place, struct reason *reason) {
    return args_duration(value, MUSTER_INTERVAL_MS_MIN, MUSTER_INTERVAL_MS_MAX, place, reason);
}

static const struct args_option options_table[] = {
    {"name", 0, "NAME", "what to be called (the host's name)", offsetof(struct announce_options, draft),
     parse_name},
    {"service", 0, "SPEC", "offer a service, see below (repeatable)",
     offsetof(struct announce_options, draft), parse_service},
    {"attr", 0, "KEY=VALUE", "say something of itself (repeatable)", offsetof(struct announce_options, draft),
     parse_attr},
    {"instance", 0, "I", "which identity of this machine and user to be (NAME)",
     offsetof(struct announce_options, instance), parse_instance},
    {"interval", 0, "T", "speak this often when nothing is new (2s)",
     offsetof(struct announce_options, interval_ms), parse_interval},
    {"stdin", 0, NULL, "take changes from standard input, see below",
     offsetof(struct announce_options, read_stdin), args_flag},
    {0},
};

static void describe(FILE *out) {
    fprintf(out, "A SPEC is TYPE:PORT[/udp][,name=TEXT][,txt.KEY=TEXT]…, TYPE an IANA service name, and\n"
                 "\\, a comma inside of a text:\n"
                 "  http:8080\n"
                 "  coap:5683/udp,name=Kitchen,txt.path=/t\n\n"
                 "Lines of --stdin, of which a bad one is refused with its number, and skipped:\n"
                 "  service SPEC           offer it, or replace the one of that type, port and protocol\n"
                 "  remove TYPE:PORT[/udp] offer it no longer\n"
                 "  attr KEY=VALUE         set an attribute; KEY= removes it\n"
                 "  name NAME              be called otherwise\n"
                 "Empty lines and those that begin with # say nothing. At the end of input the\n"
                 "announcing goes on.\n");
}

/* The host's name up to its first dot. */
static int set_host_name(const struct settings *settings, struct draft *draft) {
    char host[256] = "";
    struct reason reason;
    gethostname(host, sizeof(host) - 1);
    host[strcspn(host, ".")] = '\0';
    if (draft_set_name(draft, host, &reason) == 0) {
        return STATUS_OK;
    }
    reason_set(&reason, "expected, as the host's name '%s' will not do", host);
    return args_refuse(settings, "--name", &reason);
}

/* ---- telling ---- */

/* Says under which name, id, interfaces and port this runs. */
static void say_who(struct announce *announce) {
    char interfaces[256];
    char id[MUSTER_ID_TEXT_BYTES];
    muster_id(announce->session.node, announce->id);
    muster_id_text(announce->id, id);
    session_interfaces(announce->session.node, interfaces, sizeof(interfaces));
    text_complain(announce->settings->program, "%s is %s on %s, unicast port %u", announce->announced.name,
                  id, interfaces, muster_unicast_port(announce->session.node));
}

static void on_event(muster_t *node, enum muster_peer_event event, const struct muster_peer *peer,
                     void *context) {
    struct announce *announce = context;
    char address[TEXT_ADDRESS_BYTES];
    uint8_t id[MUSTER_ID_BYTES];
    if (event != MUSTER_PEER_CONFLICT) {
        return;
    }
    text_complain(announce->settings->program,
                  "conflict: %s at %s has the same key: was the state directory copied?", peer->document.name,
                  text_address(&peer->address, address));
    muster_id(node, id);
    if (memcmp(id, announce->id, MUSTER_ID_BYTES) != 0) {
        say_who(announce);
    }
}

/* ---- changes from standard input ---- */

/* Applies one line to the draft: 1 when it changed, 0 when the line says nothing, -1 with a reason. */
static int apply_line(struct draft *draft, const char *line, struct reason *reason) {
    size_t verb = strcspn(line, " ");
    const char *rest = line + verb + strspn(line + verb, " ");
    int error;
    if (line[0] == '\0' || line[0] == '#') {
        return 0;
    }
    if (verb == 7 && memcmp(line, "service", verb) == 0) {
        error = draft_put_service(draft, rest, true, reason);
    } else if (verb == 6 && memcmp(line, "remove", verb) == 0) {
        error = draft_remove_service(draft, rest, reason);
    } else if (verb == 4 && memcmp(line, "attr", verb) == 0) {
        error = draft_put_attr(draft, rest, true, reason);
    } else if (verb == 4 && memcmp(line, "name", verb) == 0) {
        error = draft_set_name(draft, rest, reason);
    } else {
        error = reason_set(reason, "expected service, remove, attr or name, got '%.64s'", line);
    }
    return error == 0 ? 1 : -1;
}

static void refuse_line(const struct announce *announce, uint64_t number, const char *why) {
    text_complain(announce->settings->program, "stdin line %" PRIu64 ": %s", number, why);
}

/* Announces the draft; goes back to what is announced if that can't be, and returns why. */
static int announce_draft(struct announce *announce) {
    struct draft copy;
    struct muster_document document = draft_document(&announce->draft);
    int error = draft_copy(&copy, &announce->draft) == 0 ? muster_update(announce->session.node, &document)
                                                         : MUSTER_ENOMEM;
    if (error == 0) {
        draft_deinit(&announce->announced);
        announce->announced = copy;
        return 0;
    }
    draft_deinit(&copy);
    draft_deinit(&announce->draft);
    if (draft_copy(&announce->draft, &announce->announced) != 0) {
        text_complain(announce->settings->program, "%s", muster_error_text(MUSTER_ENOMEM));
        session_end(&announce->session, STATUS_ERROR);
    }
    return error;
}

/* Announces each line of the batch by itself, so that those which can't be are alone in being refused. */
static void announce_each_line(struct announce *announce) {
    for (size_t i = 0; i < announce->batch.count && !announce->session.ended; i++) {
        const struct batch_line *line = &announce->batch.lines[i];
        struct reason reason;
        if (apply_line(&announce->draft, line->text, &reason) < 0) {
            refuse_line(announce, line->number, reason.text);
            continue;
        }
        int error = announce_draft(announce);
        if (error != 0) {
            refuse_line(announce, line->number, muster_error_text(error));
        }
    }
}

/* Announces what the lines have changed, as one change where that can be. */
static void on_pause(void *context) {
    struct announce *announce = context;
    if (announce->batch.count > 0 && !announce->session.ended && announce_draft(announce) != 0) {
        announce_each_line(announce);
    }
    batch_deinit(&announce->batch);
}

/* Takes a line into draft and batch: as apply_line(). */
static int take_line(struct announce *announce, const char *line, uint64_t number, struct reason *reason) {
    if (line == NULL) {
        return reason_set(reason, "expected at most %d bytes, none of them NUL", LINES_BYTES_MAX);
    }
    if (batch_add(&announce->batch, line, number) != 0) {
        return reason_set(reason, "%s", muster_error_text(MUSTER_ENOMEM));
    }
    int result = apply_line(&announce->draft, line, reason);
    if (result <= 0) {
        batch_drop_last(&announce->batch);
    }
    return result;
}

static void on_line(const char *line, uint64_t number, void *context) {
    struct announce *announce = context;
    struct reason reason;
    if (announce->session.ended) {
        return;
    }
    if (take_line(announce, line, number, &reason) < 0) {
        refuse_line(announce, number, reason.text);
    }
    if (batch_is_full(&announce->batch)) {
        on_pause(announce);
    }
}

/* ---- running ---- */

static int start_lines(struct announce *announce) {
    int error = -1;
    if (draft_copy(&announce->draft, &announce->announced) == 0) {
        error = lines_start(&announce->lines, &announce->session.loop, on_line, on_pause, announce);
    }
    if (error != 0) {
        text_complain(announce->settings->program, "--stdin: cannot read standard input");
    }
    return error;
}

static int announce_until_told(struct announce *announce, const struct announce_options *options) {
    struct muster_document document = draft_document(&announce->announced);
    const struct session_request request = {.document = &document,
                                            .instance = options->instance,
                                            .interval_min_ms = options->interval_ms,
                                            .until_signal = true,
                                            .on_event = on_event,
                                            .context = announce};
    int status = session_open(&announce->session, announce->settings, &request);
    if (status != STATUS_OK) {
        return status;
    }
    say_who(announce);
    if (options->read_stdin && start_lines(announce) != 0) {
        session_end(&announce->session, STATUS_ERROR);
    }
    return session_run(&announce->session);
}

static int run(struct settings *settings, int argc, char **argv) {
    struct announce_options options = {0};
    struct announce announce = {.settings = settings};
    struct operands operands;
    int status;
    bool go_on = args_parse(settings, &command_announce, argc, argv, &options, &operands, &status);
    if (go_on && options.draft.name == NULL) {
        status = set_host_name(settings, &options.draft);
        go_on = status == STATUS_OK;
    }
    announce.announced = options.draft;
    if (go_on) {
        status = announce_until_told(&announce, &options);
    }
    draft_deinit(&announce.announced);
    draft_deinit(&announce.draft);
    batch_deinit(&announce.batch);
    return status;
}

const struct command command_announce = {
    .name = "announce",
    .summary = "tell who this is and what it offers",
    .operands = "",
    .description = "Announce this host, or one program on it, in the foreground: say so when it starts,\n"
                   "changes and stops, and that it lives in between. SIGINT and SIGTERM end it with a bye;\n"
                   "a second one ends it at once; one that is ignored when it starts, as under nohup,\n"
                   "stays ignored. Its identity is a key in the state directory, so that it stays the\n"
                   "same peer over restarts; a second one of that name here has NAME+2.\n",
    .options = options_table,
    .describe = describe,
    .examples = "  muster announce --service http:8080,txt.path=/\n"
                "  muster announce --name nas --service smb:445 --service http:80 --attr room=cellar\n"
                "  echo 'attr load=high' | muster announce --name nas --stdin\n",
    .statuses = "  0   ended by a signal\n"
                "  1   error: no usable interface or port, no permission, state damaged or in use\n"
                "  2   wrong usage\n",
    .run = run,
};
