/* SPDX-License-Identifier: MIT
 *
 * From loading to a published state that is only read. No lock: a thread that loses the race drops its copy.
 * Contract in hooks.h.
 */
#include "hooks.h"

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
static _Atomic(const struct shim *) prepared;

/* In force while there is no environment or no memory yet: changes nothing, writes nothing. */
static const struct shim inert = {.settings = {.log = LOG_NONE}, .broken = true};

/* The first caller fills the library's static copy; one that races with it makes a copy of its own. */
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

/* A shim and room for the rules of nearly every policy. */
struct slot {
    struct shim shim;
    struct rule rules[8];
};

static void fill(struct slot *slot, const struct load_facts *facts)
{
    struct shim *shim = &slot->shim;
    shim->facts = facts;
    shim->memory.stack_end = facts->stack_end;
    memory_find_data(&shim->memory);
    shim->broken = !settings_parse(&shim->settings, facts->values, &shim->complaint);
    if (facts->secure)
        shim->settings.diagnose = DIAGNOSE_NEVER; /* what it finds is not for the one who started us */
    if (!shim->broken)
        shim->broken = !policy_load(&shim->policy, slot->rules, sizeof slot->rules / sizeof *slot->rules,
                                    &shim->settings, NULL, &shim->complaint);
    shim_find_work(shim);
}

/* Reads settings and policy, as load_facts does the facts: the first to come into memory of the library.
 * Without any variable set this makes no system call. */
static const struct shim *make(void)
{
    static struct slot first;
    static _Atomic bool taken;
    const struct shim *made = atomic_load_explicit(&prepared, memory_order_acquire);
    const struct load_facts *facts = made ? NULL : facts_ready(environ);
    if (made || facts == NULL)
        return made;
    bool is_first = !atomic_exchange(&taken, true);
    struct slot *slot = is_first ? &first : raw_map(sizeof *slot);
    if (slot == NULL)
        return NULL;
    fill(slot, facts);
    if (atomic_compare_exchange_strong(&prepared, &made, &slot->shim))
        return &slot->shim;
    policy_drop(&slot->shim.policy);
    if (!is_first)
        raw_unmap(slot, sizeof *slot);
    return made;
}

/* A name that is misspelt changes nothing: what it was to say is not known. */
__attribute__((noinline)) static void report_unknown(const struct shim *shim)
{
    struct complaint complaint;
    variable_complain(&complaint, shim->facts->unknown);
    report_message(shim, NULL, LEVEL_ERROR, complaint.line);
}

/* From now on the doors go by it. An error is told here, at the first door, and not at loading: a shell's
 * children that never make a socket have nothing to say. */
static void publish(const struct shim *shim)
{
    const struct shim *none = NULL;
    if (!atomic_compare_exchange_strong(&shim_published, &none, shim))
        return;
    if (shim->broken)
        report_message(shim, NULL, LEVEL_ERROR, shim->complaint.line);
    if (UNLIKELY(shim->facts->unknown != NULL))
        report_unknown(shim);
    if (shim->broken && shim->settings.exit_on_error)
        (void)syscall(SYS_exit_group, EXIT_BAD_CONFIGURATION);
}

const struct shim *shim_prepare(void)
{
    int saved = errno;
    const struct shim *shim = make();
    if (shim)
        publish(shim);
    errno = saved;
    return shim ? shim : &inert;
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
    char **environment = environ ? environ : envp;
    const struct load_facts *facts = facts_ready(environment);
    /* What a set-user-ID program starts is no longer AT_SECURE if it has become that user altogether: then
     * the variables would be trusted. ld.so(8) takes its own out of the environment for the same reason. */
    if (facts && facts->secure && environment)
        load_facts_forget(environment);
    /* A policy file is read before the program changes its directory, its user or its system calls. */
    if (facts && facts->copies) {
        const struct shim *shim = make();
        if (shim && shim->broken && shim->settings.exit_on_error)
            publish(shim);
    }
    errno = saved;
}
