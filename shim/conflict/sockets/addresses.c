/* SPDX-License-Identifier: MIT
 *
 * The addresses of this network namespace. Contract in sockets.h.
 */
#include "reuseshim/proc.h"
#include "reuseshim/sockets.h"

#include <string.h>
#include <sys/ioctl.h>

typedef void address_taker(void *context, const struct interface_address *address);

/* netdevice(7): SIOCGIFCONF has the IPv4 addresses of all interfaces, whether they are up or not. */
static void ask_ipv4(address_taker *found, void *context, struct scratch *scratch)
{
    struct ifconf list = {.ifc_len = SCRATCH_SIZE, .ifc_buf = scratch->bytes};
    int fd = raw_socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    int count = raw_ioctl(fd, SIOCGIFCONF, &list) < 0 ? 0 : list.ifc_len / (int)sizeof(struct ifreq);
    for (int i = 0; i < count; i++) {
        struct ifreq request;
        struct interface_address address = {.up = true};
        memcpy(&request, scratch->bytes + (size_t)i * sizeof request, sizeof request);
        if (!endpoint_from_sockaddr(&address.address, &request.ifr_addr, sizeof(struct sockaddr_in)))
            continue;
        memcpy(address.interface, request.ifr_name, IF_NAMESIZE - 1);
        if (raw_ioctl(fd, SIOCGIFFLAGS, &request) == 0)
            address.up = request.ifr_flags & IFF_UP;
        found(context, &address);
    }
    raw_close(fd);
}

/* The next word of a line, of length 0 at its end. */
static const char *next_word(const char **at, size_t *length)
{
    const char *word = *at + strspn(*at, " ");
    *length = strcspn(word, " \n");
    *at = word + *length;
    return word;
}

static unsigned hexadecimal(const char *digits, size_t count)
{
    unsigned value = 0;
    for (size_t i = 0; i < count; i++)
        value = value << 4 |
                ((unsigned)(digits[i] <= '9' ? digits[i] - '0' : (digits[i] | 0x20) - 'a' + 10) & 15);
    return value;
}

/* "fe80000000000000505400fffe123456 02 40 20 80     eth0": address, interface, prefix, scope, flags, name. */
static bool read_line(struct interface_address *address, const char *line)
{
    enum { DIGITS = 32, TENTATIVE = 0x40, DAD_FAILED = 0x08 }; /* linux/if_addr.h */
    unsigned char bytes[16];
    size_t lengths[6];
    const char *words[6];
    *address = (struct interface_address){.up = true};
    for (int i = 0; i < 6; i++)
        words[i] = next_word(&line, &lengths[i]);
    if (lengths[0] != DIGITS || lengths[5] == 0 || lengths[5] >= IF_NAMESIZE)
        return false;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)hexadecimal(words[0] + 2 * i, 2);
    unsigned flags = hexadecimal(words[4], lengths[4]);
    address->address = endpoint_of(AF_INET6, bytes, 0);
    address->address.scope = hexadecimal(words[1], lengths[1]);
    address->tentative = flags & TENTATIVE;
    address->duplicate = flags & DAD_FAILED;
    memcpy(address->interface, words[5], lengths[5]);
    return true;
}

/* Of one that is down the kernel lists what it keeps, and calls it tentative. */
static bool is_up(int fd, const char *interface)
{
    struct ifreq request;
    memset(&request, 0, sizeof request);
    memcpy(request.ifr_name, interface, strnlen(interface, IF_NAMESIZE - 1));
    return raw_ioctl(fd, SIOCGIFFLAGS, &request) < 0 || request.ifr_flags & IFF_UP;
}

static void ask_ipv6(address_taker *found, void *context, struct scratch *scratch)
{
    const char *line = scratch->bytes;
    int fd = raw_socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (proc_read("/proc/thread-self/net/if_inet6", scratch->bytes, sizeof scratch->bytes) <= 0)
        line = "";
    while (*line) {
        struct interface_address address;
        size_t length = strcspn(line, "\n");
        if (read_line(&address, line)) {
            address.up = is_up(fd, address.interface);
            found(context, &address);
        }
        line += length + (line[length] == '\n');
    }
    if (fd >= 0)
        raw_close(fd);
}

bool interface_is_up(const char *name)
{
    int fd = raw_socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool up = is_up(fd, name);
    if (fd >= 0)
        raw_close(fd);
    return up;
}

void addresses_ask(address_taker *found, void *context, struct scratch *scratch)
{
    ask_ipv4(found, context, scratch);
    ask_ipv6(found, context, scratch);
}
