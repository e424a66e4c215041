/* SPDX-License-Identifier: MIT
 *
 * The socket calls made directly. Contract in raw.h.
 */
#include "reuseshim/raw.h"

#include <errno.h>
#include <linux/net.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARGUMENT(x) ((long)(intptr_t)(x))

/* i386 kernels before 4.3 know these calls only as socketcall(2). */
static long socket_call(long number, int via, const long arguments[6])
{
    long result =
        syscall(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
#ifdef SYS_socketcall
    if (result == -1 && errno == ENOSYS)
        result = syscall(SYS_socketcall, via, arguments);
#else
    (void)via;
#endif
    return result == -1 ? -(long)errno : result;
}

#define SOCKET_CALL(number, via, ...) socket_call(number, via, (const long[6]){__VA_ARGS__})

int raw_socket(int domain, int type, int protocol)
{
    return (int)SOCKET_CALL(SYS_socket, SYS_SOCKET, domain, type, protocol);
}

int raw_bind(int fd, const void *address, socklen_t length)
{
    return (int)SOCKET_CALL(SYS_bind, SYS_BIND, fd, ARGUMENT(address), ARGUMENT(length));
}

int raw_listen(int fd, int backlog)
{
    return (int)SOCKET_CALL(SYS_listen, SYS_LISTEN, fd, backlog);
}

int raw_connect(int fd, const void *address, socklen_t length)
{
    return (int)SOCKET_CALL(SYS_connect, SYS_CONNECT, fd, ARGUMENT(address), ARGUMENT(length));
}

int raw_setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
    return (int)SOCKET_CALL(SYS_setsockopt, SYS_SETSOCKOPT, fd, level, name, ARGUMENT(value),
                            ARGUMENT(length));
}

int raw_getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
    return (int)SOCKET_CALL(SYS_getsockopt, SYS_GETSOCKOPT, fd, level, name, ARGUMENT(value),
                            ARGUMENT(length));
}

int raw_getsockname(int fd, void *address, socklen_t *length)
{
    return (int)SOCKET_CALL(SYS_getsockname, SYS_GETSOCKNAME, fd, ARGUMENT(address), ARGUMENT(length));
}

int raw_getpeername(int fd, void *address, socklen_t *length)
{
    return (int)SOCKET_CALL(SYS_getpeername, SYS_GETPEERNAME, fd, ARGUMENT(address), ARGUMENT(length));
}

ssize_t raw_send(int fd, const void *bytes, size_t size, int flags)
{
    return SOCKET_CALL(SYS_sendto, SYS_SENDTO, fd, ARGUMENT(bytes), (long)size, flags);
}

ssize_t raw_receive(int fd, void *buffer, size_t size, int flags)
{
    return SOCKET_CALL(SYS_recvfrom, SYS_RECVFROM, fd, ARGUMENT(buffer), (long)size, flags);
}

int raw_option(int fd, int level, int name)
{
    int value = 0;
    socklen_t length = sizeof value;
    int result = raw_getsockopt(fd, level, name, &value, &length);
    return result < 0 ? result : value;
}
