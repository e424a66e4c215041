/* SPDX-License-Identifier: MIT
 *
 * A record in all the forms in which it may be written.
 */
#ifndef REUSESHIM_FUZZ_RECORD_FORMS_H
#define REUSESHIM_FUZZ_RECORD_FORMS_H

#include "reuseshim/record.h"

/* Each fits where it is to be written, is UTF-8 without anything that a terminal obeys or that misleads who
 * reads it, and is a line, JSON, or fields, as its form asks for. */
void expect_record(const struct record *record);

#endif
