/* SPDX-License-Identifier: MIT
 * The customers of one thread, which nobody else changes.  Step v is about slot (v - 1) % SLOTS and
 * is the (v - 1) / SLOTS + 1st visit there; what a visit does follows from its number, and so does
 * all that must be stored after any number of steps.
 */
#include "soak.h"

enum { CREATE = -1, PATCH, REGION, ORDERS, VALUE, DELETE, UNDELETE, VOID, UNTAG, ACTS };

typedef struct state {
    int exists, deleted, region, high, value, events;
    int64_t score;
} state;

static int act_of(uint64_t visit)
{
    return visit == 1 ? CREATE : (int)(visit % ACTS);
}

static uint64_t visits_of(int slot, uint64_t v)
{
    return v > (uint64_t)slot ? (v - 1 - (uint64_t)slot) / SLOTS + 1 : 0;
}

static int64_t score_of(uint64_t visit)
{
    return (int64_t)(visit % 1000);
}

/* Two orders are added in a round of visits and one is voided. */
static int events_after(uint64_t visits)
{
    uint64_t orders = visits >= ORDERS ? (visits - ORDERS) / ACTS + 1 : 0;
    uint64_t voids = visits >= VOID ? (visits - VOID) / ACTS + 1 : 0;

    return (int)(2 * orders - voids);
}

/* Everything but the events follows from the last rounds. */
static state state_after(uint64_t visits)
{
    state s = {.exists = visits > 0, .events = events_after(visits)};

    for (uint64_t r = visits > 3 * ACTS ? visits - 3 * ACTS : 1; r <= visits; r++) {
        switch (act_of(r)) {
        case CREATE:
        case PATCH:
            s.score = score_of(r);
            break;
        case REGION:
            s.region = 1 + (int)(r / ACTS % 5);
            break;
        case VALUE:
            s.value = 1, s.high = (int)(r / ACTS % 2);
            break;
        case DELETE:
            s.deleted = 1;
            break;
        case UNDELETE:
            s.deleted = 0, s.score = score_of(r);
            break;
        case UNTAG:
            s.region = 0;
            break;
        default:
            break;
        }
    }
    return s;
}

static void name_of(char text[40], const worker *w, int slot)
{
    snprintf(text, 40, "%d-%d-%d", w->process, w->thread, slot);
}

static int create(crm_txn *txn, const worker *w, int slot, crm_id *id, crm_error *err)
{
    char json[300], name[40];

    name_of(name, w, slot);
    snprintf(json, sizeof json,
             "{\"name\":\"Slot %s\",\"score\":1,\"city\":\"City %d\","
             "\"external\":[{\"source\":\"soak\",\"value\":\"%s\"}]}",
             name, slot % 7, name);
    return crm_customer_create_json(txn, json, CRM_NUL, id, err);
}

static int patch(crm_txn *txn, crm_id id, uint64_t visit, crm_error *err)
{
    char json[300];

    snprintf(json, sizeof json, "{\"score\":%lld,\"notes\":\"%0*llu\"}", (long long)score_of(visit),
             1 + (int)(visit % 120), (unsigned long long)visit);
    return crm_customer_patch_json(txn, id, 0, json, CRM_NUL, err);
}

static int add_orders(crm_txn *txn, crm_id id, uint64_t visit, crm_error *err)
{
    char json[200];
    int rc = CRM_OK;

    for (int i = 0; i < 2 && !rc; i++) {
        snprintf(json, sizeof json,
                 "{\"kind\":\"order\",\"amount\":\"%llu.50 CNY\",\"product\":\"P%d\"}",
                 (unsigned long long)(visit % 900), i);
        rc = crm_event_add_json(txn, id, json, CRM_NUL, NULL, err);
    }
    return rc;
}

/* The newest order, of which there is one. */
static int void_one(crm_txn *txn, crm_id id, crm_error *err)
{
    crm_event_list_options o = CRM_EVENT_LIST_OPTIONS_INIT;
    crm_event_iter *it;
    crm_event *e;
    uint32_t number = 0;
    int rc;

    o.limit = 1;
    rc = crm_event_list(txn, id, &o, &it, err);
    if (!rc && (rc = crm_event_next(it, &e, err)) == CRM_OK)
        number = crm_event_number(e);
    crm_event_list_close(it);
    return rc ? rc : crm_event_void(txn, id, number, err);
}

static int set_region(crm_txn *txn, crm_id id, uint64_t visit, crm_error *err)
{
    char tag[40];
    const char *tags[] = {tag};

    snprintf(tag, sizeof tag, "region:z%d", 1 + (int)(visit / ACTS % 5));
    return crm_tag_set(txn, id, "region", tags, visit % ACTS == REGION, NULL, err);
}

