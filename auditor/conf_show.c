#include "auditor/conf_show.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/conf.h"
#include "auditor/conf_table.h"
#include "auditor/conf_value.h"
#include "base/mem.h"

static json_t *map_json(const struct conf_map *, const void *);

/* --- to JSON -------------------------------------------------------------- */

static json_t *
strs_json(const struct conf_key *k, const void *base)
{
	const struct conf_strs	*s;
	json_t			*list;
	size_t			 i;

	s = (const struct conf_strs *)(const void *)
	    ((const char *)base + k->off);
	if (s->n == 0)
		return NULL;
	if (s->n == 1 && (k->flags & CONF_F_ONE) != 0)
		return json_string(s->v[0]);
	list = json_array();
	for (i = 0; i < s->n; i++)
		json_array_append_new(list, json_string(s->v[i]));
	return list;
}

static json_t *
array_json(const struct conf_key *k, const void *base)
{
	const char	*items;
	const size_t	*n;
	json_t		*out, *one;
	char		*name;
	size_t		 i;

	memcpy(&items, (const char *)base + k->off, sizeof(items));
	n = (const size_t *)(const void *)
	    ((const char *)base + k->count_off);
	if (*n == 0)
		return NULL;
	out = k->type == CONF_T_DICT ? json_object() : json_array();
	for (i = 0; i < *n; i++, items += k->map->size) {
		one = map_json(k->map, items);
		if (k->type == CONF_T_MAPS) {
			json_array_append_new(out, one);
			continue;
		}
		name = conf_value_text(&k->map->keys[0], items);
		if (k->map->scalar != NULL)
			json_object_set(out, name,
			    json_object_get(one, k->map->scalar));
		else
			json_object_set(out, name, one);
		json_decref(one);
		free(name);
	}
	return out;
}

static json_t *
key_json(const struct conf_key *k, const void *base)
{
	json_t	*v;
	char	*text;

	switch (k->type) {
	case CONF_T_STRS:
		return strs_json(k, base);
	case CONF_T_MAP:
		v = map_json(k->map, base);
		if ((k->flags & CONF_F_HERE) != 0 ? *(const int *)
		    (const void *)((const char *)base + k->off) :
		    json_object_size(v) > 0)
			return v;
		json_decref(v);
		return NULL;
	case CONF_T_MAPS:
	case CONF_T_DICT:
		return array_json(k, base);
	default:
		text = conf_value_text(k, base);
		v = text != NULL && text[0] != '\0' ? json_string(text) :
		    NULL;
		free(text);
		return v;
	}
}

static json_t *
map_json(const struct conf_map *m, const void *base)
{
	const struct conf_key	*k;
	json_t			*out = json_object(), *v;

	for (k = m->keys; k->name != NULL; k++) {
		if ((k->flags & CONF_F_NAME) != 0)
			continue;
		if ((v = key_json(k, base)) != NULL)
			json_object_set_new(out, k->name, v);
	}
	return out;
}

json_t *
conf_show_json(const struct conf *c)
{
	return map_json(&conf_table, c);
}

/* --- to YAML -------------------------------------------------------------- */

