#include "auditor/db/channel.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/db/finding.h"
#include "base/mem.h"

#define NAME_MAX_LEN	64

static const struct {
	const char	*key;
	size_t		 at;
} settings[] = {
	{ "url", offsetof(struct conf_channel, url) },
	{ "url_file", offsetof(struct conf_channel, url_file) },
	{ "secret_file", offsetof(struct conf_channel, secret_file) },
	{ "old_secret_file", offsetof(struct conf_channel, old_secret_file) },
	{ "routing_key_file",
	    offsetof(struct conf_channel, routing_key_file) },
	{ "program", offsetof(struct conf_channel, program) },
};
#define NSETTINGS (sizeof(settings) / sizeof(settings[0]))

static char **
setting(struct conf_channel *c, size_t i)
{
	return (char **)(void *)((char *)c + settings[i].at);
}

static const char *
setting_get(const struct conf_channel *c, size_t i)
{
	return *(char *const *)(const void *)((const char *)c +
	    settings[i].at);
}

void
channel_free(struct channel *c, size_t n)
{
	size_t i, k;

	for (i = 0; c != NULL && i < n; i++) {
		free(c[i].conf.name);
		free(c[i].conf.kind);
		for (k = 0; k < NSETTINGS; k++)
			free(*setting(&c[i].conf, k));
		free(c[i].state_reason);
	}
	free(c);
}

/* The settings as JSON text, keys in a fixed order; free() it. */
static char *
to_json(const struct conf_channel *c)
{
	json_t *o;
	char *s;
	size_t i;

	o = json_object();
	for (i = 0; i < NSETTINGS; i++)
		if (setting_get(c, i) != NULL)
			json_object_set_new(o, settings[i].key,
			    json_string(setting_get(c, i)));
	s = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return s;
}

static void
from_json(struct conf_channel *c, const char *text)
{
	json_t *o;
	size_t i;

	o = json_loads(text, 0, NULL);
	for (i = 0; i < NSETTINGS; i++)
		*setting(c, i) = mem_str(json_string_value(
		    json_object_get(o, settings[i].key)));
	json_decref(o);
}

static int
load(struct db *db, const char *name, struct channel **out, size_t *n,
    struct err *e)
{
	struct db_res *res = NULL;
	struct channel *c;
	size_t i;

	if (db_query(db, &res, e, "select name, kind, settings::text, origin, "
	    "state, state_reason, failing_since, last_ok_at from channel "
	    "where $1::text is null or name = $1 order by name", "s",
	    name) == -1)
		return -1;
	*n = db_rows(res);
	c = mem_array(*n, sizeof(*c));
	for (i = 0; i < *n; i++) {
		c[i].conf.name = mem_str(db_text(res, i, 0));
		c[i].conf.kind = mem_str(db_text(res, i, 1));
		from_json(&c[i].conf, db_text(res, i, 2));
		c[i].from_conf = strcmp(db_text(res, i, 3), "config") == 0;
		c[i].disabled = strcmp(db_text(res, i, 4), "disabled") == 0;
		if (!db_null(res, i, 5))
			c[i].state_reason = mem_str(db_text(res, i, 5));
		c[i].failing_since = db_time(res, i, 6);
		c[i].last_ok_at = db_time(res, i, 7);
	}
	db_free(res);
	*out = c;
	return 0;
}

int
channel_list(struct db *db, struct channel **out, size_t *n, struct err *e)
{
	return load(db, NULL, out, n, e);
}

int
channel_load(struct db *db, const char *name, struct channel **out,
    struct err *e)
{
	size_t n;

	if (load(db, name, out, &n, e) == -1)
		return -1;
	if (n == 0) {
		channel_free(*out, 0);
		*out = NULL;
		return err_set(e, ERR_NOENT, "there is no channel \"%s\"; "
		    "\"certvigil channel list\" lists them", name);
	}
	return 0;
}

