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

int terminal_limit(FILE *file)
{
    struct winsize size;
    return terminal_is(file) && ioctl(fileno(file), TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

int terminal_columns(const char *text, size_t length)
{
    int count = 0;
    for (size_t i = 0; i < length; i++)
        count += (text[i] & 0xc0) != 0x80;
    return count;
}

void terminal_wrapped(FILE *file, int column, const char *text, size_t length)
{
    enum { ROOM = 20 };
    int width = terminal_limit(file);
    if (width < column + ROOM) {
        fprintf(file, "%.*s", (int)length, text);
        return;
    }
    for (size_t start = 0, at = (size_t)column; start < length;) {
        size_t blanks = 0, word = 0;
        while (start + blanks < length && text[start + blanks] == ' ')
            blanks++;
        while (start + blanks + word < length && text[start + blanks + word] != ' ')
            word++;
        size_t wide = (size_t)terminal_columns(text + start + blanks, word);
        if (at > (size_t)column && at + blanks + wide > (size_t)width) {
            fprintf(file, "\n%*s", column, "");
            start += blanks;
            blanks = 0;
            at = (size_t)column;
        }
        fwrite(text + start, 1, blanks + word, file);
        start += blanks + word;
        at += blanks + wide;
    }
}

void terminal_labelled(FILE *file, int indent, const char *label, const char *text, size_t length)
{
    fprintf(file, "%*s", indent, "");
    terminal_paint(file, PAINT_LABEL, label);
    terminal_wrapped(file, indent + (int)strlen(label), text, length);
    fputc('\n', file);
}
