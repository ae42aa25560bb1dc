/* SPDX-License-Identifier: MIT
 * Sets and columns of values against a table of what each customer has, under random creates,
 * patches, deletes, failed calls, savepoints, aborts and reopening; and under models that add and
 * drop every index.  Each time crm_check() must find what is stored equal to a rebuild.
 */
#include "crmtest.h"
#include "db/derive.h"
#include "db/index.h"

#include <crm/crm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define OK(call) ck_assert_int_eq(call, CRM_OK)

enum { FIELDS = 17, DOMAIN_MOST = 8, VALUES_MOST = 3, CUSTOMERS = 2500, JSON = 8000 };

/* A field, its values as texts in JSON documents, and what is kept of it. */
typedef struct described {
    const char *key, *type;
    int list;
    const char *domain[DOMAIN_MOST + 1];
} described;

static char text_400[3 * 133 + 2], text_401[3 * 133 + 3], text_other[450];

static const described FIELD[FIELDS] = {
    {"city", "type: text, index: values", 0, {"上海", "北京", "Berlin", "berlin", "B", "A b"}},
    {"nick", "type: text, index: values", 1, {text_400, text_401, text_other, "x"}},
    {"owner", "type: actor, index: values", 0, {"li.na", "wu", "zhao"}},
    {"tongue", "type: language, index: values", 0, {"zh-CN", "en", "de"}},
    {"gender", "type: enum, values: [a, b, c]", 0, {"a", "b", "c"}},
    {"hues", "type: enum, values: [a, red, blue]", 1, {"a", "red", "blue"}},
    {"vip", "type: boolean", 0, {"true", "false"}},
    {"land", "type: country", 0, {"CN", "DE", "AD", "ZW", "US"}},
    {"score", "type: integer", 0, {"0", "1", "-5", "700", "9223372036854775807", "-1000000"}},
    {"rate",
     "type: decimal",
     0,
     {"1.5", "1.50", "-0.000000000001", "999999999999999999", "0", "3", "12.25"}},
    {"credit",
     "type: money",
     0,
     {"12.50 CNY", "0.01 CNY", "12.5 USD", "7 EUR", "1000000 JPY", "-3.10 EUR"}},
    {"debts", "type: money", 1, {"1 CNY", "1.0 CNY", "2 USD", "9 EUR"}},
    {"born", "type: date", 0, {"1990-05-17", "1990-05", "1990", "2001-01-31"}},
    {"seen",
     "type: datetime",
     0,
     {"2026-01-02T03:04:05Z", "2026-01-02T03:04:05.5Z", "1969-12-31T23:59:59.999999Z",
      "2026-11-22T00:00:00Z"}},
    {"card", "type: text, identity: true", 1, {"1", "2", "3", "4", "5", "6", "7", "8"}},
    {"mail", "type: email, identity: true", 1, {"a@x.de", "A@x.de", "b@x.de", "c@x.de"}},
    {"line", "type: phone, identity: true", 0, {"+4930123456", "+4930123457", "+4930123458"}},
};

typedef struct customer {
    int exists, live;
    uint8_t count[FIELDS], value[FIELDS][VALUES_MOST];
} customer;

typedef struct world {
    uint64_t seed;
    crm_db *db;
    crm_txn *txn;
    customer c[CUSTOMERS + 1];
    crm_id last;
    uint8_t off[FIELDS], gone[FIELDS]; /* of the model: index: false; the field is not there */
} world;

static size_t domain_size(int f)
{
    size_t n = 0;

    while (FIELD[f].domain[n])
        n++;
    return n;
}

static void model_text(const world *w, char *to, size_t cap)
{
    size_t at = (size_t)snprintf(to, cap, "crm: 1\ncurrency: CNY\nfields:\n  name: {type: text}\n");

    for (int f = 0; f < FIELDS; f++) {
        char type[100];
        if (w->gone[f])
            continue;
        snprintf(type, sizeof type, "%s", FIELD[f].type);
        if (w->off[f] && strstr(type, ", index"))
            *strstr(type, ", index") = 0;
        at += (size_t)snprintf(to + at, cap - at, "  %s: {%s%s%s}\n", FIELD[f].key, type,
                               w->off[f] ? ", index: false" : "",
                               FIELD[f].list ? ", list: true" : "");
    }
}

static void begin(world *w, int mode)
{
    crm_error err = CRM_ERROR_INIT;

    ck_assert_msg(crm_txn_begin(w->db, mode, NULL, &w->txn, &err) == CRM_OK, "%s", err.message);
}

