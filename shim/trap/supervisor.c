/* SPDX-License-Identifier: MIT
 *
 * Contract in trap.h. One call after the other; the program stands still only while it waits for its answer.
 */
#include "trap.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/time.h>
#include <unistd.h>

static void let_call_go(const struct trap *trap, uint64_t id)
{
    (void)listener_continue(trap->listener, id);
    trap_let_go(trap, id);
}

/* With success, and without having been made. */
static void answer_call(const struct trap *trap, uint64_t id)
{
    (void)listener_answer(trap->listener, id, 0);
    trap_let_go(trap, id);
}

static bool is_refusal(enum call which, int error)
{
    if (which == CALL_CONNECT)
        return error == EADDRINUSE || error == EADDRNOTAVAIL || error == EAGAIN;
    return error == EADDRINUSE || (which == CALL_BIND && (error == EADDRNOTAVAIL || error == EACCES ||
                                                          error == EPERM || error == EINVAL));
}

static void finish(struct trap *trap, struct hooked_call *hooked, int error)
{
    struct caller *caller = trap->caller;
    if (error && attempt_again(trap, hooked, error)) {
        caller_close(caller);
        stop_end(caller->tid, true);
        return;
    }
    struct attempt *attempt = attempt_find(caller);
    bool patient = attempt && (attempt->waited || attempt->evicted);
    /* A refusal as the kernel saw it: with the options of the second try. */
    if (is_refusal(hooked->which, error) || (error == 0 && patient))
        trap_record(trap, hooked, error, attempt);
    if (attempt) {
        apply_after_retry(hooked, attempt->options, error == 0);
        attempt_end(attempt);
    }
    if (error == 0 && hooked->rule && hooked->rule->watch)
        trap_record_sharing(trap, hooked);
    caller_close(caller); /* or the program's own close would not be the last one */
    stop_end(caller->tid, false);
}

/* A rule about socket(2) acts on the first call that is seen of a socket that has no port yet. */
static void apply_late_on_socket(const struct hooked_call *hooked)
{
    struct hooked_call made = *hooked;
    int domain = raw_option(hooked->fd, SOL_SOCKET, SO_DOMAIN);
    if (!(hooked->shim->ruled_calls & WHEN_SOCKET) || hooked_is_bound(hooked))
        return;
    (void)apply_before_socket(&made, domain, raw_option(hooked->fd, SOL_SOCKET, SO_TYPE),
                              raw_option(hooked->fd, SOL_SOCKET, SO_PROTOCOL));
    apply_after_socket(&made);
}

static void decide(struct hooked_call *hooked, const struct caller *caller)
{
    if (caller->has_address && !hooked_read_address(hooked, &caller->address.plain, caller->length))
        return;
    apply_late_on_socket(hooked);
    if (hooked->which == CALL_BIND)
        apply_on_bind(hooked);
    else if (hooked->which == CALL_LISTEN)
        apply_on_listen(hooked);
    else
        apply_on_connect(hooked);
}

/* A connect that waits is interrupted by our stop, and made again by the kernel without the program noticing:
 * that one passes, as it is under way. With a time limit it would come back with EINTR. */
static bool may_stop_connect(const struct trap *trap, int fd)
{
    unsigned char state = TCP_CLOSE;
    socklen_t length = sizeof state, room = sizeof(struct timeval);
    struct timeval limit = {0, 0};
    (void)raw_getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, &room);
    (void)raw_getsockopt(fd, IPPROTO_TCP, TCP_INFO, &state,
                         &length); /* of a datagram socket it stays as it is */
    return trap->shim.settings.diagnose == DIAGNOSE_ALWAYS && state == TCP_CLOSE && limit.tv_sec == 0 &&
           limit.tv_usec == 0;
}

static void let_go(struct trap *trap, struct caller *caller, uint64_t id)
{
    struct hooked_call hooked = {
        .shim = &trap->shim, .which = caller->which, .fd = caller->fd, .backlog = caller->backlog};
    if (trap->shim.settings.level >= LEVEL_CHANGE)
        (void)caller_process(caller);
    decide(&hooked, caller);
    if (trap->reach == OPTIONS_ONLY)
        trap_retry_beforehand(trap, &hooked);
    bool wanted = caller->which != CALL_CONNECT || may_stop_connect(trap, caller->fd);
    bool stops = wanted && trap->reach == IN_FULL && stop_ask(caller->tid);
    if (!stops)
        caller_close(caller);
    let_call_go(trap, id);
    int result = stops ? stop_result(caller->tid) : STOP_LOST;
    if (result == STOP_LOST) {
        struct attempt *attempt = attempt_find(caller);
        if (attempt)
            attempt_end(attempt);
        return;
    }
    if (result < 0 || trap->shim.watches || attempt_find(caller))
        (void)caller_process(caller);
    if (caller->which != CALL_CONNECT && (result < 0 || trap->shim.watches))
        apply_decide(&hooked);
    finish(trap, &hooked, result < 0 ? -result : 0);
}

static void handle(struct trap *trap, const struct seccomp_notif *notification)
{
    static struct caller caller; /* one call at a time */
    bool read = caller_read(&caller, notification) && listener_still_waits(trap->listener, notification->id);
    trap->caller = &caller;
    if (notification->data.nr == IO_URING_SETUP)
        trap_record_io_uring(trap, (pid_t)notification->pid);
    if (read && attempt_hold(&caller, notification)) {
        caller_close(&caller);
        return;
    }
    if (!read) {
        struct attempt *attempt = attempt_find(&caller);
        if (attempt)
            attempt_end(attempt);
        caller_close(&caller);
        let_call_go(trap, notification->id);
    } else {
        trap_take_rules(trap, &caller);
        if (caller.which == CALL_SETSOCKOPT)
            (void)caller_process(&caller);
        if (caller.which == CALL_SETSOCKOPT &&
            undoes_a_rule(&trap->shim, caller.fd, caller.level, caller.name, &caller.value, caller.length))
            answer_call(trap, notification->id);
        else if (caller.which == CALL_SETSOCKOPT)
            let_call_go(trap, notification->id);
        else
            let_go(trap, &caller, notification->id);
    }
    caller_close(&caller);
}

_Noreturn void trap_supervise(struct trap *trap)
{
    enum { LOOK_MS = 100 };
    struct seccomp_notif received;
    bool more;
    (void)receiver_start(trap);
    do {
        int timeout = attempts_timeout();
        bool stragglers = stop_look_after_stragglers();
        if (timeout < 0 && (stragglers || trap->program))
            timeout = LOOK_MS;
        more = receiver_next(trap, &received, timeout);
        if (trap->program && !stragglers)
            parent_look(trap);
        for (const struct seccomp_notif *due = attempts_due(trap); due; due = attempts_due(trap)) {
            const struct seccomp_notif notification = *due;
            handle(trap, &notification);
        }
        if (received.id)
            handle(trap, &received);
    } while (more);
    if (trap->program)
        parent_wait(trap);
    _exit(0);
}
