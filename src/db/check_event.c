/* SPDX-License-Identifier: MIT
 * Day lists against the events, and the parts themselves.  The walk that makes the sums also hands
 * every row of the event space to check_timeline.c.
 *
 * Events lie in order of customers, lists in order of days, so sums of keyed hashes are compared,
 * as for identity rows: one per bucket of lists.  A bucket that differs is gathered from both sides
 * and compared item by item.
 */
#include "base/time.h"
#include "db/check.h"
#include "db/derive_event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS_EXACT = 16, NAMED_MOST = 100, ALL_BUCKETS = -1 };

typedef struct lists {
    crm__check *c;
    crm__sum wanted[CRM__CHECK_BUCKETS], stored[CRM__CHECK_BUCKETS];
    crm__check_timeline *timeline;
    crm__check_spans *spans;
    uint64_t faults; /* when the last event row had been seen */
    crm__arena arena;
    crm__day_work *work;
    crm__day_list items; /* of one part */
    crm__buf row;        /* key of a list, then an item of it */
    crm__day_place place;
    int bucket; /* gathered one, or ALL_BUCKETS while sums are made */
    crm__day_list want, have;
} lists;

static int bucket_of(const uint8_t *list)
{
    return (int)(crm__hash64(0, list, CRM__KEY_DAY_LIST) % CRM__CHECK_BUCKETS);
}

static void set_row(lists *l, const uint8_t *list, crm__slice item)
{
    l->row.n = 0;
    crm__buf_add(&l->row, list, CRM__KEY_DAY_LIST);
    crm__buf_add(&l->row, item.p, item.n);
}

/* Takes l->row to one of the sides. */
static int take_row(lists *l, crm__sum *sums, crm__day_list *side)
{
    uint16_t n = (uint16_t)l->row.n;
    int bucket;

    if (l->row.failed)
        return CRM_ENOMEM;
    bucket = bucket_of(l->row.p);
    if (l->bucket == ALL_BUCKETS) {
        crm__sum_add(&sums[bucket], l->c->seed, l->row.p, l->row.n, 1);
    } else if (bucket == l->bucket) {
        crm__buf_add(&side->bytes, l->row.p, l->row.n);
        crm__buf_add(&side->lengths, &n, sizeof n);
    }
    return side->bytes.failed || side->lengths.failed ? CRM_ENOMEM : CRM_OK;
}

/* ---- events ---- */

static int add_event(void *ctx, crm_id id, const crm__event *e)
{
    lists *l = ctx;
    const crm__event_kind *kind = crm__model_event_number(l->c->model, e->kind);
    uint8_t list[CRM__KEY_DAY_LIST];
    int rc;

    if (!kind)
        return CRM_OK;
    rc = crm__event_item(l->c->txn, kind, id, e, 0, list, &l->items.bytes, NULL);
    if (rc == CRM_ENOMEM || rc == CRM_EIO)
        return rc;
    if (rc) {
        if (l->bucket == ALL_BUCKETS)
            crm__check_fault(l->c, "dict", id, -1,
                             "a text of an event (%s) of customer %llu has no number", kind->key,
                             (unsigned long long)id);
        return CRM_OK;
    }
    l->c->result.derived += l->bucket == ALL_BUCKETS;
    set_row(l, list, crm__slice_of(l->items.bytes.p, l->items.bytes.n));
    return take_row(l, l->wanted, &l->want);
}

/* One bucket is gathered. */
static int event_row(crm__check *c, crm__slice k, crm__slice v, void *ctx)
{
    lists *l = ctx;
    crm__slice payload;
    int rc = crm__untag(&c->store, KV_EVENT, k, v, &payload);

    if (!rc)
        rc = crm__event_row_each(&l->arena, k, payload, add_event, l);
    return rc == CRM_ECORRUPT ? CRM_OK : rc;
}

/* All are summed, and their timelines checked; a block is decoded once for both. */
static int sum_row(crm__check *c, crm__slice k, crm__slice v, void *ctx)
{
    lists *l = ctx;
    crm__slice payload;
    crm__event_block b = {0};
    uint64_t id = 0;
    uint32_t number;
    int64_t time;
    int rc = crm__untag(&c->store, KV_EVENT, k, v, &payload), block = 0;

    if (!rc && (block = crm__key_event_read(k, &id, &time, &number)) != 0) {
        crm__arena_reset(&l->arena);
        rc = crm__event_block_decode(&l->arena, time, number, payload, &b);
    }
    if (rc == CRM_ECORRUPT)
        rc = crm__check_timeline_lost(l->timeline, k);
    else if (!rc)
        rc = crm__check_timeline_row(l->timeline, k, payload, block ? &b : NULL);
    for (uint32_t i = 0; i < b.count && !rc; i++) {
        if (crm__event_counts(&b.events[i]))
            rc = add_event(l, id, &b.events[i]);
    }
    l->faults = c->result.faults;
    return rc;
}

