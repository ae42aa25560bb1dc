/* SPDX-License-Identifier: MIT
 * The model in the database: stored as text under its version, its names bound to dictionary numbers.
 *
 * A version somebody has committed never changes, so the store keeps the newest compiled one for all;
 * a version that a write transaction has just made belongs to that transaction alone until it commits.
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

typedef struct bind_ctx {
    crm_txn *txn;
    int give;
} bind_ctx;

static int bind_number(void *ctx, char cls, const char *name, size_t n, uint32_t *number,
                       crm_error *err)
{
    bind_ctx *b = ctx;
    int c = cls == 'f' ? CRM__DICT_FIELD : CRM__DICT_ENUM, rc;

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

static int load(crm_txn *txn, uint32_t version, crm__model **out, crm_error *err)
{
    bind_ctx bind = {txn, 0};
    uint8_t key[10];
    crm__slice text;
    int rc = crm__txn_read(txn, KV_META, version_key(key, version), &text);

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

static int version_of(crm_txn *txn, uint32_t *version, crm_error *err)
{
    crm__slice v;
    int rc = crm__txn_read(txn, KV_META, current_key(), &v);

    if (!rc && v.n != 4)
        rc = CRM_ECORRUPT;
    if (rc)
        return crm__txn_fail(txn, rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc,
                             "can't read the version of the model", err);
    *version = crm__get_le32(v.p);
    return CRM_OK;
}

int crm__txn_model(crm_txn *txn, const crm__model **out, crm_error *err)
{
    crm__store *s = txn->store;
    crm__model *m = NULL;
    uint32_t version = 0;
    int rc;

    *out = txn->state.model ? txn->state.model : txn->model;
    if (*out)
        return CRM_OK;
    rc = version_of(txn, &version, err);
    if (rc)
        return rc;
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
        if (!txn->write) {
            crm__model *old;
            crm__model_ref(m);
            pthread_mutex_lock(&s->model_lock);
            old = s->model;
            s->model = m;
            pthread_mutex_unlock(&s->model_lock);
            crm__model_unref(old);
        }
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
    if (crm__edits_put(&txn->edits, KV_META, version_key(key, version), crm__slice_of(text, n), 0) ||
        crm__edits_put(&txn->edits, KV_META, current_key(), crm__slice_of(value, 4), 0))
        return crm__fail_nomem(err);
    return crm__journal_add(txn, CRM__ACTION_MODEL, version, version - 1, NULL, 0, err);
}

int crm__model_own(crm_txn *txn, crm__model *m)
{
    return own(txn, m);
}

int crm__model_first(crm__store *s, kv_txn *kv, const crm_db_options *opts, crm_error *err)
{
    const char *yaml = opts->model ? opts->model : crm_model_default();
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
    rc = crm__txn_new(&db, 1, NULL, &txn, err);
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

/* ---- public look-ups ---- */

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

void crm__field_out(const crm__field *f, crm_field *out)
{
    memset(out, 0, sizeof *out);
    out->number = f->number;
    out->type = f->type;
    out->flags = f->flags;
    crm__copy_name(out->key, f->key, strlen(f->key));
}

/* Whether a text may be the name of a field and no person's name with a number, or an address: only such
 * a text is repeated in a message. */
static int plausible(const char *s, size_t n)
{
    int digits = 0;

    for (size_t i = 0; i < n; i++) {
        digits += s[i] >= '0' && s[i] <= '9';
        if (s[i] == '@' || (unsigned char)s[i] < 0x20)
            return 0;
    }
    return n < CRM_FIELD_SIZE && digits < 4;
}

int crm__field_unknown(const crm__model *m, const char *name, size_t n, crm_error *err)
{
    char shown[CRM_FIELD_SIZE];
    const char *near = crm__model_near(m, name, n);

    if (!plausible(name, n))
        return crm__fail(err, CRM_EFIELD, "a name of %zu bytes is no field of the model", n);
    crm__copy_name(shown, name, n);
    return near ? crm__fail_field(err, CRM_EFIELD, shown,
                                  "\"%s\" is no field of the model; did you mean \"%s\"?", shown, near)
                : crm__fail_field(err, CRM_EFIELD, shown, "\"%s\" is no field of the model", shown);
}

int crm_field_find(crm_txn *txn, const char *name, size_t n, crm_field *out, crm_error *err)
{
    const crm__model *m;
    const crm__field *f;
    int rc = crm__txn_enter(txn, 0, err);

    if (rc)
        return rc;
    if (!name || !out)
        return crm__fail_field(err, CRM_EINVAL, name ? "out" : "name", "%s is NULL",
                               name ? "out" : "name");
    rc = crm__txn_model(txn, &m, err);
    if (rc)
        return rc;
    if (n == CRM_NUL)
        n = strlen(name);
    f = crm__model_find(m, name, n);
    if (!f)
        return crm__field_unknown(m, name, n, err);
    crm__field_out(f, out);
    return CRM_OK;
}

int crm_field_next(crm_txn *txn, size_t *pos, crm_field *out, crm_error *err)
{
    const crm__model *m;
    int rc = crm__txn_enter(txn, 0, err);

    if (rc)
        return rc;
    if (!pos || !out)
        return crm__fail_field(err, CRM_EINVAL, pos ? "out" : "pos", "%s is NULL",
                               pos ? "out" : "pos");
    rc = crm__txn_model(txn, &m, err);
    if (rc)
        return rc;
    if (*pos >= crm__model_count(m))
        return CRM_DONE;
    crm__field_out(crm__model_at(m, (*pos)++), out);
    return CRM_OK;
}

/* Length of a language tag without its last part: zh-Hans-CN, zh-Hans, zh. */
static size_t shorter(const char *lang, size_t n)
{
    while (n > 0 && lang[n - 1] != '-' && lang[n - 1] != '_')
        n--;
    return n ? n - 1 : 0;
}

static int same_language(const char *tag, const char *lang, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char c = lang[i] >= 'A' && lang[i] <= 'Z' ? (char)(lang[i] + 32) : lang[i];
        if (tag[i] != (c == '_' ? '-' : c))
            return 0;
    }
    return tag[n] == 0;
}

int crm_field_label(crm_txn *txn, const crm_field *field, const char *lang, const char **label,
                    crm_error *err)
{
    const crm__model *m;
    const crm__field *f;
    int rc = crm__txn_enter(txn, 0, err);

    if (rc)
        return rc;
    if (!field || !label)
        return crm__fail_field(err, CRM_EINVAL, field ? "label" : "field", "%s is NULL",
                               field ? "label" : "field");
    rc = crm__txn_model(txn, &m, err);
    if (rc)
        return rc;
    f = crm__model_number(m, field->number);
    if (!f)
        return crm__fail_field(err, CRM_EFIELD, field->key, "the model has no such field");
    *label = f->label_count ? f->labels[0].text : f->key;
    for (size_t n = lang ? strlen(lang) : 0; n; n = shorter(lang, n)) {
        for (uint32_t i = 0; i < f->label_count; i++) {
            if (same_language(f->labels[i].lang, lang, n)) {
                *label = f->labels[i].text;
                return CRM_OK;
            }
        }
    }
    return CRM_OK;
}
