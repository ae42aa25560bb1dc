/* SPDX-License-Identifier: MIT
 * Watched segments at commit: who entered and left by what the transaction touched.
 */
#include "segment/live.h"

#include "db/derive.h"
#include "db/due.h"
#include "db/saved.h"

#include <string.h>

/* ---- what is asked about ---- */

static int add_field(crm__live_item *item, uint32_t number)
{
    crm__buf_add(&item->fields, &number, sizeof number);
    return item->fields.failed ? CRM_ENOMEM : CRM_OK;
}

static uint64_t tag_bit(const uint8_t *name, size_t n)
{
    return UINT64_C(1) << (crm__hash64(0, name, n) & 63);
}

static int add_tag(crm__live *l, crm__live_item *item, const char *front, crm__slice name,
                   const char *back, crm__slice more)
{
    size_t a = strlen(front), b = strlen(back);
    crm__slice text = {NULL, a + name.n + b + more.n};
    uint8_t *p = crm__arena_alloc(&l->a, text.n + 1);

    if (!p)
        return CRM_ENOMEM;
    text.p = p;
    memcpy(p, front, a);
    memcpy(p + a, name.p, name.n);
    memcpy(p + a + name.n, back, b);
    if (more.n)
        memcpy(p + a + name.n + b, more.p, more.n);
    crm__buf_add(&item->tags, &text, sizeof text);
    item->tag_bits |= tag_bit(text.p, text.n);
    return item->tags.failed ? CRM_ENOMEM : CRM_OK;
}

static int note_node(crm__live *l, crm__live_item *item, const crm__node *n)
{
    static const crm__slice NONE = {NULL, 0};
    int rc = CRM_OK;

    switch (n->op) {
    case CRM__NODE_FIELD:
        if (n->field)
            return add_field(item, n->field->number);
        return n->builtin == CRM__BUILTIN_UPDATED || n->builtin == CRM__BUILTIN_KIND
                   ? add_field(item, 0)
                   : CRM_OK;
    case CRM__NODE_TAG:
        for (uint32_t i = 0; i < n->tag_count && !rc; i++) {
            const char *key = n->tags[i].dimension->key;
            rc = add_tag(l, item, "", crm__slice_of(key, strlen(key)), ":", n->tags[i].path);
        }
        return rc;
    case CRM__NODE_EVENTS:
    case CRM__NODE_SEQUENCE:
        item->events = 1;
        return CRM_OK;
    case CRM__NODE_SEGMENT: /* of a static one, its tag */
        return add_tag(l, item, CRM__SAVED_TAG, n->name, ")", NONE);
    default:
        for (uint32_t i = 0; i < n->child_count && !rc; i++)
            rc = note_node(l, item, n->children[i]);
        return rc;
    }
}

static int note_plan(crm__live *l, crm__live_item *item, const crm__plan *p)
{
    int rc = note_node(l, item, crm__tree_root(item->tree));

    for (uint32_t i = 0; i < p->tree_count && !rc; i++)
        rc = note_node(l, item, crm__tree_root(p->trees[i]));
    return rc;
}

/* ---- those that are watched ---- */

void crm__live_begin(crm_txn *txn, crm__live *l)
{
    memset(l, 0, sizeof *l);
    l->mem = &txn->store->mem;
    crm__arena_init(&l->a, l->mem);
    crm__buf_init(&l->items, l->mem);
}

static void drop_plan(crm__live_item *item)
{
    if (item->planned)
        crm__plan_end(&item->plan);
    item->planned = 0;
}

void crm__live_end(crm__live *l)
{
    for (size_t i = 0; i < crm__live_count(l); i++) {
        crm__live_item *item = &crm__live_items(l)[i];
        drop_plan(item);
        crm__zone_close(item->zone);
        crm__tree_unref(item->tree);
        crm__buf_clear(&item->fields);
        crm__buf_clear(&item->tags);
    }
    crm__buf_clear(&l->items);
    crm__arena_clear(&l->a);
    crm__model_unref(l->model);
    l->model = NULL;
}

/* It says what is not so, rather than that something went wrong. */
static int is_fault(int rc)
{
    return rc == CRM_EFIELD || rc == CRM_EVALUE || rc == CRM_ESYNTAX || rc == CRM_ENOTFOUND;
}

