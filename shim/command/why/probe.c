/* SPDX-License-Identifier: MIT
 *
 * Contract in probe.h.
 */
#define _GNU_SOURCE
#include "probe.h"

#include "reuseshim/command.h"

#include "reuseshim/linux.h"
#include "reuseshim/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- the bind --------------------------------------------------------------------------------------- */

static int open_socket(const struct probe *probe, unsigned options)
{
    int on = 1;
    int fd = raw_socket(probe->local.family, probe->type | SOCK_CLOEXEC, probe->protocol);
    for (int i = 0; fd >= 0 && i < OPTION_COUNT; i++) {
        int result = options & option_bit((enum socket_option)i)
                         ? raw_setsockopt(fd, option_table[i].level, option_table[i].name, &on, sizeof on)
                         : 0;
        if (result < 0 && option_fits((enum socket_option)i, probe->local.family)) {
            raw_close(fd);
            return result;
        }
    }
    int result = fd >= 0 && probe->device[0] ? raw_setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, probe->device,
                                                              (socklen_t)strlen(probe->device))
                                             : 0;
    if (result < 0) {
        raw_close(fd);
        return result;
    }
    return fd;
}

static int bind_internet(const struct probe *probe, int fd)
{
    union any_sockaddr address;
    socklen_t length = endpoint_to_sockaddr(&probe->local, &address);
    return raw_bind(fd, &address, length);
}

static int bind_name(int fd, const char *name, size_t length)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, name, length);
    return raw_bind(fd, &address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
}

/* The file is unlinked at once. Done with a relative name from inside the folder, so that nobody can swap the
 * path between bind and unlink. */
static int bind_unix(const struct probe *probe, int fd)
{
    char path[sizeof probe->path.bytes + 1];
    size_t length = probe->path.length;
    memcpy(path, probe->path.bytes, length);
    path[length] = '\0';
    if (path[0] == '\0')
        return bind_name(fd, path, length);
    char *slash = strrchr(path, '/'), *name = slash + 1;
    int back = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC), result;
    *slash = '\0';
    if (name[0] == '\0' || chdir(path[0] ? path : "/") != 0) {
        result = name[0] ? -errno : -EISDIR;
    } else {
        result = bind_name(fd, name, strlen(name));
        if (result == 0)
            raw_unlink(name);
    }
    if (back >= 0 && fchdir(back) == 0)
        close(back);
    return result;
}

static int bind_it(const struct probe *probe, int fd)
{
    return probe->local.family == AF_UNIX ? bind_unix(probe, fd) : bind_internet(probe, fd);
}

int probe_try(const struct probe *probe, unsigned options)
{
    int fd = open_socket(probe, options);
    int result = fd < 0 ? fd : bind_it(probe, fd);
    if (fd >= 0)
        raw_close(fd);
    return -result;
}

/* ---- the answer ------------------------------------------------------------------------------------- */

static void fill_record(struct probe *probe)
{
    struct record *record = &probe->record;
    *record = (struct record){.newcomer = &probe->newcomer,
                              .conflict = &probe->conflict,
                              .time_ns = raw_time_of_day(),
                              .pid = getpid(),
                              .tid = getpid(),
                              .uid = getuid(),
                              .program = "reuseshim"};
    record->event = probe->conflict.refusal.found ? EVENT_REFUSED
                    : probe_is_refused(probe)     ? EVENT_CONFLICT
                                                  : EVENT_TRACE;
    if (record->event != EVENT_TRACE)
        return;
    struct text text = text_in(probe->message, sizeof probe->message);
    text_string(&text, probe->error ? strerror(probe->error) : "free");
    record->message = text_end(&text);
}

/* For another reason than a socket in its way; of an address that nobody asked for by name that is no news.
 */
static bool is_refused_otherwise(const struct probe *probe)
{
    return endpoint_is_internet(&probe->local) &&
           ((probe->error == EADDRNOTAVAIL && !probe->implied) || probe->error == EACCES ||
            probe->error == EPERM || probe->error == EINVAL) &&
           !probe_is_refused(probe);
}

/* Does any socket there refuse it for certain, or in the way of `other`? */
static bool any_blocks(const struct probe *probe, tristate other)
{
    for (uint32_t i = 0; i < probe->conflict.holder_count; i++)
        if (probe->conflict.holders[i].blocks == YES || probe->conflict.holders[i].blocks == other)
            return true;
    return false;
}

/* Everybody on the port; what a privileged port's own rule says of them; else what is wrong with the call. */
static void look_around(struct probe *probe, unsigned budget_ms, struct scratch *scratch)
{
    conflict_present(&probe->conflict, &probe->newcomer, scratch);
    if (probe->error == EACCES)
        conflict_judge(&probe->conflict, &probe->newcomer);
    probe->free_by_rule = probe->error == EACCES && !any_blocks(probe, UNKNOWN) &&
                          probe->conflict.all_sockets && probe->conflict.holders_omitted == 0 &&
                          (!protocol_is_tcp(probe->protocol) || probe->conflict.shows_bound);
    if (!is_refused_otherwise(probe))
        return;
    conflict_begin(&probe->conflict, budget_ms, false);
    if (!conflict_explain(&probe->conflict, &probe->newcomer, scratch))
        conflict_begin(&probe->conflict, budget_ms, false);
}

void probe_run(struct probe *probe, unsigned options, unsigned budget_ms, struct scratch *scratch)
{
    struct newcomer *newcomer = &probe->newcomer;
    int fd = open_socket(probe, options);
    int result = fd < 0 ? fd : bind_it(probe, fd);
    bool port_chosen = result == 0 && probe->local.port == 0;
    probe->error = -result;
    /* What the socket says of itself after a bind is the port that it got; "any port" was asked for. */
    newcomer_ask(newcomer, CALL_BIND, fd, probe->error, &probe->local, fd >= 0);
    newcomer->path = probe->path;
    if (fd < 0) {
        newcomer->family = probe->local.family;
        newcomer->type = probe->type;
        newcomer->protocol = probe->protocol;
    }
    if (probe->error == 0)
        raw_close(fd); /* it must not be found there */
    conflict_begin(&probe->conflict, budget_ms, false);
    probe->conflict.by_hand = true;
    if (probe->error == EADDRINUSE)
        conflict_explain(&probe->conflict, newcomer, scratch);
    else if (endpoint_is_internet(&probe->local) && !port_chosen && (probe->error || !probe->deserted))
        look_around(probe, budget_ms, scratch);
    if (probe->error && fd >= 0)
        raw_close(fd);
    if (command_names_only())
        conflict_forget_commands(&probe->conflict);
    fill_record(probe);
}

bool probe_is_refused(const struct probe *probe)
{
    if (probe->error == EACCES && endpoint_is_internet(&probe->local))
        return any_blocks(probe, YES);
    return probe->error == EADDRINUSE;
}

bool probe_is_free(const struct probe *probe)
{
    return probe->error == 0;
}
