/* SPDX-License-Identifier: MIT
 * The pages of help, for people as they are written, and for programs cut into their parts.  A page
 * is written once, in a form that is strict enough for that:
 *   "Usage: ..." and further usages below it, an empty line, then paragraphs of text, and lists,
 *   whose terms stand 2 columns in (4: a part of the term before), two spaces in front of their
 *   text.  A line with a list right below it is the list's title.
 */
#include "tool.h"

#include <string.h>

static const char head[] = "Usage: " TOOL " [-C DIR] [--json] [--lang LANG] VERB [ARGUMENT...]\n"
                           "\n"
                           "A customer database in a folder.\n"
                           "\n";

static const char rest[] =
    "\n"
    "Options of every verb\n"
    "  -C, --db DIR      folder of the database; else $CRM_DB, else ./crm.db\n"
    "  --json            one JSON value a result, lists as JSON Lines; errors as JSON on\n"
    "                    standard error; help as JSON too\n"
    "  --lang LANG       language of labels and of remarks, zh or en; else that of the locale\n"
    "  -h, --help        the page of the verb\n"
    "  --                what follows is no option, even with a '-' in front\n"
    "Options of verbs that write\n"
    "  --actor NAME      who acts; else $CRM_ACTOR, else the login name\n"
    "  --source NAME     where the values come from, e.g. web-form; each value remembers it\n"
    "  --zone ZONE       zone of datetimes without offset, e.g. Asia/Shanghai or +08:00;\n"
    "                    else UTC\n"
    "\n"
    "A first session\n"
    "  " TOOL " create name='Li Na' phone='+86 138 0013 8000' city=Shanghai\n"
    "  " TOOL " create 姓名=张伟 电话='139 0013 9000' 城市=上海\n"
    "  " TOOL " find 电话=13900139000\n"
    "  " TOOL " set 2 email=zhang.wei@example.com\n"
    "  " TOOL " event add 2 kind=order amount='128 CNY'\n"
    "  " TOOL " timeline 2\n"
    "  " TOOL " list\n"
    "\n"
    "Exit codes\n"
    "  0  done\n"
    "  1  something was not found, lines were bad, or faults were found\n"
    "  2  the command line is wrong\n"
    "  3  changed by someone else, taken, ambiguous, or refused\n"
    "  4  a value, document or model is wrong\n"
    "  5  the database or the system failed\n"
    "  130  interrupted\n";

static void tool_page(const verb *const *verbs, size_t count, buf *page)
{
    buf_str(page, head);
    buf_str(page, "Verbs\n");
    for (size_t i = 0; i < count; i++) {
        size_t used = strlen(verbs[i]->name);
        buf_fmt(page, "  %s", verbs[i]->name);
        text_pad(page, used < 18 ? 18 - used : 1);
        buf_fmt(page, "%s\n", verbs[i]->summary);
    }
    buf_str(page, rest);
}

/* ---- a page in parts ---- */

/* The parts, as items of JSON lists without their brackets, but for the description. */
typedef struct parts {
    buf usage, description, arguments, options, write_options, examples, exit_codes;
    slice title;       /* of the list in work */
    buf term, text;    /* the item in work */
    buf outer;         /* the last term 2 columns in */
    int inner;         /* the term stands 4 columns in */
    int new_paragraph; /* an empty line was read */
} parts;

static slice next_line(const char **at)
{
    slice line = {*at, strcspn(*at, "\n")};

    *at += line.n + ((*at)[line.n] == '\n');
    return line;
}

/* Takes the leading spaces off; their number. */
static size_t unindent(slice *line)
{
    size_t n = 0;

    while (line->n && *line->p == ' ')
        line->p++, line->n--, n++;
    return n;
}

static void add_words(buf *to, slice words)
{
    if (to->n)
        buf_char(to, ' ');
    buf_add(to, words.p, words.n);
}

/* Begins a further item. */
static void separate(buf *list)
{
    if (list->n)
        buf_char(list, ',');
}

static void put_text(buf *out, const char *key, const char *s, size_t n)
{
    json_key(out, key);
    json_string(out, s, n);
}

/* "-f, --file FILE" */
static void put_option(parts *p, buf *list)
{
    const char *name = strstr(p->term.p, "--");
    size_t n = name ? strcspn(name, " =[") : 0;

    separate(list);
    buf_char(list, '{');
    put_text(list, "name", name ? name : p->term.p, name ? n : p->term.n);
    if (name && name > p->term.p)
        put_text(list, "letter", p->term.p, 2);
    if (name && name[n])
        put_text(list, "value", name + n + (name[n] == ' '), strlen(name + n + (name[n] == ' ')));
    if (p->inner)
        put_text(list, "of", p->outer.p, p->outer.n);
    put_text(list, "text", p->text.p ? p->text.p : "", p->text.n);
    buf_char(list, '}');
}

