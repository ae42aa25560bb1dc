/* SPDX-License-Identifier: MIT
 * Changing a day list: see days.h.  Changes go part by part: the part that a row belongs to is the
 * last one whose first row is not behind it, found by one seek, and the one after it says where it
 * ends. A row that has parts of its own is dealt with apart, as its parts are counted.
 */
#include "db/days.h"

#include "base/bytes.h"
#include "db/edits.h"

#include <crm/codes.h>
#include <stdlib.h>
#include <string.h>

enum { ALL_ROWS = 65536 };

/* ---- changes ---- */

static int by_item(const void *a, const void *b)
{
    return crm__slice_compare(((const crm__day_change *)a)->item,
                              ((const crm__day_change *)b)->item);
}

int crm__day_changes(const uint64_t *ops, uint32_t count, crm__buf *out)
{
    size_t room = count * sizeof(crm__day_change), n = 0;
    crm__day_change *c = (crm__day_change *)(void *)crm__buf_reserve(out, room);
    int ordered = 1;

    if (!c)
        return CRM_ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        c[i] = (crm__day_change){crm__edits_item_of(ops[i]), ops[i] & 1 ? 1 : -1};
        ordered = ordered && (!i || by_item(&c[i - 1], &c[i]) <= 0);
    }
    if (!ordered) /* who loads by customer gives them in order */
        qsort(c, count, sizeof *c, by_item);
    for (uint32_t i = 0; i < count;) {
        crm__day_change sum = c[i++];
        while (i < count && crm__slice_compare(c[i].item, sum.item) == 0)
            sum.more += c[i++].more;
        if (sum.more)
            c[n++] = sum;
    }
    out->n += n * sizeof *c;
    return CRM_OK;
}

static void add_times(crm__buf *out, crm__slice item, int64_t times)
{
    for (; times > 0 && !out->failed; times--)
        crm__buf_add(out, &item, sizeof item);
}

/* *more: what is to do of the first change; then what was not found of the last one, below 0. */
static int merge(const crm__day_list *list, const crm__day_change *changes, size_t n, int64_t *more,
                 crm__buf *out)
{
    size_t at = 0, index = 0;
    crm__slice item = crm__day_list_next(list, &at, &index);

    for (size_t i = 0; i < n; i++) {
        int order;
        if (i)
            *more = changes[i].more;
        while (item.p && (order = crm__slice_compare(item, changes[i].item)) <= 0 &&
               (order < 0 || *more < 0)) {
            if (order < 0)
                add_times(out, item, 1);
            else
                ++*more;
            item = crm__day_list_next(list, &at, &index);
        }
        if (*more > 0) {
            add_times(out, changes[i].item, *more);
            *more = 0;
        }
        if (*more && i + 1 < n)
            return CRM_ECORRUPT;
    }
    for (; item.p; item = crm__day_list_next(list, &at, &index))
        add_times(out, item, 1);
    return out->failed ? CRM_ENOMEM : CRM_OK;
}

int crm__day_merge(const crm__day_list *list, const crm__day_change *changes, size_t n,
                   crm__buf *out)
{
    int64_t more = n ? changes->more : 0;
    int rc = merge(list, changes, n, &more, out);

    return !rc && more ? CRM_ECORRUPT : rc;
}

/* ---- parts ---- */

typedef struct applier {
    kv_txn *txn;
    const uint8_t *tag_key, *list;
    crm__day_work *w;
    kv_cursor *cursor;
    crm__day_list items;
    crm__buf merged;         /* crm__slice each */
    crm__buf parts, lengths; /* of one row: made parts, uint16_t each */
} applier;

typedef enum where { NOWHERE, IN_PART, IN_ROW } where;

/* Where items of a row go. */
typedef struct spot {
    where what; /* IN_PART: a part of several rows; IN_ROW: the row has parts of its own */
    uint16_t row, number;
    uint32_t limit;    /* rows from this one on go elsewhere */
    crm__slice stored; /* until the next write */
} spot;

static crm__slice part_key(const applier *a, uint8_t key[CRM__KEY_DAY], uint16_t row,
                           uint16_t number)
{
    return crm__key_day(key, a->list, row, number);
}

