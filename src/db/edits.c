/* SPDX-License-Identifier: MIT
 * Edit list: see edits.h.
 */
#include "db/edits.h"

#include "bits/set.h"
#include "codec/key.h"
#include "db/edits_slot.h"

#include <crm/codes.h>
#include <string.h>

/* A skip list: no level's list holds a node that the level below does not. */
enum { ORDER_LEVELS = 12 };
enum { EXPECTED = 32 }; /* lists whose memory is asked for at once */

typedef struct order_node {
    uint32_t slot;
    struct order_node *next[]; /* as many as its levels */
} order_node;

struct crm__order {
    order_node *head[ORDER_LEVELS];
    order_node **end[ORDER_LEVELS]; /* the link of each level behind which there is nothing */
    order_node *last;               /* NULL: the list is empty */
};

void crm__edits_init(crm__edits *e, const crm_allocator *mem)
{
    memset(e, 0, sizeof *e);
    e->mem = mem;
    crm__arena_init(&e->arena, mem);
}

void crm__edits_clear(crm__edits *e)
{
    crm__release(e->mem, e->slots);
    crm__release(e->mem, e->table);
    crm__release(e->mem, e->undo);
    crm__arena_clear(&e->arena);
    crm__edits_init(e, e->mem);
}

void crm__edits_reset(crm__edits *e)
{
    e->slot_count = 0;
    e->undo_count = 0;
    e->resets++;
    e->items = 0;
    e->changes++;
    memset(e->order, 0, sizeof e->order);
    if (e->table)
        memset(e->table, 0, e->table_size * sizeof *e->table);
    crm__arena_reset(&e->arena);
}

size_t crm__edits_bytes(const crm__edits *e)
{
    return e->arena.used + e->slot_count * sizeof *e->slots;
}

/* A key as it is looked for: with zeros behind it in words, which are hashed and compared at once,
 * when it is short enough for a slot. */
typedef struct sought {
    uint64_t word[CRM__SLOT_KEY / 8];
    crm__slice key;
    uint32_t hash;
    uint8_t space;
} sought;

/* Fewer than 8 bytes, and zeros behind them. */
static uint64_t few_bytes(const uint8_t *p, size_t n)
{
    if (n >= 4)
        return crm__get_le32(p) | (uint64_t)crm__get_le32(p + n - 4) << 8 * (n - 4);
    if (n >= 2)
        return crm__get_le16(p) | (uint64_t)crm__get_le16(p + n - 2) << 8 * (n - 2);
    return n ? *p : 0;
}

static sought seek_of(kv_space space, crm__slice key)
{
    sought s = {{0}, key, 0, (uint8_t)space};
    uint64_t h = (uint64_t)space << 32 | key.n;
    size_t n = key.n, i = 0;

    if (n > CRM__SLOT_KEY) {
        s.hash = (uint32_t)crm__hash64(h, key.p, n);
        return s;
    }
    for (; n >= 8; n -= 8, i++)
        s.word[i] = crm__get_le64(key.p + 8 * i);
    if (n)
        s.word[i] = few_bytes(key.p + 8 * i, n);
    h = (h ^ s.word[0]) * 0xBF58476D1CE4E5B9u;
    h = (h ^ h >> 32 ^ s.word[1]) * 0x94D049BB133111EBu;
    h = (h ^ h >> 32 ^ s.word[2]) * 0xBF58476D1CE4E5B9u;
    s.hash = (uint32_t)(h ^ h >> 32);
    return s;
}

static int is_slot(const crm__slot *s, const sought *k)
{
    uint64_t own[CRM__SLOT_KEY / 8];

    if (s->space != k->space || s->key_n != k->key.n)
        return 0;
    if (k->key.n > CRM__SLOT_KEY)
        return memcmp(s->key.out, k->key.p, k->key.n) == 0;
    memcpy(own, s->key.in, sizeof own);
    return own[0] == k->word[0] && own[1] == k->word[1] && own[2] == k->word[2];
}

static crm__edit_place *probe(const crm__edits *e, const sought *k)
{
    uint32_t mask = e->table_size - 1, i = k->hash & mask;

    for (;; i = (i + 1) & mask) {
        crm__edit_place *p = &e->table[i];
        if (!p->slot || (p->hash == k->hash && is_slot(&e->slots[p->slot - 1], k)))
            return p;
    }
}

