/* SPDX-License-Identifier: MIT
 * Waiting until a file was written, for engines whose commits write to one.
 */
#ifndef CRM_KV_KV_WAIT_H
#define CRM_KV_KV_WAIT_H

#include <stdatomic.h>

/* Watches on one file that nobody waits with at the moment.  Ending one takes the kernel 5 ms, so
 * they are kept for the next wait.  All zero: none. */
enum { CRM__WATCHES = 4 };
typedef struct crm__watches {
    atomic_int fd[CRM__WATCHES]; /* descriptor + 1 */
} crm__watches;
void crm__watches_close(crm__watches *w);

/* 1 when what is waited for has come. */
typedef int (*crm__moved_fn)(void *ctx);
/* CRM_OK when moved() said so, CRM_DONE after the time, CRM_EIO.  moved() is called at least once,
 * and after every write to the file.  kept: of that file; several threads may share it. */
int crm__wait_file(const char *path, crm__watches *kept, crm__moved_fn moved, void *ctx,
                   int timeout_ms);

#endif