/* Text that YAML reads back as it is; anything else goes into quotes. */
static int
plain(const char *s)
{
	size_t	n = strlen(s);

	return n > 0 && strspn(s, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/@-") == n &&
	    s[0] != '-' && s[0] != '@';
}

static void
add_text(struct buf *b, const char *s)
{
	json_t	*v;
	char	*quoted;

	if (plain(s)) {
		buf_str(b, s);
		return;
	}
	/* A JSON string is a YAML double-quoted one. */
	v = json_string(s);
	quoted = json_dumps(v, JSON_ENCODE_ANY);
	buf_str(b, quoted != NULL ? quoted : "\"\"");
	free(quoted);
	json_decref(v);
}

static void add_object(struct buf *, json_t *, int, int);

/* What stands behind "key:": texts and lists of texts on the same line. */
static void
add_value(struct buf *b, json_t *v, int depth)
{
	json_t	*kid;
	size_t	 i;

	if (json_is_string(v)) {
		buf_str(b, " ");
		add_text(b, json_string_value(v));
	} else if (json_is_array(v) &&
	    json_is_string(json_array_get(v, 0))) {
		json_array_foreach(v, i, kid) {
			buf_str(b, i == 0 ? " [" : ", ");
			add_text(b, json_string_value(kid));
		}
		buf_str(b, "]");
	}
	buf_str(b, "\n");
	if (json_is_object(v))
		add_object(b, v, depth, 0);
	else if (json_is_array(v))
		json_array_foreach(v, i, kid) {
			if (!json_is_object(kid))
				break;
			buf_fmt(b, "%*s- ", depth * 2, "");
			add_object(b, kid, depth + 1, 1);
		}
}

/* One key a line; ${dash}: the first stands behind "- " already. */
static void
add_object(struct buf *b, json_t *v, int depth, int dash)
{
	const char	*key;
	json_t		*kid;

	json_object_foreach(v, key, kid) {
		if (!dash)
			buf_fmt(b, "%*s", depth * 2, "");
		dash = 0;
		add_text(b, key);
		buf_str(b, ":");
		add_value(b, kid, depth + 1);
	}
}

void
conf_show_yaml(const struct conf *c, struct buf *b)
{
	json_t	*v = conf_show_json(c);

	add_object(b, v, 0, 0);
	json_decref(v);
}

/* --- every key ------------------------------------------------------------ */

static const char *
type_text(const struct conf_key *k)
{
	switch (k->type) {
	case CONF_T_STRS:
		return "[..., ...]";
	case CONF_T_PATH:
		return "FILE";
	case CONF_T_SECRET:
		return "FILE or credential:NAME";
	case CONF_T_SECONDS:
		return "DURATION";
	case CONF_T_RATE:
		return "RATE";
	case CONF_T_SIZE:
		return "SIZE";
	case CONF_T_DATE:
		return "DATE";
	default:
		return "...";
	}
}

/* Is there a default in this mapping? */
static int
any_default(const struct conf_map *m)
{
	const struct conf_key	*k;

	for (k = m->keys; k->name != NULL; k++)
		if (k->dflt != NULL)
			return 1;
	return 0;
}

/* "key: value  # help"; ${text} NULL: what kind of value. */
static void
add_key(struct buf *b, const struct conf_key *k, const char *text, int nested)
{
	int	name = (k->flags & CONF_F_NAME) != 0;

	buf_fmt(b, "%s:", name ? "NAME" : k->name);
	if (!nested && !name) {
		buf_str(b, " ");
		if (text != NULL)
			add_text(b, text);
		else
			buf_str(b, type_text(k));
	}
	buf_fmt(b, "\t# %s%s\n", k->help,
	    (k->flags & CONF_F_REQUIRED) != 0 ? " (needed)" : "");
}

/*
 * Keys that have a default are written as they would be, others as comments.
 * Inside lists everything is a comment.
 */
static void
add_keys(struct buf *b, const struct conf_key *up, const struct conf *c,
    int depth)
{
	const struct conf_map	*m = up != NULL ? up->map : &conf_table;
	int			 list = up != NULL && up->type == CONF_T_MAPS;
	const struct conf_key	*k;
	char			*text;
	int			 dark, nested;

	for (k = m->keys; k->name != NULL; k++) {
		nested = k->type == CONF_T_MAP || k->type == CONF_T_MAPS ||
		    k->type == CONF_T_DICT;
		text = c != NULL && !nested ? conf_value_text(k, c) : NULL;
		if (c == NULL && k->dflt != NULL)
			text = mem_str(k->dflt);
		dark = c == NULL || (k->flags & CONF_F_HERE) != 0 || (nested && (k->type != CONF_T_MAP ||
		    !any_default(k->map))) || (!nested && text == NULL);
		buf_fmt(b, "%s%*s%s", dark ? "# " : "", depth * 2, "",
		    !list ? "" : k == m->keys ? "- " : "  ");
		add_key(b, k, text, nested);
		if (nested)
			add_keys(b, k, dark ? NULL : c, depth + 1 + list);
		if ((k->flags & CONF_F_NAME) != 0)
			depth++;
		free(text);
	}
}

void
conf_show_keys(struct buf *b)
{
	struct conf	*c = conf_default();

	add_keys(b, NULL, c, 0);
	conf_free(c);
}
