/* SPDX-License-Identifier: MIT
 *
 * Contract in never.h. Each comparison is on the safe side: what is not contained for certain is not.
 */
#include "never.h"

#include <netinet/in.h>
#include <string.h>

/* ---- addresses -------------------------------------------------------------------------------- */

/* The addresses of each class. An IPv4 prefix of a rule means the mapped form, too. */
static const struct {
    enum address_class class;
    struct prefix prefix;
} class_prefixes[] = {
    {CLASS_LOOPBACK, {AF_INET, 8, {127}}},
    {CLASS_LOOPBACK, {AF_INET6, 128, {[15] = 1}}},
    {CLASS_LOOPBACK, {AF_INET6, 104, {[10] = 0xff, [11] = 0xff, [12] = 127}}},
    {CLASS_MULTICAST, {AF_INET, 4, {224}}},
    {CLASS_MULTICAST, {AF_INET6, 8, {0xff}}},
    {CLASS_MULTICAST, {AF_INET6, 100, {[10] = 0xff, [11] = 0xff, [12] = 224}}},
    {CLASS_WILDCARD, {AF_INET, 32, {0}}},
    {CLASS_WILDCARD, {AF_INET6, 128, {0}}},
    {CLASS_WILDCARD, {AF_INET6, 128, {[10] = 0xff, [11] = 0xff}}},
};
enum { CLASS_PREFIXES = sizeof class_prefixes / sizeof *class_prefixes };

static bool same_bits(const unsigned char *one, const unsigned char *other, unsigned bits)
{
    unsigned bytes = bits / 8, rest = bits % 8;
    return memcmp(one, other, bytes) == 0 && (rest == 0 || (one[bytes] ^ other[bytes]) >> (8 - rest) == 0);
}

static bool prefix_inside(const struct prefix *inner, const struct prefix *outer)
{
    return inner->family == outer->family && inner->bits >= outer->bits &&
           same_bits(inner->address, outer->address, outer->bits);
}

static bool prefixes_meet(const struct prefix *one, const struct prefix *other)
{
    return one->family == other->family &&
           same_bits(one->address, other->address, one->bits < other->bits ? one->bits : other->bits);
}

/* Is every address that the rule is about of that class? */
static bool address_ensures(const struct rule *rule, enum address_class class)
{
    for (size_t i = 0; rule->has_address && i < CLASS_PREFIXES; i++)
        if (class_prefixes[i].class == class && prefix_inside(&rule->address, &class_prefixes[i].prefix))
            return true;
    return false;
}

/* Is no address that it is about of that class? */
static bool address_excludes(const struct rule *rule, enum address_class class)
{
    for (size_t i = 0; i < CLASS_PREFIXES; i++)
        if (class_prefixes[i].class == class && prefixes_meet(&rule->address, &class_prefixes[i].prefix))
            return false;
    return rule->has_address;
}

static bool addresses_inside(const struct rule *inner, const struct rule *outer)
{
    if (outer->has_address && !(inner->has_address && prefix_inside(&inner->address, &outer->address)))
        return false;
    for (unsigned class = 1; class_word((enum address_class) class)[0]; class <<= 1)
        if (outer->classes & class && !(inner->classes & class) &&
            !address_ensures(inner, (enum address_class) class))
            return false;
    return true;
}

/* ---- the other words --------------------------------------------------------------------------- */

/* Is whatever the inner glob matches matched by the outer one? Told for equal ones, for one that is a plain
 * name, and for "*". NULL is no glob: all there is. */
static bool glob_inside(const char *inner, size_t inner_length, const char *outer, size_t outer_length)
{
    char name[PROGRAM_GLOB_MAX + 1];
    if (outer == NULL)
        return true;
    if (inner == NULL || inner_length >= sizeof name)
        return false;
    if (inner_length == outer_length && memcmp(inner, outer, inner_length) == 0)
        return true;
    if (outer_length == 1 && outer[0] == '*')
        return true;
    memcpy(name, inner, inner_length);
    name[inner_length] = '\0';
    return strpbrk(name, "*?[\\") == NULL && glob_match(outer, outer_length, name);
}

static bool family_inside(const struct rule *inner, const struct rule *outer)
{
    return inner->family == outer->family || (outer->family == AF_UNSPEC && inner->family != AF_UNIX);
}

/* Would the outer rule match whatever the inner one does, if it were not for the ports? */
static bool inside_but_ports(const struct rule *inner, const struct rule *outer)
{
    return inner->when == outer->when && (outer->protocol == 0 || inner->protocol == outer->protocol) &&
           family_inside(inner, outer) && addresses_inside(inner, outer) &&
           glob_inside(inner->program, inner->program_length, outer->program, outer->program_length) &&
           glob_inside(inner->path, inner->path_length, outer->path, outer->path_length);
}

