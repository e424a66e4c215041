/* SPDX-License-Identifier: MIT
 *
 * Contract in reach.h.
 */
#define _GNU_SOURCE
#include "reach.h"

#include "reuseshim/command.h"

#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- paths -------------------------------------------------------------------------------------- */

/* Is `path` the folder, or below it? */
static bool is_below(const char *path, const char *folder, size_t length)
{
    while (length > 1 && folder[length - 1] == '/')
        length--;
    return length && strncmp(path, folder, length) == 0 && (strchr("/", path[length]) || length == 1);
}

/* The length of the longest path in a list of systemctl's ("-/a +/b") that `path` is below; 0 for none. */
static size_t longest_in(const char *list, const char *path)
{
    size_t longest = 0;
    for (const char *at = list; *at; at += strcspn(at, " "), at += strspn(at, " ")) {
        const char *start = at + strspn(at, "-+");
        size_t length = strcspn(start, ": ");
        if (is_below(path, start, length) && length > longest)
            longest = length;
    }
    return longest;
}

/* What BindPaths= or BindReadOnlyPaths= put at the path, in `source`: the longest target counts. A source
 * that begins with '-' is left out where it is not there. False where they leave the path alone. */
static bool find_source(const struct plan *plan, const char *path, char source[PATH_MAX])
{
    static const enum property lists[] = {UNIT_BIND, UNIT_BIND_READ_ONLY};
    size_t longest = 0;
    struct stat status;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (const char *at = plan->facts.values[lists[i]]; *at;
             at += strcspn(at, " "), at += strspn(at, " ")) {
            const char *start = at + strspn(at, "-+"), *target = start;
            size_t length = strcspn(start, ": "), target_length = length;
            if (start[length] == ':' && start[length + 1] == '/') {
                target = start + length + 1;
                target_length = strcspn(target, ": ");
            }
            char candidate[PATH_MAX];
            if (!is_below(path, target, target_length) || target_length < longest ||
                snprintf(candidate, sizeof candidate, "%.*s%s", (int)length, start, path + target_length) >=
                    (int)sizeof candidate ||
                (*at == '-' && stat(candidate, &status) != 0))
                continue;
            longest = target_length;
            memcpy(source, candidate, sizeof candidate);
        }
    return longest > 0;
}

static bool is_in_one_of(const char *path, const char *const *folders)
{
    for (; *folders; folders++)
        if (is_below(path, *folders, strlen(*folders)))
            return true;
    return false;
}

/* ---- what the unit hides ------------------------------------------------------------------------- */

static const char *const homes[] = {"/home", "/root", "/run/user", NULL};
static const char *const temporary[] = {"/tmp", "/var/tmp", NULL};

static bool hidden_home(const struct plan *plan, const char *path)
{
    const char *value = plan->facts.values[UNIT_PROTECT_HOME];
    return (strcmp(value, "yes") == 0 || strcmp(value, "tmpfs") == 0) && is_in_one_of(path, homes);
}

static bool hidden_temporary(const struct plan *plan, const char *path)
{
    const char *value = plan->facts.values[UNIT_PRIVATE_TMP];
    return value[0] && strcmp(value, "no") != 0 && is_in_one_of(path, temporary);
}

static bool hidden_path(const struct plan *plan, const char *path)
{
    return longest_in(plan->facts.values[UNIT_INACCESSIBLE], path) > 0;
}

static bool hidden_file_system(const struct plan *plan, const char *path)
{
    return longest_in(plan->facts.values[UNIT_TEMPORARY], path) > 0;
}

static bool not_below_root(const struct plan *plan, const char *path)
{
    char inside[PATH_MAX];
    struct stat status;
    const char *root = plan->facts.values[UNIT_ROOT];
    return root[0] && strcmp(root, "/") != 0 &&
           snprintf(inside, sizeof inside, "%s%s", root, path) < (int)sizeof inside &&
           stat(inside, &status) != 0;
}

static bool not_to_execute(const struct plan *plan, const char *path)
{
    size_t forbidden = longest_in(plan->facts.values[UNIT_NO_EXEC], path);
    return forbidden > longest_in(plan->facts.values[UNIT_EXEC], path) &&
           (strstr(path, ".so") || access(path, X_OK) == 0);
}

