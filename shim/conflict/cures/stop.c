/* SPDX-License-Identifier: MIT
 *
 * Stopping those who hold the port, by whoever keeps them running. Contract in cures.h.
 */
#include "cures.h"

#include <string.h>

/* ---- what is there to be stopped ---------------------------------------------------------------- */

static bool has_relation(const struct owners *owners, enum relation relation)
{
    for (uint32_t i = 0; i < owners->count && i < PROCESSES_MAX; i++)
        if (owners->processes[i].relation == relation)
            return true;
    return false;
}

static bool are_stopped(const struct owners *owners)
{
    bool all = owners->count > 0;
    for (uint32_t i = 0; i < owners->count && i < PROCESSES_MAX; i++)
        all &= owners->processes[i].state == 'T' || owners->processes[i].state == 't';
    return all;
}

/* All that block are one party's: to stop that one is enough. */
static bool are_one_party(const struct conflict *conflict)
{
    for (uint32_t i = 1; i < conflict->holder_count; i++)
        if (is_first_of_party(conflict, i))
            return false;
    return true;
}

/* What a process that is stopped may leave on the port. */
static const char *leavings(const struct conflict *conflict, const struct newcomer *newcomer)
{
    if (!is_tcp(newcomer) || conflict->cause == CAUSE_BOUND)
        return "";
    return conflict->cause == CAUSE_LISTENER || conflict->cause == CAUSE_INHERITED
               ? "; connections it closes may hold the port for 60 s more"
               : "; its connection may hold the port for 60 s more, unless the peer closes first";
}

/* ---- by whom it is kept -------------------------------------------------------------------------- */

bool can_be_typed(struct part part)
{
    for (size_t i = 0; i < part.length; i++)
        if (part.start[i] < ' ' || part.start[i] > '~' || part.start[i] == '\'')
            return false;
    return part.length > 0;
}

/* What these have started for others is not stopped by stopping all of them. */
bool can_be_stopped(struct part unit)
{
    static const char starters[][16] = {"cron.service", "crond.service", "cronie.service", "anacron.service",
                                        "atd.service"};
    for (size_t i = 0; i < sizeof starters / sizeof *starters; i++)
        if (unit.length == strlen(starters[i]) && memcmp(unit.start, starters[i], unit.length) == 0)
            return false;
    return can_be_typed(unit);
}

void write_part(struct text *text, struct part part)
{
    const char *quote = text_is_shell_word(part.start, part.length) ? "" : "'";
    text_string(text, quote);
    text_bytes(text, part.start, part.length);
    text_string(text, quote);
}

static bool is_socket_unit(struct part unit)
{
    static const char suffix[] = ".socket";
    const size_t length = sizeof suffix - 1;
    return unit.length > length && memcmp(unit.start + unit.length - length, suffix, length) == 0;
}

static void write_by_systemd(struct text *text, struct part unit, const char *user)
{
    if (!text_is_shell_word(unit.start, unit.length)) {
        text_strings(text, "systemd holds the port for a socket unit: 'systemctl ", user,
                     "list-sockets' tells which; stop that one");
    } else {
        text_string(text, "systemd holds the port for ");
        write_part(text, unit);
        text_strings(text, ": 'systemctl ", user, "stop ");
        write_part(text, unit);
        text_char(text, '\'');
    }
    text_string(text, ", or let this program take the socket over from it (LISTEN_FDS, sd_listen_fds(3))");
}

/* A user's own manager, and his engine, answer to him alone. */
static void write_as_user(struct text *text, const struct newcomer *newcomer, const struct holder *holder,
                          const struct manager *manager)
{
    if (!manager->of_user || !holder->uid_known || rules_same_user(newcomer, holder) != NO)
        return;
    text_string(text, "as uid ");
    text_unsigned(text, holder->uid);
    text_string(text, ": ");
}

/* Root speaks to the manager of another user by his number; each user to his own. */
void write_unit_command(struct text *text, const struct newcomer *newcomer, const struct holder *holder,
                        const struct manager *manager)
{
    bool by_root = newcomer->uid_known && newcomer->uid == 0 && can_be_typed(manager->user) &&
                   manager->user.start[0] != '0';
    if (!by_root)
        write_as_user(text, newcomer, holder, manager);
    text_strings(text, "systemctl ", manager->of_user ? "--user " : "");
    if (manager->of_user && by_root) {
        text_string(text, "-M ");
        write_part(text, manager->user);
        text_string(text, "@ ");
    }
    text_string(text, "stop ");
    write_part(text, manager->unit);
}

