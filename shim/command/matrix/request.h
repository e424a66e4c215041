/* SPDX-License-Identifier: MIT
 *
 * What `reuseshim matrix` is asked for.
 */
#ifndef REUSESHIM_COMMAND_MATRIX_REQUEST_H
#define REUSESHIM_COMMAND_MATRIX_REQUEST_H

#include "reuseshim/systems.h"

enum form { FORM_TEXT, FORM_CSV, FORM_JSON };
enum { WORDS_MAX = 8 };

struct request {
    enum form form;
    bool summary;
    bool systems[SYSTEM_COUNT];
    const char *explain;
    const char *html; /* where the page goes; NULL for none */
    const char *only[WORDS_MAX];
    size_t only_count;
};

#endif
