/* SPDX-License-Identifier: MIT
 * A whole timeline at once, for who has all events of a customer: full blocks, and the rows beside
 * them.
 */
#include "event/timeline.h"

enum { QUICK = 6 };

/* How many events, from the first on, fill a block; out holds that block.  Sizes grow with the
 * number, but for a few bytes.  The size of one try tells where to try next, and when that leads
 * nowhere the middle does. */
static uint32_t fill(const crm__event *events, uint32_t n, uint32_t guess, crm__buf *out)
{
    uint32_t lo = 1, hi = n < CRM__EVENT_BLOCK_EVENTS ? n : CRM__EVENT_BLOCK_EVENTS, at = guess;

    for (int i = 0; lo < hi; i++) { /* lo fits, or is the only one */
        at = at > hi ? hi : at <= lo ? lo + 1 : at;
        out->n = 0;
        crm__event_block_encode(events, at, out);
        if (out->failed)
            return 0;
        if (out->n <= CRM__EVENT_BLOCK_BYTES)
            lo = at;
        else
            hi = at - 1;
        at = i < QUICK ? (uint32_t)((uint64_t)at * CRM__EVENT_BLOCK_BYTES / out->n)
                       : lo + (hi - lo + 1) / 2;
    }
    out->n = 0;
    crm__event_block_encode(events, lo, out);
    return out->failed ? 0 : lo;
}

int crm__timeline_build(crm__timeline *t, const crm__event_block *all)
{
    crm__buf *out = &t->txn->scratch[0];
    uint32_t last = CRM__EVENT_BLOCK_EVENTS / 8, blocks = 0;

    for (uint32_t at = 0; at < all->count; at += last, blocks++) {
        const crm__event *first = &all->events[at];
        uint8_t key[CRM__KEY_EVENT];
        last = fill(first, all->count - at, last, out);
        if (!last || crm__edits_put(&t->txn->edits, KV_EVENT,
                                    crm__key_event(key, t->id, first->time, first->number),
                                    crm__slice_of(out->p, out->n), 0))
            return CRM_ENOMEM;
    }
    t->many = blocks > 1;
    return t->many ? crm__timeline_index_make(t, all) : CRM_OK;
}
