/* SPDX-License-Identifier: MIT
 *
 * The rule language: shell patterns, and the parser on every prefix and every one-byte change of real
 * policies.
 */
#include "reuseshim/policy.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>

static void glob(const char *pattern, const char *string, bool expected)
{
    char name[128];
    snprintf(name, sizeof name, "%s %s %s", pattern, expected ? "matches" : "does not match", string);
    ok(glob_match(pattern, strlen(pattern), string) == expected, name);
}

/* In memory of exactly its size, so that a sanitizer sees a step too far; complaints end in a NUL in time. */
static int parse(const char *text, size_t length)
{
    struct complaint complaint;
    char *copy = malloc(length + !length);
    memset(&complaint, 'x', sizeof complaint);
    memcpy(copy, text, length);
    struct rule *rules = calloc(policy_capacity(copy, length), sizeof *rules);
    int count = policy_parse(rules, copy, length, "test", false, &complaint);
    if (count < 0 && (memchr(complaint.line, '\0', sizeof complaint.line) == NULL ||
                      strncmp(complaint.line, "test:", 5) != 0 || strchr(complaint.line, '\n')))
        count = -2;
    free(rules);
    free(copy);
    return count;
}

int main(void)
{
    glob("nginx", "nginx", true);
    glob("nginx", "nginx2", false);
    glob("*", "", true);
    glob("", "", true);
    glob("?", "", false);
    glob("py*3*", "python3.11", true);
    glob("*.so*.1", "a.so.b.so.1", true);
    glob("[a-c]x", "bx", true);
    glob("[!a-c]x", "bx", false);
    glob("[]]", "]", true);
    glob("[a", "[a", true);
    glob("\\*", "*", true);
    glob("\\*", "x", false);
    char many[256];
    memset(many, 'a', sizeof many - 1);
    many[sizeof many - 1] = '\0';
    glob("a*a*a*a*a*a*a*a*a*a*a*a*b", many, false);

    int worst = 0;
    for (size_t p = 0; p < shipped_policy_count; p++) {
        const struct shipped_policy shipped = shipped_policy_at(p);
        const char *start = shipped.start;
        size_t length = (size_t)(shipped.end - start);
        ok(parse(start, length) > 0, shipped.name);
        char *changed = malloc(length);
        memcpy(changed, start, length);
        for (size_t i = 0; i < length; i++) {
            static const char bytes[] = {'\0', '\r', '\n', ';', '#', ' ', ',', '\xff', '9'};
            worst = parse(start, i) == -2 ? -2 : worst;
            for (size_t k = 0; k < sizeof bytes; k++) {
                changed[i] = bytes[k];
                worst = parse(changed, length) == -2 ? -2 : worst;
            }
            changed[i] = start[i];
        }
        free(changed);
    }
    ok(worst == 0, "every prefix and every change of a byte is a policy or a one-line complaint");
    return tap_end();
}
