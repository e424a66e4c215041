/* SPDX-License-Identifier: MIT
 *
 * What bench.sh measures with. Each mode prints the nanoseconds of one unit of work, or does the work only.
 *
 * - threads N bind|listen|refused COUNT: one round of one of N threads
 * - bare-among N COUNT: what refused-among does, without the library, and one dump of sock_diag
 * - walk COUNT: reads the links of all descriptors of all processes
 * - time-calls WHICH COUNT: one of "calls"
 * - bind COUNT: socket, bind to a free fixed port, close
 * - bind-own COUNT: the same, setting SO_REUSEADDR itself
 * - listen COUNT, listen-own COUNT: the same with listen
 * - refused COUNT: a refused bind
 * - refused-bare COUNT: the same and one dump of sock_diag, all states of that port
 * - refused-at PORT COUNT: a refused bind to that port of 127.0.0.1
 * - refused-among N COUNT: a refused bind, with N connections on the listener's port
 * - taken COUNT: all of so many ports that are taken
 * - exhausted COUNT: so many connects with no port left
 * - run-of COUNT COMMAND...: a run of that command
 * - crowd PROCESSES PAIRS: only makes them, and prints "ready"
 * - calls WHICH COUNT: socket, setsockopt or connect so often (to count instructions)
 */
#define _GNU_SOURCE
#include "measure.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sockaddr_in address = {.sin_family = AF_INET};

static void choose_port(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t length = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&address, length) ||
        getsockname(fd, (struct sockaddr *)&address, &length))
        exit(1);
    close(fd);
}

static void bind_once(int own)
{
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    if (own)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0)
        exit(1);
    close(fd);
}

static void dump(void)
{
    static char answer[32768];
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 request;
    } ask = {.header = {sizeof ask, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 0, 0},
             .request = {.sdiag_family = AF_INET,
                         .sdiag_protocol = IPPROTO_TCP,
                         .idiag_states = 0x3fff,
                         .id = {.idiag_sport = address.sin_port}}};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (send(fd, &ask, sizeof ask, 0) < 0)
        exit(1);
    ssize_t length;
    do
        length = recv(fd, answer, sizeof answer, 0);
    while (length > 0 && ((struct nlmsghdr *)(void *)answer)->nlmsg_type != NLMSG_DONE);
    close(fd);
}

/* With BENCH_ANEW the port is taken on all addresses, and one after the other is asked for, of more than are
 * remembered: so each refusal is explained in full. */
static int anew;

static struct sockaddr_in holders_address(void)
{
    struct sockaddr_in held = address;
    if (anew)
        held.sin_addr.s_addr = htonl(INADDR_ANY);
    return held;
}

static struct sockaddr_in next_address(void)
{
    static _Atomic uint32_t turn;
    struct sockaddr_in next = address;
    if (anew)
        next.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + turn++ % 200);
    return next;
}

static void refused_once(int bare)
{
    struct sockaddr_in to = next_address();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr *)&to, sizeof to) == 0)
        exit(1);
    if (bare)
        dump();
    close(fd);
}

static void listen_once(int own)
{
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    if (own)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 8) != 0)
        exit(1);
    close(fd);
}

/* Each of so many ports is taken; they are tried one after the other. */
static double try_taken(long count)
{
    struct sockaddr_in *taken = calloc((size_t)count, sizeof *taken);
    for (long i = 0; i < count; i++) {
        socklen_t length = sizeof *taken;
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        taken[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        if (bind(fd, (struct sockaddr *)&taken[i], length) || listen(fd, 8) ||
            getsockname(fd, (struct sockaddr *)&taken[i], &length))
            exit(1);
    }
    double start = now();
    for (long i = 0; i < count; i++) {
        address = taken[i];
        refused_once(0);
    }
    return now() - start;
}

/* Binds until no port of the range is left, then connects so many times. */
static double connect_without_ports(long count)
{
    struct rlimit files = {1 << 17, 1 << 17};
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    setrlimit(RLIMIT_NOFILE, &files);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(1);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 8))
        exit(1);
    struct sockaddr_in any = {.sin_family = AF_INET};
    while (bind(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&any, sizeof any) == 0)
        continue;
    double start = now();
    for (long i = 0; i < count; i++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
            exit(1);
        close(fd);
    }
    return now() - start;
}

static void calls(const char *which, long count)
{
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);
    socklen_t length = sizeof address;
    listen(listener, 8);
    getsockname(listener, (struct sockaddr *)&address, &length);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (long i = 0; i < count; i++) {
        if (which[0] == 'c')
            connect(udp, (struct sockaddr *)&address, sizeof address);
        else if (which[1] == 'o')
            close(socket(AF_INET, SOCK_DGRAM, 0));
        else
            setsockopt(udp, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    }
}

/* So many connections, spread over a fixed number of processes: it is the connections that shall count. */
static void connect_many(int listener, long connections)
{
    enum { PROCESSES = 250 };
    const long each = (connections + PROCESSES - 1) / PROCESSES;
    struct sockaddr_in from = {.sin_family = AF_INET};
    const struct linger reset = {1, 0};
    for (long made = 0; made < connections; made += each) {
        int ready[2];
        char byte;
        if (pipe(ready) != 0)
            exit(1);
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            /* An address for each process: ports would not do for all of them. */
            from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 256 + (uint32_t)(made / each));
            for (int i = 0; i < each; i++) {
                int fd = socket(AF_INET, SOCK_STREAM, 0);
                setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
                if (bind(fd, (struct sockaddr *)&from, sizeof from) ||
                    connect(fd, (struct sockaddr *)&address, sizeof address) ||
                    accept(listener, NULL, NULL) < 0)
                    _exit(1);
            }
            close(listener);
            if (write(ready[1], "", 1) != 1)
                _exit(1);
            pause();
        }
        close(ready[1]);
        if (read(ready[0], &byte, 1) != 1)
            exit(1);
        close(ready[0]);
    }
}

