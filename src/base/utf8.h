/* SPDX-License-Identifier: MIT
 * UTF-8 text: check, walk, fold for comparison, trim, and "did you mean".  Nothing here allocates.
 */
#ifndef CRM_BASE_UTF8_H
#define CRM_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* n when all of s is strict UTF-8 (no surrogate, overlong form, or above U+10FFFF), else the offset
 * where the first faulty sequence begins. */
size_t crm__utf8_valid(const char *s, size_t n);

/* The code point at *p and steps over it.  *p < end, valid text. */
uint32_t crm__utf8_next(const char **p, const char *end);

/* Code points in valid text. */
size_t crm__utf8_count(const char *s, size_t n);

/* Writes code point c (not a surrogate, at most U+10FFFF) and returns its length, 1..4. */
size_t crm__utf8_put(uint32_t c, char out[4]);

/* The form under which texts are compared: NFKC and case folding, white space trimmed at both ends
 * and runs of it made one space, control and default-ignorable characters dropped.
 * fold(fold(x)) == fold(x).  out (cap bytes, not overlapping s) is not NUL-terminated.
 * CRM_EINVAL: s is not UTF-8.  CRM_EVALUE: the result does not fit cap, or more than 4,096 marks
 * stand behind one character.  *len is 0 on a fault.  Uses 17 KB of stack, 34 KB for long runs of
 * marks. */
int crm__utf8_fold(const char *s, size_t n, char *out, size_t cap, size_t *len);

/* Moves *s and *n past Unicode white space and byte order marks at both ends of valid text.
 * 1 when something was trimmed. */
int crm__utf8_trim(const char **s, size_t *n);

/* 1 when valid text holds a C0 or C1 control, or DEL, other than \n and \t. */
int crm__utf8_has_control(const char *s, size_t n);

/* White space of Unicode (including U+3000), and the byte order mark. */
int crm__utf8_is_space(uint32_t c);

/* The entry of list (NUL-terminated) nearest to word in folded form: Damerau-Levenshtein distance
 * (adjacent swaps), the first of equals.  SIZE_MAX, and *best untouched, when the distance is above
 * max(1, code points of word / 3), or word is empty, not UTF-8, or above 64 code points. */
size_t crm__near(const char *word, size_t n, const char *const *list, size_t count, size_t *best);
/* The name, when it is nearer than *away, which is then its distance; else NULL.  SIZE_MAX at first. */
const char *crm__nearer(const char *word, size_t n, const char *const *list, size_t count,
                        size_t *away);

#endif
