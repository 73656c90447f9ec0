#include "auditor/conf_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/conf.h"
#include "auditor/conf_table.h"
#include "auditor/conf_value.h"
#include "auditor/conf_yaml.h"
#include "auditor/near.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#define KEYS_MAX 64	/* keys of one mapping in our table */

struct job {
	const char	*file;
	const char	*folder;
	struct buf	 path;		/* "routes[1].match.severity" */
	struct err	*e;
};

static int read_map(struct job *, const struct conf_map *,
    const struct conf_node *, void *);

/* The error has been set by the value: put the place in front. */
static int
at(struct job *j, const struct conf_node *n)
{
	const char	*path = buf_text(&j->path);

	return path[0] != '\0' ?
	    err_prefix(j->e, "%.140s:%zu:%zu: %.80s", j->file, n->line,
		n->column, path) :
	    err_prefix(j->e, "%.140s:%zu:%zu", j->file, n->line, n->column);
}

/* Go into a key or an item, and come back. */
static size_t
enter(struct job *j, const char *key)
{
	size_t	n = j->path.n;

	buf_fmt(&j->path, "%s%s", n != 0 ? "." : "", key);
	return n;
}

static size_t
enter_item(struct job *j, size_t i)
{
	size_t	n = j->path.n;

	buf_fmt(&j->path, "[%zu]", i);
	return n;
}

static void
leave(struct job *j, size_t n)
{
	j->path.n = n;
	if (j->path.p != NULL)
		j->path.p[n] = '\0';
}

/* Of a long list of keys so many bytes are said: an error is one line. */
#define LIST_SHOWN	100

static int
unknown(struct job *j, const struct conf_map *m, const struct conf_node *key)
{
	const char		*words[KEYS_MAX], *near, *more = "";
	struct buf		 all = BUF_INIT;
	const struct conf_key	*k;
	size_t			 n = 0;

	for (k = m->keys; k->name != NULL; k++) {
		if ((k->flags & CONF_F_NAME) != 0 || n == KEYS_MAX)
			continue;
		if (all.n < LIST_SHOWN)
			buf_fmt(&all, "%s%s", n != 0 ? ", " : "", k->name);
		else
			more = ", ... (config show --defaults has all)";
		words[n++] = k->name;
	}
	near = near_word(key->text, words, n);
	if (near != NULL)
		(void)err_set(j->e, ERR_CONF, "key `%.60s` is not known to "
		    "this version (%s); did you mean `%s`?", key->text,
		    CERTVIGIL_VERSION, near);
	else
		(void)err_set(j->e, ERR_CONF, "key `%.60s` is not known to "
		    "this version (%s); there are: %s%s", key->text,
		    CERTVIGIL_VERSION, buf_text(&all), more);
	buf_free(&all);
	return at(j, key);
}

static void *
array_of(const struct conf_key *k, void *base)
{
	void	*p;

	memcpy(&p, (char *)base + k->off, sizeof(p));
	return p;
}

static size_t *
count_of(const struct conf_key *k, void *base)
{
	return (size_t *)(void *)((char *)base + k->count_off);
}

/* Room for ${n} structs, empty. */
static void *
array_new(const struct conf_key *k, void *base, size_t n)
{
	void	*p = mem_array(n, k->map->size);

	memcpy((char *)base + k->off, &p, sizeof(p));
	*count_of(k, base) = 0;
	return p;
}

static int
read_scalar(struct job *j, const struct conf_key *k,
    const struct conf_node *n, void *base)
{
	if (n->type != CONF_TEXT)
		(void)err_set(j->e, ERR_CONF, "a single value is needed "
		    "(%s), this is a %s", k->help,
		    n->type == CONF_LIST ? "list" : "mapping");
	else if (n->empty)
		(void)err_set(j->e, ERR_CONF, "it has no value; %s",
		    k->help);
	else if (conf_value_set(k, base, n->text, j->folder, j->e) == 0)
		return 0;
	return at(j, n);
}