static int act(crm_txn *txn, worker *w, uint64_t v, crm_error *err)
{
    int slot = (int)((v - 1) % SLOTS);
    uint64_t visit = (v - 1) / SLOTS + 1;
    crm_id id = w->next_id[slot];
    int rc;

    switch (act_of(visit)) {
    case CREATE:
        return create(txn, w, slot, &w->next_id[slot], err);
    case PATCH:
        return patch(txn, id, visit, err);
    case REGION:
        return set_region(txn, id, visit, err);
    case ORDERS:
        return add_orders(txn, id, visit, err);
    case VALUE:
        return crm_tag_add(txn, id, visit / ACTS % 2 ? "value:high" : "value:low", NULL, err);
    case DELETE:
        return crm_customer_delete(txn, id, 0, err);
    case UNDELETE:
        rc = crm_customer_undelete(txn, id, 0, err);
        return rc ? rc : patch(txn, id, visit, err);
    case VOID:
        return void_one(txn, id, err);
    default:
        return set_region(txn, id, visit, err);
    }
}

int slot_step(crm_txn *txn, worker *w, uint64_t v, crm_error *err)
{
    int rc = act(txn, w, v, err);

    return rc == CRM_DONE ? CRM_OK : rc; /* a tag that was there already, or not there */
}

/* What is stored. */
static state state_stored(crm_txn *txn, worker *w, int slot)
{
    crm_error err = CRM_ERROR_INIT;
    crm_tag tag = CRM_TAG_INIT;
    crm_tag_iter *it;
    state s = {0};
    uint64_t n;
    int rc;

    if (!w->id[slot])
        return s;
    rc = crm_customer_get(txn, w->id[slot], w->c, &err);
    if (rc == CRM_ENOTFOUND)
        return s;
    soak_must(w->b, rc, &err, "get");
    s.exists = 1;
    s.deleted = crm_customer_deleted(w->c);
    soak_must(w->b, crm_customer_integer(w->c, &w->score, 0, &s.score, &err), &err, "score");
    if (s.deleted)
        return s;
    soak_must(w->b, crm_tag_list(txn, w->id[slot], 0, &it, &err), &err, "tags");
    while ((rc = crm_tag_next(it, &tag, &err)) == CRM_OK) {
        if (strncmp(tag.tag, "region:z", 8) == 0)
            s.region = s.region ? -1 : atoi(tag.tag + 8);
        else
            s.value++, s.high = strcmp(tag.tag, "value:high") == 0;
    }
    if (rc != CRM_DONE)
        soak_must(w->b, rc, &err, "tags");
    crm_tag_list_close(it);
    soak_must(w->b, crm_event_count(txn, w->id[slot], NULL, &n, &err), &err, "events");
    s.events = (int)n;
    return s;
}

int slot_equal(crm_txn *txn, worker *w, int slot, uint64_t v, char why[300])
{
    state want = state_after(visits_of(slot, v)), is = state_stored(txn, w, slot);

    if (want.deleted) /* a deleted customer has its record only */
        want.region = want.high = want.value = want.events = 0;
    snprintf(why, 300,
             "slot %d of %d-%d (customer %llu) after step %llu, stored and expected: there %d %d, "
             "deleted %d %d, score %lld %lld, region %d %d, values %d %d, high %d %d, events %d %d",
             slot, w->process, w->thread, (unsigned long long)w->id[slot], (unsigned long long)v,
             is.exists, want.exists, is.deleted, want.deleted, (long long)is.score,
             (long long)want.score, is.region, want.region, is.value, want.value, is.high,
             want.high, is.events, want.events);
    return is.exists == want.exists && is.deleted == want.deleted && is.score == want.score &&
           is.region == want.region && is.value == want.value && is.high == want.high &&
           is.events == want.events;
}

/* Looks up the ids, as far as there are customers. */
static void slot_find(crm_txn *txn, worker *w)
{
    crm_error err = CRM_ERROR_INIT;
    char name[40];

    for (int slot = 0; slot < SLOTS; slot++) {
        size_t n = 0;
        int rc;
        w->id[slot] = w->b->id[w->process][w->thread][slot];
        if (w->id[slot])
            continue; /* deleted ones are not found */
        name_of(name, w, slot);
        rc = crm_customer_find(txn, &w->external, "soak", name, CRM_NUL, &w->id[slot], 1, &n, &err);
        if (rc != CRM_ENOTFOUND)
            soak_must(w->b, rc, &err, "find");
        if (n > 1)
            soak_fail(w->b, "%zu customers have the external id %s", n, name);
    }
}

static int all_equal(crm_txn *txn, worker *w, uint64_t v, char why[300])
{
    for (int slot = 0; slot < SLOTS; slot++) {
        if (!slot_equal(txn, w, slot, v, why))
            return 0;
    }
    return 1;
}

uint64_t slot_settle(crm_txn *txn, worker *w)
{
    const pledge *p = &w->b->step[w->process][w->thread];
    char acked[300], asked[300];

    slot_find(txn, w);
    if (all_equal(txn, w, p->acked, acked))
        return p->acked;
    if (!all_equal(txn, w, p->asked, asked))
        soak_fail(w->b, "an acknowledged write is lost, or half a transaction is there: %s; %s",
                  acked, asked);
    soak_count(&w->b->inherited, 1);
    return p->asked;
}
