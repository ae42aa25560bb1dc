/* SPDX-License-Identifier: MIT */
/**
 * @file codes.h
 * Result codes.  Made by scripts/gen-errors.py from src/base/errors.def: edit that.
 */
#ifndef CRM_CODES_H
#define CRM_CODES_H

/** Ok. The call did what it says. */
#define CRM_OK 0
/** Done. An iterator has no further item. Not an error. */
#define CRM_DONE 1
/** Invalid argument. An argument is NULL where it may not be, an option struct has an unknown part, a flag is unknown, or text is not UTF-8. */
#define CRM_EINVAL (-1)
/** Out of memory. An allocation failed. Nothing was changed. */
#define CRM_ENOMEM (-2)
/** Not possible in this state. The handle is in a state that does not allow the call: a write in a read transaction, a second write transaction on the same thread, a transaction that has ended. */
#define CRM_ESTATE (-3)
/** Wrong thread. A write transaction was used on another thread than the one that began it. The transaction is unchanged and goes on on its own thread. */
#define CRM_ETHREAD (-4)
/** Handle inherited through fork. The handle was opened by a parent process. Closing it frees its memory only. */
#define CRM_EFORKED (-5)
/** Database handle is closed. The database handle was closed while this child of it was still held. */
#define CRM_ECLOSED (-6)
/** Not found. No such customer, event, revision, batch, value or file. */
#define CRM_ENOTFOUND (-10)
/** Already exists. A value that must be unique is already used by another customer (`field` names it and `row` gives that customer's id), a customer is not deleted and cannot be undeleted, or an event is voided already. */
#define CRM_EEXISTS (-11)
/** Changed by someone else. The expected revision is not the customer's present one, which is in `row`; or customers were changed since the batch that is to be undone. Nothing was changed. */
#define CRM_ECONFLICT (-12)
/** Value breaks the model. A value has the wrong type, is out of range, does not match its pattern or is required and missing. `field` names the field. */
#define CRM_EVALUE (-13)
/** No such field. A name is neither the key nor a label of a field, identity, event kind or attribute of the model. `field` holds the name when it is a plausible key. */
#define CRM_EFIELD (-14)
/** Syntax error. A JSON document or the text of a segment is malformed. `offset` is the byte position. */
#define CRM_ESYNTAX (-15)
/** Faulty model. A model document has faults. `row` is the line and `offset` the column of the first. */
#define CRM_EMODEL (-16)
/** Ambiguous. An upsert matches more than one customer. */
#define CRM_EAMBIGUOUS (-17)
/** Refused because data would be lost. A model change would make stored values invalid or unreachable. */
#define CRM_EREFUSED (-18)
/** Cancelled. A progress callback asked to stop. Nothing was changed. */
#define CRM_ECANCELLED (-19)
/** Input or output error. The operating system reported an error; `sys` holds errno. */
#define CRM_EIO (-20)
/** Database is full. The disk, the size limit of the options or the address space is exhausted. Nothing was changed and the database stays usable. */
#define CRM_EFULL (-21)
/** Too many readers. Every reader slot is taken by a live transaction. */
#define CRM_EREADERS (-22)
/** Busy. Another process holds the database in a way that excludes this call. */
#define CRM_EBUSY (-23)
/** Already open in this process. Another copy of the library in this process, or a process with the same pid in another container, has the database open. Going on would destroy its locks. */
#define CRM_EOPEN (-24)
/** Read only. A write was tried on a database opened with CRM_READONLY. */
#define CRM_EREADONLY (-25)
/** Network file system. The folder is on a network file system, whose locks and mapped pages cannot be trusted. */
#define CRM_ENETFS (-26)
/** Damaged data. A stored value or page does not pass its check. The transaction goes on; other data stays readable. */
#define CRM_ECORRUPT (-30)
/** Format not known to this library. The database uses a feature this library does not know; the message names it. */
#define CRM_EVERSION (-31)
/** Handle is poisoned. The storage engine met a state it cannot go on from, in this process. Committed data is safe. */
#define CRM_EPOISONED (-32)

#endif
