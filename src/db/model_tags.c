/* SPDX-License-Identifier: MIT
 * What a change of the model's dimensions means for the tags that customers have: how many of them
 * go out of view, or would not be given any more.
 */
#include "db/model.h"
#include "db/tagged.h"

#include <string.h>

/* The value of a tag that is one of a dimension; NULL: it is of another. */
static const char *path_of(const crm__dimension *d, crm__slice name, size_t *n)
{
    size_t k = strlen(d->key);

    if (name.n <= k + 1 || memcmp(name.p, d->key, k) != 0 || name.p[k] != ':')
        return NULL;
    *n = name.n - k - 1;
    return (const char *)name.p + k + 1;
}

/* Rows of a set whose tag has an end. */
static int count_ends(crm_txn *txn, uint64_t chunk, uint32_t tag, const uint64_t *words,
                      uint64_t *count)
{
    uint64_t some[CRM__SET_WORDS];
    int rc;

    memcpy(some, words, sizeof some);
    rc = crm__tag_ends_with(txn, chunk, tag, some);
    if (!rc)
        *count += crm__set_count(some);
    return rc;
}

/* Customers with more than one, as their tags are met: those seen once, and twice. */
static uint64_t count_several(crm__tag_several *s, uint32_t chunk, const uint64_t *words)
{
    uint64_t n = 0;

    if (!s->begun || s->chunk != chunk)
        memset(s, 0, sizeof *s);
    s->begun = 1;
    s->chunk = chunk;
    for (int i = 0; i < CRM__SET_WORDS; i++) {
        uint64_t again = words[i] & s->once[i] & ~s->twice[i];
        n += (uint64_t)__builtin_popcountll(again);
        s->twice[i] |= again;
        s->once[i] |= words[i];
    }
    return n;
}

int crm__tag_loss(crm_txn *txn, const crm__change *c, crm__tag_several *several, crm__slice name,
                  uint32_t chunk, uint32_t tag, const uint64_t *words, uint64_t *count)
{
    const crm__dimension *d = c->dimension_before ? c->dimension_before : c->dimension_after;
    const char *path;
    size_t n, k;

    if (!c->scan || !d || !(path = path_of(d, name, &n)))
        return CRM_OK;
    switch (c->what) {
    case CRM__CHANGE_DIMENSION_REMOVED:
        break;
    case CRM__CHANGE_DIMENSION_ONE:
        *count += count_several(several, chunk, words);
        return CRM_OK;
    case CRM__CHANGE_DIMENSION_FLAT:
        if (!memchr(path, '/', n))
            return CRM_OK;
        break;
    case CRM__CHANGE_DIMENSION_CLOSED:
        if (crm__dimension_declares(c->dimension_after, path, n))
            return CRM_OK;
        break;
    case CRM__CHANGE_DIMENSION_LASTING:
        return count_ends(txn, chunk, tag, words, count);
    case CRM__CHANGE_TAG_REMOVED:
        k = strlen(c->tag->path);
        if (n != k || memcmp(path, c->tag->path, n) != 0)
            return CRM_OK;
        break;
    default:
        return CRM_OK;
    }
    *count += crm__set_count(words);
    return CRM_OK;
}

int crm__each_tag(crm_txn *txn, crm__tag_set_fn fn, void *ctx, crm_error *err)
{
    uint8_t key[CRM__KEY_TAG] = {0};
    int rc = CRM_OK;

    for (int past = 0; !rc; past = 1) {
        uint64_t words[CRM__SET_WORDS] = {0};
        crm__slice name;
        rc = crm__tag_near(txn, KV_TAG, crm__slice_of(key, sizeof key), 0, past, key, sizeof key);
        if (!rc)
            rc = crm__txn_set(txn, KV_TAG, crm__slice_of(key, sizeof key), words);
        if (!rc && (rc = crm__dict_name(txn, CRM__DICT_TAG, crm__get_be32(key + 4), &name)) != 0)
            rc = rc == CRM_ENOTFOUND ? CRM_ECORRUPT : rc;
        if (!rc)
            rc = fn(ctx, name, crm__get_be32(key), crm__get_be32(key + 4), words);
        if (rc == CRM_ENOTFOUND)
            return CRM_OK;
    }
    return crm__txn_fail(txn, rc, "can't read the tags", err);
}