static int
read_strs(struct job *j, const struct conf_key *k, const struct conf_node *n,
    void *base)
{
	size_t	i, back;

	conf_value_free(k, base);	/* the default */
	if (n->type == CONF_TEXT && (k->flags & CONF_F_ONE) != 0) {
		if (n->empty)
			(void)err_set(j->e, ERR_CONF, "it has no value; %s",
			    k->help);
		else if (conf_value_add(k, base, n->text, j->e) == 0)
			return 0;
		return at(j, n);
	}
	if (n->type != CONF_LIST) {
		(void)err_set(j->e, ERR_CONF,
		    "a list is needed, such as [a, b]: %s", k->help);
		return at(j, n);
	}
	if (n->n == 0) {
		(void)err_set(j->e, ERR_CONF, "the list is empty; leave the "
		    "key out instead");
		return at(j, n);
	}
	for (i = 0; i < n->n; i++) {
		back = enter_item(j, i);
		if (n->kids[i]->type != CONF_TEXT) {
			(void)err_set(j->e, ERR_CONF, "a single value is "
			    "needed: %s", k->help);
			return at(j, n->kids[i]);
		}
		if (conf_value_add(k, base, n->kids[i]->text, j->e) == -1)
			return at(j, n->kids[i]);
		leave(j, back);
	}
	return 0;
}

/* One struct from a mapping, or from the text of its scalar key. */
static int
read_struct(struct job *j, const struct conf_key *k,
    const struct conf_node *n, void *base)
{
	const struct conf_key	*s;
	int			 nothing = n->type == CONF_TEXT && n->empty;

	if ((k->flags & CONF_F_HERE) != 0 && (nothing ||
	    n->type == CONF_MAPPING)) {
		*(int *)(void *)((char *)base + k->off) = 1;
		if (nothing)
			return 0;
	}
	if (n->type == CONF_MAPPING)
		return read_map(j, k->map, n, base);
	if (k->map->scalar != NULL && n->type == CONF_TEXT) {
		s = conf_table_key(k->map, k->map->scalar);
		return read_scalar(j, s, n, base);
	}
	(void)err_set(j->e, ERR_CONF, "a mapping%s is needed: %s",
	    k->map->scalar != NULL ? " or a single value" : "", k->help);
	return at(j, n);
}

static int
read_maps(struct job *j, const struct conf_key *k, const struct conf_node *n,
    void *base)
{
	char	*item;
	size_t	 i, back;

	if (n->type != CONF_LIST) {
		(void)err_set(j->e, ERR_CONF, "a list is needed, items "
		    "begin with `- `: %s", k->help);
		return at(j, n);
	}
	item = array_new(k, base, n->n);
	for (i = 0; i < n->n; i++, item += k->map->size) {
		conf_read_defaults(k->map, item);
		*count_of(k, base) = i + 1;
		back = enter_item(j, i);
		if (read_struct(j, k, n->kids[i], item) == -1)
			return -1;
		leave(j, back);
	}
	return 0;
}

static int
duplicate(struct job *j, const struct conf_node *n, size_t i)
{
	size_t	first;

	for (first = 0; first < i; first += 2)
		if (strcmp(n->kids[first]->text, n->kids[i]->text) == 0) {
			(void)err_set(j->e, ERR_CONF, "key `%.60s` is here "
			    "twice; the first is in line %zu",
			    n->kids[i]->text, n->kids[first]->line);
			return at(j, n->kids[i]);
		}
	return 0;
}

