/* SPDX-License-Identifier: MIT
 *
 * `emulate`: the answers of another system. Contract in emulate.h.
 */
#include "emulate.h"

#include "reuseshim/deadline.h"
#include "reuseshim/protocol.h"

#include <errno.h>
#include <stdatomic.h>

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

static const char *what_is_in_the_way(const struct neighbours *neighbours, const struct neighbour *left)
{
    if (neighbours->conflict->holders_omitted)
        return "there are more sockets than can be looked at";
    if (neighbours->count == 0)
        return "the socket in the way does not show";
    if (left == NULL)
        return "it belongs to another user";
    if (left->holder->inode == 0)
        return "what is in the way belongs to no process, and keeps its options";
    if (!left->reached)
        return "the socket in the way cannot be reached (pidfd_getfd(2) wants ptrace access)";
    return left->unmarkable ? "the socket in the way is one of MPTCP, which takes no marks"
                            : "the socket in the way was not bound under an emulation";
}

/* Linux still refuses what that system allows. */
static void tell_failure(struct emulation *emulation, const struct hooked_call *hooked,
                         const struct neighbour *left)
{
    char message[360];
    struct text text = text_in(message, sizeof message);
    text_strings(&text, system_title(emulation->system), " would allow it (", emulation->answer.reason,
                 emulation->answer.unsure ? "; not sure: its rule for this was not read" : "",
                 "), Linux does not: ", what_is_in_the_way(&emulation->neighbours, left));
    text_end(&text);
    portability_emit(&emulation->work, hooked, message);
}

