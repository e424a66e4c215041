/* SPDX-License-Identifier: MIT
 *
 * Words that are right one by one and wrong together.
 */
#include "parse.h"

/* At socket() there is no address yet, and nothing can fail with EADDRINUSE. */
static bool check_socket(struct parser *parser, struct draft *draft)
{
    static const enum group later[] = {GROUP_ADDRESS, GROUP_PORT, GROUP_CLASS};
    for (size_t i = 0; i < sizeof later / sizeof *later; i++)
        if (draft->seen[later[i]].length)
            return complain(parser, draft->seen[later[i]],
                            "a new socket has no address or port yet; with 'on socket' expected only tcp, "
                            "udp, ipv4, ipv6 and program");
    return true;
}

/* AF_UNIX knows paths, and nothing that a reuse option could change. */
static bool check_unix(struct parser *parser, struct draft *draft)
{
    static const enum group internet[] = {GROUP_FAMILY, GROUP_ADDRESS, GROUP_PORT,     GROUP_CLASS,
                                          GROUP_WATCH,  GROUP_EMULATE, GROUP_EXCLUSIVE};
    struct word protocol = draft->seen[GROUP_PROTOCOL];
    if (draft->seen[GROUP_PATH].length && protocol.length && draft->rule.protocol)
        return complain(
            parser, draft->seen[GROUP_PATH],
            "is about AF_UNIX and contradicts the protocol; expected 'unix' or nothing beside it");
    for (size_t i = 0; i < sizeof internet / sizeof *internet; i++)
        if (draft->seen[internet[i]].length)
            return complain(
                parser, draft->seen[internet[i]],
                "is not for AF_UNIX; with 'unix' or 'path' expected program, path, evict, wait and keep");
    if (draft->rule.when != WHEN_BIND)
        return complain(parser, draft->seen[GROUP_ON], "AF_UNIX is looked at on bind only; expected no 'on'");
    for (int i = 0; i < OPTION_COUNT; i++)
        if (draft->option_seen[i].length)
            return complain(parser, draft->option_seen[i],
                            "does nothing on an AF_UNIX socket; expected evict, wait or keep");
    return true;
}

static bool check_bind_only(struct parser *parser, struct draft *draft)
{
    static const enum group bind_only[] = {GROUP_WAIT, GROUP_EVICT, GROUP_WATCH, GROUP_EMULATE,
                                           GROUP_EXCLUSIVE};
    for (size_t i = 0; i < sizeof bind_only / sizeof *bind_only; i++)
        if (draft->rule.when != WHEN_BIND && draft->seen[bind_only[i]].length)
            return complain(parser, draft->seen[bind_only[i]],
                            "acts at bind and listen; expected no 'on', or 'on bind'");
    return true;
}

/* Does an address that is given whole, without a shorter prefix, belong to the class that is asked for? */
static bool check_class(struct parser *parser, struct draft *draft)
{
    const struct rule *rule = &draft->rule;
    struct endpoint address = endpoint_of(rule->address.family, rule->address.address, 0);
    if (!rule->has_address || rule->classes == 0 ||
        rule->address.bits < (rule->address.family == AF_INET ? 32 : 128))
        return true;
    if (!classes_match(rule->classes, &address))
        return complain(parser, draft->seen[GROUP_CLASS],
                        "contradicts the address in the same rule; expected one of the two");
    return true;
}

static bool check_options(struct parser *parser, struct draft *draft)
{
    for (int i = 0; i < OPTION_COUNT; i++) {
        if (draft->option_seen[i].length == 0)
            continue;
        if (option_table[i].kind == OF_DESCRIPTOR && draft->rule.when != WHEN_SOCKET)
            return complain(parser, draft->option_seen[i],
                            "acts when the socket is made; expected 'on socket' in the same rule");
        if (draft->rule.retry & option_bit((enum socket_option)i) && draft->rule.when != WHEN_BIND)
            return complain(parser, draft->option_seen[i],
                            "retried when bind or listen is refused; expected no 'on', or 'on bind'");
        if (option_table[i].kind != OF_ANY && draft->rule.when == WHEN_LISTEN)
            return complain(parser, draft->option_seen[i],
                            "can no longer be changed at listen; expected reuseaddr or reuseport");
        if (option_table[i].kind == OF_IPV6 && draft->rule.family == AF_INET)
            return complain(parser, draft->option_seen[i],
                            "an option of IPv6 sockets; expected a rule without 'ipv4'");
    }
    return true;
}

bool check_together(struct parser *parser, struct draft *draft)
{
    struct rule *rule = &draft->rule;
    bool other_action = rule->force || rule->strip || rule->retry || rule->watch || rule->evict ||
                        rule->wait_ms || rule->emulate || rule->exclusive;
    if (rule->keep && other_action)
        return complain(parser, draft->seen[GROUP_KEEP],
                        "leaves the socket alone and so contradicts the other actions; expected it alone");
    if ((draft->seen[GROUP_PATH].length || rule->family == AF_UNIX) && !check_unix(parser, draft))
        return false;
    if (rule->when == WHEN_SOCKET && !check_socket(parser, draft))
        return false;
    if (rule->emulate && (rule->wait_ms || rule->retry))
        return complain(
            parser, draft->seen[GROUP_EMULATE],
            "answers at once, as that system does; expected neither 'wait' nor 'retry' beside it");
    if (!check_bind_only(parser, draft) || !check_class(parser, draft))
        return false;
    if (!check_options(parser, draft))
        return false;
    if (rule->family == AF_INET && rule->has_address && rule->address.family == AF_INET6)
        return complain(parser, draft->seen[GROUP_ADDRESS],
                        "names an IPv6 address and contradicts 'ipv4'; expected an IPv4 address");
    return true;
}