static const crm__slot *lookup(const crm__edits *e, kv_space space, crm__slice key)
{
    sought k;
    uint32_t at;

    if (!e->slot_count)
        return NULL;
    k = seek_of(space, key);
    at = probe(e, &k)->slot;
    return at ? &e->slots[at - 1] : NULL;
}

/* Doubles an array of *cap elements.  0: there is no memory, and it stays as it was. */
static int grow(const crm__edits *e, void *array, size_t *cap, size_t size)
{
    size_t more = *cap ? *cap * 2 : 32;
    void *p;

    memcpy(&p, array, sizeof p);
    p = crm__realloc(e->mem, p, more * size);
    if (!p)
        return 0;
    memcpy(array, &p, sizeof p);
    *cap = more;
    return 1;
}

static int grow_table(crm__edits *e)
{
    uint32_t size = e->table_size ? e->table_size * 2 : 64;
    crm__edit_place *t = crm__calloc(e->mem, size, sizeof *t);

    if (!t)
        return CRM_ENOMEM;
    for (uint32_t i = 0; i < e->table_size; i++) {
        uint32_t at = e->table[i].hash & (size - 1);
        if (!e->table[i].slot)
            continue;
        while (t[at].slot)
            at = (at + 1) & (size - 1);
        t[at] = e->table[i];
    }
    crm__release(e->mem, e->table);
    e->table = t;
    e->table_size = size;
    return CRM_OK;
}

/* ---- order ---- */

static int compare(const crm__edits *e, const order_node *n, crm__slice key)
{
    return crm__slice_compare(crm__slot_key(&e->slots[n->slot]), key);
}

/* One level in four of the one below, by the hash of the key: the same list for the same keys. */
static int order_levels(uint32_t hash)
{
    int levels = 1;

    for (hash = hash * 0x9E3779B1u >> 8; levels < ORDER_LEVELS && (hash & 3) == 0; hash >>= 2)
        levels++;
    return levels;
}

/* Whether every key is before `key`, or with `past` not behind it: what is written in order is
 * found at the end. */
static int order_is_behind(const crm__edits *e, const crm__order *o, crm__slice key, int past)
{
    int c;

    if (!o->last)
        return 1;
    c = compare(e, o->last, key);
    return past ? c <= 0 : c < 0;
}

/* Where a node for the key stands in each level: behind *link[l]. */
static void order_find(const crm__edits *e, crm__order *o, crm__slice key, int past,
                       order_node **link[ORDER_LEVELS])
{
    order_node **at = o->head;

    if (order_is_behind(e, o, key, past)) {
        memcpy(link, o->end, sizeof o->end);
        return;
    }
    for (int l = ORDER_LEVELS - 1; l >= 0; l--) {
        for (; at[l]; at = at[l]->next) {
            int c = compare(e, at[l], key);
            if (past ? c > 0 : c >= 0)
                break;
        }
        link[l] = &at[l];
    }
}

static order_node *order_node_new(crm__edits *e, uint32_t slot, uint32_t hash)
{
    size_t links = (size_t)order_levels(hash) * sizeof(order_node *);
    order_node *n = crm__arena_alloc(&e->arena, sizeof *n + links);

    if (n)
        n->slot = slot;
    return n;
}

static void order_add(crm__edits *e, crm__order *o, order_node *n)
{
    const crm__slot *s = &e->slots[n->slot];
    order_node **link[ORDER_LEVELS];

    order_find(e, o, crm__slot_key(s), 0, link);
    for (int l = order_levels(s->hash) - 1; l >= 0; l--) {
        n->next[l] = *link[l];
        *link[l] = n;
        if (!n->next[l])
            o->end[l] = &n->next[l];
    }
    if (!n->next[0])
        o->last = n;
}

static int order_make(crm__edits *e, kv_space space)
{
    crm__order *o = crm__arena_alloc(&e->arena, sizeof *o);

    if (!o)
        return CRM_ENOMEM;
    memset(o, 0, sizeof *o);
    for (int l = 0; l < ORDER_LEVELS; l++)
        o->end[l] = &o->head[l];
    for (uint32_t i = 0; i < e->slot_count; i++) {
        order_node *n;
        if (e->slots[i].space != space)
            continue;
        n = order_node_new(e, i, e->slots[i].hash);
        if (!n)
            return CRM_ENOMEM;
        order_add(e, o, n);
    }
    e->order[space] = o;
    return CRM_OK;
}

