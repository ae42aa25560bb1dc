/* SPDX-License-Identifier: MIT */
/**
 * @file crm.h
 * libcrm: a customer database in your process.  This header includes all others.
 *
 * What to know before the first call:
 *
 * - A long read transaction makes the file grow: pages it may still see can't be used again.  End it
 *   as soon as the work is done; max_reader_age_us of crm_db_options reports forgotten ones.
 * - A write transaction belongs to its thread, and while it is open nobody else can write.  Hosts with
 *   thread pools, event loops or coroutines use crm_db_write().
 * - After fork() the child must not use inherited handles (CRM_EFORKED) but open again.
 * - Do not load two copies of the library into one process (CRM_EOPEN).
 * - Not on a network file system (CRM_ENETFS).
 * - Damage is found by check tags and by crm_check(), and reading a damaged file gives CRM_ECORRUPT.  But
 *   rows altered on purpose, with the key that the file holds, are believed; a damaged page can end a
 *   process that writes; and a file cut short by others while it is open ends any.  Open with CRM_VERIFY,
 *   or run crm_check(), on files you did not write.
 * - A deleted customer can be undeleted, and its bytes stay in the file.  Deleting is not erasing.
 * - The file is for one kind of machine (64-bit little-endian).
 */
#ifndef CRM_CRM_H
#define CRM_CRM_H

#include <crm/backup.h>
#include <crm/batch.h>
#include <crm/codes.h>
#include <crm/customer.h>
#include <crm/db.h>
#include <crm/dump.h>
#include <crm/error.h>
#include <crm/event.h>
#include <crm/export.h>
#include <crm/import.h>
#include <crm/journal.h>
#include <crm/live.h>
#include <crm/model.h>
#include <crm/number.h>
#include <crm/segment.h>
#include <crm/tag.h>
#include <crm/txn.h>
#include <crm/types.h>
#include <crm/version.h>

#endif