/* The answer hangs on what does not show, so it is Linux's. */
static void tell_ignorance(struct emulation *emulation, const struct hooked_call *hooked)
{
    char message[200];
    struct text text = text_in(message, sizeof message);
    text_strings(
        &text, "what ", system_title(emulation->system),
        " would answer hangs on what does not show of the sockets on the port (options, users, which is older); "
        "this is Linux's answer");
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
static void tell_blindness(const struct workspace *work, const struct hooked_call *hooked)
{
    static _Atomic bool told;
    char message[200];
    struct text text = text_in(message, sizeof message);
    if (atomic_exchange(&told, true))
        return;
    text_strings(&text,
                 "emulate: nothing is emulated: ", bare_phrase(workspace_why_bare(work, hooked->shim)));
    text_end(&text);
    report_message(hooked->shim, hooked, LEVEL_ERROR, message);
}

/* ---- the call --------------------------------------------------------------------------------------- */

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

/* Errors that every system says before it looks at other sockets: the kernel's own, asked with a socket that
 * has no option and so gets no port from anybody. */
static bool has_another_error(const struct emulation *emulation, const struct hooked_call *hooked)
{
    const struct newcomer *newcomer = &emulation->work.newcomer;
    int fd = raw_socket(newcomer->family, newcomer->type | SOCK_CLOEXEC, newcomer->protocol);
    int result = fd < 0 ? 0 : raw_bind(fd, hooked->address, hooked->length);
    if (fd >= 0)
        raw_close(fd);
    return result < 0 && result != -EADDRINUSE;
}

/* Does that system's rule refuse it? None has one for listen, but Linux itself. */
static bool is_refused(const struct emulation *emulation, const struct hooked_call *hooked)
{
    return hooked->which == CALL_BIND && emulation->known && emulation->answer.error &&
           !has_another_error(emulation, hooked);
}

/* Leftovers that have no descriptor by which they could be raised. */
static int evict(struct emulation *emulation, const struct hooked_call *hooked, int error)
{
    struct workspace *work = &emulation->work;
    uint64_t evicted = 0;
    if (error != EADDRINUSE || !hooked->rule->evict)
        return error;
    (void)conflict_evict(&work->newcomer, &evicted, deadline_in(hooked->shim->settings.budget_ms),
                         &work->scratch);
    if (evicted == 0)
        return error;
    error = hooked_pass_on(hooked);
    if (error == 0) {
        conflict_forget_owned(&work->conflict);
        work->record.event = EVENT_RESOLVED;
        work->record.evicted = evicted;
        portability_emit(work, hooked, NULL);
        work->record.evicted = 0;
    }
    return error;
}

static int insist(struct emulation *emulation, const struct hooked_call *hooked)
{
    const struct neighbour *left = neighbours_raise(&emulation->neighbours, hooked->fd);
    int error = evict(emulation, hooked, hooked_pass_on(hooked));
    neighbours_lower(&emulation->neighbours, hooked->fd);
    if (error == EADDRINUSE && emulation->known && emulation->answer.error == 0)
        tell_failure(emulation, hooked, left);
    return error;
}

static int pass_on_marked(const struct hooked_call *hooked, unsigned *marks)
{
    *marks = hooked->which == CALL_BIND ? neighbours_mark(hooked->fd, hooked->rule->exclusive) : 0;
    return hooked_pass_on(hooked);
}

static int carry_out(struct emulation *emulation, const struct hooked_call *hooked, bool *theirs)
{
    unsigned marks = 0;
    look(emulation, hooked);
    *theirs = is_refused(emulation, hooked);
    int error = *theirs ? EADDRINUSE : pass_on_marked(hooked, &marks);
    if (error == EADDRINUSE && !*theirs && emulation->neighbours.count == 0) {
        look(emulation, hooked); /* it came in between */
        *theirs = is_refused(emulation, hooked);
    }
    bool stricter = hooked->which == CALL_BIND || emulation->system != SYSTEM_LINUX_2_6;
    if (error == EADDRINUSE && !*theirs && stricter)
        error = insist(emulation, hooked);
    if (*theirs)
        tell_refusal(emulation, hooked);
    else if (!emulation->known && emulation->neighbours.count)
        tell_ignorance(emulation, hooked);
    else if (error == 0)
        tell_receiver(emulation, hooked);
    if (error)
        neighbours_unmark(hooked->fd, marks);
    return *theirs ? emulation->answer.error : error;
}

/* False where there is nothing to emulate: the kernel answers. */
static bool prepare(struct emulation *emulation, const struct hooked_call *hooked)
{
    struct workspace *work = &emulation->work;
    bool binds = hooked->which == CALL_BIND;
    workspace_begin(work);
    if (!workspace_may_ask(work, hooked->shim)) {
        tell_blindness(work, hooked);
        return false;
    }
    newcomer_ask(&work->newcomer, hooked->which, hooked->fd, 0, binds ? &hooked->argument : NULL, true);
    work->record.program_mask = &emulation->mask;
    work->record.newcomer = &work->newcomer;
    work->record.rule = hooked->rule;
    emulation->system = rule_system(hooked->rule);
    if (binds && work->newcomer.family != hooked->argument.family)
        return false; /* which is an error of its own */
    if (!binds && raw_option(hooked->fd, SOL_SOCKET, SO_ACCEPTCONN) > 0)
        return false; /* only the backlog changes */
    return (protocol_is_tcp(work->newcomer.protocol) || protocol_is_udp(work->newcomer.protocol)) &&
           work->newcomer.local.port != 0 && !(binds && hooked_is_bound(hooked)) &&
           !sockets_are_elsewhere(&work->newcomer);
}

int emulate(const struct hooked_call *hooked, bool *theirs)
{
    struct emulation *emulation = raw_map(sizeof *emulation);
    *theirs = false;
    if (emulation == NULL)
        return hooked_pass_on(hooked);
    raw_mask_hold(&emulation->mask);
    int error;
    if (prepare(emulation, hooked)) {
        int turn = emulation_turn(hooked->shim->settings.budget_ms);
        error = carry_out(emulation, hooked, theirs);
        emulation_turn_ends(turn);
        raw_allow_tracers();
    } else {
        error = hooked_pass_on(hooked);
    }
    raw_mask_release(&emulation->mask);
    raw_unmap(emulation, sizeof *emulation);
    return error;
}
