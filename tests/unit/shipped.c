/* SPDX-License-Identifier: MIT
 *
 * Prints the names of the policies that are compiled in, or the text of one.
 */
#include "reuseshim/policy.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    if (argc > 1) {
        struct shipped_policy policy;
        if (!shipped_policy_find(argv[1], &policy))
            return 1;
        fwrite(policy.start, 1, (size_t)(policy.end - policy.start), stdout);
        return 0;
    }
    for (size_t i = 0; i < shipped_policy_count; i++)
        puts(shipped_policy_at(i).name);
    return 0;
}
