/* SPDX-License-Identifier: MIT
 *
 * Contract in ports.h.
 */
#include "ports.h"

#include "reuseshim/command.h"
#include "reuseshim/deadline.h"
#include "reuseshim/protocol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUDGET_MS = 20000, FIRST_ROOM = 256 };

/* One more place in an array: NULL where there is no memory. */
static void *grow(struct ports *ports, void *array, size_t count, size_t size)
{
    if (count >= FIRST_ROOM ? count & (count - 1) : count) /* full at powers of two alone */
        return array;
    void *more = realloc(array, (count ? 2 * count : FIRST_ROOM) * size);
    ports->no_memory |= more == NULL;
    return more;
}

/* ---- sockets and their owners ----------------------------------------------------------------------- */

struct gathering {
    struct ports *ports;
    const struct kinds *asked;
};

static void take_socket(void *context, const struct holder *holder)
{
    const struct gathering *gathering = context;
    struct ports *ports = gathering->ports;
    const struct kinds *asked = gathering->asked;
    bool one_family = asked->v4 != asked->v6;
    bool takes_v4 = holder->local.family == AF_INET || endpoint_is_mapped(&holder->local) ||
                    (endpoint_is_wildcard(&holder->local) && holder->v6only == NO);
    bool is_asked = asked->v4 ? takes_v4 : holder->local.family == AF_INET6;
    if (holder->remote.family != AF_UNSPEC || holder->local.port == 0 || ports->no_memory ||
        (one_family && !is_asked))
        return;
    void *sockets = grow(ports, ports->sockets, ports->socket_count, sizeof *ports->sockets);
    if (sockets == NULL)
        return;
    ports->sockets = sockets;
    ports->sockets[ports->socket_count++] = (struct port_socket){.holder = *holder};
}

/* Of TCP the listeners and those that are only bound: no look at the table of connections. */
static bool gather(struct ports *ports, const struct kinds *asked, struct scratch *scratch)
{
    static const struct {
        int protocol;
        uint32_t states;
    } questions[] = {{IPPROTO_TCP, 1U << STATE_LISTEN | 1U << STATE_BOUND_INACTIVE},
                     {IPPROTO_UDP, 1U << STATE_CLOSE}};
    struct gathering gathering = {ports, asked};
    bool both = asked->tcp == asked->udp;
    ports->all_sockets = ports->shows_bound = true;
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        enum source source = SOURCE_NONE;
        struct question question = {.protocol = questions[i].protocol,
                                    .ports = {1, UINT16_MAX},
                                    .states = questions[i].states,
                                    .deadline = deadline_in(BUDGET_MS),
                                    .found = take_socket,
                                    .context = &gathering};
        if (!both && asked->tcp != (questions[i].protocol == IPPROTO_TCP))
            continue;
        ports->all_sockets &= sockets_ask(&question, &source, scratch) == 0;
        if (source == SOURCE_NONE)
            return false;
        if (questions[i].protocol == IPPROTO_TCP)
            ports->shows_bound = sockets_show_bound(source);
    }
    return true;
}

static int by_inode(const void *one, const void *other)
{
    uint64_t a = ((const struct port_socket *)one)->holder.inode;
    uint64_t b = ((const struct port_socket *)other)->holder.inode;
    return a < b ? -1 : a > b;
}

static void take_owner(void *context, pid_t pid, int fd, uint64_t inode)
{
    struct ports *ports = context;
    const struct port_socket key = {.holder = {.inode = inode}};
    (void)fd;
    if (ports->socket_count == 0)
        return; /* bsearch(3) wants a list, even an empty one */
    const struct port_socket *socket =
        bsearch(&key, ports->sockets, ports->socket_count, sizeof *ports->sockets, by_inode);
    void *owners = socket ? grow(ports, ports->owners, ports->owner_count, sizeof *ports->owners) : NULL;
    if (owners == NULL)
        return;
    ports->owners = owners;
    ports->owners[ports->owner_count++] = (struct port_owner){(uint32_t)(socket - ports->sockets), pid};
}

static int by_socket(const void *one, const void *other)
{
    const struct port_owner *a = one, *b = other;
    if (a->socket != b->socket)
        return a->socket < b->socket ? -1 : 1;
    return a->pid < b->pid ? -1 : a->pid > b->pid;
}

