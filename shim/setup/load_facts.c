/* SPDX-License-Identifier: MIT
 *
 * What must be known from the moment of loading. Contract in setup.h.
 */
#include "reuseshim/file.h"
#include "reuseshim/setup.h"

#include <string.h>

/* The variable that an entry "NAME=value" of the environment sets, or -1; *value is set to its value. */
static int variable_of(const char *entry, const char **value)
{
    static const char prefix[] = "REUSESHIM_";
    if (strncmp(entry, prefix, sizeof prefix - 1) != 0)
        return -1;
    for (int i = 0; i < VARIABLE_COUNT; i++) {
        size_t length = strlen(variable_names[i]);
        if (strncmp(entry, variable_names[i], length) == 0 && entry[length] == '=') {
            *value = entry + length + 1;
            return i;
        }
    }
    return -1;
}

static void identify_log_fd(struct load_facts *facts)
{
    const char *log = facts->values[VARIABLE_LOG];
    uint64_t fd;
    if (log && strncmp(log, "fd:", 3) == 0 && text_to_number(log + 3, strlen(log + 3), INT32_MAX, &fd) &&
        !raw_identify((int)fd, &facts->log_file))
        facts->log_file.mode = 0;
}

/* The kernel puts the environment at the top of the main thread's stack, and leaves at least 128 MiB between
 * that stack and the mappings below it. If this runs on that stack, everything from here up to the
 * environment is stack for good. */
static uintptr_t find_stack_end(char *const *environment)
{
    uintptr_t here = (uintptr_t)__builtin_frame_address(0), end = (uintptr_t)environment;
    return end > here && end - here < STACK_SPAN_MAX ? end : 0;
}

struct load_facts *load_facts_capture(char *const *environment, bool secure)
{
    const char *found[VARIABLE_COUNT] = {NULL};
    size_t size = sizeof(struct load_facts);
    for (char *const *entry = environment; entry && *entry && !secure; entry++) {
        const char *value;
        int variable = variable_of(*entry, &value);
        if (variable < 0 || found[variable]) /* like getenv(3), the first one counts */
            continue;
        found[variable] = value;
        size += strlen(value) + 1;
    }

    struct load_facts *facts = raw_map(size);
    if (facts == NULL)
        return NULL;
    char *at = (char *)(facts + 1);
    for (int i = 0; i < VARIABLE_COUNT; i++) {
        if (found[i] == NULL)
            continue;
        size_t length = strlen(found[i]) + 1;
        facts->values[i] = memcpy(at, found[i], length);
        at += length;
    }
    facts->mapped = size;
    facts->secure = secure;
    facts->stack_end = find_stack_end(environment);
    if (!raw_identify(2, &facts->stderr_file))
        facts->stderr_file.mode = 0;
    identify_log_fd(facts);
    file_executable_name("/proc/self/exe", facts->program, sizeof facts->program);
    return facts;
}

void load_facts_free(struct load_facts *facts)
{
    raw_unmap(facts, facts->mapped);
}
