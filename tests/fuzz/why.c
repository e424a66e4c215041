/* SPDX-License-Identifier: MIT
 *
 * libFuzzer: `reuseshim why` from its words to what it prints, on a kernel that says anything: the answer for
 * a port, and the list of all ports.
 */
#include "../../shim/command/subcommands.h"
#include "../../shim/command/why/users.h"
#include "parts/expect.h"
#include "parts/kernel.h"
#include "reuseshim/command.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 8 };

/* In the place of the one that asks the machine, and remembers each user for ever. */
const char *user_name(uint32_t uid)
{
    return uid & 1 ? "nobody" : "";
}

/* No path, where a bind would make a real file, no --watch, which has no end, and no range, whose end is far.
 */
static bool is_wanted(const char *word)
{
    bool is_option = word[0] == '-';
    return strpbrk(word, "/@") == NULL && strchr(word, is_option ? 'w' : '-') == NULL;
}

/* The lines of the section "words", each in memory of its own. */
static int read_words(char *words[WORDS_MAX + 1], const struct sections *sections)
{
    char *text = sections_string(sections, "words"), *rest = text, *word;
    int count = 0;
    words[count++] = strdup("why");
    while (count < WORDS_MAX && (word = strsep(&rest, "\n")) != NULL)
        if (word[0] && is_wanted(word))
            words[count++] = strdup(word);
    words[count] = NULL;
    free(text);
    return count;
}

static void check_lines(const char *text, size_t length)
{
    for (const char *at = text, *end = text + length, *newline; at < end; at = newline + 1) {
        newline = memchr(at, '\n', (size_t)(end - at));
        expect(newline != NULL, "a line of JSON has an end");
        expect_json(at, (size_t)(newline - at), "a line of JSON is JSON");
    }
}

static FILE *memory_file(char **text, size_t *length)
{
    FILE *file = open_memstream(text, length);
    if (file == NULL)
        abort();
    return file;
}

/* After an error it is still in the middle of a word that is gone (getopt(3), "reinitialize"). */
static void forget_options(void)
{
    char name[] = "why", *words[] = {name, NULL};
    optind = 0;
    (void)getopt(1, words, "");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sections sections;
    char *words[WORDS_MAX + 1], *kept[WORDS_MAX + 1], *printed = NULL, *complained = NULL;
    size_t length, complaints;
    FILE *out = stdout, *err = stderr;
    sections_read(&sections, data, size);
    int count = read_words(words, &sections);
    memcpy(kept, words, sizeof kept); /* getopt(3) changes their order */
    stdout = memory_file(&printed, &length);
    stderr = memory_file(&complained, &complaints);
    forget_options();
    kernel_begin(&sections);
    int code = command_why(count, words);
    kernel_end();
    fclose(stdout);
    fclose(stderr);
    stdout = out;
    stderr = err;
    expect(code == 0 || code == 1 || code == EXIT_USAGE || code == EXIT_TROUBLE,
           "an exit code of the manual");
    expect_clean(printed, length, "\n", "what is printed is clean");
    expect_clean(complained, complaints, "\n", "what is complained of is clean");
    expect(code != EXIT_USAGE || complaints > 0, "wrong use is complained of");
    if (printed && printed[0] == '{')
        check_lines(printed, length);
    free(printed);
    free(complained);
    for (int i = 0; i < count; i++)
        free(kept[i]);
    return 0;
}
