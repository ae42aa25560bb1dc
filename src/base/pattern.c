/* SPDX-License-Identifier: MIT
 * Regular expressions by simulation of the set of states (Thompson, Pike).  The compiler writes the
 * program while it parses: jumps are relative, so a repeated part is copied or moved as it stands.
 */
#include "base/pattern.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <crm/codes.h>
#include <string.h>

enum {
    PROGRAM_MAX = 2048, /* instructions, the final MATCH among them */
    RANGES_MAX = 4096,
    CLASSES_MAX = PROGRAM_MAX,
    DEPTH_MAX = 64,
    COUNT_MAX = 255,
    CHAR_MAX_CODE = 0x10ffff
};

enum op { OP_CHAR, OP_ANY, OP_CLASS, OP_SPLIT, OP_JUMP, OP_MATCH };

/* SPLIT goes to the next instruction and to pc + jump, JUMP to pc + jump. */
typedef struct insn {
    uint16_t op;
    int16_t jump;
    uint32_t arg; /* character of CHAR, number of CLASS */
} insn;

typedef struct range {
    uint32_t from, to;
} range;

typedef struct class
{
    uint64_t ascii[2]; /* answer for characters below 128 */
    uint32_t first, count;
    uint32_t negated;
} class;

struct crm__pattern {
    const crm_allocator *mem;
    crm_allocator mem_copy;
    size_t n;
    const class *classes;
    const range *ranges;
    insn code[]; /* n, then the classes and ranges */
};

/* The classes stand behind the program in one allocation. */
_Static_assert(sizeof(insn) % _Alignof(class) == 0, "classes follow instructions");
_Static_assert(offsetof(struct crm__pattern, code) % _Alignof(class) == 0, "as above");
_Static_assert(sizeof(class) % _Alignof(range) == 0, "ranges follow classes");

/* ---- compiler ---- */

typedef struct compiler {
    const char *start, *p, *end;
    const char *why, *fault;
    int rc;
    crm__buf code, classes, ranges;
    unsigned depth;
} compiler;

static int fail(compiler *c, const char *at, const char *why)
{
    if (!c->rc) {
        c->rc = CRM_EVALUE;
        c->why = why;
        c->fault = at;
    }
    return c->rc;
}

static int fail_nomem(compiler *c)
{
    fail(c, c->p, "out of memory");
    return c->rc = CRM_ENOMEM;
}

static size_t code_count(const compiler *c)
{
    return c->code.n / sizeof(insn);
}

static insn *code_at(const compiler *c, size_t i)
{
    return (insn *)(void *)c->code.p + i;
}

/* Room for `add` more instructions and MATCH. */
static int code_room(compiler *c, size_t add)
{
    if (add >= PROGRAM_MAX - code_count(c))
        return fail(c, c->p, "pattern is too large");
    if (!crm__buf_reserve(&c->code, add * sizeof(insn)))
        return fail_nomem(c);
    return CRM_OK;
}

static int emit(compiler *c, enum op op, ptrdiff_t jump, uint32_t arg)
{
    insn i = {(uint16_t)op, (int16_t)jump, arg};

    if (code_room(c, 1))
        return c->rc;
    crm__buf_add(&c->code, &i, sizeof i);
    return CRM_OK;
}

/* A SPLIT in front of what stands from `at` on; jumps inside that part move with it. */
static int emit_split_before(compiler *c, size_t at, ptrdiff_t jump)
{
    insn split = {OP_SPLIT, (int16_t)jump, 0};
    size_t after = code_count(c) - at;

    if (code_room(c, 1))
        return c->rc;
    memmove(code_at(c, at + 1), code_at(c, at), after * sizeof(insn));
    *code_at(c, at) = split;
    c->code.n += sizeof(insn);
    return CRM_OK;
}

/* ---- characters ---- */

