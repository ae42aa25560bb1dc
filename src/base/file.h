/* SPDX-License-Identifier: MIT
 * Paths and files: writing, renaming, writing through to the disk.
 */
#ifndef CRM_BASE_FILE_H
#define CRM_BASE_FILE_H

#include "base/mem.h"

#include <crm/error.h>

/* "<dir>/<name>"; NULL without memory. */
char *crm__path_join(const crm_allocator *mem, const char *dir, const char *name);
/* The folder a path is in: of "a/b" "a". */
char *crm__path_folder(const crm_allocator *mem, const char *path);

/* CRM_EFULL when that is what errno says, else CRM_EIO. */
int crm__file_code(int sys);
/* Size of a file, 0 when there is none. */
uint64_t crm__file_bytes(const char *path);
int crm__file_write(int fd, const void *p, size_t n, crm_error *err);
/* Writes a file, or a folder's list of names, through to the disk. */
int crm__file_sync(const char *path, crm_error *err);
int crm__folder_sync(const char *path, crm_error *err);
/* Renames, and writes the folder of `to` through to the disk.  CRM_EEXISTS unless it may replace.
 */
int crm__file_place(const crm_allocator *mem, const char *from, const char *to, int replace,
                    crm_error *err);

#endif
