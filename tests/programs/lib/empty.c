/* SPDX-License-Identifier: MIT
 *
 * A preload library with nothing in it: what preloading costs by itself.
 */
extern int empty_library;
int empty_library;