/* ---- ports -------------------------------------------------------------------------------------- */

enum { PORTS = 65536 };

struct port_list {
    const struct port_range *ranges;
    unsigned count;
};

static struct port_list ports_of(const struct rule *rule)
{
    static const struct port_range every = {0, PORTS - 1};
    return rule->range_count ? (struct port_list){rule->ranges, rule->range_count}
                             : (struct port_list){&every, 1};
}

/* The last port of the range that `port` is in, or -1. */
static int last_with(struct port_list list, unsigned port)
{
    for (unsigned i = 0; i < list.count; i++)
        if (list.ranges[i].first <= port && port <= list.ranges[i].last)
            return list.ranges[i].last;
    return -1;
}

static bool ports_inside(const struct rule *inner, const struct rule *outer)
{
    struct port_list ours = ports_of(inner), theirs = ports_of(outer);
    for (unsigned i = 0; i < ours.count; i++)
        for (unsigned port = ours.ranges[i].first; port <= ours.ranges[i].last;) {
            int last = last_with(theirs, port);
            if (last < 0)
                return false;
            port = (unsigned)last + 1;
        }
    return true;
}

/* 1 for those that are in it, 0 for the others. */
static void mark(unsigned char ports[PORTS], const struct rule *rule, int value)
{
    struct port_list list = ports_of(rule);
    for (unsigned i = 0; i < list.count; i++)
        memset(ports + list.ranges[i].first, value, list.ranges[i].last - list.ranges[i].first + 1U);
}

static bool has_any(const unsigned char ports[PORTS], const struct rule *rule)
{
    struct port_list list = ports_of(rule);
    for (unsigned i = 0; i < list.count; i++)
        if (memchr(ports + list.ranges[i].first, 1, list.ranges[i].last - list.ranges[i].first + 1U))
            return true;
    return false;
}

/* ---- the rules before it ------------------------------------------------------------------------ */

/* How many are looked at: a rule that decides for many stands near the beginning, and no file may keep us for
 * long. */
enum { DECIDERS_MAX = 1024 };

static const struct rule *find_decider(const struct rule *rules, size_t index)
{
    for (size_t i = 0; i < index && i < DECIDERS_MAX; i++)
        if (inside_but_ports(&rules[index], &rules[i]) && ports_inside(&rules[index], &rules[i]))
            return &rules[i];
    return NULL;
}

/* Several that together leave it no port: their lines. */
static bool write_deciders(struct text *text, const struct rule *rules, size_t index)
{
    static unsigned char left[PORTS];
    bool any = false;
    memset(left, 0, sizeof left);
    mark(left, &rules[index], 1);
    for (size_t i = 0; i < index && i < DECIDERS_MAX; i++) {
        if (!inside_but_ports(&rules[index], &rules[i]) || !has_any(left, &rules[i]))
            continue;
        mark(left, &rules[i], 0);
        text_string(text, any ? ", " : "lines ");
        text_unsigned(text, rules[i].line);
        any = true;
        if (memchr(left, 1, sizeof left) == NULL)
            return true;
    }
    return false;
}

/* ---- the rule by itself ------------------------------------------------------------------------- */

/* Its own words leave no address. */
static const char *excluded_class(const struct rule *rule)
{
    for (unsigned class = 1; class_word((enum address_class) class)[0]; class <<= 1)
        if (rule->classes & class && address_excludes(rule, (enum address_class) class))
            return class_word((enum address_class) class);
    return NULL;
}

bool rule_never(struct text *text, const struct rule *rules, size_t index)
{
    const struct rule *rule = &rules[index];
    const char *excluded = excluded_class(rule);
    struct text before = *text;
    if (excluded) {
        text_strings(text, "never matches: no address of that prefix is ", excluded);
        return true;
    }
    text_string(text, "never matches: what it is about is decided before it, by ");
    const struct rule *decider = find_decider(rules, index);
    if (decider) {
        text_string(text, "line ");
        text_unsigned(text, decider->line);
        return true;
    }
    if (index < DECIDERS_MAX && write_deciders(text, rules, index))
        return true;
    *text = before;
    if (rule->evict && rule->protocol == IPPROTO_UDP) {
        text_string(text,
                    "evict does nothing here: it removes leftovers of TCP connections, and UDP has none");
        return true;
    }
    if (rule->when == WHEN_LISTEN && rule->protocol == IPPROTO_UDP) {
        text_string(text, "does nothing: UDP sockets never listen");
        return true;
    }
    return false;
}
