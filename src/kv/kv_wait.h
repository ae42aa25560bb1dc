/* SPDX-License-Identifier: MIT
 * Waiting until a file was written, for engines whose commits write to one.
 */
#ifndef CRM_KV_KV_WAIT_H
#define CRM_KV_KV_WAIT_H

/* 1 when what is waited for has come. */
typedef int (*crm__moved_fn)(void *ctx);
/* CRM_OK when moved() said so, CRM_DONE after the time, CRM_EIO.  moved() is called at least once, and
 * after every write to the file. */
int crm__wait_file(const char *path, crm__moved_fn moved, void *ctx, int timeout_ms);

#endif