/* Each socket gets its part of the owners, without those that have it open twice. */
static void give_owners(struct ports *ports)
{
    size_t kept = 0;
    if (ports->owner_count)
        qsort(ports->owners, ports->owner_count, sizeof *ports->owners, by_socket);
    for (size_t i = 0; i < ports->owner_count; i++) {
        if (kept && by_socket(&ports->owners[kept - 1], &ports->owners[i]) == 0)
            continue;
        ports->owners[kept] = ports->owners[i];
        struct port_socket *socket = &ports->sockets[ports->owners[kept].socket];
        if (socket->owner_count++ == 0)
            socket->first_owner = (uint32_t)kept;
        kept++;
    }
    ports->owner_count = kept;
}

/* The one that nobody among the others started, the oldest by number. */
static bool has_parent_among(struct ports *ports, const struct port_owner *owners, uint32_t count,
                             uint32_t at)
{
    const struct process *process = process_table_find(&ports->processes, owners[at].pid);
    for (uint32_t i = 0; process && i < count; i++)
        if (i != at && owners[i].pid == process->parent)
            return true;
    return false;
}

static void find_master(struct ports *ports, struct port_socket *socket)
{
    uint32_t first = 0;
    if (socket->owner_count == 0) /* and perhaps there is none at all */
        return;
    const struct port_owner *owners = ports->owners + socket->first_owner;
    while (first + 1 < socket->owner_count && has_parent_among(ports, owners, socket->owner_count, first))
        first++;
    socket->master = process_table_master(&ports->processes, owners[first].pid);
}

/* ---- rows ------------------------------------------------------------------------------------------- */

static int compare(uint64_t one, uint64_t other)
{
    return one < other ? -1 : one > other;
}

/* By protocol, port, family, address and interface: those that share. */
static int by_place(const struct holder *a, const struct holder *b)
{
    int order = compare((uint64_t)a->protocol, (uint64_t)b->protocol);
    if (order == 0)
        order = compare(a->local.port, b->local.port);
    if (order == 0)
        order = compare(a->local.family, b->local.family);
    if (order == 0)
        order = memcmp(a->local.address, b->local.address, sizeof a->local.address);
    return order ? order : compare(a->device, b->device);
}

static int by_row(const void *one, const void *other)
{
    const struct port_socket *a = one, *b = other;
    int order = by_place(&a->holder, &b->holder);
    /* Listeners first. */
    if (order == 0)
        order = -compare(a->holder.state == STATE_LISTEN, b->holder.state == STATE_LISTEN);
    if (order == 0)
        order = compare((uint64_t)a->master, (uint64_t)b->master);
    if (order == 0)
        order = compare(a->holder.uid, b->holder.uid);
    /* Without a process the cgroup tells strangers apart. */
    return order || a->master ? order : compare(a->holder.cgroup_id, b->holder.cgroup_id);
}

static int by_pid(const void *one, const void *other)
{
    const struct process *a = *(const struct process *const *)one, *b = *(const struct process *const *)other;
    return a->pid < b->pid ? -1 : a->pid > b->pid;
}

/* Puts the one whose parent is none of the others first; the rest stays in the order of numbers. */
static void master_first(const struct process **processes, uint32_t count)
{
    for (uint32_t at = 0; at < count; at++) {
        const struct process key = {.pid = processes[at]->parent}, *parent = &key;
        if (processes[at]->parent > 0 && bsearch(&parent, processes, count, sizeof *processes, by_pid))
            continue;
        const struct process *master = processes[at];
        memmove(processes + 1, processes, at * sizeof *processes);
        processes[0] = master;
        return;
    }
}

/* The processes of the sockets from `first` on, into row_processes from `used` on: how many. */
static uint32_t row_processes(struct ports *ports, const struct port_socket *first, uint32_t count,
                              size_t used)
{
    const struct process **start = ports->row_processes + used;
    uint32_t total = 0, kept = 0;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t at = 0; at < first[i].owner_count; at++) {
            const struct process *process =
                process_table_find(&ports->processes, ports->owners[first[i].first_owner + at].pid);
            if (process)
                start[total++] = process;
        }
    if (total)
        qsort(start, total, sizeof *start, by_pid);
    for (uint32_t i = 0; i < total; i++)
        if (kept == 0 || start[kept - 1] != start[i])
            start[kept++] = start[i];
    master_first(start, kept);
    return kept;
}

