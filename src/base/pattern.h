/* SPDX-License-Identifier: MIT
 * Regular expressions that match a whole text in time linear in it, whatever the pattern: the set
 * of states is simulated, nothing backtracks.  Immutable after compile: any thread may match.
 *
 * Characters are code points.  Syntax: literals  .  [a-z] [^...]  \d \D \w \W \s \S  \n \t \r
 * \xHH \u{H..}  \ before punctuation  (...) (?:...)  |  * + ?  {n} {n,} {n,m} with m <= 255.
 * Both ends are anchored; ^ first and $ last in the pattern are allowed and change nothing.
 * . is any character but \n; \d \w \s are ASCII.
 */
#ifndef CRM_BASE_PATTERN_H
#define CRM_BASE_PATTERN_H

#include <crm/types.h>

typedef struct crm__pattern crm__pattern;

/* CRM_OK, CRM_ENOMEM, CRM_EINVAL (p is not UTF-8) or CRM_EVALUE (the pattern is faulty, or larger
 * than 2,048 instructions); then *why is a static phrase and *at a byte offset in p; both may be
 * NULL.  *out is NULL on any result but CRM_OK. */
int crm__pattern_compile(const crm_allocator *mem, const char *p, size_t n, crm__pattern **out,
                         const char **why, size_t *at);
/* 1 when all of s matches, else 0 (also when s is not UTF-8).  Does not allocate. */
int crm__pattern_match(const crm__pattern *pat, const char *s, size_t n);
void crm__pattern_free(crm__pattern *pat); /* NULL allowed */

#endif
