/* SPDX-License-Identifier: MIT
 * What the journal tells of tags: the history of a customer walked back, and the feed followed from
 * the first change on, give the tags that were kept after every commit.
 */
#include "help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char MODEL[] =
    "crm: 1\nname: past\nfields:\n  name: {type: text, required: true}\n  city: {type: text}\n"
    "tags:\n"
    "  value: {one: true}\n  free:\n  mood: {expires: true}\n";

enum { CUSTOMERS = 6, TAGS = 7, COMMITS = 120 };
static const char *const TAG[TAGS] = {"value:high", "value:low", "free:a",  "free:b",
                                      "free:c",     "mood:good", "mood:bad"};
#define AT(hour) (INT64_C(1800000000000000) + (hour)*INT64_C(3600000000))

/* After each commit: a bit for each tag, ends that have come among them. */
typedef struct kept {
    uint64_t revision;
    unsigned tags[CUSTOMERS + 1];
    uint64_t records[CUSTOMERS + 1];
} kept;

typedef struct world {
    crm_db *db;
    uint64_t seed;
    kept past[COMMITS + 2];
    size_t count;
} world;

static unsigned bit_of(const char *tag)
{
    for (unsigned i = 0; i < TAGS; i++) {
        if (!strcmp(tag, TAG[i]))
            return 1u << i;
    }
    ck_abort_msg("there is no tag %s", tag);
    return 0;
}

static void keep(world *w)
{
    kept *k = &w->past[w->count++];
    crm_txn *txn = api_begin(w->db, CRM_READ);
    crm_customer *c;

    memset(k, 0, sizeof *k);
    k->revision = crm_txn_revision(txn);
    OK(crm_customer_new(txn, &c, &er));
    for (crm_id id = 1; id <= CUSTOMERS; id++) {
        crm_tag tag = CRM_TAG_INIT;
        crm_tag_iter *it;
        OK(crm_tag_list(txn, id, CRM_TAG_ENDED | CRM_TAG_BRIEF, &it, &er));
        while (crm_tag_next(it, &tag, &er) == CRM_OK)
            k->tags[id] |= bit_of(tag.tag);
        crm_tag_list_close(it);
        OK(crm_customer_get(txn, id, c, &er));
        k->records[id] = crm_customer_revision(c);
    }
    crm_customer_free(c);
    OK(crm_txn_abort(txn));
}

static void one_change(world *w, crm_txn *txn)
{
    crm_tag_options o = CRM_TAG_OPTIONS_INIT;
    crm_id id = 1 + crmtest_below(&w->seed, CUSTOMERS), ids[3];
    size_t t = crmtest_below(&w->seed, TAGS);
    int rc;

    for (size_t i = 0; i < 3; i++)
        ids[i] = 1 + crmtest_below(&w->seed, CUSTOMERS);
    o.reason = crmtest_below(&w->seed, 2) ? "fair" : NULL;
    if (!strncmp(TAG[t], "mood", 4) && crmtest_below(&w->seed, 2))
        o.until_us = AT((int)crmtest_below(&w->seed, 5));
    switch (crmtest_below(&w->seed, 8)) {
    case 0:
        rc = crm_tag_remove(txn, id, TAG[t], &er);
        break;
    case 1:
        rc = crm_tag_remove_many(txn, ids, 3, TAG[t], NULL, &er);
        break;
    case 2:
    case 3:
        rc = crm_tag_add_many(txn, ids, 3, TAG[t], &o, NULL, &er);
        break;
    case 4:
        rc = crm_customer_patch_json(txn, id, 0,
                                     crmtest_below(&w->seed, 2)
                                         ? "{\"city\":\"X\",\"tags\":[\"free:c\"]}"
                                         : "{\"city\":\"Y\"}",
                                     CRM_NUL, &er);
        break;
    default:
        rc = crm_tag_add(txn, id, TAG[t], &o, &er);
    }
    ck_assert_msg(rc >= 0, "%s", er.message);
}

static void make(world *w)
{
    crm_txn_options o = CRM_TXN_OPTIONS_INIT;
    crm_txn *txn;

    memset(w, 0, sizeof *w);
    w->seed = crmtest_seed();
    w->db = api_open_model(MODEL);
    txn = api_begin(w->db, CRM_WRITE);
    for (int i = 0; i < CUSTOMERS; i++)
        api_create(txn, "{\"name\":\"A\"}");
    api_commit(txn);
    keep(w);
    for (int i = 0; i < COMMITS; i++) {
        o.actor = "li.na";
        o.batch = crmtest_below(&w->seed, 3) ? 0 : CRM_BATCH_NEW;
        OK(crm_txn_begin(w->db, CRM_WRITE, &o, &txn, &er));
        for (size_t n = 1 + crmtest_below(&w->seed, 4); n; n--)
            one_change(w, txn);
        if (!o.batch && !crmtest_below(&w->seed, 8))
            crm_undo(txn, 8 + crmtest_below(&w->seed, w->past[w->count - 1].revision),
                     CRM_UNDO_SKIP, NULL, NULL, NULL, NULL);
        api_commit(txn);
        keep(w);
    }
}

/* Tags of a customer before a step, from those after it. */
static unsigned before(unsigned tags, const crm_tag_step *step)
{
    unsigned bit = bit_of(step->tag);

    ck_assert_int_eq(step->way != CRM_TAG_TAKEN, (tags & bit) != 0);
    ck_assert(step->way != CRM_TAG_TAKEN || (!step->reason && !step->until_us));
    return step->way == CRM_TAG_GIVEN ? tags & ~bit : tags | bit;
}

