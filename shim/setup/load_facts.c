/* SPDX-License-Identifier: MIT
 *
 * What must be known from the moment of loading. Contract in setup.h.
 */
#include "reuseshim/setup.h"

#include <string.h>

/* The variable that an entry "NAME=value" of the environment sets, and its value in *value; -1 if it is none
 * of ours, VARIABLE_COUNT if it is one that there is not. */
static int variable_of(const char *entry, const char **value)
{
    static const char prefix[] = "REUSESHIM_";
    /* A letter of the instruction first: to look at a constant costs every process a page. */
    if (entry[0] != 'R' || strncmp(entry, prefix, sizeof prefix - 1) != 0)
        return -1;
    for (int i = 0; i < VARIABLE_COUNT; i++) {
        size_t length = strlen(variable_names[i]);
        if (strncmp(entry, variable_names[i], length) == 0 && entry[length] == '=') {
            *value = entry + length + 1;
            return i;
        }
    }
    return variable_is_unknown(entry) ? VARIABLE_COUNT : -1;
}

static void identify_log_fd(struct load_facts *facts)
{
    const char *log = facts->values[VARIABLE_LOG];
    uint64_t fd;
    if (log && strncmp(log, "fd:", 3) == 0 && text_to_number(log + 3, strlen(log + 3), INT32_MAX, &fd) &&
        !raw_identify((int)fd, &facts->log_file))
        facts->log_file.mode = 0;
}

/* "DEVICE:INODE" of the socket that leads to the journal. A program that was given another stderr since then
 * has inherited the variable, and not that socket. */
static bool leads_to_journal(const char *stream, const struct raw_identity *file)
{
    uint64_t device, inode;
    size_t digits = stream ? strcspn(stream, ":") : 0;
    return digits && stream[digits] && file->mode && text_to_number(stream, digits, UINT64_MAX, &device) &&
           text_to_number(stream + digits + 1, strlen(stream + digits + 1), UINT64_MAX, &inode) &&
           device == file->device && inode == file->inode;
}

void load_facts_forget(char **environment)
{
    static const char prefix[] = "REUSESHIM_";
    char **kept = environment;
    for (char **entry = environment; *entry; entry++)
        if (strncmp(*entry, prefix, sizeof prefix - 1) != 0)
            *kept++ = *entry;
    *kept = NULL;
}

bool load_facts_capture(struct load_facts *facts, char *const *environment, bool secure)
{
    const char *found[VARIABLE_COUNT] = {NULL};
    const char *journal_stream = NULL, *unknown = NULL;
    size_t size = 0;
    for (char *const *entry = environment; *entry && !secure; entry++) {
        static const char stream[] = "JOURNAL_STREAM=";
        const char *value = "";
        int variable = variable_of(*entry, &value);
        if (variable < 0 && **entry == 'J' && strncmp(*entry, stream, sizeof stream - 1) == 0)
            journal_stream = *entry + sizeof stream - 1;
        if (variable == VARIABLE_COUNT && unknown == NULL) {
            unknown = *entry;
            size += strcspn(unknown, "=") + 1;
        }
        if (variable < 0 || variable == VARIABLE_COUNT || found[variable])
            continue; /* like getenv(3), the first one counts */
        found[variable] = value;
        size += strlen(value) + 1;
    }

    char *at = size ? raw_map(size) : NULL;
    memset(facts, 0, sizeof *facts);
    if (size && at == NULL)
        return false;
    facts->copies = at;
    facts->copies_size = size;
    for (int i = 0; i < VARIABLE_COUNT && at; i++) {
        if (found[i] == NULL)
            continue;
        size_t length = strlen(found[i]) + 1;
        facts->values[i] = memcpy(at, found[i], length);
        at += length;
    }
    if (unknown && at) {
        size_t length = strcspn(unknown, "=");
        facts->unknown = memcpy(at, unknown, length);
        at[length] = '\0';
    }
    facts->secure = secure;
    facts->stack_end = memory_stack_end(environment);
    if (!raw_identify(2, &facts->stderr_file))
        facts->stderr_file.mode = 0;
    facts->stderr_is_journal = leads_to_journal(journal_stream, &facts->stderr_file);
    identify_log_fd(facts);
    return true;
}

void load_facts_drop(struct load_facts *facts)
{
    if (facts->copies)
        raw_unmap(facts->copies, facts->copies_size);
}
