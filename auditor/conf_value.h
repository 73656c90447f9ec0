#ifndef AUDITOR_CONF_VALUE_H
#define AUDITOR_CONF_VALUE_H

struct conf_key;
struct err;

/*
 * One value: text to field and back, typed by the table.  A field lies at
 * key->off behind ${base}, which is the struct that the table describes.
 */

/*
 * Set the field from text; what was there is freed.  ${folder} (may be NULL)
 * is where relative paths begin.  0, or -1 ERR_CONF: what is wrong, and what
 * would be right.
 */
int conf_value_set(const struct conf_key *, void *base, const char *text,
    const char *folder, struct err *);

/* Add one text to a CONF_T_STRS field. */
int conf_value_add(const struct conf_key *, void *base, const char *text,
    struct err *);

/* The field as it would be written; NULL when absent.  Freed by the caller. */
char *conf_value_text(const struct conf_key *, const void *base);

/* Free what the field owns. */
void conf_value_free(const struct conf_key *, void *base);

#endif
