/* SPDX-License-Identifier: MIT */
#include "hook.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utlist.h>

#include "complain.h"
#include "spawn.h"
#include "text.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* since Linux 6.3, where a system may insist on it */
#endif

/* Dropped events are reported at most this often. */
#define DROPPED_INTERVAL_MS 1000

/* ---- events ---- */

/* The variables of an event, in the order in which new_variables() writes them. */
static const struct {
    const char *name;
    const char *help;
} variables[] = {
    {"MUSTER_EVENT", "joined, changed, restarted, suspect, returned, lost, left, conflict"},
    {"MUSTER_PEER_NAME", "any text"},
    {"MUSTER_PEER_ID", "32 hexadecimal digits"},
    {"MUSTER_PEER_STATE", "alive, suspect, lost or left"},
    {"MUSTER_PEER_VERIFIED", "1 when a key vouches for all of this, else 0"},
    {"MUSTER_PEER_ADDRESS", "it was heard from, 10.0.0.7"},
    {"MUSTER_PEER_PORT", "the UDP port of that"},
    {"MUSTER_PEER_INTERFACE", "of this host, eth0; empty when that is gone"},
};

#define VARIABLE_COUNT (sizeof(variables) / sizeof(variables[0]))

void hook_describe_variables(FILE *out) {
    for (size_t i = 0; i < VARIABLE_COUNT; i++) {
        fprintf(out, "  %-22s %s\n", variables[i].name, variables[i].help);
    }
}

/* Writes the variables of an event. Names come from the network and are not changed. NULL when memory is out.
 */
static char *new_variables(enum muster_peer_event event, const struct muster_peer *peer) {
    const struct text_short id = text_id(peer->id);
    const struct text_short address = text_address(&peer->address);
    char port[8];
    snprintf(port, sizeof(port), "%u", peer->address.port);
    const char *const values[VARIABLE_COUNT] = {
        muster_peer_event_name(event),
        peer->document.name,
        id.text,
        muster_state_name(peer->state),
        peer->verified ? "1" : "0",
        peer->address.family != 0 ? address.text : "",
        port,
        peer->interface_name,
    };
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    for (size_t i = 0; i < VARIABLE_COUNT && out != NULL; i++) {
        fprintf(out, "%s=%s%c", variables[i].name, values[i], '\0');
    }
    if (out != NULL && fclose(out) == 0) { /* which ends it by one more NUL */
        return text;
    }
    free(text);
    return NULL;
}

static void free_event(struct hook_event *event) {
    if (event == NULL) {
        return;
    }
    free(event->variables);
    free(event->line);
    free(event);
}

static struct hook_event *copy_event(enum muster_peer_event event, const struct muster_peer *peer,
                                     const char *line) {
    struct hook_event *copy = calloc(1, sizeof(*copy));
    if (copy == NULL) {
        return NULL;
    }
    copy->variables = new_variables(event, peer);
    copy->line = strdup(line);
    if (copy->variables == NULL || copy->line == NULL) {
        free_event(copy);
        return NULL;
    }
    return copy;
}

/* The value of the variable at an index of the table. */
static const char *value_of(const struct hook_event *event, size_t index) {
    const char *variable = event->variables;
    for (; index > 0; index--) {
        variable = strchr(variable, '\0') + 1;
    }
    return strchr(variable, '=') + 1;
}

static void complain_of_event(const struct hooks *hooks, const struct hook_event *event, const char *what) {
    complain(hooks->settings, "%s for %s %s: %s", hooks->options.program, value_of(event, 0),
             value_of(event, 1), what);
}

/* ---- starting ---- */

/* Opens a file in memory that holds the line. Unlike a pipe, the file takes the whole line at once, whether
 * the hook reads it or not. Returns a descriptor or a negative errno. */
static int open_input(const char *line) {
    int fd = memfd_create("event", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL) {
        fd = memfd_create("event", MFD_CLOEXEC);
    }
    if (fd < 0) {
        return -errno;
    }
    if (dprintf(fd, "%s", line) > 0 && lseek(fd, 0, SEEK_SET) == 0) {
        return fd;
    }
    int error = errno;
    close(fd);
    return -error;
}

static pid_t start_program(const char *program, const struct hook_event *event) {
    char *const argv[] = {(char *)program, NULL};
    int input = open_input(event->line);
    pid_t pid = input;
    if (input >= 0) {
        const struct spawn spawn = {
            .argv = argv, .variables = event->variables, .input = input, .own_group = true};
        pid = spawn_program(&spawn);
        close(input);
    }
    return pid;
}

static void on_late(uv_timer_t *timer);

/* Runs the hook for an event, which it takes over. */
static void start(struct hooks *hooks, struct hook_event *event) {
    struct hook *hook = hooks->running;
    pid_t pid = start_program(hooks->options.program, event);
    if (pid < 0) {
        char what[256];
        snprintf(what, sizeof(what), "cannot be started: %s", strerror(-pid));
        complain_of_event(hooks, event, what);
        free_event(event);
        return;
    }
    while (hook->event != NULL) {
        hook++;
    }
    hook->event = event;
    hook->pid = pid;
    hook->is_late = false;
    hooks->running_count++;
    uv_update_time(hook->timer.loop); /* to start it took its time */
    uv_timer_start(&hook->timer, on_late, hooks->options.timeout_ms, 0);
}

/* ---- waiting ---- */

static struct hook_event *take_oldest(struct hooks *hooks) {
    struct hook_event *event = hooks->waiting;
    DL_DELETE(hooks->waiting, event);
    hooks->waiting_count--;
    return event;
}

