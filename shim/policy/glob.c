/* SPDX-License-Identifier: MIT
 *
 * Shell patterns, because fnmatch(3) looks at the locale and may allocate.
 */
#include "reuseshim/policy.h"

/* One bracket expression; *glob stands behind the '[' and is moved behind the ']'. An expression without
 * an end is an ordinary '['. */
static bool bracket_match(const char **glob, const char *end, unsigned char c)
{
    const char *at = *glob;
    bool negated = at < end && (*at == '!' || *at == '^');
    bool found = false;
    at += negated;
    for (const char *first = at; at < end && (*at != ']' || at == first); at++) {
        unsigned char low = (unsigned char)*at, high = low;
        if (at + 2 < end && at[1] == '-' && at[2] != ']') {
            high = (unsigned char)at[2];
            at += 2;
        }
        found |= low <= c && c <= high;
    }
    if (at >= end)
        return c == '[';
    *glob = at + 1;
    return found != negated;
}

bool glob_match(const char *glob, size_t glob_length, const char *string)
{
    const char *end = glob + glob_length;
    const char *star = NULL, *star_string = NULL; /* the last '*', and what it has eaten so far */
    while (*string) {
        bool matched = false;
        const char *at = glob;
        if (at < end && *at == '*') {
            star = glob = at + 1;
            star_string = string;
            continue;
        }
        if (at < end) {
            char c = *at++;
            if (c == '?') {
                matched = true;
            } else if (c == '[') {
                matched = bracket_match(&at, end, (unsigned char)*string);
            } else {
                if (c == '\\' && at < end)
                    c = *at++;
                matched = c == *string;
            }
        }
        if (matched) {
            glob = at;
            string++;
        } else if (star) {
            glob = star;
            string = ++star_string;
        } else {
            return false;
        }
    }
    while (glob < end && *glob == '*')
        glob++;
    return glob == end;
}
