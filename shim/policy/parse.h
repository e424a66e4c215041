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
    GROUP_COUNT,
    GROUP_FORCE_STRIP, /* may stand more than once */
};

struct draft {
    struct rule rule;
    struct word seen[GROUP_COUNT];
    struct word option_seen[OPTION_COUNT];
    struct word last;
    struct word planned; /* the first word that this version cannot carry out yet */
    bool has_action;
};

/* Files a complaint about `word`, put together from strings, and returns false. */
bool complain_in(struct parser *parser, struct word word, const char *const *strings);
#define complain(parser, word, ...) complain_in(parser, word, (const char *const[]){__VA_ARGS__, NULL})
bool word_is(struct word word, const char *string);

/* Reads a keyword's argument into the draft; `keyword` is the word itself. */
typedef bool argument_parser(struct parser *, struct draft *, struct word keyword, struct word argument);
argument_parser parse_address, parse_ports, parse_program, parse_path, parse_when, parse_options,
    parse_duration, parse_system;

/* Words that are right one by one and wrong together. */
bool check_together(struct parser *parser, struct draft *draft);

#endif
