/* SPDX-License-Identifier: MIT
 *
 * Which processes hold the sockets: the likeliest are looked at first. Contract in steps.h and
 * conflict.h.
 */
#include "reuseshim/raw.h"
#include "steps.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

/* ---- what a descriptor tells ------------------------------------------------------------------- */

static _Atomic bool cheated;

/* Where another file has come in the place of the socket meanwhile, that one was borrowed. It stays open, the
 * only one of its kind, and is not looked at: to close any descriptor of a file drops all fcntl(2) locks that
 * this process has on that file, and a holder that wishes us ill puts our own lock file there, or one whose
 * filesystem (FUSE) never answers. */
static void give_back(int fd, bool is_socket)
{
    if (is_socket)
        raw_close(fd);
    else
        atomic_store_explicit(&cheated, true, memory_order_relaxed);
}

bool holder_is_at(const struct holder *holder, int fd)
{
    struct raw_identity identity;
    return raw_identify(fd, &identity) && identity.inode == holder->inode;
}

int holder_borrow(const struct holder *holder, pid_t pid, int number)
{
    int fd = atomic_load_explicit(&cheated, memory_order_relaxed) ? -EPERM : raw_steal_fd(pid, number);
    if (fd < 0)
        return fd;
    bool is_socket = raw_option(fd, SOL_SOCKET, SO_REUSEADDR) != -ENOTSOCK ||
                     raw_option(fd, SOL_SOCKET, SO_REUSEPORT) != -ENOTSOCK;
    if (is_socket && holder_is_at(holder, fd))
        return fd;
    give_back(fd, is_socket);
    return -EBADF;
}

static void read_flags(struct holder *holder, const struct newcomer *newcomer, bool usual_calls_only,
                       bool own, pid_t pid, int number, bool is_first)
{
    /* Of one that blocks whatever they are, the first's tell what this side alone could do. */
    if (holder->reuseport != UNKNOWN || holder->local.family == AF_UNIX ||
        (holder->blocks == YES && newcomer->options[OPTION_REUSEPORT] != YES && !is_first))
        return;
    if (!own && usual_calls_only)
        return;
    int fd = own ? number : holder_borrow(holder, pid, number);
    if (fd < 0)
        return;
    int reuseaddr = raw_option(fd, SOL_SOCKET, SO_REUSEADDR),
        reuseport = raw_option(fd, SOL_SOCKET, SO_REUSEPORT);
    if (own && !holder_is_at(holder, fd))
        return;
    holder->reuseaddr = reuseaddr < 0 ? UNKNOWN : reuseaddr != 0;
    holder->reuseport = reuseport < 0 ? UNKNOWN : reuseport != 0;
    if (!own)
        raw_close(fd);
}

/* Has it been described for another socket? A process can make each look at its command line wait, by the
 * lock of its memory map. */
static const struct process *find_described(const struct conflict *conflict, pid_t pid)
{
    for (size_t i = 0; i < conflict->holder_count; i++)
        for (size_t at = 0; at < conflict->owners[i].count && at < PROCESSES_MAX; at++)
            if (conflict->owners[i].processes[at].pid == pid)
                return &conflict->owners[i].processes[at];
    return NULL;
}

/* More than there is room for are counted; of those only a master, which says the most, takes a place. */
static void add_process(struct conflict *conflict, struct owners *owners, const struct self *self, pid_t pid,
                        int fd)
{
    for (size_t i = 0; i < owners->count && i < PROCESSES_MAX; i++)
        if (owners->processes[i].pid == pid)
            return;
    uint32_t at = owners->count < PROCESSES_MAX ? owners->count : PROCESSES_MAX - 1;
    bool is_wanted = owners->count < PROCESSES_MAX;
    for (size_t i = 0; i < PROCESSES_MAX && !is_wanted; i++)
        is_wanted = owners->processes[i].parent == pid;
    if (is_wanted) {
        const struct process *described = find_described(conflict, pid);
        if (described)
            owners->processes[at] = *described;
        else
            process_describe(&owners->processes[at], pid, self, conflict->room);
        owners->processes[at].fd = fd;
    }
    owners->count++;
}