static const struct {
    bool (*hides)(const struct plan *plan, const char *path);
    bool bound_helps; /* BindPaths= and BindReadOnlyPaths= bring it back */
    const char *reason;
} covers[] = {
    {hidden_home, true, "ProtectHome= hides it from the service"},
    {hidden_temporary, true, "PrivateTmp= hides it from the service"},
    {hidden_path, false, "InaccessiblePaths= hides it from the service"},
    {hidden_file_system, true, "TemporaryFileSystem= hides it from the service"},
    {not_below_root, true,
     "it is not below the RootDirectory= of the service; put it there, at the same path, or have "
     "BindReadOnlyPaths= with this path"},
    {not_to_execute, false, "NoExecPaths= keeps the service from executing it"},
};

static const char elsewhere[] = "; install it below /usr ('make install')";

static int refuse(const struct plan *plan, const char *file, const char *reason, const char *more)
{
    command_error("unit: ", plan->unit, ": ", file, ": ", reason, more, (char *)NULL);
    return EXIT_TROUBLE;
}

static int check_covers(const struct plan *plan, const char *file)
{
    char source[PATH_MAX];
    struct stat status;
    bool bound = find_source(plan, file, source);
    if (bound && (stat(source, &status) != 0 || !S_ISREG(status.st_mode)))
        return refuse(plan, file, "BindPaths= or BindReadOnlyPaths= put something else in its place", "");
    for (size_t i = 0; i < sizeof covers / sizeof *covers; i++)
        if (!(bound && covers[i].bound_helps) && covers[i].hides(plan, file))
            return refuse(plan, file, covers[i].reason, covers[i].hides == not_below_root ? "" : elsewhere);
    if (plan->facts.values[UNIT_ROOT_IMAGE][0] && !bound)
        command_error("unit: ", plan->unit, ": ", file,
                      ": must be in its RootImage=, too, which is not looked into", (char *)NULL);
    return 0;
}

/* ---- who may do what --------------------------------------------------------------------------- */

/* The user that the service runs as; -1 where that is not known here. */
static long user_of(const struct plan *plan)
{
    const char *name = plan->facts.values[UNIT_USER];
    const struct passwd *entry;
    char *end;
    if (strcmp(plan->facts.values[UNIT_DYNAMIC_USER], "yes") == 0)
        return -1;
    if (name[0] == '\0')
        return 0;
    long number = strtol(name, &end, 10);
    if (*end == '\0')
        return number;
    return (entry = getpwnam(name)) ? (long)entry->pw_uid : -1;
}

/* A group that has nobody in it but root and the user of the service. */
static bool is_group_of(gid_t group, long user)
{
    const struct group *entry = getgrgid(group);
    const struct passwd *member;
    bool alone = true;
    if (group == 0)
        return true;
    for (char **name = entry ? entry->gr_mem : NULL; name && *name && alone; name++)
        alone = (member = getpwnam(*name)) == NULL || member->pw_uid == 0 || (long)member->pw_uid == user;
    setpwent();
    while (alone && (member = getpwent()))
        alone = member->pw_gid != group || member->pw_uid == 0 || (long)member->pw_uid == user;
    endpwent();
    return alone;
}

static void write_user(struct text *text, uid_t uid)
{
    const struct passwd *entry = getpwuid(uid);
    text_string(text, "user ");
    if (entry)
        text_string(text, entry->pw_name);
    else
        text_unsigned(text, uid);
}

/* Who else may change what is there; nothing is written if nobody may. In a folder with the sticky bit
 * everybody may add, and nobody replace. */
static void write_writer(struct text *text, const struct stat *status, long user)
{
    bool sticky = S_ISDIR(status->st_mode) && status->st_mode & S_ISVTX;
    if (status->st_uid != 0 && (long)status->st_uid != user)
        write_user(text, status->st_uid);
    else if (S_ISLNK(status->st_mode) || sticky)
        return;
    else if (status->st_mode & S_IWOTH)
        text_string(text, "everybody");
    else if (status->st_mode & S_IWGRP && !is_group_of(status->st_gid, user)) {
        const struct group *entry = getgrgid(status->st_gid);
        text_string(text, "group ");
        if (entry)
            text_string(text, entry->gr_name);
        else
            text_unsigned(text, status->st_gid);
    }
}

