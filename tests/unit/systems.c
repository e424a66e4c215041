/* SPDX-License-Identifier: MIT
 *
 * What other systems answer: the well-known test program's grid for nine of them, Microsoft's three tables,
 * what several sockets at once do, and other users.
 */
#include "reuseshim/systems.h"
#include "tap.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

static struct endpoint at(const char *address)
{
    struct prefix parsed;
    if (prefix_parse(&parsed, address, strlen(address)) != PREFIX_OK)
        printf("# bad address %s\n", address);
    return endpoint_of(parsed.family, parsed.address, 80);
}

static struct system_socket made(int protocol, enum stage stage, const char *address, uint8_t asks)
{
    return (struct system_socket){protocol, at(address), asks, (uint8_t)stage, true, 1000};
}

/* ---- the grid ---------------------------------------------------------------------------------------------
 */

/* Old and new on: wildcard and wildcard, wildcard and one, one and wildcard, the same one; of multicast the
 * same one. '.' is allowed, 'x' refused. */
static const struct {
    int protocol;
    enum stage stage;
    bool multicast;
    uint8_t old, newcomer;
    char cells[9][5];
} grid[] = {
    {IPPROTO_TCP,
     STAGE_BOUND,
     false,
     0,
     0,
     {"xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx"}},
    {IPPROTO_TCP,
     STAGE_BOUND,
     false,
     ASKS_ADDRESS,
     0,
     {"xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx"}},
    {IPPROTO_TCP,
     STAGE_BOUND,
     false,
     0,
     ASKS_ADDRESS,
     {"x..x", "x..x", "x..x", "x..x", "x..x", "x..x", "x..x", "xxxx", "xxxx"}},
    {IPPROTO_TCP,
     STAGE_BOUND,
     false,
     ASKS_ADDRESS,
     ASKS_ADDRESS,
     {"x..x", "x..x", "x..x", "x..x", "x..x", "x..x", "x..x", "....", "...."}},
    {IPPROTO_TCP,
     STAGE_BOUND,
     false,
     ASKS_PORT,
     0,
     {"xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "n/a", "xxxx", "n/a", "xxxx"}},
    {IPPROTO_TCP,
     STAGE_BOUND,
     false,
     0,
     ASKS_PORT,
     {"x..x", "x..x", "x..x", "x..x", "x..x", "n/a", "xxxx", "n/a", "xxxx"}},
    {IPPROTO_TCP,
     STAGE_BOUND,
     false,
     ASKS_PORT,
     ASKS_PORT,
     {"....", "....", "....", "....", "....", "n/a", ".xx.", "n/a", "...."}},
    {IPPROTO_UDP,
     STAGE_BOUND,
     false,
     0,
     0,
     {"xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx"}},
    {IPPROTO_UDP,
     STAGE_BOUND,
     false,
     ASKS_ADDRESS,
     0,
     {"xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx"}},
    {IPPROTO_UDP,
     STAGE_BOUND,
     false,
     0,
     ASKS_ADDRESS,
     {"x..x", "x..x", "x..x", "x..x", "x..x", "....", "....", "xxxx", "xxxx"}},
    {IPPROTO_UDP,
     STAGE_BOUND,
     false,
     ASKS_ADDRESS,
     ASKS_ADDRESS,
     {"x..x", "x..x", "x..x", "x..x", "x..x", "....", "....", "....", "...."}},
    {IPPROTO_UDP,
     STAGE_BOUND,
     false,
     ASKS_PORT,
     0,
     {"xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "n/a", "xxxx", "n/a", "xxxx"}},
    {IPPROTO_UDP,
     STAGE_BOUND,
     false,
     0,
     ASKS_PORT,
     {"x..x", "x..x", "x..x", "x..x", "x..x", "n/a", "xxxx", "n/a", "xxxx"}},
    {IPPROTO_UDP,
     STAGE_BOUND,
     false,
     ASKS_PORT,
     ASKS_PORT,
     {"....", "....", "....", "....", "....", "n/a", "....", "n/a", "...."}},
    {IPPROTO_TCP,
     STAGE_LISTENING,
     false,
     0,
     0,
     {"xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx"}},
    {IPPROTO_TCP,
     STAGE_LISTENING,
     false,
     ASKS_ADDRESS,
     0,
     {"xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "xxxx"}},
    {IPPROTO_TCP,
     STAGE_LISTENING,
     false,
     0,
     ASKS_ADDRESS,
     {"x..x", "x..x", "x..x", "x..x", "x..x", "x..x", "x..x", "xxxx", "xxxx"}},
    {IPPROTO_TCP,
     STAGE_LISTENING,
     false,
     ASKS_ADDRESS,
     ASKS_ADDRESS,
     {"x..x", "x..x", "x..x", "x..x", "x..x", "x..x", "x..x", "xxxx", "xxxx"}},
    {IPPROTO_TCP,
     STAGE_LISTENING,
     false,
     ASKS_PORT,
     0,
     {"xxxx", "xxxx", "xxxx", "xxxx", "xxxx", "n/a", "xxxx", "n/a", "xxxx"}},
    {IPPROTO_TCP,
     STAGE_LISTENING,
     false,
     0,
     ASKS_PORT,
     {"x..x", "x..x", "x..x", "x..x", "x..x", "n/a", "xxxx", "n/a", "xxxx"}},
    {IPPROTO_TCP,
     STAGE_LISTENING,
     false,
     ASKS_PORT,
     ASKS_PORT,
     {"....", "....", "....", "....", "....", "n/a", ".xx.", "n/a", "...."}},
    {IPPROTO_UDP, STAGE_BOUND, true, 0, 0, {"x", "x", "x", "x", "x", "x", "x", "x", "x"}},
    {IPPROTO_UDP, STAGE_BOUND, true, ASKS_ADDRESS, 0, {"x", "x", "x", "x", "x", "x", "x", "x", "x"}},
    {IPPROTO_UDP, STAGE_BOUND, true, 0, ASKS_ADDRESS, {"x", "x", "x", "x", "x", ".", ".", "x", "x"}},
    {IPPROTO_UDP,
     STAGE_BOUND,
     true,
     ASKS_ADDRESS,
     ASKS_ADDRESS,
     {".", ".", ".", ".", ".", ".", ".", ".", "."}},
    {IPPROTO_UDP, STAGE_BOUND, true, ASKS_PORT, 0, {"x", "x", "x", "x", "x", "n/a", "x", "n/a", "x"}},
    {IPPROTO_UDP, STAGE_BOUND, true, 0, ASKS_PORT, {"x", "x", "x", "x", "x", "n/a", "x", "n/a", "x"}},
    {IPPROTO_UDP, STAGE_BOUND, true, ASKS_PORT, ASKS_PORT, {".", ".", ".", ".", ".", "n/a", ".", "n/a", "."}},
};
static const enum system grid_systems[] = {SYSTEM_BSD,     SYSTEM_MACOS,     SYSTEM_FREEBSD,
                                           SYSTEM_OPENBSD, SYSTEM_NETBSD,    SYSTEM_SOLARIS,
                                           SYSTEM_ILLUMOS, SYSTEM_LINUX_2_6, SYSTEM_LINUX};

static char cell_of(enum system system, size_t row, size_t column)
{
    static const char addresses[4][2][10] = {{"0.0.0.0", "0.0.0.0"},
                                             {"0.0.0.0", "127.0.0.1"},
                                             {"127.0.0.1", "0.0.0.0"},
                                             {"127.0.0.1", "127.0.0.1"}};
    const char *one = grid[row].multicast ? "224.1.2.3" : addresses[column][0];
    const char *two = grid[row].multicast ? "224.1.2.3" : addresses[column][1];
    struct system_socket old = made(grid[row].protocol, grid[row].stage, one, grid[row].old);
    struct system_socket newcomer = made(grid[row].protocol, STAGE_BOUND, two, grid[row].newcomer);
    struct system_answer answer = system_judge(system, &old, 1, &newcomer);
    return answer.error == 0 ? '.' : answer.error == EADDRINUSE ? 'x' : '?';
}

static void check_grid(size_t column)
{
    enum system system = grid_systems[column];
    bool good = true;
    for (size_t row = 0; row < sizeof grid / sizeof *grid; row++) {
        const char *cells = grid[row].cells[column];
        char found[5] = "";
        for (size_t i = 0; strcmp(cells, "n/a") != 0 && i < strlen(cells); i++)
            found[i] = cell_of(system, row, i);
        if (strcmp(cells, "n/a") == 0 ? cell_of(system, row, 0) != '?' : strcmp(found, cells) != 0) {
            printf("# row %zu: %s instead of %s\n", row, found, cells);
            good = false;
        }
    }
    ok(good, system_title(system));
}

/* The program prints nine rows for each line above: all pairs of wildcard, loopback and another address. Two
 * different addresses never meet. */
static void count_refused(void)
{
    static const size_t weight[4] = {1, 2, 2, 2};
    static const struct {
        size_t column, refused;
    } counts[] = {{0, 135}, {1, 135}, {2, 135}, {3, 135}, {4, 135}, {6, 140}, {8, 157}, {5, 72}, {7, 97}};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        size_t refused = 0;
        for (size_t row = 0; row < sizeof grid / sizeof *grid; row++)
            for (size_t i = 0; i < 4; i++)
                refused += (cell_of(grid_systems[counts[c].column], row, i) == 'x') *
                           (grid[row].multicast ? i == 0 ? 9U : 0U : weight[i]);
        if (refused != counts[c].refused)
            printf("# %s: %zu instead of %zu\n", system_title(grid_systems[counts[c].column]), refused,
                   counts[c].refused);
        ok(refused == counts[c].refused, "as many rows of that program are refused as are published");
    }
}

/* ---- Windows ----------------------------------------------------------------------------------------------
 */

static const char windows[3][6][6][6] = {{{"INUSE", "INUSE", "ok", "ok", "INUSE", "INUSE"},
                                          {"INUSE", "INUSE", "ok", "ok", "INUSE", "INUSE"},
                                          {"INUSE", "INUSE", "ok", "ok", "INUSE", "INUSE"},
                                          {"INUSE", "INUSE", "ok", "ok", "INUSE", "INUSE"},
                                          {"INUSE", "INUSE", "ACCES", "ACCES", "INUSE", "INUSE"},
                                          {"INUSE", "INUSE", "ACCES", "ACCES", "INUSE", "INUSE"}},
                                         {{"INUSE", "ok", "ACCES", "ok", "INUSE", "ok"},
                                          {"ok", "INUSE", "ok", "ACCES", "INUSE", "INUSE"},
                                          {"INUSE", "ok", "ok", "ok", "INUSE", "ok"},
                                          {"ok", "INUSE", "ok", "ok", "INUSE", "INUSE"},
                                          {"INUSE", "ACCES", "ACCES", "ACCES", "INUSE", "ACCES"},
                                          {"ok", "INUSE", "ok", "ACCES", "INUSE", "INUSE"}},
                                         {{"INUSE", "ACCES", "ACCES", "ACCES", "INUSE", "ACCES"},
                                          {"ok", "INUSE", "ok", "ACCES", "INUSE", "INUSE"},
                                          {"INUSE", "ACCES", "ok", "ok", "INUSE", "ACCES"},
                                          {"ok", "INUSE", "ok", "ok", "INUSE", "INUSE"},
                                          {"INUSE", "ACCES", "ACCES", "ACCES", "INUSE", "ACCES"},
                                          {"ok", "INUSE", "ok", "ACCES", "INUSE", "INUSE"}}};

static void check_windows(size_t table, const char *name)
{
    static const uint8_t asks[3] = {0, ASKS_ADDRESS, ASKS_EXCLUSIVE};
    size_t wrong = 0;
    for (size_t i = 0; i < 36; i++) {
        size_t one = i / 6, two = i % 6;
        struct system_socket old =
            made(IPPROTO_UDP, STAGE_BOUND, one % 2 ? "10.0.0.1" : "0.0.0.0", asks[one / 2]);
        struct system_socket newcomer =
            made(IPPROTO_UDP, STAGE_BOUND, two % 2 ? "10.0.0.1" : "0.0.0.0", asks[two / 2]);
        newcomer.user += table == 2;
        int error = system_judge(table ? SYSTEM_WINDOWS : SYSTEM_WINDOWS_XP, &old, 1, &newcomer).error;
        const char *found = error == 0            ? "ok"
                            : error == EADDRINUSE ? "INUSE"
                            : error == EACCES     ? "ACCES"
                                                  : "?";
        if (strcmp(found, windows[table][one][two]) != 0) {
            printf("# %zu, %zu: %s instead of %s\n", one, two, found, windows[table][one][two]);
            wrong++;
        }
    }
    ok(wrong == 0, name);
}

/* ---- macOS ------------------------------------------------------------------------------------------------
 */

/* Groups by the options of the old socket: none, A, P, AP; inside by those of the new one. */
static void check_macos(const char *promise, const char *cells, const char *one, const char *two,
                        enum stage stage, uint32_t user)
{
    char found[20] = "";
    for (uint8_t i = 0; i < 16; i++) {
        struct system_socket old = made(IPPROTO_UDP, stage, one, i / 4);
        struct system_socket newcomer = made(IPPROTO_UDP, STAGE_BOUND, two, i % 4);
        newcomer.user = user;
        found[i + i / 4] = system_judge(SYSTEM_MACOS, &old, 1, &newcomer).error ? 'x' : '.';
        if (i % 4 == 3 && i < 15)
            found[i + i / 4 + 1] = ' ';
    }
    if (strcmp(found, cells) != 0)
        printf("# %s instead of %s\n", found, cells);
    ok(strcmp(found, cells) == 0, promise);
}

static void macos(void)
{
    static const char exact[] = "xxxx xxxx xx.. xx..", apart[] = "x... x... x... x...",
                      none[] = "xxxx xxxx xxxx xxxx", group[] = "xxxx x.x. x... x...";
    check_macos("macOS: two wildcards", exact, "0.0.0.0", "0.0.0.0", STAGE_BOUND, 1000);
    check_macos("macOS: two wildcards of two users", exact, "0.0.0.0", "0.0.0.0", STAGE_BOUND, 1001);
    check_macos("macOS: an address after the wildcard", apart, "0.0.0.0", "10.0.0.1", STAGE_BOUND, 1000);
    check_macos("macOS: the wildcard after an address, as root", apart, "10.0.0.1", "0.0.0.0", STAGE_BOUND,
                0);
    check_macos("macOS: the wildcard after another user's address", none, "10.0.0.1", "0.0.0.0", STAGE_BOUND,
                1001);
    check_macos("macOS: one address twice", exact, "10.0.0.1", "10.0.0.1", STAGE_BOUND, 1000);
    check_macos("macOS: one address twice, of two users", none, "10.0.0.1", "10.0.0.1", STAGE_BOUND, 1001);
    check_macos("macOS: beside a connection", apart, "10.0.0.1", "10.0.0.1", STAGE_CONNECTED, 1000);
    check_macos("macOS: beside another user's TIME_WAIT", none, "10.0.0.1", "0.0.0.0", STAGE_TIME_WAIT, 1001);
    check_macos("macOS: one multicast group twice", group, "224.0.0.251", "224.0.0.251", STAGE_BOUND, 1001);
    check_macos("macOS: a multicast group after the wildcard", apart, "0.0.0.0", "224.0.0.251", STAGE_BOUND,
                1001);
}

/* ---- what a grid of two sockets does not show -------------------------------------------------------------
 */

static int answer(enum system system, const struct system_socket *existing, size_t count,
                  const struct system_socket *newcomer)
{
    return system_judge(system, existing, count, newcomer).error;
}

static void others(void)
{
    struct system_socket existing[2] = {made(IPPROTO_TCP, STAGE_BOUND, "10.0.0.1", 0),
                                        made(IPPROTO_TCP, STAGE_BOUND, "10.0.0.1", ASKS_PORT)};
    struct system_socket newcomer = made(IPPROTO_TCP, STAGE_BOUND, "10.0.0.1", ASKS_PORT);
    ok(answer(SYSTEM_OPENBSD, existing, 2, &newcomer) == 0,
       "a BSD looks at the newest of several, an older one would refuse");
    ok(answer(SYSTEM_LINUX, existing, 2, &newcomer) == EADDRINUSE, "Linux looks at each");
    existing[1].user = 1001;
    ok(answer(SYSTEM_ILLUMOS, &existing[1], 1, &newcomer) == EPERM,
       "illumos: a group of another user says EPERM");
    ok(answer(SYSTEM_FREEBSD, &existing[1], 1, &newcomer) == EADDRINUSE, "FreeBSD: another user has it");
    existing[1].stage = STAGE_CONNECTED;
    ok(answer(SYSTEM_FREEBSD, &existing[1], 1, &newcomer) == 0,
       "FreeBSD: another user's connection does not count");
    newcomer.asks = ASKS_BALANCED;
    ok(answer(SYSTEM_FREEBSD, existing, 1, &newcomer) == EADDRINUSE,
       "FreeBSD: SO_REUSEPORT_LB wants itself on both");
    ok(answer(SYSTEM_NETBSD, existing, 1, &newcomer) == ENOPROTOOPT,
       "an option that is not there is said to be so");
    newcomer.asks = ASKS_ADDRESS;
    existing[0].stage = STAGE_TIME_WAIT;
    ok(answer(SYSTEM_BSD, existing, 1, &newcomer) == 0,
       "4.4BSD: SO_REUSEADDR of the newcomer alone gets past TIME_WAIT");
    ok(answer(SYSTEM_LINUX, existing, 1, &newcomer) == EADDRINUSE, "Linux: not so");
    existing[0].asks = ASKS_EXCLUSIVE;
    ok(answer(SYSTEM_SOLARIS, existing, 1, &newcomer) == 0,
       "Solaris: SO_EXCLBIND does not outlive the connection");
    existing[0].stage = STAGE_CONNECTED;
    ok(answer(SYSTEM_SOLARIS, existing, 1, &newcomer) == EADDRINUSE, "Solaris: but lasts as long as that");
}

int main(void)
{
    for (size_t i = 0; i < sizeof grid_systems / sizeof *grid_systems; i++)
        check_grid(i);
    count_refused();
    check_windows(0, "Windows to XP: 36 cells");
    check_windows(1, "Windows from 2003 on, one user: 36 cells");
    check_windows(2, "Windows from 2003 on, two users: 36 cells");
    macos();
    others();
    return tap_end();
}
