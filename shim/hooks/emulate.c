/* SPDX-License-Identifier: MIT
 *
 * `emulate`: the answers of another system. Contract in emulate.h.
 */
#include "emulate.h"

#include "reuseshim/deadline.h"
#include "reuseshim/protocol.h"

#include <errno.h>
#include <stdatomic.h>

int emulation_pass_on(const struct hooked_call *hooked)
{
    int result = hooked->which == CALL_BIND ? next.bind(hooked->fd, hooked->address, hooked->length)
                                            : next.listen(hooked->fd, hooked->backlog);
    return result == 0 ? 0 : errno;
}

/* ---- records ---------------------------------------------------------------------------------------- */

/* As if the kernel had said it. */
static void tell_refusal(struct emulation *emulation, const struct hooked_call *hooked)
{
    struct workspace *work = &emulation->work;
    struct repeated_call call = {.hooked = hooked, .error = emulation->answer.error};
    if (!record_wanted(hooked->shim, LEVEL_CONFLICT))
        return;
    enum verdict verdict = repetition_ask(&call);
    if (verdict == REPEAT) {
        call.work->record.program_mask = &emulation->mask;
        record_emit(hooked->shim, &call.work->record, call.work->output);
    }
    if (verdict != EXPLAIN)
        repetition_give_back();
    if (verdict == REPEAT)
        return; /* it has been looked for anyway, so brief is in vain */
    work->newcomer.error = emulation->answer.error;
    neighbours_blame(&work->conflict, &work->newcomer, emulation->system, &emulation->answer);
    work->record.event = EVENT_CONFLICT;
    work->record.conflict = &work->conflict;
    work->record.repeated = call.before;
    repetition_keep(&call, work);
    portability_emit(work, hooked, NULL);
}

/* Linux still refuses what that system allows. */
static void tell_failure(struct emulation *emulation, const struct hooked_call *hooked,
                         const struct neighbour *left)
{
    char message[320];
    struct text text = text_in(message, sizeof message);
    const struct neighbours *neighbours = &emulation->neighbours;
    text_strings(&text, system_title(emulation->system), " would allow it (", emulation->answer.reason,
                 "), Linux does not: ");
    if (neighbours->count == 0)
        text_string(&text, "the socket in the way does not show");
    else if (left == NULL)
        text_string(&text, "it belongs to another user");
    else if (left->holder->inode == 0)
        text_string(&text, "what is in the way belongs to no process, and keeps its options");
    else if (left->fd < 0)
        text_string(&text, "the socket in the way cannot be reached (pidfd_getfd(2) wants ptrace access)");
    else
        text_string(&text, "the socket in the way was not bound under an emulation");
    text_end(&text);
    portability_emit(&emulation->work, hooked, message);
}

/* Whoever shares the port: does the same one receive? */
static void tell_receiver(struct emulation *emulation, const struct hooked_call *hooked)
{
    char message[240];
    struct text text = text_in(message, sizeof message);
    const struct neighbours *neighbours = &emulation->neighbours;
    const struct neighbour *rival = neighbours_rival(neighbours);
    bool tcp = neighbours->newcomer.protocol == IPPROTO_TCP;
    if (rival == NULL || tcp != (hooked->which == CALL_LISTEN) ||
        endpoint_is_multicast(&neighbours->newcomer.local))
        return;
    enum receives there = system_receives(emulation->system, &rival->socket, &neighbours->newcomer);
    enum receives here = system_receives(SYSTEM_LINUX, &rival->socket, &neighbours->newcomer);
    if (there == here)
        return;
    text_strings(&text, "shares its port; on ", system_title(emulation->system),
                 tcp ? " a connection goes " : " a datagram goes ", receives_phrase(there), ", on Linux ",
                 receives_phrase(here));
    text_end(&text);
    portability_emit(&emulation->work, hooked, message);
}

/* Once in a process: it will not change. */
static void tell_blindness(const struct hooked_call *hooked)
{
    static _Atomic bool told;
    if (!atomic_exchange(&told, true))
        report_message(
            hooked->shim, hooked, LEVEL_ERROR,
            "emulate: nothing is emulated where nobody may be looked for: REUSESHIM_DIAGNOSE=never, or "
            "a seccomp filter (REUSESHIM_DIAGNOSE=always looks all the same)");
}

/* ---- the call --------------------------------------------------------------------------------------- */