static const range DIGIT[] = {{'0', '9'}};
static const range NOT_DIGIT[] = {{0, '0' - 1}, {'9' + 1, CHAR_MAX_CODE}};
static const range WORD[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
static const range NOT_WORD[] = {
    {0, '0' - 1}, {'9' + 1, 'A' - 1}, {'Z' + 1, '_' - 1}, {'`', '`'}, {'z' + 1, CHAR_MAX_CODE}};
static const range SPACE[] = {{9, 13}, {' ', ' '}};
static const range NOT_SPACE[] = {{0, 8}, {14, ' ' - 1}, {' ' + 1, CHAR_MAX_CODE}};

static size_t named_class(uint32_t c, const range **r)
{
    switch (c) {
    case 'd':
        *r = DIGIT;
        return sizeof DIGIT / sizeof(range);
    case 'D':
        *r = NOT_DIGIT;
        return sizeof NOT_DIGIT / sizeof(range);
    case 'w':
        *r = WORD;
        return sizeof WORD / sizeof(range);
    case 'W':
        *r = NOT_WORD;
        return sizeof NOT_WORD / sizeof(range);
    case 's':
        *r = SPACE;
        return sizeof SPACE / sizeof(range);
    case 'S':
        *r = NOT_SPACE;
        return sizeof NOT_SPACE / sizeof(range);
    default:
        return 0;
    }
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* \xHH, \uHHHH, \u{H..H}, behind the letter. */
static int read_hex(compiler *c, size_t digits, uint32_t *v)
{
    static const char bad[] = "expected \\xHH, \\uHHHH or \\u{H}";
    const char *from = c->p;
    int braces = digits == 4 && c->p < c->end && *c->p == '{';
    size_t n = 0;

    c->p += braces;
    if (braces)
        digits = 6;
    for (*v = 0; n < digits && c->p < c->end && hex_value(*c->p) >= 0; n++)
        *v = *v << 4 | (uint32_t)hex_value(*c->p++);
    if (braces ? n == 0 || c->p == c->end || *c->p != '}' : n != digits)
        return fail(c, from, bad);
    c->p += braces;
    if (*v > CHAR_MAX_CODE || (*v >= 0xd800 && *v <= 0xdfff))
        return fail(c, from, "not a character");
    return CRM_OK;
}

/* Behind a backslash: one character in *v, or a class (*count > 0). */
static int read_escape(compiler *c, uint32_t *v, const range **r, size_t *count)
{
    const char *at = c->p;
    uint32_t ch;

    *count = 0;
    if (c->p == c->end)
        return fail(c, at, "expected a character after the backslash");
    ch = crm__utf8_next(&c->p, c->end);
    *count = named_class(ch, r);
    if (*count)
        return CRM_OK;
    switch (ch) {
    case 'n':
        *v = '\n';
        return CRM_OK;
    case 't':
        *v = '\t';
        return CRM_OK;
    case 'r':
        *v = '\r';
        return CRM_OK;
    case 'x':
        return read_hex(c, 2, v);
    case 'u':
        return read_hex(c, 4, v);
    default:
        break;
    }
    if ((ch >= '0' && ch <= '9') || (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z') ||
        ch >= 0x80 || ch < ' ')
        return fail(c, at, "unknown escape");
    *v = ch;
    return CRM_OK;
}

/* ---- classes ---- */

static int add_ranges(compiler *c, const range *r, size_t count)
{
    if (count > RANGES_MAX - c->ranges.n / sizeof(range))
        return fail(c, c->p, "pattern is too large");
    crm__buf_add(&c->ranges, r, count * sizeof *r);
    return c->ranges.failed ? fail_nomem(c) : CRM_OK;
}

/* r ascending and apart. */
static int in_ranges(const range *r, size_t n, uint32_t c)
{
    size_t low = 0;

    while (low < n) {
        size_t mid = low + (n - low) / 2;
        if (c < r[mid].from)
            n = mid;
        else if (c > r[mid].to)
            low = mid + 1;
        else
            return 1;
    }
    return 0;
}

/* Sorts ranges and joins those that meet; returns how many are left. */
static size_t join_ranges(range *r, size_t n)
{
    size_t k = 0;

    for (size_t i = 1; i < n; i++) {
        range v = r[i];
        size_t j = i;
        for (; j > 0 && r[j - 1].from > v.from; j--)
            r[j] = r[j - 1];
        r[j] = v;
    }
    for (size_t i = 1; i < n; i++) {
        if (r[i].from > r[k].to + 1)
            r[++k] = r[i];
        else if (r[i].to > r[k].to)
            r[k].to = r[i].to;
    }
    return n ? k + 1 : 0;
}

/* The ranges from `first` on become a class and an instruction. */
static int emit_class(compiler *c, size_t first, int negated)
{
    range *r = (range *)(void *)c->ranges.p + first;
    size_t number = c->classes.n / sizeof(class);
    class k = {{0, 0}, (uint32_t)first, 0, (uint32_t)negated};

    k.count = (uint32_t)join_ranges(r, c->ranges.n / sizeof(range) - first);
    c->ranges.n = (first + k.count) * sizeof(range);
    for (uint32_t i = 0; i < 128; i++) {
        if (in_ranges(r, k.count, i) != negated)
            k.ascii[i / 64] |= UINT64_C(1) << i % 64;
    }
    if (number == CLASSES_MAX)
        return fail(c, c->p, "pattern is too large");
    crm__buf_add(&c->classes, &k, sizeof k);
    if (c->classes.failed)
        return fail_nomem(c);
    return emit(c, OP_CLASS, 0, (uint32_t)number);
}

/* One member of [...]: a character in *v, or ranges already added (*is_class). */
static int read_member(compiler *c, uint32_t *v, int *is_class)
{
    const range *r;
    size_t count = 0;
    const char *at = c->p;

    *is_class = 0;
    *v = crm__utf8_next(&c->p, c->end);
    if (*v == '[' && c->p < c->end && (*c->p == ':' || *c->p == '.' || *c->p == '='))
        return fail(c, at, "named classes like [:alpha:] are not known");
    if (*v != '\\')
        return CRM_OK;
    if (read_escape(c, v, &r, &count))
        return c->rc;
    *is_class = count > 0;
    return count ? add_ranges(c, r, count) : CRM_OK;
}

/* One member or range of [...]. */
static int read_range(compiler *c)
{
    const char *at = c->p;
    range r;
    int is_class;

    if (read_member(c, &r.from, &is_class))
        return c->rc;
    r.to = r.from;
    if (c->end - c->p >= 2 && c->p[0] == '-' && c->p[1] != ']') {
        if (is_class)
            return fail(c, at, "a class cannot begin a range");
        c->p++;
        if (read_member(c, &r.to, &is_class))
            return c->rc;
        if (is_class)
            return fail(c, at, "a class cannot end a range");
        if (r.to < r.from)
            return fail(c, at, "range is backwards");
    }
    return is_class ? CRM_OK : add_ranges(c, &r, 1);
}

/* [...] behind the bracket.  A ] that comes first is a member. */
static int parse_class(compiler *c)
{
    const char *open = c->p - 1;
    size_t first = c->ranges.n / sizeof(range), members = 0;
    int negated = c->p < c->end && *c->p == '^';

    c->p += negated;
    for (; c->p < c->end && (*c->p != ']' || members == 0); members++) {
        if (read_range(c))
            return c->rc;
    }
    if (c->p == c->end)
        return fail(c, open, "expected ] for this [");
    c->p++;
    return emit_class(c, first, negated);
}

/* ---- repetition ---- */

/* {n}, {n,}, {n,m} behind the brace; *max is -1 without an upper bound. */
static int read_braces(compiler *c, int *min, int *max)
{
    static const char bad[] = "expected {n}, {n,} or {n,m}";
    const char *open = c->p - 1;
    int v[2] = {0, -1}, part = 0, digits = 0;

    for (; c->p < c->end && *c->p != '}'; c->p++) {
        if (*c->p == ',' && part == 0 && digits) {
            part = 1;
            digits = 0;
        } else if (*c->p >= '0' && *c->p <= '9') {
            v[part] = (v[part] < 0 ? 0 : v[part]) * 10 + (*c->p - '0');
            digits++;
            if (v[part] > COUNT_MAX)
                return fail(c, open, "repetition above 255");
        } else {
            return fail(c, open, bad);
        }
    }
    if (c->p == c->end || (part == 0 && !digits))
        return fail(c, open, bad);
    c->p++;
    *min = v[0];
    *max = part ? v[1] : v[0];
    if (*max >= 0 && *max < *min)
        return fail(c, open, "repetition is backwards");
    return CRM_OK;
}

/* Appends a copy of the `len` instructions at `at`. */
static int copy_code(compiler *c, size_t at, size_t len)
{
    if (code_room(c, len))
        return c->rc;
    memcpy(code_at(c, code_count(c)), code_at(c, at), len * sizeof(insn));
    c->code.n += len * sizeof(insn);
    return CRM_OK;
}

/* Star and plus of the code from `at` on. */
static int repeat_forever(compiler *c, size_t at, int at_least_one)
{
    ptrdiff_t len = (ptrdiff_t)(code_count(c) - at);

    if (at_least_one)
        return emit(c, OP_SPLIT, -len, 0);
    if (emit_split_before(c, at, len + 2))
        return c->rc;
    return emit(c, OP_JUMP, -(len + 1), 0);
}

/* The code from `at` on becomes min..max of itself (max -1: any number). */
static int repeat(compiler *c, size_t at, int min, int max)
{
    size_t len = code_count(c) - at, last = at;

    if (len == 0) /* nothing, any number of times */
        return CRM_OK;
    if (max == 0) {
        c->code.n = at * sizeof(insn);
        return CRM_OK;
    }
    for (int i = 1; i < min; i++) {
        last = code_count(c);
        if (copy_code(c, at, len))
            return c->rc;
    }
    if (max < 0)
        return repeat_forever(c, last, min > 0);
    /* Optional copies: x?x?x?, each of which may also leave to the end. */
    for (int i = min; i < max; i++) {
        ptrdiff_t left = (ptrdiff_t)(max - i) * (ptrdiff_t)(len + 1);
        if (left > PROGRAM_MAX)
            return fail(c, c->p, "pattern is too large");
        if (i == 0) { /* the code itself is the first of them */
            if (emit_split_before(c, at, left))
                return c->rc;
        } else if (emit(c, OP_SPLIT, left, 0) || copy_code(c, at + (min == 0), len)) {
            return c->rc;
        }
    }
    return CRM_OK;
}

static int is_repeat(char c)
{
    return c == '*' || c == '+' || c == '?' || c == '{';
}

static int parse_repeat(compiler *c, size_t at)
{
    int min = 0, max = -1;
    char ch;

    if (c->p == c->end || !is_repeat(*c->p))
        return CRM_OK;
    ch = *c->p++;
    if (ch == '+')
        min = 1;
    else if (ch == '?')
        max = 1;
    else if (ch == '{' && read_braces(c, &min, &max))
        return c->rc;
    /* A second sign means "lazy" to some and "again" to others. */
    if (c->p < c->end && is_repeat(*c->p))
        return fail(c, c->p, "a repetition cannot be repeated; use parentheses");
    return repeat(c, at, min, max);
}

/* ---- grammar ---- */

static int parse_alternatives(compiler *c);

static int parse_group(compiler *c)
{
    const char *open = c->p - 1;

    if (c->p < c->end && *c->p == '?') {
        if (c->end - c->p < 2 || c->p[1] != ':')
            return fail(c, open, "of the (? forms only (?:...) is known");
        c->p += 2;
    }
    if (c->depth == DEPTH_MAX)
        return fail(c, open, "parentheses are nested too deeply");
    c->depth++;
    if (parse_alternatives(c))
        return c->rc;
    c->depth--;
    if (c->p == c->end)
        return fail(c, open, "expected ) for this (");
    c->p++;
    return CRM_OK;
}

static int parse_atom(compiler *c)
{
    const char *at = c->p;
    uint32_t ch = crm__utf8_next(&c->p, c->end);
    const range *r;
    size_t count, first;

    switch (ch) {
    case '(':
        return parse_group(c);
    case '[':
        return parse_class(c);
    case '.':
        return emit(c, OP_ANY, 0, 0);
    case '*':
    case '+':
    case '?':
    case '{':
        return fail(c, at, "nothing to repeat");
    case '^':
        return fail(c, at, "^ is allowed at the start only; write \\^ for the character");
    case '$':
        return fail(c, at, "$ is allowed at the end only; write \\$ for the character");
    case '\\':
        if (read_escape(c, &ch, &r, &count))
            return c->rc;
        if (!count)
            break;
        first = c->ranges.n / sizeof(range);
        return add_ranges(c, r, count) ? c->rc : emit_class(c, first, 0);
    default:
        break;
    }
    return emit(c, OP_CHAR, 0, ch);
}

/* $ that ends an alternative outside parentheses; it says what is so anyway. */
static int at_final_dollar(const compiler *c)
{
    return c->depth == 0 && *c->p == '$' && (c->end - c->p == 1 || c->p[1] == '|');
}

static int parse_sequence(compiler *c)
{
    if (c->depth == 0 && c->p < c->end && *c->p == '^')
        c->p++;
    while (c->p < c->end && *c->p != '|') {
        size_t at = code_count(c);
        if (*c->p == ')') {
            if (c->depth == 0)
                return fail(c, c->p, "no ( for this )");
            break;
        }
        if (at_final_dollar(c)) {
            c->p++;
            break;
        }
        if (parse_atom(c) || parse_repeat(c, at))
            return c->rc;
    }
    return CRM_OK;
}

/* a|b|c becomes SPLIT a JUMP end, SPLIT b JUMP end, c.  Until the end is known the jumps form a
 * list through `arg`; insertions come behind all of them. */
static int parse_alternatives(compiler *c)
{
    const uint32_t none = UINT32_MAX;
    uint32_t list = none;

    for (;;) {
        size_t at = code_count(c);
        if (parse_sequence(c))
            return c->rc;
        if (c->p == c->end || *c->p != '|')
            break;
        c->p++;
        if (emit_split_before(c, at, (ptrdiff_t)(code_count(c) - at) + 2) ||
            emit(c, OP_JUMP, 0, list))
            return c->rc;
        list = (uint32_t)(code_count(c) - 1);
    }
    while (list != none) {
        insn *jump = code_at(c, list);
        uint32_t next = jump->arg;
        jump->jump = (int16_t)(code_count(c) - list);
        jump->arg = 0;
        list = next;
    }
    return CRM_OK;
}

/* One allocation holds program, classes and ranges. */
static int finish(compiler *c, const crm_allocator *mem, crm__pattern **out)
{
    crm__pattern *pat;
    size_t head = offsetof(crm__pattern, code);
    uint8_t *at;

    crm__buf_add(&c->code, &(insn){OP_MATCH, 0, 0}, sizeof(insn));
    if (c->code.failed)
        return fail_nomem(c);
    pat = crm__alloc(mem, head + c->code.n + c->classes.n + c->ranges.n);
    if (!pat)
        return fail_nomem(c);
    memset(pat, 0, sizeof *pat);
    if (mem) {
        pat->mem_copy = *mem;
        pat->mem = &pat->mem_copy;
    }
    pat->n = code_count(c);
    at = (uint8_t *)pat + head;
    memcpy(at, c->code.p, c->code.n);
    at += c->code.n;
    pat->classes = (const class *)(const void *)at;
    if (c->classes.n)
        memcpy(at, c->classes.p, c->classes.n);
    at += c->classes.n;
    pat->ranges = (const range *)(const void *)at;
    if (c->ranges.n)
        memcpy(at, c->ranges.p, c->ranges.n);
    *out = pat;
    return CRM_OK;
}

int crm__pattern_compile(const crm_allocator *mem, const char *p, size_t n, crm__pattern **out,
                         const char **why, size_t *at)
{
    compiler c = {0};
    size_t ok = crm__utf8_valid(p, n);

    *out = NULL;
    if (n == 0)
        p = "";
    c.start = c.p = p;
    c.end = p + n;
    crm__buf_init(&c.code, mem);
    crm__buf_init(&c.classes, mem);
    crm__buf_init(&c.ranges, mem);
    if (ok != n) {
        fail(&c, p + ok, "not utf-8");
        c.rc = CRM_EINVAL;
    } else if (!parse_alternatives(&c)) {
        c.rc = finish(&c, mem, out);
    }
    crm__buf_clear(&c.code);
    crm__buf_clear(&c.classes);
    crm__buf_clear(&c.ranges);
    if (why)
        *why = c.rc ? c.why : NULL;
    if (at)
        *at = c.rc ? (size_t)(c.fault - c.start) : 0;
    return c.rc;
}

void crm__pattern_free(crm__pattern *pat)
{
    crm_allocator mem;

    if (!pat)
        return;
    if (!pat->mem) {
        crm__release(NULL, pat);
        return;
    }
    mem = pat->mem_copy;
    crm__release(&mem, pat);
}

/* ---- match ---- */

/* The states alive, without those that only lead on; `seen` has those too, so that a loop of empty
 * parts ends and no state is kept twice. */
typedef struct states {
    size_t n;
    uint16_t pc[PROGRAM_MAX];
    uint64_t seen[PROGRAM_MAX / 64];
} states;

/* Marks pc; 1 when it was not marked. */
static int mark(states *s, size_t pc)
{
    uint64_t bit = UINT64_C(1) << pc % 64;

    if (s->seen[pc / 64] & bit)
        return 0;
    s->seen[pc / 64] |= bit;
    return 1;
}

/* Adds pc and all it leads to without a character.  Each state is marked before it is stacked, so
 * the stack never holds more than the program. */
static void follow(const crm__pattern *pat, states *s, size_t pc, uint16_t *stack)
{
    size_t top = 0;

    if (!mark(s, pc))
        return;
    stack[top++] = (uint16_t)pc;
    while (top) {
        const insn *i;
        size_t to;
        pc = stack[--top];
        i = pat->code + pc;
        if (i->op != OP_SPLIT && i->op != OP_JUMP) {
            s->pc[s->n++] = (uint16_t)pc;
            continue;
        }
        to = (size_t)((ptrdiff_t)pc + i->jump);
        if (mark(s, to))
            stack[top++] = (uint16_t)to;
        if (i->op == OP_SPLIT && mark(s, pc + 1))
            stack[top++] = (uint16_t)(pc + 1);
    }
}

static int accepts(const crm__pattern *pat, const insn *i, uint32_t c)
{
    const class *k;

    switch (i->op) {
    case OP_CHAR:
        return i->arg == c;
    case OP_ANY:
        return c != '\n';
    case OP_CLASS:
        k = pat->classes + i->arg;
        if (c < 128)
            return (int)(k->ascii[c / 64] >> c % 64 & 1);
        return in_ranges(pat->ranges + k->first, k->count, c) != (int)k->negated;
    default:
        return 0;
    }
}

static void states_clear(const crm__pattern *pat, states *s)
{
    s->n = 0;
    memset(s->seen, 0, (pat->n + 63) / 64 * sizeof s->seen[0]);
}

int crm__pattern_match(const crm__pattern *pat, const char *s, size_t n)
{
    states set[2], *now = &set[0], *then = &set[1];
    uint16_t stack[PROGRAM_MAX];
    const char *p = n ? s : "", *end = p + n;

    if (crm__utf8_valid(p, n) != n)
        return 0;
    states_clear(pat, now);
    follow(pat, now, 0, stack);
    while (p < end && now->n) {
        uint32_t c = crm__utf8_next(&p, end);
        states *t = now;
        states_clear(pat, then);
        for (size_t i = 0; i < now->n; i++) {
            if (accepts(pat, pat->code + now->pc[i], c))
                follow(pat, then, now->pc[i] + 1u, stack);
        }
        now = then;
        then = t;
    }
    /* MATCH is the last instruction.  While states are left the loop ends only at the end of s. */
    for (size_t i = 0; i < now->n; i++) {
        if (now->pc[i] == pat->n - 1)
            return 1;
    }
    return 0;
}