static int
check_name(const char *s, struct err *e)
{
	size_t n;

	n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789_-.");
	if (s[n] != '\0' || n == 0 || n > NAME_MAX_LEN || s[0] == '.' ||
	    s[0] == '-')
		return err_set(e, ERR_CONF, "a channel's name is 1 to %d "
		    "letters, digits, '.', '-' and '_'; \"%.80s\" is not",
		    NAME_MAX_LEN, s);
	return 0;
}

/*
 * By kind, a letter for each of the settings: '!' it needs it, 'o' it may
 * have it, '-' it has no such thing.
 */
static const struct kind {
	const char	*kind;
	const char	*may;
} kinds[] = {
	{ "webhook", "oo!o--" },
	{ "slack", "-!----" },
	{ "pagerduty", "o---!-" },
	{ "exec", "-----!" },
};

int
channel_check(const struct conf_channel *c, struct err *e)
{
	const struct kind *k;
	size_t i;

	if (check_name(c->name, e) == -1)
		return -1;
	k = NULL;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].kind, c->kind) == 0)
			k = &kinds[i];
	if (k == NULL)
		return err_set(e, ERR_CONF, "channel %s: there is no kind "
		    "\"%s\"; there are webhook, slack, pagerduty and exec",
		    c->name, c->kind);
	for (i = 0; i < NSETTINGS; i++) {
		if (k->may[i] == '!' && setting_get(c, i) == NULL)
			return err_set(e, ERR_CONF, "channel %s: %s needs %s",
			    c->name, c->kind, settings[i].key);
		if (k->may[i] == '-' && setting_get(c, i) != NULL)
			return err_set(e, ERR_CONF, "channel %s: %s has no "
			    "%s", c->name, c->kind, settings[i].key);
	}
	if (k == &kinds[0] && (c->url == NULL) == (c->url_file == NULL))
		return err_set(e, ERR_CONF, "channel %s: webhook needs url "
		    "or url_file, one of them", c->name);
	if (c->program != NULL && c->program[0] != '/')
		return err_set(e, ERR_CONF, "channel %s: program must be an "
		    "absolute path; \"%s\" is not", c->name, c->program);
	return 0;
}

static int
insert(struct db *db, const struct conf_channel *c, const char *origin,
    size_t *added, struct err *e)
{
	struct db_res *res = NULL;
	char *json;
	int rc;

	json = to_json(c);
	rc = db_query(db, &res, e, "insert into channel (name, kind, "
	    "settings, origin) values ($1, $2, $3::jsonb, $4) "
	    "on conflict (name) do nothing returning name", "ssss", c->name,
	    c->kind, json, origin);
	free(json);
	if (rc == 0)
		*added = db_rows(res);
	db_free(res);
	return rc;
}

int
channel_add(struct db *db, const struct conf_channel *c, struct err *e)
{
	size_t added;

	if (channel_check(c, e) == -1 ||
	    insert(db, c, "cli", &added, e) == -1)
		return -1;
	if (added == 0)
		return err_set(e, ERR_USAGE, "there is a channel \"%s\" "
		    "already; remove it first, or take another name",
		    c->name);
	return 0;
}

/* The row goes; what was on its way is dead; nobody waits for it. */
static int
drop(struct db *db, const char *name, struct err *e)
{
	if (db_query(db, NULL, e, "delete from channel where name = $1", "s",
	    name) == -1)
		return -1;
	if (db_query(db, NULL, e, "update delivery set state = 'dead', "
	    "token = token + 1, done_at = now(), last_error = 'the channel "
	    "was removed' where channel = $1 and state in ('pending', "
	    "'sending')", "s", name) == -1)
		return -1;
	return finding_resolve(db, "channel.failed", name, "",
	    "the channel was removed", e);
}