void owners_note(void *owner_search, pid_t pid, int fd, uint64_t inode)
{
    struct owner_search *owners = owner_search;
    struct conflict *conflict = owners->conflict;
    for (size_t i = 0; i < conflict->holder_count; i++) {
        struct holder *holder = &conflict->holders[i];
        if (holder->inode != inode)
            continue;
        bool own = pid == owners->self.pid && !conflict->of_another;
        read_flags(holder, owners->newcomer, conflict->usual_calls_only, own, pid, fd, i == 0);
        add_process(conflict, &conflict->owners[holder->owners], &owners->self, pid, fd);
    }
}

void owners_begin(struct owner_search *owners, struct conflict *conflict, const struct newcomer *newcomer,
                  struct scratch *scratch)
{
    *owners = (struct owner_search){.conflict = conflict, .newcomer = newcomer};
    owners->search = (struct search){.found = owners_note,
                                     .context = owners,
                                     .deadline = conflict->deadline,
                                     .usual_calls_only = conflict->usual_calls_only,
                                     .scratch = scratch};
}

void owners_know_self(struct owner_search *owners)
{
    struct conflict *conflict = owners->conflict;
    if (conflict->self.pid == 0)
        process_self(&conflict->self, conflict->room);
    owners->self = conflict->self;
}

void owners_number(struct conflict *conflict)
{
    for (size_t i = 0; i < conflict->holder_count; i++) {
        conflict->holders[i].owners = (uint8_t)i;
        conflict->owners[i].count = 0;
        conflict->owners[i].parent.pid = 0;
        conflict->owners[i].parent.names.program[0] = '\0';
        conflict->owners[i].cgroup[0] = conflict->owners[i].kept_as[0] = '\0';
    }
}

static const struct owners *owners_of(const struct conflict *conflict, size_t index)
{
    return &conflict->owners[conflict->holders[index].owners];
}

static bool enough(void *context)
{
    const struct conflict *conflict = ((const struct owner_search *)context)->conflict;
    for (size_t i = 0; i < conflict->holder_count; i++)
        if (conflict->holders[i].inode && owners_of(conflict, i)->count == 0)
            return false;
    return true;
}

/* ---- where to look ----------------------------------------------------------------------------- */

static void look_in_own_tree(struct owner_search *owners)
{
    search_process(&owners->search, owners->self.pid);
    for (unsigned i = 0; i < owners->self.ancestor_count && !enough(owners); i++)
        search_process(&owners->search, owners->self.ancestors[i]);
    if (!enough(owners))
        search_descendants(&owners->search, owners->self.pid, -1);
}

/* The groups in which the sockets were made, by name. Those of its processes that hold them are mostly still
 * there; the root group is everybody, and comes later. */
static void look_in_cgroups(struct owner_search *owners, bool processes)
{
    struct conflict *conflict = owners->conflict;
    char folder[320];
    for (size_t i = 0; i < conflict->holder_count; i++) {
        struct holder *holder = &conflict->holders[i];
        size_t at = 0;
        while (at < CGROUPS_MAX && conflict->cgroups[at].id && conflict->cgroups[at].id != holder->cgroup_id)
            at++;
        if (holder->cgroup_id == 0 || at == CGROUPS_MAX)
            continue;
        struct cgroup *group = &conflict->cgroups[at];
        holder->cgroup = (uint8_t)(at + 1);
        if (group->id)
            continue;
        group->id = holder->cgroup_id;
        const char *name = cgroup_find(group->id, folder, sizeof folder, &owners->search);
        if (name == NULL || strlen(name) >= sizeof group->path)
            continue;
        memcpy(group->path, name, strlen(name) + 1);
        if (processes && strcmp(name, "/") != 0)
            search_cgroup(&owners->search, folder);
    }
}

/* More are not listed, and a server may have hundreds of workers. */
static bool all_places_taken(void *context)
{
    const struct conflict *conflict = ((const struct owner_search *)context)->conflict;
    for (size_t i = 0; i < conflict->holder_count; i++)
        if (conflict->holders[i].inode && owners_of(conflict, i)->count <= PROCESSES_MAX)
            return false;
    return true;
}

