/* SPDX-License-Identifier: MIT
 *
 * From loading to a state that is only read: no lock, whoever comes second throws his copy away. Contract in
 * doors.h.
 */
#include "doors.h"

#include "reuseshim/file.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#pragma weak getauxval

enum { EXIT_BAD_CONFIGURATION = 78 }; /* EX_CONFIG of sysexits.h */

extern char **environ;

_Atomic(const struct shim *) shim_published;
static _Atomic(struct load_facts *) captured;

/* Goes by in the moment when there is no environment or no memory: does nothing, says nothing. */
static const struct load_facts no_facts;
static const struct shim inert = {.facts = &no_facts, .settings = {.log = LOG_NONE}, .broken = true};

/* The first to come fills in the facts that are part of the library, at no cost in memory; who comes while he
 * is at it makes his own. */
static const struct load_facts *facts_ready(char *const *environment)
{
    static struct load_facts first;
    static _Atomic bool taken;
    struct load_facts *published = atomic_load_explicit(&captured, memory_order_acquire);
    if (published || environment == NULL)
        return published;
    bool is_first = !atomic_exchange(&taken, true);
    struct load_facts *facts = is_first ? &first : raw_map(sizeof *facts);
    if (facts == NULL || !load_facts_capture(facts, environment, getauxval && getauxval(AT_SECURE)))
        return NULL;
    if (atomic_compare_exchange_strong(&captured, &published, facts))
        return facts;
    load_facts_drop(facts);
    if (!is_first)
        raw_unmap(facts, sizeof *facts);
    return published;
}

static void find_work(struct shim *shim)
{
    const uint8_t reuse = 1U << OPTION_REUSEADDR | 1U << OPTION_REUSEPORT;
    shim->busy = shim->policy.when;
    if (shim->settings.level == LEVEL_TRACE)
        shim->busy |= WHEN_SOCKET | WHEN_BIND | WHEN_CONNECT;
    for (size_t i = 0; i < shim->policy.count; i++)
        if (!shim->policy.rules[i].other_program)
            shim->guarded |= (shim->policy.rules[i].force | shim->policy.rules[i].strip) & reuse;
}

static const struct shim *prepare(void)
{
    struct shim draft = {.facts = facts_ready(environ)};
    struct policy_memory memory;
    if (draft.facts == NULL)
        return &inert;
    file_executable_name("/proc/self/exe", draft.program, sizeof draft.program);
    draft.memory.stack_end = draft.facts->stack_end;
    memory_find_data(&draft.memory);
    draft.broken = !settings_parse(&draft.settings, draft.facts->values, &draft.complaint);
    if (draft.facts->secure)
        draft.settings.diagnose = DIAGNOSE_NEVER; /* what it finds is not for the one who started us */
    if (!policy_load(&draft.policy, &memory, sizeof draft, draft.broken ? NULL : &draft.settings,
                     draft.program, &draft.complaint)) {
        draft.broken = true;
        if (memory.start == NULL)
            return &inert;
    }

    find_work(&draft);
    struct shim *shim = memory.start;
    const struct shim *published = NULL;
    *shim = draft;
    if (!atomic_compare_exchange_strong(&shim_published, &published, shim)) {
        raw_unmap(memory.start, memory.size);
        return published;
    }
    if (shim->broken)
        report_message(shim, NULL, LEVEL_ERROR, shim->complaint.line);
    if (shim->broken && shim->settings.exit_on_error)
        (void)syscall(SYS_exit_group, EXIT_BAD_CONFIGURATION);
    return shim;
}

const struct shim *shim_prepare(void)
{
    int saved = errno;
    const struct shim *shim = prepare();
    errno = saved;
    return shim;
}

/* A head start; every door works without it. Only glibc passes arguments to constructors, and only there can
 * `environ` still be unset (this library depends on nothing, so it may come before libc's own constructor).
 */
__attribute__((constructor)) static void loaded(int argc, char **argv, char **envp)
{
    int saved = errno;
    (void)argc;
    (void)argv;
    next_resolve();
    const struct load_facts *facts = facts_ready(environ ? environ : envp);
    const char *on_error = facts ? facts->values[VARIABLE_ON_ERROR] : NULL;
    /* Who asked to fail early gets it; everybody else's policy is read at the first door, if there is one. */
    if (on_error && on_error[0] == 'e')
        (void)shim_ready();
    errno = saved;
}
