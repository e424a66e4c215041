/* SPDX-License-Identifier: MIT
 *
 * From text to rules: lines, words, and which word may stand where. The words are in keywords.c, what an
 * argument may look like in arguments.c, what may stand beside what in together.c. Contract in policy.h.
 */
#include "parse.h"

/* ---- lines and words ------------------------------------------------------------------------ */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_rule_end(char c)
{
    return c == ';' || c == '\n';
}

/* The next word of this rule, of length 0 at its end; comments are passed over. */
static struct word next_word(struct parser *parser)
{
    while (parser->at < parser->end && is_blank(*parser->at))
        parser->at++;
    if (parser->at < parser->end && *parser->at == '#')
        while (parser->at < parser->end && *parser->at != '\n')
            parser->at++;
    struct word word = {.start = parser->at};
    while (parser->at < parser->end && !is_blank(*parser->at) && !is_rule_end(*parser->at))
        parser->at++;
    word.length = (size_t)(parser->at - word.start);
    return word;
}

/* Steps over the end of a rule. */
static void next_rule(struct parser *parser)
{
    if (parser->at < parser->end && (*parser->at++ == '\n' || parser->in_variable))
        parser->line++;
}

/* NUL and CR are invisible in an editor and in an error message: say what they are. */
static bool check_bytes(struct parser *parser)
{
    for (const char *at = parser->at; at < parser->end && *at != '\n'; at++) {
        if (*at == '\0')
            return complain(parser, ((struct word){at, 1}), "a NUL byte; expected plain text");
        if (*at == '\r')
            return complain(parser, ((struct word){at, 1}),
                            "a carriage return; expected lines that end in LF alone, not CRLF");
    }
    return true;
}

/* The lists of words take room that a correct policy, and its host's stack, need not pay for. */
__attribute__((noinline)) static bool complain_unknown(struct parser *parser, struct word word)
{
    char matches[KEYWORDS_ROOM], actions[KEYWORDS_ROOM];
    return complain(parser, word, "expected a match (", keyword_list(matches, MATCH), ") or an action (",
                    keyword_list(actions, ACTION), ")");
}

__attribute__((noinline)) static bool complain_no_action(struct parser *parser, struct word last)
{
    char actions[KEYWORDS_ROOM];
    return complain(parser, last, "expected an action (", keyword_list(actions, ACTION), ") after it");
}

static bool parse_word(struct parser *parser, struct draft *draft, struct word word)
{
    const struct keyword *keyword = keyword_find(word);
    if (keyword == NULL)
        return complain_unknown(parser, word);
    if (keyword->kind == MATCH && draft->has_action)
        return complain(parser, word, "a match; expected it before the first action");
    if (keyword->group < GROUP_COUNT) {
        struct word before = draft->seen[keyword->group];
        if (before.length && word_is(before, keyword->word))
            return complain(parser, word, "given twice; expected it once in a rule");
        if (before.length)
            return complain(parser, word, "contradicts '", keyword_find(before)->word,
                            "'; expected one of the two in a rule");
        draft->seen[keyword->group] = word;
    }
    draft->has_action |= keyword->kind == ACTION;
    draft->last = word;
    struct word argument = keyword->expected ? next_word(parser) : (struct word){word.start, 0};
    if (keyword->expected && argument.length == 0)
        return complain(parser, word, "expected ", keyword->expected, " behind it");
    if (argument.length)
        draft->last = argument;
    return keyword->take(parser, draft, keyword, argument);
}

/* Reads one rule; false on a complaint, true with *empty for a line without words. */
static bool parse_rule(struct parser *parser, struct rule *rule, bool *empty)
{
    struct draft draft = {
        .rule = {.when = WHEN_BIND, .line = parser->line, .from_variable = parser->in_variable}};
    struct word word = next_word(parser);
    *empty = word.length == 0;
    for (; word.length; word = next_word(parser))
        if (!parse_word(parser, &draft, word))
            return false;
    if (*empty)
        return true;
    if (!draft.has_action)
        return complain_no_action(parser, draft.last);
    if (!check_together(parser, &draft))
        return false;
    *rule = draft.rule;
    return true;
}

size_t policy_capacity(const char *text, size_t length)
{
    size_t rules = 0;
    bool empty = true, comment = false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\n' || (text[i] == ';' && !comment)) {
            empty = true;
            comment = false;
        } else if (empty && !comment && !is_blank(text[i])) {
            comment = text[i] == '#';
            empty = false;
            rules += !comment;
        }
    }
    return rules + 1; /* one is needed to read the last, empty one into */
}

int policy_parse(struct rule *rules, const char *text, size_t length, const char *place, bool from_variable,
                 struct complaint *complaint)
{
    struct parser parser = {.at = text,
                            .end = text + length,
                            .place = place,
                            .line = 1,
                            .in_variable = from_variable,
                            .complaint = complaint};
    int count = 0;
    bool line_start = true;
    while (parser.at < parser.end) {
        bool empty;
        if (line_start && !check_bytes(&parser))
            return -1;
        if (!parse_rule(&parser, &rules[count], &empty))
            return -1;
        count += !empty;
        line_start = parser.at < parser.end && *parser.at == '\n';
        next_rule(&parser);
    }
    if (count == 0 && !from_variable) {
        complain(&parser, ((struct word){"", 0}),
                 "no rule in it; expected at least one, such as "
                 "'tcp port 8080 force reuseaddr', or 'keep' to change nothing");
        return -1;
    }
    return count;
}
