/* SPDX-License-Identifier: MIT
 *
 * The words of the rule language. Contract in parse.h.
 */
#include "parse.h"

#include <netinet/in.h>

enum flag { FLAG_KEEP, FLAG_EVICT, FLAG_WATCH, FLAG_EXCLUSIVE };

static const struct keyword keywords[] = {
    {"tcp", MATCH, GROUP_PROTOCOL, take_protocol, IPPROTO_TCP, NULL},
    {"udp", MATCH, GROUP_PROTOCOL, take_protocol, IPPROTO_UDP, NULL},
    {"ipv4", MATCH, GROUP_FAMILY, take_family, AF_INET, NULL},
    {"ipv6", MATCH, GROUP_FAMILY, take_family, AF_INET6, NULL},
    {"address", MATCH, GROUP_ADDRESS, take_address, 0, "an address such as 10.0.0.0/8 or ::1"},
    {"port", MATCH, GROUP_PORT, take_ports, 0, "ports such as 80, 8000-8099 or 80,443"},
    {"multicast", MATCH, GROUP_CLASS, take_class, CLASS_MULTICAST, NULL},
    {"wildcard", MATCH, GROUP_CLASS, take_class, CLASS_WILDCARD, NULL},
    {"loopback", MATCH, GROUP_CLASS, take_class, CLASS_LOOPBACK, NULL},
    {"program", MATCH, GROUP_PROGRAM, take_program, 0,
     "the file name of a program, such as nginx or python*"},
    /* AF_UNIX is a family, but stands where a protocol would. */
    {"unix", MATCH, GROUP_PROTOCOL, take_family, AF_UNIX, NULL},
    {"path", MATCH, GROUP_PATH, take_path, 0, "the path of a socket, such as /run/x.sock or /run/*"},
    {"on", MATCH, GROUP_ON, take_when, 0, "socket, bind, listen or connect"},
    {"force", ACTION, GROUP_FORCE_STRIP, take_options, TO_FORCE, "options such as reuseaddr,reuseport"},
    {"strip", ACTION, GROUP_FORCE_STRIP, take_options, TO_STRIP, "options such as reuseaddr,reuseport"},
    {"retry", ACTION, GROUP_FORCE_STRIP, take_options, TO_RETRY, "options such as reuseaddr"},
    {"keep", ACTION, GROUP_KEEP, take_flag, FLAG_KEEP, NULL},
    {"wait", ACTION, GROUP_WAIT, take_duration, 0, "a duration such as 500ms, 5s or 2m"},
    {"evict", ACTION, GROUP_EVICT, take_flag, FLAG_EVICT, NULL},
    {"watch", ACTION, GROUP_WATCH, take_flag, FLAG_WATCH, NULL},
    {"emulate", ACTION, GROUP_EMULATE, take_system, 0, "a system such as bsd, macos or windows"},
    {"exclusive", ACTION, GROUP_EXCLUSIVE, take_flag, FLAG_EXCLUSIVE, NULL},
};
enum { KEYWORDS = sizeof keywords / sizeof *keywords };

const struct keyword *keyword_find(struct word word)
{
    for (size_t i = 0; i < KEYWORDS; i++)
        if (word_is(word, keywords[i].word))
            return &keywords[i];
    return NULL;
}

const char *keyword_list(char room[KEYWORDS_ROOM], enum kind kind)
{
    struct text text = text_in(room, KEYWORDS_ROOM);
    for (size_t i = 0; i < KEYWORDS; i++)
        if (keywords[i].kind == kind)
            text_strings(&text, text.used ? ", " : "", keywords[i].word);
    return text_end(&text);
}

/* ---- words that stand alone ------------------------------------------------------------------- */

bool take_protocol(struct parser *parser, struct draft *draft, const struct keyword *keyword,
                   struct word argument)
{
    (void)parser;
    (void)argument;
    draft->rule.protocol = (uint8_t)keyword->value;
    return true;
}

bool take_family(struct parser *parser, struct draft *draft, const struct keyword *keyword,
                 struct word argument)
{
    (void)parser;
    (void)argument;
    draft->rule.family = (sa_family_t)keyword->value;
    return true;
}

bool take_class(struct parser *parser, struct draft *draft, const struct keyword *keyword,
                struct word argument)
{
    (void)parser;
    (void)argument;
    draft->rule.classes = (uint8_t)keyword->value;
    return true;
}

bool take_flag(struct parser *parser, struct draft *draft, const struct keyword *keyword,
               struct word argument)
{
    (void)parser;
    (void)argument;
    draft->rule.keep |= keyword->value == FLAG_KEEP;
    draft->rule.evict |= keyword->value == FLAG_EVICT;
    draft->rule.watch |= keyword->value == FLAG_WATCH;
    draft->rule.exclusive |= keyword->value == FLAG_EXCLUSIVE;
    return true;
}

/* ---- the same words, for those who print rules ------------------------------------------------- */

static const char *word_of(word_taker *take, int value)
{
    for (size_t i = 0; i < KEYWORDS; i++)
        if (keywords[i].take == take && keywords[i].value == value)
            return keywords[i].word;
    return "";
}

const char *class_word(enum address_class class)
{
    return word_of(take_class, (int)class);
}

const char *rule_family_word(sa_family_t family)
{
    return word_of(take_family, family);
}
