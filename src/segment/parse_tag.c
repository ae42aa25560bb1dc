/* SPDX-License-Identifier: MIT
 * Tags: text to tree, and the names of tags, which the JSON form shares.
 */
#include "segment/parse.h"

#include "base/error.h"

#include <crm/codes.h>
#include <string.h>

int crm__build_tag(crm__build *b, const crm__operand *dimension, const crm__operand *path,
                   crm__tag_name *out)
{
    const char *p = (const char *)dimension->text.p, *near_name;
    crm__buf canonical;
    int rc;

    memset(out, 0, sizeof *out);
    out->dimension = crm__model_dimension_find(b->model, p, dimension->text.n);
    if (!out->dimension) {
        near_name = crm__model_dimension_near(b->model, p, dimension->text.n);
        if (near_name)
            return crm__build_fail(b, CRM_EFIELD, dimension->at,
                                   "no dimension of this name, did you mean \"%s\",", near_name);
        return crm__build_fail(b, CRM_EFIELD, dimension->at, "no dimension of this name");
    }
    if (!path)
        return CRM_OK;
    crm__buf_init(&canonical, b->tree->mem);
    rc = crm__dimension_path(out->dimension, (const char *)path->text.p, path->text.n, &canonical,
                             b->err);
    if (rc) {
        rc = crm__build_place(b, rc, path->at);
    } else {
        out->path.n = canonical.n;
        out->path.p = crm__build_copy(b, canonical.p, canonical.n);
        rc = out->path.p ? CRM_OK : crm__build_nomem(b);
    }
    crm__buf_clear(&canonical);
    return rc;
}

/* dimension:path or dimension:*, the separator being in force. */
static int read_tag(crm__parser *p)
{
    crm__operand dimension, path;
    crm__tag_name tag;
    int rc = crm__parse_name(p, "a tag such as region:shanghai", &dimension), any;

    if (!rc)
        rc = crm__parse_take(p, CRM__TOKEN_SEPARATOR, "\":\" and a value, or :* for any,");
    if (rc)
        return rc;
    any = crm__parse_is(p, CRM__TOKEN_STAR);
    rc = any ? crm__parse_next(p) : crm__parse_name(p, "a value or *", &path);
    if (!rc)
        rc = crm__build_tag(&p->b, &dimension, any ? NULL : &path, &tag);
    if (rc)
        return rc;
    crm__buf_add(&p->list, &tag, sizeof tag);
    return p->list.failed ? crm__build_nomem(&p->b) : CRM_OK;
}

static int read_match(crm__parser *p, uint8_t *match)
{
    switch (crm__parse_now(p)->word) {
    case CRM__WORD_ALL:
        *match = CRM__MATCH_ALL;
        return crm__parse_next(p);
    case CRM__WORD_NONE:
        *match = CRM__MATCH_NONE;
        return crm__parse_next(p);
    case CRM__WORD_ANY:
        *match = CRM__MATCH_ANY;
        return crm__parse_next(p);
    default:
        *match = CRM__MATCH_ANY;
        return CRM_OK;
    }
}

static int read_list(crm__parser *p)
{
    int rc;

    p->lex.separator = ':';
    rc = crm__parse_take(p, CRM__TOKEN_OPEN, "\"(\"");
    if (!rc)
        rc = read_tag(p);
    while (!rc && crm__parse_is(p, CRM__TOKEN_COMMA)) {
        rc = crm__parse_next(p);
        if (!rc)
            rc = read_tag(p);
    }
    p->lex.separator = 0;
    return rc ? rc
              : crm__parse_take(p, CRM__TOKEN_CLOSE,
                                "a comma or \")\" (a value with spaces stands in quotes)");
}

int crm__parse_tags(crm__parser *p, const crm__node **out)
{
    size_t base = p->list.n, at = crm__parse_now(p)->at, n;
    crm__node *node = crm__build_node(&p->b, CRM__NODE_TAG, at, at);
    int rc;

    if (!node)
        return p->b.nodes == CRM__SEGMENT_NODES ? CRM_ESYNTAX : CRM_ENOMEM;
    *out = node;
    rc = crm__parse_next(p);
    if (!rc)
        rc = read_match(p, &node->match);
    if (!rc)
        rc = read_list(p);
    if (rc)
        return rc;
    n = (p->list.n - base) / sizeof(crm__tag_name);
    if (n > CRM__SEGMENT_LIST)
        return crm__build_fail(&p->b, CRM_ESYNTAX, at, "a list of more than %d tags",
                               (int)CRM__SEGMENT_LIST);
    node->tags = crm__build_copy(&p->b, p->list.p + base, n * sizeof(crm__tag_name));
    node->tag_count = (uint32_t)n;
    node->length = (uint32_t)(p->lex.done - at);
    p->list.n = base;
    return node->tags ? CRM_OK : crm__build_nomem(&p->b);
}
