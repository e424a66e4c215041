/* SPDX-License-Identifier: MIT
 *
 * From text to rules: lines, words, and which word may stand where. What an argument may look like is in
 * arguments.c, what may stand beside what in together.c. Contract in policy.h.
 */
#include "parse.h"

#include <netinet/in.h>
#include <string.h>

/* ---- the words ------------------------------------------------------------------------------ */

enum kind { MATCH, ACTION };

static const struct keyword {
    const char *word;
    enum kind kind;
    enum group group;
    argument_parser *argument; /* NULL: the word stands alone */
    const char *expected;      /* what the argument should be */
    bool planned;
} keywords[] = {
    {"tcp", MATCH, GROUP_PROTOCOL, NULL, NULL, false},
    {"udp", MATCH, GROUP_PROTOCOL, NULL, NULL, false},
    {"ipv4", MATCH, GROUP_FAMILY, NULL, NULL, false},
    {"ipv6", MATCH, GROUP_FAMILY, NULL, NULL, false},
    {"address", MATCH, GROUP_ADDRESS, parse_address, "an address such as 10.0.0.0/8 or ::1", false},
    {"port", MATCH, GROUP_PORT, parse_ports, "ports such as 80, 8000-8099 or 80,443", false},
    {"multicast", MATCH, GROUP_CLASS, NULL, NULL, false},
    {"wildcard", MATCH, GROUP_CLASS, NULL, NULL, false},
    {"loopback", MATCH, GROUP_CLASS, NULL, NULL, false},
    {"program", MATCH, GROUP_PROGRAM, parse_program, "the file name of a program, such as nginx or python*",
     false},
    {"unix", MATCH, GROUP_PROTOCOL, NULL, NULL, false},
    {"path", MATCH, GROUP_PATH, parse_path, "the path of a socket, such as /run/x.sock or /run/*", false},
    {"on", MATCH, GROUP_ON, parse_when, "socket, bind or connect", false},
    {"force", ACTION, GROUP_FORCE_STRIP, parse_options, "options such as reuseaddr,reuseport", false},
    {"strip", ACTION, GROUP_FORCE_STRIP, parse_options, "options such as reuseaddr,reuseport", false},
    {"keep", ACTION, GROUP_KEEP, NULL, NULL, false},
    {"wait", ACTION, GROUP_WAIT, parse_duration, "a duration such as 500ms, 5s or 2m", false},
    {"evict", ACTION, GROUP_EVICT, NULL, NULL, false},
    {"watch", ACTION, GROUP_WATCH, NULL, NULL, false},
    {"emulate", ACTION, GROUP_EMULATE, parse_system, "a system such as bsd, macos or windows", true},
};

static const struct keyword *keyword_find(struct word word)
{
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (word_is(word, keywords[i].word))
            return &keywords[i];
    return NULL;
}

/* ---- lines and words ------------------------------------------------------------------------ */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_rule_end(char c)
{
    return c == ';' || c == '\n';
}

/* The next word of this rule, of length 0 at its end; comments are passed over. */
static struct word next_word(struct parser *parser)
{
    while (parser->at < parser->end && is_blank(*parser->at))
        parser->at++;
    if (parser->at < parser->end && *parser->at == '#')
        while (parser->at < parser->end && *parser->at != '\n')
            parser->at++;
    struct word word = {.start = parser->at};
    while (parser->at < parser->end && !is_blank(*parser->at) && !is_rule_end(*parser->at))
        parser->at++;
    word.length = (size_t)(parser->at - word.start);
    return word;
}

/* Steps over the end of a rule. */
static void next_rule(struct parser *parser)
{
    if (parser->at < parser->end && (*parser->at++ == '\n' || parser->in_variable))
        parser->line++;
}

/* NUL and CR are invisible in an editor and in an error message: say what they are. */
static bool check_bytes(struct parser *parser)
{
    for (const char *at = parser->at; at < parser->end && *at != '\n'; at++) {
        if (*at == '\0')
            return complain(parser, ((struct word){at, 1}), "a NUL byte; expected plain text");
        if (*at == '\r')
            return complain(parser, ((struct word){at, 1}),
                            "a carriage return; expected lines that end in LF alone, not CRLF");
    }
    return true;
}