/* Under another model, or without a segment that it names, one can't be asked. */
static int read_tree(crm_txn *txn, crm__live *l, crm__live_item *item, crm_error *err)
{
    crm_error why = CRM_ERROR_INIT;
    const crm__model *m;
    crm__live_asking a;
    crm__zone *zone = txn->zone;
    int rc = crm__txn_model(txn, &m, err);

    if (rc)
        return rc;
    txn->zone = item->zone;
    rc = crm__saved_tree(txn, m, item->watch.name, &item->tree, &why);
    txn->zone = zone;
    if (!rc) {
        rc = crm__live_ask_begin(txn, item, txn->now, CRM__PLAN_FEW, &a, &why);
        if (!rc)
            rc = note_plan(l, item, &a.plan);
        if (!rc && a.plan.tree_count) { /* `segment(NAME)` was to find a circle */
            crm__tree_ref(a.plan.trees[0]);
            crm__tree_unref(item->tree);
            item->tree = a.plan.trees[0];
        }
        crm__live_ask_end(&a);
    }
    if (is_fault(rc)) {
        crm__tree_unref(item->tree);
        item->tree = NULL;
        return CRM_OK;
    }
    return rc ? crm__txn_fail(txn, rc, "can't read a watched segment", err) : CRM_OK;
}

int crm__live_add(crm_txn *txn, crm__live *l, const crm__live_watch *w, crm_error *err)
{
    crm__live_item *item;
    int rc = CRM_OK;

    item = (crm__live_item *)(void *)crm__buf_reserve(&l->items, sizeof *item);
    if (!item)
        return crm__fail_nomem(err);
    memset(item, 0, sizeof *item);
    l->items.n += sizeof *item;
    item->watch = *w;
    crm__buf_init(&item->fields, l->mem);
    crm__buf_init(&item->tags, l->mem);
    if (*w->zone)
        rc = crm__zone_open(l->mem, w->zone, &item->zone, err);
    return rc ? rc : read_tree(txn, l, item, err);
}

static int load_all(crm_txn *txn, crm__live *l, crm_error *err)
{
    crm__slice at = {NULL, 0};
    const crm__model *m;
    int rc = crm__txn_model(txn, &m, err);

    if (rc)
        return rc;
    l->model = (crm__model *)(uintptr_t)m;
    crm__model_ref(l->model);
    for (;;) {
        crm__live_watch w;
        rc = crm__live_watch_next(txn, at, &l->a, &w);
        if (rc == CRM_ENOTFOUND)
            return CRM_OK;
        if (rc)
            return crm__txn_fail(txn, rc, "can't read a watched segment", err);
        rc = crm__live_add(txn, l, &w, err);
        if (rc)
            return rc;
        at = w.name;
    }
}

void crm__live_free(crm__store *s)
{
    if (!s->live)
        return;
    crm__live_end(s->live);
    crm__release(&s->mem, s->live);
    s->live = NULL;
}

int crm__live_load(crm_txn *txn, uint64_t stamp, crm__live **out, crm_error *err)
{
    crm__store *s = txn->store;
    const crm__model *m;
    int rc = crm__txn_model(txn, &m, err);

    if (rc)
        return rc;
    *out = s->live;
    if (s->live && s->live->stamp == stamp && s->live->model == m)
        return CRM_OK;
    crm__live_free(s);
    s->live = crm__alloc(&s->mem, sizeof *s->live);
    if (!s->live)
        return crm__fail_nomem(err);
    crm__live_begin(txn, s->live);
    s->live->stamp = stamp;
    rc = load_all(txn, s->live, err);
    if (rc)
        crm__live_free(s);
    *out = s->live;
    return rc;
}

uint64_t crm__live_stamp(const crm_txn *txn)
{
    return crm__get_le64(txn->state.chain);
}

int64_t crm__live_moment(const crm_txn *txn, const crm__live_clock *clock)
{
    int64_t now = txn->now < txn->recorded ? txn->now : txn->recorded;

    return now > clock->until ? now : clock->until;
}

