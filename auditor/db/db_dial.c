#include "auditor/db/db_dial.h"

#include <stdlib.h>
#include <string.h>

#include "base/limit.h"
#include "base/mem.h"

/* What libpq adds when a session was ended, for whatever reason. */
#define GUESS	"\n\tThis probably means the server terminated abnormally"

void
db_dial_line(struct buf *b, const char *s)
{
	const char	*end = strstr(s, GUESS);
	char		 c;

	for (; *s != '\0' && s != end; s++) {
		c = (unsigned char)*s < 0x20 || *s == 0x7f ? ' ' : *s;
		if (c == ' ' && (b->n == 0 || b->p[b->n - 1] == ' '))
			continue;
		buf_add(b, &c, 1);
	}
	while (b->n > 0 && b->p[b->n - 1] == ' ')
		b->p[--b->n] = '\0';
}

/*
 * Has a URI a password (what stands between the user and the last @) with a
 * character that must be percent-encoded?  libpq splits the password there
 * and quotes a part of it in its message.
 */
static int
uri_split(const char *conninfo)
{
	const char	*p = strstr(conninfo, "://"), *colon, *at;

	if (p == NULL)
		return 0;
	p += 3;
	colon = strchr(p, ':');
	at = strrchr(p, '@');
	if (colon == NULL || at == NULL || at < colon)
		return 0;
	return strcspn(colon + 1, "@/?#[] ") < (size_t)(at - colon - 1);
}

/* Replace each ${secret} in a message. */
static void
redact(struct buf *out, const char *msg, const char *secret)
{
	const char	*hit;

	if (secret == NULL || secret[0] == '\0') {
		buf_str(out, msg);
		return;
	}
	while ((hit = strstr(msg, secret)) != NULL) {
		buf_add(out, msg, (size_t)(hit - msg));
		buf_str(out, "****");
		msg = hit + strlen(secret);
	}
	buf_str(out, msg);
}

/* What libpq says of one that is not for us; in English, as we set no locale. */
#define READ_ONLY	"session is read-only"

/* Why there is no connection, without anything of a password. */
static int
refused(const PGconn *pg, const char *conninfo, const char *password,
    struct err *e)
{
	struct buf	safe = BUF_INIT, line = BUF_INIT;
	char		*p, *save = NULL;

	if (uri_split(conninfo)) {
		err_set(e, ERR_DB, "no connection to the database: a "
		    "character in the connection string's password must be "
		    "percent-encoded (@ as %%40, / as %%2F)");
	} else {
		redact(&safe, PQerrorMessage(pg), password);
		/* a line a host that was tried, or a line of advice */
		p = safe.n > 0 ? strtok_r((char *)safe.p, "\n", &save) : NULL;
		for (; p != NULL; p = strtok_r(NULL, "\n", &save)) {
			buf_str(&line, line.n > 0 ? "; " : "");
			db_dial_line(&line, p);
		}
		/* what to do first: the list of hosts may be long */
		err_set(e, ERR_DB, strstr(buf_text(&line), READ_ONLY) != NULL ?
		    "the database takes no writes (a standby, or a primary "
		    "that was one): promote it, or name the server that is "
		    "the primary: %s" : "no connection to the database: %s",
		    buf_text(&line));
	}
	buf_free(&safe);
	buf_free(&line);
	return -1;
}

/*
 * Dates and zones in the form that db_res.c reads: asked for in the startup
 * packet, which a pooler knows how to keep, by way of libpq's environment.
 */
struct env_save {
	char	*style;
	char	*zone;
};

static void
env_enter(struct env_save *s)
{
	s->style = mem_str(getenv("PGDATESTYLE"));
	s->zone = mem_str(getenv("PGTZ"));
	(void)setenv("PGDATESTYLE", "ISO", 1);
	(void)setenv("PGTZ", "UTC", 1);
}

static void
env_leave(struct env_save *s)
{
	if (s->style == NULL)
		(void)unsetenv("PGDATESTYLE");
	else
		(void)setenv("PGDATESTYLE", s->style, 1);
	if (s->zone == NULL)
		(void)unsetenv("PGTZ");
	else
		(void)setenv("PGTZ", s->zone, 1);
	free(s->style);
	free(s->zone);
}

/* What we add to a connection string where it does not say it. */
static const char *const defaults[][2] = {
	{ "connect_timeout", "10" },
	{ "fallback_application_name", "certvigil" },
	{ "keepalives_idle", "30" },
	/* a standby, or a primary that was one: not a database for us */
	{ "target_session_attrs", "read-write" },
	{ "tcp_user_timeout", "30000" },
};
#define NDEFAULTS	(sizeof(defaults) / sizeof(defaults[0]))

_Static_assert(LIMIT_DB_CONNECT == 10, "connect_timeout is LIMIT_DB_CONNECT");

static PGconn *
dial(const PQconninfoOption *opts)
{
	const char	 **key, **val;
	struct env_save	   env;
	PGconn		  *pg;
	size_t		   i, n = 0, max = NDEFAULTS + 2;

	for (i = 0; opts[i].keyword != NULL; i++)
		max++;
	key = mem_array(max, sizeof(*key));
	val = mem_array(max, sizeof(*val));
	for (i = 0; i < NDEFAULTS; i++, n++) {
		key[n] = defaults[i][0];
		val[n] = defaults[i][1];
	}
	/* A key that is given twice has its last value. */
	for (i = 0; opts[i].keyword != NULL; i++) {
		if (opts[i].val == NULL)
			continue;
		key[n] = opts[i].keyword;
		val[n++] = opts[i].val;
	}
	key[n] = "client_encoding";
	val[n] = "UTF8";
	env_enter(&env);
	pg = PQconnectdbParams(key, val, 0);
	env_leave(&env);
	free(key);
	free(val);
	return pg;
}

static const char *
option(const PQconninfoOption *opts, const char *key)
{
	for (; opts->keyword != NULL; opts++)
		if (strcmp(opts->keyword, key) == 0)
			return opts->val;
	return NULL;
}

PGconn *
db_dial_open(const char *conninfo, struct err *e)
{
	PQconninfoOption	*opts;
	PGconn			*pg;
	char			*why = NULL;

	opts = PQconninfoParse(conninfo, &why);
	if (opts == NULL) {
		/* libpq's sentence may quote a part of the password. */
		PQfreemem(why);
		(void)err_set(e, ERR_CONF, "the database's connection string "
		    "is malformed: wanted \"key=value ...\" (values with "
		    "spaces in '') or postgresql://user@host/name");
		return NULL;
	}
	pg = dial(opts);
	if (PQstatus(pg) != CONNECTION_OK) {
		(void)refused(pg, conninfo, option(opts, "password"), e);
		PQfinish(pg);
		pg = NULL;
	}
	PQconninfoFree(opts);
	return pg;
}

int
db_dial_reset(PGconn *pg, struct err *e)
{
	struct env_save	env;

	env_enter(&env);
	PQreset(pg);
	env_leave(&env);
	if (PQstatus(pg) == CONNECTION_OK)
		return 0;
	return refused(pg, "", PQpass(pg), e);
}