static void apply_bare_word(struct draft *draft, const struct keyword *keyword)
{
    struct rule *rule = &draft->rule;
    if (keyword->group == GROUP_PROTOCOL && keyword->word[1] == 'n')
        rule->family = AF_UNIX;
    else if (keyword->group == GROUP_PROTOCOL)
        rule->protocol = keyword->word[0] == 't' ? IPPROTO_TCP : IPPROTO_UDP;
    else if (keyword->group == GROUP_FAMILY)
        rule->family = keyword->word[3] == '4' ? AF_INET : AF_INET6;
    else if (keyword->group == GROUP_CLASS)
        rule->classes = keyword->word[0] == 'm'   ? CLASS_MULTICAST
                        : keyword->word[0] == 'w' ? CLASS_WILDCARD
                                                  : CLASS_LOOPBACK;
    else if (keyword->group == GROUP_KEEP)
        rule->keep = true;
    else if (keyword->group == GROUP_WATCH)
        rule->watch = true;
    else if (keyword->group == GROUP_EVICT)
        rule->evict = true;
}

static bool parse_word(struct parser *parser, struct draft *draft, struct word word)
{
    const struct keyword *keyword = keyword_find(word);
    if (keyword == NULL)
        return complain(
            parser, word,
            "expected a match (tcp, udp, ipv4, ipv6, address, port, multicast, wildcard, "
            "loopback, program, unix, path, on) or an action (force, strip, keep, wait, evict, watch, "
            "emulate)");
    if (keyword->kind == MATCH && draft->has_action)
        return complain(parser, word, "a match; expected it before the first action");
    if (keyword->group < GROUP_COUNT) {
        struct word before = draft->seen[keyword->group];
        if (before.length && word_is(before, keyword->word))
            return complain(parser, word, "given twice; expected it once in a rule");
        if (before.length)
            return complain(parser, word, "contradicts '", keyword_find(before)->word,
                            "'; expected one of the two in a rule");
        draft->seen[keyword->group] = word;
    }
    draft->has_action |= keyword->kind == ACTION;
    draft->last = word;
    if (keyword->planned && draft->planned.length == 0)
        draft->planned = word;
    if (keyword->argument == NULL) {
        apply_bare_word(draft, keyword);
        return true;
    }
    struct word argument = next_word(parser);
    if (argument.length == 0)
        return complain(parser, word, "expected ", keyword->expected, " behind it");
    draft->last = argument;
    return keyword->argument(parser, draft, word, argument);
}

/* Reads one rule; false on a complaint, true with *empty for a line without words. */
static bool parse_rule(struct parser *parser, struct rule *rule, bool *empty)
{
    struct draft draft = {
        .rule = {.when = WHEN_BIND, .line = parser->line, .from_variable = parser->in_variable}};
    struct word word = next_word(parser);
    *empty = word.length == 0;
    for (; word.length; word = next_word(parser))
        if (!parse_word(parser, &draft, word))
            return false;
    if (*empty)
        return true;
    if (!draft.has_action)
        return complain(parser, draft.last,
                        "expected an action (force, strip, keep, wait, evict, watch) after it");
    if (!check_together(parser, &draft))
        return false;
    *rule = draft.rule;
    return true;
}

size_t policy_capacity(const char *text, size_t length)
{
    size_t rules = 0;
    bool empty = true, comment = false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\n' || (text[i] == ';' && !comment)) {
            empty = true;
            comment = false;
        } else if (empty && !comment && !is_blank(text[i])) {
            comment = text[i] == '#';
            empty = false;
            rules += !comment;
        }
    }
    return rules + 1; /* one is needed to read the last, empty one into */
}

int policy_parse(struct rule *rules, const char *text, size_t length, const char *place, bool from_variable,
                 struct complaint *complaint)
{
    struct parser parser = {.at = text,
                            .end = text + length,
                            .place = place,
                            .line = 1,
                            .in_variable = from_variable,
                            .complaint = complaint};
    int count = 0;
    bool line_start = true;
    while (parser.at < parser.end) {
        bool empty;
        if (line_start && !check_bytes(&parser))
            return -1;
        if (!parse_rule(&parser, &rules[count], &empty))
            return -1;
        count += !empty;
        line_start = parser.at < parser.end && *parser.at == '\n';
        next_rule(&parser);
    }
    if (count == 0 && !from_variable) {
        complain(&parser, ((struct word){"", 0}),
                 "no rule in it; expected at least one, such as "
                 "'tcp port 8080 force reuseaddr', or 'keep' to change nothing");
        return -1;
    }
    return count;
}
