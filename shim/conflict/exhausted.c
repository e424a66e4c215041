/* SPDX-License-Identifier: MIT
 *
 * No free port in a range: who took them all. Contract in conflict.h.
 */
#include "reuseshim/conflict.h"
#include "reuseshim/file.h"
#include "reuseshim/linux.h"
#include "reuseshim/raw.h"

#include <netinet/in.h>
#include <string.h>

enum { PORTS = 1 << 16, SLOTS = 1 << 17, PROCESSES_COUNTED = 4096 };

/* Each port is put down to the first socket found on it. */
struct census {
    struct conflict *conflict;
    const struct newcomer *newcomer;
    struct self self;
    uint32_t port_count;    /* of those that have an inode */
    uint64_t inodes[PORTS]; /* in the order in which they were found */
    uint32_t slots[SLOTS];  /* open addressing: 1 + index of the inode */
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

static bool read_sysctl(const char *path, char *text, size_t size)
{
    ssize_t length = file_read(path, text, size - 1);
    text[length > 0 ? length : 0] = '\0';
    return length > 0;
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
    if (!read_sysctl("/proc/sys/net/ipv4/ip_local_reserved_ports", text, size))
        return;
    while (next_number(&at, &first)) {
        last = first;
        if (*at == '-' && !next_number(&at, &last))
            return;
        uint64_t low = first < use->range.first ? use->range.first : first;
        uint64_t high = last > use->range.last ? use->range.last : last;
        use->reserved += low <= high ? (uint32_t)(high - low + 1) : 0;
    }
}

static void read_range(struct range_use *use, struct newcomer *newcomer, char *buffer)
{
    char text[64];
    const char *at = text;
    uint64_t first, last;
    if (newcomer->call == CALL_BINDRESVPORT) {
        use->range = (struct port_range){512, 1023};
        return;
    }
    if (read_sysctl("/proc/sys/net/ipv4/ip_autobind_reuse", text, sizeof text))
        newcomer->autobind_reuse = text[0] != '0';
    if (!read_sysctl("/proc/sys/net/ipv4/ip_local_port_range", text, sizeof text) ||
        !next_number(&at, &first) || !next_number(&at, &last) || first > last)
        return;
    use->range = (struct port_range){(uint16_t)first, (uint16_t)last};
    narrow(use, newcomer->fd);
    read_reserved(use, buffer, BUFFER_SIZE);
}

/* ---- the sockets in it ------------------------------------------------------------------------ */

static uint32_t *slot_of(struct census *census, uint64_t inode)
{
    uint32_t at = (uint32_t)(inode * 0x9e3779b97f4a7c15U >> 47) % SLOTS;
    while (census->slots[at] && census->inodes[census->slots[at] - 1] != inode)
        at = (at + 1) % SLOTS;
    return &census->slots[at];
}

static void take_in(void *context, const struct holder *holder)
{
    struct census *census = context;
    struct range_use *use = &census->conflict->range_use;
    if ((census->newcomer->inode && holder->inode == census->newcomer->inode) ||
        rules_blocks(census->newcomer, holder) == NO || census->taken[holder->local.port])
        return;
    census->taken[holder->local.port] = 1;
    use->taken++;
    conflict_add(census->conflict, census->newcomer, holder);
    if (rules_is_time_wait(holder))
        use->time_wait++;
    else if (holder->inode == 0)
        use->without_process++;
    else {
        census->inodes[census->port_count] = holder->inode;
        *slot_of(census, holder->inode) = ++census->port_count;
    }
}

/* ---- whose they are --------------------------------------------------------------------------- */

static void found(void *context, pid_t pid, int fd, uint64_t inode)
{
    struct census *census = context;
    uint32_t index = *slot_of(census, inode), at = 0;
    owners_note(census->conflict, census->newcomer, &census->self, pid, fd, inode);
    if (index == 0 || census->attributed[index - 1])
        return;
    census->attributed[index - 1] = 1;
    while (at < census->process_count && census->processes[at].pid != pid)
        at++;
    if (at == PROCESSES_COUNTED)
        return;
    if (at == census->process_count)
        census->processes[census->process_count++].pid = pid;
    census->processes[at].ports++;
}

static void name_takers(struct census *census)
{
    struct range_use *use = &census->conflict->range_use;
    uint32_t attributed = 0, named = 0;
    for (uint32_t i = 0; i < census->process_count; i++)
        attributed += census->processes[i].ports;
    while (use->taker_count < TAKERS_MAX) {
        uint32_t most = 0;
        for (uint32_t i = 1; i < census->process_count; i++)
            if (census->processes[i].ports > census->processes[most].ports)
                most = i;
        if (census->process_count == 0 || census->processes[most].ports == 0)
            break;
        struct taker *taker = &use->takers[use->taker_count++];
        taker->ports = census->processes[most].ports;
        process_describe(&taker->process, census->processes[most].pid, &census->self);
        named += taker->ports;
        census->processes[most].ports = 0;
    }
    use->by_others = attributed - named;
    use->without_process += census->port_count - attributed;
}

static void count(struct census *census, void *buffer)
{
    struct conflict *conflict = census->conflict;
    struct question question = {.protocol = protocol_shown(census->newcomer->protocol),
                                .ports = conflict->range_use.range,
                                .states = (1U << STATE_COUNT) - 1,
                                .deadline = conflict->deadline,
                                .found = take_in,
                                .context = census};
    struct search search = {
        .found = found, .context = census, .deadline = conflict->deadline, .buffer = buffer};
    conflict->all_sockets = conflict_collect(conflict, &question, buffer) == 0;
    process_self(&census->self);
    conflict->all_processes = search_everybody(&search, census->newcomer->uid);
    owners_judge(conflict, &search);
    name_takers(census);
    /* Where bound-only sockets do not show, most of those that took the ports may be missing. */
    bool udp = protocol_is_udp(census->newcomer->protocol);
    conflict->range_use.counted =
        conflict->all_sockets && !search.late && (udp || conflict_shows_bound(conflict));
}

void exhausted_explain(struct conflict *conflict, struct newcomer *newcomer, void *buffer)
{
    read_range(&conflict->range_use, newcomer, buffer);
    struct census *census = conflict->range_use.range.last ? raw_map(sizeof *census) : NULL;
    if (census == NULL)
        return;
    census->conflict = conflict;
    census->newcomer = newcomer;
    count(census, buffer);
    raw_unmap(census, sizeof *census);
    conflict->holders_omitted = conflict->range_use.taken - conflict->holder_count;
    conflict->complete = conflict->range_use.counted;
}
