/* SPDX-License-Identifier: MIT
 *
 * Names of the errors that the socket calls and open(2) give; strerror(3) is not async-signal-safe.
 */
#include "reuseshim/errno_name.h"

#include <errno.h>

/* The names stand in the table itself: pointers would have to be relocated, in every process. */
static const struct {
    int error;
    char name[16];
} names[] = {
    {EADDRINUSE, "EADDRINUSE"},
    {EADDRNOTAVAIL, "EADDRNOTAVAIL"},
    {EAGAIN, "EAGAIN"},
    {EACCES, "EACCES"},
    {EPERM, "EPERM"},
    {ENOENT, "ENOENT"},
    {EISDIR, "EISDIR"},
    {ENOTDIR, "ENOTDIR"},
    {ELOOP, "ELOOP"},
    {EMLINK, "EMLINK"},
    {ENAMETOOLONG, "ENAMETOOLONG"},
    {EFBIG, "EFBIG"},
    {EINVAL, "EINVAL"},
    {ENOMEM, "ENOMEM"},
    {EMFILE, "EMFILE"},
    {ENFILE, "ENFILE"},
    {ENOPROTOOPT, "ENOPROTOOPT"},
    {EOPNOTSUPP, "EOPNOTSUPP"},
    {EBADF, "EBADF"},
    {ENOTSOCK, "ENOTSOCK"},
    {ENOSPC, "ENOSPC"},
    {EROFS, "EROFS"},
    {EIO, "EIO"},
    {ENXIO, "ENXIO"},
    {ENODEV, "ENODEV"},
    {ETIMEDOUT, "ETIMEDOUT"},
    {ENOTCONN, "ENOTCONN"},
    {EAFNOSUPPORT, "EAFNOSUPPORT"},
    {EPROTONOSUPPORT, "EPROTONOSUPPORT"},
    {EFAULT, "EFAULT"},
    {EPIPE, "EPIPE"},
};

void errno_name_write(struct text *text, int error)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].error == error) {
            text_string(text, names[i].name);
            return;
        }
    }
    text_string(text, "errno ");
    text_signed(text, error);
}
