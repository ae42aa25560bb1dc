/* SPDX-License-Identifier: MIT
 * Codes of countries, languages and currencies; the tables of names are in country_names.c and
 * language_names.c.
 */
#include "model/place.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <crm/codes.h>
#include <string.h>

static int is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Sorted codes of `width` letters in one string. */
static int has_code(const char *codes, size_t width, const char *s)
{
    size_t low = 0, high = strlen(codes) / width;

    while (low < high) {
        size_t mid = (low + high) / 2;
        int c = memcmp(codes + mid * width, s, width);
        if (!c)
            return 1;
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return 0;
}

enum { FOLDED_SIZE = 256 };

/* NUL-terminated; the length, 0 when it cannot be a name. */
static size_t fold_name(const char *s, size_t n, char out[FOLDED_SIZE])
{
    size_t len;

    if (n > 128 || crm__utf8_fold(s, n, out, FOLDED_SIZE - 1, &len) != CRM_OK)
        return 0;
    out[len] = 0;
    return len;
}

/* The code of a name, its length in *n; NULL: none. */
static const char *code_of_name(const char *names, size_t size, const char *folded, size_t len,
                                size_t *n)
{
    crm__slice want = {(const uint8_t *)folded, len};
    size_t low = 0, high = size;

    while (low < high) {
        size_t mid = (low + high) / 2;
        const char *sign, *end;
        int c;
        while (mid > low && names[mid - 1] != '\n')
            mid--;
        sign = strchr(names + mid, '=');
        end = strchr(sign, '\n');
        c = crm__slice_compare(
            (crm__slice){(const uint8_t *)names + mid, (size_t)(sign - names) - mid}, want);
        if (!c) {
            *n = (size_t)(end - sign - 1);
            return sign + 1;
        }
        if (c < 0)
            low = (size_t)(end - names) + 1;
        else
            high = mid;
    }
    return NULL;
}

/* ---- countries ---- */

int crm__country_known(const char *s)
{
    return has_code(crm__country_codes, 2, s);
}

static int country_code(const char *s, size_t n, char out[3])
{
    if (n != 2)
        return 0;
    out[0] = upper(s[0]);
    out[1] = upper(s[1]);
    out[2] = 0;
    return crm__country_known(out);
}

int crm__country_find(const char *s, size_t n, char out[3])
{
    char folded[FOLDED_SIZE];
    const char *code;
    size_t len;

    if (country_code(s, n, out))
        return 1;
    len = fold_name(s, n, folded);
    if (country_code(folded, len, out))
        return 1;
    code = len ? code_of_name(crm__country_names, crm__country_names_size, folded, len, &n) : NULL;
    if (!code)
        return 0;
    memcpy(out, code, 2);
    out[2] = 0;
    return 1;
}

/* ---- languages ---- */

typedef struct tag_state {
    enum { AFTER_LANGUAGE, AFTER_SCRIPT, AFTER_REGION, IN_VARIANTS, IN_EXTENSION, IN_PRIVATE } at;
    int extlangs;
    int open;            /* an extension or private part has no subtag yet */
    uint64_t singletons; /* bits of those seen */
} tag_state;

static int all_alpha(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!is_alpha(s[i]))
            return 0;
    }
    return 1;
}

static int all_alnum(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!is_alpha(s[i]) && !is_digit(s[i]))
            return 0;
    }
    return 1;
}

static void case_of(char *s, size_t n, int how) /* 0 lower, 1 Title, 2 UPPER */
{
    for (size_t i = 0; i < n; i++)
        s[i] = how == 2 || (how == 1 && i == 0) ? upper(s[i]) : lower(s[i]);
}

static int begin_extension(tag_state *t, char c)
{
    unsigned bit = is_digit(c) ? (unsigned)(c - '0') : (unsigned)(lower(c) - 'a') + 10;

    if (t->open || t->singletons >> bit & 1)
        return 0;
    t->singletons |= UINT64_C(1) << bit;
    t->at = lower(c) == 'x' ? IN_PRIVATE : IN_EXTENSION;
    t->open = 1;
    return 1;
}

/* One subtag after the language, put into canonical case in place. */
static int take_subtag(tag_state *t, char *s, size_t n)
{
    case_of(s, n, 0);
    if (!n || n > 8 || !all_alnum(s, n))
        return 0;
    if (t->at == IN_PRIVATE) {
        t->open = 0;
        return 1;
    }
    if (n == 1)
        return begin_extension(t, s[0]);
    if (t->at == IN_EXTENSION) {
        t->open = 0;
        return 1;
    }
    if (t->at == AFTER_LANGUAGE && n == 3 && all_alpha(s, n))
        return ++t->extlangs <= 3;
    if (t->at == AFTER_LANGUAGE && n == 4 && all_alpha(s, n)) {
        case_of(s, n, 1);
        t->at = AFTER_SCRIPT;
        return 1;
    }
    if (t->at < AFTER_REGION && ((n == 2 && all_alpha(s, n)) ||
                                 (n == 3 && is_digit(s[0]) && is_digit(s[1]) && is_digit(s[2])))) {
        case_of(s, n, 2);
        t->at = AFTER_REGION;
        return 1;
    }
    if (n >= 5 || (n == 4 && is_digit(s[0]))) {
        t->at = IN_VARIANTS;
        return 1;
    }
    return 0;
}

