#ifndef AUDITOR_CONF_YAML_H
#define AUDITOR_CONF_YAML_H

#include <stddef.h>

struct err;

/*
 * YAML text to a tree, by libyaml's events.  The tree has what our
 * configuration needs and no more: texts, lists, mappings, each with its
 * place.  Refused: anchors, aliases, tags, a second document, NUL bytes, and
 * what exceeds LIMIT_CONF_*.
 */

enum conf_node_type { CONF_TEXT, CONF_LIST, CONF_MAPPING };

struct conf_node {
	enum conf_node_type	  type;
	char			 *text;		/* CONF_TEXT; owned */
	int			  empty;	/* nothing was written at all */
	size_t			  line, column;	/* from 1 */
	struct conf_node	**kids;		/* owned; key, value, key ... */
	size_t			  n;		/* of kids */
	size_t			  cap;
};

/*
 * Read ${n} bytes.  ${name} is what messages call them.  *out is the root,
 * NULL when there is nothing but comments.  0, or -1 ERR_CONF, ERR_LIMIT.
 */
int conf_yaml_read(const char *text, size_t n, const char *name,
    struct conf_node **out, struct err *);

/* The value of a key of a mapping, or NULL. */
const struct conf_node *conf_yaml_get(const struct conf_node *, const char *);

void conf_yaml_free(struct conf_node *);

#endif
