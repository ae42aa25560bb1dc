/* SPDX-License-Identifier: MIT
 * Time zones: fixed offsets and the IANA zones of the system's TZif files.  Immutable after open:
 * any thread may use one.
 */
#ifndef CRM_BASE_ZONE_H
#define CRM_BASE_ZONE_H

#include <crm/error.h>
#include <crm/types.h>

typedef struct crm__zone crm__zone;

/* name: "UTC", "Z", "+08:00", "-0330", "+09", or an IANA name, read below the folder in the
 * environment variable TZDIR, else /usr/share/zoneinfo.  *out is NULL on any result but CRM_OK.
 * CRM_EINVAL: the name cannot be one.  CRM_ENOTFOUND: no such zone.  CRM_ECORRUPT: its file is
 * faulty.  CRM_EIO, CRM_ENOMEM. */
int crm__zone_open(const crm_allocator *mem, const char *name, crm__zone **out, crm_error *err);
/* The same from the bytes of a TZif file. */
int crm__zone_open_bytes(const crm_allocator *mem, const char *name, const uint8_t *p, size_t n,
                         crm__zone **out, crm_error *err);
void crm__zone_close(crm__zone *z); /* NULL allowed */

/* As given to open ("UTC" for NULL). */
const char *crm__zone_name(const crm__zone *z);

/* Seconds east of UTC in force at an instant.  NULL is UTC. */
int32_t crm__zone_offset(const crm__zone *z, int64_t utc_us);

/* The instant of a local time (microseconds as if it were UTC).  A time skipped by a change of the
 * clocks is moved forward by what was skipped; of a time that comes twice the earlier instant is
 * given.  Saturates at the ends of int64. */
int64_t crm__zone_to_utc(const crm__zone *z, int64_t local_us);

#endif
