/* SPDX-License-Identifier: MIT
 * What the files of the reader of cards share: a card's properties until it ends.
 */
#ifndef CRM_IO_VCARD_PART_H
#define CRM_IO_VCARD_PART_H

#include "io/table_part.h"
#include "io/vcard.h"

enum {
    CRM__CARD_SLOTS = 2 * CRM__TABLE_COLUMNS,
    CRM__CARD_MOST = 4096,
    CRM__CARD_LABELS = 256,
    CRM__CARD_NAME = 80,
    CRM__CARD_OWN = 200 /* name of a field and its source */
};

/* A property's group, name and kind, until the card ends: a label may still change the kind. */
typedef struct crm__vcard_item {
    crm__slice group, name, text;
    const char *kind; /* "cell", or "" */
    uint32_t column, order;
} crm__vcard_item;

typedef struct crm__vcard_reader {
    const crm_allocator *mem;
    crm__vcard_mend *mend;
    crm__text *text;
    crm__vcard_lines lines;
    crm__vcard_scratch scratch;
    crm__buf made;    /* a text being made */
    crm__arena arena; /* texts of the card */
    uint64_t cards;
    char version[8]; /* of the first card */
    crm__slice held; /* a line read already: a BEGIN that came before its card's END */
    uint64_t held_number;
    size_t count, labels;
    int address; /* the card's first address was met: the parts are its own */
    int failed;  /* no memory */
    int exact;   /* the property at hand says that its texts are taken as they stand */
    unsigned flags;
    const char *why; /* of CRM__ROW_BROKEN */
    char why_line[48];
    int dropped; /* it is so broken that nothing of it is kept */
    crm__vcard_item items[CRM__CARD_MOST];
    struct {
        crm__slice group, text;
    } label[CRM__CARD_LABELS];
    crm__cell cells[CRM__CARD_MOST];
    size_t known;                    /* columns before the card at hand */
    uint16_t slots[CRM__CARD_SLOTS]; /* columns by the hash of their names, + 1 */
} crm__vcard_reader;

/* The card is no good; the first reason counts. */
void crm__vcard_broken(crm__vcard_reader *r, const char *why);
/* The same, but what was read of it is told, so that it can be completed. */
void crm__vcard_flawed(crm__vcard_reader *r, const char *why);
/* Takes a property of the card in work: its items. */
void crm__vcard_take(crm__vcard_reader *r, const crm__vcard_prop *p);
/* At the end of the card: kinds that labels of the same groups say. */
void crm__vcard_use_labels(crm__vcard_reader *r);

#endif
