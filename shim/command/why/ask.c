/* SPDX-License-Identifier: MIT
 *
 * Contract in ask.h.
 */
#include "ask.h"

#include "answer.h"
#include "notes.h"
#include "reuseshim/command.h"
#include "reuseshim/deadline.h"
#include "watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BUDGET_MS = 3000, PORTS = 1 << 16 };

/* The answer about one port. */
struct one_port {
    size_t count; /* 0: there is none */
    struct probe probes[PROBES_MAX];
};

struct asking {
    const struct request *request;
    struct one_port *now, *told_later; /* the second: neighbours that may be told as one */
    bool *busy;                        /* by port: somebody is there */
    struct notes notes;
    struct scratch scratch;
    int code;
};

int ask_code(const struct probe *probes, size_t count)
{
    size_t free = 0, absent = 0;
    for (size_t i = 0; i < count; i++) {
        if (probe_is_refused(&probes[i]))
            return EXIT_FAILURE;
        free += probe_is_free(&probes[i]);
        absent += probes[i].implied && (probes[i].error == EADDRNOTAVAIL || probes[i].error == EAFNOSUPPORT);
    }
    return free && free + absent == count ? EXIT_SUCCESS : EXIT_TROUBLE;
}

/* One that is in use counts more than one that could not be tried. */
static int together(int one, int other)
{
    return one == EXIT_FAILURE || other == EXIT_FAILURE ? EXIT_FAILURE : one > other ? one : other;
}

/* ---- a range ---------------------------------------------------------------------------------------- */

static void mark(void *context, const struct holder *holder)
{
    bool *busy = context;
    busy[holder->local.port] = true;
}

/* One look at all of a long range, so that not each of its ports needs a look of its own. */
static void look_ahead(struct asking *asking, const struct operand *operand, struct port_range ports)
{
    static const int protocols[] = {IPPROTO_TCP, IPPROTO_UDP};
    bool sure = !asking->request->json && ports.last > ports.first;
    memset(asking->busy, 0, PORTS * sizeof *asking->busy);
    for (size_t i = 0; i < 2 && sure; i++) {
        enum source source = SOURCE_NONE;
        struct question question = {.protocol = protocols[i],
                                    .ports = ports,
                                    .states = ALL_STATES,
                                    .deadline = deadline_in(BUDGET_MS),
                                    .found = mark,
                                    .context = asking->busy};
        if (i ? operand->kinds.udp : operand->kinds.tcp)
            sure = sockets_ask(&question, &source, &asking->scratch) == 0;
    }
    if (!sure)
        memset(asking->busy, true, PORTS * sizeof *asking->busy);
}

/* ---- telling ---------------------------------------------------------------------------------------- */

static void tell_later(struct asking *asking)
{
    if (asking->told_later->count)
        answer_show(asking->told_later->probes, asking->told_later->count);
    asking->told_later->count = 0;
}

static bool is_plain(const struct one_port *port)
{
    bool plain = true;
    for (size_t i = 0; i < port->count; i++)
        plain &= answer_is_plain(&port->probes[i]);
    return plain;
}

/* The next port of the same range, and the same to tell of it? */
static bool is_next(const struct one_port *before, const struct one_port *now)
{
    bool next = before->count == now->count;
    for (size_t i = 0; i < now->count && next; i++) {
        const struct probe *one = &before->probes[i], *other = &now->probes[i];
        uint16_t last = one->last_port ? one->last_port : one->local.port;
        next = one->protocol == other->protocol && one->error == other->error &&
               probe_is_free(one) == probe_is_free(other) && strcmp(one->device, other->device) == 0 &&
               one->local.scope == other->local.scope && one->local.family == other->local.family &&
               endpoint_same_address(&one->local, &other->local) && last + 1 == other->local.port;
    }
    return next;
}

static void tell(struct asking *asking)
{
    struct one_port *now = asking->now;
    bool plain = is_plain(now) && endpoint_is_internet(&now->probes[0].local);
    if (plain && is_next(asking->told_later, now)) {
        for (size_t i = 0; i < now->count; i++)
            asking->told_later->probes[i].last_port = now->probes[i].local.port;
        return;
    }
    tell_later(asking);
    if (plain) {
        asking->now = asking->told_later;
        asking->told_later = now;
    } else {
        answer_show(now->probes, now->count);
    }
}

/* ---- asking ----------------------------------------------------------------------------------------- */

static void ask_one(struct asking *asking, const struct operand *operand, uint16_t port)
{
    const struct request *request = asking->request;
    struct one_port *now = asking->now;
    now->count = operand_probes(operand, port, now->probes);
    for (size_t i = 0; i < now->count; i++) {
        now->probes[i].deserted = !asking->busy[port];
        probe_run(&now->probes[i], request->options, BUDGET_MS, &asking->scratch);
    }
    if (request->watch) {
        bool watched = watch_port(now->probes, now->count, request->options, request->json, &asking->scratch);
        asking->code = watched ? ask_code(now->probes, now->count) : EXIT_TROUBLE;
        return;
    }
    int code = ask_code(now->probes, now->count);
    asking->code = together(asking->code, code);
    if (request->quiet)
        return;
    notes_take(&asking->notes, now->probes, now->count, code == EXIT_SUCCESS);
    if (request->json)
        answer_json(now->probes, now->count);
    else
        tell(asking);
}

static void ask_operand(struct asking *asking, const struct operand *operand)
{
    if (operand->address_count == 0) {
        memset(asking->busy, true, PORTS * sizeof *asking->busy);
        ask_one(asking, operand, 0);
    }
    for (size_t i = 0; i < operand->range_count; i++) {
        look_ahead(asking, operand, operand->ranges[i]);
        for (unsigned port = operand->ranges[i].first; port <= operand->ranges[i].last; port++)
            ask_one(asking, operand, (uint16_t)port);
    }
}

int ask_all(const struct request *request)
{
    static struct asking asking;
    struct one_port *now = calloc(1, sizeof *now), *later = calloc(1, sizeof *later);
    bool *busy = calloc(PORTS, sizeof *busy);
    asking.request = request;
    asking.now = now;
    asking.told_later = later;
    asking.busy = busy;
    asking.code = EXIT_SUCCESS;
    if (now && later && busy) {
        notes_begin(&asking.notes);
        for (size_t i = 0; i < request->count; i++)
            ask_operand(&asking, &request->operands[i]);
        if (!request->quiet && !request->json && !request->watch) {
            tell_later(&asking);
            notes_show(&asking.notes, request->again);
        }
    } else {
        command_error("why: no memory", (char *)NULL);
        asking.code = EXIT_TROUBLE;
    }
    free(now);
    free(later);
    free(busy);
    return asking.code;
}