static int sum_events(lists *l)
{
    int rc;

    l->faults = l->c->result.faults;
    rc = crm__check_rows(l->c, KV_EVENT, sum_row, l);
    /* A walk that ends at a page that can't be read has told so behind the last row. */
    return rc ? rc : crm__check_timeline_end(l->timeline, l->faults == l->c->result.faults);
}

/* ---- parts ---- */

static const char *kind_name(const crm__check *c, const uint8_t *list)
{
    const crm__event_kind *kind = crm__model_event_number(c->model, crm__get_be32(list + 4));

    return kind ? kind->key : "removed kind";
}

static void day_name(const uint8_t *list, char to[24])
{
    int64_t us = (int64_t)crm__key_day_of(list) * CRM__US_PER_DAY;
    char text[40];

    /* A damaged key may name a day that has no text. */
    if (!crm__datetime_format(us, text))
        snprintf(to, 24, "day %ld", (long)crm__key_day_of(list));
    else
        snprintf(to, 24, "%.10s", text);
}

static void part_fault(lists *l, crm__slice k, const char *what)
{
    char day[24];

    if (l->bucket != ALL_BUCKETS)
        return;
    day_name(k.p, day);
    crm__check_fault(l->c, "day", 0, -1, "the list of %s events of %s, chunk %lu: %s",
                     kind_name(l->c, k.p), day, (unsigned long)crm__get_be32(k.p), what);
}

unsigned crm__day_place_next(crm__day_place *p, crm__slice key, uint16_t first, uint16_t last)
{
    int row = crm__get_be16(key.p + CRM__KEY_DAY_LIST);
    int number = crm__get_be16(key.p + CRM__KEY_DAY_LIST + 2);
    int same = p->begun && memcmp(p->list, key.p, CRM__KEY_DAY_LIST) == 0;
    unsigned what = 0;

    if (row != first)
        what |= CRM__PLACE_FIRST;
    if (number != (same && p->first == row ? p->number + 1 : 0))
        what |= CRM__PLACE_MISSING;
    if ((same && number == 0 && first <= p->last) || (number && (last != row || p->last != row)))
        what |= CRM__PLACE_TWICE;
    memcpy(p->list, key.p, CRM__KEY_DAY_LIST);
    p->begun = 1;
    p->first = row;
    p->number = number;
    p->last = last;
    return what;
}

static int part_row(crm__check *c, crm__slice k, crm__slice v, void *ctx)
{
    lists *l = ctx;
    crm__slice payload, item;
    size_t at = 0, index = 0;
    uint16_t first = 0, last = 0;
    unsigned place;
    int rc;

    if (crm__key_is_span(k))
        return l->bucket == ALL_BUCKETS ? crm__check_spans_row(l->spans, k, v) : CRM_OK;
    if (k.n != CRM__KEY_DAY) {
        if (l->bucket == ALL_BUCKETS)
            crm__check_fault(c, "day", 0, -1, "a row has a key of another form");
        return CRM_OK;
    }
    l->items.bytes.n = l->items.lengths.n = 0;
    rc = crm__untag(&c->store, KV_DAY, k, v, &payload);
    if (!rc)
        rc = crm__day_items(l->work, payload, &l->items);
    if (rc == CRM_ENOMEM)
        return rc;
    if (rc) {
        part_fault(l, k, "a part is damaged");
        return l->bucket == ALL_BUCKETS ? crm__check_spans_lost(l->spans, k.p) : CRM_OK;
    }
    for (rc = CRM_OK; !rc && (item = crm__day_list_next(&l->items, &at, &index)).p;) {
        last = crm__day_item_row(item);
        if (index == 1)
            first = last;
        set_row(l, k.p, item);
        rc = take_row(l, l->stored, &l->have);
        if (!rc && l->bucket == ALL_BUCKETS)
            rc = crm__check_spans_item(l->spans, k.p, item);
    }
    place = crm__day_place_next(&l->place, k, first, last);
    if (place & CRM__PLACE_FIRST)
        part_fault(l, k, "a part is not under its first row");
    if (place & CRM__PLACE_MISSING)
        part_fault(l, k, "a part of a row is missing");
    if (place & CRM__PLACE_TWICE)
        part_fault(l, k, "a row is in two parts");
    return rc;
}

/* ---- what differs ---- */

