/* SPDX-License-Identifier: MIT
 *
 * Contract in witness.h.
 */
#define _GNU_SOURCE
#include "witness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHANNEL = 3, LOG = 4 };

struct request {
    enum call call;
    socklen_t length;
    struct sockaddr_storage address;
};

static int channel = -1, log_fd = -1;
static pid_t process;
static char text[1 << 16];

void witness_start(const char *path, uint32_t uid)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        abort();
    log_fd = memfd_create("records", MFD_CLOEXEC);
    process = fork();
    if (process == 0) {
        /* Out of each other's way first: either may have the other's number, or any that a caller left open.
         */
        int channel_copy = fcntl(pair[1], F_DUPFD_CLOEXEC, LOG + 1);
        int log_copy = fcntl(log_fd, F_DUPFD_CLOEXEC, LOG + 1);
        dup2(channel_copy, CHANNEL);
        dup2(log_copy, LOG);
        setenv("LD_PRELOAD", path, 1);
        setenv("REUSESHIM_RULES", "keep;on listen keep", 1);
        setenv("REUSESHIM_LOG", "fd:4", 1);
        setenv("REUSESHIM_FORMAT", "json", 1);
        setenv("REUSESHIM_BUDGET_MS", "10000", 1);
        setenv("REUSESHIM_DIAGNOSE", "always", 1);
        if (uid && (setgid(uid) != 0 || setuid(uid) != 0))
            _exit(1);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl("/proc/self/exe", "witness", "witness", (char *)NULL);
        _exit(1);
    }
    close(pair[1]);
    channel = pair[0];
}

void witness_stop(void)
{
    if (channel < 0)
        return;
    close(channel);
    close(log_fd);
    waitpid(process, NULL, 0);
    channel = -1;
}

/* ---- the call, there and back ------------------------------------------------------------------------ */

union control {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
};

static long sample = 1, calls;

void witness_sample(long step)
{
    sample = step;
}

bool witness_is_asked(void)
{
    return channel >= 0 && calls++ % sample == 0;
}

int witness_call(enum call call, int fd, const struct sockaddr_storage *address, socklen_t length)
{
    struct request request = {.call = call, .length = length};
    union control control = {{0}};
    struct iovec part = {&request, sizeof request};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control.bytes};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    int result;
    if (address)
        request.address = *address;
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(head), &fd, sizeof fd);
    if (ftruncate(log_fd, 0) != 0 || lseek(log_fd, 0, SEEK_SET) != 0 ||
        sendmsg(channel, &message, MSG_NOSIGNAL) < 0 ||
        recv(channel, &result, sizeof result, 0) != sizeof result)
        abort();
    return result;
}

/* In a child each, to which no refusal is a repeated one (libreuseshim(7), REPETITION). */
static int call_once(const struct request *request, int fd)
{
    const struct sockaddr *address = (const struct sockaddr *)&request->address;
    int status;
    pid_t child = fork();
    if (child == 0) {
        int result = request->call == CALL_BIND     ? bind(fd, address, request->length)
                     : request->call == CALL_LISTEN ? listen(fd, 8)
                                                    : connect(fd, address, request->length);
        _exit(result == 0 ? 0 : errno);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
        abort();
    return WEXITSTATUS(status);
}

int witness_main(void)
{
    struct request request;
    for (;;) {
        union control control;
        struct iovec part = {&request, sizeof request};
        struct msghdr message = {.msg_iov = &part,
                                 .msg_iovlen = 1,
                                 .msg_control = &control,
                                 .msg_controllen = sizeof control.bytes};
        if (recvmsg(CHANNEL, &message, MSG_CMSG_CLOEXEC) <= 0)
            return 0;
        int fd;
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
        int result = call_once(&request, fd);
        close(fd);
        if (send(CHANNEL, &result, sizeof result, MSG_NOSIGNAL) < 0)
            return 1;
    }
}

/* ---- reading what it said ---------------------------------------------------------------------------- */

/* The end of the JSON value that begins at `at`. */
static const char *value_end(const char *at)
{
    int depth = 0;
    bool in_string = false;
    for (; *at; at++) {
        if (in_string) {
            if (*at == '\\')
                at++;
            else if (*at == '"')
                in_string = false;
        } else if (*at == '"') {
            in_string = true;
        } else if (*at == '{' || *at == '[') {
            depth++;
        } else if ((*at == '}' || *at == ']' || *at == ',') && depth == 0) {
            return at;
        } else if (*at == '}' || *at == ']') {
            depth--;
        }
    }
    return at;
}

/* The value of a key of the object that begins at `object`, NULL if there is none. */
static const char *member(const char *object, const char *key)
{
    size_t length = strlen(key);
    const char *at = object + 1;
    while (*at == '"') {
        bool found = strncmp(at + 1, key, length) == 0 && at[1 + length] == '"';
        at = strchr(at + 1, '"') + 2;
        if (found)
            return at;
        at = value_end(at);
        at += *at == ',';
    }
    return NULL;
}

/* A string value without its quotes, "" for null. */
static void copy(char *to, size_t size, const char *value)
{
    size_t length = value && *value == '"' ? strcspn(value + 1, "\"") : 0;
    if (length >= size)
        abort();
    memcpy(to, value ? value + 1 : "", length);
    to[length] = '\0';
}

static void read_endpoint(char to[64], const char *value)
{
    to[0] = '\0';
    if (value == NULL || *value != '{')
        return;
    copy(to, 48, member(value, "address"));
    snprintf(to + strlen(to), 16, " %d", atoi(member(value, "port")));
}

bool witness_record(struct told *told)
{
    ssize_t length = pread(log_fd, text, sizeof text - 1, 0);
    text[length > 0 ? length : 0] = '\0';
    memset(told, 0, sizeof *told);
    const char *end = strchr(text, '\n'), *holders = text[0] == '{' ? member(text, "holders") : NULL;
    if (end == NULL || end[1] != '\0' || holders == NULL)
        return false;
    copy(told->cause, sizeof told->cause, member(text, "cause"));
    for (const char *at = holders + 1; *at == '{' && told->count < HOLDERS_MAX;) {
        struct told_holder *holder = &told->holders[told->count++];
        const char *blocks = member(at, "blocks");
        read_endpoint(holder->local, member(at, "local"));
        read_endpoint(holder->remote, member(at, "remote"));
        copy(holder->state, sizeof holder->state, member(at, "state"));
        holder->blocks = *blocks == 't' ? YES : *blocks == 'f' ? NO : UNKNOWN;
        at = value_end(at);
        at += *at == ',';
    }
    return true;
}

const char *witness_text(void)
{
    return text;
}

void witness_write(char to[64], const struct endpoint *endpoint)
{
    struct text out = text_in(to, 64);
    if (endpoint_is_internet(endpoint)) {
        address_write(&out, endpoint);
        text_char(&out, ' ');
        text_unsigned(&out, endpoint->port);
    }
    text_end(&out);
}
