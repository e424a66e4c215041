/* SPDX-License-Identifier: MIT
 *
 * The rule language: which sockets, and what to do with them. Pure: no system call, no allocation,
 * async-signal-safe. The language itself is described in reuseshim.policy(5).
 */
#ifndef REUSESHIM_POLICY_H
#define REUSESHIM_POLICY_H

#include "reuseshim/address.h"
#include "reuseshim/names.h"
#include "reuseshim/options.h"
#include "reuseshim/systems.h"

/* ---- rules ---------------------------------------------------------------------------------- */

enum when { WHEN_SOCKET = 1, WHEN_BIND = 2, WHEN_CONNECT = 4, WHEN_LISTEN = 8 };

enum address_class { CLASS_MULTICAST = 1, CLASS_WILDCARD = 2, CLASS_LOOPBACK = 4 };
/* True if the address is of every class of the set. */
bool classes_match(unsigned classes, const struct endpoint *address);

enum { PORT_RANGES_MAX = 32, PROGRAM_GLOB_MAX = 255 };

struct rule {
    uint8_t protocol; /* IPPROTO_* of the word, 0 for any */
    uint8_t when;     /* one of enum when */
    uint8_t classes;  /* bits of enum address_class; all must hold */
    uint8_t force;    /* bit per enum socket_option */
    uint8_t strip;
    uint8_t retry; /* set only after EADDRINUSE, for one more try */
    bool keep;
    bool watch;
    bool evict;
    bool exclusive;   /* the option that only other systems have: SO_EXCLUSIVEADDRUSE, SO_EXCLBIND */
    uint8_t emulate;  /* 1 + enum system, 0 for none */
    uint32_t wait_ms; /* 0 for none */
    bool has_address;
    bool other_program;  /* a program word is there and names another one: the rule is out of play */
    sa_family_t family;  /* AF_INET, AF_INET6, AF_UNIX, or AF_UNSPEC for both Internet families */
    uint8_t range_count; /* 0 for any port */
    uint8_t program_length;
    uint8_t path_length;
    bool from_variable; /* from REUSESHIM_RULES, not from the policy */
    uint32_t line;
    const char *program; /* into the text that was parsed; NULL for any */
    const char *path;    /* the same, of AF_UNIX */
    struct prefix address;
    struct port_range ranges[PORT_RANGES_MAX];
};

/* The word of a `when`, of an address class, of a family; "" for none. */
const char *when_word(enum when when);
const char *class_word(enum address_class class);
const char *rule_family_word(sa_family_t family);

/* The system that a rule with `emulate` names. */
static inline enum system rule_system(const struct rule *rule)
{
    return (enum system)(rule->emulate - 1);
}

/* What is wrong with a policy or a variable: "PLACE: 'WORD': EXPLANATION", a whole line without its end. */
struct complaint {
    char line[512];
};

/* How many rules `text` can hold at the most: the room policy_parse needs. */
size_t policy_capacity(const char *text, size_t length);

/* Reads rules into `rules`, which has room for policy_capacity(text, length). `place` names the text in
 * complaints ("restart", a path, "REUSESHIM_RULES"). In a variable every rule counts as a line.
 * Returns the number of rules, or -1 with the complaint filled in. No rule at all is an error unless
 * `may_be_empty`. `text` must live as long as the rules. */
int policy_parse(struct rule *rules, const char *text, size_t length, const char *place, bool from_variable,
                 struct complaint *complaint);

/* `exclusive` without a system means the first one that any of the rules emulates. Of a rule for which there
 * is none, or one that has no such option, the index; `count` if all are well. Pure. */
size_t policy_settle_exclusive(struct rule *rules, size_t count);

/* Takes the rules for other programs out of play: a program word matches any of the names of a program. Names
 * that are not known are empty, and match nothing. */
void policy_resolve_program(struct rule *rules, size_t count, const struct names *names);

/* `*`, `?`, `[a-z]`, `[!a-z]` and `\` as in the shell, over the whole of `string`. Time is bounded by the
 * product of the lengths. */
bool glob_match(const char *glob, size_t glob_length, const char *string);

/* " force reuseaddr retry reuseport wait 5s": what a rule does, as the language says it. */
void rule_write_actions(struct text *text, const struct rule *rule);

/* ---- deciding ------------------------------------------------------------------------------- */

struct policy {
    const char *name;         /* as the user gave it */
    const struct rule *rules; /* those of REUSESHIM_RULES first */
    size_t count;
    uint8_t when;  /* the calls that any rule in play is about */
    size_t mapped; /* bytes of the mapping that the rules are in, 0 if in somebody's room */
};

enum { PROTOCOL_NOT_ASKED = -1 };

/* What is known of a call. A protocol costs a system call, so it is asked for only if a rule could match
 * otherwise. */
struct situation {
    enum when when;
    int protocol;
    sa_family_t family;             /* of the socket, as far as the address or the arguments show it */
    const struct endpoint *address; /* asked for (bind), of the peer (connect), the socket's own
                                     * (listen); NULL on socket, and on listen if no rule asks for it */
    const char *path;               /* of AF_UNIX, an abstract name with '@' in front; else NULL */
    const struct rule *resume; /* where to resume: the rule that could not be decided without the protocol;
                                * NULL at first */
};

/* The first rule that matches, or NULL. With protocol PROTOCOL_NOT_ASKED and a rule that depends on it, sets
 * situation->resume and returns NULL: ask, and call again. */
const struct rule *policy_match(const struct policy *policy, struct situation *situation);

/* ---- shipped policies ----------------------------------------------------------------------- */

struct shipped_policy {
    const char *name;
    const char *start;
    const char *end;
};
extern const size_t shipped_policy_count;
struct shipped_policy shipped_policy_at(size_t index);
/* False if there is none of that name. */
bool shipped_policy_find(const char *name, struct shipped_policy *policy);

#endif
