/* SPDX-License-Identifier: MIT
 * The model in the database: stored as text under its version, its names bound to dictionary
 * numbers.
 *
 * A version somebody has committed never changes, so the store keeps the newest compiled one for
 * all; a version that a write transaction has just made belongs to that transaction alone until it
 * commits.
 */
#include "db/model.h"

#include <string.h>

static crm__slice current_key(void)
{
    return crm__slice_of("model", 5);
}

static crm__slice version_key(uint8_t key[10], uint32_t version)
{
    memcpy(key, "model/", 6);
    crm__put_be32(key + 6, version);
    return crm__slice_of(key, 10);
}

/* ---- binding ---- */

int crm__model_class(char cls)
{
    return cls == 'f'   ? CRM__DICT_FIELD
           : cls == 'k' ? CRM__DICT_EVENT
           : cls == 'a' ? CRM__DICT_ATTRIBUTE
                        : CRM__DICT_ENUM;
}

typedef struct bind_ctx {
    crm_txn *txn;
    int give;
} bind_ctx;

static int bind_number(void *ctx, char cls, const char *name, size_t n, uint32_t *number,
                       crm_error *err)
{
    bind_ctx *b = ctx;
    int c = crm__model_class(cls), rc;

    if (b->give)
        return crm__dict_give(b->txn, c, name, n, number, err);
    rc = crm__dict_find(b->txn, c, name, n, number);
    if (!rc && !*number)
        rc = CRM_ECORRUPT;
    return rc ? crm__txn_fail(b->txn, rc, "the dictionary lacks a name of the model", err) : CRM_OK;
}

static int own(crm_txn *txn, crm__model *m)
{
    crm__owned_model *o = crm__alloc(txn->mem, sizeof *o);

    if (!o)
        return CRM_ENOMEM;
    o->model = m;
    o->next = txn->models;
    txn->models = o;
    return CRM_OK;
}

/* ---- loading ---- */

int crm__model_document(crm_txn *txn, uint32_t version, crm__slice *text)
{
    uint8_t key[10];

    return crm__txn_read(txn, KV_META, version_key(key, version), text);
}

static int load(crm_txn *txn, uint32_t version, crm__model **out, crm_error *err)
{
    bind_ctx bind = {txn, 0};
    crm__slice text;
    int rc = crm__model_document(txn, version, &text);

    if (rc)
        return crm__txn_fail(txn, rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc, "can't read the model",
                             err);
    rc = crm__model_parse(&txn->store->mem, (const char *)text.p, text.n, NULL, NULL, out, err);
    if (rc == CRM_EMODEL)
        return crm__fail(err, CRM_ECORRUPT, "the stored model does not parse");
    if (rc)
        return rc;
    rc = crm__model_bind(*out, version, bind_number, &bind, err);
    if (rc)
        crm__model_unref(*out);
    return rc;
}

int crm__model_current(crm_txn *txn, uint32_t *version)
{
    crm__slice v;
    int rc = crm__txn_read(txn, KV_META, current_key(), &v);

    if (!rc && v.n != 4)
        rc = CRM_ECORRUPT;
    if (!rc)
        *version = crm__get_le32(v.p);
    return rc;
}

int crm__txn_model(crm_txn *txn, const crm__model **out, crm_error *err)
{
    crm__store *s = txn->store;
    crm__model *m = NULL, *old;
    uint32_t version = 0;
    int rc;

    *out = txn->state.model ? txn->state.model : txn->model;
    if (*out)
        return CRM_OK;
    rc = crm__model_current(txn, &version);
    if (rc)
        return crm__txn_fail(txn, rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc,
                             "can't read the version of the model", err);
    pthread_mutex_lock(&s->model_lock);
    if (s->model && crm__model_version(s->model) == version) {
        m = s->model;
        crm__model_ref(m);
    }
    pthread_mutex_unlock(&s->model_lock);
    if (!m) {
        rc = load(txn, version, &m, err);
        if (rc)
            return rc;
        /* A version is read only where no transaction has made it without a commit: one that did
         * has it in its state, as has its group. */
        crm__model_ref(m);
        pthread_mutex_lock(&s->model_lock);
        old = s->model;
        s->model = m;
        pthread_mutex_unlock(&s->model_lock);
        crm__model_unref(old);
    }
    if (own(txn, m)) {
        crm__model_unref(m);
        return crm__fail_nomem(err);
    }
    *out = txn->model = m;
    return CRM_OK;
}

/* ---- storing ---- */

int crm__model_store(crm_txn *txn, crm__model *m, uint32_t version, crm_error *err)
{
    bind_ctx bind = {txn, 1};
    uint8_t key[10], value[4];
    size_t n;
    const char *text = crm__model_text(m, &n);
    int rc = crm__model_bind(m, version, bind_number, &bind, err);

    if (rc)
        return rc;
    crm__put_le32(value, version);
    if (crm__edits_put(&txn->edits, KV_META, version_key(key, version), crm__slice_of(text, n),
                       0) ||
        crm__edits_put(&txn->edits, KV_META, current_key(), crm__slice_of(value, 4), 0))
        return crm__fail_nomem(err);
    return crm__journal_add(txn, CRM__ACTION_MODEL, version, version - 1, err);
}

int crm__model_own(crm_txn *txn, crm__model *m)
{
    return own(txn, m);
}

int crm__model_first(crm__store *s, kv_txn *kv, const crm_db_options *opts, crm_error *err)
{
    const char *yaml = opts->model ? opts->model : crm_model_default();
    crm_txn_options who = CRM_TXN_OPTIONS_INIT;
    crm__model *m;
    crm_db db;
    crm_txn *txn;
    int rc = crm__model_parse(&s->mem, yaml, strlen(yaml), NULL, NULL, &m, err);

    if (rc)
        return rc;
    memset(&db, 0, sizeof db);
    db.store = s;
    db.mem = s->mem;
    db.clock = opts->test_clock;
    db.clock_ctx = opts->test_clock_ctx;
    atomic_store(&db.refs, 2); /* never the last: the handle is on the stack */
    who.actor = opts->actor;
    rc = crm__txn_new(&db, 1, &who, &txn, err);
    if (!rc) {
        txn->kv = kv;
        rc = crm__state_read(txn, err);
        if (!rc)
            rc = crm__model_store(txn, m, 1, err);
        crm__txn_detach(txn);
        if (!rc) {
            rc = crm__edits_apply(&txn->edits, kv, s->tag_key);
            if (rc)
                crm__txn_fail(txn, rc, "can't write the model", err);
        }
        crm__txn_free(txn);
    }
    crm__model_unref(m);
    return rc;
}

/* ---- public ---- */

int crm_model_text(crm_txn *txn, char **yaml, size_t *n, uint32_t *version, crm_error *err)
{
    const crm__model *m;
    const char *text;
    size_t bytes;
    int rc = crm__txn_enter(txn, 0, err);

    if (yaml)
        *yaml = NULL;
    if (rc)
        return rc;
    if (!yaml)
        return crm__fail_field(err, CRM_EINVAL, "yaml", "yaml is NULL");
    rc = crm__txn_model(txn, &m, err);
    if (rc)
        return rc;
    text = crm__model_text(m, &bytes);
    *yaml = crm__give(txn->mem, text, bytes);
    if (!*yaml)
        return crm__fail_nomem(err);
    if (n)
        *n = bytes;
    if (version)
        *version = crm__model_version(m);
    return CRM_OK;
}
