#include "auditor/conf_yaml.h"

#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/err.h"
#include "base/limit.h"
#include "base/mem.h"

struct reader {
	yaml_parser_t		 parser;
	const char		*name;		/* borrowed */
	struct conf_node	*root;
	struct conf_node	*open[LIMIT_CONF_DEPTH];
	size_t			 depth;
	int			 documents;
};

static int
fail(const struct reader *r, const yaml_mark_t *at, const char *what,
    struct err *e)
{
	return err_set(e, ERR_CONF, "%s:%zu:%zu: %s", r->name,
	    at->line + 1, at->column + 1, what);
}

/* libyaml's own words on text that is no YAML. */
static int
bad_yaml(const struct reader *r, struct err *e)
{
	const yaml_parser_t	*p = &r->parser;
	const char		*why = p->problem;

	if (why == NULL)
		why = "this is not YAML";
	if (p->error == YAML_READER_ERROR)
		return err_set(e, ERR_CONF,
		    "%s: byte %zu: %s; the file must be UTF-8 text",
		    r->name, p->problem_offset, why);
	return err_set(e, ERR_CONF, "%s:%zu:%zu: not YAML: %s%s%s", r->name,
	    p->problem_mark.line + 1, p->problem_mark.column + 1, why,
	    p->context != NULL ? ", " : "",
	    p->context != NULL ? p->context : "");
}

static struct conf_node *
node_new(enum conf_node_type type, const yaml_mark_t *at)
{
	struct conf_node	*n = mem_zero(sizeof(*n));

	n->type = type;
	n->line = at->line + 1;
	n->column = at->column + 1;
	return n;
}

/* Put a node where it belongs; takes it. */
static int
attach(struct reader *r, struct conf_node *n, const yaml_mark_t *at,
    struct err *e)
{
	struct conf_node	*parent;

	if (r->depth == 0) {
		r->root = n;
		return 0;
	}
	parent = r->open[r->depth - 1];
	parent->kids = mem_grow(parent->kids, &parent->cap, parent->n + 1,
	    sizeof(struct conf_node *));
	parent->kids[parent->n++] = n;
	if (parent->type == CONF_MAPPING && parent->n % 2 == 1 &&
	    n->type != CONF_TEXT)
		return fail(r, at, "a key must be plain text", e);
	if (parent->n / (parent->type == CONF_MAPPING ? 2 : 1) >
	    LIMIT_CONF_ITEMS)
		return err_set(e, ERR_LIMIT, "%s:%zu:%zu: more than %u items; "
		    "put watches into watch_file", r->name, at->line + 1,
		    at->column + 1, LIMIT_CONF_ITEMS);
	return 0;
}

static int
on_text(struct reader *r, const yaml_event_t *ev, struct err *e)
{
	const yaml_mark_t	*at = &ev->start_mark;
	const char		*text = (const char *)ev->data.scalar.value;
	size_t			 n = ev->data.scalar.length;
	struct conf_node	*node;

	if (ev->data.scalar.anchor != NULL)
		return fail(r, at, "anchors (`&name`) are not allowed", e);
	if (ev->data.scalar.tag != NULL)
		return fail(r, at, "tags (`!name`) are not allowed", e);
	if (memchr(text, '\0', n) != NULL)
		return fail(r, at, "a value must not contain a NUL byte", e);
	if (n > LIMIT_CONF_TEXT)
		return err_set(e, ERR_LIMIT,
		    "%s:%zu:%zu: a value of %zu bytes; at most %u", r->name,
		    at->line + 1, at->column + 1, n, LIMIT_CONF_TEXT);
	node = node_new(CONF_TEXT, at);
	node->text = mem_dup(text, n);
	node->empty = n == 0 &&
	    ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return attach(r, node, at, e);
}

static int
on_open(struct reader *r, const yaml_event_t *ev, struct err *e)
{
	const yaml_mark_t	*at = &ev->start_mark;
	int			 list = ev->type == YAML_SEQUENCE_START_EVENT;
	const void		*anchor, *tag;
	struct conf_node	*n;

	anchor = list ? ev->data.sequence_start.anchor :
	    ev->data.mapping_start.anchor;
	tag = list ? ev->data.sequence_start.tag : ev->data.mapping_start.tag;
	if (anchor != NULL)
		return fail(r, at, "anchors (`&name`) are not allowed", e);
	if (tag != NULL)
		return fail(r, at, "tags (`!name`) are not allowed", e);
	if (r->depth == LIMIT_CONF_DEPTH)
		return err_set(e, ERR_LIMIT, "%s:%zu:%zu: lists and mappings "
		    "more than %d deep", r->name, at->line + 1,
		    at->column + 1, LIMIT_CONF_DEPTH);
	n = node_new(list ? CONF_LIST : CONF_MAPPING, at);
	if (attach(r, n, at, e) == -1)
		return -1;
	r->open[r->depth++] = n;
	return 0;
}

static int
on_event(struct reader *r, const yaml_event_t *ev, struct err *e)
{
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (r->documents++ == 0)
			return 0;
		return fail(r, &ev->start_mark,
		    "a second document; one file has one", e);
	case YAML_SCALAR_EVENT:
		return on_text(r, ev, e);
	case YAML_ALIAS_EVENT:
		return fail(r, &ev->start_mark,
		    "aliases (`*name`) are not allowed; quote a value that "
		    "begins with `*`", e);
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		return on_open(r, ev, e);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		r->depth--;
		return 0;
	default:
		return 0;
	}
}

int
conf_yaml_read(const char *text, size_t n, const char *name,
    struct conf_node **out, struct err *e)
{
	struct reader	r = { .name = name };
	yaml_event_t	ev;
	int		rc, done = 0;

	*out = NULL;
	if (n > LIMIT_CONF_FILE)
		return err_set(e, ERR_LIMIT, "%s: %zu bytes; at most %u",
		    name, n, LIMIT_CONF_FILE);
	if (yaml_parser_initialize(&r.parser) == 0)
		return err_set(e, ERR_SYS, "libyaml: no memory");
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text,
	    n);
	do {
		if (yaml_parser_parse(&r.parser, &ev) == 0) {
			rc = bad_yaml(&r, e);
			break;
		}
		done = ev.type == YAML_STREAM_END_EVENT;
		rc = on_event(&r, &ev, e);
		yaml_event_delete(&ev);
	} while (rc == 0 && !done);
	yaml_parser_delete(&r.parser);
	if (rc == -1 || (r.root != NULL && r.root->empty)) {
		conf_yaml_free(r.root);
		r.root = NULL;
	}
	*out = r.root;
	return rc;
}

const struct conf_node *
conf_yaml_get(const struct conf_node *n, const char *key)
{
	size_t	i;

	if (n == NULL || n->type != CONF_MAPPING)
		return NULL;
	for (i = 0; i + 1 < n->n; i += 2)
		if (strcmp(n->kids[i]->text, key) == 0)
			return n->kids[i + 1];
	return NULL;
}

void
conf_yaml_free(struct conf_node *n)
{
	size_t	i;

	if (n == NULL)
		return;
	for (i = 0; i < n->n; i++)
		conf_yaml_free(n->kids[i]);
	free(n->kids);
	free(n->text);
	free(n);
}
