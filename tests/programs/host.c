/* SPDX-License-Identifier: MIT
 *
 * Host programs in difficult states, each doing a bind that is refused: host STATE PORT [ARGUMENT].
 * The port is taken by somebody else. Exit code 0 if the program lived as it would have without the library.
 */
#define _GNU_SOURCE
#include "left_behind.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

extern char **environ;
static struct sockaddr_in taken = {.sin_family = AF_INET};
static const char *argument;

static void fail(const char *why)
{
    fprintf(stderr, "host: %s\n", why);
    _exit(1);
}

/* A bind that is refused as it should be; leaves no descriptor. */
static void refused(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0)
        fail("no socket");
    errno = 77;
    if (bind(fd, (struct sockaddr *)&taken, sizeof taken) != -1 || errno != EADDRINUSE)
        _exit(3);
    close(fd);
}

/* A port that we have ourselves. */
static struct sockaddr_in taken_here(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, 1) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        fail("no port");
    return address;
}

/* More ports than are remembered, so that each refusal is explained anew. */
enum { PORTS = 100 };
static struct sockaddr_in ports[PORTS];

static void take_ports(void)
{
    for (int i = 0; i < PORTS; i++)
        ports[i] = taken_here();
}

static void leak(void)
{
    take_ports();
    refused();
    int fd = next_fd(), maps = count_lines("/proc/self/maps");
    for (int i = 0; i < 10000; i++) {
        taken = ports[i % PORTS];
        refused();
    }
    if (next_fd() != fd)
        fail("a descriptor is left behind");
    if (count_lines("/proc/self/maps") != maps)
        fail("a mapping is left behind");
}

static void *refused_many(void *count)
{
    for (long i = *(long *)count; i > 0; i--)
        refused();
    return NULL;
}

static void storm(void)
{
    enum { PROCESSES = 8, THREADS = 4 };
    long each = atol(argument) / (PROCESSES * THREADS);
    for (int p = 0; p < PROCESSES; p++) {
        if (fork() == 0) {
            pthread_t threads[THREADS];
            for (int t = 0; t < THREADS; t++)
                if (pthread_create(&threads[t], NULL, refused_many, &each) != 0)
                    _exit(1);
            for (int t = 0; t < THREADS; t++)
                pthread_join(threads[t], NULL);
            _exit(0);
        }
    }
    for (int p = 0, status; p < PROCESSES; p++)
        if (wait(&status) < 0 || status != 0)
            fail("a process failed");
}

/* How deep does a refused bind go? A stack of its own, painted, tells. */
static ucontext_t here, there;
static int painted_fd;

static void bind_there(void)
{
    bind(painted_fd, (struct sockaddr *)&taken, sizeof taken);
}

static size_t depth_of(void (*function)(void))
{
    enum { SIZE = 65536 };
    static unsigned char stack[SIZE];
    memset(stack, 0xa5, SIZE);
    getcontext(&there);
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = SIZE;
    there.uc_link = &here;
    makecontext(&there, function, 0);
    swapcontext(&here, &there);
    size_t untouched = 0;
    while (untouched < SIZE && stack[untouched] == 0xa5)
        untouched++;
    return SIZE - untouched;
}

static void nothing(void)
{
}

static void depth(void)
{
    painted_fd = socket(AF_INET, SOCK_STREAM, 0);
    refused();
    size_t base = depth_of(nothing), deep = depth_of(bind_there);
    printf("%zu\n", deep - base);
}

/* A daemon closes everything, then gets 2 for a file of its own. */
static void closed(void)
{
    int fd = -1;
    syscall(SYS_close_range, 0, ~0U, 0);
    for (int i = 0; i < 3; i++)
        fd = open(argument, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd != 2)
        _exit(4);
    refused();
    if (lseek(2, 0, SEEK_END) != 0)
        _exit(5);
}

static void broken_pipe(void)
{
    refused(); /* the reader of stderr has gone; SIGPIPE would kill */
    sigset_t pending;
    sigpending(&pending);
    if (sigismember(&pending, SIGPIPE))
        _exit(4);
}

static long milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Nobody reads the pipe that is stderr, and it is full. */
static void full_pipe(void)
{
    static char block[4096];
    fcntl(2, F_SETFL, O_NONBLOCK);
    while (write(2, block, sizeof block) > 0)
        continue;
    fcntl(2, F_SETFL, 0);
    long before = milliseconds();
    refused();
    printf("%ld\n", milliseconds() - before);
}

