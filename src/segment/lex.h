/* SPDX-License-Identifier: MIT
 * Tokens of the segment language.  Comments and white space are passed over; the marks that are
 * typed on Chinese keyboards come out as their ASCII twins.  Knows nothing of the model.
 */
#ifndef CRM_SEGMENT_LEX_H
#define CRM_SEGMENT_LEX_H

#include "base/mem.h"

#include <crm/error.h>

typedef enum crm__token_kind {
    CRM__TOKEN_END = 0,
    CRM__TOKEN_WORD,   /* bare: a keyword, a name or a value */
    CRM__TOKEN_STRING, /* in quotes, decoded */
    CRM__TOKEN_OPEN,
    CRM__TOKEN_CLOSE,
    CRM__TOKEN_COMMA,
    CRM__TOKEN_SEPARATOR, /* the lexer's, where it has one */
    CRM__TOKEN_STAR,
    CRM__TOKEN_EQ,
    CRM__TOKEN_NE,
    CRM__TOKEN_LT,
    CRM__TOKEN_LE,
    CRM__TOKEN_GT,
    CRM__TOKEN_GE
} crm__token_kind;

/* Keywords, in any letter case. */
typedef enum crm__word_id {
    CRM__WORD_NONE_OF_THEM = 0,
    CRM__WORD_AND,
    CRM__WORD_OR,
    CRM__WORD_NOT,
    CRM__WORD_ALL,
    CRM__WORD_NONE,
    CRM__WORD_ANY,
    CRM__WORD_TAG,
    CRM__WORD_EVENT,
    CRM__WORD_COUNT, /* COUNT to LAST in the order of crm__aggregate */
    CRM__WORD_SUM,
    CRM__WORD_MIN,
    CRM__WORD_MAX,
    CRM__WORD_AVG,
    CRM__WORD_DISTINCT,
    CRM__WORD_FIRST,
    CRM__WORD_LAST,
    CRM__WORD_SEGMENT,
    CRM__WORD_ANNIVERSARY,
    CRM__WORD_BIRTHDAY,
    CRM__WORD_FOLLOWED,
    CRM__WORD_BY,
    CRM__WORD_WITHIN,
    CRM__WORD_IN,
    CRM__WORD_BETWEEN,
    CRM__WORD_IS,
    CRM__WORD_EMPTY,
    CRM__WORD_STARTS,
    CRM__WORD_WITH,
    CRM__WORD_CONTAINS,
    CRM__WORD_NEXT,
    CRM__WORD_THIS,
    CRM__WORD_PREVIOUS,
    CRM__WORD_COMING,
    CRM__WORD_SINCE,
    CRM__WORD_BEFORE,
    CRM__WORD_ON,
    CRM__WORD_TODAY,
    CRM__WORD_YESTERDAY,
    CRM__WORD_TOMORROW,
    CRM__WORD_MINUTE, /* MINUTE to YEAR in the order of crm__unit */
    CRM__WORD_HOUR,
    CRM__WORD_DAY,
    CRM__WORD_WEEK,
    CRM__WORD_MONTH,
    CRM__WORD_QUARTER,
    CRM__WORD_YEAR
} crm__word_id;

typedef struct crm__token {
    uint8_t kind, word;
    size_t at, end; /* bytes of the text, with quotes */
    crm__slice text;
} crm__token;

typedef struct crm__lexer {
    const char *s, *end, *p;
    crm__arena *arena; /* of decoded strings */
    crm_error *err;
    const char *about; /* first word of messages; NULL: segment */
    char separator;    /* ':' between dimension and value, '.' between kind and attribute; else 0 */
    crm__token now;
    size_t done; /* where the token before it ends */
} crm__lexer;

/* Steps to the next token, CRM__TOKEN_END at the end.  The text is valid UTF-8.  CRM_OK;
 * CRM_ESYNTAX with the offset: a string that does not end, a faulty escape, a control character;
 * CRM_ENOMEM. */
int crm__lex_next(crm__lexer *x);
/* The token behind the present one, which stays. */
int crm__lex_peek(crm__lexer *x, crm__token *next);

/* What stands there, for a message: a keyword or a mark as it is, of all else only its sort. */
enum { CRM__TOKEN_NAME = 16 };
const char *crm__token_name(const crm__token *t, char room[CRM__TOKEN_NAME]);
/* Keyword of a bare word; CRM__WORD_NONE_OF_THEM. */
uint8_t crm__word_find(const char *s, size_t n);
/* The word from first to last that one is nearly, also of several units; NULL: none. */
const char *crm__word_near(crm__slice s, uint8_t first, uint8_t last);
const char *crm__word_text(uint8_t word);
/* 1 when s is one word that the lexer gives back as it is, with `separator` in force. */
int crm__word_is_bare(const char *s, size_t n, char separator);

#endif