int crm__live_clock_get(crm_txn *txn, crm__live_clock *clock, crm_error *err)
{
    int rc = crm__live_clock_read(txn, clock);

    if (rc == CRM_OK || rc == CRM_ENOTFOUND)
        return rc;
    if (rc != CRM_ECORRUPT)
        return crm__txn_fail(txn, rc, "can't read what is watched", err);
    memset(clock, 0, sizeof *clock);
    clock->until = INT64_MIN;
    clock->from = clock->until = crm__live_moment(txn, clock);
    clock->chunk = CRM__LIVE_ALL;
    txn->touched.asked = txn->touched.on = 1;
    txn->touched.what |= CRM__TOUCH_ALL;
    return crm__live_clock_put(txn, clock) ? crm__fail_nomem(err) : CRM_OK;
}

/* ---- asking ---- */

void crm__live_tell_begin(crm_txn *txn, crm__live_telling *t, crm_error *err)
{
    memset(t, 0, sizeof *t);
    t->on = crm__live_on(txn); /* asked now: nobody asks while it is off */
    txn->touched.on = 0;       /* what is told is no change that others ask about */
    crm__journal_live_begin(txn, &t->aside);
    crm__tagging_begin(txn, 0, NULL, &t->tagging, err);
}

int crm__live_tell_end(crm_txn *txn, crm__live_telling *t, int rc, crm_error *err)
{
    int closed;

    crm__buf_clear(&t->tagging.tags);
    if (rc) /* the entry is not written: the caller drops what it was about */
        txn->state.batch_seq = 0;
    closed = crm__journal_live_end(txn, &t->aside, err);
    txn->touched.on = t->on;
    return rc ? rc : closed;
}

int crm__live_ask_begin(crm_txn *txn, const crm__live_item *item, int64_t at, int how,
                        crm__live_asking *a, crm_error *err)
{
    int rc;

    memset(a, 0, sizeof *a);
    a->txn = txn;
    a->item = item;
    a->now = txn->now;
    a->zone = txn->zone;
    a->err = err;
    txn->now = at;
    txn->zone = item->zone;
    if (!item->tree)
        return CRM_DONE;
    rc = crm__plan_make(txn, item->tree, how, &a->plan, err);
    return rc ? rc : crm__run_begin(&a->run, &a->plan, NULL, NULL, err);
}

void crm__live_ask_end(crm__live_asking *a)
{
    a->txn->now = a->now;
    a->txn->zone = a->zone;
    if (!a->plan.txn)
        return;
    if (a->run.plan)
        crm__run_end(&a->run);
    crm__plan_end(&a->plan);
}

enum { FEW = 4 }; /* rows whose tags are cheaper changed one by one */

static int change(crm__live_asking *a, uint64_t chunk, const uint64_t *words, int on,
                  crm__live_telling *t)
{
    uint32_t n = crm__set_count(words), tag = a->item->watch.tag;
    int rc = CRM_OK;

    *(on ? &t->entered : &t->left) += n;
    if (n > FEW)
        return crm__tag_chunk(&t->tagging, tag, 0, chunk, words, on, NULL);
    for (int32_t row = n ? crm__set_next(words, 0) : -1; row >= 0 && !rc;
         row = row + 1 < CRM__CHUNK_ROWS ? crm__set_next(words, (uint32_t)row + 1) : -1)
        rc = crm__tag_row(&t->tagging, tag, 0, (chunk << CRM__CHUNK_SHIFT) + (uint64_t)row, on);
    return rc;
}

int crm__live_ask(crm__live_asking *a, uint64_t chunk, const uint64_t *rows, crm__live_telling *t)
{
    uint64_t in[CRM__SET_WORDS] = {0}, told[CRM__SET_WORDS] = {0};
    uint8_t key[CRM__KEY_TAG];
    int rc = crm__visible(a->txn, chunk, in);

    if (!rc && rows)
        crm__words_and(in, rows);
    a->run.chunk = chunk;
    if (!rc && crm__words_any(in))
        rc = crm__run_narrow(&a->run, a->plan.root, in);
    if (!rc)
        rc = crm__txn_set(a->txn, KV_TAG, crm__key_tag(key, chunk, a->item->watch.tag), told);
    if (rc)
        return crm__txn_fail(a->txn, rc, "can't ask a watched segment", a->err);
    if (rows)
        crm__words_and(told, rows);
    for (int i = 0; i < CRM__SET_WORDS; i++) {
        uint64_t same = in[i] & told[i];
        in[i] &= ~same;
        told[i] &= ~same;
    }
    rc = change(a, chunk, told, 0, t);
    return rc ? rc : change(a, chunk, in, 1, t);
}

