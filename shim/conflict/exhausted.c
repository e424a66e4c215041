/* SPDX-License-Identifier: MIT
 *
 * No free port in a range: who took them all. Contract in steps.h.
 */
#include "reuseshim/linux.h"
#include "reuseshim/proc.h"
#include "reuseshim/protocol.h"
#include "reuseshim/text.h"
#include "steps.h"

#include <string.h>

enum { PORTS = 1 << 16, SLOTS = 1 << 17, PROCESSES_COUNTED = 4096 };

/* Each port is put down to the first socket found on it. */
struct port_count {
    struct owner_search owners; /* what it finds goes here first */
    uint32_t socket_count;      /* of those that have an inode */
    uint64_t inodes[PORTS];     /* in the order in which they were found */
    uint32_t slots[SLOTS];      /* open addressing: 1 + index of the inode */
    uint8_t taken[PORTS];
    uint8_t attributed[PORTS]; /* by index of the inode: its owner has been found */
    uint32_t process_count;
    struct {
        pid_t pid;
        uint32_t ports;
    } processes[PROCESSES_COUNTED];
};

/* ---- the range -------------------------------------------------------------------------------- */

/* "32768	60999", "8080,9000-9099": the next number of a text, or false at its end. */
static bool next_number(const char **at, uint64_t *value)
{
    *at += strcspn(*at, "0123456789");
    size_t digits = strspn(*at, "0123456789");
    bool is_number = text_to_number(*at, digits, 65535, value);
    *at += digits;
    return is_number;
}

/* The kernel takes of the socket's own range each end that lies inside the system's
 * (inet_sk_get_local_port_range). */
static void narrow(struct range_use *use, int fd)
{
    uint32_t own = 0;
    socklen_t length = sizeof own;
    struct port_range system = use->range;
    if (raw_getsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &own, &length) < 0)
        return;
    uint16_t first = own & 0xffff, last = (uint16_t)(own >> 16);
    if (first && system.first <= first && first <= system.last)
        use->range.first = first;
    if (last && system.first <= last && last <= system.last)
        use->range.last = last;
    use->own = use->range.first != system.first || use->range.last != system.last;
}

static void read_reserved(struct range_use *use, char *text, size_t size)
{
    uint64_t first, last;
    const char *at = text;
    (void)proc_read("/proc/sys/net/ipv4/ip_local_reserved_ports", text, size);
    while (next_number(&at, &first)) {
        last = first;
        if (*at == '-' && !next_number(&at, &last))
            return;
        uint64_t low = first < use->range.first ? use->range.first : first;
        uint64_t high = last > use->range.last ? use->range.last : last;
        use->reserved += low <= high ? (uint32_t)(high - low + 1) : 0;
    }
}

bool automatic_range(struct port_range *range)
{
    char text[64];
    const char *at = text;
    uint64_t first, last;
    if (proc_read("/proc/sys/net/ipv4/ip_local_port_range", text, sizeof text) <= 0 ||
        !next_number(&at, &first) || !next_number(&at, &last) || first > last)
        return false;
    *range = (struct port_range){(uint16_t)first, (uint16_t)last};
    return true;
}

static void read_range(struct range_use *use, struct newcomer *newcomer, struct scratch *scratch)
{
    char text[16];
    if (newcomer->call == CALL_BINDRESVPORT) {
        use->range = (struct port_range){512, 1023};
        return;
    }
    if (proc_read("/proc/sys/net/ipv4/ip_autobind_reuse", text, sizeof text) > 0)
        newcomer->autobind_reuse = text[0] != '0';
    if (!automatic_range(&use->range))
        return;
    narrow(use, newcomer->asked);
    read_reserved(use, scratch->bytes, sizeof scratch->bytes);
}

/* ---- the sockets in it ------------------------------------------------------------------------ */

static uint32_t *slot_of(struct port_count *ports, uint64_t inode)
{
    uint32_t at = (uint32_t)(inode * 0x9e3779b97f4a7c15U >> 47) % SLOTS;
    while (ports->slots[at] && ports->inodes[ports->slots[at] - 1] != inode)
        at = (at + 1) % SLOTS;
    return &ports->slots[at];
}

/* By what a connect can do about it. */
static void count_remote(struct range_use *use, const struct newcomer *newcomer, const struct holder *holder)
{
    bool connected = endpoint_is_internet(&holder->remote);
    bool same = connected && holder->remote.port == newcomer->remote.port &&
                endpoint_same_address(&holder->remote, &newcomer->remote);
    if (newcomer->call != CALL_CONNECT)
        return;
    use->to_peer += same;
    use->time_wait_to_peer += same && rules_is_time_wait(holder);
    use->bound_first +=
        connected ? !same : holder->state == STATE_CLOSE || holder->state == STATE_BOUND_INACTIVE;
}