static void open_world(world *w)
{
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;
    char yaml[4000];

    model_text(w, yaml, sizeof yaml);
    o.model = yaml;
    ck_assert_msg(crm_db_open(crmtest_path("db"), &o, &w->db, &err) == CRM_OK, "%s", err.message);
}

static world *make_world(void)
{
    world *w = calloc(1, sizeof *w);

    ck_assert_ptr_nonnull(w);
    for (int i = 0; i < 133; i++) {
        memcpy(text_400 + 3 * i, "汉", 3);
        memcpy(text_401 + 3 * i, "汉", 3);
    }
    memcpy(text_400 + 399, "a", 2);
    memcpy(text_401 + 399, "ab", 3);
    memset(text_other, 'o', sizeof text_other - 1);
    w->seed = crmtest_seed();
    open_world(w);
    return w;
}

/* ---- documents ---- */

static size_t add_value(char *to, size_t at, int f, unsigned value)
{
    const char *text = FIELD[f].domain[value];
    int plain = !strncmp(FIELD[f].type, "type: bool", 10);

    return at + (size_t)snprintf(to + at, JSON - at, plain ? "%s" : "\"%s\"", text);
}

/* Random new values of some fields, in the document and in the table. */
static void document(world *w, customer *c, char *to)
{
    size_t at = (size_t)snprintf(to, JSON, "{\"name\":\"n\"");

    for (int f = 0; f < FIELDS; f++) {
        size_t n = domain_size(f);
        uint64_t what = crmtest_below(&w->seed, 4);
        if (what == 0 || w->gone[f])
            continue;
        at += (size_t)snprintf(to + at, JSON - at, ",\"%s\":", FIELD[f].key);
        c->count[f] = 0;
        if (what == 1) {
            at += (size_t)snprintf(to + at, JSON - at, "null");
        } else if (!FIELD[f].list) {
            c->value[f][0] = (uint8_t)crmtest_below(&w->seed, n);
            c->count[f] = 1;
            at = add_value(to, at, f, c->value[f][0]);
        } else {
            /* Neighbours in the domain, so that none stands twice. */
            unsigned first = (unsigned)crmtest_below(&w->seed, n);
            c->count[f] = (uint8_t)(1 + crmtest_below(&w->seed, n < 3 ? n : 3));
            for (unsigned i = 0; i < c->count[f]; i++) {
                c->value[f][i] = (uint8_t)((first + i) % n);
                to[at++] = i ? ',' : '[';
                at = add_value(to, at, f, c->value[f][i]);
            }
            to[at++] = ']';
        }
    }
    memcpy(to + at, "}", 2);
}

/* ---- comparing ---- */

static int has_value(const customer *c, int f, const crm__field *field, size_t value)
{
    for (unsigned i = 0; i < c->count[f]; i++) {
        const char *a = FIELD[f].domain[c->value[f][i]], *b = FIELD[f].domain[value];
        if (!strcmp(a, b))
            return 1;
        /* The currency alone counts. */
        if (field->type == CRM_TYPE_MONEY && !strcmp(a + strlen(a) - 3, b + strlen(b) - 3))
            return 1;
    }
    return 0;
}

static void parse(const crm__field *field, const char *text, crm__buf *room, crm__value *v)
{
    crm__value_ctx ctx = {NULL};

    room->n = 0;
    OK(crm__value_parse(field, &ctx, text, strlen(text), 0, room, NULL));
    OK(crm__value_decode(field->type, 0, crm__slice_of(room->p, room->n), v));
}

static void compare_set(world *w, uint8_t index, uint32_t value, const uint64_t *want,
                        const char *what)
{
    uint64_t have[CRM__SET_WORDS] = {0};
    uint8_t key[CRM__KEY_BITS];

    OK(crm__txn_set(w->txn, KV_BITS, crm__key_bits(key, 0, index, value), have));
    ck_assert_msg(memcmp(have, want, sizeof have) == 0, "the set of %s is wrong", what);
}

