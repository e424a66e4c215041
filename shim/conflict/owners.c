/* SPDX-License-Identifier: MIT
 *
 * Which processes hold the sockets: the likeliest are looked at first. Contract in conflict.h.
 */
#include "reuseshim/conflict.h"
#include "reuseshim/raw.h"

#include <string.h>

struct quest {
    struct conflict *conflict;
    const struct newcomer *newcomer;
    struct self self;
    struct search search;
};

/* ---- what a descriptor tells ------------------------------------------------------------------- */

static void read_flags(struct holder *holder, const struct newcomer *newcomer, bool usual_calls_only,
                       bool own, pid_t pid, int number)
{
    /* Nothing hangs on the flags of a holder that blocks whatever they are. */
    if (holder->reuseport != UNKNOWN || holder->local.family == AF_UNIX ||
        (holder->blocks == YES && newcomer->options[OPTION_REUSEPORT] != YES))
        return;
    if (!own && usual_calls_only)
        return;
    int fd = own ? number : raw_steal_fd(pid, number);
    struct raw_identity identity;
    if (fd >= 0 && raw_identify(fd, &identity) && identity.inode == holder->inode) {
        int reuseaddr = raw_option(fd, SOL_SOCKET, SO_REUSEADDR);
        int reuseport = raw_option(fd, SOL_SOCKET, SO_REUSEPORT);
        holder->reuseaddr = reuseaddr < 0 ? UNKNOWN : reuseaddr != 0;
        holder->reuseport = reuseport < 0 ? UNKNOWN : reuseport != 0;
    }
    if (!own && fd >= 0)
        raw_close(fd);
}

static void add_process(struct owners *owners, const struct self *self, pid_t pid, int fd)
{
    for (size_t i = 0; i < owners->count && i < PROCESSES_MAX; i++)
        if (owners->processes[i].pid == pid)
            return;
    if (owners->count < PROCESSES_MAX) {
        process_describe(&owners->processes[owners->count], pid, self);
        owners->processes[owners->count].fd = fd;
    }
    owners->count++;
}

void owners_note(struct conflict *conflict, const struct newcomer *newcomer, const struct self *self,
                 pid_t pid, int fd, uint64_t inode)
{
    for (size_t i = 0; i < conflict->holder_count; i++)
        if (conflict->holders[i].inode == inode) {
            read_flags(&conflict->holders[i], newcomer, conflict->usual_calls_only, pid == self->pid, pid,
                       fd);
            add_process(&conflict->owners[i], self, pid, fd);
        }
}

static void found(void *context, pid_t pid, int fd, uint64_t inode)
{
    struct quest *quest = context;
    owners_note(quest->conflict, quest->newcomer, &quest->self, pid, fd, inode);
}

static bool enough(void *context)
{
    const struct conflict *conflict = ((const struct quest *)context)->conflict;
    for (size_t i = 0; i < conflict->holder_count; i++)
        if (conflict->holders[i].inode && conflict->owners[i].count == 0)
            return false;
    return true;
}

/* ---- where to look ----------------------------------------------------------------------------- */

static void look_in_own_tree(struct quest *quest)
{
    search_process(&quest->search, quest->self.pid);
    for (unsigned i = 0; i < quest->self.ancestor_count && !enough(quest); i++)
        search_process(&quest->search, quest->self.ancestors[i]);
    if (!enough(quest))
        search_descendants(&quest->search, quest->self.pid, -1);
}

/* The groups in which the sockets were made, by name. Those of its processes that hold them are mostly still
 * there; the root group is everybody, and comes later. */
static void look_in_cgroups(struct quest *quest, bool processes)
{
    struct conflict *conflict = quest->conflict;
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
        const char *name = cgroup_find(group->id, folder, sizeof folder, &quest->search);
        if (name == NULL || strlen(name) >= sizeof group->path)
            continue;
        memcpy(group->path, name, strlen(name) + 1);
        if (processes && strcmp(name, "/") != 0)
            search_cgroup(&quest->search, folder);
    }
}

