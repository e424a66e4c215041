/* SPDX-License-Identifier: MIT
 *
 * What other systems would have said to a bind. Contract in emulate.h and hooks.h.
 */
#include "emulate.h"

#include "reuseshim/errno_name.h"

#include <string.h>

/* Those that programs are carried to. */
static const uint8_t asked[] = {SYSTEM_MACOS, SYSTEM_FREEBSD, SYSTEM_WINDOWS};
enum { ASKED = sizeof asked };

void portability_emit(struct workspace *work, const struct hooked_call *hooked, const char *message)
{
    if (!record_wanted(hooked->shim, LEVEL_CONFLICT))
        return;
    if (hooked->shim->settings.names_only)
        conflict_forget_commands(&work->conflict);
    enum event event = work->record.event;
    char because = work->conflict.because[0]; /* the kernel's reason */
    if (message) {
        work->record.event = EVENT_PORTABILITY;
        work->conflict.because[0] = '\0';
    }
    work->record.message = message;
    work->record.conflict = &work->conflict;
    record_emit(hooked->shim, &work->record, work->output);
    work->record.message = NULL;
    work->record.event = event;
    work->conflict.because[0] = because;
}

/* A system without an option that one of them has cannot be compared. */
static bool knows_all(enum system system, const struct neighbours *neighbours)
{
    uint8_t wanted = neighbours->newcomer.asks;
    for (size_t i = 0; i < neighbours->count; i++)
        wanted |= neighbours->all[i].socket.asks;
    return (wanted & ~system_options(system)) == 0;
}

/* "macos, freebsd: the very same address wants ...; windows (EACCES): ...": those that answer otherwise, by
 * their reasons. False if all agree. */
static bool write_others(struct text *text, const struct neighbours *neighbours, bool allowed_here)
{
    struct system_answer answers[ASKED];
    bool differs[ASKED], found = false;
    for (int i = 0; i < ASKED; i++)
        differs[i] = knows_all((enum system)asked[i], neighbours) &&
                     neighbours_judge(neighbours, (enum system)asked[i], &answers[i]) && !answers[i].unsure &&
                     (answers[i].error == 0) != allowed_here;
    for (int i = 0; i < ASKED; i++) {
        if (!differs[i])
            continue;
        text_strings(text, found ? "; " : "", system_word((enum system)asked[i]));
        for (int k = i + 1; k < ASKED; k++)
            if (differs[k] && answers[k].error == answers[i].error &&
                answers[k].reason == answers[i].reason) {
                text_strings(text, ", ", system_word((enum system)asked[k]));
                differs[k] = false;
            }
        text_string(text, ": ");
        if (answers[i].error) {
            errno_name_write(text, answers[i].error);
            text_string(text, ", ");
        }
        text_string(text, answers[i].reason);
        found = true;
    }
    return found;
}

static void tell(struct workspace *work, const struct hooked_call *hooked,
                 const struct neighbours *neighbours, bool allowed_here)
{
    char message[640];
    struct text text = text_in(message, sizeof message);
    text_string(&text, allowed_here ? "allowed here, refused by " : "refused here, allowed by ");
    if (write_others(&text, neighbours, allowed_here)) {
        text_end(&text);
        portability_emit(work, hooked, message);
    }
}

/* A policy that only watches, as `audit` does; a rule of REUSESHIM_RULES says `watch` of one port, and means
 * that. */
static bool is_asked_for(const struct hooked_call *hooked)
{
    const struct rule *rule = hooked->rule;
    return hooked->which == CALL_BIND && rule && rule->watch && !rule->from_variable && !rule->emulate &&
           !(rule->force | rule->strip);
}

void portability_of_refusal(struct workspace *work, const struct hooked_call *hooked)
{
    if (!is_asked_for(hooked) || work->record.event != EVENT_CONFLICT || work->record.conflict == NULL)
        return;
    struct neighbours *neighbours = raw_map(sizeof *neighbours);
    if (neighbours == NULL)
        return;
    neighbours_take(neighbours, &work->conflict, &work->newcomer);
    if (neighbours->count)
        tell(work, hooked, neighbours, false);
    raw_unmap(neighbours, sizeof *neighbours);
}

static void look(struct emulation *emulation, const struct hooked_call *hooked)
{
    struct workspace *work = &emulation->work;
    workspace_begin(work);
    if (!workspace_may_ask(work, hooked->shim))
        return;
    newcomer_ask(&work->newcomer, CALL_BIND, hooked->fd, 0, &hooked->argument, true);
    if (work->newcomer.local.port == 0 || sockets_are_elsewhere(&work->newcomer))
        return;
    work->record.newcomer = &work->newcomer;
    work->record.rule = hooked->rule;
    work->record.program_mask = &emulation->mask;
    conflict_begin(&work->conflict, hooked->shim->settings.budget_ms, work->status.filtered);
    neighbours_find(&emulation->neighbours, &work->conflict, &work->newcomer, &work->scratch);
    if (emulation->neighbours.count)
        tell(work, hooked, &emulation->neighbours, true);
}

void report_portability(const struct hooked_call *hooked)
{
    if (!is_asked_for(hooked) || !endpoint_is_internet(&hooked->argument) || hooked->argument.port == 0 ||
        !record_wanted(hooked->shim, LEVEL_CONFLICT))
        return;
    struct raw_mask mask;
    raw_mask_hold(&mask);
    struct emulation *emulation = raw_map(sizeof *emulation);
    if (emulation) {
        emulation->mask = mask;
        look(emulation, hooked);
        raw_unmap(emulation, sizeof *emulation);
    }
    raw_mask_release(&mask);
}