/* Reads where the cursor went: CRM_ENOTFOUND when that is outside the list. */
static int in_list(const applier *a, int rc, crm__slice k, uint16_t *row, uint16_t *number)
{
    if (rc)
        return rc;
    if (k.n < CRM__KEY_DAY_LIST || memcmp(k.p, a->list, CRM__KEY_DAY_LIST) != 0)
        return CRM_ENOTFOUND;
    if (k.n != CRM__KEY_DAY)
        return CRM_ECORRUPT;
    *row = crm__get_be16(k.p + CRM__KEY_DAY_LIST);
    *number = crm__get_be16(k.p + CRM__KEY_DAY_LIST + 2);
    return CRM_OK;
}

/* The row of the part behind the cursor; ALL_ROWS: there is none. */
static int row_behind(const applier *a, uint32_t *row)
{
    crm__slice k, v;
    uint16_t r, number;
    int rc = in_list(a, a->cursor->ops->next(a->cursor, &k, &v), k, &r, &number);

    *row = rc ? ALL_ROWS : r;
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

static int locate(const applier *a, uint16_t row, spot *s)
{
    uint8_t key[CRM__KEY_DAY];
    kv_cursor *c = a->cursor;
    crm__slice k;
    int rc = c->ops->seek(c, KV_LE, part_key(a, key, row, UINT16_MAX), &k, &s->stored);

    s->what = IN_PART;
    s->limit = ALL_ROWS;
    rc = in_list(a, rc, k, &s->row, &s->number);
    if (!rc) {
        if (s->number)
            s->what = s->row == row ? IN_ROW : NOWHERE;
        if (s->what == IN_ROW)
            s->limit = row + 1u;
        return s->what == IN_ROW ? CRM_OK : row_behind(a, &s->limit);
    }
    if (rc != CRM_ENOTFOUND)
        return rc;
    /* Before all parts: they go to the first. */
    rc = c->ops->seek(c, KV_GE, part_key(a, key, 0, 0), &k, &s->stored);
    rc = in_list(a, rc, k, &s->row, &s->number);
    if (!rc && s->number)
        return CRM_ECORRUPT;
    if (!rc)
        rc = row_behind(a, &s->limit);
    else
        s->what = NOWHERE;
    if (s->what == IN_PART && s->limit == s->row) /* a row that has parts of its own */
        s->what = NOWHERE;
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

typedef int (*read_fn)(crm__day_work *w, crm__slice part, crm__day_list *out);
static int read_part(applier *a, uint16_t row, uint16_t number, crm__slice stored, read_fn fn)
{
    uint8_t key[CRM__KEY_DAY];

    a->items.bytes.n = a->items.lengths.n = 0;
    if (stored.n < CRM__TAG_SIZE)
        return CRM_ECORRUPT;
    stored.n -= CRM__TAG_SIZE;
    if (crm__get_le64(stored.p + stored.n) !=
        crm__check_tag(a->tag_key, KV_DAY, part_key(a, key, row, number), stored))
        return CRM_ECORRUPT;
    return fn(a->w, stored, &a->items);
}

static int write_part(const applier *a, uint16_t row, uint16_t number, crm__slice part)
{
    uint8_t key[CRM__KEY_DAY], value[CRM__DAY_BYTES + CRM__TAG_SIZE];
    crm__slice k = part_key(a, key, row, number);

    memcpy(value, part.p, part.n);
    return crm__edits_write(a->txn, a->tag_key, KV_DAY, k, value, part.n, 0);
}

static int delete_part(const applier *a, uint16_t row, uint16_t number)
{
    uint8_t key[CRM__KEY_DAY];
    int rc = a->txn->ops->del(a->txn, KV_DAY, part_key(a, key, row, number));

    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

/* Parts are filled when all that is new comes behind what is there, else halved, and so are those
 * that get no more items: most stay one part. */
static int inside(const crm__day_list *list, const crm__day_change *first)
{
    size_t n = crm__day_list_count(list), last = n;
    uint16_t length;

    if (!n)
        return 0;
    memcpy(&length, list->lengths.p + (last - 1) * sizeof length, sizeof length);
    return crm__slice_compare(first->item,
                              crm__slice_of(list->bytes.p + list->bytes.n - length, length)) < 0;
}

/* *more as in merge(). */
static int build(applier *a, const crm__day_change *changes, size_t n, int64_t *more,
                 crm__day_part_fn fn, void *ctx)
{
    size_t before = crm__day_list_count(&a->items), count;
    int rc;

    a->merged.n = 0;
    rc = merge(&a->items, changes, n, more, &a->merged);
    count = a->merged.n / sizeof(crm__slice);
    if (rc || !count)
        return rc;
    return crm__day_build(a->w, (const crm__slice *)(const void *)a->merged.p, count,
                          count <= before || inside(&a->items, changes), fn, ctx);
}

/* ---- a part of several rows, or none yet ---- */

typedef struct rewrite {
    applier *a;
    int kept; /* the old part's key is in use again */
    const spot *old;
} rewrite;

static int rewrite_part(void *ctx, uint16_t row, uint16_t number, crm__slice part)
{
    rewrite *r = ctx;

    if (r->old->what == IN_PART && row == r->old->row && number == 0)
        r->kept = 1;
    return write_part(r->a, row, number, part);
}

static int apply_part(applier *a, const spot *s, const crm__day_change *changes, size_t n)
{
    rewrite r = {a, 0, s};
    int64_t more = changes->more;
    int rc = CRM_OK;

    a->items.bytes.n = a->items.lengths.n = 0;
    if (s->what == IN_PART)
        rc = read_part(a, s->row, s->number, s->stored, crm__day_items);
    if (!rc)
        rc = build(a, changes, n, &more, rewrite_part, &r);
    if (!rc && more)
        rc = CRM_ECORRUPT;
    if (!rc && s->what == IN_PART && !r.kept)
        rc = delete_part(a, s->row, s->number);
    return rc;
}

/* ---- a row that has parts of its own ---- */

static int keep_part(void *ctx, uint16_t row, uint16_t number, crm__slice part)
{
    applier *a = ctx;
    uint16_t n = (uint16_t)part.n;

    (void)row;
    (void)number;
    crm__buf_add(&a->parts, part.p, part.n);
    crm__buf_add(&a->lengths, &n, sizeof n);
    return a->parts.failed || a->lengths.failed ? CRM_ENOMEM : CRM_OK;
}

static int get_part(applier *a, uint16_t row, uint32_t number, crm__slice *stored, read_fn fn)
{
    uint8_t key[CRM__KEY_DAY];
    int rc = a->txn->ops->get(a->txn, KV_DAY, part_key(a, key, row, (uint16_t)number), stored);

    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc;
    return read_part(a, row, (uint16_t)number, *stored, fn);
}

/* Order of an item and the first one of the part read last. */
static int order_to_part(const crm__day_change *change, const applier *a)
{
    size_t at = 0, index = 0;

    return crm__slice_compare(change->item, crm__day_list_next(&a->items, &at, &index));
}

/* Writes the parts kept in place of those from `from` to `last`; one that is as before is left
 * alone. */
static int replace_parts(const applier *a, uint16_t row, uint32_t from, uint32_t last)
{
    uint32_t n = (uint32_t)(a->lengths.n / sizeof(uint16_t));
    const uint8_t *p = a->parts.p;
    int rc = CRM_OK;

    if (from + n > UINT16_MAX + 1u)
        return CRM_EFULL;
    for (uint32_t i = 0; i < n && !rc; i++) {
        uint8_t key[CRM__KEY_DAY];
        crm__slice stored = {NULL, 0};
        uint16_t length;
        memcpy(&length, a->lengths.p + i * sizeof length, sizeof length);
        if (from + i <= last)
            rc = a->txn->ops->get(a->txn, KV_DAY, part_key(a, key, row, (uint16_t)(from + i)),
                                  &stored);
        if (!rc && (stored.n != length + (size_t)CRM__TAG_SIZE || memcmp(stored.p, p, length) != 0))
            rc = write_part(a, row, (uint16_t)(from + i), crm__slice_of(p, length));
        p += length;
    }
    for (uint32_t i = from + n; i <= last && !rc; i++)
        rc = delete_part(a, row, (uint16_t)i);
    return rc;
}

/* The part of the row that a change begins at.  Equal items may fill several parts: what is new
 * goes to the last part whose first item is not behind it, what is removed is looked for from the
 * last part on whose first item is before it. */
static int find_part(applier *a, const spot *s, const crm__day_change *change, uint32_t *number)
{
    uint32_t lo = 0, hi = s->number;
    crm__slice stored;

    while (lo < hi) {
        uint32_t mid = lo + (hi - lo + 1) / 2;
        int order, rc = get_part(a, s->row, mid, &stored, crm__day_first);
        if (rc)
            return rc;
        order = order_to_part(change, a);
        if (order < 0 || (order == 0 && change->more < 0))
            hi = mid - 1;
        else
            lo = mid;
    }
    *number = lo;
    return CRM_OK;
}

/* How far the changes of a row have come. */
typedef struct progress {
    size_t done;
    int64_t more; /* to do of the change at `done` */
} progress;

/* One part with those of its changes that come before the next part.  A removal of the item that
 * the next part begins with takes what there is here; the next part gets the rest of it. */
static int remake_part(applier *a, const spot *s, uint32_t number, const crm__day_change *changes,
                       size_t n, progress *p)
{
    size_t end = n;
    int64_t more = p->more;
    int shared = 0, rc = CRM_OK;
    crm__slice stored;

    if (number < s->number) {
        rc = get_part(a, s->row, number + 1, &stored, crm__day_first);
        for (end = p->done; !rc && end < n && order_to_part(&changes[end], a) < 0;)
            end++;
        shared = !rc && end < n && changes[end].more < 0 && order_to_part(&changes[end], a) == 0;
        end += shared ? 1 : 0;
    }
    if (!rc)
        rc = get_part(a, s->row, number, &stored, crm__day_items);
    if (rc)
        return rc;
    if (end == p->done)
        return keep_part(a, s->row, 0, crm__slice_of(stored.p, stored.n - CRM__TAG_SIZE));
    rc = build(a, changes + p->done, end - p->done, &more, keep_part, a);
    if (!rc && more && !shared)
        return CRM_ECORRUPT;
    p->done = more ? end - 1 : end;
    p->more = more || end == n ? more : changes[end].more;
    return rc;
}

/* Parts behind the last change stay as they are, unless their numbers change. */
static int apply_row(applier *a, const spot *s, const crm__day_change *changes, size_t n)
{
    uint32_t from, next;
    progress p = {0, changes->more};
    int rc = find_part(a, s, changes, &from);

    if (rc)
        return rc;
    a->parts.n = a->lengths.n = 0;
    for (next = from; next <= s->number && !rc; next++) {
        if (p.done == n && a->lengths.n / sizeof(uint16_t) == next - from)
            break;
        rc = remake_part(a, s, next, changes, n, &p);
    }
    return rc ? rc : replace_parts(a, s->row, from, next - 1);
}

/* ---- the list ---- */

int crm__day_apply(kv_txn *txn, const uint8_t tag_key[CRM__HASH_KEY], crm__day_work *w,
                   crm__slice list, const crm__day_change *changes, size_t n)
{
    applier a;
    spot s;
    size_t end;
    int rc;

    memset(&a, 0, sizeof a);
    a.txn = txn;
    a.tag_key = tag_key;
    a.list = list.p;
    a.w = w;
    rc = txn->ops->cursor(txn, KV_DAY, &a.cursor);
    if (rc)
        return rc;
    crm__day_list_init(&a.items, crm__day_work_mem(w));
    crm__buf_init(&a.merged, crm__day_work_mem(w));
    crm__buf_init(&a.parts, crm__day_work_mem(w));
    crm__buf_init(&a.lengths, crm__day_work_mem(w));
    for (size_t i = 0; i < n && !rc; i = end) {
        rc = locate(&a, crm__day_item_row(changes[i].item), &s);
        for (end = i; end < n && crm__day_item_row(changes[end].item) < s.limit;)
            end++;
        if (!rc)
            rc = s.what == IN_ROW ? apply_row(&a, &s, changes + i, end - i)
                                  : apply_part(&a, &s, changes + i, end - i);
    }
    a.cursor->ops->cursor_close(a.cursor);
    crm__day_list_clear(&a.items);
    crm__buf_clear(&a.merged);
    crm__buf_clear(&a.parts);
    crm__buf_clear(&a.lengths);
    return rc;
}
