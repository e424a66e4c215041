/* SPDX-License-Identifier: MIT
 *
 * The sockets on a port from /proc/net, where sock_diag is not to be had. It knows less: no bound-only TCP
 * sockets, no device, no v6only. Contract in holder.h.
 */
#include "reuseshim/holder.h"
#include "reuseshim/linux.h"
#include "reuseshim/raw.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <time.h>

static const struct {
    int protocol;
    int family;
    const char *path;
    const char *old_path; /* before thread-self (3.17) */
} tables[] = {
    {IPPROTO_TCP, AF_INET, "/proc/thread-self/net/tcp", "/proc/net/tcp"},
    {IPPROTO_TCP, AF_INET6, "/proc/thread-self/net/tcp6", "/proc/net/tcp6"},
    {IPPROTO_UDP, AF_INET, "/proc/thread-self/net/udp", "/proc/net/udp"},
    {IPPROTO_UDP, AF_INET6, "/proc/thread-self/net/udp6", "/proc/net/udp6"},
    {IPPROTO_UDPLITE, AF_INET, "/proc/thread-self/net/udplite", "/proc/net/udplite"},
    {IPPROTO_UDPLITE, AF_INET6, "/proc/thread-self/net/udplite6", "/proc/net/udplite6"},
};

static bool hex(const char **at, const char *end, int digits, uint32_t *value)
{
    uint32_t number = 0;
    const char *start = *at;
    for (; *at < end && *at - start < digits; (*at)++) {
        char c = **at;
        if (c >= '0' && c <= '9')
            number = number << 4 | (uint32_t)(c - '0');
        else if (c >= 'A' && c <= 'F')
            number = number << 4 | (uint32_t)(c - 'A' + 10);
        else
            break;
    }
    *value = number;
    return *at > start;
}

static bool skip(const char **at, const char *end, char c)
{
    if (*at == end || **at != c)
        return false;
    (*at)++;
    return true;
}

static void skip_blanks(const char **at, const char *end)
{
    while (*at < end && **at == ' ')
        (*at)++;
}

/* "0100007F:1F90": words in the machine's byte order, then the port. */
static bool read_endpoint(const char **at, const char *end, int family, struct endpoint *endpoint)
{
    uint32_t words[4] = {0}, port;
    skip_blanks(at, end);
    for (int i = 0; i < (family == AF_INET ? 1 : 4); i++)
        if (!hex(at, end, 8, &words[i]))
            return false;
    if (!skip(at, end, ':') || !hex(at, end, 4, &port))
        return false;
    *endpoint = endpoint_of((sa_family_t)family, words, (uint16_t)port);
    return true;
}

static bool decimal(const char **at, const char *end, uint64_t *value)
{
    skip_blanks(at, end);
    const char *start = *at;
    while (*at < end && **at >= '0' && **at <= '9')
        (*at)++;
    return text_to_number(start, (size_t)(*at - start), UINT64_MAX / 16, value);
}

/* "  sl  local rem st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode ..." */
static bool read_line(struct holder *holder, const char *at, const char *end, int protocol, int family)
{
    uint32_t state, ignored, timer, when;
    uint64_t uid, timeout, inode;
    memset(holder, 0, sizeof *holder);
    const char *colon = memchr(at, ':', (size_t)(end - at));
    if (colon == NULL)
        return false;
    at = colon + 1;
    if (!read_endpoint(&at, end, family, &holder->local) || !read_endpoint(&at, end, family, &holder->remote))
        return false;
    skip_blanks(&at, end);
    if (!hex(&at, end, 2, &state))
        return false;
    skip_blanks(&at, end);
    if (!hex(&at, end, 8, &ignored) || !skip(&at, end, ':') || !hex(&at, end, 8, &ignored))
        return false;
    skip_blanks(&at, end);
    if (!hex(&at, end, 2, &timer) || !skip(&at, end, ':') || !hex(&at, end, 8, &when))
        return false;
    skip_blanks(&at, end);
    if (!hex(&at, end, 8, &ignored) || !decimal(&at, end, &uid) || !decimal(&at, end, &timeout) ||
        !decimal(&at, end, &inode))
        return false;
    if (holder->remote.port == 0)
        holder->remote.family = AF_UNSPEC;
    holder->protocol = protocol;
    holder->state = (uint8_t)state;
    bool mini = inode == 0 && (state == STATE_TIME_WAIT || state == STATE_FIN_WAIT2);
    holder->timer_ms = mini && timer == 3 ? (int64_t)when * 10 : -1; /* USER_HZ is 100 everywhere */
    holder->inode = inode;
    holder->uid = (uint32_t)uid;
    holder->uid_known = inode != 0 || uid != 0;
    holder->v6only = holder->reuseaddr = holder->reuseport = holder->blocks = UNKNOWN;
    holder->outgoing = state == STATE_SYN_SENT ? YES : UNKNOWN;
    holder->automatic = holder->connect_placed = holder->inherited = UNKNOWN;
    return true;
}

static int read_table(const struct question *question, size_t table, char *buffer)
{
    int fd = raw_open(tables[table].path, O_RDONLY, 0);
    if (fd < 0)
        fd = raw_open(tables[table].old_path, O_RDONLY, 0);
    if (fd < 0)
        return fd;
    size_t used = 0;
    bool header = true;
    int result = 0;
    for (;;) {
        ssize_t got = raw_read(fd, buffer + used, BUFFER_SIZE - used);
        if (got <= 0) {
            result = (int)got;
            break;
        }
        used += (size_t)got;
        char *line = buffer, *newline;
        while ((newline = memchr(line, '\n', used - (size_t)(line - buffer))) != NULL) {
            struct holder holder;
            if (!header && read_line(&holder, line, newline, tables[table].protocol, tables[table].family) &&
                question->ports.first <= holder.local.port && holder.local.port <= question->ports.last &&
                holder.state < 32 && (question->states & 1U << holder.state))
                question->found(question->context, &holder);
            header = false;
            line = newline + 1;
        }
        used -= (size_t)(line - buffer);
        memmove(buffer, line, used);
        if (raw_clock(CLOCK_MONOTONIC) >= question->deadline) {
            result = -ETIME;
            break;
        }
    }
    raw_close(fd);
    return result;
}

int proc_net_ask(const struct question *question, void *buffer)
{
    int result = -ENOENT;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        if (tables[i].protocol != question->protocol)
            continue;
        int one = read_table(question, i, buffer);
        if (tables[i].family == AF_INET || one != -ENOENT) /* no tcp6: a kernel without IPv6 */
            result = one;
    }
    return result;
}
