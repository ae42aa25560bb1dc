/* SPDX-License-Identifier: MIT
 * The part of the byte reader too long to inline.
 */
#include "base/bytes.h"

uint64_t crm__read_varint_slow(crm__reader *r)
{
    const uint8_t *p = r->p;
    uint64_t v = 0;
    unsigned shift;

    for (shift = 0; shift < 70 && p != r->end; shift += 7) {
        uint64_t b = *p++;
        if (shift == 63 && b > 1)
            break;
        v |= (b & 0x7f) << shift;
        if (b < 0x80) {
            if (b == 0 && shift != 0)
                break;
            r->p = p;
            return v;
        }
    }
    crm__reader_fail(r);
    return 0;
}