int
channel_remove(struct db *db, const char *name, struct err *e)
{
	struct channel *c = NULL;
	int conf;

	if (channel_load(db, name, &c, e) == -1)
		return -1;
	conf = c->from_conf;
	channel_free(c, 1);
	if (conf)
		return err_set(e, ERR_USAGE, "channel %s stands in the "
		    "configuration; remove it there and run \"certvigil "
		    "config apply\"", name);
	return drop(db, name, e);
}

int
channel_enable(struct db *db, const char *name, struct err *e)
{
	return db_query(db, NULL, e, "update channel set state = 'active', "
	    "state_reason = null, failing_since = null where name = $1", "s",
	    name);
}

int
channel_disable(struct db *db, const char *name, const char *reason,
    struct err *e)
{
	if (db_query(db, NULL, e, "update channel set state = 'disabled', "
	    "state_reason = $2 where name = $1", "ss", name, reason) == -1)
		return -1;
	return db_query(db, NULL, e, "update delivery set state = 'dead', "
	    "done_at = now(), last_error = 'the channel was disabled: ' || "
	    "$2::text where channel = $1 and state = 'pending' and "
	    "purpose <> 'test'", "ss", name, reason);
}

/* One channel of the configuration that is in the table as well. */
static int
sync_old(struct db *db, const struct conf_channel *c, const struct channel *o,
    struct buf *diff, struct err *e)
{
	char *now, *was;
	int rc, same;

	if (!o->from_conf)
		return err_set(e, ERR_CONF, "channel %s stands in the "
		    "configuration and was also added by \"channel add\"; "
		    "\"certvigil channel remove %s\" removes the latter",
		    c->name, c->name);
	now = to_json(c);
	was = to_json(&o->conf);
	same = strcmp(now, was) == 0 && strcmp(c->kind, o->conf.kind) == 0;
	rc = 0;
	if (!same) {
		if (diff != NULL)
			buf_fmt(diff, "~ channel %s (%s)\n", c->name, c->kind);
		rc = db_query(db, NULL, e, "update channel set kind = $2, "
		    "settings = $3::jsonb, state = 'active', state_reason = "
		    "null, failing_since = null where name = $1", "sss",
		    c->name, c->kind, now);
	}
	free(now);
	free(was);
	return rc;
}

static const struct channel *
find(const struct channel *c, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(c[i].conf.name, name) == 0)
			return &c[i];
	return NULL;
}

static int
in_conf(const struct conf *conf, const char *name)
{
	size_t i;

	for (i = 0; i < conf->nchannels; i++)
		if (strcmp(conf->channels[i].name, name) == 0)
			return 1;
	return 0;
}

int
channel_sync(struct db *db, const struct conf *conf, struct buf *diff,
    struct err *e)
{
	const struct conf_channel *c;
	const struct channel *o;
	struct channel *old = NULL;
	size_t i, n, added;
	int rc;

	rc = -1;
	/* Workers that start together take turns. */
	if (db_query(db, NULL, e, "select pg_advisory_xact_lock(7202611)",
	    "") == -1 || channel_list(db, &old, &n, e) == -1)
		return -1;
	for (i = 0; i < conf->nchannels; i++) {
		c = &conf->channels[i];
		o = find(old, n, c->name);
		if (channel_check(c, e) == -1)
			goto out;
		if (o != NULL && sync_old(db, c, o, diff, e) == -1)
			goto out;
		if (o == NULL && insert(db, c, "config", &added, e) == -1)
			goto out;
		if (o == NULL && diff != NULL)
			buf_fmt(diff, "+ channel %s (%s)\n", c->name, c->kind);
	}
	for (i = 0; i < n; i++) {
		if (!old[i].from_conf || in_conf(conf, old[i].conf.name))
			continue;
		if (drop(db, old[i].conf.name, e) == -1)
			goto out;
		if (diff != NULL)
			buf_fmt(diff, "- channel %s\n", old[i].conf.name);
	}
	rc = 0;
out:
	channel_free(old, n);
	return rc;
}
