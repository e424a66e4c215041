/* SPDX-License-Identifier: MIT */
#ifndef REUSESHIM_VERSION_H
#define REUSESHIM_VERSION_H

/* The library and the command must be of one version; the command checks it. */
#define REUSESHIM_VERSION "0.1.0"

#endif
