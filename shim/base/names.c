/* SPDX-License-Identifier: MIT
 *
 * What a process is called. Contract in names.h.
 */
#include "reuseshim/names.h"

#include "reuseshim/file.h"

#include <stdbool.h>
#include <string.h>
#include <sys/auxv.h>

#pragma weak getauxval

enum { KERNEL_NAME = 15 /* TASK_COMM_LEN without its NUL */ };

/* The part behind the last '/' of a path of `length` bytes. */
static void take_base(char name[NAME_ROOM], const char *path, size_t length)
{
    size_t start = length;
    while (start > 0 && path[start - 1] != '/')
        start--;
    size_t used = length - start < NAME_ROOM - 1 ? length - start : NAME_ROOM - 1;
    memcpy(name, path + start, used);
    name[used] = '\0';
}

/* Options with a value of their own behind a blank, and those after which there is no script (a program in
 * the command line, a module, standard input, PHP's own server). */
static const struct interpreter {
    char name[8], with_value[4], without_script[8];
} interpreters[] = {
    {"python", "WX", "cm"}, {"pypy", "WX", "cm"},   {"perl", "I", "eE"},      {"ruby", "IrE", "e"},
    {"node", "rC", "ep"},   {"nodejs", "rC", "ep"}, {"php", "dcz", "rRBEFS"}, {"lua", "l", "e"},
    {"luajit", "lj", "e"},  {"sh", "oO", "cs"},     {"bash", "oO", "cs"},     {"dash", "oO", "cs"},
    {"ash", "oO", "cs"},    {"ksh", "oO", "cs"},    {"zsh", "oO", "cs"},      {"tclsh", "", "e"},
    {"guile", "lL", "ec"},
};

/* "python3.11" is python: what is behind the word is a version. */
static const struct interpreter *interpreter_of(const char *name)
{
    for (size_t i = 0; i < sizeof interpreters / sizeof *interpreters; i++) {
        size_t length = strlen(interpreters[i].name);
        if (strncmp(name, interpreters[i].name, length) == 0 &&
            name[length + strspn(name + length, "0123456789.-")] == '\0')
            return &interpreters[i];
    }
    return NULL;
}

/* The file behind the interpreter and its options. Of a long option nothing is known. */
static void find_script(struct names *names, const struct interpreter *interpreter, const char *arguments,
                        size_t length)
{
    size_t at = strnlen(arguments, length) + 1;
    while (at < length && arguments[at] == '-') {
        const char *option = arguments + at;
        size_t size = strnlen(option, length - at);
        bool ends = size == 2 && option[1] == '-';
        if (size < 2 || (option[1] == '-' && !ends) || strchr(interpreter->without_script, option[1]))
            return;
        at += size + 1;
        if (ends)
            break;
        if (size == 2 && at < length && strchr(interpreter->with_value, option[1]))
            at += strnlen(arguments + at, length - at) + 1;
    }
    if (at < length)
        take_base(names->script, arguments + at, strnlen(arguments + at, length - at));
}

/* "busybox httpd": its applets go by their own names. */
static bool find_applet(struct names *names, const char *arguments, size_t length)
{
    static const char boxes[][8] = {"busybox", "toybox"};
    size_t at = strnlen(arguments, length) + 1;
    bool found = false;
    for (size_t i = 0; i < sizeof boxes / sizeof *boxes; i++)
        found |= strcmp(names->started_as, boxes[i]) == 0;
    if (!found || at >= length || arguments[at] == '-')
        return false;
    take_base(names->started_as, arguments + at, strnlen(arguments + at, length - at));
    return true;
}

/* Is the kernel's name this one, which it has perhaps cut? */
static bool is_cut_from(const char *kernel_name, const char *name)
{
    size_t length = strlen(kernel_name);
    return length > 0 && strncmp(kernel_name, name, length) == 0 &&
           (length == KERNEL_NAME || name[length] == '\0');
}

void names_choose(struct names *names, const char *kernel_name, const char *arguments, size_t length)
{
    const char *const longer[] = {names->executable, names->script, names->started_as};
    names->started_as[0] = names->script[0] = '\0';
    if (length) {
        bool login = arguments[0] == '-'; /* a login shell's */
        take_base(names->started_as, arguments + login, strnlen(arguments, length) - login);
    }
    const struct interpreter *interpreter = interpreter_of(names->executable);
    if (interpreter == NULL)
        interpreter = interpreter_of(names->started_as);
    if (interpreter)
        find_script(names, interpreter, arguments, length);
    bool by_hand = kernel_name[0] == '\0' || is_cut_from(kernel_name, names->executable) ||
                   (interpreter && is_cut_from(kernel_name, names->started_as));
    const char *chosen = kernel_name[0] ? kernel_name : names->executable;
    /* Of a title that the program has written over its arguments no more than the kernel shows. */
    bool titled = names->started_as[strcspn(names->started_as, " =")] != '\0';
    size_t candidates = sizeof longer / sizeof *longer - titled;
    if (names->script[0] && by_hand)
        chosen = names->script;
    else if (find_applet(names, arguments, length))
        chosen = names->started_as;
    else
        for (size_t i = 0; i < candidates && strlen(chosen) <= KERNEL_NAME; i++)
            if (is_cut_from(kernel_name, longer[i]))
                chosen = longer[i];
    take_base(names->program, chosen, strlen(chosen));
}

/* A descriptor's number says nothing: fexecve(3). */
static void take_started(char started[NAME_ROOM])
{
    const char *file = getauxval ? (const char *)getauxval(AT_EXECFN) : NULL;
    started[0] = '\0';
    if (file)
        take_base(started, file, strlen(file));
    if (started[strspn(started, "0123456789")] == '\0')
        started[0] = '\0';
}

void names_started_by(struct names *names)
{
    char started[NAME_ROOM];
    memset(names, 0, sizeof *names);
    take_started(started);
    names_choose(names, started, "", 0);
}

void names_of_self(struct names *names, char arguments[ARGUMENTS_ROOM])
{
    char started[NAME_ROOM];
    memset(names, 0, sizeof *names);
    take_started(started);
    (void)file_executable_name("/proc/self/exe", names->executable, sizeof names->executable);
    ssize_t length = file_read("/proc/self/cmdline", arguments, ARGUMENTS_ROOM);
    names_choose(names, started, arguments, length > 0 ? (size_t)length : 0);
}