void write_engine_command(struct text *text, const struct newcomer *newcomer, const struct holder *holder,
                          const struct manager *manager)
{
    enum { SHOWN = 12 }; /* as the engines print an id */
    struct part id = manager->container;
    id.length = id.length == 64 ? SHOWN : id.length;
    write_as_user(text, newcomer, holder, manager);
    text_strings(text, engine_command(manager->engine), " ");
    write_part(text, id);
}

static void write_by_engine(struct text *text, const struct newcomer *newcomer, const struct holder *holder,
                            const struct manager *manager)
{
    write_engine_command(text, newcomer, holder, manager);
    text_strings(text, ", if that ", engine_word(manager->engine), " container is not needed",
                 manager->engine == ENGINE_CRIO || manager->engine == ENGINE_CONTAINERD
                     ? "; kubelet starts it again as long as its pod is wanted"
                     : "");
}

/* What forwards a published port has nothing to do with it: the container is what serves it. */
static bool write_by_forwarder(struct text *text, const struct owners *owners,
                               const struct newcomer *newcomer)
{
    static const struct {
        char program[16];
        char engine[8];
    } forwarders[] = {{"docker-proxy", "docker"}, {"rootlessport", "podman"}, {"rootlesskit", "docker"},
                      {"pasta", "podman"},        {"pasta.avx2", "podman"},   {"slirp4netns", "podman"}};
    size_t at = 0, count = sizeof forwarders / sizeof *forwarders;
    while (owners->count && at < count &&
           strcmp(forwarders[at].program, owners->processes[0].names.program) != 0)
        at++;
    if (owners->count == 0 || at == count)
        return false;
    const struct process *process = &owners->processes[0];
    static const char address[] = "-container-ip ";
    text_strings(text, process->names.program, " only forwards the port to a container");
    for (size_t i = 0; i + sizeof address < process->command_length; i++)
        if (memcmp(process->command + i, address, sizeof address - 1) == 0) {
            size_t from = i + sizeof address - 1, end = from;
            while (end < process->command_length && process->command[end] != ' ')
                end++;
            text_string(text, " at ");
            text_escaped(text, process->command + from, end - from);
            break;
        }
    text_strings(text, ": '", forwarders[at].engine, " ps | grep :");
    text_unsigned(text, newcomer->local.port);
    text_strings(text, "' names it, then ", forwarders[at].engine, " stop");
    return true;
}

/* ---- processes ---------------------------------------------------------------------------------- */

static void write_pids(struct text *text, const struct owners *owners)
{
    uint32_t listed = owners->count < PROCESSES_MAX ? owners->count : 1; /* of many the first, the master */
    text_string(text, listed == 1 ? "stop process " : "stop the processes ");
    for (uint32_t i = 0; i < listed; i++) {
        const char *program = owners->processes[i].names.program;
        text_string(text, i == 0 ? "" : ", ");
        text_signed(text, owners->processes[i].pid);
        if (i && strcmp(program, owners->processes[0].names.program) == 0)
            continue;
        text_string(text, " (");
        text_name(text, program);
        text_char(text, ')');
    }
    text_string(text, owners->count > listed ? " and its children" : "");
}

static void write_by_signal(struct text *text, const struct owners *owners)
{
    const struct process *process = &owners->processes[0];
    text_string(text, "process ");
    text_signed(text, process->pid);
    text_string(text, " (");
    text_name(text, process->names.program);
    text_string(text, ") is stopped (SIGSTOP, or Ctrl-Z): let it go on with 'kill -CONT ");
    text_signed(text, process->pid);
    text_string(text, "' or fg in its shell, or end it with 'kill -KILL ");
    text_signed(text, process->pid);
    text_char(text, '\'');
}

/* A worker shows its socket to its own user; what started it under the same name need not. */
static bool master_is_hidden(const struct owners *owners)
{
    return owners->parent.pid > 1 &&
           strcmp(owners->parent.names.program, owners->processes[0].names.program) == 0;
}

static void write_by_process(struct text *text, const struct conflict *conflict,
                             const struct newcomer *newcomer)
{
    const struct owners *owners = first_owners(conflict);
    bool one = owners->count == 1 || owners->count >= PROCESSES_MAX;
    write_pids(text, owners);
    if (conflict->holders[0].owner == OWNER_LIKELY)
        text_string(text, one ? ", which likely has it," : ", which likely have it,");
    text_strings(text,
                 conflict->cause == CAUSE_INHERITED ? ""
                 : one                              ? " if it is not needed"
                                                    : " if they are not needed",
                 leavings(conflict, newcomer));
    if (master_is_hidden(owners)) {
        text_string(text, "; its parent ");
        text_signed(text, owners->parent.pid);
        text_string(text, " may start it again: that one is to be stopped then");
    }
    if (conflict->unseen_owners && conflict->holders[0].owner == OWNER_KNOWN)
        text_string(text, "; a process that cannot be seen from here may have it open, too");
    if (conflict->holders_omitted)
        text_string(text, "; not every socket was looked at, others may be another process's");
    if (newcomer->path.length && newcomer->path.bytes[0]) {
        text_string(text, ", then remove the file ");
        unix_path_write(text, &newcomer->path);
    }
}

