/* SPDX-License-Identifier: MIT
 * The queue of the processes that want to write to one file: a lock that the kernel gives back,
 * before the engine's own.
 */
#ifndef CRM_KV_KV_QUEUE_H
#define CRM_KV_KV_QUEUE_H

typedef struct crm__queue crm__queue;
struct crm__queue {
    int fd;                  /* of the file whose byte is locked; -1: nobody queues */
    void (*lost)(crm__queue *q); /* a thread ends that has the turn; may be NULL */
    crm__queue *next;        /* held by the same thread */
};

/* Waits for the turn of this process.  It queues processes, not threads: threads of one process
 * must be in order before.  Never fails; without locks on the file system nobody waits here. */
void crm__queue_enter(crm__queue *q);
/* On the thread that entered. */
void crm__queue_leave(crm__queue *q);

#endif
