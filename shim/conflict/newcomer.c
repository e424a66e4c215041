/* SPDX-License-Identifier: MIT
 *
 * The refused socket, as the kernel saw it. Contract in newcomer.h.
 */
#include "reuseshim/newcomer.h"

#include "reuseshim/linux.h"
#include "reuseshim/raw.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>

static int ask_option(const struct newcomer *newcomer, enum socket_option option)
{
    const struct option_info *info = &option_table[option];
    if (info->kind == OF_DESCRIPTOR)
        return raw_fd_flags(newcomer->asked) & FD_CLOEXEC;
    return option_fits(option, newcomer->family) ? raw_option(newcomer->asked, info->level, info->name) : -1;
}

static void ask_options(struct newcomer *newcomer)
{
    for (int i = 0; i < OPTION_COUNT; i++) {
        int value = ask_option(newcomer, (enum socket_option)i);
        if (value >= 0)
            newcomer->options[i] = value != 0;
    }
}

/* bind() of a link-local address with a scope binds the socket to that interface as well. */
static bool is_scoped(const struct endpoint *local)
{
    return local->family == AF_INET6 && local->scope && local->address[0] == 0xfe &&
           (local->address[1] & 0xc0) == 0x80;
}

static void ask_device(struct newcomer *newcomer)
{
    struct ifreq request;
    socklen_t length = IF_NAMESIZE;
    memset(&request, 0, sizeof request);
    if (is_scoped(&newcomer->local)) {
        newcomer->device = newcomer->local.scope;
        request.ifr_ifindex = (int)newcomer->device;
        if (raw_ioctl(newcomer->asked, SIOCGIFNAME, &request) == 0)
            memcpy(newcomer->device_name, request.ifr_name, IF_NAMESIZE - 1);
        return;
    }
    if (raw_getsockopt(newcomer->asked, SOL_SOCKET, SO_BINDTODEVICE, newcomer->device_name, &length) < 0)
        newcomer->device_name[0] = '\0';
    if (newcomer->device_name[0] == '\0')
        return;
    memcpy(request.ifr_name, newcomer->device_name, IF_NAMESIZE - 1);
    if (raw_ioctl(newcomer->asked, SIOCGIFINDEX, &request) == 0)
        newcomer->device = (uint32_t)request.ifr_ifindex;
}

static void ask_local(struct newcomer *newcomer)
{
    union any_sockaddr name;
    socklen_t length = sizeof name;
    if (raw_getsockname(newcomer->asked, &name, &length) < 0)
        return;
    endpoint_from_sockaddr(&newcomer->local, &name, length);
    if (newcomer->local.family == AF_UNIX)
        newcomer->path = unix_path_from_sockaddr(&name, length);
}

void newcomer_ask(struct newcomer *newcomer, enum call call, int fd, int error,
                  const struct endpoint *argument, bool ask)
{
    memset(newcomer, 0, sizeof *newcomer);
    newcomer->call = call;
    newcomer->fd = newcomer->asked = fd;
    newcomer->error = error;
    newcomer->family = newcomer->type = newcomer->protocol = -1;
    newcomer->own_group = newcomer->autobind_reuse = UNKNOWN;
    for (int i = 0; i < OPTION_COUNT; i++)
        newcomer->options[i] = UNKNOWN;
    if (argument && call == CALL_CONNECT)
        newcomer->remote = *argument;
    else if (argument)
        newcomer->local = *argument;
    if (argument && argument->family != AF_UNSPEC)
        newcomer->family = argument->family;
    if (!ask)
        return;

    struct raw_identity identity;
    newcomer->kernel = kernel_version();
    int domain = raw_option(fd, SOL_SOCKET, SO_DOMAIN);
    if (domain >= 0)
        newcomer->family = domain;
    newcomer->type = raw_option(fd, SOL_SOCKET, SO_TYPE);
    newcomer->protocol = raw_option(fd, SOL_SOCKET, SO_PROTOCOL);
    if (raw_identify(fd, &identity)) {
        newcomer->inode = identity.inode;
        newcomer->uid = identity.uid;
        newcomer->uid_known = true;
    }
    if (newcomer->local.family == AF_UNSPEC)
        ask_local(newcomer);
    ask_options(newcomer);
    if (newcomer->options[OPTION_REUSEPORT] == NO)
        newcomer->own_group = NO;
    if (newcomer->family == AF_INET || newcomer->family == AF_INET6)
        ask_device(newcomer);
}