static void compare_sets(world *w, int f, const crm__field *field, crm__buf *room)
{
    for (size_t i = 0; i < domain_size(f); i++) {
        uint64_t want[CRM__SET_WORDS] = {0};
        uint8_t index;
        uint32_t value;
        crm__value v;
        int rc, any = 0;
        parse(field, FIELD[f].domain[i], room, &v);
        for (crm_id id = 1; id <= w->last; id++) {
            if (w->c[id].live && has_value(&w->c[id], f, field, i)) {
                crm__set_put(want, (uint32_t)id, 1);
                any = 1;
            }
        }
        rc = crm__index_set_key(w->txn, field, &v, &index, &value);
        if (!(field->index & CRM__INDEX_VALUES)) {
            ck_assert_int_eq(rc, CRM_EINVAL);
            continue;
        }
        if (rc == CRM_ENOTFOUND) {
            ck_assert_msg(!any, "no set for %s of %s", FIELD[f].domain[i], FIELD[f].key);
            continue;
        }
        OK(rc);
        compare_set(w, index, value, want, FIELD[f].domain[i]);
    }
}

static void compare_column(world *w, int f, const crm__field *field, crm__buf *room)
{
    crm__buf block;

    crm__buf_init(&block, NULL);
    for (uint32_t b = 0; b <= w->last / CRM__COLUMN_ROWS; b++) {
        uint8_t key[CRM__KEY_COLUMN];
        crm__column column;
        int any = 0, rc = crm__txn_column(w->txn, crm__key_column(key, 0, field->number, b), &block,
                                          &column);
        ck_assert(rc == CRM_OK || rc == CRM_ENOTFOUND);
        for (uint32_t r = 0; r < CRM__COLUMN_ROWS; r++) {
            crm_id id = b * CRM__COLUMN_ROWS + r;
            crm__column_cell cell = {CRM__CELL_NONE, 0, 0};
            const customer *c = id && id <= w->last ? &w->c[id] : NULL;
            int want = c && c->live && c->count[f] && field->index & CRM__INDEX_COLUMN, differ;
            crm__value v;
            int64_t number;
            int8_t scale;
            if (!rc)
                crm__column_get(&column, r, &cell);
            if (want != (cell.state == CRM__CELL_NUMBER))
                ck_abort_msg("%s of %u is %s", field->key, (unsigned)id,
                             want ? "missing" : "there");
            if (!want)
                continue;
            any = 1;
            parse(field, FIELD[f].domain[c->value[f][0]], room, &v);
            crm__index_number(&v, &number, &scale);
            differ = crm__scaled_compare(cell.number, cell.scale, number, scale);
            ck_assert_msg(!differ, "%s of %u is another", field->key, (unsigned)id);
        }
        ck_assert_int_eq(rc, any ? CRM_OK : CRM_ENOTFOUND);
    }
    crm__buf_clear(&block);
}

/* The first value of the domain that has the same token. */
static size_t token_of(int f, size_t value)
{
    size_t i = 0;

    while (strcasecmp(FIELD[f].domain[i], FIELD[f].domain[value]) != 0)
        i++;
    return i;
}

static int has_token(const customer *c, int f, size_t token)
{
    for (unsigned i = 0; c->live && i < c->count[f]; i++) {
        if (token_of(f, c->value[f][i]) == token)
            return 1;
    }
    return 0;
}

static int64_t count_at(world *w, uint32_t column, crm_id id, crm__buf *room)
{
    uint8_t key[CRM__KEY_COLUMN];
    crm__column_cell cell;
    crm__column c;
    int64_t n = 0;
    int rc = crm__txn_column(
        w->txn, crm__key_column(key, 0, column, (uint32_t)id / CRM__COLUMN_ROWS), room, &c);

    if (rc == CRM_ENOTFOUND)
        return 0;
    OK(rc);
    crm__column_get(&c, (uint32_t)id % CRM__COLUMN_ROWS, &cell);
    ck_assert(!cell.state || crm__scaled_to(cell.number, cell.scale, 0, &n));
    return n;
}

static void compare_shared(world *w, int f, const crm__field *field, crm__buf *room)
{
    static int shared[CUSTOMERS + 1], first[CUSTOMERS + 1];
    uint32_t shared_column, first_column;
    int rc = crm__index_shared(w->txn, field, &shared_column, &first_column, NULL);

    if (rc == CRM_ESTATE)
        return;
    OK(rc);
    memset(shared, 0, sizeof shared);
    memset(first, 0, sizeof first);
    for (size_t v = 0; v < domain_size(f); v++) {
        crm_id least = 0;
        int n = 0;
        for (crm_id id = 1; id <= w->last && token_of(f, v) == v; id++) {
            n += has_token(&w->c[id], f, v);
            if (!least && has_token(&w->c[id], f, v))
                least = id;
        }
        for (crm_id id = 1; id <= w->last && n > 1; id++)
            shared[id] += has_token(&w->c[id], f, v);
        first[least] += n > 1;
    }
    for (crm_id id = 1; id <= w->last; id++) {
        ck_assert_int_eq(count_at(w, shared_column, id, room), shared[id]);
        ck_assert_int_eq(count_at(w, first_column, id, room), first[id]);
    }
}

