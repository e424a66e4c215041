/* SPDX-License-Identifier: MIT
 *
 * Contract in arguments.h.
 */
#include "arguments.h"

#include "witness.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void arguments_read(struct arguments *arguments, int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "witness") == 0)
        exit(witness_main());
    for (int option; (option = getopt(argc, argv, "l:u:s:t:n:S:e:")) != -1;) {
        if (option == 'l')
            arguments->library = realpath(optarg, NULL);
        else if (option == 'u')
            arguments->user = (uint32_t)atol(optarg);
        else if (option == 's')
            witness_sample(atol(optarg));
        else if (option == 'e')
            arguments->every = atol(optarg);
        else if (option == 'n')
            arguments->count = atol(optarg);
        else if (option == 'S')
            arguments->seed = atol(optarg);
        else if (option != 't' || (arguments->trials = fopen(optarg, "wb")) == NULL)
            exit(2);
    }
}

bool arguments_take(const struct arguments *arguments)
{
    static long pairs;
    return arguments->every < 2 || pairs++ % arguments->every == 0;
}
