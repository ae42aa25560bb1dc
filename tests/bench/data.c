/* SPDX-License-Identifier: MIT
 * Made-up customers: each a function of its number alone, so nothing is kept and nothing is read.
 * External ids are a mix of the number that no order can be seen in; two of a hundred customers
 * share their phone with an earlier one.
 */
#include "bench.h"

const char *const TEXT_NAMES[TEXTS] = {
    "external_id", "name",   "email",      "phone",       "company",   "city",
    "country",     "gender", "birth_date", "lead_source", "lifecycle",
};

static const char *const LATIN_FIRST[] = {"Anna",  "Mia",  "Zoë",  "Raj",
                                          "Elena", "Liam", "Noah", "Iris"};
static const char *const LATIN_LAST[] = {"King", "Costa", "Müller", "Moreau",
                                         "Tan",  "Silva", "Novak",  "Berg"};
static const char *const HAN_LAST[] = {"王", "李", "张", "刘", "陈", "杨", "赵", "黄"};
static const char *const HAN_FIRST[] = {"伟", "芳", "秀英", "敏", "静", "丽", "强", "磊"};
static const char *const PINYIN[] = {"wang", "li", "zhang", "liu", "chen", "yang", "zhao", "huang"};
static const char *const DOMAINS[] = {"qq.com",    "163.com",     "example.com", "gmail.com",
                                      "yahoo.com", "outlook.com", "126.com",     "mail.example"};
static const char *const COMPANIES[] = {
    "Nova Media AB",        "晨星科技有限公司", "Blue Systems S.A.",  "华南贸易有限公司",
    "Cedar Logistics GmbH", "东方制造集团",     "Orion Retail, Inc.", "远景咨询"};
static const char *const CITIES[] = {"Shanghai", "Beijing", "Guangzhou", "Shenzhen",
                                     "Hangzhou", "Chengdu", "Wuhan",     "Xi'an"};
static const char *const MOBILE[] = {"138", "139", "150", "159", "186", "188", "133", "189"};
static const char *const GENDERS[] = {"f", "m", "f", "m", "f", "m", "x", ""};
static const char *const SOURCES[] = {"web",   "wechat", "web", "referral",
                                      "event", "import", "ads", "partner"};
static const char *const LIFECYCLES[] = {"lead",   "lead",   "prospect", "prospect",
                                         "active", "active", "dormant",  "lost"};

enum { DIGITS_9 = 1000000000, DIGITS_8 = 100000000, DAYS = 13514, SECONDS = 157000000 };
#define FIRST_SEEN_FROM INT64_C(1609459200) /* 2021-01-01 */

uint64_t data_mix(uint64_t x)
{
    x += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

/* Powers of 3 have no factor in common with powers of 10: each number comes once. */
static void external_id(char out[TEXT_ROOM], uint64_t i)
{
    snprintf(out, TEXT_ROOM, "C%09u",
             (unsigned)((i % DIGITS_9 * 387420489 + 271828183) % DIGITS_9));
}

static void email(char out[TEXT_ROOM], uint64_t i)
{
    uint64_t r = data_mix(i * 8 + 1);

    if (r % 100 < 8)
        out[0] = 0;
    else
        snprintf(out, TEXT_ROOM, "%s.%llx@%s", PINYIN[r >> 8 & 7], (unsigned long long)i + 4096,
                 DOMAINS[r >> 16 & 7]);
}

static void phone(char out[TEXT_ROOM], uint64_t i)
{
    uint64_t r = data_mix(i * 8 + 2);

    if (i && r % 100 < 2)
        i = (r >> 8) % i;
    else if (r % 100 < 8) {
        out[0] = 0;
        return;
    }
    snprintf(out, TEXT_ROOM, "+86%s%08u", MOBILE[data_mix(i) & 7],
             (unsigned)((i % DIGITS_8 * 43046721 + 31415926) % DIGITS_8));
}

static void put(char out[TEXT_ROOM], const char *a, const char *between, const char *b)
{
    snprintf(out, TEXT_ROOM, "%s%s%s", a, between, b);
}

/* 1970-01-01 and the days after it as text. */
static void date(char out[TEXT_ROOM], uint64_t days)
{
    uint64_t z = days + 719468, era = z / 146097, doe = z - era * 146097;
    uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    uint64_t m = mp < 10 ? mp + 3 : mp - 9;

    snprintf(out, TEXT_ROOM, "%04u-%02u-%02u", (unsigned)(yoe + era * 400 + (m <= 2)) % 10000,
             (unsigned)m % 100, (unsigned)(doy - (153 * mp + 2) / 5 + 1) % 100);
}

void data_person(uint64_t i, person *p)
{
    uint64_t r = data_mix(i * 8), s = data_mix(i * 8 + 3);

    external_id(p->text[EXTERNAL_ID], i);
    if (r % 5 < 3)
        put(p->text[NAME], HAN_LAST[r >> 8 & 7], "", HAN_FIRST[r >> 12 & 7]);
    else
        put(p->text[NAME], LATIN_FIRST[r >> 8 & 7], " ", LATIN_LAST[r >> 12 & 7]);
    email(p->text[EMAIL], i);
    phone(p->text[PHONE], i);
    put(p->text[COMPANY], r >> 16 & 1 ? COMPANIES[r >> 17 & 7] : "", "", "");
    put(p->text[CITY], CITIES[(r >> 20 & 7) * (r >> 23 & 7) / 7], "", "");
    put(p->text[COUNTRY], r % 5 < 4 ? "CN" : "SG", "", "");
    put(p->text[GENDER], GENDERS[r >> 26 & 7], "", "");
    if (s % 4)
        date(p->text[BIRTH_DATE], (s >> 8) % DAYS);
    else
        p->text[BIRTH_DATE][0] = 0;
    put(p->text[LEAD_SOURCE], SOURCES[r >> 29 & 7], "", "");
    put(p->text[LIFECYCLE], LIFECYCLES[r >> 32 & 7], "", "");
    p->score = (int64_t)((s >> 24) % UPDATE_SCORE);
    p->first_seen = FIRST_SEEN_FROM + (int64_t)((s >> 34) % SECONDS);
}

data_key *data_keys(int by, uint64_t n, size_t count)
{
    data_key *keys = malloc(count * sizeof *keys);
    uint64_t seed = (uint64_t)by << 32;

    if (!keys)
        bench_die("out of memory");
    for (size_t k = 0; k < count; k++) {
        uint64_t i = 0;
        do {
            uint64_t r = data_mix(seed++);
            i = r % 10 ? (r >> 4) % n : n + (r >> 4) % n;
            if (by == EXTERNAL_ID)
                external_id(keys[k], i);
            else if (by == EMAIL)
                email(keys[k], i);
            else
                phone(keys[k], i);
        } while (!keys[k][0]);
    }
    return keys;
}