static void end_item(parts *p)
{
    const char *text = p->text.p ? p->text.p : "";

    if (!p->term.n)
        return;
    if (p->term.p[0] == '-') {
        put_option(p, slice_is(p->title, "Options of verbs that write") ? &p->write_options
                                                                        : &p->options);
    } else if (slice_is(p->title, "Exit codes")) {
        separate(&p->exit_codes);
        buf_fmt(&p->exit_codes, "{\"code\":%s", p->term.p);
        put_text(&p->exit_codes, "text", text, p->text.n);
        buf_char(&p->exit_codes, '}');
    } else if (!slice_is(p->title, "Verbs")) { /* those are given with their pages */
        separate(&p->arguments);
        buf_char(&p->arguments, '{');
        put_text(&p->arguments, "name", p->term.p, p->term.n);
        put_text(&p->arguments, "text", text, p->text.n);
        buf_char(&p->arguments, '}');
    }
    buf_free(&p->term);
    buf_free(&p->text);
}

static void list_line(parts *p, slice line, size_t indent)
{
    slice text = line;

    if (slice_is(p->title, "Examples") || slice_is(p->title, "A first session")) {
        separate(&p->examples);
        json_string(&p->examples, line.p, line.n);
        return;
    }
    if (indent > 4) {
        add_words(&p->text, line);
        return;
    }
    end_item(p);
    while (text.n && !(text.n > 1 && text.p[0] == ' ' && text.p[1] == ' '))
        text.p++, text.n--;
    buf_add(&p->term, line.p, line.n - text.n);
    p->inner = indent == 4;
    if (!p->inner) {
        buf_free(&p->outer);
        buf_add(&p->outer, p->term.p, p->term.n);
    }
    unindent(&text);
    add_words(&p->text, text);
}

static void text_line(parts *p, slice line, const char *next)
{
    end_item(p);
    p->title = line;
    if (strncmp(next, "  ", 2) == 0)
        return; /* the title of a list */
    if (p->new_paragraph && p->description.n)
        buf_char(&p->description, '\n');
    else if (p->description.n)
        buf_char(&p->description, ' ');
    buf_add(&p->description, line.p, line.n);
    p->new_paragraph = 0;
}

/* The usages, up to the empty line behind them. */
static void read_usage(parts *p, const char **at)
{
    static const char word[] = "Usage: ";
    buf one = {0};
    slice line;

    while ((line = next_line(at)).n) {
        int is_first = strncmp(line.p, word, sizeof(word) - 1) == 0;
        size_t indent;
        if (is_first)
            line.p += sizeof(word) - 1, line.n -= sizeof(word) - 1;
        indent = unindent(&line);
        if (one.n && indent == sizeof(word) - 1) { /* a further usage, else a longer one */
            separate(&p->usage);
            json_string(&p->usage, one.p, one.n);
            buf_free(&one);
        }
        add_words(&one, line);
    }
    separate(&p->usage);
    json_string(&p->usage, one.p, one.n);
    buf_free(&one);
}

static void read_page(parts *p, const char *page)
{
    const char *at = page;

    read_usage(p, &at);
    while (*at) {
        slice line = next_line(&at);
        size_t indent = unindent(&line);
        if (!line.n)
            p->new_paragraph = 1;
        else if (indent)
            list_line(p, line, indent);
        else
            text_line(p, line, at);
    }
    end_item(p);
    buf_free(&p->outer);
}

/* A member with a list, and nothing for one that is empty. */
static void put_list(buf *out, const char *key, buf *items)
{
    if (items->n) {
        json_key(out, key);
        buf_char(out, '[');
        buf_add(out, items->p, items->n);
        buf_char(out, ']');
    }
    buf_free(items);
}

/* Appends the members of a page to an object. */
static void put_parts(buf *out, const char *page)
{
    parts p = {0};

    read_page(&p, page);
    put_list(out, "usage", &p.usage);
    put_text(out, "description", p.description.p ? p.description.p : "", p.description.n);
    put_list(out, "arguments", &p.arguments);
    put_list(out, "options", &p.options);
    put_list(out, "write_options", &p.write_options);
    put_list(out, "examples", &p.examples);
    put_list(out, "exit_codes", &p.exit_codes);
    buf_free(&p.description);
}

static void put_verb(buf *out, const verb *v)
{
    buf_char(out, '{');
    put_text(out, "verb", v->name, strlen(v->name));
    put_text(out, "summary", v->summary, strlen(v->summary));
    json_key(out, "writes");
    buf_str(out, v->writes ? "true" : "false");
    put_parts(out, v->help);
    buf_char(out, '}');
}

void help_verb(tool *t, const verb *v)
{
    buf out = {0};

    if (t->json) {
        put_verb(&out, v);
        out_json(out.p, out.n);
    } else {
        out_put(v->help, strlen(v->help));
    }
    buf_free(&out);
}

void help_tool(tool *t, const verb *const *verbs, size_t count)
{
    buf page = {0}, out = {0};

    tool_page(verbs, count, &page);
    if (t->json) {
        buf_str(&out, "{\"tool\":\"" TOOL "\"");
        put_parts(&out, page.p);
        json_key(&out, "verbs");
        for (size_t i = 0; i < count; i++) {
            buf_char(&out, i ? ',' : '[');
            put_verb(&out, verbs[i]);
        }
        buf_str(&out, "]}");
        out_json(out.p, out.n);
    } else {
        out_put(page.p, page.n);
    }
    buf_free(&page);
    buf_free(&out);
}
