/* SPDX-License-Identifier: MIT
 *
 * What the files of the parser share: a rule while it is being read. Private to shim/policy.
 */
#ifndef REUSESHIM_POLICY_PARSE_H
#define REUSESHIM_POLICY_PARSE_H

#include "reuseshim/policy.h"

struct word {
    const char *start;
    size_t length; /* 0: the rule has ended */
};

struct parser {
    const char *at;
    const char *end;
    const char *place;
    uint32_t line;
    bool in_variable;
    struct complaint *complaint;
};

/* Words of which a rule can have one; two of a group contradict each other or are given twice. */
enum group {
    GROUP_PROTOCOL,
    GROUP_FAMILY,
    GROUP_ADDRESS,
    GROUP_PORT,
    GROUP_CLASS,
    GROUP_PROGRAM,
    GROUP_PATH,
    GROUP_ON,
    GROUP_KEEP,
    GROUP_WAIT,
    GROUP_EVICT,
    GROUP_WATCH,
    GROUP_EMULATE,
    GROUP_EXCLUSIVE,
    GROUP_COUNT,
    GROUP_FORCE_STRIP, /* may stand more than once; retry, too */
};

struct draft {
    struct rule rule;
    struct word seen[GROUP_COUNT];
    struct word option_seen[OPTION_COUNT];
    struct word last;
    bool has_action;
};

/* Files a complaint about `word`, put together from strings, and returns false. */
bool complain_in(struct parser *parser, struct word word, const char *const *strings);
#define complain(parser, word, ...) complain_in(parser, word, (const char *const[]){__VA_ARGS__, NULL})
bool word_is(struct word word, const char *string);

/* ---- the words of the language, keywords.c ---------------------------------------------------- */

enum kind { MATCH, ACTION };
enum { TO_FORCE, TO_STRIP, TO_RETRY, OPTION_SETS }; /* what a rule does with options */

struct keyword {
    char word[12];
    enum kind kind;
    enum group group;
    /* Puts what the word says into the draft. With `expected` the word has an argument, else it is empty. */
    bool (*take)(struct parser *, struct draft *, const struct keyword *, struct word argument);
    int value;            /* for `take` */
    const char *expected; /* what the argument should be, NULL for none */
};
const struct keyword *keyword_find(struct word word);

/* "tcp, udp, ..." in `room`: all of a kind. */
enum { KEYWORDS_ROOM = 160 };
const char *keyword_list(char room[KEYWORDS_ROOM], enum kind kind);

typedef bool word_taker(struct parser *, struct draft *, const struct keyword *, struct word argument);
word_taker take_protocol, take_family, take_class, take_flag, take_address, take_ports, take_program,
    take_path, take_when, take_options, take_duration, take_system;

/* Words that are right one by one and wrong together. */
bool check_together(struct parser *parser, struct draft *draft);

#endif