static void compare_field(world *w, int f, const crm__field *field, crm__buf *room)
{
    uint64_t present[CRM__SET_WORDS] = {0};

    for (crm_id id = 1; id <= w->last; id++)
        crm__set_put(present, (uint32_t)id, w->c[id].live && w->c[id].count[f]);
    compare_set(w, CRM__BITS_PRESENCE, field->number, present, field->key);
    compare_sets(w, f, field, room);
    compare_column(w, f, field, room);
    if (field->flags & CRM_FIELD_IDENTITY)
        compare_shared(w, f, field, room);
}

static void compare(world *w)
{
    const crm__model *m;
    crm__buf room;

    crm__buf_init(&room, NULL);
    OK(crm__txn_model(w->txn, &m, NULL));
    for (int f = 0; f < FIELDS; f++) {
        const crm__field *field = crm__model_find(m, FIELD[f].key, strlen(FIELD[f].key));
        ck_assert_int_eq(field == NULL, w->gone[f]);
        if (field)
            compare_field(w, f, field, &room);
    }
    crm__buf_clear(&room);
}

static void tell(const crm_fault *fault, void *ctx)
{
    (void)ctx;
    fprintf(stderr, "%s, customer %llu: %s\n", fault->space, (unsigned long long)fault->customer,
            fault->message);
}

static void check(world *w)
{
    crm_check_options o = CRM_CHECK_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;

    crm_db_close(w->db);
    o.fault = tell;
    ck_assert_msg(crm_check(crmtest_path("db"), &o, 0, NULL, &err) == CRM_OK, "%s", err.message);
    open_world(w);
}

/* ---- random changes ---- */

static void create(world *w, char *json)
{
    customer *c = &w->c[w->last + 1];
    crm_error err = CRM_ERROR_INIT;
    crm_id id;
    int rc;

    memset(c, 0, sizeof *c);
    document(w, c, json);
    rc = crm_customer_create_json(w->txn, json, CRM_NUL, &id, &err);
    ck_assert_msg(rc == CRM_OK, "%s: %s", err.message, json);
    ck_assert_uint_eq(id, w->last + 1);
    c->exists = c->live = 1;
    w->last = id;
}

static void patch(world *w, crm_id id, char *json)
{
    customer new = w->c[id];
    crm_error err = CRM_ERROR_INIT;
    int rc;

    document(w, &new, json);
    rc = crm_customer_patch_json(w->txn, id, 0, json, CRM_NUL, &err);
    if (!w->c[id].live) {
        ck_assert_int_lt(rc, 0);
        return;
    }
    ck_assert_msg(rc == CRM_OK, "%s: %s", err.message, json);
    w->c[id] = new;
}

static void change(world *w, char *json)
{
    crm_id id = w->last ? 1 + crmtest_below(&w->seed, w->last) : 0;

    switch (crmtest_below(&w->seed, 8)) {
    case 0:
        if (id && w->c[id].live) {
            OK(crm_customer_delete(w->txn, id, 0, NULL));
            w->c[id].live = 0;
        }
        return;
    case 1:
        if (id && !w->c[id].live) {
            OK(crm_customer_undelete(w->txn, id, 0, NULL));
            w->c[id].live = 1;
        }
        return;
    case 2: /* gives a number to a text, and then fails */
        ck_assert_int_lt(crm_customer_create_json(w->txn,
                                                  "{\"name\":\"x\",\"city\":\"Berlin\",\"no\":1}",
                                                  CRM_NUL, NULL, NULL),
                         0);
        return;
    case 3:
    case 4:
        if (w->last < CUSTOMERS)
            create(w, json);
        return;
    default:
        if (id)
            patch(w, id, json);
    }
}

