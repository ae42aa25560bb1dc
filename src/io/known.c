/* SPDX-License-Identifier: MIT
 * Names of columns to roles: the tables of names are in known_names.c, the roles stand here.
 */
#include "io/known.h"

#include "base/utf8.h"

#include <crm/codes.h>
#include <crm/model.h>

static const crm__role ROLES[] = {
    {"account", CRM__ROLE_ACCOUNT, 0, CRM_TYPE_TEXT, ""},
    {"address", CRM__ROLE_VALUE, 0, CRM_TYPE_TEXT, "address street"},
    {"amount", CRM__ROLE_ATTRIBUTE, 0, 0, "amount total price"},
    {"birthday", CRM__ROLE_VALUE, 0, 0, "birth_date birthday date_of_birth"},
    {"channel", CRM__ROLE_ATTRIBUTE, 0, 0, "channel"},
    {"city", CRM__ROLE_VALUE, 0, CRM_TYPE_TEXT, "city town"},
    {"company", CRM__ROLE_COMPANY, 0, CRM_TYPE_TEXT, ""},
    {"contact", CRM__ROLE_VALUE, 0, CRM_TYPE_TEXT, "name full_name"},
    {"country", CRM__ROLE_VALUE, 0, CRM_TYPE_COUNTRY, "country"},
    {"customer", CRM__ROLE_CUSTOMER, 0, 0, ""},
    {"date", CRM__ROLE_DAY, CRM__PART_DAY, 0, ""},
    {"department", CRM__ROLE_VALUE, 0, CRM_TYPE_TEXT, "department"},
    {"email", CRM__ROLE_VALUE, 0, CRM_TYPE_EMAIL, "email mail"},
    {"employees", CRM__ROLE_VALUE, 0, 0, "employees headcount"},
    {"extid", CRM__ROLE_OUTSIDE, 0, 0, "external external_id"},
    {"family", CRM__ROLE_VALUE, CRM__PART_FAMILY, CRM_TYPE_TEXT, "name full_name"},
    {"fax", CRM__ROLE_VALUE, 0, 0, "fax fax_number"},
    {"formatted", CRM__ROLE_VALUE, CRM__PART_SPARE, CRM_TYPE_TEXT, "address street"},
    {"gender", CRM__ROLE_VALUE, 0, 0, "gender sex"},
    {"given", CRM__ROLE_VALUE, CRM__PART_GIVEN, CRM_TYPE_TEXT, "name full_name"},
    {"grade", CRM__ROLE_VALUE, 0, 0, "grade level rating"},
    {"home", CRM__ROLE_VALUE, 0, CRM_TYPE_PHONE, "home_phone phone telephone tel"},
    {"industry", CRM__ROLE_VALUE, 0, 0, "industry sector"},
    {"job", CRM__ROLE_VALUE, 0, CRM_TYPE_TEXT, "job_title title position"},
    {"kind", CRM__ROLE_KIND, 0, 0, ""},
    {"language", CRM__ROLE_VALUE, 0, CRM_TYPE_LANGUAGE, "language"},
    {"last", CRM__ROLE_VALUE, 0, 0, "last_contact last_activity"},
    {"lead", CRM__ROLE_VALUE, 0, 0, "lead_source channel"},
    {"lifecycle", CRM__ROLE_VALUE, 0, 0, "lifecycle stage status"},
    {"line", CRM__ROLE_VALUE, CRM__PART_LINE1, CRM_TYPE_TEXT, "address street"},
    {"middle", CRM__ROLE_VALUE, CRM__PART_MIDDLE, CRM_TYPE_TEXT, "name full_name"},
    {"mobile", CRM__ROLE_VALUE, 0, CRM_TYPE_PHONE, "mobile mobile_phone cell phone telephone tel"},
    {"n", CRM__ROLE_VALUE, CRM__PART_NAME, CRM_TYPE_TEXT, "name full_name"},
    {"name", CRM__ROLE_VALUE, 0, CRM_TYPE_TEXT, "name full_name"},
    {"nick", CRM__ROLE_VALUE, CRM__PART_SPARE, CRM_TYPE_TEXT, "name full_name"},
    {"none", CRM__ROLE_NONE, 0, 0, ""},
    {"notes", CRM__ROLE_VALUE, 0, CRM_TYPE_TEXT, "notes note remarks"},
    {"owner", CRM__ROLE_VALUE, 0, CRM_TYPE_ACTOR, "owner"},
    {"phone", CRM__ROLE_VALUE, 0, CRM_TYPE_PHONE, "phone telephone tel mobile"},
    {"postcode", CRM__ROLE_VALUE, 0, CRM_TYPE_TEXT, "postal_code postcode zip zip_code"},
    {"prefix", CRM__ROLE_NONE, 0, 0, ""},
    {"product", CRM__ROLE_ATTRIBUTE, 0, 0, "product item"},
    {"province", CRM__ROLE_VALUE, 0, CRM_TYPE_TEXT, "province state region"},
    {"qq", CRM__ROLE_VALUE, 0, 0, "qq"},
    {"quantity", CRM__ROLE_ATTRIBUTE, 0, 0, "quantity"},
    {"reference", CRM__ROLE_REFERENCE, 0, 0, ""},
    {"since", CRM__ROLE_VALUE, 0, 0, "first_contact customer_since signup_date"},
    {"source", CRM__ROLE_SOURCE, 0, 0, ""},
    {"street", CRM__ROLE_VALUE, CRM__PART_LINE1, CRM_TYPE_TEXT, "address street"},
    {"street2", CRM__ROLE_VALUE, CRM__PART_LINE2, CRM_TYPE_TEXT, "address street"},
    {"street3", CRM__ROLE_VALUE, CRM__PART_LINE3, CRM_TYPE_TEXT, "address street"},
    {"suffix", CRM__ROLE_VALUE, CRM__PART_SUFFIX, CRM_TYPE_TEXT, "name full_name"},
    {"tag", CRM__ROLE_TAG, 0, 0, ""},
    {"taxid", CRM__ROLE_VALUE, 0, 0, "tax_id vat"},
    {"text", CRM__ROLE_ATTRIBUTE, 0, 0, "text notes"},
    {"time", CRM__ROLE_TIME, 0, 0, ""},
    {"website", CRM__ROLE_VALUE, 0, CRM_TYPE_URL, "website url homepage"},
    {"wechat", CRM__ROLE_VALUE, 0, 0, "wechat"},
    {"wecom", CRM__ROLE_VALUE, 0, 0, "wecom"},
    {"work", CRM__ROLE_VALUE, 0, CRM_TYPE_PHONE, "work_phone office_phone phone telephone tel"},
};

