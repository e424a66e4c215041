/* SPDX-License-Identifier: MIT
 *
 * libFuzzer: calls through the doors, on a real kernel, with any address, length and pointer, under policies
 * of the input's choice. Each must say what the kernel says to a twin that has no library: its result, its
 * errno, and no SIGSEGV where that is EFAULT. To be run in a network namespace of its own, in which lo is up.
 *
 * The source of the state is included: a process has one policy for life, and the fuzzer wants several.
 */
#define _GNU_SOURCE
#include "../../shim/hooks/state.c"

#include "parts/expect.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/un.h>

enum { OPERATIONS_MAX = 6, ADDRESS_MAX = 128, PAGE = 4096, TAKEN_PORT = 7777, UNTOUCHED = 77 };

/* ---- policies ----------------------------------------------------------------------------------- */

/* What a rule may make out of a refusal beside what the kernel says; 0 for none. */
static const struct {
    const char *rules, *level, *diagnose;
    int gets_in_after;    /* the errno that it may turn into a success */
    bool may_be_kept_out; /* EADDRINUSE where the twin gets in */
} kinds[] = {
    {"keep", "conflict", "auto", 0, false},
    {"keep", "trace", "always", 0, false},
    {"", "conflict", "auto", EADDRINUSE, false},
    {"force reuseaddr,reuseport", "change", "auto", EADDRINUSE, false},
    {"watch strip reuseaddr,reuseport", "conflict", "auto", 0, true},
    {"on connect force reuseaddr; on listen tcp force reuseport", "change", "auto", EADDRINUSE, false},
    /* After a connect in vain a port of 0 is no port yet, and so bind can be called again. */
    {"on connect force bind-address-no-port", "change", "auto", EINVAL, false},
    {"force freebind", "conflict", "never", EADDRNOTAVAIL, false},
    {"unix evict; tcp evict wait 1ms retry reuseaddr", "conflict", "auto", EADDRINUSE, false},
    {"port 1-7776 keep; address 127.0.0.0/8 loopback retry reuseport; unix path * keep", "conflict", "auto",
     EADDRINUSE, false},
};
enum { KINDS = sizeof kinds / sizeof *kinds };
static struct slot slots[KINDS];

static void prepare_policies(void)
{
    static struct load_facts facts[KINDS];
    for (size_t i = 0; i < KINDS; i++) {
        facts[i].values[VARIABLE_RULES] = kinds[i].rules;
        facts[i].values[VARIABLE_LEVEL] = kinds[i].level;
        facts[i].values[VARIABLE_DIAGNOSE] = kinds[i].diagnose;
        facts[i].values[VARIABLE_LOG] = "/dev/null";
        facts[i].stack_end = memory_stack_end(environ);
        fill(&slots[i], &facts[i]);
        expect(!slots[i].shim.broken, slots[i].shim.complaint.line);
    }
}

/* ---- the world ---------------------------------------------------------------------------------- */

static int taken;   /* listens on the port that is taken */
static char *pages; /* one that can be read, and one that cannot */

/* Sockets of AF_UNIX are made in a folder of their own. */
static char folder[] = "/tmp/reuseshim-doors.XXXXXX";

static void remove_folder(void)
{
    if (chdir("/") == 0)
        (void)rmdir(folder);
}

static void prepare_world(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(TAKEN_PORT)};
    expect(mkdtemp(folder) && chdir(folder) == 0 && atexit(remove_folder) == 0, "a folder");
    taken = raw_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    expect(raw_bind(taken, &address, sizeof address) == 0 && raw_listen(taken, 100) == 0,
           "a port to take: is this a network namespace of its own?");
    pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    expect(pages != MAP_FAILED && mprotect(pages + PAGE, PAGE, PROT_NONE) == 0, "pages");
}

/* ---- operations --------------------------------------------------------------------------------- */

enum door { DOOR_BIND, DOOR_CONNECT, DOOR_LISTEN, DOOR_SETSOCKOPT, DOOR_BINDRESVPORT, DOORS };

struct operation {
    enum door door;
    int level, name, backlog;
    const void *pointer;
    socklen_t length;
    char *room; /* to be freed */
};

struct input {
    const uint8_t *at;
    size_t left;
};

static unsigned take_byte(struct input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->at++;
}

