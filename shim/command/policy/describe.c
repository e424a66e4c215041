/* SPDX-License-Identifier: MIT
 *
 * Contract in describe.h.
 */
#include "describe.h"

#include "reuseshim/protocol.h"

static void word(struct text *text, const char *name)
{
    text_strings(text, text->used ? " " : "", name);
}

static void write_ports(struct text *text, const struct rule *rule)
{
    for (unsigned i = 0; i < rule->range_count; i++) {
        const struct port_range *range = &rule->ranges[i];
        text_string(text, i ? "," : " port ");
        text_unsigned(text, range->first);
        if (range->last != range->first) {
            text_char(text, '-');
            text_unsigned(text, range->last);
        }
    }
}

static void write_prefix(struct text *text, const struct prefix *prefix)
{
    struct endpoint endpoint = endpoint_of(prefix->family, prefix->address, 0);
    text_string(text, " address ");
    address_write(text, &endpoint);
    if (prefix->bits != (prefix->family == AF_INET ? 32 : 128)) {
        text_char(text, '/');
        text_unsigned(text, prefix->bits);
    }
}

void rule_describe(struct text *text, const struct rule *rule)
{
    text_strings(text, "on ", when_word((enum when)rule->when));
    if (rule->protocol)
        word(text, protocol_find(rule->protocol)->word);
    if (rule->family)
        word(text, rule_family_word(rule->family));
    for (unsigned class = 1; class_word((enum address_class) class)[0]; class <<= 1)
        if (rule->classes & class)
            word(text, class_word((enum address_class) class));
    if (rule->has_address)
        write_prefix(text, &rule->address);
    write_ports(text, rule);
    if (rule->program) {
        text_string(text, " program ");
        text_bytes(text, rule->program, rule->program_length);
    }
    if (rule->path) {
        text_string(text, " path ");
        text_bytes(text, rule->path, rule->path_length);
    }
    rule_write_actions(text, rule);
}
