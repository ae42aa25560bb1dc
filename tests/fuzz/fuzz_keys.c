/* SPDX-License-Identifier: MIT
 * Rows that the library did not write, under keys it did not make, with check tags that are right:
 * the input puts them into the engine's transaction, then every reader of stored keys and values
 * passes over them.  Nothing is committed.  Any result is fine that is a result.
 *
 * One row: u8 what (low 3 bits: the space, high bit: leave the tag away), u8 key length, key, u8
 * value length in units of 1 (or of 64 when bit 6 of what is set), value.
 */
#include "fuzz.h"

#include "customer/customer.h"

#include <crm/crm.h>

enum { ROWS_MOST = 64, IDS = 4, STEPS = 200, CHUNKS = 64 };

static const kv_space SPACES[8] = {KV_CUSTOMER, KV_IDENTITY, KV_BITS,     KV_DICT,
                                   KV_JOURNAL,  KV_META,     KV_CUSTOMER, KV_IDENTITY};
/* Few fields, so that one input takes little time. */
static const char MODEL[] = "crm: 1\n"
                            "name: fuzz\n"
                            "fields:\n"
                            "  name: {type: text, required: true}\n"
                            "  employer: {type: customer}\n"
                            "  code: {type: integer, unique: true}\n"
                            "  limit: {type: money, currency: CNY}\n"
                            "  grade: {type: enum, values: [a, b]}\n"
                            "identities:\n"
                            "  external: {type: text, per: source, unique: true}\n"
                            "  wechat: {type: text}\n";
static crm_db *db;

static void set_up(void)
{
    crm_db_options opts = CRM_DB_OPTIONS_INIT;
    crm_error err = CRM_ERROR_INIT;

    opts.model = MODEL;
    if (crm_db_open(fuzz_folder(), &opts, &db, &err)) {
        fprintf(stderr, "%s\n", err.message);
        abort();
    }
}

/* The token of "x" in place of the one in the key, so that a find of it meets the row. */
static void aim(uint8_t *key, size_t n)
{
    if (n >= CRM__KEY_TOKEN && key[2] == 'x')
        crm__token(db->store->token_key, (crm__slice){(const uint8_t *)"x", 1}, key + 2);
}

static void put_row(crm_txn *txn, input *in)
{
    unsigned what = take(in);
    kv_space space = SPACES[what & 7];
    size_t n, room = take(in);
    uint8_t *key = take_copy(in, room ? room : 1, &n), *value;
    crm__slice k = {key, n};
    size_t m, size = (size_t)take(in) * (what & 64 ? 64 : 1);

    value = take_copy(in, size, &m);
    value = realloc(value, m + CRM__TAG_SIZE);
    MUST(value);
    if (space == KV_IDENTITY)
        aim(key, n);
    if (!(what & 128) && space == KV_IDENTITY) {
        crm__put_le32(value, (uint32_t)crm__check_tag(db->store->tag_key, KV_IDENTITY, k,
                                                      (crm__slice){NULL, 0}));
        m = 4;
    } else if (!(what & 128)) {
        crm__put_le64(value + m, crm__check_tag(db->store->tag_key, (uint8_t)space, k,
                                                (crm__slice){value, m}));
        m += CRM__TAG_SIZE;
    }
    if (n)
        MUST(txn->kv->ops->put(txn->kv, space, k, (crm__slice){value, m}, 0) == CRM_OK);
    free(key);
    free(value);
}

static void read_customers(crm_txn *txn)
{
    crm_customer *c;
    size_t n;

    if (crm_customer_new(txn, &c, NULL))
        return;
    for (crm_id id = 0; id < IDS; id++) {
        char *json = NULL;
        crm_field f;
        size_t pos = 0;
        if (!crm_customer_get_json(txn, id, CRM_JSON_ORIGINS, &json, &n, NULL))
            MUST(strlen(json) == n);
        crm_free(json);
        if (crm_customer_get(txn, id, c, NULL))
            continue;
        while (crm_field_next(txn, &pos, &f, NULL) == CRM_OK) {
            const char *text;
            int64_t number;
            for (size_t i = 0, count = crm_customer_count(c, &f); i < count && i < 8; i++) {
                crm_customer_text(c, &f, i, &text, &n, NULL);
                crm_customer_integer(c, &f, i, &number, NULL);
                crm_customer_source(txn, c, &f, i, &text, NULL);
                crm_customer_origin(txn, c, &f, i, &text, &number, NULL);
            }
        }
    }
    crm_customer_free(c);
}

static void list_customers(crm_txn *txn, uint32_t flags, const char *kind)
{
    crm_list_options opts = CRM_LIST_OPTIONS_INIT;
    crm_customer_iter *it;
    crm_customer *c;

    opts.flags = flags;
    opts.kind = kind;
    /* A walk asks for each chunk up to the next id: one far away is no fault, only a long walk. */
    if (txn->state.counters.next_id > (uint64_t)CHUNKS << CRM__CHUNK_SHIFT)
        return;
    if (crm_customer_list(txn, &opts, &it, NULL))
        return;
    for (int i = 0; i < STEPS && crm_customer_next(it, &c, NULL) != CRM_DONE; i++)
        ;
    crm_customer_list_close(it);
}

static void find_customers(crm_txn *txn)
{
    crm_field f;
    crm_id ids[IDS];
    size_t pos = 0, count;

    while (crm_field_next(txn, &pos, &f, NULL) == CRM_OK) {
        if (crm_customer_find(txn, &f, f.flags & CRM_FIELD_PER_SOURCE ? "erp" : NULL,
                              f.type == CRM_TYPE_TEXT ? "x" : "1", 1, ids, IDS, &count,
                              NULL) == CRM_OK)
            MUST(count > 0 && ids[0] <= ids[count < IDS ? count - 1 : IDS - 1]);
    }
}

static void change_customers(crm_txn *txn)
{
    crm_error err = CRM_ERROR_INIT;
    crm_id id;
    int rc = crm_customer_create_json(
        txn, "{\"name\":\"n\",\"wechat\":\"x\",\"external\":{\"source\":\"erp\",\"value\":\"x\"}}",
        CRM_NUL, &id, &err);

    MUST(rc <= 0);
    for (id = 1; id < IDS; id++) {
        crm_customer_patch_json(txn, id, 0, "{\"name\":\"m\",\"wechat\":{\"add\":[\"x\",\"y\"]}}",
                                CRM_NUL, NULL);
        crm_customer_upsert_json(txn, "{\"name\":\"o\",\"wechat\":\"x\"}", CRM_NUL, NULL, NULL,
                                 NULL);
        crm_customer_delete(txn, id, 0, NULL);
        crm_customer_undelete(txn, id, 0, NULL);
        crm_customer_replace_json(txn, id, 0, "{\"name\":\"p\"}", CRM_NUL, NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    crm_txn *txn;
    int state;

    if (!db)
        set_up();
    MUST(crm_txn_begin(db, CRM_WRITE, NULL, &txn, NULL) == CRM_OK);
    for (int i = 0; i < ROWS_MOST && in.n; i++)
        put_row(txn, &in);
    txn->state_read = 0; /* as if the transaction began on these rows */
    state = crm__state_read(txn, NULL);
    if (!state) {
        read_customers(txn);
        find_customers(txn);
        list_customers(txn, 0, NULL);
        list_customers(txn, CRM_LIST_DELETED, NULL);
        list_customers(txn, 0, "person");
        change_customers(txn);
        list_customers(txn, 0, NULL);
        crm__txn_flush(txn, NULL);
    }
    crm_txn_abort(txn);
    return 0;
}
