/* SPDX-License-Identifier: MIT
 * The member "tags" of a customer's document: checked with the document, given and taken once the
 * customer is stored, written in order of dimensions and values.
 *
 *   "tags": ["region:cn", {"tag": "mood:happy", "until": "2027-01-01", "reason": "..."}]
 *   "tags": {"add": [...], "remove": ["region:us"]}
 * A list adds: tags that are not in it stay.
 */
#include "base/time.h"
#include "customer/customer.h"
#include "tag/tag.h"

#include <string.h>

static int fault(const char *what, crm_error *err)
{
    return crm__fail_field(err, CRM_EVALUE, "tags", "tags: %s", what);
}

/* One tag to be given: its text, its end and its reason. */
static int read_item(const crm__json *item, const crm__zone *zone, crm__slice *text,
                     crm__tag_how *how, crm_error *err)
{
    const crm__json *v, *part;
    const void *at = NULL;
    const char *key;

    memset(how, 0, sizeof *how);
    *text = crm__slice_of(NULL, 0);
    if (crm__json_kind(item) == CRM__JSON_STRING) {
        *text = crm__json_text(item);
        return CRM_OK;
    }
    if (crm__json_kind(item) != CRM__JSON_OBJECT)
        return fault("each is a text, or an object with \"tag\"", err);
    v = crm__json_member(item, "tag");
    if (crm__json_kind(v) != CRM__JSON_STRING)
        return fault("an object has a text \"tag\"", err);
    *text = crm__json_text(v);
    while (crm__json_next(item, &at, &key, &part)) {
        crm__slice s = crm__json_text(part);
        if (strcmp(key, "tag") == 0)
            continue;
        if (strcmp(key, "until") == 0 && crm__json_kind(part) == CRM__JSON_STRING) {
            if (crm__datetime_parse((const char *)s.p, s.n, zone, &how->until, NULL, NULL) ||
                !how->until)
                return fault("\"until\" is an instant, such as 2027-01-01T00:00:00Z", err);
        } else if (strcmp(key, "reason") == 0 && crm__json_kind(part) == CRM__JSON_STRING) {
            if (!crm__batch_name_ok((const char *)s.p, s.n))
                return fault("\"reason\" is one line of at most 200 bytes", err);
            how->reason = s;
        } else {
            return fault("an object has \"tag\", \"until\" and \"reason\"", err);
        }
    }
    return CRM_OK;
}

/* What is given and what is taken; NULL: nothing. */
static int split(const crm__json *v, const crm__json **add, const crm__json **remove,
                 crm_error *err)
{
    const crm__json *part;
    const void *at = NULL;
    const char *key;

    *add = *remove = NULL;
    if (crm__json_kind(v) == CRM__JSON_ARRAY) {
        *add = v;
        return CRM_OK;
    }
    if (crm__json_kind(v) != CRM__JSON_OBJECT)
        return fault("a list, or an object with \"add\" and \"remove\"", err);
    while (crm__json_next(v, &at, &key, &part)) {
        const crm__json **to = strcmp(key, "add") == 0      ? add
                               : strcmp(key, "remove") == 0 ? remove
                                                            : NULL;
        if (!to || crm__json_kind(part) != CRM__JSON_ARRAY)
            return fault("an object has lists \"add\" and \"remove\"", err);
        *to = part;
    }
    return CRM_OK;
}

static int check_item(crm_txn *txn, const crm_customer *c, const crm__json *item, int add,
                      crm_error *err)
{
    crm__tag_how how;
    crm__slice text;
    crm__tag tag;
    int rc = read_item(item, c->zone, &text, &how, err);

    if (!rc)
        rc = crm__tag_read(txn, c->model, NULL, (const char *)text.p, text.n, 0, &txn->work, &tag,
                           err);
    if (!rc && add && how.until && !tag.dimension->expires)
        rc = crm__fail_field(err, CRM_EVALUE, tag.dimension->key,
                             "tag of %s: has no end, the model says", tag.dimension->key);
    return rc;
}

