/* SPDX-License-Identifier: MIT
 *
 * The table of options. Contract in options.h.
 */
#include "reuseshim/options.h"

#define OPTION_ROW(name, ...) [OPTION_##name] = {__VA_ARGS__},
const struct option_info option_table[OPTION_COUNT] = {SOCKET_OPTIONS(OPTION_ROW)};

int option_find(int level, int name)
{
    for (int i = 0; i < OPTION_COUNT; i++)
        if (option_table[i].level == level && option_table[i].name == name)
            return i;
    return -1;
}

bool option_fits(enum socket_option option, int family)
{
    enum option_kind kind = option_table[option].kind;
    return kind == OF_ANY || kind == OF_DESCRIPTOR || family == AF_INET6 ||
           (kind == OF_INTERNET && family == AF_INET);
}
