/* SPDX-License-Identifier: MIT */
#include "running.h"

#include <stdio.h>
#include <string.h>

#include "complain.h"
#include "session.h"

/* One that runs answers within milliseconds. */
#define ANSWER_MS 300

struct question {
    struct session session;
    bool is_answered;
};

/* One on other interfaces or another port answers, too. */
static void on_end(int error, const char *text, void *context) {
    struct question *question = context;
    (void)text;
    question->is_answered = error == 0 || error == MUSTER_ENOTFOUND;
    session_end(&question->session, STATUS_OK);
}

static void ask(void *context) {
    struct question *question = context;
    if (muster_local_self(question->session.local, NULL, on_end, question) != 0) {
        session_end(&question->session, STATUS_OK);
    }
}

bool running_answers(const struct settings *settings, const char *instance) {
    struct settings of_instance = *settings;
    struct question question = {.is_answered = false};
    const struct session_request request = {.is_local = true,
                                            .instance = instance,
                                            .timeout_ms = ANSWER_MS,
                                            .on_open = ask,
                                            .context = &question};
    of_instance.socket = NULL;
    session_hold(&question.session, &of_instance, &request);
    return question.is_answered;
}

/* ---- guests ---- */

static const char *const guests[] = {"+publish", "+replay"};

static bool is_guest(const char *name) {
    const size_t length = strlen(name);
    for (size_t i = 0; i < sizeof(guests) / sizeof(guests[0]); i++) {
        const size_t suffix = strlen(guests[i]);
        if (length > suffix && strcmp(name + length - suffix, guests[i]) == 0) {
            return true;
        }
    }
    return false;
}

int running_take_name(const struct settings *settings, const char *command, struct draft *draft,
                      struct reason *reason) {
    char name[MUSTER_NAME_BYTES_MAX + 1];
    const int room = (int)(sizeof(name) - sizeof("+") - strlen(command));
    if (draft_take_host_name(draft, reason) != 0) {
        return -1;
    }
    if (!running_answers(settings, NULL)) {
        return 0;
    }
    snprintf(name, sizeof(name), "%.*s+%s", room, draft->name, command); /* a host's name is ASCII */
    return draft_parse_name(name, draft, reason);
}

/* ---- all of them ---- */

struct census {
    struct session session;
    struct running_muster *muster;
    int error;
};

/* The directory of the socket is called as the instance. One with a hash, "a_b+0123456789abcdef", is that of
 * the name, unless another instance was given. */
static void take_instance(struct running_muster *muster, const char *path, const char *name) {
    const char *end = strrchr(path, '/');
    const char *begin = end;
    while (begin != NULL && begin > path && begin[-1] != '/') {
        begin--;
    }
    const size_t length = begin != NULL ? (size_t)(end - begin) : 0;
    const char *plus = length > 0 ? memchr(begin, '+', length) : NULL;
    const bool is_hashed = plus != NULL && end - plus > 3;
    snprintf(muster->instance, sizeof(muster->instance), "%.*s",
             is_hashed || length == 0 ? (int)strlen(name) : (int)length,
             is_hashed || length == 0 ? name : begin);
}

static void on_census_self(const struct muster_self *self, void *context) {
    struct census *census = context;
    take_instance(census->muster, muster_local_socket(census->session.local), self->peer.document.name);
    census->muster->is_guest = is_guest(self->peer.document.name);
}

static void on_census_end(int error, const char *text, void *context) {
    struct census *census = context;
    (void)text;
    census->error = error;
    session_end(&census->session, STATUS_OK);
}

static void ask_census(void *context) {
    struct census *census = context;
    const int error = muster_local_self(census->session.local, on_census_self, on_census_end, census);
    if (error != 0) {
        on_census_end(error, NULL, census);
    }
}

void running_list(const struct settings *settings, struct running_list *list) {
    int error = 0;
    *list = (struct running_list){.count = 0};
    while (error == 0 && list->count < RUNNING_MAX) {
        struct census census = {.muster = &list->musters[list->count], .error = MUSTER_ENOTFOUND};
        const struct session_request request = {
            .is_local = true, .skip = list->count, .on_open = ask_census, .context = &census};
        session_hold(&census.session, settings, &request);
        error = census.error;
        list->is_silent = error != 0 && error != MUSTER_ENOTFOUND;
        if (error == 0) {
            const bool is_announce = !census.muster->is_guest;
            list->first = is_announce && list->announces == 0 ? list->count : list->first;
            list->announces += is_announce ? 1 : 0;
            list->count++;
        }
    }
}

struct running_text running_text(const struct running_list *list) {
    struct running_text text = {""};
    size_t named = 0;
    for (size_t i = 0; i < list->count; i++) {
        char safe[MUSTER_TEXT_SAFE_BYTES(MUSTER_NAME_BYTES_MAX)];
        const size_t length = strlen(text.text);
        if (list->musters[i].is_guest) {
            continue;
        }
        named++;
        muster_text_safe(list->musters[i].instance, safe, sizeof(safe));
        snprintf(text.text + length, sizeof(text.text) - length, "%s%s",
                 named == 1                 ? ""
                 : named == list->announces ? " and "
                                            : ", ",
                 safe);
    }
    return text;
}