int crm__document_tags(crm_txn *txn, const crm_customer *c, const crm__json *v,
                       crm__customer_faults *faults)
{
    const crm__json *lists[2];
    int rc = crm__customer_fault(faults, split(v, &lists[0], &lists[1], faults->err));

    for (int i = 0; i < 2 && !rc; i++) {
        size_t n = lists[i] ? crm__json_count(lists[i]) : 0;
        for (size_t k = 0; k < n && !rc; k++)
            rc = crm__customer_fault(
                faults, check_item(txn, c, crm__json_item(lists[i], k), !i, faults->err));
    }
    return rc;
}

static int change(crm_txn *txn, const crm__model *m, crm_id id, const crm_customer *c,
                  const crm__json *item, int on, crm__buf *given, crm__tagging *t, crm_error *err)
{
    crm__slice text;
    crm__tag tag;
    int rc = read_item(item, c->zone, &text, &t->how, err);

    t->how.origin = txn->tag_origin;
    t->grouped = 0;
    if (!rc)
        rc = crm__tag_read(txn, m, NULL, (const char *)text.p, text.n, on, &txn->work, &tag, err);
    if (rc || !tag.number)
        return rc;
    if (on && given)
        return crm__tag_give_new(t, &tag, id, given);
    return on ? crm__tag_give(t, m, &tag, id)
              : crm__tag_row(t, tag.number, tag.dimension->expires, id, 0);
}

int crm__customer_add_tags(crm_txn *txn, const crm__model *m, crm_id id, const crm_customer *c,
                           int created, crm_error *err)
{
    const crm__json *lists[2];
    crm__buf given;
    int rc = c->tags ? split(c->tags, &lists[0], &lists[1], err) : CRM_DONE;

    if (rc)
        return rc == CRM_DONE ? CRM_OK : rc;
    crm__buf_init(&given, txn->mem);
    /* Each tag is an entry of its own outside of a batch: each may be given in a way of its own. */
    for (int i = 1; i >= 0 && !rc; i--) {
        size_t n = lists[i] ? crm__json_count(lists[i]) : 0;
        for (size_t k = 0; k < n && !rc; k++) {
            crm__tagging t;
            crm__tagging_begin(txn, id, NULL, &t, err);
            rc = change(txn, m, id, c, crm__json_item(lists[i], k), !i, created ? &given : NULL, &t,
                        err);
            if (!rc)
                rc = crm__tagging_end(&t);
            crm__buf_clear(&t.tags);
        }
    }
    crm__buf_clear(&given);
    return rc;
}

void crm__customer_put_tag(crm__buf *out, crm__slice tag, int64_t until)
{
    char text[40];
    size_t k = until ? crm__datetime_format(until, text) : 0;

    crm__buf_add_str(out, k ? "{\"tag\":" : "");
    crm__json_string(out, (const char *)tag.p, tag.n);
    if (k) {
        crm__buf_add_str(out, ",\"until\":");
        crm__json_string(out, text, k);
        crm__buf_add_u8(out, '}');
    }
}

int crm__customer_write_tags(crm_txn *txn, const crm_customer *c, crm__buf *out, crm_error *err)
{
    crm_tag tag = CRM_TAG_INIT;
    crm_tag_iter *it;
    int rc = crm_tag_list(txn, c->id, CRM_TAG_BRIEF, &it, err), n = 0;

    if (rc)
        return rc;
    crm__buf_add_u8(out, '[');
    while ((rc = crm_tag_next(it, &tag, err)) == CRM_OK) {
        crm__buf_add_str(out, n++ ? "," : "");
        crm__customer_put_tag(out, crm__slice_of((const uint8_t *)tag.tag, strlen(tag.tag)),
                              tag.until_us);
    }
    crm__buf_add_u8(out, ']');
    crm_tag_list_close(it);
    return rc == CRM_DONE ? CRM_OK : rc;
}
