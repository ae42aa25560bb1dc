/* SPDX-License-Identifier: MIT
 * Dates, datetimes and time zones.  The first byte says what the rest is: the text of a date or
 * datetime, the name of a zone, or the bytes of a zone's file.
 */
#include "fuzz.h"

#include "base/time.h"
#include "base/zone.h"

#include <crm/codes.h>

static crm__zone *shanghai, *new_york;

static crm__zone *open_zone(const char *name)
{
    crm__zone *z = NULL;

    if (crm__zone_open(NULL, name, &z, NULL))
        MUST(!crm__zone_open(NULL, "+08:00", &z, NULL)); /* a system without zone files */
    return z;
}

static void check_date(const char *s, size_t n)
{
    const char *why = NULL;
    size_t at = SIZE_MAX, len;
    int32_t packed, again;
    char text[16];
    int rc = crm__date_parse(s, n, &packed, &why, &at);

    MUST(rc == CRM_OK || rc == CRM_EVALUE);
    if (rc) {
        MUST(why && *why && at <= n);
        return;
    }
    MUST(crm__date_packed_valid(packed));
    len = crm__date_format(packed, text);
    MUST(len > 0 && len < sizeof text && text[len] == 0);
    MUST(crm__date_parse(text, len, &again, NULL, NULL) == CRM_OK && again == packed);
}

static void check_datetime(const char *s, size_t n, const crm__zone *zone)
{
    const char *why = NULL;
    size_t at = SIZE_MAX, len;
    int64_t us, again;
    char text[40];
    int rc = crm__datetime_parse(s, n, zone, &us, &why, &at);

    MUST(rc == CRM_OK || rc == CRM_EVALUE);
    if (rc) {
        MUST(why && *why && at <= n);
        return;
    }
    MUST(us >= CRM__TIME_MIN && us <= CRM__TIME_MAX);
    len = crm__datetime_format(us, text);
    MUST(len > 0 && len < sizeof text && text[len] == 0);
    MUST(crm__datetime_parse(text, len, zone, &again, NULL, NULL) == CRM_OK && again == us);
}

/* A local time that was shown is read as an instant that is shown so: itself, or its earlier twin.
 */
static void check_zone(const crm__zone *z, int64_t us, int sound)
{
    crm__civil c;
    int64_t local, back;
    int32_t offset = crm__zone_offset(z, us);

    MUST(offset > -90 * 3600 && offset < 90 * 3600);
    if (us < CRM__TIME_MIN || us > CRM__TIME_MAX) {
        crm__zone_to_utc(z, us);
        return;
    }
    local = us + offset * CRM__US_PER_SECOND;
    back = crm__zone_to_utc(z, local);
    if (sound) {
        MUST(back <= us);
        MUST(back + crm__zone_offset(z, back) * CRM__US_PER_SECOND == local);
    }
    crm__civil_from_time(us, &c);
    MUST(crm__time_from_civil(&c) == us);
}

static void check_name(const char *name, int64_t us)
{
    crm_error err = CRM_ERROR_INIT;
    crm__zone *z = NULL;
    int rc = crm__zone_open(NULL, name, &z, &err);

    if (rc) {
        MUST(!z && err.code == rc && err.message[0]);
        MUST(rc == CRM_EINVAL || rc == CRM_ENOTFOUND || rc == CRM_ECORRUPT || rc == CRM_EIO);
        return;
    }
    MUST(strcmp(crm__zone_name(z), name) == 0);
    check_zone(z, us, 1);
    crm__zone_close(z);
}

static void check_file(const uint8_t *p, size_t n, int64_t us)
{
    crm__zone *z = NULL;
    int rc = crm__zone_open_bytes(NULL, "Made/Up", p, n, &z, NULL);

    MUST(rc == CRM_OK || rc == CRM_ECORRUPT || rc == CRM_EINVAL);
    if (rc) {
        MUST(!z);
        return;
    }
    check_zone(z, us, 0);
    check_zone(z, INT64_MIN, 0);
    check_zone(z, INT64_MAX, 0);
    crm__zone_close(z);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = {data, size};
    uint8_t what = take(&in);
    int64_t us = what & 2 ? (int64_t)take_number(&in, 8) : 0;
    uint8_t *copy;
    char name[256];
    size_t n;

    if (!shanghai) {
        shanghai = open_zone("Asia/Shanghai");
        new_york = open_zone("America/New_York");
    }
    copy = take_copy(&in, in.n, &n);
    if (!(what & 2)) {
        check_date((const char *)copy, n);
        check_datetime((const char *)copy, n, NULL);
        check_datetime((const char *)copy, n, what & 1 ? shanghai : new_york);
    } else if (what & 1) {
        check_file(copy, n, us);
    } else {
        snprintf(name, sizeof name, "%.*s", (int)(n < 200 ? n : 200), (const char *)copy);
        check_name(name, us);
        check_zone(shanghai, us, 1);
        check_zone(new_york, us, 1);
    }
    free(copy);
    return 0;
}