static const struct {
    int level, name;
} options[] = {
    {SOL_SOCKET, SO_REUSEADDR},
    {SOL_SOCKET, SO_REUSEPORT},
    {SOL_SOCKET, SO_KEEPALIVE},
    {IPPROTO_IP, IP_ADD_MEMBERSHIP},
    {IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP},
    {IPPROTO_IP, MCAST_JOIN_GROUP},
    {IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP},
    {IPPROTO_IPV6, IPV6_JOIN_GROUP},
    {IPPROTO_IPV6, MCAST_JOIN_GROUP},
    {IPPROTO_IPV6, IPV6_V6ONLY},
};

/* A length of the input's own, or one that is right for something. */
static socklen_t take_length(struct input *input)
{
    static const unsigned usual[] = {16, 28,  24,  4,       8,        2,        0,   110,
                                     3,  128, 129, INT_MAX, UINT_MAX, 1U << 31, 136, 20};
    unsigned choice = take_byte(input);
    return choice < 16 ? usual[choice] : choice - 16;
}

/* As many bytes as the call may read, in memory that ends there and begins where it likes. */
static void take_pointer(struct operation *operation, struct input *input)
{
    static const uintptr_t wild[] = {0, 1, UINTPTR_MAX, (uintptr_t)1 << 63, UINTPTR_MAX - 8};
    unsigned kind = take_byte(input);
    size_t room = operation->length > 2 * ADDRESS_MAX ? 2 * ADDRESS_MAX : operation->length;
    size_t count = room < input->left ? room : input->left, shift = kind & 3;
    char *bytes;
    if (kind >= 0xf0) {
        operation->pointer = kind >= 0xf8 ? pages + PAGE : (const void *)wild[(kind - 0xf0) % 5];
        return;
    }
    if (kind >= 0xe0) { /* it ends where nothing can be read, or a little behind that */
        size_t here = room < PAGE ? room : PAGE;
        here -= here && kind & 4;
        bytes = pages + PAGE - here;
        count = count < here ? count : here;
        memset(bytes, 0, here);
    } else {
        operation->room = calloc(1, room + shift ? room + shift : 1);
        if (operation->room == NULL)
            abort();
        bytes = operation->room + shift;
    }
    memcpy(bytes, input->at, count);
    input->at += count;
    input->left -= count;
    operation->pointer = bytes;
    /* No file is made elsewhere. */
    sa_family_t family = AF_UNSPEC;
    if (count > sizeof family)
        memcpy(&family, bytes, sizeof family);
    for (size_t i = sizeof family; family == AF_UNIX && i < count; i++)
        bytes[i] = bytes[i] == '/' ? '_' : bytes[i];
}

static void take_operation(struct operation *operation, struct input *input)
{
    memset(operation, 0, sizeof *operation);
    operation->door = (enum door)(take_byte(input) % DOORS);
    if (operation->door == DOOR_LISTEN) {
        operation->backlog = (int)take_byte(input) - 1;
        return;
    }
    if (operation->door == DOOR_SETSOCKOPT) {
        unsigned option = take_byte(input) % (sizeof options / sizeof *options);
        operation->level = options[option].level;
        operation->name = options[option].name;
    }
    operation->length =
        operation->door == DOOR_BINDRESVPORT ? sizeof(struct sockaddr_in) : take_length(input);
    take_pointer(operation, input);
    /* libc looks at it itself, and lives through no wild one. */
    if (operation->door == DOOR_BINDRESVPORT && operation->room == NULL)
        operation->pointer = NULL;
}

/* The last one is no socket. */
static const struct {
    int family, type;
} sockets[] = {{AF_INET, SOCK_STREAM}, {AF_INET6, SOCK_STREAM}, {AF_INET, SOCK_DGRAM},
               {AF_INET6, SOCK_DGRAM}, {AF_UNIX, SOCK_STREAM},  {AF_UNIX, SOCK_DGRAM},
               {AF_NETLINK, SOCK_RAW}, {AF_UNSPEC, 0}};
enum { SOCKETS = sizeof sockets / sizeof *sockets };

