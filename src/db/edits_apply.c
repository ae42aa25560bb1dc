/* SPDX-License-Identifier: MIT
 * Writing the edit list to the engine, in order of keys: see edits.h.
 */
#include "codec/key.h"
#include "db/day_spans.h"
#include "db/edits_slot.h"
#include "db/shared.h"
#include "db/waiting.h"

#include <crm/codes.h>
#include <stdlib.h>
#include <string.h>

int crm__edits_write(kv_txn *txn, const uint8_t *tag_key, kv_space space, crm__slice key,
                     uint8_t *payload, size_t n, unsigned flags)
{
    uint64_t tag = crm__check_tag(tag_key, (uint8_t)space, key, crm__slice_of(payload, n));

    crm__put_le64(payload + n, tag);
    return txn->ops->put(txn, space, key, crm__slice_of(payload, n + CRM__TAG_SIZE), flags);
}

static int delete_row(kv_txn *txn, kv_space space, crm__slice key)
{
    int rc = txn->ops->del(txn, space, key);

    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

static int apply_row(const crm__slot *s, kv_txn *txn, const uint8_t *tag_key, unsigned flags)
{
    crm__slice key = crm__slot_key(s);

    if (s->state == CRM__EDIT_PUT)
        return crm__edits_write(txn, tag_key, (kv_space)s->space, key,
                                (uint8_t *)(uintptr_t)s->value, s->value_n,
                                s->append ? KV_APPEND : flags);
    return s->state == CRM__EDIT_DEL ? delete_row(txn, (kv_space)s->space, key) : CRM_OK;
}

int crm__edits_replace(kv_txn *txn, const uint8_t *tag_key, kv_space space, crm__slice key,
                       crm__slice stored, crm__buf *value)
{
    if (!crm__buf_reserve(value, CRM__TAG_SIZE))
        return CRM_ENOMEM;
    if (!value->n)
        return stored.n ? delete_row(txn, space, key) : CRM_OK;
    if (stored.n == value->n + CRM__TAG_SIZE && memcmp(stored.p, value->p, value->n) == 0)
        return CRM_OK;
    return crm__edits_write(txn, tag_key, space, key, value->p, value->n, 0);
}

int crm__edits_apply_part(kv_txn *txn, const uint8_t *tag_key, kv_space space, crm__slice key,
                          const uint64_t *ops, uint32_t count, crm__buf *scratch)
{
    crm__slice stored = {NULL, 0}, payload = {NULL, 0};
    int rc = txn->ops->get(txn, space, key, &stored);

    if (rc && rc != CRM_ENOTFOUND)
        return rc;
    if (!rc && stored.n <= CRM__TAG_SIZE)
        return CRM_ECORRUPT;
    if (!rc)
        payload = crm__slice_of(stored.p, stored.n - CRM__TAG_SIZE);
    if (space == KV_COLUMN)
        rc = crm__edits_make_block(ops, count, payload, scratch);
    else
        rc = crm__edits_make_set(ops, count, payload, scratch);
    return rc ? rc : crm__edits_replace(txn, tag_key, space, key, stored, scratch);
}

/* What the applying of the forms shares. */
typedef struct apply {
    kv_txn *txn;
    const uint8_t *tag_key;
    crm__buf scratch;
    crm__shared shared;
    crm__day_work *days; /* NULL until a day list comes */
    int keep_totals;
    crm__span_edit spans;
    unsigned behind;     /* KV_APPEND: rows of the space at hand are behind those stored */
} apply;

static int apply_items(const crm__slot *s, apply *a)
{
    crm__slice key = crm__slot_key(s);
    const crm__day_change *changes;
    size_t n;
    int rc;

    if (!a->days && !(a->days = crm__day_work_new(a->scratch.mem)))
        return CRM_ENOMEM;
    a->scratch.n = 0;
    rc = crm__day_changes(s->ops, s->count, &a->scratch);
    if (rc)
        return rc;
    changes = (const crm__day_change *)(const void *)a->scratch.p;
    n = a->scratch.n / sizeof *changes;
    rc = crm__day_apply(a->txn, a->tag_key, a->days, key, changes, n);
    return rc || !a->keep_totals ? rc : crm__span_edit_add(&a->spans, key, changes, n);
}

/* A slot to be sorted, with the beginning of what it is sorted by: most pairs are told apart
 * without a look at the slots, which lie all over the memory.  Parts of day lists are deleted
 * before items make new ones. */
typedef struct sorted {
    uint64_t head; /* space, form, 6 bytes of the key */
    uint32_t more; /* the 4 behind them */
    uint32_t slot;
} sorted;

static int is_gram(const crm__slot *s)
{
    return s->space == KV_BITS && s->form == CRM__SLOT_BITS && s->key_n == CRM__KEY_BITS &&
           s->key.in[4] == CRM__BITS_GRAM;
}

/* Sets of pieces of one field and chunk, which follow each other: *i is then the last of them. */
static int apply_grams(const crm__edits *e, const sorted *order, uint32_t *i, apply *a)
{
    const crm__slot *first = &e->slots[order[*i].slot], *s = first;
    crm__buf edits;
    int rc;

    crm__buf_init(&edits, e->mem);
    for (;;) {
        crm__gram_edit g = {crm__get_be16(s->key.in + CRM__KEY_BITS - 2), s->ops, s->count};
        if (s->count)
            crm__buf_add(&edits, &g, sizeof g);
        if (*i + 1 == e->slot_count)
            break;
        s = &e->slots[order[*i + 1].slot];
        if (!is_gram(s) || memcmp(s->key.in, first->key.in, CRM__KEY_BITS - 2) != 0)
            break;
        ++*i;
    }
    rc = edits.failed ? CRM_ENOMEM : CRM_OK;
    if (!rc && edits.n)
        rc = crm__waiting_apply(e->mem, a->txn, a->tag_key, e->waits, crm__get_be32(first->key.in),
                                crm__get_be16(first->key.in + 5),
                                (const crm__gram_edit *)(const void *)edits.p,
                                (uint32_t)(edits.n / sizeof(crm__gram_edit)), &a->scratch);
    crm__buf_clear(&edits);
    return rc;
}

static int apply_slot(const crm__slot *s, apply *a)
{
    if (s->form == CRM__SLOT_ROW)
        return apply_row(s, a->txn, a->tag_key, a->behind);
    if (!s->count)
        return CRM_OK;
    switch (s->form) {
    case CRM__SLOT_BITS:
    case CRM__SLOT_CELLS:
        return crm__edits_apply_part(a->txn, a->tag_key, (kv_space)s->space, crm__slot_key(s),
                                     s->ops, s->count, &a->scratch);
    case CRM__SLOT_ITEMS:
        return apply_items(s, a);
    default:
        return crm__shared_apply(&a->shared, crm__slot_key(s), s->ops, s->count,
                                 s->form == CRM__SLOT_SHARED_IDS);
    }
}

static int by_key(const void *a, const void *b, void *ctx)
{
    const crm__slot *slots = ctx, *s, *t;
    const sorted *x = a, *y = b;

    if (x->head != y->head)
        return x->head < y->head ? -1 : 1;
    if (x->more != y->more)
        return x->more < y->more ? -1 : 1;
    s = &slots[x->slot];
    t = &slots[y->slot];
    return crm__slice_compare(crm__slot_key(s), crm__slot_key(t));
}

enum { HEAD_BYTES = 12, FEW = 512, WINDOW = 32, MANY = 64 };

static uint8_t head_byte(const sorted *s, int i)
{
    return (uint8_t)(i < 4 ? s->more >> 8 * i : s->head >> 8 * (i - 4));
}

/* By heads, a byte at a time from the last one on; a byte that all have in common takes no pass.
 * Gives the one of the two where they are then. */
static sorted *by_heads(sorted *from, sorted *to, uint32_t n)
{
    uint32_t counts[HEAD_BYTES][256] = {{0}};

    for (uint32_t i = 0; i < n; i++) {
        for (int b = 0; b < HEAD_BYTES; b++)
            counts[b][head_byte(&from[i], b)]++;
    }
    for (int b = 0; b < HEAD_BYTES; b++) {
        uint32_t *at = counts[b], sum = 0;
        sorted *was = from;
        if (at[head_byte(from, b)] == n)
            continue;
        for (int i = 0; i < 256; i++) {
            uint32_t count = at[i];
            at[i] = sum;
            sum += count;
        }
        for (uint32_t i = 0; i < n; i++)
            to[at[head_byte(&from[i], b)]++] = from[i];
        from = to;
        to = was;
    }
    return from;
}

/* All slots in order, at *order; ends of keys too short for a head are zeros there, which by_key()
 * minds.  Gives what is to be released. */
static sorted *in_order(const crm__edits *e, sorted **order)
{
    uint32_t n = e->slot_count, end;
    sorted *room = crm__alloc(e->mem, (n < FEW ? n : 2 * (size_t)n) * sizeof *room), *s = room;

    if (!room)
        return NULL;
    for (uint32_t i = 0; i < n; i++) {
        const crm__slot *slot = &e->slots[i];
        uint8_t head[HEAD_BYTES] = {slot->space, slot->form};
        memcpy(head + 2, crm__slot_key(slot).p, slot->key_n < 10 ? slot->key_n : 10);
        s[i] = (sorted){crm__get_be64(head), crm__get_be32(head + 8), i};
    }
    if (n < FEW)
        qsort_r(s, n, sizeof *s, by_key, e->slots);
    else
        s = by_heads(room, room + n, n);
    for (uint32_t i = 0; i < n && n >= FEW; i = end) {
        for (end = i + 1; end < n && s[end].head == s[i].head && s[end].more == s[i].more;)
            end++;
        if (end - i > 1)
            qsort_r(s + i, end - i, sizeof *s, by_key, e->slots);
    }
    *order = s;
    return room;
}

/* The next slots in order of keys, copied, and what they point to looked at: they lie in order of
 * their making, so each is a line of memory in no cache, and loops that do nothing else wait for many
 * at a time.  (Asking ahead by a hint for each did not help.) */
static void bring(const crm__edits *e, const sorted *order, uint32_t n, crm__slot near[WINDOW])
{
    for (uint32_t i = 0; i < n; i++)
        near[i] = e->slots[order[i].slot];
    for (uint32_t i = 0; i < n; i++) {
        const void *p = near[i].ops ? (const void *)near[i].ops : near[i].value;
        if (p)
            (void)*(const volatile uint8_t *)p;
    }
}

/* Whether a row stands behind all that are stored.  CRM_OK, CRM_DONE: it does not. */
static int is_behind(kv_txn *txn, const crm__slot *s)
{
    crm__slice k, v, none = {NULL, 0};
    kv_cursor *c;
    int rc = txn->ops->cursor(txn, (kv_space)s->space, &c);

    if (rc)
        return rc;
    rc = c->ops->seek(c, KV_LAST, none, &k, &v);
    if (!rc && crm__slice_compare(crm__slot_key(s), k) <= 0)
        rc = CRM_DONE;
    c->ops->cursor_close(c);
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

/* Many rows of events behind all that are stored, as an import in order of customers makes them:
 * told so, the engine fills page after page.  Else it takes the last row of each out of it when the
 * next one does not fit.  Looked for at each MANY rows, for blocks that are written again come
 * before.  (Of other spaces, who makes rows knows where they stand, or they come all over.) */
static int look_behind(apply *a, const crm__slot *s, uint32_t i, uint32_t n)
{
    int rc;

    if (s->space != KV_EVENT || s->form != CRM__SLOT_ROW) {
        a->behind = 0;
        return CRM_OK;
    }
    if (a->behind || i % MANY || n - i < MANY)
        return CRM_OK;
    rc = is_behind(a->txn, s);
    a->behind = rc == CRM_OK ? KV_APPEND : 0;
    return rc == CRM_DONE ? CRM_OK : rc;
}

int crm__edits_apply(crm__edits *e, kv_txn *txn, const uint8_t tag_key[CRM__HASH_KEY])
{
    apply a = {.txn = txn, .tag_key = tag_key, .keep_totals = e->totals};
    crm__slot near[WINDOW];
    sorted *order, *room;
    int rc = CRM_OK;

    if (!e->slot_count)
        return CRM_OK;
    room = in_order(e, &order);
    if (!room)
        return CRM_ENOMEM;
    crm__buf_init(&a.scratch, e->mem);
    crm__shared_init(&a.shared, e->mem, txn, tag_key, e->totals);
    crm__span_edit_init(&a.spans, e->mem, txn, tag_key);
    for (uint32_t i = 0, from = 0, end = 0; i < e->slot_count && !rc; i++) {
        const crm__slot *s;
        if (i >= end) {
            from = i;
            end = e->slot_count - i < WINDOW ? e->slot_count : i + WINDOW;
            bring(e, order + from, end - from, near);
        }
        s = &near[i - from];
        rc = look_behind(&a, s, i, e->slot_count);
        if (!rc)
            rc = is_gram(s) ? apply_grams(e, order, &i, &a) : apply_slot(s, &a);
    }
    if (!rc)
        rc = crm__shared_end(&a.shared, &a.scratch);
    if (!rc)
        rc = crm__span_edit_end(&a.spans);
    crm__shared_clear(&a.shared);
    crm__span_edit_clear(&a.spans);
    crm__buf_clear(&a.scratch);
    crm__day_work_free(a.days);
    crm__release(e->mem, room);
    return rc;
}
