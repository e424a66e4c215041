/* SPDX-License-Identifier: MIT
 *
 * libFuzzer: a refusal from the question to the record, on a kernel that says anything: hostile names,
 * contradictory sockets, files that change. The record is whole in each of its forms.
 */
#include "parts/expect.h"
#include "parts/kernel.h"
#include "parts/record_forms.h"
#include "reuseshim/conflict.h"
#include "reuseshim/deadline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct scratch scratch;
static struct conflict conflict;

/* Byte `at` of the section that says what is refused. */
static uint8_t told(const struct sections *sections, size_t at)
{
    return sections_byte(sections, "refused", at);
}

static struct newcomer read_newcomer(const struct sections *sections)
{
    static const int errors[] = {EADDRINUSE, EADDRNOTAVAIL, EACCES, EPERM, EINVAL, EAGAIN};
    static const sa_family_t families[] = {AF_INET, AF_INET6, AF_UNIX, AF_UNSPEC, AF_NETLINK};
    struct newcomer newcomer;
    struct endpoint argument = {.family = families[told(sections, 2) % (sizeof families / sizeof *families)],
                                .port = (uint16_t)(told(sections, 3) << 8 | told(sections, 4)),
                                .scope = told(sections, 5)};
    for (size_t i = 0; i < sizeof argument.address; i++)
        argument.address[i] = told(sections, 6 + i);
    newcomer_ask(&newcomer, (enum call)(told(sections, 0) % CALL_SOCKET), 3,
                 errors[told(sections, 1) % (sizeof errors / sizeof *errors)], &argument, true);
    if (argument.family == AF_UNIX) {
        char *path = sections_string(sections, "path");
        newcomer.path.length = (uint8_t)strnlen(path, sizeof newcomer.path.bytes);
        memcpy(newcomer.path.bytes, path, newcomer.path.length);
        if (newcomer.path.length && path[0] == '@')
            newcomer.path.bytes[0] = '\0';
        free(path);
    }
    return newcomer;
}

static void check_conflict(void)
{
    expect_string(conflict.because);
    expect_string(conflict.socket_unit);
    expect_string(conflict.own_cgroup);
    expect(conflict.cause < CAUSE_COUNT, "the cause is one");
    expect(conflict.holder_count <= HOLDERS_MAX && conflict.cure_count <= CURES_MAX, "the lists fit");
    for (uint32_t i = 0; i < conflict.holder_count; i++) {
        const struct holder *holder = &conflict.holders[i];
        expect(holder->owners < HOLDERS_MAX && holder->cgroup <= CGROUPS_MAX && holder->owner < OWNER_COUNT,
               "a holder's owners are on the list");
        expect_string(conflict.owners[holder->owners].cgroup);
    }
    for (uint32_t i = 0; i < conflict.cure_count; i++) {
        const struct cure *cure = &conflict.cures[i];
        expect_string(cure->text);
        expect_string(cure->rules);
        expect(cure->text[0] && cure->apply_to < APPLY_TO_COUNT, "a cure says what to do");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sections sections;
    uint64_t evicted = 0;
    sections_read(&sections, data, size);
    kernel_begin(&sections);
    struct newcomer newcomer = read_newcomer(&sections);
    uint8_t what = told(&sections, 22);
    conflict_begin(&conflict, 100, what & 1);
    conflict.by_hand = what & 2;
    struct record record = {.event = EVENT_CONFLICT, .newcomer = &newcomer, .conflict = &conflict};
    bool wanted = true;
    if (what & 4) {
        wanted = conflict_sharing(&conflict, &newcomer, &scratch);
        record.event = EVENT_SHARED;
    } else if (what & 8) {
        conflict_present(&conflict, &newcomer, &scratch);
        conflict_judge(&conflict, &newcomer);
    } else {
        wanted = conflict_explain(&conflict, &newcomer, &scratch);
        record.event = conflict.refusal.found ? EVENT_REFUSED : EVENT_CONFLICT;
    }
    if (wanted) {
        check_conflict();
        record.program = "program";
        expect_record(&record);
    }
    if (what & 16)
        (void)conflict_evict(&newcomer, &evicted, deadline_in(100), &scratch);
    kernel_end();
    return 0;
}