/* More are not listed, and a server may have hundreds of workers. */
static bool all_places_taken(void *context)
{
    const struct conflict *conflict = ((const struct quest *)context)->conflict;
    for (size_t i = 0; i < conflict->holder_count; i++)
        if (conflict->holders[i].inode && conflict->owners[i].count <= PROCESSES_MAX)
            return false;
    return true;
}

/* Whom else of its family an owner shares the socket with: up while the parent has it too, then down. A
 * descriptor that came with a fork or an exec has kept its number. */
static void look_at_families(struct quest *quest)
{
    quest->search.enough = all_places_taken;
    for (size_t i = 0; i < quest->conflict->holder_count; i++) {
        const struct owners *owners = &quest->conflict->owners[i];
        if (owners->count == 0 || owners->count > PROCESSES_MAX)
            continue;
        pid_t top = owners->processes[0].pid, parent;
        int fd = owners->processes[0].fd;
        uint32_t known;
        do {
            known = owners->count;
            parent = process_parent(top);
            if (parent > 1)
                search_descriptor(&quest->search, parent, fd);
            if (owners->count > known)
                top = parent;
        } while (owners->count > known && owners->count < PROCESSES_MAX);
        /* An ancestor that hands sockets on (inetd, a supervisor) gives them numbers of their own. */
        bool hands_on = owners->processes[0].relation == RELATION_ANCESTOR;
        search_descendants(&quest->search, top, hands_on ? -1 : fd);
    }
}

static uint32_t likely_user(const struct conflict *conflict)
{
    for (size_t i = 0; i < conflict->holder_count; i++)
        if (conflict->holders[i].inode && conflict->holders[i].uid_known && conflict->owners[i].count == 0)
            return conflict->holders[i].uid;
    return 0;
}

static void look_everywhere(struct quest *quest)
{
    struct search *search = &quest->search;
    quest->conflict->all_processes = search_everybody(search, likely_user(quest->conflict));
    if (!quest->conflict->all_processes && !search->late)
        look_at_families(quest);
}

/* ---- what it comes to --------------------------------------------------------------------------- */

static enum hidden why_hidden(const struct search *search)
{
    if (search->unreadable)
        return HIDDEN_BY_PERMISSION;
    return search_sees_the_machine() ? HIDDEN_IN_KERNEL : HIDDEN_ELSEWHERE;
}

static enum owner owner_of(const struct conflict *conflict, size_t index, bool late)
{
    if (conflict->holders[index].inode == 0)
        return OWNER_NONE;
    if (late)
        return OWNER_NOT_SEARCHED;
    return conflict->owners[index].count ? OWNER_KNOWN : OWNER_HIDDEN;
}

void owners_judge(struct conflict *conflict, const struct search *search)
{
    bool hidden = false;
    for (size_t i = 0; i < conflict->holder_count; i++) {
        conflict->holders[i].owners = (uint8_t)i;
        conflict->holders[i].owner = owner_of(conflict, i, search->late);
        hidden |= conflict->holders[i].owner == OWNER_HIDDEN;
    }
    if (hidden)
        conflict->hidden = why_hidden(search);
}

bool owners_find(struct conflict *conflict, const struct newcomer *newcomer, void *buffer)
{
    struct quest quest = {.conflict = conflict, .newcomer = newcomer};
    quest.search = (struct search){.found = found,
                                   .enough = enough,
                                   .context = &quest,
                                   .deadline = conflict->deadline,
                                   .usual_calls_only = conflict->usual_calls_only,
                                   .buffer = buffer};
    if (enough(&quest)) {
        look_in_cgroups(&quest, false);
    } else {
        process_self(&quest.self);
        look_in_own_tree(&quest);
        look_in_cgroups(&quest, !enough(&quest));
        if (!enough(&quest))
            look_everywhere(&quest);
        else
            look_at_families(&quest);
    }
    owners_judge(conflict, &quest.search);
    return !quest.search.late;
}