/* The last node whose key is before `key`, or with `past` not behind it; NULL: none. */
static order_node *order_before(const crm__edits *e, crm__order *o, crm__slice key, int past)
{
    order_node *last = NULL, **at = o->head;

    if (order_is_behind(e, o, key, past))
        return o->last;
    for (int l = ORDER_LEVELS - 1; l >= 0; l--) {
        for (; at[l]; at = at[l]->next) {
            int c = compare(e, at[l], key);
            if (past ? c > 0 : c >= 0)
                break;
            last = at[l];
        }
    }
    return last;
}

int crm__edits_near(crm__edits *e, kv_space space, crm__slice key, int back, int past, int *state,
                    crm__slice *k, crm__slice *payload)
{
    order_node *n, **link[ORDER_LEVELS];

    *state = CRM__EDIT_NONE;
    if (!e->slot_count)
        return CRM_OK;
    if (!e->order[space] && order_make(e, space))
        return CRM_ENOMEM;
    if (back) {
        n = order_before(e, e->order[space], key, !past);
    } else {
        order_find(e, e->order[space], key, past, link);
        n = *link[0];
    }
    while (n) {
        const crm__slot *s = &e->slots[n->slot];
        *k = crm__slot_key(s);
        if (s->state != CRM__EDIT_NONE || (s->form == CRM__SLOT_BITS && s->count)) {
            *state = s->form == CRM__SLOT_BITS ? CRM__EDIT_SET : s->state;
            *payload = crm__slot_value(s);
            return CRM_OK;
        }
        n = back ? order_before(e, e->order[space], *k, 0) : n->next[0]; /* one rolled back */
    }
    return CRM_OK;
}

/* A new slot at its place in the table. */
static crm__slot *add_slot(crm__edits *e, crm__edit_place *at, const sought *k, uint8_t form)
{
    order_node *node = NULL;
    const uint8_t *copy = NULL;
    crm__slot *s;

    if (e->order[k->space] && !(node = order_node_new(e, e->slot_count, k->hash)))
        return NULL;
    if (k->key.n > CRM__SLOT_KEY && !(copy = crm__arena_copy(&e->arena, k->key.p, k->key.n)))
        return NULL;
    s = &e->slots[e->slot_count];
    memset(s, 0, sizeof *s);
    s->hash = k->hash;
    if (copy)
        s->key.out = copy;
    else
        memcpy(s->key.in, k->key.p, k->key.n);
    s->key_n = (uint16_t)k->key.n;
    s->space = k->space;
    s->form = form;
    *at = (crm__edit_place){k->hash, ++e->slot_count};
    if (node)
        order_add(e, e->order[k->space], node);
    return s;
}

/* The slot of a key, made when absent, with its present state noted for rollback. */
static crm__slot *open_slot(crm__edits *e, kv_space space, crm__slice key, uint8_t form)
{
    crm__edit_place *at;
    crm__slot *s;
    sought k;

    if (key.n == 0 || key.n > KV_KEY_MAX)
        return NULL;
    if (e->slot_count * 2 >= e->table_size && grow_table(e))
        return NULL;
    if (e->slot_count == e->slot_cap && !grow(e, &e->slots, &e->slot_cap, sizeof *e->slots))
        return NULL;
    if (e->undo_count == e->undo_cap && !grow(e, &e->undo, &e->undo_cap, sizeof *e->undo))
        return NULL;
    k = seek_of(space, key);
    at = probe(e, &k);
    s = at->slot ? &e->slots[at->slot - 1] : add_slot(e, at, &k, form);
    if (!s)
        return NULL;
    e->changes++;
    e->undo[e->undo_count] =
        (crm__undo){s->value, (uint32_t)(s - e->slots), s->count, s->value_n, s->state};
    return s; /* the caller counts the note when its own change is made */
}

