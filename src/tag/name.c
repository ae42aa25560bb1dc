/* SPDX-License-Identifier: MIT
 * Names of tags: texts to canonical names and numbers, and back.
 */
#include "base/utf8.h"
#include "db/scan.h"
#include "tag/tag.h"

#include <string.h>

static int no_colon(crm_error *err)
{
    return crm__fail_field(err, CRM_EVALUE, "tag",
                           "a tag is \"<dimension>:<value>\", such as \"region:shanghai\"");
}

/* The dimension that a text names, and what is behind its colon. */
static int split(const crm__model *m, const crm__dimension *within, const char **text, size_t *n,
                 const crm__dimension **d, crm_error *err)
{
    const char *s = *text, *colon;
    size_t bytes, k;

    if (crm__utf8_valid(s, *n) != *n)
        return crm__fail_field(err, CRM_EVALUE, "tag", "a tag is not UTF-8");
    colon = crm__tag_colon(s, *n, &bytes);
    if (!colon && !within)
        return no_colon(err);
    *d = within;
    if (!colon)
        return CRM_OK;
    k = (size_t)(colon - s);
    *text = colon + bytes;
    *n -= k + bytes;
    crm__utf8_trim(&s, &k);
    if (!k)
        return no_colon(err);
    *d = crm__model_dimension_find(m, s, k);
    if (!*d)
        return crm__dimension_unknown(m, s, k, 1, err);
    if (within && *d != within)
        return crm__fail_field(err, CRM_EVALUE, "tag", "a tag of %s stands among those of %s",
                               (*d)->key, within->key);
    return CRM_OK;
}

int crm__tag_read(crm_txn *txn, const crm__model *m, const crm__dimension *within, const char *text,
                  size_t n, int give, crm__arena *a, crm__tag *out, crm_error *err)
{
    crm__buf name;
    int rc;

    memset(out, 0, sizeof *out);
    rc = split(m, within, &text, &n, &out->dimension, err);
    if (rc)
        return rc;
    crm__buf_init(&name, txn->mem);
    crm__buf_add_str(&name, out->dimension->key);
    crm__buf_add_u8(&name, ':');
    rc = crm__dimension_path(out->dimension, text, n, &name, err);
    if (!rc) {
        crm__buf_add_u8(&name, 0);
        out->name.n = name.n - 1;
        out->name.p = name.failed ? NULL : crm__arena_copy(a, name.p, name.n);
        if (!out->name.p)
            rc = crm__fail_nomem(err);
    }
    crm__buf_clear(&name);
    if (!rc && give) {
        rc = crm__dict_give(txn, CRM__DICT_TAG, (const char *)out->name.p, out->name.n,
                            &out->number, err);
    } else if (!rc) {
        rc = crm__dict_find(txn, CRM__DICT_TAG, (const char *)out->name.p, out->name.n,
                            &out->number);
        if (rc)
            crm__txn_fail(txn, rc, "can't read the dictionary", err);
    }
    return rc;
}

/* ---- numbers to names ---- */

static const crm__dimension *dimension_of(const crm__model *m, crm__slice name)
{
    const uint8_t *colon = memchr(name.p, ':', name.n);
    const crm__dimension *d;
    size_t n = colon ? (size_t)(colon - name.p) : 0;

    d = n ? crm__model_dimension_find(m, (const char *)name.p, n) : NULL;
    return d && strlen(d->key) == n && !memcmp(d->key, name.p, n) ? d : NULL;
}

static int keep(crm__arena *a, crm__slice *name)
{
    uint8_t *copy = crm__arena_alloc(a, name->n + 1);

    if (!copy)
        return CRM_ENOMEM;
    memcpy(copy, name->p, name->n);
    copy[name->n] = 0;
    name->p = copy;
    return CRM_OK;
}

int crm__tag_named(crm_txn *txn, const crm__model *m, uint32_t number, crm__arena *a, crm__tag *out)
{
    int rc = crm__dict_name(txn, CRM__DICT_TAG, number, &out->name);

    if (rc)
        return rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc;
    out->number = number;
    out->dimension = dimension_of(m, out->name);
    return keep(a, &out->name);
}

/* The tags whose names begin with what stands in the key behind its first two bytes. */
int crm__tag_each_named(crm_txn *txn, const crm__model *m, crm__slice prefix, crm__arena *a,
                        crm__buf *out)
{
    uint8_t key[CRM__DICT_NAME + 2];
    crm__slice first, k, payload;
    crm__scan s;
    int rc;

    if (prefix.n > CRM__DICT_NAME)
        return CRM_OK;
    key[0] = crm__dict_class_byte(CRM__DICT_TAG);
    key[1] = 0;
    if (prefix.n)
        memcpy(key + 2, prefix.p, prefix.n);
    first = crm__slice_of(key, prefix.n + 2);
    crm__scan_open(txn, KV_DICT, &s);
    rc = crm__scan_seek(&s, KV_GE, first, &k, &payload);
    while (!rc && k.n >= first.n && !memcmp(k.p, first.p, first.n)) {
        crm__tag tag;
        if (payload.n != 4) {
            rc = CRM_ECORRUPT;
            break;
        }
        tag.number = crm__get_le32(payload.p);
        tag.name = crm__slice_of(k.p + 2, k.n - 2);
        tag.dimension = dimension_of(m, tag.name);
        if (tag.dimension) {
            rc = keep(a, &tag.name);
            crm__buf_add(out, &tag, sizeof tag);
        }
        if (!rc && out->failed)
            rc = CRM_ENOMEM;
        if (!rc)
            rc = crm__scan_next(&s, &k, &payload);
    }
    crm__scan_close(&s);
    return rc == CRM_ENOTFOUND ? CRM_OK : rc;
}

int crm__tag_of_dimension(crm_txn *txn, const crm__model *m, const crm__dimension *d, crm__arena *a,
                          crm__buf *out)
{
    char prefix[CRM_FIELD_SIZE + 1];
    size_t n = strlen(d->key);

    memcpy(prefix, d->key, n);
    prefix[n] = ':';
    return crm__tag_each_named(txn, m, crm__slice_of(prefix, n + 1), a, out);
}

int crm__tag_below(crm_txn *txn, const crm__model *m, const crm__tag *tag, crm__arena *a,
                   crm__buf *out)
{
    uint8_t *prefix;

    if (tag->number)
        crm__buf_add(out, tag, sizeof *tag);
    if (!tag->dimension->hierarchical)
        return out->failed ? CRM_ENOMEM : CRM_OK;
    prefix = crm__arena_alloc(a, tag->name.n + 1);
    if (!prefix)
        return CRM_ENOMEM;
    memcpy(prefix, tag->name.p, tag->name.n);
    prefix[tag->name.n] = '/';
    return crm__tag_each_named(txn, m, crm__slice_of(prefix, tag->name.n + 1), a, out);
}
