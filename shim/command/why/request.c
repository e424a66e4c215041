/* SPDX-License-Identifier: MIT
 *
 * Contract in request.h.
 */
#include "request.h"

#include "reuseshim/command.h"

#include <stdlib.h>
#include <string.h>

bool request_read(struct request *request, char **words, int count)
{
    request->operands = calloc((size_t)count + 1, sizeof *request->operands);
    if (request->operands == NULL) {
        command_error("why: no memory", (char *)NULL);
        return false;
    }
    for (int i = 0; i < count; i++)
        if (!operand_read(&request->operands[request->count++], &request->asked, "why", words[i]))
            return false;
    return true;
}

/* In quotes where the shell would do something with it. */
static void add_word(struct text *text, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=:/.,@%+";
    text_char(text, ' ');
    if (word[0] && word[strspn(word, plain)] == '\0') {
        text_string(text, word);
        return;
    }
    text_char(text, '\'');
    for (const char *at = word; *at; at++) {
        if (*at == '\'')
            text_string(text, "'\\'");
        text_char(text, *at);
    }
    text_char(text, '\'');
}

void request_keep_words(struct request *request, int argc, char **argv)
{
    size_t size = sizeof "sudo reuseshim";
    for (int i = 0; i < argc; i++)
        size += 4 * strlen(argv[i]) + 3;
    request->again = malloc(size);
    if (request->again == NULL)
        return;
    struct text text = text_in(request->again, size);
    text_string(&text, "sudo reuseshim");
    for (int i = 0; i < argc; i++)
        add_word(&text, argv[i]);
    text_end(&text);
}

void request_free(struct request *request)
{
    free(request->operands);
    free(request->again);
}