int crm__edits_put(crm__edits *e, kv_space space, crm__slice key, crm__slice payload,
                   unsigned kv_flags)
{
    crm__slot *s;
    uint8_t *copy;

    if (payload.n > UINT32_MAX)
        return CRM_ENOMEM;
    s = open_slot(e, space, key, CRM__SLOT_ROW);
    if (!s)
        return CRM_ENOMEM;
    copy = crm__arena_alloc(&e->arena, payload.n + CRM__TAG_SIZE);
    if (!copy)
        return CRM_ENOMEM;
    if (payload.n)
        memcpy(copy, payload.p, payload.n);
    if (s->state == CRM__EDIT_NONE)
        s->append = (kv_flags & KV_APPEND) != 0;
    s->state = CRM__EDIT_PUT;
    s->value = copy;
    s->value_n = (uint32_t)payload.n;
    e->undo_count++;
    return CRM_OK;
}

int crm__edits_del(crm__edits *e, kv_space space, crm__slice key)
{
    crm__slot *s = open_slot(e, space, key, CRM__SLOT_ROW);

    if (!s)
        return CRM_ENOMEM;
    s->state = CRM__EDIT_DEL;
    s->append = 0;
    e->undo_count++;
    return CRM_OK;
}

/* One op more, of one number or of two. */
static int add_op(crm__edits *e, kv_space space, crm__slice key, uint8_t form, uint64_t op,
                  uint64_t number)
{
    uint32_t n = form == CRM__SLOT_CELLS ? 2 : 1;
    crm__slot *s = open_slot(e, space, key, form);

    if (!s)
        return CRM_ENOMEM;
    if (s->count + n > s->cap) {
        uint32_t cap = s->cap ? s->cap * 2 : 2;
        uint64_t *ops = crm__arena_alloc(&e->arena, cap * sizeof *ops);
        if (!ops)
            return CRM_ENOMEM;
        if (s->count)
            memcpy(ops, s->ops, s->count * sizeof *ops);
        s->ops = ops;
        s->cap = cap;
    }
    s->ops[s->count] = op;
    if (n == 2)
        s->ops[s->count + 1] = number;
    s->count += n;
    e->undo_count++;
    return CRM_OK;
}

static int add_switch(crm__edits *e, kv_space space, crm__slice key, uint8_t form, uint64_t number,
                      int on)
{
    return add_op(e, space, key, form, number << 1 | (on ? 1 : 0), 0);
}

int crm__edits_bit(crm__edits *e, kv_space space, crm__slice key, uint32_t row, int on)
{
    return add_switch(e, space, key, CRM__SLOT_BITS, row & (CRM__CHUNK_ROWS - 1), on);
}

int crm__edits_words(crm__edits *e, kv_space space, crm__slice key,
                     const uint64_t words[CRM__SET_WORDS], int on)
{
    uint8_t *copy = crm__arena_copy(&e->arena, words, CRM__SET_WORDS * sizeof *words);

    /* An address is above every row, and even. */
    return copy ? add_switch(e, space, key, CRM__SLOT_BITS, (uint64_t)(uintptr_t)copy >> 1, on)
                : CRM_ENOMEM;
}

int crm__edits_empty(crm__edits *e, kv_space space, crm__slice key)
{
    uint8_t form = space == KV_COLUMN ? CRM__SLOT_CELLS : CRM__SLOT_BITS;

    return add_op(e, space, key, form, CRM__EDITS_EMPTY, 0);
}

int crm__edits_cell(crm__edits *e, crm__slice key, uint32_t row, const crm__column_cell *cell)
{
    uint64_t op = (uint64_t)row << 16 | (uint64_t)(uint8_t)cell->scale << 8 | cell->state;

    return add_op(e, KV_COLUMN, key, CRM__SLOT_CELLS, op, (uint64_t)cell->number);
}

int crm__edits_id(crm__edits *e, crm__slice token_key, uint64_t id, int on, int count)
{
    uint8_t form = count ? CRM__SLOT_SHARED_IDS : CRM__SLOT_IDS;

    return add_switch(e, KV_IDENTITY, token_key, form, id, on);
}