size_t crm__language_tag(const char *s, size_t n, char out[CRM__LANGUAGE_SIZE])
{
    tag_state t = {AFTER_LANGUAGE, 0, 0, 0};
    size_t start = 0;

    if (n < 2 || n >= CRM__LANGUAGE_SIZE)
        return 0;
    for (size_t i = 0; i < n; i++)
        out[i] = s[i] == '_' ? '-' : s[i];
    out[n] = 0;
    for (size_t i = 0; i <= n; i++) {
        if (i < n && out[i] != '-')
            continue;
        if (start == 0) {
            /* Longer primary subtags are reserved: "german" is no tag. */
            if (i < 2 || i > 3 || !all_alpha(out, i))
                return 0;
            case_of(out, i, 0);
        } else if (!take_subtag(&t, out + start, i - start)) {
            return 0;
        }
        start = i + 1;
    }
    return t.open ? 0 : n;
}

size_t crm__language_find(const char *s, size_t n, char out[CRM__LANGUAGE_SIZE])
{
    char folded[FOLDED_SIZE];
    size_t len = crm__language_tag(s, n, out);
    const char *code;

    /* Three letters may be a name: "Lao" is lo. */
    if (len && len != 3)
        return len;
    n = fold_name(s, n, folded);
    code = n ? code_of_name(crm__language_names, crm__language_names_size, folded, n, &len) : NULL;
    if (!code)
        return crm__language_tag(folded, n, out);
    memcpy(out, code, len);
    out[len] = 0;
    return len;
}

/* ---- currencies ---- */

/* ISO 4217 and five codes withdrawn since 2018 that old amounts carry: ANG CUC HRK SLL ZWL. */
static const char CURRENCIES[] =
    "AEDAFNALLAMDANGAOAARSAUDAWGAZNBAMBBDBDTBGNBHDBIFBMDBNDBOBBOVBRLBSDBTNBWPBYNBZDCADCDFCHECHF"
    "CHWCLFCLPCNYCOPCOUCRCCUCCUPCVECZKDJFDKKDOPDZDEGPERNETBEURFJDFKPGBPGELGHSGIPGMDGNFGTQGYDHKD"
    "HNLHRKHTGHUFIDRILSINRIQDIRRISKJMDJODJPYKESKGSKHRKMFKPWKRWKWDKYDKZTLAKLBPLKRLRDLSLLYDMADMDL"
    "MGAMKDMMKMNTMOPMRUMURMVRMWKMXNMXVMYRMZNNADNGNNIONOKNPRNZDOMRPABPENPGKPHPPKRPLNPYGQARRONRSD"
    "RUBRWFSARSBDSCRSDGSEKSGDSHPSLESLLSOSSRDSSPSTNSVCSYPSZLTHBTJSTMTTNDTOPTRYTTDTWDTZSUAHUGXUSD"
    "USNUYIUYUUYWUZSVEDVESVNDVUVWSTXADXAFXAGXAUXBAXBBXBCXBDXCDXCGXDRXOFXPDXPFXPTXSUXUAYER"
    "ZARZMWZWGZWL";

static const struct sign {
    const char *sign;
    const char *codes; /* those it may stand for; one only: it always does */
} SIGNS[] = {
    {"¥", "CNYJPY"},
    {"￥", "CNYJPY"},
    {"元", "CNYHKDTWDMOPJPY"},
    {"圓", "TWDHKDCNY"},
    {"圆", "CNY"},
    {"円", "JPY"},
    {"人民币", "CNY"},
    {"RMB", "CNY"},
    {"rmb", "CNY"},
    {"美元", "USD"},
    {"港币", "HKD"},
    {"港元", "HKD"},
    {"欧元", "EUR"},
    {"日元", "JPY"},
    {"英镑", "GBP"},
    {"CN¥", "CNY"},
    {"JP¥", "JPY"},
    {"$", "USDCADAUDNZDHKDSGDTWDMOPMXNARSCLPCOPBNDFJDJMDBBDBSDBZDTTDXCDNADLRD"},
    {"＄", "USDCADAUDNZDHKDSGDTWDMOPMXN"},
    {"US$", "USD"},
    {"HK$", "HKD"},
    {"NT$", "TWD"},
    {"A$", "AUD"},
    {"AU$", "AUD"},
    {"C$", "CAD"},
    {"CA$", "CAD"},
    {"NZ$", "NZD"},
    {"S$", "SGD"},
    {"MX$", "MXN"},
    {"R$", "BRL"},
    {"MOP$", "MOP"},
    {"€", "EUR"},
    {"£", "GBPEGPSYPLBPGIPFKPSHP"},
    {"₩", "KRWKPW"},
    {"₹", "INR"},
    {"₽", "RUB"},
    {"฿", "THB"},
    {"₫", "VND"},
    {"₱", "PHP"},
    {"₺", "TRY"},
    {"₴", "UAH"},
    {"₪", "ILS"},
    {"₮", "MNT"},
    {"₸", "KZT"},
    {"₦", "NGN"},
    {"RM", "MYR"},
    {"Rp", "IDR"},
    {"zł", "PLN"},
    {"kr", "SEKNOKDKKISK"},
};

int crm__currency_known(const char *s)
{
    return has_code(CURRENCIES, 3, s);
}

static int sign_of(const struct sign *sign, const char *own, char out[4])
{
    size_t n = strlen(sign->codes);

    for (size_t i = 0; i < n; i += 3) {
        if (n == 3 || !memcmp(sign->codes + i, own, 3)) {
            memcpy(out, sign->codes + i, 3);
            return 1;
        }
    }
    return 0;
}

int crm__currency_find(const char *s, size_t n, const char *own, char out[4])
{
    out[3] = 0;
    if (n == 3 && all_alpha(s, 3)) {
        for (int i = 0; i < 3; i++)
            out[i] = upper(s[i]);
        if (crm__currency_known(out))
            return 1;
    }
    for (size_t i = 0; i < sizeof SIGNS / sizeof SIGNS[0]; i++) {
        if (strlen(SIGNS[i].sign) == n && !memcmp(SIGNS[i].sign, s, n))
            return sign_of(&SIGNS[i], own[0] ? own : "???", out);
    }
    return 0;
}
