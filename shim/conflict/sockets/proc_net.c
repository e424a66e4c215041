/* SPDX-License-Identifier: MIT
 *
 * The sockets on a port from /proc/net, where sock_diag is not to be had. It knows less: no bound-only TCP
 * sockets, no device, no v6only. Contract in sockets.h.
 */
#include "reuseshim/deadline.h"
#include "reuseshim/protocol.h"
#include "reuseshim/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

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
    *holder = holder_unknown();
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
    holder->outgoing = state == STATE_SYN_SENT ? YES : UNKNOWN;
    return true;
}

/* "/proc/thread-self/net/tcp6"; before 3.17 there is only "/proc/net". */
static int open_table(const char *folder, const struct protocol *protocol, int family)
{
    char path[48];
    struct text text = text_in(path, sizeof path);
    text_strings(&text, folder, protocol->table, family == AF_INET6 ? "6" : "");
    return raw_open(text_end(&text), O_RDONLY, 0);
}

static bool is_wanted(const struct question *question, const struct holder *holder)
{
    return question->ports.first <= holder->local.port && holder->local.port <= question->ports.last &&
           holder->state < STATE_COUNT && (question->states & 1U << holder->state);
}

static int read_table(const struct question *question, const struct protocol *protocol, int family,
                      struct scratch *scratch)
{
    char *buffer = scratch->bytes;
    int fd = open_table("/proc/thread-self/net/", protocol, family);
    if (fd < 0)
        fd = open_table("/proc/net/", protocol, family);
    if (fd < 0)
        return fd;
    size_t used = 0;
    bool header = true;
    int result = 0;
    for (;;) {
        ssize_t got = raw_read(fd, buffer + used, SCRATCH_SIZE - used);
        if (got == -EINTR)
            continue;
        if (got <= 0) {
            result = (int)got;
            break;
        }
        used += (size_t)got;
        char *line = buffer, *newline;
        while ((newline = memchr(line, '\n', used - (size_t)(line - buffer))) != NULL) {
            struct holder holder;
            if (!header && read_line(&holder, line, newline, protocol->number, family) &&
                is_wanted(question, &holder))
                question->found(question->context, &holder);
            header = false;
            line = newline + 1;
        }
        used -= (size_t)(line - buffer);
        memmove(buffer, line, used);
        if (deadline_has_passed(question->deadline)) {
            result = -ETIME;
            break;
        }
    }
    raw_close(fd);
    return result;
}

int proc_net_ask(const struct question *question, struct scratch *scratch)
{
    const struct protocol *protocol = protocol_find(protocol_find(question->protocol)->shown);
    if (protocol->table[0] == '\0')
        return -ENOENT;
    int result = read_table(question, protocol, AF_INET, scratch);
    int result6 = read_table(question, protocol, AF_INET6, scratch);
    return result6 == -ENOENT ? result : result6; /* no tcp6: a kernel without IPv6 */
}
