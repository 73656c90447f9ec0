#include "auditor/db/setting.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/conf_show.h"

static const char *const keys[] = { "policies", "poll", "start",
	"retention", "canary", "witnesses" };
#define KEYS	(sizeof(keys) / sizeof(keys[0]))

/* Lines about the keys of ${text} that are not what is there, if anything is. */
static int
differ(struct db *db, const char *text, struct buf *diff, struct err *e)
{
	struct db_res	*r = NULL;
	size_t		 i;

	if (db_query(db, &r, e, "select coalesce(n.key, o.key), "
	    "o.value #>> '{}', n.value #>> '{}' "
	    "from jsonb_each($1::jsonb) n full join (select d.* from setting, "
	    "jsonb_each(value) d where setting.key = 'configuration') o "
	    "on o.key = n.key where o.value is distinct from n.value and "
	    "exists (select from setting where key = 'configuration') "
	    "order by 1", "s", text) == -1)
		return -1;
	for (i = 0; i < db_rows(r); i++)
		if (db_null(r, i, 1))
			buf_fmt(diff, "+ %s %s\n", db_text(r, i, 0),
			    db_text(r, i, 2));
		else if (db_null(r, i, 2))
			buf_fmt(diff, "- %s\n", db_text(r, i, 0));
		else
			buf_fmt(diff, "~ %s %s, was %s\n", db_text(r, i, 0),
			    db_text(r, i, 2), db_text(r, i, 1));
	db_free(r);
	return 0;
}

int
setting_put(struct db *db, const struct conf *c, struct buf *diff,
    struct err *e)
{
	json_t	*all = conf_show_json(c), *part = json_object();
	char	*text;
	size_t	 i;
	int	 rc;

	for (i = 0; i < KEYS; i++)
		(void)json_object_set(part, keys[i],
		    json_object_get(all, keys[i]));
	text = json_dumps(part, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(part);
	json_decref(all);
	if (text == NULL)
		return err_set(e, ERR_SYS, "no memory for the settings");
	rc = diff != NULL ? differ(db, text, diff, e) : 0;
	if (rc == 0)
		rc = db_query(db, NULL, e, "insert into setting (key, value)"
		    " values ('configuration', $1::jsonb) on conflict (key)"
		    " do update set value = excluded.value, set_at = now()"
		    " where setting.value is distinct from excluded.value",
		    "s", text);
	free(text);
	return rc;
}

int
setting_take(struct db *db, struct conf *c, struct err *e)
{
	struct db_res		*r = NULL;
	struct conf		*other;
	struct conf_policy	*policies = c->policies;
	struct conf_witness	*witnesses = c->witnesses;
	size_t			 n = c->npolicies, w = c->nwitnesses;
	char			*canary = c->canary_name;

	if (db_query(db, &r, e, "select value::text from setting where"
	    " key = 'configuration'", "") == -1)
		return -1;
	if (db_rows(r) == 0) {
		db_free(r);
		return 0;
	}
	/* JSON is YAML, too */
	other = conf_parse(db_text(r, 0, 0), strlen(db_text(r, 0, 0)), NULL,
	    e);
	db_free(r);
	if (other == NULL) {
		err_prefix(e, "the settings that `run` has left for workers");
		return -1;
	}
	c->policies = other->policies;
	c->npolicies = other->npolicies;
	other->policies = policies;
	other->npolicies = n;
	c->witnesses = other->witnesses;
	c->nwitnesses = other->nwitnesses;
	other->witnesses = witnesses;
	other->nwitnesses = w;
	c->canary_name = other->canary_name;
	other->canary_name = canary;
	c->canary_within = other->canary_within;
	c->canary_every = other->canary_every;
	c->poll = other->poll;
	c->start_now = other->start_now;
	c->retain_certificates = other->retain_certificates;
	c->retain_deliveries = other->retain_deliveries;
	conf_free(other);
	return 0;
}