static const struct program {
    char letter;
    const char *name, *source;
} PROGRAMS[] = {
    {'g', "Google", "google"},         {'o', "Outlook", "outlook"}, {'h', "HubSpot", "hubspot"},
    {'s', "Salesforce", "salesforce"}, {'z', "Zoho", "zoho"},       {'f', "纷享销客", "fxiaoke"},
    {'x', "销售易", "xiaoshouyi"},     {'w', "企业微信", "wecom"},  {'v', "vCard", "vcard"},
};

static const char *const PART_WORDS[CRM__PARTS] = {
    "whole", "spare", "given", "middle", "family", "suffix",
    "name",  "line1", "line2", "line3",  "day",
};

/* ---- the form of a name ---- */

static int is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static int is_kept(unsigned char c, int card)
{
    return c >= 0x80 || is_digit(c) || (c >= 'a' && c <= 'z') || (card && c == ';');
}

size_t crm__known_form(const char *s, size_t n, int card, char out[CRM__KNOWN_BYTES],
                       unsigned *number)
{
    char folded[CRM__KNOWN_BYTES];
    size_t len, k = 0;
    unsigned run = 0;
    int first = 1;

    *number = 0;
    if (n > CRM__KNOWN_BYTES / 2 || crm__utf8_fold(s, n, folded, sizeof folded, &len) != CRM_OK)
        return 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)folded[i];
        if (!is_kept(c, card))
            continue;
        if (!is_digit(c)) {
            out[k++] = (char)c;
            continue;
        }
        if (k && out[k - 1] == '#')
            run = run < 1000 ? run * 10 + (c - '0') : run;
        else
            run = (unsigned)(c - '0');
        if (!k || out[k - 1] != '#') {
            out[k++] = '#';
            first = !*number;
        }
        if (first)
            *number = run;
    }
    return k;
}

