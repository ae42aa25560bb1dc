/* SPDX-License-Identifier: MIT
 * Civil time (proleptic Gregorian), partial dates, RFC 3339 text, the clocks.
 * Instants are int64 microseconds UTC since 1970-01-01.
 */
#ifndef CRM_BASE_TIME_H
#define CRM_BASE_TIME_H

#include <stddef.h>
#include <stdint.h>

struct crm__zone;

#define CRM__US_PER_SECOND INT64_C(1000000)
#define CRM__US_PER_DAY (INT64_C(86400) * CRM__US_PER_SECOND)

/* The instants that have a text: 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999Z. */
#define CRM__TIME_MIN INT64_C(-62135596800000000)
#define CRM__TIME_MAX INT64_C(253402300799999999)

typedef struct crm__civil {
    int32_t year;
    uint8_t month, day, hour, minute, second;
    uint32_t micro;
} crm__civil;

/* Days since 1970-01-01.  m 1..12, d 1..31; |y| up to 5,000,000. */
int64_t crm__days_from_civil(int32_t y, unsigned m, unsigned d);
/* The inverse, for |days| up to 1,800,000,000; sets hour .. micro to 0. */
void crm__civil_from_days(int64_t days, crm__civil *c);
/* UTC microseconds; c->year within +-290,000. */
int64_t crm__time_from_civil(const crm__civil *c);
/* Any int64. */
void crm__civil_from_time(int64_t us, crm__civil *c);
/* 28..31; 0 when m is not 1..12. */
unsigned crm__days_in_month(int32_t y, unsigned m);

/* Partial dates: packed = year * 512 + month * 32 + day, month and day 0 where not known (no day
 * without a month), years 1..9999.  Packed numbers sort by time, the partial date before its parts.
 *
 * crm__date_parse accepts YYYY, YYYY-MM, YYYY-MM-DD, the same with / or . and one-digit parts,
 * YYYYMMDD, and the Chinese and Japanese form with U+5E74, U+6708, U+65E5; fullwidth digits; white
 * space around.  CRM_OK or CRM_EVALUE; then *why is a static phrase and *at a byte offset.
 * why and at may be NULL. */
int crm__date_parse(const char *s, size_t n, int32_t *packed, const char **why, size_t *at);
/* YYYY, YYYY-MM or YYYY-MM-DD, NUL-terminated; the length, 0 when packed is not valid. */
size_t crm__date_format(int32_t packed, char out[16]);
int crm__date_packed_valid(int32_t packed);

static inline int32_t crm__date_pack(int32_t year, unsigned month, unsigned day)
{
    return year * 512 + (int32_t)(month * 32 + day);
}

static inline int32_t crm__date_year(int32_t packed)
{
    return packed >> 9;
}

static inline unsigned crm__date_month(int32_t packed)
{
    return (unsigned)packed >> 5 & 15;
}

static inline unsigned crm__date_day(int32_t packed)
{
    return (unsigned)packed & 31;
}

/* RFC 3339 (T, t or a space; Z, z or an offset; fraction cut to microseconds), also without
 * seconds, as a date only (midnight), with the dates of crm__date_parse that have a day, and
 * without an offset: then it is local time in zone (NULL: UTC).  23:59:60, in UTC or as written,
 * is the second after it.
 * CRM_OK or CRM_EVALUE with why and at as above. */
int crm__datetime_parse(const char *s, size_t n, const struct crm__zone *zone, int64_t *us,
                        const char **why, size_t *at);
/* RFC 3339 in UTC with "Z", NUL-terminated; the fraction only when not 0, 3 or 6 digits.
 * The length; 0 (and "") outside CRM__TIME_MIN .. CRM__TIME_MAX. */
size_t crm__datetime_format(int64_t us, char out[40]);

/* CLOCK_REALTIME and CLOCK_MONOTONIC in microseconds. */
int64_t crm__clock_now(void);
int64_t crm__clock_mono(void);

#endif
