/* SPDX-License-Identifier: MIT
 * Segments of a model: named queries, which are read with the names of the model itself, so that a
 * document with a query that can't be answered is none.
 */
#include "base/error.h"
#include "base/utf8.h"
#include "model/load.h"

#include <stdio.h>
#include <string.h>

enum { MOST = 256, NAME_BYTES = 100, QUERY_BYTES = 65536 };

size_t crm__model_segment_count(const crm__model *m)
{
    return m->segment_count;
}

const crm__model_segment *crm__model_segment_at(const crm__model *m, size_t i)
{
    return i < m->segment_count ? &m->segments[i] : NULL;
}

const crm__model_segment *crm__model_segment_find(const crm__model *m, const char *name, size_t n)
{
    return crm__model_segment_at(m, crm__names_find(&m->segment_names, name, n));
}

const char *crm__model_segment_near(const crm__model *m, const char *name, size_t n)
{
    return crm__names_near(&m->segment_names, name, n);
}

/* ---- reading ---- */

static void read_query(crm__draft *d, const crm__node *node, const char *of, crm__model_segment *s)
{
    const char *text = crm__node_text(d, node, "query", of);

    if (!text)
        return;
    if (node->n > QUERY_BYTES)
        crm__fault(&d->load, node, "%s: the query has more than %d bytes", of, (int)QUERY_BYTES);
    s->query = crm__keep(d, text, node->n);
    s->n = node->n;
}

/* The node of its query: its own, or that of the member `query`; NULL: none. */
static const crm__node *query_of(const crm__node *node)
{
    if (node->kind != CRM__NODE_MAP)
        return node;
    for (const crm__node *part = node->first; part; part = part->next) {
        if (!strcmp(part->key->text, "query"))
            return part;
    }
    return NULL;
}

static void read_one(crm__draft *d, const crm__node *node, uint32_t i, crm__buf *entries)
{
    static const char *const KEYS[] = {"label", "query"};
    crm__model_segment *s = &d->m->segments[i];
    char of[128], hint[CRM_MESSAGE_SIZE];
    const crm__node *query = query_of(node);

    snprintf(of, sizeof of, "segment \"%s\"", crm__node_word(node->key).s);
    if (!node->key->n || node->key->n > NAME_BYTES ||
        crm__utf8_has_control(node->key->text, node->key->n))
        crm__fault(&d->load, node->key, "%s: a name is 1 to %d bytes without control characters",
                   of, (int)NAME_BYTES);
    s->key = crm__keep(d, node->key->text, node->key->n);
    if (!s->key)
        return;
    crm__entry_add(d, entries, node->key, s->key, node->key->n, i, 1); /* names outlive nodes */
    for (const crm__node *part = node->kind == CRM__NODE_MAP ? node->first : NULL; part;
         part = part->next) {
        if (!strcmp(part->key->text, KEYS[0])) {
            crm__labels_read(d, part, of, i, entries, &s->labels, &s->label_count);
        } else if (strcmp(part->key->text, KEYS[1])) {
            crm__hint(hint, part->key, KEYS, 2);
            crm__fault(&d->load, part->key, "%s: unknown key \"%s\", %s", of,
                       crm__node_word(part->key).s, hint);
        }
    }
    if (query)
        read_query(d, query, of, s);
    else
        crm__fault(&d->load, node, "%s: key \"query\" is missing", of);
}

void crm__segments_read(crm__draft *d, const crm__node *node)
{
    crm__buf entries;
    uint32_t i = 0;

    if (!node || node->kind == CRM__NODE_BAD)
        return;
    if (node->kind != CRM__NODE_MAP) {
        crm__fault(&d->load, node,
                   "segments: expected a map from names to queries, such as "
                   "vip: score >= 800");
        return;
    }
    if (node->n > MOST) {
        crm__fault(&d->load, node, "more than %d segments", (int)MOST);
        return;
    }
    d->m->segments = crm__keep_array(d, node->n, sizeof *d->m->segments);
    crm__buf_init(&entries, d->load.mem);
    for (const crm__node *one = node->first; one && !d->load.nomem; one = one->next)
        read_one(d, one, i++, &entries);
    d->m->segment_count = i;
    crm__space_build(d, &entries, NULL, &d->m->segment_names);
    crm__buf_clear(&entries);
}

/* ---- judging ---- */