/* A transaction of changes, with savepoints, that commits or not. */
static void transaction(world *w, int n)
{
    static world saved;
    static customer before[CUSTOMERS + 1];
    crm_id last = w->last;
    crm_savepoint sp = 0;
    char json[JSON];

    memcpy(before, w->c, sizeof before);
    begin(w, CRM_WRITE);
    for (int i = 0; i < n; i++) {
        uint64_t what = crmtest_below(&w->seed, 40);
        if (what == 0) {
            OK(crm_txn_savepoint(w->txn, &sp, NULL));
            saved = *w;
        } else if (what == 1 && sp) {
            OK(crm_txn_rollback(w->txn, sp, NULL));
            memcpy(w->c, saved.c, sizeof w->c);
            w->last = saved.last;
            sp = 0;
        }
        change(w, json);
    }
    if (crmtest_below(&w->seed, 3) == 0)
        compare(w);
    if (crmtest_below(&w->seed, 5) == 0) {
        crm_txn_abort(w->txn);
        memcpy(w->c, before, sizeof before);
        w->last = last;
    } else {
        OK(crm_txn_commit(w->txn, NULL));
    }
}

static void compare_stored(world *w)
{
    begin(w, CRM_READ);
    compare(w);
    crm_txn_abort(w->txn);
    check(w);
}

CRM_TEST(test_db_index__random)
{
    world *w = make_world();
    size_t rounds = crmtest_rounds(25, 600);

    for (size_t i = 0; i < rounds; i++) {
        transaction(w, (int)crmtest_below(&w->seed, 60));
        if (i % 8 == 0)
            compare_stored(w);
    }
    compare_stored(w);
    crm_db_close(w->db);
    free(w);
}

/* More than a block, in one transaction. */
CRM_TEST(test_db_index__blocks)
{
    world *w = make_world();
    char json[JSON];

    begin(w, CRM_WRITE);
    while (w->last < 2100)
        create(w, json);
    compare(w);
    OK(crm_txn_commit(w->txn, NULL));
    transaction(w, 300);
    compare_stored(w);
    crm_db_close(w->db);
    free(w);
}

/* ---- models ---- */

static int fits_domain(const crm_finding *finding)
{
    return finding->severity != CRM_FINDING_ERROR;
}

static void take(const crm_finding *finding, void *ctx)
{
    (void)ctx;
    ck_assert_msg(fits_domain(finding), "%s", finding->message);
}

static void apply(world *w)
{
    crm_error err = CRM_ERROR_INIT;
    char yaml[4000];
    int rc;

    model_text(w, yaml, sizeof yaml);
    rc = crm_model_apply(w->txn, yaml, CRM_NUL, CRM_FORCE, take, NULL, &err);
    ck_assert_msg(rc == CRM_OK, "%s\n%s", err.message, yaml);
}

CRM_TEST(test_db_index__models_drop_and_add_each)
{
    world *w = make_world();

    transaction(w, 200);
    for (int f = 0; f < FIELDS; f++) {
        for (int step = 0; step < 4; step++) {
            w->off[f] = step == 0 || step == 1;
            w->gone[f] = step == 1 || step == 2;
            begin(w, CRM_WRITE);
            apply(w);
            if (f % 3 == 0)
                compare(w);
            OK(crm_txn_commit(w->txn, NULL));
            if (step == 2)
                transaction(w, 10); /* values of the removed field stay */
        }
        if (f % 4 == 3)
            compare_stored(w);
    }
    compare_stored(w);
    crm_db_close(w->db);
    free(w);
}

CRM_TEST(test_db_index__models_at_random)
{
    world *w = make_world();
    size_t rounds = crmtest_rounds(12, 300);

    for (size_t i = 0; i < rounds; i++) {
        transaction(w, 40);
        for (int f = 0; f < FIELDS; f++) {
            w->off[f] = crmtest_below(&w->seed, 3) == 0;
            w->gone[f] = crmtest_below(&w->seed, 6) == 0;
        }
        begin(w, CRM_WRITE);
        apply(w);
        compare(w);
        OK(crm_txn_commit(w->txn, NULL));
        compare_stored(w);
    }
    crm_db_close(w->db);
    free(w);
}