static int
read_dict(struct job *j, const struct conf_key *k, const struct conf_node *n,
    void *base)
{
	char	*item;
	size_t	 i, back;

	if (n->type != CONF_MAPPING) {
		(void)err_set(j->e, ERR_CONF, "a mapping by name is needed: "
		    "%s", k->help);
		return at(j, n);
	}
	if (n->n / 2 > KEYS_MAX * 8) {
		(void)err_set(j->e, ERR_LIMIT, "more than %d names",
		    KEYS_MAX * 8);
		return at(j, n);
	}
	item = array_new(k, base, n->n / 2);
	for (i = 0; i < n->n; i += 2, item += k->map->size) {
		conf_read_defaults(k->map, item);
		*count_of(k, base) = i / 2 + 1;
		if (duplicate(j, n, i) == -1)
			return -1;
		back = enter(j, n->kids[i]->text);
		if (conf_value_set(&k->map->keys[0], item, n->kids[i]->text,
		    NULL, j->e) == -1)
			return at(j, n->kids[i]);
		if (read_struct(j, k, n->kids[i + 1], item) == -1)
			return -1;
		leave(j, back);
	}
	return 0;
}

static int
read_key(struct job *j, const struct conf_key *k, const struct conf_node *n,
    void *base)
{
	switch (k->type) {
	case CONF_T_STRS:
		return read_strs(j, k, n, base);
	case CONF_T_MAP:
		return read_struct(j, k, n, base);
	case CONF_T_MAPS:
		return read_maps(j, k, n, base);
	case CONF_T_DICT:
		return read_dict(j, k, n, base);
	default:
		return read_scalar(j, k, n, base);
	}
}

static int
read_map(struct job *j, const struct conf_map *m, const struct conf_node *n,
    void *base)
{
	const struct conf_key	*k;
	size_t			 i, back;

	for (i = 0; i < n->n; i += 2) {
		k = conf_table_key(m, n->kids[i]->text);
		if (k == NULL)
			return unknown(j, m, n->kids[i]);
		if (duplicate(j, n, i) == -1)
			return -1;
		back = enter(j, k->name);
		if (read_key(j, k, n->kids[i + 1], base) == -1)
			return -1;
		leave(j, back);
	}
	for (k = m->keys; k->name != NULL; k++) {
		if ((k->flags & CONF_F_REQUIRED) == 0 ||
		    conf_yaml_get(n, k->name) != NULL)
			continue;
		(void)err_set(j->e, ERR_CONF, "the key `%s` is missing: %s",
		    k->name, k->help);
		return at(j, n);
	}
	return 0;
}

int
conf_read_map(const struct conf_map *m, const struct conf_node *n,
    void *base, const char *file, const char *folder, struct err *e)
{
	struct job	j = { file, folder, BUF_INIT, e };
	struct err	own = ERR_INIT;
	int		rc;

	if (j.e == NULL)
		j.e = &own;
	if (n->type == CONF_MAPPING)
		rc = read_map(&j, m, n, base);
	else {
		(void)err_set(j.e, ERR_CONF, "keys with values are needed, "
		    "such as `watch: [.example.com]`");
		rc = at(&j, n);
	}
	buf_free(&j.path);
	return rc;
}

void
conf_read_defaults(const struct conf_map *m, void *base)
{
	const struct conf_key	*k;
	int64_t			 never = INT64_MIN;

	for (k = m->keys; k->name != NULL; k++) {
		if (k->type == CONF_T_MAP)
			conf_read_defaults(k->map, base);
		else if (k->type == CONF_T_DATE)
			memcpy((char *)base + k->off, &never, sizeof(never));
		else if (k->dflt != NULL && k->type == CONF_T_STRS)
			(void)conf_value_add(k, base, k->dflt, NULL);
		else if (k->dflt != NULL)
			(void)conf_value_set(k, base, k->dflt, NULL, NULL);
	}
}

void
conf_read_free(const struct conf_map *m, void *base)
{
	const struct conf_key	*k;
	char			*items;
	size_t			 i;

	for (k = m->keys; k->name != NULL; k++) {
		switch (k->type) {
		case CONF_T_MAP:
			conf_read_free(k->map, base);
			break;
		case CONF_T_MAPS:
		case CONF_T_DICT:
			items = array_of(k, base);
			for (i = 0; i < *count_of(k, base); i++)
				conf_read_free(k->map,
				    items + i * k->map->size);
			free(items);
			break;
		default:
			conf_value_free(k, base);
			break;
		}
	}
}
