/* SPDX-License-Identifier: MIT
 *
 * The options a rule can force or strip.
 */
#include "reuseshim/linux.h"
#include "reuseshim/policy.h"

#include <netinet/in.h>
#include <sys/socket.h>

const struct option_info option_table[OPTION_COUNT] = {
    [OPTION_REUSEADDR] = {"reuseaddr", SOL_SOCKET, SO_REUSEADDR},
    [OPTION_REUSEPORT] = {"reuseport", SOL_SOCKET, SO_REUSEPORT},
    [OPTION_V6ONLY] = {"v6only", IPPROTO_IPV6, IPV6_V6ONLY},
    [OPTION_BIND_ADDRESS_NO_PORT] = {"bind-address-no-port", IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT},
    [OPTION_CLOEXEC] = {"cloexec", -1, -1},
};

int option_find(int level, int name)
{
    for (int i = 0; i < OPTION_COUNT; i++)
        if (option_table[i].level == level && option_table[i].name == name)
            return i;
    return -1;
}
