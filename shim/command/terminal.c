/* SPDX-License-Identifier: MIT
 *
 * Contract in terminal.h.
 */
#include "terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool coloured;

bool terminal_is(FILE *file)
{
    return isatty(fileno(file)) == 1;
}

void terminal_begin(FILE *file)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    coloured = terminal_is(file) && !(no_color && no_color[0]) && !(term && strcmp(term, "dumb") == 0);
}

void terminal_paint(FILE *file, enum paint paint, const char *text)
{
    static const char *const codes[] = {[PAINT_NONE] = "",
                                        [PAINT_GOOD] = "\033[32m",
                                        [PAINT_BAD] = "\033[1;31m",
                                        [PAINT_UNSURE] = "\033[33m",
                                        [PAINT_LABEL] = "\033[2m"};
    if (coloured && paint != PAINT_NONE)
        fprintf(file, "%s%s\033[0m", codes[paint], text);
    else
        fputs(text, file);
}

bool terminal_has_unicode(void)
{
    setlocale(LC_CTYPE, "");
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

int terminal_width(FILE *file)
{
    struct winsize size;
    return ioctl(fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_col >= 40 ? size.ws_col : 80;
}
