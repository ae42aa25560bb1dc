/* SPDX-License-Identifier: MIT
 * The format header: the row "format" of the meta space.
 *
 *   "libcrm\n" 7 bytes, u8 layout = 1, 16 bytes database id, 16 bytes tag key, 16 bytes token key,
 *   i64 made at (little-endian, us), varint number of features, each: u8 length, name
 * and the check tag under an all-zero key, since the tag key is inside.  A feature is a name, each
 * of which this library must know; docs/format.md lists them.
 */
#include "db/txn.h"

#include "base/time.h"

#include <stdio.h>
#include <string.h>

static const char MAGIC[] = "libcrm\n";
enum { MAGIC_BYTES = 7, LAYOUT = 1, FEATURES_MOST = 100 };

#define ITEM(name) name,
static const char *const FEATURES[] = {CRM__FEATURES(ITEM)};
enum { FEATURE_COUNT = sizeof FEATURES / sizeof FEATURES[0] };

static crm__slice format_key(void)
{
    return crm__slice_of("format", 6);
}

int crm__format_present(crm__store *s, int *present, crm_error *err)
{
    kv_txn *txn;
    int rc = s->kv->ops->begin(s->kv, 0, &txn, err);

    if (rc)
        return rc;
    rc = crm__format_read(s, txn, err);
    txn->ops->abort(txn);
    *present = rc == CRM_OK;
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

static int is_name(const char *name, const uint8_t *p, size_t n)
{
    return strlen(name) == n && memcmp(name, p, n) == 0;
}

int crm__feature_known(const void *name, size_t n)
{
    for (size_t k = 0; k < FEATURE_COUNT; k++) {
        if (is_name(FEATURES[k], name, n))
            return 1;
    }
    return 0;
}

static int read_features(crm__store *s, crm__reader *in, crm_error *err)
{
    uint64_t n = crm__read_varint(in);

    for (uint64_t i = 0; i < n && n <= FEATURES_MOST && !in->failed; i++) {
        size_t bytes = crm__read_u8(in);
        const uint8_t *name = crm__read_bytes(in, bytes);
        char shown[CRM_FIELD_SIZE];
        if (in->failed)
            break;
        s->waits |= is_name("waiting-2", name, bytes);
        s->totals |= is_name("totals-1", name, bytes);
        if (crm__feature_known(name, bytes))
            continue;
        crm__copy_name(shown, (const char *)name, bytes);
        return crm__fail_field(err, CRM_EVERSION, shown,
                               "the database uses \"%s\", which this library does not know", shown);
    }
    return in->failed || n > FEATURES_MOST
               ? crm__fail(err, CRM_ECORRUPT, "the format header is damaged")
               : CRM_OK;
}

static void make_keys(crm__store *s)
{
    static const char WHAT[] = "libcrm journal chain";
    crm__slice parts[4] = {crm__slice_of(WHAT, sizeof WHAT - 1), crm__slice_of(s->id, 16),
                           crm__slice_of(s->tag_key, 16), crm__slice_of(s->token_key, 16)};

    crm__digest(NULL, parts, 4, s->chain_key);
}

int crm__format_read(crm__store *s, kv_txn *txn, crm_error *err)
{
    static const uint8_t none[CRM__HASH_KEY];
    crm__slice stored;
    crm__reader in;
    const uint8_t *p;
    int rc = txn->ops->get(txn, KV_META, format_key(), &stored);

    if (rc == CRM_ENOTFOUND)
        return rc;
    if (rc)
        return crm__fail_sys(err, rc, txn->sys, "can't read the format header");
    if (stored.n < MAGIC_BYTES + 1 || memcmp(stored.p, MAGIC, MAGIC_BYTES) != 0)
        return crm__fail(err, CRM_ECORRUPT, "the data file is not a customer database");
    if (stored.p[MAGIC_BYTES] != LAYOUT)
        return crm__fail(err, CRM_EVERSION, "the format header has layout %d, known is %d",
                         stored.p[MAGIC_BYTES], LAYOUT);
    if (stored.n < CRM__TAG_SIZE ||
        crm__get_le64(stored.p + stored.n - CRM__TAG_SIZE) !=
            crm__check_tag(none, KV_META, format_key(),
                           crm__slice_of(stored.p, stored.n - CRM__TAG_SIZE)))
        return crm__fail(err, CRM_ECORRUPT, "the format header is damaged");
    in = crm__reader_of(stored.p + MAGIC_BYTES + 1, stored.n - CRM__TAG_SIZE - MAGIC_BYTES - 1);
    p = crm__read_bytes(&in, 48);
    s->made = (int64_t)crm__read_le64(&in);
    s->waits = s->totals = 0;
    rc = read_features(s, &in, err);
    if (rc)
        return rc;
    memcpy(s->id, p, 16);
    memcpy(s->tag_key, p + 16, 16);
    memcpy(s->token_key, p + 32, 16);
    make_keys(s);
    return CRM_OK;
}

static int write_header(crm__store *s, kv_txn *txn)
{
    static const uint8_t none[CRM__HASH_KEY];
    uint8_t made[8], tag[CRM__TAG_SIZE];
    crm__buf b;
    int rc;

    crm__buf_init(&b, &s->mem);
    crm__buf_add(&b, MAGIC, MAGIC_BYTES);
    crm__buf_add_u8(&b, LAYOUT);
    crm__buf_add(&b, s->id, 16);
    crm__buf_add(&b, s->tag_key, 16);
    crm__buf_add(&b, s->token_key, 16);
    crm__put_le64(made, (uint64_t)s->made);
    crm__buf_add(&b, made, sizeof made);
    crm__buf_add_varint(&b, FEATURE_COUNT);
    for (size_t i = 0; i < FEATURE_COUNT; i++) {
        crm__buf_add_u8(&b, (unsigned)strlen(FEATURES[i]));
        crm__buf_add_str(&b, FEATURES[i]);
    }
    if (b.failed) {
        crm__buf_clear(&b);
        return CRM_ENOMEM;
    }
    crm__put_le64(tag, crm__check_tag(none, KV_META, format_key(), crm__slice_of(b.p, b.n)));
    crm__buf_add(&b, tag, sizeof tag);
    rc = b.failed ? CRM_ENOMEM
                  : txn->ops->put(txn, KV_META, format_key(), crm__slice_of(b.p, b.n), 0);
    crm__buf_clear(&b);
    return rc;
}

int crm__format_write(crm__store *s, kv_txn *txn, crm_error *err)
{
    int rc;

    make_keys(s);
    s->waits = s->totals = 1;
    rc = write_header(s, txn);
    return rc ? crm__fail_sys(err, rc, txn->sys, "can't write the format header") : CRM_OK;
}

/* The first write: header and model, in one commit. */
int crm__format_make(crm__store *s, const crm_db_options *opts, crm_error *err)
{
    kv_txn *txn;
    int rc;

    if (crm__random(s->id, 16) || crm__random(s->tag_key, 16) || crm__random(s->token_key, 16))
        return crm__fail(err, CRM_EIO, "no random numbers to be had");
    s->made = opts->test_clock ? opts->test_clock(opts->test_clock_ctx) : crm__clock_now();
    rc = s->kv->ops->begin(s->kv, 1, &txn, err);
    if (rc)
        return rc;
    rc = crm__format_write(s, txn, err);
    if (!rc)
        rc = crm__model_first(s, txn, opts, err);
    if (rc) {
        txn->ops->abort(txn);
        return rc;
    }
    return txn->ops->commit(txn, err);
}