/* ---- all of it ---------------------------------------------------------------------------------- */

static void write_stop(struct text *text, const struct conflict *conflict, const struct newcomer *newcomer)
{
    const struct owners *owners = first_owners(conflict);
    struct manager manager = conflict_manager(conflict, &conflict->holders[0]);
    const char *user = manager.of_user ? "--user " : "";
    if (are_stopped(owners))
        write_by_signal(text, owners);
    else if (write_by_forwarder(text, owners, newcomer) || write_by_supervisor(text, owners, newcomer))
        return;
    else if (is_socket_unit(manager.unit) || keeper_is_systemd(owners))
        write_by_systemd(text, is_socket_unit(manager.unit) ? manager.unit : (struct part){"", 0}, user);
    else if (can_be_stopped(manager.unit) && manager.engine == ENGINE_NONE &&
             conflict->cause != CAUSE_INHERITED && !conflict_is_own_unit(conflict, &manager)) {
        write_unit_command(text, newcomer, &conflict->holders[0], &manager);
        text_string(text, ", if it is not needed");
    } else if (manager.engine != ENGINE_NONE && can_be_typed(manager.container) &&
               !conflict_is_own_container(conflict, &manager)) {
        write_by_engine(text, newcomer, &conflict->holders[0], &manager);
    } else if (owners->count)
        write_by_process(text, conflict, newcomer);
}

static void tell_twice(struct conflict *conflict, bool self)
{
    cure_text(
        cure_add(conflict, NULL, APPLY_TO_THIS, 0),
        self ? "this program asks for the port twice: look for a second listener in its settings, or for a "
               "second bind"
             : "this program asks for the port twice: its parent has it open already; take the one over, or "
               "let the parent close it",
        -1, "");
}

/* The owner's relatives were asked whether they share it; that others may is said where processes are known
 * to be out of sight. */
void stop_the_holder(struct conflict *conflict, const struct newcomer *newcomer)
{
    const struct owners *owners = first_owners(conflict);
    bool self = has_relation(owners, RELATION_SELF);
    if (conflict->holders[0].blocks != YES)
        return;
    if (self || (has_relation(owners, RELATION_ANCESTOR) && !keeper_is_systemd(owners))) {
        tell_twice(conflict, self);
        return;
    }
    if (!are_one_party(conflict)) {
        if (conflict->holders_omitted == 0 && endpoint_is_internet(&newcomer->local))
            stop_them_all(conflict, newcomer);
        return;
    }
    struct cure *cure = cure_add(conflict, NULL, APPLY_TO_HOLDER, NEED_STOP_HOLDER);
    struct text text = text_in(cure->text, sizeof cure->text);
    write_stop(&text, conflict, newcomer);
    cure_end_whole(conflict, &text);
    if (text.used == 0 && !text.full)
        conflict->cure_count--;
}

/* The question that root would ask, as it was asked here. */
void look_as_root(struct conflict *conflict, const struct newcomer *newcomer)
{
    enum owner owner = conflict->holder_count ? conflict->holders[0].owner : OWNER_NONE;
    bool would_show =
        (owner == OWNER_HIDDEN || owner == OWNER_LIKELY) && conflict->hidden == HIDDEN_BY_PERMISSION;
    bool elsewhere = owner == OWNER_HIDDEN && conflict->hidden == HIDDEN_ELSEWHERE;
    if (!(would_show && !conflict->by_hand) && !elsewhere)
        return;
    if (!endpoint_is_internet(&newcomer->local) || newcomer->local.port == 0)
        return;
    struct cure *cure = cure_add(conflict, NULL, APPLY_TO_THIS, NEED_ROOT);
    struct text text = text_in(cure->text, sizeof cure->text);
    text_strings(&text, "to see whose it is", elsewhere ? ", on the host, outside of this container: " : ": ",
                 "sudo reuseshim why ", is_tcp(newcomer) ? "" : "-u ");
    if (!endpoint_is_wildcard(&newcomer->local) || newcomer->local.family == AF_INET6)
        endpoint_write(&text, &newcomer->local);
    else
        text_unsigned(&text, newcomer->local.port);
    for (int i = OPTION_REUSEADDR; i <= OPTION_REUSEPORT; i++)
        if (newcomer->options[i] == YES)
            text_strings(&text, " --", option_table[i].word);
    cure_end_whole(conflict, &text);
}