/* ---- names ---- */

static const crm__role *role_of(const char *s, size_t n)
{
    for (size_t i = 0; i < sizeof ROLES / sizeof ROLES[0]; i++) {
        if (strlen(ROLES[i].name) == n && !memcmp(ROLES[i].name, s, n))
            return &ROLES[i];
    }
    return NULL;
}

/* "role", "role" and a mark, maybe with "/programs" behind. */
static int take_line(const char *s, size_t n, crm__known *out)
{
    const char *slash = memchr(s, '/', n);
    size_t role_n = slash ? (size_t)(slash - s) : n;

    memset(out, 0, sizeof *out);
    if (slash) {
        out->programs = slash + 1;
        out->program_count = n - role_n - 1;
        out->strong = out->programs[out->program_count - 1] == '!';
        out->program_count -= (size_t)out->strong;
    }
    out->role = role_of(s, role_n);
    if (!out->role && role_n) {
        out->mark = s[role_n - 1];
        out->role = role_of(s, role_n - 1);
    }
    return out->role != NULL;
}

static int find_line(const char *lines, size_t size, const char *form, size_t form_n,
                     crm__known *out)
{
    crm__slice want = {(const uint8_t *)form, form_n};
    size_t low = 0, high = size;

    while (low < high) {
        size_t mid = (low + high) / 2;
        const char *sign, *end;
        int c;
        while (mid > low && lines[mid - 1] != '\n')
            mid--;
        sign = strchr(lines + mid, '=');
        end = strchr(sign, '\n');
        c = crm__slice_compare(
            (crm__slice){(const uint8_t *)lines + mid, (size_t)(sign - lines) - mid}, want);
        if (!c)
            return take_line(sign + 1, (size_t)(end - sign - 1), out);
        if (c < 0)
            low = (size_t)(end - lines) + 1;
        else
            high = mid;
    }
    return 0;
}

/* A property of a vCard is looked up with each of its types, then alone. */
static int find_card(const char *form, size_t n, crm__known *out)
{
    char one[CRM__KNOWN_BYTES * 2];
    const char *semicolon = memchr(form, ';', n);
    size_t name_n = semicolon ? (size_t)(semicolon - form) : n, at = name_n;

    while (at < n) {
        const char *next = memchr(form + at + 1, ';', n - at - 1);
        size_t end = next ? (size_t)(next - form) : n;
        memcpy(one, form, name_n);
        memcpy(one + name_n, form + at, end - at);
        if (find_line(crm__known_cards, crm__known_cards_size, one, name_n + end - at, out))
            return 1;
        at = end;
    }
    return find_line(crm__known_cards, crm__known_cards_size, form, name_n, out);
}

int crm__known_find(int table, const char *s, size_t n, crm__known *out, unsigned *number)
{
    char form[CRM__KNOWN_BYTES];
    int card = table == CRM__KNOWN_CARD;
    size_t len = crm__known_form(s, n, card, form, number);

    if (!len)
        return 0;
    if (card)
        return find_card(form, len, out);
    if (table == CRM__KNOWN_EVENT)
        return find_line(crm__known_events, crm__known_events_size, form, len, out);
    return find_line(crm__known_customers, crm__known_customers_size, form, len, out);
}

/* ---- programs and parts ---- */

static const struct program *program_of(char letter)
{
    for (size_t i = 0; i < sizeof PROGRAMS / sizeof PROGRAMS[0]; i++) {
        if (PROGRAMS[i].letter == letter)
            return &PROGRAMS[i];
    }
    return NULL;
}

const char *crm__known_program(char letter)
{
    const struct program *p = program_of(letter);

    return p ? p->name : NULL;
}

const char *crm__known_source(char letter)
{
    const struct program *p = program_of(letter);

    return p ? p->source : NULL;
}

const char *crm__known_letters(void)
{
    return "gohszfxwv";
}

const char *crm__part_word(unsigned part)
{
    return part < CRM__PARTS ? PART_WORDS[part] : NULL;
}

unsigned crm__part_find(const char *s, size_t n)
{
    unsigned i = 0;

    while (i < CRM__PARTS && (strlen(PART_WORDS[i]) != n || memcmp(PART_WORDS[i], s, n) != 0))
        i++;
    return i;
}
