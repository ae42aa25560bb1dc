/* SPDX-License-Identifier: MIT
 * YAML text to a tree of nodes through libyaml's events: the only user of libyaml.  The text is
 * looked through first, so that libyaml sees nothing but characters it accepts, and its line
 * numbers are those of an editor.  Aliases are refused: ten lines of them can stand for 10^9 nodes.
 */
#include "model/tree.h"

#include "base/utf8.h"

#include <string.h>
#include <yaml.h>

/* ---- characters ---- */

/* NULL: may stand in a model. */
static const char *forbidden(uint32_t c)
{
    if (c == 0)
        return "a NUL byte";
    if (c == 0x85 || c == 0x2028 || c == 0x2029)
        return "a line separator other than newline";
    if (c < 0x20 && c != '\n' && c != '\r' && c != '\t')
        return "a control character";
    if (c >= 0x7f && c < 0xa0)
        return "a control character";
    if (c == 0xfffe || c == 0xffff)
        return "a code point that is no character";
    return NULL;
}

/* 1 when libyaml may read the text. */
static int look_through(crm__load *l, const char *s, size_t n)
{
    size_t good = crm__utf8_valid(s, n);
    const char *p = s, *end = s + good;
    int32_t line = 1, column = 1;
    int fine = 1;

    while (p < end) {
        uint32_t c = crm__utf8_next(&p, end);
        const char *what = forbidden(c);
        if (what) {
            crm__fault_at(l, line, column, "%s (U+%04X) may not stand in a %s", what,
                          (unsigned)c, l->what);
            fine = 0;
        }
        if (c == '\n' || (c == '\r' && !(p < end && *p == '\n'))) {
            line++;
            column = 1;
        } else {
            column++;
        }
    }
    if (good == n)
        return fine;
    crm__fault_at(l, line, column, "the document is not UTF-8: faulty byte 0x%02X",
                  (unsigned)(unsigned char)s[good]);
    return 0;
}

/* ---- nodes ---- */

typedef struct frame {
    crm__node *node, *last;
    crm__node *key; /* of a map: waits for its value */
} frame;

typedef struct builder {
    crm__load *l;
    crm__node *root;
    frame stack[CRM__TREE_DEPTH];
    int depth;
    int documents;
    int stop;
} builder;

static crm__node *new_node(crm__load *l, unsigned kind, yaml_mark_t at)
{
    crm__node *node = crm__arena_alloc(&l->nodes, sizeof *node);

    if (!node) {
        l->nomem = 1;
        return NULL;
    }
    memset(node, 0, sizeof *node);
    node->kind = (uint8_t)kind;
    node->line = (int32_t)at.line + 1;
    node->column = (int32_t)at.column + 1;
    node->text = "";
    return node;
}

/* Puts a node where it stands: root, item of a list, key or value of a map. */
static void attach(builder *b, crm__node *node)
{
    frame *f;

    if (!b->depth) {
        b->root = node;
        return;
    }
    f = &b->stack[b->depth - 1];
    if (f->node->kind == CRM__NODE_MAP && !f->key) {
        f->key = node;
        if (node->kind != CRM__NODE_TEXT && node->kind != CRM__NODE_BAD)
            crm__fault(b->l, node, "a key must be text");
        return;
    }
    if (f->node->kind == CRM__NODE_MAP) {
        node->key = f->key;
        f->key = NULL;
        if (node->key->kind != CRM__NODE_TEXT)
            return;
    }
    if (f->last)
        f->last->next = node;
    else
        f->node->first = node;
    f->last = node;
    f->node->n++;
}

static int same_key(const crm__node *a, const crm__node *b)
{
    return a->key->n == b->key->n && !memcmp(a->key->text, b->key->text, a->key->n);
}

static uint32_t key_hash(const crm__node *node)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < node->key->n; i++)
        h = (h ^ (unsigned char)node->key->text[i]) * 16777619u;
    return h ^ h >> 15;
}