/* Each folder, link and file that a path leads through: 0, or what the first of them is refused with. */
static int walk(const struct plan *plan, const char *path,
                int (*look)(const struct plan *plan, const char *path, const char *part,
                            const struct stat *status))
{
    char part[PATH_MAX];
    size_t length = strlen(path);
    for (size_t at = 1; at <= length && length < sizeof part; at++) {
        struct stat status;
        if (at > 1 && path[at] != '/' && path[at] != '\0')
            continue;
        snprintf(part, sizeof part, "%.*s", (int)at, path);
        int result = lstat(part, &status) == 0 ? look(plan, path, part, &status) : 0;
        if (result)
            return result;
    }
    return 0;
}

static int look_for_writer(const struct plan *plan, const char *path, const char *part,
                           const struct stat *status)
{
    char line[PATH_MAX + 256];
    struct text text = text_in(line, sizeof line);
    long user = user_of(plan);
    write_writer(&text, status, user);
    if (text.used == 0)
        return 0;
    if (strcmp(part, path) != 0)
        text_strings(&text, " may write in ", part, " and so replace it");
    else
        text_string(&text, " may write to it");
    text_strings(&text,
                 user == 0 ? ", and its code would run as root" : ", and its code would run in the service",
                 "; install it where only root may write ('make install')");
    return refuse(plan, path, text_end(&text), "");
}

static int look_for_reader(const struct plan *plan, const char *path, const char *part,
                           const struct stat *status)
{
    char line[PATH_MAX + 256];
    struct text text = text_in(line, sizeof line);
    long user = user_of(plan);
    mode_t bit = S_ISDIR(status->st_mode) ? S_IXOTH : S_IROTH, mode = status->st_mode;
    /* Which groups the service is in is its own matter. */
    bool may = (long)status->st_uid == user ? mode & bit << 6 : mode & (bit | bit << 3);
    if (user == 0 || may || S_ISLNK(mode) || strstr(plan->facts.values[UNIT_AMBIENT], "cap_dac"))
        return 0;
    text_strings(&text, "the user of the service may not read it: ", part, " is closed to him");
    return refuse(plan, path, text_end(&text), elsewhere);
}

/* The path as it is given, and where it leads. */
static int walk_both(const struct plan *plan, const char *file,
                     int (*look)(const struct plan *plan, const char *path, const char *part,
                                 const struct stat *status))
{
    char *real = realpath(file, NULL);
    int result = walk(plan, file, look);
    if (result == 0 && real && strcmp(real, file) != 0)
        result = walk(plan, real, look);
    free(real);
    return result;
}

/* What is hidden may be where a link leads; a root of the service's own has links of its own. */
static int check_covers_of_target(const struct plan *plan, const char *file)
{
    char *real = plan->facts.values[UNIT_ROOT][0] ? NULL : realpath(file, NULL);
    int result = real && strcmp(real, file) != 0 ? check_covers(plan, real) : 0;
    free(real);
    return result;
}

int reach_check(const struct plan *plan, const char *file)
{
    int result = check_covers(plan, file);
    if (result == 0)
        result = check_covers_of_target(plan, file);
    bool inside = plan->facts.values[UNIT_ROOT][0] || plan->facts.values[UNIT_ROOT_IMAGE][0];
    return result || inside ? result : walk_both(plan, file, look_for_reader);
}

int reach_check_writers(const struct plan *plan, const char *file)
{
    int result = walk_both(plan, file, look_for_writer);
    if (result == 0 && is_in_one_of(file, homes))
        command_error("unit: ", file,
                      ": lies below a home; a service is better off with a library below /usr", (char *)NULL);
    if (result == 0 && is_in_one_of(file, temporary))
        command_error("unit: ", file,
                      ": lies in a temporary folder, which is emptied; then the service runs without it",
                      (char *)NULL);
    return result;
}
