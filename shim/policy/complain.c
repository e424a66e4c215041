/* SPDX-License-Identifier: MIT
 *
 * "PLACE:LINE: 'WORD': what was expected": the one line that a bad rule gets.
 */
#include "parse.h"

#include <string.h>

bool word_is(struct word word, const char *string)
{
    return word.length == strlen(string) && memcmp(word.start, string, word.length) == 0;
}

bool complain_in(struct parser *parser, struct word word, const char *const *strings)
{
    enum { SHOWN_OF_WORD = 40, SHOWN_OF_PLACE = 64 };
    struct text text = text_in(parser->complaint->line, sizeof parser->complaint->line);
    text_tail(&text, parser->place, SHOWN_OF_PLACE);
    text_char(&text, ':');
    text_unsigned(&text, parser->line);
    text_string(&text, ": '");
    text_escaped(&text, word.start, word.length < SHOWN_OF_WORD ? word.length : SHOWN_OF_WORD);
    text_string(&text, word.length > SHOWN_OF_WORD ? "...': " : "': ");
    text_join(&text, strings);
    text_end(&text);
    return false;
}
