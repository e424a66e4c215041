/* SPDX-License-Identifier: MIT
 *
 * Contract in world.h. Whatever cannot be made ends the test: it would prove nothing.
 */
#define _GNU_SOURCE
#include "world.h"

#include "reuseshim/linux.h"
#include "reuseshim/protocol.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <unistd.h>

const struct place places[PLACES] = {
    {"0.0.0.0", false, "127.0.0.1"},
    {"127.0.0.1", false, "127.0.0.1"},
    {"127.0.0.2", false, "127.0.0.2"},
    {"127.0.0.6", false, "127.0.0.6"},
    {"::", false, "::1"},
    {"::", true, "::1"},
    {"::1", false, "::1"},
    {"::ffff:127.0.0.1", false, "127.0.0.1"},
    {"::ffff:0.0.0.0", false, "127.0.0.1"},
};
const char *const devices[DEVICES] = {NULL, "lo", "other"};

const struct kind kinds[] = {
    {"TCP, bound", true, BOUND},
    {"TCP, listening", true, LISTENING},
    {"TCP, accepted", true, ACCEPTED},
    {"TCP, TIME_WAIT of a server", true, TIME_WAIT_OF_SERVER},
    {"TCP, FIN_WAIT1 orphan", true, FIN_WAIT1_ORPHAN},
    {"TCP, FIN_WAIT2 orphan", true, FIN_WAIT2_ORPHAN},
    {"TCP, client that had bound", true, CLIENT_WITH_PORT},
    {"TCP, client that had not", true, CLIENT},
    {"TCP, TIME_WAIT of a client", true, TIME_WAIT_OF_CLIENT},
    {"UDP, bound", false, BOUND},
    {"UDP, connected", false, CONNECTED},
};
const unsigned kind_count = sizeof kinds / sizeof *kinds;

static uint32_t device_index[DEVICES];
static int services[4]; /* what clients connect to: ports 1 and 2, IPv4 and IPv6 */

static void must(bool good, const char *what)
{
    if (good)
        return;
    printf("# cannot %s: %s\n", what, strerror(errno));
    fflush(stdout);
    abort();
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
    close(fd);
}

void world_set_range(unsigned first, unsigned last)
{
    char text[32];
    snprintf(text, sizeof text, "%u %u", first, last);
    write_file("/proc/sys/net/ipv4/ip_local_port_range", text);
}

socklen_t world_address(struct sockaddr_storage *address, const char *text, uint16_t port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        memcpy(address, &v4, sizeof v4);
        return sizeof v4;
    }
    must(inet_pton(AF_INET6, text, &v6.sin6_addr) == 1, text);
    memcpy(address, &v6, sizeof v6);
    return sizeof v6;
}

static int serve(const char *text, uint16_t port)
{
    struct sockaddr_storage address;
    socklen_t length = world_address(&address, text, port);
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    must(bind(fd, (struct sockaddr *)&address, length) == 0 && listen(fd, 128) == 0, "serve");
    return fd;
}

void world_begin(void)
{
    must(unshare(CLONE_NEWNET) == 0, "unshare");
    must(system("ip link set lo up && ip link add other type veth peer name far && ip link set other up") ==
             0,
         "make devices");
    for (unsigned i = 1; i < DEVICES; i++)
        must((device_index[i] = if_nametoindex(devices[i])) != 0, "find a device");
    world_set_range(40000, 60999);
    write_file("/proc/sys/net/ipv4/tcp_max_tw_buckets", "200000");
    for (int i = 0; i < 4; i++)
        services[i] = serve(i & 1 ? "::1" : "127.0.0.9", i < 2 ? 1 : 2);
}

static int make(bool tcp, bool v6, uint32_t uid)
{
    setfsuid(uid);
    int fd = socket(v6 ? AF_INET6 : AF_INET, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
    setfsuid(0);
    must(fd >= 0, "make a socket");
    return fd;
}

int world_socket(bool tcp, const struct choice *choice)
{
    int on = 1, v6only = choice->place->v6only;
    bool v6 = strchr(choice->place->address, ':') != NULL;
    int fd = make(tcp, v6, choice->uid);
    struct sock_filter first = {BPF_RET | BPF_K, 0, 0, 0};
    struct sock_fprog program = {1, &first};
    if (v6)
        must(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof v6only) == 0, "set v6only");
    if (choice->reuseaddr)
        must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0, "set reuseaddr");
    if (choice->reuseport)
        must(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0, "set reuseport");
    if (choice->own_group)
        must(setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) == 0, "attach");
    if (choice->device)
        must(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, devices[choice->device],
                        (socklen_t)strlen(devices[choice->device])) == 0,
             "set device");
    return fd;
}

int world_bind(int fd, const struct choice *choice, uint16_t port)
{
    struct sockaddr_storage address;
    socklen_t length = world_address(&address, choice->place->address, port);
    return bind(fd, (struct sockaddr *)&address, length);
}