static void on_dropped_timer(uv_timer_t *timer) {
    struct hooks *hooks = timer->data;
    if (hooks->dropped > 0) {
        complain(hooks->settings, "%s: too slow, %zu event%s dropped", hooks->options.program, hooks->dropped,
                 hooks->dropped == 1 ? "" : "s");
    }
    hooks->dropped = 0;
}

/* Drops the oldest event that waits: the newest ones say what is true now. */
static void drop_oldest(struct hooks *hooks) {
    free_event(take_oldest(hooks));
    hooks->dropped++;
    if (!uv_is_active((uv_handle_t *)&hooks->dropped_timer)) {
        uv_timer_start(&hooks->dropped_timer, on_dropped_timer, DROPPED_INTERVAL_MS, 0);
    }
}

/* Starts hooks for waiting events while fewer than the maximum run, and reports when the last one has ended.
 */
static void start_waiting(struct hooks *hooks) {
    while (hooks->waiting_count > 0 && hooks->running_count < hooks->options.running_max) {
        start(hooks, take_oldest(hooks));
    }
    if (hooks->is_finishing && hooks->running_count == 0) {
        hooks->is_finishing = false;
        uv_timer_stop(&hooks->finish_timer);
        on_dropped_timer(&hooks->dropped_timer);
        hooks->on_finished(hooks->context);
    }
}

int hooks_run(struct hooks *hooks, enum muster_peer_event event, const struct muster_peer *peer,
              const char *line) {
    struct hook_event *copy = copy_event(event, peer, line);
    if (copy == NULL) {
        return -1;
    }
    if (hooks->waiting_count == HOOK_WAITING_MAX) {
        drop_oldest(hooks);
    }
    DL_APPEND(hooks->waiting, copy);
    hooks->waiting_count++;
    start_waiting(hooks);
    return 0;
}

/* ---- ending ---- */

/* Sends a signal to the hook's group, and to the hook itself where it has left the group. */
static void kill_all(const struct hook *hook, int number) {
    kill(-hook->pid, number);
    if (getpgid(hook->pid) != hook->pid) {
        kill(hook->pid, number);
    }
}

static void on_grace_over(uv_timer_t *timer) {
    kill_all(timer->data, SIGKILL);
}

static void on_late(uv_timer_t *timer) {
    struct hook *hook = timer->data;
    hook->is_late = true;
    complain_of_event(hook->hooks, hook->event, "took too long, ended");
    kill_all(hook, SIGTERM);
    uv_timer_start(&hook->timer, on_grace_over, HOOK_GRACE_MS, 0);
}

/* Reports how a hook ended, unless it exited with 0 or was ended by muster. */
static void complain_of_exit(const struct hook *hook, int ended) {
    char what[128];
    if (hook->is_late || (WIFEXITED(ended) && WEXITSTATUS(ended) == 0)) {
        return;
    }
    if (WIFEXITED(ended)) {
        snprintf(what, sizeof(what), "exit code %d", WEXITSTATUS(ended));
    } else {
        snprintf(what, sizeof(what), "signal %d, %s", WTERMSIG(ended), strsignal(WTERMSIG(ended)));
    }
    complain_of_event(hook->hooks, hook->event, what);
}

/* True when a hook has ended; it is reaped then. The processes that a late hook left in its group are killed
 * before: until the hook is reaped, no other group can have its id. */
static bool has_ended(const struct hook *hook, int *ended) {
    siginfo_t info = {.si_pid = 0};
    if (waitid(P_PID, (id_t)hook->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) {
        return false;
    }
    if (hook->is_late) {
        kill(-hook->pid, SIGKILL);
    }
    return waitpid(hook->pid, ended, WNOHANG) == hook->pid;
}

static void on_child_signal(uv_signal_t *signal, int number) {
    struct hooks *hooks = signal->data;
    (void)number;
    for (size_t i = 0; i < hooks->options.running_max; i++) {
        struct hook *hook = &hooks->running[i];
        int ended;
        if (hook->event == NULL || !has_ended(hook, &ended)) {
            continue;
        }
        complain_of_exit(hook, ended);
        uv_timer_stop(&hook->timer);
        free_event(hook->event);
        hook->event = NULL;
        hooks->running_count--;
    }
    start_waiting(hooks);
}

static void on_finish_late(uv_timer_t *timer) {
    struct hooks *hooks = timer->data;
    while (hooks->waiting_count > 0) {
        drop_oldest(hooks);
    }
    for (size_t i = 0; i < hooks->options.running_max; i++) {
        struct hook *hook = &hooks->running[i];
        if (hook->event != NULL && !hook->is_late) {
            on_late(&hook->timer);
        }
    }
}

void hooks_finish(struct hooks *hooks, void (*on_finished)(void *context), void *context) {
    hooks->is_finishing = true;
    hooks->on_finished = on_finished;
    hooks->context = context;
    uv_timer_start(&hooks->finish_timer, on_finish_late, hooks->options.timeout_ms, 0);
    start_waiting(hooks);
}

/* ---- opening ---- */

int hooks_open(struct hooks *hooks, uv_loop_t *loop, const struct settings *settings,
               const struct hook_options *options) {
    *hooks = (struct hooks){.settings = settings, .options = *options};
    uv_timer_init(loop, &hooks->dropped_timer); /* cannot fail */
    uv_timer_init(loop, &hooks->finish_timer);
    hooks->dropped_timer.data = hooks;
    hooks->finish_timer.data = hooks;
    for (size_t i = 0; i < options->running_max; i++) {
        struct hook *hook = &hooks->running[i];
        uv_timer_init(loop, &hook->timer);
        hook->hooks = hooks;
        hook->timer.data = hook;
    }
    int error = uv_signal_init(loop, &hooks->ended);
    hooks->ended.data = hooks;
    return error != 0 ? error : uv_signal_start(&hooks->ended, on_child_signal, SIGCHLD);
}