/* The same key as another type, and as a list or not: values of the other type are out of view. */
CRM_TEST(test_db_index__types_change)
{
    static const char *const TYPES[] = {
        "{type: integer}",
        "{type: text, index: values}",
        "{type: integer, list: true}",
        "{type: money}",
        "{type: money, list: true}",
        "{type: money, index: false}",
        "{type: boolean}",
        "{type: boolean, list: true}",
        "{type: enum, values: [a, b]}",
        "{type: enum, values: [b]}",
        "{type: date}",
        "{type: text, index: values, list: true}",
        "{type: country}",
    };
    static const char *const VALUES[] = {
        "7",      "\"t\"", "[7,8]", "\"7 CNY\"", "[\"1 EUR\"]",   "null",  "true",
        "[true]", "\"a\"", "\"b\"", "\"1990\"",  "[\"t\",\"u\"]", "\"CN\""};
    enum { TYPES_COUNT = sizeof TYPES / sizeof *TYPES };
    crm_db_options o = CRM_DB_OPTIONS_INIT;
    world *w = calloc(1, sizeof *w);
    size_t rounds = crmtest_rounds(40, 1000);
    char yaml[300], json[100];

    ck_assert_ptr_nonnull(w);
    w->seed = crmtest_seed();
    OK(crm_db_open(crmtest_path("db"), &o, &w->db, NULL));
    for (size_t i = 0; i < rounds; i++) {
        size_t type = crmtest_below(&w->seed, TYPES_COUNT);
        crm_error err = CRM_ERROR_INIT;
        snprintf(yaml, sizeof yaml, "crm: 1\nfields:\n  name: {type: text}\n  x: %s\n",
                 TYPES[type]);
        begin(w, CRM_WRITE);
        ck_assert_msg(crm_model_apply(w->txn, yaml, CRM_NUL, CRM_FORCE, NULL, NULL, &err) == CRM_OK,
                      "%s", err.message);
        snprintf(json, sizeof json, "{\"name\":\"n\",\"x\":%s}", VALUES[type]);
        OK(crm_customer_create_json(w->txn, json, CRM_NUL, NULL, NULL));
        OK(crm_txn_commit(w->txn, NULL));
        if (i % 5 == 4)
            check(w);
    }
    crm_db_close(w->db);
    free(w);
}

/* ---- texts ---- */

typedef struct told {
    size_t count, longer;
    char all[200];
} told;

static int tell_text(void *ctx, crm__slice text, uint32_t value)
{
    told *t = ctx;
    size_t at = strlen(t->all);

    ck_assert_uint_gt(value, 0);
    if (!text.n) {
        t->longer++;
        return CRM_OK;
    }
    ck_assert_uint_lt(at + text.n + 2, sizeof t->all);
    memcpy(t->all + at, text.p, text.n);
    memcpy(t->all + at + text.n, "|", 2);
    return ++t->count == 10 ? CRM_DONE : CRM_OK;
}

static void texts(world *w, const char *key, const char *prefix, const char *want, size_t longer)
{
    const crm__model *m;
    told t = {0, 0, ""};

    OK(crm__txn_model(w->txn, &m, NULL));
    OK(crm__index_texts(w->txn, crm__model_find(m, key, strlen(key)),
                        crm__slice_of(prefix, strlen(prefix)), tell_text, &t));
    ck_assert_str_eq(t.all, want);
    ck_assert_uint_eq(t.longer, longer);
}

static void look_at_texts(world *w)
{
    texts(w, "city", "", "A b|B|Berlin|berlin|", 0);
    texts(w, "city", "B", "B|Berlin|", 0);
    texts(w, "city", "Be", "Berlin|", 0);
    texts(w, "city", "x", "", 0);
    texts(w, "nick", "", "x|", 2);
    texts(w, "nick", "o", "", 2);
    texts(w, "nick", "x", "x|", 2);
    texts(w, "nick", text_other, "", 2);
    texts(w, "owner", "", "", 0);
}

CRM_TEST(test_db_index__texts_of_a_field)
{
    world *w = make_world();
    char json[JSON];

    begin(w, CRM_WRITE);
    snprintf(json, sizeof json, "{\"name\":\"n\",\"city\":\"Berlin\",\"nick\":[\"x\",\"%s\"]}",
             text_other);
    OK(crm_customer_create_json(w->txn, json, CRM_NUL, NULL, NULL));
    OK(crm_txn_commit(w->txn, NULL));
    begin(w, CRM_WRITE);
    OK(crm_customer_create_json(w->txn, "{\"name\":\"n\",\"city\":\"A b\"}", CRM_NUL, NULL, NULL));
    OK(crm_customer_create_json(w->txn, "{\"name\":\"n\",\"city\":\"berlin\"}", CRM_NUL, NULL,
                                NULL));
    snprintf(json, sizeof json, "{\"name\":\"n\",\"city\":\"B\",\"nick\":[\"%s\"]}", text_401);
    OK(crm_customer_create_json(w->txn, json, CRM_NUL, NULL, NULL));
    look_at_texts(w);
    OK(crm_txn_commit(w->txn, NULL));
    begin(w, CRM_READ);
    look_at_texts(w);
    crm_txn_abort(w->txn);
    check(w);
    crm_db_close(w->db);
    free(w);
}
