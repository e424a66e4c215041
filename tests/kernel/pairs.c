/* SPDX-License-Identifier: MIT
 *
 * The model against the kernel: every pair of an existing socket and a newcomer, bind and then listen both
 * ways, each pair on a port of its own (the kernel's bucket cache must not carry over). As root; prints TAP.
 *
 *   pairs [-l LIBRARY [-u UID] [-s STEP]] [-t FILE] [-e EVERY]
 *
 * With a library the newcomer's calls are made by a process that has it preloaded, as user UID, every STEPth
 * of them, and the record of a refusal is compared with the truth. -t writes all outcomes to FILE, for replay
 * under a bent rule. -e tries every EVERYth pair only.
 */
#define _GNU_SOURCE
#include "arguments.h"
#include "judge.h"
#include "tap.h"
#include "witness.h"
#include "world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIRST_PORT = 1024, LAST_PORT = 32767 };

static struct arguments arguments;
static bool witnessed; /* the last call was made under the library */
static uint16_t port = FIRST_PORT;
static long all_pairs, all_outcomes;

/* The newcomer's call, with or without the witness: 0 or an errno. */
static int make_call(enum call call, int fd, const struct choice *choice, uint16_t to)
{
    struct sockaddr_storage address;
    socklen_t length = world_address(&address, choice->place->address, to);
    if ((witnessed = witness_is_asked()))
        return witness_call(call, fd, &address, length);
    int result = call == CALL_BIND ? bind(fd, (struct sockaddr *)&address, length) : listen(fd, 8);
    return result == 0 ? 0 : errno;
}

static void judge(struct tally *tally, const struct newcomer *b, const struct holder *a, int error)
{
    if (error != 0 && error != EADDRINUSE) {
        printf("# unexpected: %s\n", strerror(error));
        tally->mismatches++;
        return;
    }
    judge_pair(tally, b, a, error != 0, arguments.trials);
    if (error && witnessed)
        judge_record(tally, b, a, 1);
}

/* B listens, then A, if they still can. */
static void try_listen(struct tally *tally, const struct kind *kind, struct resident *a, int fd,
                       const struct choice *old_choice, const struct choice *new_choice, uint16_t at)
{
    struct newcomer b = world_newcomer(true, new_choice, at);
    b.call = CALL_LISTEN;
    int error = make_call(CALL_LISTEN, fd, new_choice, at);
    judge(tally, &b, &a->holder, error);
    if (kind->life != BOUND)
        return;
    struct newcomer late = world_newcomer(true, old_choice, at);
    struct holder now = world_describe(true, fd, error ? STATE_CLOSE : STATE_LISTEN, new_choice);
    late.call = CALL_LISTEN;
    judge(tally, &late, &now, make_call(CALL_LISTEN, a->open[0], old_choice, at));
}

static void try_pair(struct tally *tally, const struct kind *kind, const struct choice *old_choice,
                     const struct choice *new_choice)
{
    struct resident a;
    uint16_t at = port;
    if (!arguments_take(&arguments) || !world_settle(&a, kind, old_choice, &at))
        return;
    int fd = world_socket(kind->tcp, new_choice);
    struct newcomer b = world_newcomer(kind->tcp, new_choice, at);
    int error = make_call(CALL_BIND, fd, new_choice, at);
    if (error != EADDRNOTAVAIL) {
        judge(tally, &b, &a.holder, error);
        all_pairs++;
        if (error == 0 && kind->tcp)
            try_listen(tally, kind, &a, fd, old_choice, new_choice, at);
    }
    close(fd);
    world_leave(&a);
    port = port == LAST_PORT ? FIRST_PORT : (uint16_t)(port + 1);
}

static void begin(void)
{
    world_begin();
    if (arguments.library)
        witness_start(arguments.library, arguments.user);
}

static void end(const char *name, const struct tally *tally)
{
    char line[400];
    witness_stop();
    judge_write(line, sizeof line, name, tally);
    ok(judge_is_clean(tally) && tally->outcomes > 0, line);
    fflush(stdout);
    all_outcomes += tally->outcomes;
}

