/* SPDX-License-Identifier: MIT
 * Writes cards of vCard 4.0 (RFC 6350): UTF-8, lines of at most 75 bytes, folded between
 * characters.  Appends to a buffer, which the caller may empty between cards and whose `failed` is
 * to be looked at.
 */
#ifndef CRM_IO_VCARD_WRITE_H
#define CRM_IO_VCARD_WRITE_H

#include "base/mem.h"

#include <crm/types.h>

typedef struct crm__card_writer {
    crm__buf *to;
    size_t line;  /* bytes of the present line */
    size_t parts; /* of the present value, written */
} crm__card_writer;

/* BEGIN and VERSION; END. */
void crm__card_begin(crm__card_writer *w, crm__buf *to);
void crm__card_end(crm__card_writer *w);

/* A property: its name ("TEL", "item1.TEL"; ASCII letters, digits, - and one dot), then any
 * parameters, then its value in parts, then its end.  Names are the caller's and right. */
void crm__card_name(crm__card_writer *w, const char *name);
/* A value that needs quotes has them; quotes, ends of lines and ^ in it are written by RFC 6868. */
void crm__card_param(crm__card_writer *w, const char *name, crm__slice value);
/* A part of the value, behind `separator` (';', ',') unless it is the first; escaped.  Of a control
 * character other than tab and end of line nothing is written: no text may have it. */
void crm__card_value(crm__card_writer *w, char separator, crm__slice text);
/* The same without escapes: a URI, a date. */
void crm__card_raw(crm__card_writer *w, crm__slice value);
void crm__card_end_property(crm__card_writer *w);

/* A property of one text, all at once. */
void crm__card_put(crm__card_writer *w, const char *name, crm__slice text);

/* The UID of a customer who came with no card: urn:uuid of a UUID of version 8 that is made of the
 * database's id and the customer's number; its length.  The number, when it is of that database,
 * else 0. */
enum { CRM__CARD_UID = 46 };
size_t crm__card_uid(const uint8_t database[16], crm_id id, char to[CRM__CARD_UID]);
crm_id crm__card_uid_read(const uint8_t database[16], crm__slice text);

#endif