static bool is_bound(const struct hooked_call *hooked)
{
    union any_sockaddr name;
    struct endpoint local;
    socklen_t length = sizeof name;
    return raw_getsockname(hooked->fd, &name, &length) < 0 ||
           !endpoint_from_sockaddr(&local, &name, length) || local.port != 0;
}

static void look(struct emulation *emulation, const struct hooked_call *hooked)
{
    struct workspace *work = &emulation->work;
    /* Whoever asks for an emulation under a filter wants its calls made: the one that borrows is not in the
     * list of a container that is not trusted, and answered with EPERM there. */
    conflict_begin(&work->conflict, hooked->shim->settings.budget_ms, false);
    neighbours_find(&emulation->neighbours, &work->conflict, &work->newcomer, &work->scratch);
    if (hooked->rule->exclusive)
        emulation->neighbours.newcomer.asks |= ASKS_EXCLUSIVE;
    emulation->known = neighbours_judge(&emulation->neighbours, emulation->system, &emulation->answer);
}

/* Does that system's rule refuse it? None has one for listen, but Linux itself. */
static bool is_refused(const struct emulation *emulation, const struct hooked_call *hooked)
{
    return hooked->which == CALL_BIND && emulation->known && emulation->answer.error;
}

static int insist(struct emulation *emulation, const struct hooked_call *hooked)
{
    const struct neighbour *left = neighbours_raise(&emulation->neighbours, hooked->fd);
    int error = emulation_pass_on(hooked);
    neighbours_lower(&emulation->neighbours, hooked->fd);
    bool goes_away = left && left->holder->inode == 0 && hooked->rule->evict;
    if (error == EADDRINUSE && !goes_away)
        tell_failure(emulation, hooked, left);
    return error;
}

static int carry_out(struct emulation *emulation, const struct hooked_call *hooked, bool *theirs)
{
    int error = EADDRINUSE;
    look(emulation, hooked);
    *theirs = is_refused(emulation, hooked);
    if (!*theirs) {
        neighbours_mark(hooked->fd, hooked->rule->exclusive);
        error = emulation_pass_on(hooked);
    }
    if (error == EADDRINUSE && !*theirs && emulation->neighbours.count == 0) {
        look(emulation, hooked); /* it came in between */
        *theirs = is_refused(emulation, hooked);
    }
    if (*theirs) {
        tell_refusal(emulation, hooked);
        return emulation->answer.error;
    }
    bool stricter = hooked->which == CALL_BIND || emulation->system != SYSTEM_LINUX_2_6;
    if (error == EADDRINUSE && stricter)
        error = insist(emulation, hooked);
    if (error == 0)
        tell_receiver(emulation, hooked);
    return error;
}

/* False where there is nothing to emulate: the kernel answers. */
static bool prepare(struct emulation *emulation, const struct hooked_call *hooked)
{
    struct workspace *work = &emulation->work;
    bool binds = hooked->which == CALL_BIND;
    workspace_begin(work);
    if (!workspace_may_ask(work, hooked->shim)) {
        tell_blindness(hooked);
        return false;
    }
    newcomer_ask(&work->newcomer, hooked->which, hooked->fd, 0, binds ? &hooked->argument : NULL, true);
    work->record.program_mask = &emulation->mask;
    work->record.newcomer = &work->newcomer;
    work->record.rule = hooked->rule;
    emulation->system = rule_system(hooked->rule);
    return (protocol_is_tcp(work->newcomer.protocol) || protocol_is_udp(work->newcomer.protocol)) &&
           work->newcomer.local.port != 0 && !(binds && is_bound(hooked)) &&
           !sockets_are_elsewhere(&work->newcomer);
}

int emulate(const struct hooked_call *hooked, bool *theirs)
{
    struct emulation *emulation = raw_map(sizeof *emulation);
    *theirs = false;
    if (emulation == NULL)
        return emulation_pass_on(hooked);
    raw_mask_hold(&emulation->mask);
    int error;
    if (prepare(emulation, hooked)) {
        int turn = emulation_turn(emulation->work.newcomer.local.port, hooked->shim->settings.budget_ms);
        error = carry_out(emulation, hooked, theirs);
        if (turn >= 0)
            raw_close(turn);
        neighbours_leave(&emulation->neighbours);
        raw_allow_tracers();
    } else {
        error = emulation_pass_on(hooked);
    }
    raw_mask_release(&emulation->mask);
    raw_unmap(emulation, sizeof *emulation);
    return error;
}
