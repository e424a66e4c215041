/* SPDX-License-Identifier: MIT
 *
 * From the environment to a policy in force. Makes system calls; async-signal-safe.
 */
#ifndef REUSESHIM_SETUP_H
#define REUSESHIM_SETUP_H

#include "reuseshim/file.h"
#include "reuseshim/memory.h"
#include "reuseshim/raw.h"
#include "reuseshim/settings.h"

/* What must be known from the moment of loading, because the program may change it later: the variables
 * (setproctitle(3) overwrites their memory) and which files the log descriptors were. */
struct load_facts {
    const char *values[VARIABLE_COUNT];
    const char *unknown;             /* the first REUSESHIM_ name that there is not, NULL if all are right */
    struct raw_identity stderr_file; /* mode 0: was not open */
    struct raw_identity log_file;    /* of fd:N; mode 0: was not open, or no such setting */
    uintptr_t stack_end;             /* see memory.h */
    bool stderr_is_journal;          /* as JOURNAL_STREAM says, systemd.exec(5) */
    bool secure;                     /* AT_SECURE: no variable is trusted */
    char *copies;                    /* of the values and that name; NULL if there are none */
    size_t copies_size;
};

/* Fills in the facts; the values are copied to fresh memory, if there are any. False if there is none to be
 * had. The copies are meant to live as long as the process; load_facts_drop is for those that lost a race. */
bool load_facts_capture(struct load_facts *facts, char *const *environment, bool secure);
void load_facts_drop(struct load_facts *facts);
/* Takes our variables out of an environment. */
void load_facts_forget(char **environment);

/* A text with rules in it. */
struct rule_text {
    const char *place; /* as complaints name it */
    const char *start;
    size_t length;
    bool from_variable;
};
/* The rules of REUSESHIM_RULES, none for NULL. */
struct rule_text rule_text_of_variable(const char *rules);
/* The text of a policy: a shipped one, or what `name` is the path of, which is mapped into `file`;
 * file->start is to be unmapped. 0, or -errno. */
int rule_text_of_policy(struct rule_text *text, struct file_text *file, const char *name);
/* Is it the path of a file, or the name of a shipped policy? */
bool policy_is_path(const char *name);

/* Puts the rules of REUSESHIM_RULES and of the policy into `policy`: into `room` if they fit, else into a
 * mapping that is meant to live as long as the process. `names` are those of the program,
 * NULL to find them out (only if a rule asks for it). False with a complaint; the policy is then empty. */
bool policy_load(struct policy *policy, struct rule *room, size_t room_count, const struct settings *settings,
                 const struct names *names, struct complaint *complaint);
/* Settles what `exclusive` means in the rules of a policy; false with a complaint where it means nothing.
 * Pure. */
bool policy_settle(struct policy *policy, struct rule *rules, struct complaint *complaint);
/* Unmaps the rules of a policy that lost a race. */
void policy_drop(const struct policy *policy);

/* In which text a rule stands: "REUSESHIM_RULES", or the name of the policy. */
const char *rule_source(const struct rule *rule, const char *policy_name);
/* "restart:16", "REUSESHIM_RULES:1"; of a long path the end. */
void rule_write(struct text *text, const struct policy *policy, const struct rule *rule);

/* Everything the doors go by. Immutable once published. */
struct shim {
    const struct load_facts *facts;
    struct lasting_memory memory;
    struct settings settings;
    struct policy policy;        /* without rules if `broken` */
    uint8_t ruled_calls;         /* bits of enum when: the calls that need more than passing on */
    uint8_t guard_on, guard_off; /* options (bits) that a rule in play forces, or strips */
    bool before_bind;            /* a rule in play does something before bind, or each decision is traced */
    bool at_listen;              /* a rule in play has something to do at listen() */
    bool listen_by_address;      /* and hangs on the socket's address */
    bool watches;
    bool emulates;
    bool broken;
    struct complaint complaint; /* why, if `broken` */
};

/* Fills in, from the settings and the rules in play, which calls need more than passing on. Pure. */
void shim_find_work(struct shim *shim);

#endif