int crm__live_ask_all(crm__live_asking *a, crm__live_telling *t)
{
    uint64_t chunks = (a->txn->state.counters.next_id + CRM__CHUNK_ROWS - 1) >> CRM__CHUNK_SHIFT;
    int rc = CRM_OK;

    for (uint64_t c = 0; c < chunks && !rc; c++)
        rc = crm__live_ask(a, c, NULL, t);
    return rc;
}

/* ---- at commit ---- */

static int asks_field(const crm__live_item *item, const crm__touched *t)
{
    const uint32_t *mine = (const uint32_t *)(const void *)item->fields.p,
                   *theirs = (const uint32_t *)(const void *)t->fields.p;

    if (!t->fields.n && !(t->what & CRM__TOUCH_FIELDS))
        return 0;
    for (size_t i = 0; i < item->fields.n / sizeof *mine; i++) {
        if (t->what & CRM__TOUCH_FIELDS)
            return 1;
        for (size_t k = 0; k < t->fields.n / sizeof *theirs; k++) {
            if (mine[i] == theirs[k])
                return 1;
        }
    }
    return 0;
}

/* Whether a name is one of what was asked about: it, or one below it, or any of its dimension. */
static int below(crm__slice name, crm__slice asked)
{
    return name.n >= asked.n && memcmp(name.p, asked.p, asked.n) == 0 &&
           (name.n == asked.n || asked.p[asked.n - 1] == ':' || name.p[asked.n] == '/');
}

/* The names of tags that were touched, and bits of all that could be asked for to be one of them.
 */
typedef struct tag_names {
    crm__slice *of;
    size_t count;
    uint64_t bits;
} tag_names;

static void note_bits(tag_names *t, crm__slice name)
{
    t->bits |= tag_bit(name.p, name.n);
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == ':')
            t->bits |= tag_bit(name.p, i + 1);
        else if (name.p[i] == '/')
            t->bits |= tag_bit(name.p, i);
    }
}

static int asks_tag(const crm__live_item *item, const tag_names *t)
{
    const crm__slice *mine = (const crm__slice *)(const void *)item->tags.p;

    if (!(item->tag_bits & t->bits))
        return 0;
    for (size_t i = 0; i < item->tags.n / sizeof *mine; i++) {
        for (size_t k = 0; k < t->count; k++) {
            if (below(t->of[k], mine[i]))
                return 1;
        }
    }
    return 0;
}

static int names_of(crm_txn *txn, tag_names *out)
{
    const uint32_t *tags = (const uint32_t *)(const void *)txn->touched.tags.p;
    size_t n = txn->touched.tags.n / sizeof *tags;
    crm__slice *names = crm__arena_alloc(&txn->work, (n + 1) * sizeof *names);

    for (size_t i = 0; i < n && names; i++) {
        int rc = crm__dict_name(txn, CRM__DICT_TAG, tags[i], &names[i]);
        if (rc == CRM_ENOTFOUND) { /* it was named in what was rolled back */
            names[i] = crm__slice_of("", 0);
            continue;
        }
        if (rc)
            return rc;
        names[i].p = crm__arena_copy(&txn->work, names[i].p, names[i].n);
        if (!names[i].p)
            return CRM_ENOMEM;
        note_bits(out, names[i]);
    }
    out->of = names;
    out->count = n;
    return names ? CRM_OK : CRM_ENOMEM;
}

static int ask_touched(crm_txn *txn, crm__live_asking *a, crm__live_telling *t)
{
    const crm__touched_rows *rows = (const crm__touched_rows *)(const void *)txn->touched.chunks.p;
    uint64_t words[CRM__SET_WORDS];
    int rc = CRM_OK;

    for (size_t i = 0; i < txn->touched.chunks.n / sizeof *rows && !rc; i++) {
        crm__touched_words(&rows[i], words);
        rc = crm__live_ask(a, rows[i].chunk, words, t);
    }
    return rc;
}