static int listen_somewhere(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    choose_port();
    struct sockaddr_in held = holders_address();
    if (bind(fd, (struct sockaddr *)&held, sizeof held) || listen(fd, 4096))
        exit(1);
    return fd;
}

/* Idle processes beside some that have all the connections. */
static void crowd(long processes, long pairs)
{
    connect_many(listen_somewhere(), pairs);
    for (long i = 0; i < processes; i++)
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (int fd = 3; fd < 16; fd++)
                close(fd);
            pause();
        }
    puts("ready");
    fflush(stdout);
    pause();
}

static void run(char **command)
{
    pid_t pid = fork();
    int status;
    if (pid == 0) {
        if (freopen("/dev/null", "w", stdout) != NULL)
            execvp(command[0], command);
        _exit(127);
    }
    if (waitpid(pid, &status, 0) < 0 || status != 0)
        exit(1);
}

/* What whoever looks for the owner of a socket cannot do without, if the owner is the last one. */
static void walk(void)
{
    char path[300], link[64];
    DIR *all = opendir("/proc");
    for (struct dirent *process; (process = readdir(all)) != NULL;) {
        snprintf(path, sizeof path, "/proc/%s/fd", process->d_name);
        DIR *open = process->d_name[0] >= '1' && process->d_name[0] <= '9' ? opendir(path) : NULL;
        for (struct dirent *file; open && (file = readdir(open)) != NULL;)
            if (readlinkat(dirfd(open), file->d_name, link, sizeof link) < 0)
                continue;
        if (open)
            closedir(open);
    }
    closedir(all);
}

static struct {
    long count;
    char kind;
} thread_work;

static void *work(void *unused)
{
    for (long i = 0; i < thread_work.count; i++) {
        if (thread_work.kind == 'r') {
            refused_once(0);
            continue;
        }
        struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (bind(fd, (struct sockaddr *)&any, sizeof any) || (thread_work.kind == 'l' && listen(fd, 8)))
            exit(1);
        close(fd);
    }
    return unused;
}

static void time_threads(long threads, char kind, long count)
{
    pthread_t all[64];
    thread_work.count = count;
    thread_work.kind = kind;
    if (kind == 'r')
        listen_somewhere();
    double start = now();
    for (long i = 0; i < threads && i < 64; i++)
        if (pthread_create(&all[i], NULL, work, NULL) != 0)
            exit(1);
    for (long i = 0; i < threads && i < 64; i++)
        pthread_join(all[i], NULL);
    printf("%.0f\n", (now() - start) / (double)count);
}

/* The median time of some runs of one of the above. */
static int dumps_too;

static void time_runs(long count, char **command)
{
    static double times[1000];
    for (long i = 0; i < count; i++) {
        double start = now();
        if (command)
            run(command);
        else
            refused_once(dumps_too);
        times[i] = now() - start;
    }
    qsort(times, (size_t)count, sizeof *times, compare);
    printf("%.0f\n", times[count / 2]);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 2 ? argv[1] : "";
    long count = argc > 2 ? atol(argv[2]) : 0;
    anew = getenv("BENCH_ANEW") != NULL;
    if (strcmp(mode, "threads") == 0 && argc > 4) {
        time_threads(count, argv[3][0], atol(argv[4]));
        return 0;
    }
    if (strcmp(mode, "time-calls") == 0 && argc > 3) {
        double start = now();
        calls(argv[2], atol(argv[3]));
        printf("%.1f\n", (now() - start) / (double)atol(argv[3]));
        return 0;
    }
    if (strcmp(mode, "calls") == 0 && argc > 3) {
        calls(argv[2], atol(argv[3]));
        return 0;
    }
    if (strcmp(mode, "crowd") == 0 && argc > 3)
        crowd(count, atol(argv[3]));
    if (strcmp(mode, "run-of") == 0) {
        time_runs(count, argv + 3);
        return 0;
    }
    if (strcmp(mode, "refused-at") == 0 && argc > 3) {
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons((uint16_t)count);
        time_runs(atol(argv[3]), NULL);
        return 0;
    }
    if (strcmp(mode, "walk") == 0) {
        double start = now();
        for (long i = 0; i < count; i++)
            walk();
        printf("%.0f\n", (now() - start) / (double)count);
        return 0;
    }
    dumps_too = strcmp(mode, "bare-among") == 0;
    if ((dumps_too || strcmp(mode, "refused-among") == 0) && argc > 3) {
        connect_many(listen_somewhere(), count);
        time_runs(atol(argv[3]), NULL);
        return 0;
    }
    if (strcmp(mode, "taken") == 0 || strcmp(mode, "exhausted") == 0) {
        printf("%.0f\n", mode[0] == 't' ? try_taken(count) : connect_without_ports(count));
        return 0;
    }
    choose_port();
    if (strncmp(mode, "refused", 7) == 0) {
        int holder = socket(AF_INET, SOCK_STREAM, 0);
        struct sockaddr_in held = holders_address();
        if (bind(holder, (struct sockaddr *)&held, sizeof held) || listen(holder, 8))
            return 1;
    }
    double start = now();
    for (long i = 0; i < count; i++) {
        if (strncmp(mode, "refused", 7) == 0)
            refused_once(mode[7] != '\0');
        else if (mode[0] == 'l')
            listen_once(mode[6] != '\0');
        else
            bind_once(mode[4] != '\0');
    }
    printf("%.0f\n", (now() - start) / (double)count);
    return 0;
}