static int make_socket(unsigned which)
{
    if (sockets[which].family == AF_UNSPEC)
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
    int fd = raw_socket(sockets[which].family, sockets[which].type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* So that no TIME_WAIT is in the way of the twin. */
    static const struct linger at_once = {1, 0};
    (void)raw_setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    return fd;
}

static int through_door(int fd, const struct operation *operation)
{
    errno = UNTOUCHED;
    switch (operation->door) {
    case DOOR_BIND:
        return bind(fd, operation->pointer, operation->length);
    case DOOR_CONNECT:
        return connect(fd, operation->pointer, operation->length);
    case DOOR_LISTEN:
        return listen(fd, operation->backlog);
    case DOOR_SETSOCKOPT:
        return setsockopt(fd, operation->level, operation->name, operation->pointer, operation->length);
    case DOOR_BINDRESVPORT:
    case DOORS:
        break;
    }
    return bindresvport(fd, (struct sockaddr_in *)(uintptr_t)operation->pointer);
}

static int of_kernel(int fd, const struct operation *operation)
{
    switch (operation->door) {
    case DOOR_BIND:
        return raw_bind(fd, operation->pointer, operation->length);
    case DOOR_CONNECT:
        return raw_connect(fd, operation->pointer, operation->length);
    case DOOR_LISTEN:
        return raw_listen(fd, operation->backlog);
    case DOOR_SETSOCKOPT:
        return raw_setsockopt(fd, operation->level, operation->name, operation->pointer, operation->length);
    case DOOR_BINDRESVPORT:
    case DOORS:
        break;
    }
    return next.bindresvport(fd, (struct sockaddr_in *)(uintptr_t)operation->pointer) == 0 ? 0 : -errno;
}

static void empty_folder(void)
{
    DIR *here = opendir(".");
    for (struct dirent *entry; here && (entry = readdir(here)) != NULL;)
        (void)unlink(entry->d_name); /* not "." and ".." */
    if (here)
        closedir(here);
}

static void clean_up(int fd, int family)
{
    int accepted;
    if (fd >= 0)
        raw_close(fd);
    if (family == AF_UNIX)
        empty_folder();
    while ((accepted = accept4(taken, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
        raw_close(accepted);
}

/* ---- the comparison ------------------------------------------------------------------------------ */

/* A connection to nobody on loopback may be refused at once or a moment later. */
static int settled(int result)
{
    return result == -ECONNREFUSED ? -EINPROGRESS : result;
}

static void check(size_t kind, const int *ours, const int *theirs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (settled(ours[i]) == settled(theirs[i]))
            continue;
        /* Behind the first hurdle, of the address or of a second bind, there may be another one. */
        bool past = ours[i] == 0 || theirs[i] == -EADDRNOTAVAIL || theirs[i] == -EINVAL;
        bool got_in = past && kinds[kind].gets_in_after && theirs[i] == -kinds[kind].gets_in_after;
        bool kept_out = kinds[kind].may_be_kept_out && ours[i] == -EADDRINUSE && theirs[i] == 0;
        if (!got_in && !kept_out)
            fprintf(stderr, "policy '%s', call %zu: %d through the door, %d of the kernel\n",
                    kinds[kind].rules, i, ours[i], theirs[i]);
        expect(got_in || kept_out, "a door says what the kernel says");
        return; /* what comes then is another story */
    }
}

static int lowest_free(void)
{
    int fd = dup(2);
    raw_close(fd);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_ready; /* not before an input: -merge=1 has a second process */
    struct operation operations[OPERATIONS_MAX];
    int ours[OPERATIONS_MAX], theirs[OPERATIONS_MAX];
    struct input input = {data, size};
    size_t kind = take_byte(&input) % KINDS, count = 0;
    unsigned which = take_byte(&input) % SOCKETS;
    if (!is_ready) {
        prepare_policies();
        prepare_world();
        is_ready = true;
    }
    while (input.left && count < OPERATIONS_MAX)
        take_operation(&operations[count++], &input);
    int free_before = lowest_free();
    atomic_store(&shim_published, &slots[kind].shim);

    int fd = make_socket(which);
    for (size_t i = 0; i < count; i++) {
        ours[i] = through_door(fd, &operations[i]);
        expect(ours[i] < 0 || errno == UNTOUCHED, "a success leaves errno alone");
        ours[i] = ours[i] < 0 ? -errno : ours[i];
    }
    clean_up(fd, sockets[which].family);
    expect(lowest_free() == free_before, "no descriptor is left open");

    fd = make_socket(which);
    for (size_t i = 0; i < count; i++)
        theirs[i] = of_kernel(fd, &operations[i]);
    clean_up(fd, sockets[which].family);
    check(kind, ours, theirs, count);
    for (size_t i = 0; i < count; i++)
        free(operations[i].room);
    return 0;
}
