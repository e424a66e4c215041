/* SPDX-License-Identifier: MIT
 *
 * Its sockets and interfaces. Contract in kernel_parts.h.
 */
#define _GNU_SOURCE
#include "kernel_parts.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>

/* ---- sockets ------------------------------------------------------------------------------------ */

long kernel_make_socket(long domain)
{
    if ((int)domain == AF_NETLINK && is_set(NO_NETLINK))
        return -EPROTONOSUPPORT;
    return kernel_new_descriptor((int)domain == AF_NETLINK ? A_NETLINK : A_SOCKET, NULL, "socket");
}

long kernel_receive(char *buffer, size_t size)
{
    struct section *datagram = sections_next(kernel.sections, "netlink");
    if (datagram)
        kernel.last_datagram = datagram;
    else if (is_set(ENDLESS_NETLINK))
        datagram = kernel.last_datagram;
    if (datagram == NULL)
        return -EAGAIN;
    size_t count = datagram->length < size ? datagram->length : size;
    memcpy(buffer, datagram->bytes, count);
    return (long)count;
}

static uint8_t next_option(void)
{
    return sections_byte(kernel.sections, "options", kernel.option++);
}

long kernel_get_option(int name, char *value, socklen_t *length)
{
    enum { BINDTODEVICE = 25, NETNS_COOKIE = 71 };
    socklen_t size = name == BINDTODEVICE ? IF_NAMESIZE : name == NETNS_COOKIE ? 8 : 4;
    if (next_option() & 0x80)
        return -ENOPROTOOPT;
    memset(value, 0, *length);
    for (socklen_t i = 0; i < size && i < *length; i++)
        value[i] = (char)next_option();
    if (name == BINDTODEVICE && *length)
        value[*length - 1] = '\0';
    *length = size < *length ? size : *length;
    return 0;
}

long kernel_get_name(char *address, socklen_t *length)
{
    const socklen_t size = sizeof(struct sockaddr_in6) + 4; /* as much as any address that is asked for */
    for (socklen_t i = 0; i < size && i < *length; i++)
        address[i] = (char)sections_byte(kernel.sections, "name", i);
    *length = size;
    return 0;
}

/* What the kernel itself promises: whole entries, names with an end, and addresses of IPv4 without a port. */
static long list_interfaces(struct ifconf *list)
{
    int count = list->ifc_len / (int)sizeof(struct ifreq), found = 0;
    const struct section *section;
    while (found < count && (section = sections_next(kernel.sections, "interface")) != NULL) {
        struct ifreq entry;
        memset(&entry, 0, sizeof entry);
        memcpy(&entry, section->bytes, section->length < sizeof entry ? section->length : sizeof entry);
        entry.ifr_name[IF_NAMESIZE - 1] = '\0';
        entry.ifr_addr.sa_family = AF_INET;
        memset(entry.ifr_addr.sa_data, 0, sizeof(in_port_t));
        memcpy(list->ifc_buf + (size_t)found++ * sizeof entry, &entry, sizeof entry);
    }
    list->ifc_len = found * (int)sizeof(struct ifreq);
    return 0;
}

long kernel_control(unsigned long request, void *argument)
{
    struct ifreq *interface = argument;
    switch (request) {
    case SIOCGIFCONF:
        return list_interfaces(argument);
    case SIOCGIFFLAGS:
        interface->ifr_flags = knob(2);
        return knob(2) == 0xff ? -ENODEV : 0;
    case SIOCGIFINDEX:
        interface->ifr_ifindex = knob(2);
        return 0;
    case SIOCGIFNAME:
        for (int i = 0; i < IF_NAMESIZE - 1; i++)
            interface->ifr_name[i] = (char)sections_byte(kernel.sections, "device", (size_t)i);
        return interface->ifr_name[0] ? 0 : -ENODEV;
    default:
        return -ENOTTY;
    }
}
