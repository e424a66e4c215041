/* SPDX-License-Identifier: MIT
 *
 * libFuzzer target: any text is rules or a one-line complaint.
 */
#include "reuseshim/policy.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct complaint complaint;
    const char *text = (const char *)data;
    struct rule *rules = calloc(policy_capacity(text, size), sizeof *rules);
    bool from_variable = size & 1;
    int count = policy_parse(rules, text, size, "fuzz", from_variable, &complaint);
    if (count < 0 &&
        (memchr(complaint.line, '\0', sizeof complaint.line) == NULL || strchr(complaint.line, '\n')))
        abort();
    if (count > 0) {
        static const unsigned char loopback[4] = {127, 0, 0, 1};
        struct endpoint address = endpoint_of(AF_INET, loopback, 80);
        struct situation situation = {
            .when = WHEN_BIND, .protocol = 6, .family = AF_INET, .address = &address};
        policy_resolve_program(rules, (size_t)count, &(struct names){.program = "program"});
        const struct policy policy = {
            .name = "fuzz", .rules = rules, .count = (size_t)count, .when = WHEN_BIND};
        (void)policy_match(&policy, &situation);
    }
    free(rules);
    return 0;
}
