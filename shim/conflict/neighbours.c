/* SPDX-License-Identifier: MIT
 *
 * The sockets on a port, and what other systems would say to one more. Contract in neighbours.h.
 */
#include "reuseshim/neighbours.h"

#include "reuseshim/linux.h"
#include "reuseshim/protocol.h"
#include "reuseshim/raw.h"
#include "steps.h"

#include <netinet/in.h>
#include <string.h>

/* ---- Linux's words in those of the model ---------------------------------------------------------- */

/* A mapped address is an IPv4 one. */
static struct endpoint plain(const struct endpoint *local)
{
    enum { PREFIX = 12 };
    return endpoint_is_mapped(local) ? endpoint_of(AF_INET, local->address + PREFIX, local->port) : *local;
}

static uint8_t asked(tristate reuseaddr, tristate reuseport)
{
    return (uint8_t)((reuseaddr == YES ? ASKS_ADDRESS : 0) | (reuseport == YES ? ASKS_PORT : 0));
}

static uint8_t stage_of(const struct holder *holder)
{
    if (holder->state == STATE_LISTEN)
        return STAGE_LISTENING;
    if (rules_is_time_wait(holder))
        return STAGE_TIME_WAIT;
    return holder->remote.family == AF_UNSPEC ? STAGE_BOUND : STAGE_CONNECTED;
}

static int plain_protocol(int protocol)
{
    return protocol_is_tcp(protocol) ? IPPROTO_TCP : protocol_is_udp(protocol) ? IPPROTO_UDP : protocol;
}

static void describe(struct neighbour *neighbour, const struct holder *holder)
{
    *neighbour = (struct neighbour){.holder = holder,
                                    .known = holder->reuseaddr != UNKNOWN && holder->reuseport != UNKNOWN,
                                    .user_known = holder->uid_known,
                                    .socket = {.protocol = plain_protocol(holder->protocol),
                                               .local = plain(&holder->local),
                                               .asks = asked(holder->reuseaddr, holder->reuseport),
                                               .stage = stage_of(holder),
                                               .v6only = holder->v6only == YES,
                                               .user = holder->uid}};
}

/* The kernel does not tell who was bound first. Numbers grow, but each processor has a stock of its own. */
static bool is_older(const struct holder *one, const struct holder *other)
{
    return one->inode < other->inode;
}

void neighbours_take(struct neighbours *neighbours, const struct conflict *conflict,
                     const struct newcomer *newcomer)
{
    neighbours->newcomer = (struct system_socket){
        .protocol = plain_protocol(newcomer->protocol),
        .local = plain(&newcomer->local),
        .asks = asked(newcomer->options[OPTION_REUSEADDR], newcomer->options[OPTION_REUSEPORT]),
        .v6only = newcomer->options[OPTION_V6ONLY] == YES,
        .user = newcomer->uid};
    neighbours->conflict = conflict;
    neighbours->complete = conflict->all_sockets && conflict->holders_omitted == 0;
    neighbours->count = 0;
    neighbours->raised = 0;
    for (uint32_t i = 0; i < conflict->holder_count; i++) {
        const struct holder *holder = &conflict->holders[i];
        if (rules_is_request(holder) || rules_overlap(newcomer, holder) == NO)
            continue;
        size_t at = neighbours->count++;
        for (; at > 0 && is_older(holder, neighbours->all[at - 1].holder); at--)
            neighbours->all[at] = neighbours->all[at - 1];
        describe(&neighbours->all[at], holder);
    }
}

/* ---- asked of the kernel ---------------------------------------------------------------------------- */

struct listing {
    struct conflict *conflict;
    const struct newcomer *newcomer;
};

static int by_stage(const struct newcomer *newcomer, const struct holder *holder)
{
    (void)newcomer;
    return stage_of(holder) == STAGE_LISTENING ? -1 : stage_of(holder);
}

static void list(void *context, const struct holder *found)
{
    const struct listing *listing = context;
    struct holder holder = *found;
    holder.blocks = UNKNOWN;
    if (rules_overlap(listing->newcomer, found) != NO)
        holders_insert(listing->conflict, listing->newcomer, &holder, by_stage);
}

