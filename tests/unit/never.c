/* SPDX-License-Identifier: MIT
 *
 * What reuseshim check says of rules that never match, against the matcher itself: random policies, and every
 * situation of a small world in which none of those rules may ever decide.
 */
#include "command/policy/never.c"
#include "tap.h"

#include "reuseshim/protocol.h"

#include <stdlib.h>

enum { RULES = 5, POLICIES = 30000 };

static const char *const whens[] = {"", "on bind", "on listen", "on connect"};
static const char *const protocols_said[] = {"", "", "tcp", "udp"};
static const char *const families[] = {"", "", "ipv4", "ipv6"};
static const char *const addresses_said[] = {"",
                                             "",
                                             "address 127.0.0.0/8",
                                             "address 127.0.0.1",
                                             "address 224.0.0.0/4",
                                             "address 224.0.1.0/24",
                                             "address 0.0.0.0",
                                             "address ::",
                                             "address ::1",
                                             "address ff00::/8",
                                             "address ff02::/16",
                                             "address ::ffff:127.0.0.0/104",
                                             "address 0.0.0.0/0",
                                             "address ::/0",
                                             "address 10.0.0.0/9"};
static const char *const classes_said[] = {"", "", "", "loopback", "multicast", "wildcard"};
static const char *const ports_said[] = {
    "", "", "port 1", "port 1-3", "port 2,3", "port 1,2", "port 0-65535", "port 1-65535", "port 3-9"};
static const char *const programs_said[] = {"",          "",           "program a", "program a*",
                                            "program *", "program ab", "program ?b"};
static const char *const unix_said[] = {"unix", "path /x", "path /*", "unix path /x*"};

static const char *const programs[] = {"a", "ab", "b", "c", NULL};
static const char *const paths[] = {"/x", "/xy", "/y", "@z", NULL};
static const struct endpoint points[] = {
    {AF_INET, 0, 0, {127, 0, 0, 1}},
    {AF_INET, 0, 0, {127, 9, 0, 1}},
    {AF_INET, 0, 0, {0}},
    {AF_INET, 0, 0, {224, 0, 1, 7}},
    {AF_INET, 0, 0, {239, 0, 0, 1}},
    {AF_INET, 0, 0, {10, 1, 0, 1}},
    {AF_INET, 0, 0, {10, 200, 0, 1}},
    {AF_INET6, 0, 0, {0}},
    {AF_INET6, 0, 0, {[15] = 1}},
    {AF_INET6, 0, 0, {0xff, 2, [15] = 1}},
    {AF_INET6, 0, 0, {0xff, 5, [15] = 1}},
    {AF_INET6, 0, 0, {0x20, 1, [15] = 1}},
    {AF_INET6, 0, 0, {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}},
    {AF_INET6, 0, 0, {[10] = 0xff, [11] = 0xff}},
    {AF_INET6, 0, 0, {[10] = 0xff, [11] = 0xff, [12] = 224, [14] = 1}},
    {AF_INET6, 0, 0, {[10] = 0xff, [11] = 0xff, [12] = 10, [13] = 1}},
};
static const uint16_t ports[] = {0, 1, 2, 3, 4, 9, 10, 65535};
static const int numbers[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_MPTCP, IPPROTO_UDPLITE, IPPROTO_SCTP};
static const enum when whens_asked[] = {WHEN_BIND, WHEN_LISTEN, WHEN_CONNECT};

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define PICK(list)  list[next_number() % COUNT(list)]

static uint32_t state = 1;

static uint32_t next_number(void)
{
    state = state * 1664525U + 1013904223U;
    return state >> 10;
}

/* A line that the parser may refuse: such policies are passed over. */
static void write_rule(struct text *text)
{
    if (next_number() % 8 == 0)
        text_strings(text, PICK(unix_said), " ", PICK(programs_said), " keep\n");
    else
        text_strings(text, PICK(whens), " ", PICK(protocols_said), " ", PICK(families), " ",
                     PICK(addresses_said), " ", PICK(classes_said), " ", PICK(ports_said), " ",
                     PICK(programs_said), " keep\n");
}

/* Marks the rule that decides, in every situation of that program. */
static void walk(const struct policy *policy, bool decided[RULES])
{
    struct situation situation = {.family = AF_UNIX, .when = WHEN_BIND};
    const struct rule *rule;
    for (size_t path = 0; path < COUNT(paths); path++) {
        situation.path = paths[path];
        if ((rule = policy_match(policy, &situation)))
            decided[rule - policy->rules] = true;
    }
    situation.path = NULL;
    for (size_t when = 0; when < COUNT(whens_asked); when++)
        for (size_t number = 0; number < COUNT(numbers); number++)
            for (size_t at = 0; at < COUNT(points) * COUNT(ports); at++) {
                struct endpoint point = points[at / COUNT(ports)];
                point.port = ports[at % COUNT(ports)];
                situation = (struct situation){.when = whens_asked[when],
                                               .protocol = numbers[number],
                                               .family = point.family,
                                               .address = &point};
                if ((rule = policy_match(policy, &situation)))
                    decided[rule - policy->rules] = true;
            }
}

int main(void)
{
    unsigned said = 0, wrong = 0, unsaid = 0, policies = 0;
    for (int round = 0; round < POLICIES; round++) {
        char room[2048], why[512];
        struct rule rules[RULES + 1];
        struct complaint complaint;
        struct text text = text_in(room, sizeof room);
        for (int i = 0; i < RULES; i++)
            write_rule(&text);
        text_end(&text);
        int count = policy_parse(rules, room, text.used, "test", false, &complaint);
        bool decided[RULES] = {false}, never[RULES] = {false};
        if (count < 0)
            continue;
        policies++;
        for (int i = 0; i < count; i++) {
            text = text_in(why, sizeof why);
            never[i] = rule_never(&text, rules, (size_t)i) && strncmp(text_end(&text), "never", 5) == 0;
        }
        for (size_t program = 0; program < COUNT(programs); program++) {
            struct names names = {.program = ""};
            if (programs[program])
                strncpy(names.program, programs[program], sizeof names.program - 1);
            policy_resolve_program(rules, (size_t)count, &names);
            walk(&(struct policy){.rules = rules, .count = (size_t)count}, decided);
        }
        for (int i = 0; i < count; i++) {
            said += never[i];
            wrong += never[i] && decided[i];
            unsaid += !never[i] && !decided[i];
            if (never[i] && decided[i] && wrong < 4)
                printf("# rule %d of\n# %s\n", i + 1, room);
        }
    }
    printf("# %u policies, %u rules said to match never, %u of them wrongly, %u more never did\n", policies,
           said, wrong, unsaid);
    ok(policies > POLICIES / 20 && said > 500, "policies with rules that never match were tried");
    ok(wrong == 0, "a rule that is said to match never decides in no situation");
    return tap_end();
}
