/* SPDX-License-Identifier: MIT
 *
 * The arguments of the rule language's words.
 */
#include "parse.h"

#include <string.h>

bool take_address(struct parser *parser, struct draft *draft, const struct keyword *keyword,
                  struct word argument)
{
    (void)keyword;
    draft->rule.has_address = true;
    switch (prefix_parse(&draft->rule.address, argument.start, argument.length)) {
    case PREFIX_OK:
        return true;
    case PREFIX_BAD_LENGTH:
        return complain(parser, argument, "expected a prefix length from 0 to ",
                        draft->rule.address.family == AF_INET ? "32" : "128", " behind the '/'");
    case PREFIX_BAD_ADDRESS:
    default:
        return complain(parser, argument, "expected an address such as 10.0.0.0/8 or ::1");
    }
}

/* Cuts the next item of a comma-separated list off `list`. */
static struct word next_item(struct word *list)
{
    const char *comma = memchr(list->start, ',', list->length);
    struct word item = {list->start, comma ? (size_t)(comma - list->start) : list->length};
    size_t used = item.length + (comma != NULL);
    *list = (struct word){list->start + used, list->length - used};
    return item;
}

static bool ends_in_comma(struct word list)
{
    return list.start[list.length - 1] == ',';
}

bool take_ports(struct parser *parser, struct draft *draft, const struct keyword *keyword,
                struct word argument)
{
    (void)keyword;
    struct word list = argument;
    while (list.length) {
        struct word item = next_item(&list);
        const char *dash = memchr(item.start, '-', item.length);
        size_t first_length = dash ? (size_t)(dash - item.start) : item.length;
        uint64_t first, last;
        if (!text_to_number(item.start, first_length, 65535, &first))
            return complain(parser, item.length ? item : argument, "expected a port from 0 to 65535");
        last = first;
        if (dash && !text_to_number(dash + 1, item.length - first_length - 1, 65535, &last))
            return complain(parser, item, "expected a range of ports from 0 to 65535, such as 8000-8099");
        if (last < first)
            return complain(parser, item, "expected the lower port of a range first");
        if (draft->rule.range_count == PORT_RANGES_MAX)
            return complain(parser, item, "expected at most 32 ports and ranges in a rule");
        draft->rule.ranges[draft->rule.range_count++] = (struct port_range){(uint16_t)first, (uint16_t)last};
    }
    if (ends_in_comma(argument))
        return complain(parser, argument, "expected a port behind the comma; a list has no spaces");
    return true;
}

bool take_program(struct parser *parser, struct draft *draft, const struct keyword *keyword,
                  struct word argument)
{
    (void)keyword;
    if (argument.length > PROGRAM_GLOB_MAX)
        return complain(parser, argument, "expected a file name of at most 255 bytes");
    if (memchr(argument.start, '/', argument.length))
        return complain(parser, argument, "expected a file name without '/'");
    draft->rule.program = argument.start;
    draft->rule.program_length = (uint8_t)argument.length;
    return true;
}

bool take_path(struct parser *parser, struct draft *draft, const struct keyword *keyword,
               struct word argument)
{
    (void)keyword;
    if (argument.length > PROGRAM_GLOB_MAX)
        return complain(parser, argument, "expected a path of at most 255 bytes");
    draft->rule.path = argument.start;
    draft->rule.path_length = (uint8_t)argument.length;
    draft->rule.family = AF_UNIX;
    return true;
}

static const struct {
    enum when when;
    char word[8];
} calls[] = {
    {WHEN_SOCKET, "socket"}, {WHEN_BIND, "bind"}, {WHEN_LISTEN, "listen"}, {WHEN_CONNECT, "connect"}};
enum { CALLS = sizeof calls / sizeof *calls };

const char *when_word(enum when when)
{
    size_t at = 0;
    while (at + 1 < CALLS && calls[at].when != when)
        at++;
    return calls[at].word;
}

bool take_when(struct parser *parser, struct draft *draft, const struct keyword *keyword,
               struct word argument)
{
    (void)keyword;
    for (size_t i = 0; i < CALLS; i++) {
        if (word_is(argument, calls[i].word)) {
            draft->rule.when = (uint8_t)calls[i].when;
            return true;
        }
    }
    return complain(parser, argument, "expected ", keyword->expected, " behind 'on'");
}

static const char *option_list(char room[OPTION_COUNT * sizeof option_table->word])
{
    struct text text = text_in(room, OPTION_COUNT * sizeof option_table->word);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        text_or(&text, i, OPTION_COUNT);
        text_string(&text, option_table[i].word);
    }
    return text_end(&text);
}

bool take_options(struct parser *parser, struct draft *draft, const struct keyword *keyword,
                  struct word argument)
{
    uint8_t *const sets[OPTION_SETS] = {
        [TO_FORCE] = &draft->rule.force, [TO_STRIP] = &draft->rule.strip, [TO_RETRY] = &draft->rule.retry};
    uint8_t *wanted = sets[keyword->value];
    struct word list = argument;
    while (list.length) {
        struct word item = next_item(&list);
        int option = 0;
        while (option < OPTION_COUNT && !word_is(item, option_table[option].word))
            option++;
        if (option == OPTION_COUNT) {
            char words[OPTION_COUNT * sizeof option_table->word];
            return complain(parser, item.length ? item : argument, "expected an option: ", option_list(words),
                            "; a list has no spaces");
        }
        uint8_t bit = (uint8_t)option_bit((enum socket_option)option);
        if (*wanted & bit)
            return complain(parser, item, "given twice; expected it once in a rule");
        for (int i = 0; i < OPTION_SETS; i++)
            if (*sets[i] & bit)
                return complain(parser, item, "given to two of force, strip and retry; expected one of them");
        *wanted |= bit;
        draft->option_seen[option] = item;
    }
    if (ends_in_comma(argument))
        return complain(parser, argument, "expected an option behind the comma; a list has no spaces");
    return true;
}

bool take_duration(struct parser *parser, struct draft *draft, const struct keyword *keyword,
                   struct word argument)
{
    static const struct {
        char word[4];
        uint32_t milliseconds;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}};
    const uint32_t longest = 86400000; /* a day */
    (void)keyword;
    size_t digits = 0;
    uint64_t value;
    while (digits < argument.length && argument.start[digits] >= '0' && argument.start[digits] <= '9')
        digits++;
    struct word unit = {argument.start + digits, argument.length - digits};
    bool is_number = text_to_number(argument.start, digits, longest, &value);
    for (size_t i = 0; is_number && i < sizeof units / sizeof *units; i++)
        if (word_is(unit, units[i].word)) {
            if (value == 0 || value > longest / units[i].milliseconds)
                return complain(parser, argument, "expected a duration from 1ms to a day");
            draft->rule.wait_ms = (uint32_t)value * units[i].milliseconds;
            return true;
        }
    return complain(parser, argument, "expected a duration such as 500ms, 5s or 2m");
}

bool take_system(struct parser *parser, struct draft *draft, const struct keyword *keyword,
                 struct word argument)
{
    enum { SYSTEMS = SYSTEM_LINUX + 1 }; /* Android is Linux */
    char words[SYSTEMS * 16];
    struct text text = text_in(words, sizeof words);
    (void)keyword;
    for (size_t i = 0; i < SYSTEMS; i++) {
        if (word_is(argument, system_word((enum system)i))) {
            draft->rule.emulate = (uint8_t)(i + 1);
            return true;
        }
        text_or(&text, i, SYSTEMS);
        text_string(&text, system_word((enum system)i));
    }
    return complain(parser, argument, "expected a system: ", text_end(&text));
}
