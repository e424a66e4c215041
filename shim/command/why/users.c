/* SPDX-License-Identifier: MIT
 *
 * Contract in users.h.
 */
#include "users.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A lookup may be a question to a server: each user is asked for once. */
struct user {
    uint32_t uid;
    char name[64];
    struct user *next;
};

const char *user_name(uint32_t uid)
{
    static struct user *known;
    struct user *user = known;
    while (user && user->uid != uid)
        user = user->next;
    if (user)
        return user->name;
    const struct passwd *entry = getpwuid(uid);
    user = malloc(sizeof *user);
    if (user == NULL)
        return "";
    user->uid = uid;
    snprintf(user->name, sizeof user->name, "%s", entry ? entry->pw_name : "");
    user->next = known;
    known = user;
    return user->name;
}
