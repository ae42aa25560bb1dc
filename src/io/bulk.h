/* SPDX-License-Identifier: MIT
 * How much of a bulk, an import or the load of a dump, one commit is for.
 */
#ifndef CRM_IO_BULK_H
#define CRM_IO_BULK_H

#include <stdint.h>

enum { CRM__BULK_COMMIT = 64 * 1000 * 1000, CRM__BULK_SHARE = 8 };

/* How many bytes of edits a commit is for.  Tokens of identities, and customers of events, come in
 * no order: a commit writes most pages of a large space anew, however small it is.  So what fills
 * an empty database commits when it has an eighth more, which writes some eight times the space in
 * all and not a hundred times; it keeps other writers waiting for longer, of which there are none
 * as a rule. */
static inline uint64_t crm__bulk_bytes(uint64_t asked, uint64_t grown)
{
    if (asked)
        return asked < CRM__BULK_COMMIT ? asked : CRM__BULK_COMMIT;
    grown /= CRM__BULK_SHARE;
    return grown > CRM__BULK_COMMIT ? grown : CRM__BULK_COMMIT;
}

#endif
