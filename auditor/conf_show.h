#ifndef AUDITOR_CONF_SHOW_H
#define AUDITOR_CONF_SHOW_H

#include <jansson.h>

#include "base/buf.h"

struct conf;

/*
 * What is in force, as an object with the keys of the file; what is absent
 * is left out.  Secrets are not in it: only the names of their files are.
 */
json_t *conf_show_json(const struct conf *);

/* The same as YAML that conf_load() reads back. */
void conf_show_yaml(const struct conf *, struct buf *);

/* Every key of the table with its default and what it is for, as YAML. */
void conf_show_keys(struct buf *);

#endif