int crm__edits_ids(crm__edits *e, const crm__edit_id *ids, uint32_t n)
{
    int rc = CRM_OK;

    for (uint32_t i = 0; i < n && e->table_size; i++) {
        sought k = seek_of(KV_IDENTITY, crm__slice_of(ids[i].key, sizeof ids[i].key));
        (void)*(volatile const uint32_t *)&e->table[k.hash & (e->table_size - 1)].slot;
    }
    for (uint32_t i = 0; i < n && !rc; i++)
        rc = crm__edits_id(e, crm__slice_of(ids[i].key, sizeof ids[i].key), ids[i].id, ids[i].on,
                           ids[i].count);
    return rc;
}

int crm__edits_item(crm__edits *e, crm__slice list_key, crm__slice item, int on)
{
    uint8_t *p = crm__arena_alloc(&e->arena, 2 + item.n);

    if (!p)
        return CRM_ENOMEM;
    crm__put_le16(p, (uint16_t)item.n);
    memcpy(p + 2, item.p, item.n);
    e->items++;
    /* The arena's pieces are even addresses. */
    return add_switch(e, KV_DAY, list_key, CRM__SLOT_ITEMS, (uint64_t)(uintptr_t)p >> 1, on);
}

/* Asks for the memory of the lists of some items: places of the table, then slots, then the ends of
 * their ops.  Each stands mostly where its hash says. */
static void expect(const crm__edits *e, const crm__edit_item *items, uint32_t n)
{
    const crm__edit_place *place[EXPECTED];

    for (uint32_t i = 0; i < n; i++) {
        place[i] = &e->table[seek_of(KV_DAY, items[i].list).hash & (e->table_size - 1)];
        __builtin_prefetch(place[i]);
    }
    for (uint32_t i = 0; i < n; i++) {
        if (place[i]->slot)
            __builtin_prefetch(&e->slots[place[i]->slot - 1], 1);
    }
    for (uint32_t i = 0; i < n; i++) {
        const crm__slot *s = place[i]->slot ? &e->slots[place[i]->slot - 1] : NULL;
        if (s && s->ops)
            __builtin_prefetch(s->ops + s->count, 1);
    }
}

int crm__edits_items(crm__edits *e, const crm__edit_item *items, uint32_t n)
{
    int rc = CRM_OK;

    for (uint32_t i = 0; i < n && !rc; i++) {
        if (i % EXPECTED == 0 && e->table_size)
            expect(e, items + i, n - i < EXPECTED ? n - i : EXPECTED);
        rc = crm__edits_item(e, items[i].list, items[i].item, 1);
    }
    return rc;
}

int crm__edits_get(const crm__edits *e, kv_space space, crm__slice key, crm__slice *payload)
{
    const crm__slot *s = lookup(e, space, key);

    if (!s || s->state == CRM__EDIT_NONE)
        return CRM__EDIT_NONE;
    if (s->state == CRM__EDIT_PUT)
        *payload = crm__slot_value(s);
    return s->state;
}

const uint64_t *crm__edits_ops(const crm__edits *e, kv_space space, crm__slice key, uint32_t *count)
{
    const crm__slot *s = lookup(e, space, key);

    *count = s ? s->count : 0;
    return s ? s->ops : NULL;
}

int crm__edits_days(const crm__edits *e, crm__slice prefix, crm__buf *days)
{
    for (uint32_t i = 0; i < e->slot_count; i++) {
        const crm__slot *s = &e->slots[i];
        int32_t day;
        if (s->form != CRM__SLOT_ITEMS || !s->count || memcmp(s->key.in, prefix.p, prefix.n) != 0)
            continue;
        day = crm__key_day_of(s->key.in);
        crm__buf_add(days, &day, sizeof day);
    }
    return days->failed ? CRM_ENOMEM : CRM_OK;
}

size_t crm__edits_mark(const crm__edits *e)
{
    return e->undo_count;
}

void crm__edits_rollback(crm__edits *e, size_t mark)
{
    e->changes++;
    e->rollbacks++;
    while (e->undo_count > mark) {
        const crm__undo *u = &e->undo[--e->undo_count];
        crm__slot *s = &e->slots[u->slot];
        s->state = u->state;
        s->count = u->count;
        s->value = u->value;
        s->value_n = u->value_n;
    }
}

void crm__edits_forget(crm__edits *e)
{
    e->undo_count = 0;
}