struct holder world_describe(bool tcp, int fd, uint8_t state, const struct choice *choice)
{
    struct sockaddr_storage name;
    socklen_t length = sizeof name;
    int v6only = -1;
    bool mini = state == STATE_TIME_WAIT || state == STATE_FIN_WAIT2,
         orphan = mini || state == STATE_FIN_WAIT1;
    struct holder holder = {.protocol = tcp ? IPPROTO_TCP : IPPROTO_UDP,
                            .state = state,
                            .inode = orphan ? 0 : 1,
                            .uid = choice->uid,
                            .uid_known = !mini,
                            .device_known = true,
                            .device = device_index[choice->device],
                            .reuseaddr = choice->reuseaddr,
                            .reuseport = choice->reuseport,
                            .outgoing = UNKNOWN,
                            .automatic = UNKNOWN,
                            .inherited = NO,
                            .connect_placed = UNKNOWN};
    getsockname(fd, (struct sockaddr *)&name, &length);
    endpoint_from_sockaddr(&holder.local, &name, length);
    length = sizeof name;
    if (getpeername(fd, (struct sockaddr *)&name, &length) == 0)
        endpoint_from_sockaddr(&holder.remote, &name, length);
    length = sizeof v6only;
    getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, &length);
    holder.v6only = v6only < 0 ? UNKNOWN : v6only != 0;
    return holder;
}

struct newcomer world_newcomer(bool tcp, const struct choice *choice, uint16_t port)
{
    struct sockaddr_storage address;
    struct newcomer newcomer = {.call = CALL_BIND,
                                .type = tcp ? SOCK_STREAM : SOCK_DGRAM,
                                .protocol = tcp ? IPPROTO_TCP : IPPROTO_UDP,
                                .uid = choice->uid,
                                .uid_known = true,
                                .device = device_index[choice->device],
                                .own_group = choice->own_group,
                                .autobind_reuse = NO,
                                .kernel = kernel_version(),
                                .options = {[OPTION_REUSEADDR] = choice->reuseaddr,
                                            [OPTION_REUSEPORT] = choice->reuseport,
                                            [OPTION_V6ONLY] = (tristate)choice->place->v6only}};
    socklen_t length = world_address(&address, choice->place->address, port);
    endpoint_from_sockaddr(&newcomer.local, &address, length);
    newcomer.family = newcomer.local.family;
    return newcomer;
}

/* ---- how each kind comes to be ------------------------------------------------------------------ */

static int connect_to(int fd, const char *text, uint16_t port, bool v6)
{
    struct sockaddr_storage address;
    char mapped[64];
    snprintf(mapped, sizeof mapped, "::ffff:%s", text);
    socklen_t length = world_address(&address, v6 && !strchr(text, ':') ? mapped : text, port);
    return connect(fd, (struct sockaddr *)&address, length);
}

/* A client of the server at `choice`; on its own device if the server is on one. */
static int call(const struct choice *choice, uint16_t port)
{
    int fd = make(true, strchr(choice->place->peer, ':') != NULL, 0), small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    must(connect_to(fd, choice->place->peer, port, false) == 0, "connect to a server");
    return fd;
}

static void read_to_end(int fd)
{
    char bytes[256];
    while (read(fd, bytes, sizeof bytes) > 0)
        continue;
}

/* The bucket cache ("fastreuse") would let in whoever has the listener's user and address: a bind without
 * SO_REUSEPORT makes the kernel forget it, and meets nobody. */
static void forget_listener(uint16_t port)
{
    const struct place aside = {.address = "127.0.0.3"};
    const struct choice plain = {.place = &aside};
    int fd = world_socket(true, &plain);
    must(world_bind(fd, &plain, port) == 0, "bind aside");
    close(fd);
}

/* The state of one connection, asked for by its 4-tuple; 0 if there is none. *uid is the one that the kernel
 * compares: an orphan had 0 before 6.17. */
static uint8_t state_of(int fd, const struct holder *holder, uint32_t *uid)
{
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 request;
    } ask = {.header = {sizeof ask, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 0, 0},
             .request = {.sdiag_family = (uint8_t)holder->local.family,
                         .sdiag_protocol = IPPROTO_TCP,
                         .idiag_states = ~0U,
                         .id = {.idiag_sport = htons(holder->local.port),
                                .idiag_dport = htons(holder->remote.port),
                                .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}}};
    struct {
        struct nlmsghdr header;
        struct inet_diag_msg message;
        char attributes[4096];
    } answer;
    memcpy(ask.request.id.idiag_src, holder->local.address, 16);
    memcpy(ask.request.id.idiag_dst, holder->remote.address, 16);
    must(send(fd, &ask, sizeof ask, 0) == sizeof ask && recv(fd, &answer, sizeof answer, 0) > 0,
         "ask for a state");
    if (answer.header.nlmsg_type != SOCK_DIAG_BY_FAMILY)
        return 0;
    *uid = answer.message.idiag_uid;
    return answer.message.idiag_state;
}