static void take_in(void *context, const struct holder *holder)
{
    struct port_count *ports = context;
    struct range_use *use = &ports->owners.conflict->range_use;
    if ((ports->owners.newcomer->inode && holder->inode == ports->owners.newcomer->inode) ||
        rules_blocks(ports->owners.newcomer, holder) == NO || ports->taken[holder->local.port])
        return;
    ports->taken[holder->local.port] = 1;
    use->taken++;
    holders_add(ports->owners.conflict, ports->owners.newcomer, holder);
    count_remote(use, ports->owners.newcomer, holder);
    if (rules_is_time_wait(holder)) {
        use->time_wait++;
    } else if (holder->inode == 0) {
        use->without_process++;
    } else {
        ports->inodes[ports->socket_count] = holder->inode;
        *slot_of(ports, holder->inode) = ++ports->socket_count;
    }
}

/* ---- whose they are --------------------------------------------------------------------------- */

static void found(void *context, pid_t pid, int fd, uint64_t inode)
{
    struct port_count *ports = context;
    uint32_t index = *slot_of(ports, inode), at = 0;
    owners_note(&ports->owners, pid, fd, inode);
    if (index == 0 || ports->attributed[index - 1])
        return;
    ports->attributed[index - 1] = 1;
    while (at < ports->process_count && ports->processes[at].pid != pid)
        at++;
    if (at == PROCESSES_COUNTED)
        return;
    if (at == ports->process_count)
        ports->processes[ports->process_count++].pid = pid;
    ports->processes[at].ports++;
}

static void name_takers(struct port_count *ports)
{
    struct range_use *use = &ports->owners.conflict->range_use;
    uint32_t attributed = 0, named = 0;
    for (uint32_t i = 0; i < ports->process_count; i++)
        attributed += ports->processes[i].ports;
    while (use->taker_count < TAKERS_MAX) {
        uint32_t most = 0;
        for (uint32_t i = 1; i < ports->process_count; i++)
            if (ports->processes[i].ports > ports->processes[most].ports)
                most = i;
        if (ports->process_count == 0 || ports->processes[most].ports == 0)
            break;
        struct taker *taker = &use->takers[use->taker_count++];
        taker->ports = ports->processes[most].ports;
        process_describe(&taker->process, ports->processes[most].pid, &ports->owners.self,
                         ports->owners.conflict->room);
        named += taker->ports;
        ports->processes[most].ports = 0;
    }
    use->by_others = attributed - named;
    use->without_process += ports->socket_count - attributed;
}

static void count(struct port_count *ports, struct scratch *scratch)
{
    struct conflict *conflict = ports->owners.conflict;
    const struct newcomer *newcomer = ports->owners.newcomer;
    struct question question = question_about(newcomer, conflict->deadline);
    question.ports = conflict->range_use.range;
    question.found = take_in;
    question.context = ports;
    conflict->all_sockets = sockets_ask(&question, &conflict->source, scratch) == 0;
    conflict->shows_bound = conflict->all_sockets && sockets_show_bound(conflict->source);
    owners_number(conflict);
    owners_know_self(&ports->owners);
    ports->owners.search.found = found;
    ports->owners.search.context = ports;
    conflict->all_processes = search_everybody(&ports->owners.search, newcomer->uid);
    owners_judge(conflict, &ports->owners.search);
    name_takers(ports);
    /* Where bound-only sockets do not show, most of those that took the ports may be missing. */
    conflict->range_use.counted = conflict->all_sockets && !ports->owners.search.late &&
                                  (protocol_is_udp(newcomer->protocol) || conflict->shows_bound);
}

void exhausted_explain(struct conflict *conflict, struct newcomer *newcomer, struct scratch *scratch)
{
    read_range(&conflict->range_use, newcomer, scratch);
    struct port_count *ports = conflict->range_use.range.last ? raw_map(sizeof *ports) : NULL;
    if (ports == NULL)
        return;
    owners_begin(&ports->owners, conflict, newcomer, scratch);
    count(ports, scratch);
    raw_unmap(ports, sizeof *ports);
    conflict->holders_omitted = conflict->range_use.taken - conflict->holder_count;
    conflict->complete = conflict->range_use.counted;
}
