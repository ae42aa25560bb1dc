/* SPDX-License-Identifier: MIT
 * What the reader of the JSON form is made of: places, members of objects, windows, comparisons.
 */
#ifndef CRM_SEGMENT_JSON_PART_H
#define CRM_SEGMENT_JSON_PART_H

#include "base/error.h"
#include "codec/json.h"
#include "segment/json.h"

#include <crm/codes.h>

typedef struct crm__json_reader {
    crm__build b;
    crm__buf nodes; /* stack, as of the text's reader */
} crm__json_reader;

/* Members of one object. */
typedef struct crm__json_given {
    const crm__json *value[CRM__MEMBERS];
    uint32_t given; /* mask; a null is given, too */
} crm__json_given;

#define CRM__MEMBER_BIT(m) (UINT32_C(1) << (m))
#define CRM__MEMBERS_COMPARED                                                                      \
    (CRM__MEMBER_BIT(CRM__MEMBER_OP) | CRM__MEMBER_BIT(CRM__MEMBER_VALUE) |                        \
     CRM__MEMBER_BIT(CRM__MEMBER_VALUES) | CRM__MEMBER_BIT(CRM__MEMBER_WINDOW))

#define CRM__JSON_BAD(r, ...) crm__build_fail(&(r)->b, CRM_ESYNTAX, 0, __VA_ARGS__)

/* Goes into a member or an item; crm__json_leave() comes back, also from an error further in. */
void crm__json_enter(crm__json_reader *r, crm__step *step, const char *key, size_t index);
void crm__json_leave(crm__json_reader *r, const crm__step *step);
/* Which of some names a key is; -1: none. */
int crm__json_one_of(const char *key, const char *const *names, int count);
/* Members of an object, all of them among `names`. */
int crm__json_members(crm__json_reader *r, const crm__json *v, const char *const *names, int count,
                      const crm__json **values, uint32_t *given);
/* All that is given is allowed, all that is needed is given. */
int crm__json_check(crm__json_reader *r, uint32_t given, uint32_t needed, uint32_t allowed,
                    const char *const *names);
/* A string, and a member that is one. */
int crm__json_read_text(crm__json_reader *r, const crm__json *v, crm__operand *out);
int crm__json_text_member(crm__json_reader *r, const crm__json_given *m, crm__member which,
                          crm__operand *out);
/* {"count":90,"unit":"day"}, and the member window. */
int crm__json_within(crm__json_reader *r, const crm__json *v, crm__node *n);
int crm__json_window(crm__json_reader *r, const crm__json_given *m, crm__window *w);
/* Members op and what belongs to it; the others have been looked at. */
int crm__json_comparison(crm__json_reader *r, const crm__subject *s, const crm__json_given *m,
                         uint32_t others, crm__comparison *out);

#endif