/* ---- the parts ------------------------------------------------------------------------------------- */

/* All places against each other. */
static void each_place(struct tally *tally, const struct kind *kind, struct choice old_choice,
                       struct choice new_choice)
{
    for (int i = 0; i < PLACES * PLACES; i++) {
        old_choice.place = &places[i / PLACES];
        new_choice.place = &places[i % PLACES];
        try_pair(tally, kind, &old_choice, &new_choice);
    }
}

static void options_and_users(const struct kind *kind)
{
    struct tally tally = {0};
    begin();
    for (unsigned bits = 0; bits < 32; bits++) {
        uint32_t other = bits & 16 ? OTHER_USER : 0;
        each_place(
            &tally, kind, (struct choice){.reuseaddr = bits & 1, .reuseport = bits & 2},
            (struct choice){.reuseaddr = bits & 4, .reuseport = bits & 8, .uid = other, .accepter = other});
    }
    end(kind->name, &tally);
}

static void devices_of(const struct kind *kind)
{
    struct tally tally = {0};
    char name[64];
    begin();
    for (unsigned bits = 0; bits < 16; bits++)
        for (unsigned pair = 1; pair < DEVICES * DEVICES; pair++)
            each_place(
                &tally, kind,
                (struct choice){.reuseaddr = bits & 1, .reuseport = bits & 2, .device = pair / DEVICES},
                (struct choice){.reuseaddr = bits & 4, .reuseport = bits & 8, .device = pair % DEVICES});
    snprintf(name, sizeof name, "%s, on devices", kind->name);
    end(name, &tally);
}

/* The newcomer, or both, have a reuseport program. */
static void groups_of(const struct kind *kind)
{
    struct tally tally = {0};
    char name[64];
    begin();
    for (unsigned bits = 0; bits < 32; bits++) {
        bool both = bits & 8;
        each_place(&tally, kind,
                   (struct choice){.reuseaddr = bits & 1, .reuseport = both || bits & 2, .own_group = both},
                   (struct choice){.reuseaddr = bits & 4,
                                   .reuseport = true,
                                   .own_group = true,
                                   .uid = bits & 16 ? OTHER_USER : 0});
    }
    snprintf(name, sizeof name, "%s, with reuseport programs", kind->name);
    end(name, &tally);
}

/* socket() by one user, accept() by another. */
static void accepted_by_others(const struct kind *kind)
{
    struct tally tally = {0};
    char name[64];
    begin();
    for (unsigned bits = 0; bits < 16; bits++)
        each_place(
            &tally, kind,
            (struct choice){.reuseaddr = bits & 1, .reuseport = true, .uid = 0, .accepter = OTHER_USER},
            (struct choice){.reuseaddr = bits & 2, .reuseport = bits & 4, .uid = bits & 8 ? OTHER_USER : 0});
    snprintf(name, sizeof name, "%s by another user", kind->name);
    end(name, &tally);
}

int main(int argc, char **argv)
{
    arguments_read(&arguments, argc, argv);
    for (unsigned k = 0; k < kind_count; k++)
        options_and_users(&kinds[k]);
    for (unsigned k = 0; k < kind_count; k++)
        if (kinds[k].life == BOUND || kinds[k].life == LISTENING)
            devices_of(&kinds[k]);
    for (unsigned k = 0; k < kind_count; k++)
        if (kinds[k].life == BOUND || kinds[k].life == LISTENING)
            groups_of(&kinds[k]);
    for (unsigned k = 0; k < kind_count; k++)
        if (kinds[k].life == ACCEPTED || kinds[k].life == FIN_WAIT1_ORPHAN)
            accepted_by_others(&kinds[k]);
    char line[64];
    snprintf(line, sizeof line, "in all %ld pairs, %ld outcomes", all_pairs, all_outcomes);
    ok(all_pairs * (arguments.every > 1 ? arguments.every : 1) > 60000, line);
    return tap_end();
}