/* ---- a few customers ---- */

enum { FEW_CHUNKS = 2 };

/* Those that were touched, asked one by one. */
typedef struct few {
    crm_txn *txn;
    crm__live *l;
    crm__live_telling *t;
    crm__run run;
    uint32_t count;
    crm_id ids[FEW_CHUNKS * CRM__TOUCHED_ROWS];
    uint8_t visible[FEW_CHUNKS * CRM__TOUCHED_ROWS];
    crm_error *err;
} few;

static int is_few(const crm__touched *t)
{
    const crm__touched_rows *rows = (const crm__touched_rows *)(const void *)t->chunks.p;
    size_t n = t->chunks.n / sizeof *rows;

    if (t->what & CRM__TOUCH_ALL || n > FEW_CHUNKS)
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (rows[i].words)
            return 0;
    }
    return 1;
}

/* Kept plans are good while the names they could ask for are the same; names that the transaction
 * or its group has just given may yet be dropped, and their numbers be given to others. */
static int look_at_names(crm_txn *txn, crm__live *l)
{
    uint32_t now[2];
    int rc = crm__dict_next(txn, CRM__DICT_TAG, &now[0]);

    if (!rc)
        rc = crm__dict_next(txn, CRM__DICT_SOURCE, &now[1]);
    if (rc)
        return rc;
    if (!(txn->state.named & CRM__PLAN_NAMES) && memcmp(now, l->names, sizeof now) == 0)
        return CRM_OK;
    for (size_t i = 0; i < crm__live_count(l); i++)
        drop_plan(&crm__live_items(l)[i]);
    if (txn->state.named & CRM__PLAN_NAMES)
        memset(now, 0, sizeof now); /* no state has these: the next one plans anew */
    memcpy(l->names, now, sizeof now);
    return CRM_OK;
}

static int begin_few(few *f)
{
    const crm__touched_rows *rows =
        (const crm__touched_rows *)(const void *)f->txn->touched.chunks.p;
    const crm_allocator *mem = f->txn->mem;
    int rc = look_at_names(f->txn, f->l);

    f->run.txn = f->txn;
    crm__buf_init(&f->run.scratch, mem);
    crm__buf_init(&f->run.block, mem);
    crm__arena_init(&f->run.work, mem);
    for (size_t i = 0; i < f->txn->touched.chunks.n / sizeof *rows && !rc; i++) {
        for (uint32_t k = 0; k < rows[i].count && !rc; k++) {
            crm_id id = (rows[i].chunk << CRM__CHUNK_SHIFT) + rows[i].rows[k];
            int in;
            rc = crm__visible_row(f->txn, id, &in);
            f->visible[f->count] = (uint8_t)in;
            f->ids[f->count++] = id;
        }
    }
    return rc ? crm__txn_fail(f->txn, rc, "can't ask watched segments", f->err) : CRM_OK;
}

/* The plan of a watched segment at the transaction's moment, in its zone. */
static int plan_of(few *f, crm__live_item *item)
{
    int rc;

    if (item->planned) {
        crm__plan_renew(&item->plan, f->txn, f->err);
        return CRM_OK;
    }
    rc = crm__plan_make(f->txn, item->tree, CRM__PLAN_KEPT, &item->plan, f->err);
    if (rc)
        crm__plan_end(&item->plan);
    item->planned = !rc;
    return rc;
}

static int ask_one(few *f, const crm__live_item *item, uint32_t at)
{
    crm__set_ref told = {KV_TAG, 0, 0, item->watch.tag};
    crm_id id = f->ids[at];
    int was, in = 0, rc;

    rc = crm__row_in_set(f->txn, &told, id >> CRM__CHUNK_SHIFT,
                         (uint32_t)(id & (CRM__CHUNK_ROWS - 1)), &was);
    if (!rc && f->visible[at])
        in = crm__row_passes(&f->run, item->plan.root, id);
    if (rc || in < 0)
        return crm__txn_fail(f->txn, rc ? rc : in, "can't ask a watched segment", f->err);
    if (in == was)
        return CRM_OK;
    crm__row_changed(&f->run);
    ++*(in ? &f->t->entered : &f->t->left);
    return crm__tag_row(&f->t->tagging, item->watch.tag, 0, id, in);
}