/* Until the kernel shows it in its state: an ACK may be on the way. */
static void until_settled(struct holder *holder)
{
    uint32_t uid = holder->uid;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), tries = 0;
    must(fd >= 0, "make a netlink socket");
    while (state_of(fd, holder, &uid) != holder->state && tries++ < 1000)
        usleep(tries > 10 ? 1000 : 0);
    must(tries < 1000, "see the state");
    if (holder->uid_known)
        holder->uid = uid;
    close(fd);
}

static void settle_server(struct resident *resident, const struct kind *kind, const struct choice *choice,
                          uint16_t port, int listener)
{
    int small = 4608, on = 1;
    char bytes[8192] = "";
    setsockopt(listener, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    must(listen(listener, 8) == 0, "listen");
    int client = call(choice, port);
    setfsuid(choice->accepter);
    int child = accept(listener, NULL, NULL);
    setfsuid(0);
    must(child >= 0, "accept");
    close(listener);
    if (choice->uid != choice->accepter)
        forget_listener(port);
    static const uint8_t states[] = {[ACCEPTED] = STATE_ESTABLISHED,
                                     [TIME_WAIT_OF_SERVER] = STATE_TIME_WAIT,
                                     [FIN_WAIT1_ORPHAN] = STATE_FIN_WAIT1,
                                     [FIN_WAIT2_ORPHAN] = STATE_FIN_WAIT2};
    resident->holder = world_describe(true, child, states[kind->life], choice);
    resident->holder.uid = choice->accepter;
    resident->open[0] = client;
    if (kind->life == ACCEPTED) {
        resident->open[1] = child;
        return;
    }
    while (kind->life == FIN_WAIT1_ORPHAN && send(child, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        continue;
    close(child);
    setsockopt(client, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on); /* acknowledges the FIN now */
    if (kind->life == TIME_WAIT_OF_SERVER) {
        read_to_end(client);
        close(client);
        resident->open[0] = -1;
    }
    until_settled(&resident->holder);
}

static void settle_client(struct resident *resident, const struct kind *kind, const struct choice *choice,
                          uint16_t *port, int fd)
{
    bool v6 = strchr(choice->place->address, ':') != NULL;
    bool to6 = strchr(choice->place->peer, ':') != NULL;
    must(connect_to(fd, to6 ? "::1" : "127.0.0.9", 1, v6) == 0, "connect");
    /* On a slow machine the kernel may still be at it. */
    must(poll(&(struct pollfd){services[to6], POLLIN, 0}, 1, 60000) == 1, "be connected to");
    int served = accept(services[to6], NULL, NULL);
    must(served >= 0, "accept");
    bool leaves = kind->life == TIME_WAIT_OF_CLIENT;
    resident->holder = world_describe(true, fd, leaves ? STATE_TIME_WAIT : STATE_ESTABLISHED, choice);
    resident->holder.outgoing = YES;
    resident->holder.automatic = kind->life == CLIENT;
    resident->holder.connect_placed = kind->life == CLIENT;
    *port = resident->holder.local.port;
    resident->open[0] = fd;
    resident->open[1] = served;
    if (leaves) {
        close(fd);
        read_to_end(served);
        close(served);
        resident->open[0] = resident->open[1] = -1;
    }
}

bool world_settle(struct resident *resident, const struct kind *kind, const struct choice *choice,
                  uint16_t *port)
{
    int fd = world_socket(kind->tcp, choice);
    *resident = (struct resident){.open = {-1, -1, -1}};
    if (kind->life != CLIENT && world_bind(fd, choice, *port) != 0) {
        must(errno == EADDRNOTAVAIL, "bind the first socket"); /* ::1 on another device */
        close(fd);
        return false;
    }
    if (kind->life == CLIENT_WITH_PORT || kind->life == CLIENT || kind->life == TIME_WAIT_OF_CLIENT) {
        settle_client(resident, kind, choice, port, fd);
    } else if (kind->life == BOUND || kind->life == LISTENING || kind->life == CONNECTED) {
        bool v6 = strchr(choice->place->address, ':') != NULL;
        if (kind->life == LISTENING)
            must(listen(fd, 8) == 0, "listen");
        if (kind->life == CONNECTED)
            must(connect_to(fd, choice->place->peer, *port, v6) == 0, "connect a datagram socket");
        uint8_t state = kind->life == LISTENING   ? STATE_LISTEN
                        : kind->life == CONNECTED ? STATE_ESTABLISHED
                                                  : STATE_CLOSE;
        resident->holder = world_describe(kind->tcp, fd, state, choice);
        resident->holder.automatic = NO;
        resident->open[0] = fd;
    } else {
        settle_server(resident, kind, choice, *port, fd);
    }
    return true;
}

void world_leave(struct resident *resident)
{
    /* A reset leaves nothing behind that would slow down the next thousands. */
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    for (int i = 0; i < 3; i++)
        if (resident->open[i] >= 0) {
            setsockopt(resident->open[i], SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
            close(resident->open[i]);
        }
    for (int i = 0; i < 4; i++)
        for (int left; (left = accept(services[i], NULL, NULL)) >= 0; close(left))
            setsockopt(left, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}