/* Does something with one of its owners' descriptors; false if there is none to be had. */
static bool reach(struct neighbour *neighbour, const struct conflict *conflict,
                  void (*use)(struct neighbour *neighbour, int fd, uint8_t what), uint8_t what)
{
    const struct owners *owners = &conflict->owners[neighbour->holder->owners];
    for (uint32_t i = 0; i < owners->count && i < PROCESSES_MAX; i++) {
        const struct process *process = &owners->processes[i];
        bool own = process->relation == RELATION_SELF;
        int fd = own ? process->fd : holder_borrow(neighbour->holder, process->pid, process->fd);
        if (fd < 0 || (own && !holder_is_at(neighbour->holder, fd)))
            continue;
        use(neighbour, fd, what);
        if (!own)
            raw_close(fd);
        return true;
    }
    return false;
}

static void read_options(struct neighbour *neighbour, int fd, uint8_t what)
{
    (void)what;
    int reuseaddr = raw_option(fd, SOL_SOCKET, SO_REUSEADDR);
    int reuseport = raw_option(fd, SOL_SOCKET, SO_REUSEPORT);
    neighbour->known = reuseaddr >= 0;
    neighbour->socket.asks = asked(reuseaddr > 0, reuseport > 0);
    neighbour->emulated = raw_option(fd, SOL_SOCKET, SO_NOFCS) > 0;
    neighbour->unmarkable = raw_option(fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_MPTCP;
    if (neighbour->emulated && raw_option(fd, IPPROTO_IP, IP_RECVERR_RFC4884) > 0)
        neighbour->socket.asks |= ASKS_EXCLUSIVE;
}

void neighbours_find(struct neighbours *neighbours, struct conflict *conflict,
                     const struct newcomer *newcomer, struct scratch *scratch)
{
    struct listing listing = {conflict, newcomer};
    struct question question = question_about(newcomer, conflict->deadline);
    question.found = list;
    question.context = &listing;
    conflict->all_sockets = sockets_ask(&question, &conflict->source, scratch) == 0;
    conflict->shows_bound = conflict->all_sockets && sockets_show_bound(conflict->source);
    conflict->complete = conflict->holder_count == 0 || conflict_find_owners(conflict, newcomer, scratch);
    conflict->complete &= conflict->all_sockets;
    neighbours_take(neighbours, conflict, newcomer);
    for (size_t i = 0; i < neighbours->count && !conflict->usual_calls_only; i++)
        neighbours->all[i].reached = reach(&neighbours->all[i], conflict, read_options, 0);
}

static const struct {
    int level, name;
} marks[] = {{SOL_SOCKET, SO_NOFCS}, {IPPROTO_IP, IP_RECVERR_RFC4884}};

unsigned neighbours_mark(int fd, bool exclusive)
{
    const int on = 1;
    unsigned set = 0;
    for (int i = 0; i < 1 + exclusive; i++)
        if (raw_option(fd, marks[i].level, marks[i].name) == 0 &&
            raw_setsockopt(fd, marks[i].level, marks[i].name, &on, sizeof on) == 0)
            set |= 1U << i;
    return set;
}

void neighbours_unmark(int fd, unsigned set)
{
    const int off = 0;
    for (int i = 0; i < 2; i++)
        if (set & 1U << i)
            (void)raw_setsockopt(fd, marks[i].level, marks[i].name, &off, sizeof off);
}

/* ---- raised for a moment ---------------------------------------------------------------------------- */

static const struct {
    uint8_t bit;
    int name;
} reuse[] = {{ASKS_ADDRESS, SO_REUSEADDR}, {ASKS_PORT, SO_REUSEPORT}};
enum { REUSE = sizeof reuse / sizeof *reuse };

/* Sets those of `wanted` that are off, or takes them back: which ones. */
static uint8_t set(int fd, uint8_t wanted, int value)
{
    uint8_t changed = 0;
    for (int i = 0; i < REUSE; i++)
        if (wanted & reuse[i].bit && raw_option(fd, SOL_SOCKET, reuse[i].name) == !value &&
            raw_setsockopt(fd, SOL_SOCKET, reuse[i].name, &value, sizeof value) == 0)
            changed |= reuse[i].bit;
    return changed;
}

static void raise(struct neighbour *neighbour, int fd, uint8_t wanted)
{
    neighbour->raised = set(fd, wanted, 1);
}

static void lower(struct neighbour *neighbour, int fd, uint8_t raised)
{
    (void)neighbour;
    (void)set(fd, raised, 0);
}

/* SO_REUSEADDR on both is enough, and for any users, but beside a listener: there it takes SO_REUSEPORT. */
static uint8_t what_helps(const struct neighbours *neighbours)
{
    for (size_t i = 0; i < neighbours->count; i++)
        if (neighbours->all[i].socket.stage == STAGE_LISTENING)
            return ASKS_ADDRESS | ASKS_PORT;
    return ASKS_ADDRESS;
}

const struct neighbour *neighbours_raise(struct neighbours *neighbours, int fd)
{
    const struct neighbour *left = NULL;
    uint8_t wanted = what_helps(neighbours);
    neighbours->raised = set(fd, wanted, 1);
    for (size_t i = 0; i < neighbours->count; i++) {
        struct neighbour *neighbour = &neighbours->all[i];
        bool done = neighbour->emulated && reach(neighbour, neighbours->conflict, raise, wanted);
        if (!done && left == NULL)
            left = neighbour;
    }
    return left;
}

void neighbours_lower(struct neighbours *neighbours, int fd)
{
    (void)set(fd, neighbours->raised, 0);
    for (size_t i = 0; i < neighbours->count; i++)
        if (neighbours->all[i].raised)
            (void)reach(&neighbours->all[i], neighbours->conflict, lower, neighbours->all[i].raised);
}

/* ---- what they come to ------------------------------------------------------------------------------ */

/* Where something is not known, as if it were so. */
struct supposition {
    uint8_t asks;
    bool other_user, newest_first;
};

static struct system_answer judge(const struct neighbours *neighbours, enum system system,
                                  const struct supposition *supposed)
{
    struct system_socket there[HOLDERS_MAX], newcomer = neighbours->newcomer;
    const uint8_t options = system_options(system);
    const size_t count = neighbours->count;
    for (size_t i = 0; i < count; i++) {
        const struct neighbour *neighbour = &neighbours->all[supposed->newest_first ? count - 1 - i : i];
        there[i] = neighbour->socket;
        there[i].asks = (neighbour->known ? there[i].asks : supposed->asks) & options;
        if (!neighbour->user_known)
            there[i].user = supposed->other_user ? ~newcomer.user : newcomer.user;
    }
    newcomer.asks &= options;
    return system_judge(system, there, count, &newcomer);
}

bool neighbours_judge(const struct neighbours *neighbours, enum system system, struct system_answer *answer)
{
    static const struct supposition suppositions[] = {{.asks = 0},
                                                      {.asks = ASKS_ADDRESS | ASKS_PORT},
                                                      {.asks = ASKS_EXCLUSIVE},
                                                      {.other_user = true},
                                                      {.newest_first = true}};
    bool same = true;
    *answer = judge(neighbours, system, &suppositions[0]);
    for (size_t i = 1; i < sizeof suppositions / sizeof *suppositions; i++)
        same &= judge(neighbours, system, &suppositions[i]).error == answer->error;
    /* One more socket can refuse, and of a BSD also hide one that does. */
    return same && neighbours->complete;
}

const struct neighbour *neighbours_rival(const struct neighbours *neighbours)
{
    const struct system_socket *newcomer = &neighbours->newcomer;
    uint8_t stage = newcomer->protocol == IPPROTO_TCP ? STAGE_LISTENING : STAGE_BOUND;
    for (size_t i = 0; i < neighbours->count; i++) {
        const struct neighbour *neighbour = &neighbours->all[i];
        if (neighbour->socket.stage == stage && neighbour->socket.local.family == newcomer->local.family &&
            endpoint_same_address(&neighbour->socket.local, &newcomer->local))
            return neighbour;
    }
    return NULL;
}

/* Of several it is not known which one refused. */
void neighbours_blame(struct conflict *conflict, const struct newcomer *newcomer, enum system system,
                      const struct system_answer *answer)
{
    struct text text = text_in(conflict->because, sizeof conflict->because);
    text_strings(&text, "as ", system_title(system), ": ", answer->reason,
                 answer->unsure ? " (not sure: its rule for this was not read)" : "");
    text_end(&text);
    bool one = conflict->holder_count == 1;
    if (one)
        conflict->holders[0].blocks = YES;
    conflict->cause = one ? cause_of_holder(newcomer, &conflict->holders[0]) : CAUSE_UNKNOWN;
}