static void file_size_limit(void)
{
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){0, 0});
    refused();
}

static void no_memory(void)
{
    refused();
    setrlimit(RLIMIT_AS, &(struct rlimit){4096, 4096});
    refused();
}

static void no_descriptors(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)fd + 1, (rlim_t)fd + 1});
    if (bind(fd, (struct sockaddr *)&taken, sizeof taken) != -1 || errno != EADDRINUSE)
        fail("not refused");
}

static void vforked(void)
{
    pid_t child = vfork();
    if (child == 0) {
        refused();
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    if (status != 0)
        fail("the child failed");
    refused();
}

static void *refused_once(void *unused)
{
    (void)unused;
    refused();
    return NULL;
}

static void small_stack(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    if (pthread_attr_setstacksize(&attributes, 16384) != 0)
        fail("no small stack");
    pthread_create(&thread, &attributes, refused_once, NULL);
    pthread_join(thread, NULL);
}

static void *canceled(void *unused)
{
    (void)unused;
    pthread_cancel(pthread_self()); /* waits for a cancellation point, and bind is none */
    refused();
    return argument ? (void *)&taken : NULL;
}

static void cancel(void)
{
    pthread_t thread;
    void *result;
    int fd = next_fd();
    pthread_create(&thread, NULL, canceled, NULL);
    pthread_join(thread, &result);
    /* close() in refused() is the point that takes it. */
    if (result != PTHREAD_CANCELED)
        fail("the thread was not canceled at all");
    if (next_fd() != fd + 1)
        fail("canceled inside bind: a descriptor more than the socket is open");
}

static void on_signal(int number)
{
    (void)number;
    int saved = errno;
    refused();
    errno = saved;
}

static void in_signal(void)
{
    take_ports();
    signal(SIGALRM, on_signal);
    for (int i = 0; i < 200; i++) {
        taken = ports[i % PORTS];
        /* Once each: a slow machine would do nothing but handle what comes again. */
        struct itimerval soon = {{0, 0}, {0, 1 + i * 7}};
        setitimer(ITIMER_REAL, &soon, NULL);
        refused();
    }
    setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL);
}

/* What setproctitle(3) does: the memory of the environment is written over. */
static void title(void)
{
    for (char **entry = environ; *entry; entry++)
        memset(*entry, 'x', strlen(*entry));
    refused();
}

static void cleared(void)
{
    environ = NULL;
    refused();
}

/* Gives up all system calls but a few before its first socket. */
static void sandboxed(void)
{
    static const unsigned allowed[] = {SYS_socket, SYS_bind,  SYS_listen,    SYS_setsockopt,
                                       SYS_write,  SYS_close, SYS_exit_group};
    struct sock_filter program[32];
    unsigned short used = 0;
    program[used++] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        program[used++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, allowed[i], 0, 1);
        program[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    program[used++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    struct sock_fprog filter = {.len = used, .filter = program};
    struct sockaddr_in any = {.sin_family = AF_INET};
    int one = 1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
        fail("no filter");
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) ||
        bind(fd, (struct sockaddr *)&any, sizeof any) || listen(fd, 1))
        _exit(6);
    _exit(0);
}

/* A setting that is wrong, and no memory when the first door is reached. */
static void poor(void)
{
    setrlimit(RLIMIT_AS, &(struct rlimit){4096, 4096});
    refused();
}

static const struct {
    const char *name;
    void (*run)(void);
} states[] = {{"plain", refused},       {"leak", leak},
              {"storm", storm},         {"depth", depth},
              {"closed", closed},       {"broken-pipe", broken_pipe},
              {"full-pipe", full_pipe}, {"xfsz", file_size_limit},
              {"no-memory", no_memory}, {"no-descriptors", no_descriptors},
              {"vfork", vforked},       {"small-stack", small_stack},
              {"cancel", cancel},       {"signal", in_signal},
              {"title", title},         {"cleared", cleared},
              {"sandboxed", sandboxed}, {"poor", poor}};

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    taken.sin_port = htons((uint16_t)atoi(argv[2]));
    taken.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    argument = argc > 3 ? argv[3] : NULL;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        if (strcmp(states[i].name, argv[1]) == 0) {
            states[i].run();
            return 0;
        }
    }
    return 2;
}