static int by_row(const void *a, const void *b)
{
    return crm__slice_compare(*(const crm__slice *)a, *(const crm__slice *)b);
}

/* The rows of one side in order; *count may be 0, and then the result NULL. */
static crm__slice *sorted(const lists *l, const crm__day_list *side, size_t *count)
{
    size_t at = 0, index = 0, n = crm__day_list_count(side);
    crm__slice *rows = n ? crm__alloc(&l->c->mem, n * sizeof *rows) : NULL;

    *count = n;
    for (size_t i = 0; i < n && rows; i++)
        rows[i] = crm__day_list_next(side, &at, &index);
    if (rows)
        qsort(rows, n, sizeof *rows, by_row);
    return rows;
}

static void name_row(const lists *l, crm__slice row, int missing)
{
    crm_id id = ((crm_id)crm__get_be32(row.p) << CRM__CHUNK_SHIFT) +
                crm__get_be16(row.p + CRM__KEY_DAY_LIST);
    char day[24];

    day_name(row.p, day);
    crm__check_fault(l->c, "day", id, -1,
                     missing
                         ? "an event (%s) of customer %llu is not in the list of %s as it is"
                         : "an event (%s) that customer %llu does not have is in the list of %s",
                     kind_name(l->c, row.p), (unsigned long long)id, day);
}

static int compare_rows(lists *l)
{
    size_t n, m, i = 0, k = 0;
    crm__slice *want = sorted(l, &l->want, &n), *have = sorted(l, &l->have, &m);
    int rc = (n && !want) || (m && !have) ? CRM_ENOMEM : CRM_OK;

    for (int named = 0; !rc && (i < n || k < m) && named < NAMED_MOST;) {
        int order = i == n ? 1 : k == m ? -1 : crm__slice_compare(want[i], have[k]);
        if (order) {
            name_row(l, order < 0 ? want[i] : have[k], order < 0);
            named++;
        }
        i += order <= 0;
        k += order >= 0;
    }
    crm__release(&l->c->mem, want);
    crm__release(&l->c->mem, have);
    return rc;
}

/* Both sides: into sums, or those of one bucket into memory. */
static int walk(lists *l, int bucket)
{
    int rc;

    l->bucket = bucket;
    l->place.begun = 0;
    l->want.bytes.n = l->want.lengths.n = l->have.bytes.n = l->have.lengths.n = 0;
    rc = bucket == ALL_BUCKETS ? sum_events(l) : crm__check_rows(l->c, KV_EVENT, event_row, l);
    if (!rc)
        rc = crm__check_rows(l->c, KV_DAY, part_row, l);
    return rc || bucket != ALL_BUCKETS ? rc : crm__check_spans_end(l->spans);
}

static int compare(lists *l)
{
    int rc = CRM_OK, differ = 0;

    for (int i = 0; i < CRM__CHECK_BUCKETS && !rc; i++) {
        const crm__sum *w = &l->wanted[i], *s = &l->stored[i];
        if (w->a == s->a && w->b == s->b && w->count == s->count)
            continue;
        if (differ++ >= BUCKETS_EXACT)
            continue;
        rc = walk(l, i);
        if (!rc)
            rc = compare_rows(l);
    }
    if (!rc && differ > BUCKETS_EXACT)
        crm__check_fault(l->c, "day", 0, -1,
                         "%d of %d parts differ from the events; the first %d are named", differ,
                         CRM__CHECK_BUCKETS, BUCKETS_EXACT);
    return rc;
}

int crm__check_events(crm__check *c)
{
    lists *l = crm__calloc(&c->mem, 1, sizeof *l);
    int rc;

    if (!l)
        return CRM_ENOMEM;
    l->c = c;
    crm__arena_init(&l->arena, &c->mem);
    crm__buf_init(&l->row, &c->mem);
    crm__day_list_init(&l->items, &c->mem);
    crm__day_list_init(&l->want, &c->mem);
    crm__day_list_init(&l->have, &c->mem);
    l->work = crm__day_work_new(&c->mem);
    l->timeline = crm__check_timeline_new(c);
    l->spans = crm__check_spans_new(c);
    rc = l->work && l->timeline && l->spans ? walk(l, ALL_BUCKETS) : CRM_ENOMEM;
    if (!rc)
        rc = compare(l);
    crm__check_spans_free(l->spans);
    crm__check_timeline_free(l->timeline);
    crm__day_work_free(l->work);
    crm__day_list_clear(&l->want);
    crm__day_list_clear(&l->have);
    crm__day_list_clear(&l->items);
    crm__buf_clear(&l->row);
    crm__arena_clear(&l->arena);
    crm__release(&c->mem, l);
    return rc;
}
