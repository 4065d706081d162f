/* SPDX-License-Identifier: MIT */
#include "running.h"

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