/* Relatives of an owner that share the socket: up to the parent while it has it too, then down. fork and exec
 * keep the descriptor's number. */
static void look_at_family(struct owner_search *owners, const struct owners *known)
{
    pid_t top = known->processes[0].pid, parent;
    int fd = known->processes[0].fd;
    uint32_t before;
    do {
        before = known->count;
        parent = process_parent(top);
        if (parent > 1)
            search_descriptor(&owners->search, parent, fd);
        if (known->count > before)
            top = parent;
    } while (known->count > before && known->count < PROCESSES_MAX);
    /* An ancestor that hands sockets on (inetd, a supervisor) gives them numbers of their own. */
    bool hands_on = known->processes[0].relation == RELATION_ANCESTOR;
    search_descendants(&owners->search, top, hands_on ? -1 : fd);
}

static void look_at_families(struct owner_search *owners)
{
    owners->search.enough = all_places_taken;
    for (size_t i = 0; i < owners->conflict->holder_count; i++) {
        const struct owners *known = owners_of(owners->conflict, i);
        if (known->count && known->count <= PROCESSES_MAX)
            look_at_family(owners, known);
    }
}

static uint32_t likely_user(const struct conflict *conflict)
{
    for (size_t i = 0; i < conflict->holder_count; i++)
        if (conflict->holders[i].inode && conflict->holders[i].uid_known &&
            owners_of(conflict, i)->count == 0)
            return conflict->holders[i].uid;
    return 0;
}

static void look_everywhere(struct owner_search *owners)
{
    struct search *search = &owners->search;
    search->done = &owners->self; /* by look_in_own_tree */
    owners->conflict->all_processes = search_everybody(search, likely_user(owners->conflict));
    if (!owners->conflict->all_processes && !search->late)
        look_at_families(owners);
}

/* ---- what it comes to --------------------------------------------------------------------------- */

static enum hidden why_hidden(const struct search *search)
{
    if (search->unreadable)
        return HIDDEN_BY_PERMISSION;
    if (!search_sees_the_machine())
        return HIDDEN_ELSEWHERE;
    return search->init_hides ? HIDDEN_BY_INIT : HIDDEN_IN_KERNEL;
}

static enum owner owner_of(const struct conflict *conflict, size_t index, bool late)
{
    if (conflict->holders[index].inode == 0)
        return OWNER_NONE;
    if (owners_of(conflict, index)->count)
        return OWNER_KNOWN;
    return late ? OWNER_NOT_SEARCHED : OWNER_HIDDEN;
}

void owners_judge(struct conflict *conflict, const struct search *search)
{
    bool hidden = false;
    for (size_t i = 0; i < conflict->holder_count; i++) {
        conflict->holders[i].owner = owner_of(conflict, i, search->late);
        hidden |= conflict->holders[i].owner == OWNER_HIDDEN;
    }
    conflict->unseen_owners |= search->unreadable || search->late || !search_sees_the_machine();
    if (hidden)
        conflict->hidden = why_hidden(search);
}

bool conflict_find_owners(struct conflict *conflict, const struct newcomer *newcomer, struct scratch *scratch)
{
    struct owner_search owners;
    owners_number(conflict);
    owners_begin(&owners, conflict, newcomer, scratch);
    owners.search.enough = enough;
    if (enough(&owners)) {
        look_in_cgroups(&owners, false);
    } else {
        owners_know_self(&owners);
        look_in_own_tree(&owners);
        look_in_cgroups(&owners, !enough(&owners));
        if (!enough(&owners))
            look_everywhere(&owners);
        else
            look_at_families(&owners);
    }
    owners_judge(conflict, &owners.search);
    if (owners.self.pid) {
        likely_find(conflict, &owners.self, conflict->deadline, scratch);
        keepers_find(conflict, &owners.self);
        if (conflict->holder_count && keeper_is_systemd(owners_of(conflict, 0)))
            socket_unit_find(conflict, newcomer, scratch);
    }
    return !owners.search.late;
}
