/* SPDX-License-Identifier: MIT
 *
 * Contract in kernel.h.
 */
#include "reuseshim/kernel.h"

#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

/* The number at *at, which then stands behind it and the dot that must follow `before`. */
static bool number(const char **at, unsigned *value)
{
    enum { LIMIT = 1000 };
    const char *begin = *at;
    for (*value = 0; **at >= '0' && **at <= '9' && *value < LIMIT; (*at)++)
        *value = *value * 10 + (unsigned)(**at - '0');
    return *at != begin && *value < LIMIT;
}

unsigned kernel_of_release(const char *release)
{
    unsigned major, minor;
    if (!number(&release, &major) || *release++ != '.' || !number(&release, &minor))
        return KERNEL_UNKNOWN;
    unsigned version = KERNEL(major, minor);
    return version < KERNEL(3, 9) ? KERNEL_UNKNOWN : version;
}

unsigned kernel_version(void)
{
    struct utsname name;
    return syscall(SYS_uname, &name) == 0 ? kernel_of_release(name.release) : KERNEL_UNKNOWN;
}
