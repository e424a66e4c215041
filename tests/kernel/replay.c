/* SPDX-License-Identifier: MIT
 *
 * Holds what the kernel once did against the rule that this program is linked with: replay FILE...
 * Prints the number of mismatches.
 */
#include "judge.h"

int main(int argc, char **argv)
{
    struct trial trial;
    long trials = 0, mismatches = 0;
    for (int i = 1; i < argc; i++) {
        FILE *file = fopen(argv[i], "rb");
        if (file == NULL)
            return 2;
        for (; fread(&trial, sizeof trial, 1, file) == 1; trials++)
            mismatches += rules_blocks(&trial.newcomer, &trial.holder) != (trial.refused ? YES : NO);
        fclose(file);
    }
    printf("%ld\n", mismatches);
    return trials == 0;
}
