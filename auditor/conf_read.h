#ifndef AUDITOR_CONF_READ_H
#define AUDITOR_CONF_READ_H

struct conf_map;
struct conf_node;
struct err;

/* From the tree to the struct, by the table. */

/* Set every default of the mapping (not those inside lists). */
void conf_read_defaults(const struct conf_map *, void *base);

/*
 * Read the tree into ${base}, which has its defaults.  ${file} is the name in
 * messages, ${folder} (may be NULL) where relative paths begin.  0, or -1
 * ERR_CONF: "file:line:column: key: what".
 */
int conf_read_map(const struct conf_map *, const struct conf_node *,
    void *base, const char *file, const char *folder, struct err *);

/* Free everything that the struct owns. */
void conf_read_free(const struct conf_map *, void *base);

#endif
