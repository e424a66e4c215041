/* SPDX-License-Identifier: MIT
 *
 * Contract in trap.h. seccomp_unotify(2).
 */
#include "trap.h"

#include <errno.h>
#include <linux/ioctl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/seccomp.h of Debian 12 has it, older ones have not. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5) /* Linux 5.19 */
#endif

static int set_filter_with(const struct sock_fprog *filter, unsigned long more)
{
    long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                      SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_SPEC_ALLOW | more, filter);
    return fd < 0 ? -errno : (int)fd;
}

static int set_filter(const struct sock_fprog *filter, enum reach *reach)
{
    int fd = set_filter_with(filter, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
    *reach = fd == -EINVAL ? OPTIONS_ONLY : IN_FULL;
    return *reach == OPTIONS_ONLY ? set_filter_with(filter, 0) : fd;
}

int listener_open(const struct trapped_calls *calls, enum needs_privileges *privileges, enum reach *reach)
{
    struct sock_filter program[FILTER_MAX];
    const struct sock_fprog filter = {filter_write(program, calls), program};
    int fd = set_filter(&filter, reach);
    *privileges = AS_IT_IS;
    /* Without CAP_SYS_ADMIN no filter may come over a program that gains rights by exec. */
    if (fd == -EACCES && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) {
        *privileges = WITH_NO_NEW_PRIVS;
        fd = set_filter(&filter, reach);
    }
    return fd;
}

int listener_receive(int listener, struct seccomp_notif *notification)
{
    memset(notification, 0, sizeof *notification); /* the kernel wants it so */
    return raw_ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, notification);
}

bool listener_still_waits(int listener, uint64_t id)
{
    return raw_ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

int listener_continue(int listener, uint64_t id)
{
    struct seccomp_notif_resp response = {.id = id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
    return raw_ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

int listener_answer(int listener, uint64_t id, int error)
{
    struct seccomp_notif_resp response = {.id = id, .error = -error};
    return raw_ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

/* ---- handed over ------------------------------------------------------------------------------------- */

union control {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
};

int listener_send(int socket, int listener, enum reach reach)
{
    char byte = (char)reach;
    struct iovec data = {&byte, 1};
    union control control = {.room = ""};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof control.room};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof listener);
    memcpy(CMSG_DATA(header), &listener, sizeof listener);
    return sendmsg(socket, &message, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

int listener_take(int socket, enum reach *reach)
{
    char byte = 0;
    int listener = -EPIPE;
    struct iovec data = {&byte, 1};
    union control control;
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = sizeof control.room};
    ssize_t received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    struct cmsghdr *header = received == 1 ? CMSG_FIRSTHDR(&message) : NULL;
    if (header && header->cmsg_type == SCM_RIGHTS)
        memcpy(&listener, CMSG_DATA(header), sizeof listener);
    *reach = (enum reach)byte;
    return received < 0 ? -errno : listener;
}