/* How many are there on one place, of how many instances, programs and users? */
static void count_shared(struct port_row *rows, size_t count, const struct process *const *processes)
{
    uint32_t sockets = 0, programs = 0, users = 0, instances = 0;
    for (size_t i = 0; i < count; i++) {
        bool new_program = true, new_user = true;
        const char *program = rows[i].process_count ? processes[rows[i].first_process]->names.program : "";
        for (size_t before = 0; before < i; before++) {
            const char *other =
                rows[before].process_count ? processes[rows[before].first_process]->names.program : "";
            new_program &= strcmp(program, other) != 0;
            new_user &= rows[i].holder->uid != rows[before].holder->uid;
        }
        sockets += rows[i].sockets;
        programs += new_program;
        users += new_user;
        instances++;
    }
    for (size_t i = 0; i < count; i++) {
        rows[i].shared = sockets;
        rows[i].programs = programs;
        rows[i].users = users;
        rows[i].instances = instances;
    }
}

static bool make_rows(struct ports *ports)
{
    size_t used = 0;
    ports->rows = calloc(ports->socket_count + 1, sizeof *ports->rows);
    ports->row_processes = calloc(ports->owner_count + 1, sizeof *ports->row_processes);
    if (ports->rows == NULL || ports->row_processes == NULL)
        return false;
    for (size_t i = 0, end; i < ports->socket_count; i = end) {
        const struct port_socket *first = &ports->sockets[i];
        end = i + 1;
        while (end < ports->socket_count && by_row(first, &ports->sockets[end]) == 0)
            end++;
        struct port_row *row = &ports->rows[ports->row_count++];
        row->holder = &first->holder;
        row->sockets = (uint32_t)(end - i);
        row->first_process = (uint32_t)used;
        row->process_count = row_processes(ports, first, row->sockets, used);
        used += row->process_count;
    }
    for (size_t i = 0, end; i < ports->row_count; i = end) {
        end = i + 1;
        while (end < ports->row_count && by_place(ports->rows[i].holder, ports->rows[end].holder) == 0)
            end++;
        count_shared(ports->rows + i, end - i, ports->row_processes);
    }
    return !ports->no_memory && !ports->processes.no_memory;
}

static bool is_held_by_systemd(const struct ports *ports, const struct port_row *row)
{
    bool held = false;
    for (uint32_t i = 0; i < row->process_count; i++) {
        const struct process *process = ports->row_processes[row->first_process + i];
        held |= process->pid == 1 && strcmp(process->names.program, "systemd") == 0;
    }
    return held;
}

/* ---- all of it -------------------------------------------------------------------------------------- */

bool ports_find(struct ports *ports, const struct kinds *asked, struct scratch *scratch)
{
    *ports = (struct ports){.row_count = 0};
    struct search search = {
        .found = take_owner, .context = ports, .deadline = deadline_in(BUDGET_MS), .scratch = scratch};
    if (!gather(ports, asked, scratch)) {
        command_error(
            "why: the kernel does not tell which sockets there are: neither sock_diag nor /proc/net is to be had",
            (char *)NULL);
        return false;
    }
    if (ports->socket_count)
        qsort(ports->sockets, ports->socket_count, sizeof *ports->sockets, by_inode);
    bool all = search_everybody(&search, 0);
    give_owners(ports);
    for (size_t i = 0; i < ports->socket_count; i++)
        find_master(ports, &ports->sockets[i]);
    if (ports->socket_count)
        qsort(ports->sockets, ports->socket_count, sizeof *ports->sockets, by_row);
    if (!make_rows(ports)) {
        command_error("why: no memory for so many sockets", (char *)NULL);
        return false;
    }
    for (size_t i = 0; i < ports->row_count; i++) {
        struct port_row *row = &ports->rows[i];
        row->owner = row->process_count ? OWNER_KNOWN : search.late ? OWNER_NOT_SEARCHED : OWNER_HIDDEN;
        row->hidden = search.unreadable   ? HIDDEN_BY_PERMISSION
                      : !all              ? HIDDEN_ELSEWHERE
                      : search.init_hides ? HIDDEN_BY_INIT
                                          : HIDDEN_IN_KERNEL;
        const struct process *master = row->process_count ? ports->row_processes[row->first_process] : NULL;
        row->group = port_group(&ports->groups, row->holder->cgroup_id, master ? master->pid : 0, &search);
        if (row->group.unit[0] == '\0' && row->group.container[0] == '\0' && is_held_by_systemd(ports, row))
            snprintf(row->group.unit, sizeof row->group.unit, "%s",
                     socket_unit(&ports->socket_units, row->holder));
    }
    return true;
}

void ports_free(struct ports *ports)
{
    process_table_free(&ports->processes);
    port_groups_free(&ports->groups);
    socket_units_free(&ports->socket_units);
    free(ports->owners);
    free(ports->sockets);
    free(ports->rows);
    free(ports->row_processes);
}