typedef struct judging {
    crm__draft *d;
    uint64_t to[MOST][MOST / 64]; /* those that each refers to, in the end by whatever way */
    size_t at;
} judging;

static int on_name(void *ctx, const char *name, size_t n)
{
    judging *j = ctx;
    const crm__model_segment *s = crm__model_segment_find(j->d->m, name, n);

    if (s) {
        size_t i = (size_t)(s - j->d->m->segments);
        j->to[j->at][i / 64] |= UINT64_C(1) << i % 64;
    }
    return CRM_OK;
}

/* The line of a document, from 1 on. */
static const char *line_at(const char *yaml, size_t n, int32_t line, const char **end)
{
    const char *stop = yaml + n, *p = yaml;

    for (; line > 1 && p < stop; line--) {
        const char *next = memchr(p, '\n', (size_t)(stop - p));
        p = next ? next + 1 : stop;
    }
    *end = memchr(p, '\n', (size_t)(stop - p));
    *end = *end ? *end : stop;
    return p;
}

static int32_t characters(const char *s, size_t n)
{
    int32_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += ((uint8_t)s[i] & 0xc0) != 0x80;
    return count;
}

/* Where a byte of a query stands in the document, as near as the form of the text allows. */
static void place_of(const crm__node *node, size_t offset, const char *yaml, size_t n,
                     int32_t *line, int32_t *column)
{
    const char *end, *p = line_at(yaml, n, node->line, &end), *start = node->text;
    int32_t skip = node->column - 1;

    *line = node->line;
    *column = node->column;
    while (skip > 0 && p < end) {
        for (p++; p < end && ((uint8_t)*p & 0xc0) == 0x80;)
            p++;
        skip--;
    }
    if (node->plain || (p < end && (*p == '"' || *p == '\''))) {
        *column += characters(start, offset) + !node->plain;
        return;
    }
    if (p == end || *p != '|')
        return;
    for (const char *q = start; q < node->text + offset; q++) {
        if (*q == '\n') {
            (*line)++;
            start = q + 1;
        }
    }
    (*line)++;
    p = line_at(yaml, n, *line, &end);
    for (*column = 1; p < end && *p == ' '; p++)
        (*column)++;
    *column += characters(start, (size_t)(node->text + offset - start));
}

static void judge_one(judging *j, const crm__node *node, const char *yaml, size_t n)
{
    const crm__model_segment *s = &j->d->m->segments[j->at];
    const crm__node *query = query_of(node);
    crm_error err = CRM_ERROR_INIT;
    int32_t line, column;
    int rc = crm__segment_judge(j->d->m, s->query, s->n, on_name, j, &err);

    if (rc == CRM_ENOMEM)
        j->d->load.nomem = 1;
    if (!rc || rc == CRM_ENOMEM)
        return;
    place_of(query, err.offset > 0 && (size_t)err.offset <= s->n ? (size_t)err.offset : 0, yaml, n,
             &line, &column);
    crm__fault_at(&j->d->load, line, column, "segment \"%s\": %s", crm__node_word(node->key).s,
                  err.message);
}

/* Those that contain themselves, by whatever way. */
static void judge_circles(judging *j, const crm__node *map)
{
    size_t count = j->d->m->segment_count, i = 0;

    for (size_t via = 0; via < count; via++) {
        for (size_t a = 0; a < count; a++) {
            if (!(j->to[a][via / 64] >> via % 64 & 1))
                continue;
            for (size_t w = 0; w < MOST / 64; w++)
                j->to[a][w] |= j->to[via][w];
        }
    }
    for (const crm__node *one = map->first; one; one = one->next, i++) {
        if (j->to[i][i / 64] >> i % 64 & 1)
            crm__fault(&j->d->load, query_of(one), "segment \"%s\" contains itself",
                       crm__node_word(one->key).s);
    }
}

void crm__segments_judge(crm__draft *d, const crm__node *map, const char *yaml, size_t n)
{
    judging *j;

    if (!d->m->segment_count)
        return;
    j = crm__calloc(d->load.mem, 1, sizeof *j);
    if (!j) {
        d->load.nomem = 1;
        return;
    }
    j->d = d;
    for (const crm__node *one = map->first; one && !d->load.nomem; one = one->next, j->at++)
        judge_one(j, one, yaml, n);
    if (!d->load.fault_count && !d->load.nomem)
        judge_circles(j, map);
    crm__release(d->load.mem, j);
}