/* Drops the later ones of equal keys, each with a fault. */
static void refuse_duplicates(crm__load *l, crm__node *map)
{
    size_t cap = 8;
    const crm__node **set;
    crm__node **link = &map->first;

    while (cap < map->n * 2)
        cap *= 2;
    set = crm__arena_alloc(&l->nodes, cap * sizeof *set);
    if (!set) {
        l->nomem = 1;
        return;
    }
    memset(set, 0, cap * sizeof *set);
    while (*link) {
        crm__node *node = *link;
        size_t i = key_hash(node) & (cap - 1);
        while (set[i] && !same_key(set[i], node))
            i = (i + 1) & (cap - 1);
        if (set[i]) {
            crm__fault(l, node->key, "key \"%s\" stands twice here, first on line %d",
                       crm__node_word(node->key).s, (int)set[i]->key->line);
            *link = node->next;
            map->n--;
        } else {
            set[i] = node;
            link = &node->next;
        }
    }
}

/* ---- events ---- */

/* The kind to go on with: BAD when an anchor or tag makes the node unusable. */
static unsigned decorated(builder *b, unsigned kind, const yaml_event_t *e,
                          const yaml_char_t *anchor, const yaml_char_t *tag)
{
    int32_t line = (int32_t)e->start_mark.line + 1, column = (int32_t)e->start_mark.column + 1;

    if (anchor)
        crm__fault_at(b->l, line, column, "anchors (&) are not used in a %s: write it out",
                      b->l->what);
    if (tag)
        crm__fault_at(b->l, line, column, "tags (!) are not used in a %s: leave it out",
                      b->l->what);
    return tag && kind == CRM__NODE_TEXT ? CRM__NODE_BAD : kind;
}

static void open_container(builder *b, unsigned kind, const yaml_event_t *e)
{
    crm__node *node;

    if (b->depth == CRM__TREE_DEPTH) {
        crm__fault_at(b->l, (int32_t)e->start_mark.line + 1, (int32_t)e->start_mark.column + 1,
                      "nested deeper than %d levels", (int)CRM__TREE_DEPTH);
        b->stop = 1;
        return;
    }
    node = new_node(b->l, kind, e->start_mark);
    if (!node)
        return;
    attach(b, node);
    memset(&b->stack[b->depth], 0, sizeof b->stack[0]);
    b->stack[b->depth++].node = node;
}

static void close_container(builder *b)
{
    crm__node *node = b->stack[--b->depth].node;

    if (node->kind == CRM__NODE_MAP && node->n > 1)
        refuse_duplicates(b->l, node);
}

static void add_scalar(builder *b, const yaml_event_t *e)
{
    unsigned kind = decorated(b, CRM__NODE_TEXT, e, e->data.scalar.anchor, e->data.scalar.tag);
    crm__node *node = new_node(b->l, kind, e->start_mark);
    char *text;

    if (!node)
        return;
    text = crm__arena_alloc(&b->l->nodes, e->data.scalar.length + 1);
    if (!text) {
        b->l->nomem = 1;
        return;
    }
    memcpy(text, e->data.scalar.value, e->data.scalar.length);
    text[e->data.scalar.length] = 0;
    node->text = text;
    node->n = e->data.scalar.length;
    node->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    /* The escape "\0" in quotes brings back what look_through() kept out; other control characters
     * are refused where the text is used. */
    if (memchr(text, 0, node->n)) {
        crm__fault(b->l, node, "a NUL character may not stand in a %s", b->l->what);
        node->kind = CRM__NODE_BAD;
    }
    attach(b, node);
}

