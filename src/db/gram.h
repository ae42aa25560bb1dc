/* SPDX-License-Identifier: MIT
 * Pieces of texts, for fields with `index: contains`: whoever has a text that contains another is
 * in the sets of all pieces of that other (CRM__BITS_GRAM).  Others may be in them too, for pieces
 * share sets; so the text itself decides.
 *
 * Pieces are of the folded text: each character of a script that is written without spaces
 * (U+2E80 and above) by itself, two such ones that stand together, and any three characters that
 * stand together and do not begin with two such ones.  Whether three, two or one character make a
 * piece only they decide, so a text has all pieces of what it contains.
 */
#ifndef CRM_DB_GRAM_H
#define CRM_DB_GRAM_H

#include "base/mem.h"

/* Sets of one field. */
enum { CRM__GRAMS = 4096, CRM__GRAM_WORDS = CRM__GRAMS / 64 };

/* Appends the folded form of a text; CRM_OK, CRM_EVALUE (no text), CRM_ENOMEM. */
int crm__gram_fold(crm__slice text, crm__buf *out);
/* Adds the sets of the pieces of a folded text to words: FNV-1a of 32 bits over a piece's bytes,
 * its upper half laid over the lower one, the lowest 12 bits. */
void crm__gram_sets(crm__slice folded, uint64_t words[CRM__GRAM_WORDS]);

#endif
