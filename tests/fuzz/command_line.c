/* SPDX-License-Identifier: MIT
 *
 * libFuzzer: the command line of another process, of which a record shows no secret.
 */
#include "conflict/processes/command_line.h"
#include "parts/expect.h"
#include "reuseshim/names.h"
#include "reuseshim/processes.h"

#include <stdlib.h>
#include <string.h>

/* In memory that ends where the room does. */
static size_t write(char **line, size_t room, const char *arguments, size_t length)
{
    *line = malloc(room);
    if (*line == NULL)
        abort();
    size_t used = command_line_write(*line, room, arguments, length);
    expect(used <= room, "a command line fits");
    return used;
}

/* A mark that stands behind a name that promises a secret is nowhere in the line. */
static void check_secret(const char *before, const char *arguments, size_t length)
{
    static const char mark[] = "hunter2hunter2";
    enum { MARK = sizeof mark - 1 };
    size_t at = strlen(before), whole = length + at + MARK + 2;
    char *text = calloc(1, whole + at), *line;
    if (text == NULL)
        abort();
    /* Behind what the input has, with a NUL between. */
    memcpy(text, arguments, length);
    memcpy(text + length + 1, before, at);
    if (before[at - 1] == ' ')
        text[length + at] = '\0';
    memcpy(text + length + 1 + at, mark, MARK);
    size_t used = write(&line, 4096 + 2 * whole, text, whole);
    for (size_t i = 0; i + MARK <= used; i++)
        expect(memcmp(line + i, mark, MARK) != 0, "a secret does not show");
    free(line);
    free(text);
}

static bool has_mark(const char *bytes, size_t length)
{
    for (size_t i = 0; i + 6 <= length; i++)
        if (memcmp(bytes + i, "hunter", 6) == 0)
            return true;
    return false;
}

/* What is left out may have stars or dots in its place; nothing comes to it. */
static bool shows_no_more(const char *line, size_t length, const char *shown, size_t count)
{
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        const char *found = at < length ? memchr(line + at, shown[i], length - at) : NULL;
        if (shown[i] == '*' || shown[i] == '.')
            continue;
        if (found == NULL)
            return false;
        at = (size_t)(found - line) + 1;
    }
    return true;
}

/* As one argument again: nothing shows that did not, and it comes to rest. That may take more than one pass:
 * a blank that a password hid no longer ends the word before it, and that may be an option of which more is
 * hidden. */
static void check_again(const char *line, size_t used)
{
    char *before = malloc(used + 1), *after;
    if (before == NULL)
        abort();
    memcpy(before, line, used);
    size_t length = used;
    bool changed = true;
    for (size_t passes = 0; changed; passes++) {
        expect(passes <= used + 1, "a line comes to rest");
        size_t last = write(&after, 2 * length + 1024, before, length);
        expect(shows_no_more(before, length, after, last), "another pass shows no more");
        changed = last != length || memcmp(before, after, last) != 0;
        free(before);
        before = after;
        length = last;
    }
    free(before);
}

static void check_names(const char *arguments, size_t length)
{
    struct names names = {.executable = "python3.11"};
    char *kernel_name = strndup(arguments, length < 15 ? length : 15);
    if (kernel_name == NULL)
        abort();
    names_choose(&names, kernel_name, arguments, length);
    expect_string(names.program);
    expect_string(names.started_as);
    expect_string(names.script);
    expect(strchr(names.program, '/') == NULL, "a name has no folder");
    free(kernel_name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const befores[] = {"--password ", "--token=", "PGPASSWORD=", "api_key:", "-x secret="};
    const char *arguments = (const char *)data;
    char *line;
    if (size > ARGUMENTS_ROOM)
        return 0;
    size_t used = write(&line, COMMAND_ROOM, arguments, size);
    check_again(line, used);
    free(line);
    used = write(&line, 16 + size % 64, arguments, size);
    free(line);
    for (size_t i = 0; i < sizeof befores / sizeof *befores && !has_mark(arguments, size); i++)
        check_secret(befores[i], arguments, size);
    check_names(arguments, size);
    return 0;
}