static void take_event(builder *b, const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (b->documents++) {
            crm__fault_at(b->l, (int32_t)e->start_mark.line + 1, (int32_t)e->start_mark.column + 1,
                          "a second document begins here: a %s is one document", b->l->what);
            b->stop = 1;
        }
        break;
    case YAML_ALIAS_EVENT: {
        crm__node *node = new_node(b->l, CRM__NODE_BAD, e->start_mark);
        crm__fault_at(b->l, (int32_t)e->start_mark.line + 1, (int32_t)e->start_mark.column + 1,
                      "aliases (*) are not used in a %s: write it out", b->l->what);
        if (node)
            attach(b, node);
        break;
    }
    case YAML_SCALAR_EVENT:
        add_scalar(b, e);
        break;
    case YAML_SEQUENCE_START_EVENT:
        decorated(b, CRM__NODE_LIST, e, e->data.sequence_start.anchor, e->data.sequence_start.tag);
        open_container(b, CRM__NODE_LIST, e);
        break;
    case YAML_MAPPING_START_EVENT:
        decorated(b, CRM__NODE_MAP, e, e->data.mapping_start.anchor, e->data.mapping_start.tag);
        open_container(b, CRM__NODE_MAP, e);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        close_container(b);
        break;
    default:
        break;
    }
}

static void syntax_fault(crm__load *l, const yaml_parser_t *y)
{
    int32_t line = (int32_t)y->problem_mark.line + 1, column = (int32_t)y->problem_mark.column + 1;
    const char *problem = y->problem ? y->problem : "it cannot be read";

    if (y->error == YAML_MEMORY_ERROR)
        l->nomem = 1;
    else if (y->error == YAML_READER_ERROR)
        crm__fault_at(l, 1, 1, "not YAML: %s", problem);
    else if (y->context)
        crm__fault_at(l, line, column, "not YAML: %s (%s, from line %d)", problem, y->context,
                      (int)y->context_mark.line + 1);
    else
        crm__fault_at(l, line, column, "not YAML: %s", problem);
}

/* 1 when the whole stream was read. */
static int read_events(builder *b, yaml_parser_t *y)
{
    yaml_event_t e;
    int type;

    do {
        if (!yaml_parser_parse(y, &e)) {
            syntax_fault(b->l, y);
            return 0;
        }
        type = (int)e.type;
        take_event(b, &e);
        yaml_event_delete(&e);
        if (b->stop || b->l->nomem)
            return 0;
    } while (type != YAML_STREAM_END_EVENT && type != YAML_NO_EVENT);
    return 1;
}

static const char *begins(const crm__load *l)
{
    return strcmp(l->what, "model") ? "it has a key and a colon on a line"
                                    : "it begins with \"crm: 1\"";
}

crm__node *crm__tree_read(crm__load *l, const char *yaml, size_t n)
{
    builder b = {0};
    yaml_parser_t y;
    int whole;

    b.l = l;
    if (n > CRM__MODEL_BYTES) {
        crm__fault_at(l, 1, 1, "the document has %zu bytes; a %s has at most %d", n,
                      l->what, (int)CRM__MODEL_BYTES);
        return NULL;
    }
    if (n >= 3 && !memcmp(yaml, "\xef\xbb\xbf", 3)) {
        yaml += 3;
        n -= 3;
    }
    if (!look_through(l, yaml, n))
        return NULL;
    if (!yaml_parser_initialize(&y)) {
        l->nomem = 1;
        return NULL;
    }
    yaml_parser_set_encoding(&y, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&y, (const unsigned char *)yaml, n);
    whole = read_events(&b, &y);
    yaml_parser_delete(&y);
    if (!whole)
        return NULL;
    if (!b.root || (b.root->kind == CRM__NODE_TEXT && b.root->plain && !b.root->n)) {
        crm__fault_at(l, 1, 1, "the document is empty; %s", begins(l));
        return NULL;
    }
    if (b.root->kind != CRM__NODE_MAP) {
        if (b.root->kind != CRM__NODE_BAD)
            crm__fault(l, b.root, "a %s is a map of keys; %s", l->what, begins(l));
        return NULL;
    }
    return b.root;
}