static int ask_few(few *f, crm__live_item *item, int64_t at)
{
    int64_t now = f->txn->now;
    crm__zone *zone = f->txn->zone;
    int rc;

    if (!item->tree) /* it can't be asked, and stays as it was told */
        return CRM_OK;
    f->txn->now = at;
    f->txn->zone = item->zone;
    rc = plan_of(f, item);
    f->run.plan = &item->plan;
    for (uint32_t i = 0; i < f->count && !rc; i++)
        rc = ask_one(f, item, i);
    f->txn->now = now;
    f->txn->zone = zone;
    return rc;
}

static void end_few(few *f)
{
    crm__buf_clear(&f->run.scratch);
    crm__buf_clear(&f->run.block);
    crm__arena_clear(&f->run.work);
    crm__record_clear(f->run.scratch.mem, &f->run.record);
}

/* ---- any number of them ---- */

static int ask_many(crm_txn *txn, const crm__live_item *item, int64_t at, crm__live_telling *t,
                    crm_error *err)
{
    crm__live_asking a;
    int rc = crm__live_ask_begin(txn, item, at, 0, &a, err);

    if (!rc)
        rc =
            txn->touched.what & CRM__TOUCH_ALL ? crm__live_ask_all(&a, t) : ask_touched(txn, &a, t);
    crm__live_ask_end(&a);
    return rc == CRM_DONE ? CRM_OK : rc;
}

static int is_asked(const crm__live_item *item, const crm__touched *t, const tag_names *names)
{
    return t->what & (CRM__TOUCH_ALL | CRM__TOUCH_ROOT) ||
           (t->what & CRM__TOUCH_EVENTS && item->events) || asks_field(item, t) ||
           asks_tag(item, names);
}

static int tell(crm_txn *txn, crm__live *l, int64_t at, crm__live_telling *t, crm_error *err)
{
    few f = {.txn = txn, .l = l, .t = t, .err = err};
    int begun = 0, small = is_few(&txn->touched);
    tag_names names = {NULL, 0, 0};
    int rc = names_of(txn, &names);

    if (rc)
        return crm__txn_fail(txn, rc, "can't read the dictionary", err);
    for (size_t i = 0; i < crm__live_count(l) && !rc; i++) {
        crm__live_item *item = &crm__live_items(l)[i];
        if (!is_asked(item, &txn->touched, &names))
            continue;
        if (!small) {
            rc = ask_many(txn, item, at, t, err);
            continue;
        }
        if (!begun++)
            rc = begin_few(&f);
        if (!rc)
            rc = ask_few(&f, item, at);
    }
    if (begun)
        end_few(&f);
    return rc;
}

int crm__live_commit(crm_txn *txn, crm_error *err)
{
    crm__live_telling t;
    crm__live_clock clock;
    crm__live *l;
    int rc;

    if (!txn->touched.on || (!txn->touched.what && !txn->touched.chunks.n))
        return CRM_OK;
    rc = crm__live_clock_get(txn, &clock, err);
    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_OK : rc;
    rc = crm__journal_close(txn, err);
    if (!rc && txn->touched.what & CRM__TOUCH_ALL) {
        clock.stamp = crm__live_stamp(txn);
        if (crm__live_clock_put(txn, &clock))
            rc = crm__fail_nomem(err);
    } else if (!rc) {
        rc = crm__due_cut(txn, clock.stamp);
        if (rc)
            rc = crm__txn_fail(txn, rc, "can't note what the clock changes", err);
    }
    if (!rc)
        rc = crm__live_load(txn, clock.stamp, &l, err);
    if (rc)
        return rc;
    crm__live_tell_begin(txn, &t, err);
    rc = tell(txn, l, crm__live_moment(txn, &clock), &t, err);
    rc = crm__live_tell_end(txn, &t, rc, err);
    crm__touched_end(txn);
    return rc;
}
