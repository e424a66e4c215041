/* SPDX-License-Identifier: MIT
 *
 * Addresses of families that have no ports to quarrel about. Contract in newcomer.h.
 */
#include "reuseshim/newcomer.h"

#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>

/* linux/vm_sockets.h, without what it wants included before it. */
struct vsock_address {
    sa_family_t family;
    unsigned short reserved;
    uint32_t port, context;
};

struct other_address other_address_of(const void *address, size_t length)
{
    struct other_address other = {.family = AF_UNSPEC};
    union {
        sa_family_t family;
        struct sockaddr_nl netlink;
        struct vsock_address vsock;
        struct sockaddr_ll packet;
    } copy;
    memset(&copy, 0, sizeof copy);
    memcpy(&copy, address, length < sizeof copy ? length : sizeof copy);
    switch (copy.family) {
    case AF_NETLINK:
        other = (struct other_address){AF_NETLINK, copy.netlink.nl_pid, copy.netlink.nl_groups};
        break;
    case AF_VSOCK:
        other = (struct other_address){AF_VSOCK, copy.vsock.context, copy.vsock.port};
        break;
    case AF_PACKET:
        other = (struct other_address){AF_PACKET, (uint32_t)copy.packet.sll_ifindex,
                                       ntohs(copy.packet.sll_protocol)};
        break;
    default:
        break;
    }
    return other;
}