/* Every commit whose record stands at the revision of the present change. */
static size_t stands_at(const world *w, crm_id id, uint64_t revision)
{
    size_t n = 0;

    for (size_t i = 0; i < w->count; i++)
        n += w->past[i].records[id] == revision;
    return n;
}

static void walk_back(const world *w, crm_txn *txn, crm_id id)
{
    size_t at = w->count, records = 0;
    unsigned tags = w->past[at - 1].tags[id];
    uint64_t last = UINT64_MAX;
    crm_change c = CRM_CHANGE_INIT;
    crm_tag_step step = CRM_TAG_STEP_INIT;
    crm_history *h;
    char *json;
    int rc;

    OK(crm_history_open(txn, id, &h, &er));
    IS(CRM_ESTATE, crm_history_tag(h, 0, &step, &er));
    while ((rc = crm_history_next(h, &c, &er)) == CRM_OK) {
        ck_assert(c.revision < last && c.target == id);
        last = c.revision;
        for (; at && w->past[at - 1].revision >= c.revision; at--)
            ck_assert_msg(tags == w->past[at - 1].tags[id], "customer %d at %d", (int)id,
                          (int)w->past[at - 1].revision);
        ck_assert(c.field_count || c.tag_count);
        ck_assert(c.field_count || c.action == CRM_ACTION_TAG || c.action == CRM_ACTION_UNDO);
        ck_assert(c.action != CRM_ACTION_TAG || c.tag_count);
        records += c.field_count ? stands_at(w, id, c.revision) : 0;
        for (uint32_t i = 0; i < c.tag_count; i++) {
            OK(crm_history_tag(h, i, &step, &er));
            tags = before(tags, &step);
        }
        IS(CRM_ENOTFOUND, crm_history_tag(h, c.tag_count, &step, &er));
        OK(crm_history_json(h, &json, NULL, &er));
        ck_assert_int_eq(strstr(json, "\"tags\":[") != NULL, c.tag_count > 0);
        ck_assert_int_eq(strstr(json, "\"fields\":{") != NULL, c.field_count > 0);
        crm_free(json);
    }
    IS(CRM_DONE, rc);
    crm_history_close(h);
    ck_assert(!tags && !at);
    ck_assert_uint_eq(records, w->count); /* each commit's record was met */
}

CRM_TEST(test_api_tag_past__history_gives_every_earlier_state)
{
    world w;
    crm_txn *txn;

    make(&w);
    txn = api_begin(w.db, CRM_READ);
    for (crm_id id = 1; id <= CUSTOMERS; id++)
        walk_back(&w, txn, id);
    IS(CRM_EINVAL, crm_history_tag(NULL, 0, NULL, &er));
    OK(crm_txn_abort(txn));
    crm_db_close(w.db);
    api_check_clean(api_path());
}

/* Applies one way of a tag, read two customers at a time; gives how many. */
static uint64_t apply(crm_change_iter *it, uint32_t i, int way, unsigned bit, unsigned *tags)
{
    crm_id ids[2], after = 0;
    uint64_t all = 0;
    size_t n;

    do {
        OK(crm_change_tagged(it, i, way, after, ids, 2, &n, &er));
        for (size_t k = 0; k < n; k++) {
            ck_assert(ids[k] > after && ids[k] <= CUSTOMERS);
            after = ids[k];
            ck_assert_int_eq((tags[after] & bit) != 0, way != CRM_TAG_GIVEN);
            tags[after] ^= way == CRM_TAG_RENEWED ? 0 : bit;
        }
        all += n;
    } while (n);
    return all;
}

CRM_TEST(test_api_tag_past__the_feed_gives_every_state)
{
    unsigned tags[CUSTOMERS + 1] = {0};
    uint64_t seen[4] = {0};
    crm_change c = CRM_CHANGE_INIT;
    crm_change_iter *it;
    crm_txn *txn;
    size_t at = 0;
    world w;

    make(&w);
    txn = api_begin(w.db, CRM_READ);
    OK(crm_change_list(txn, 0, &it, &er));
    while (crm_change_next(it, &c, &er) == CRM_OK) {
        crm_tag_change t = CRM_TAG_CHANGE_INIT;
        for (uint32_t i = 0; i < c.tag_count; i++) {
            uint64_t n[4] = {0};
            OK(crm_change_tag(it, i, &t, &er));
            for (int way = CRM_TAG_TAKEN; way; way = way == CRM_TAG_TAKEN   ? CRM_TAG_GIVEN
                                                     : way == CRM_TAG_GIVEN ? CRM_TAG_RENEWED
                                                                            : 0) {
                n[way] = apply(it, i, way, bit_of(t.tag), tags);
                seen[way] += n[way];
            }
            ck_assert(t.given == n[CRM_TAG_GIVEN] && t.taken == n[CRM_TAG_TAKEN] &&
                      t.renewed == n[CRM_TAG_RENEWED] && n[1] + n[2] + n[3] > 0);
        }
        IS(CRM_ENOTFOUND, crm_change_tag(it, c.tag_count, &t, &er));
        for (; at < w.count && w.past[at].revision == c.revision; at++)
            ck_assert_mem_eq(tags, w.past[at].tags, sizeof tags);
    }
    ck_assert_uint_eq(at, w.count);
    ck_assert(seen[CRM_TAG_GIVEN] > 50 && seen[CRM_TAG_TAKEN] > 20 && seen[CRM_TAG_RENEWED] > 5);
    crm_change_close(it);
    OK(crm_txn_abort(txn));
    crm_db_close(w.db);
}
