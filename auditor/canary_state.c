#include "auditor/canary_state.h"

#include <stdlib.h>
#include <string.h>

#include "auditor/blind_state.h"
#include "auditor/canary_find.h"
#include "auditor/db/canary_store.h"
#include "auditor/db/watch_store.h"
#include "base/clk.h"
#include "base/mem.h"

/* As the judges of `run` have the watches, exclusions too. */
static int
load_watched(struct db *db, const struct conf *c, struct canary_state *s,
    struct err *e)
{
	struct watch_build	*b = watch_build_new();
	struct buf		 image = BUF_INIT;
	struct watch_set	 set;
	struct watch_hit	 hit;
	int			 rc;

	if (watch_load(db, c, b, e) == -1) {
		watch_build_free(b);
		return -1;
	}
	watch_build_done(b, &image);	/* which frees it */
	rc = watch_open_own(&set, image.p, image.n, e);
	if (rc == 0)
		s->watched = watch_name(&set, s->name, &hit, 1) > 0;
	buf_free(&image);
	return rc;
}

int
canary_state_load(struct db *db, const struct conf *c,
    struct canary_state *s, struct err *e)
{
	struct canary	 q;
	struct db_res	*r = NULL, *m = NULL;
	int		 rc;

	memset(s, 0, sizeof(*s));
	s->name = canary_name(c);
	s->within = c->canary_within;
	s->every = c->canary_every;
	q = (struct canary){ s->name, s->within, s->every };
	rc = load_watched(db, c, s, e);
	if (rc == 0)
		rc = canary_managed(db, s->name, &m, e);
	if (rc == 0)
		rc = canary_load(db, &q, &r, e);
	if (rc == 0) {
		if (db_rows(m) != 0)
			s->managed = mem_str(db_text(m, 0, 0));
		s->at = db_time(r, 0, CANARY_AT);
		s->seen_at = db_time(r, 0, CANARY_SEEN_AT);
		s->late = db_bool(r, 0, CANARY_LATE);
		s->quiet = db_bool(r, 0, CANARY_QUIET);
		s->age = db_null(r, 0, CANARY_AGE) ? 0 :
		    db_int(r, 0, CANARY_AGE);
		s->seconds = db_null(r, 0, CANARY_SECONDS) ? 0 :
		    db_int(r, 0, CANARY_SECONDS);
	}
	db_free(r);
	db_free(m);
	return rc;
}

void
canary_state_free(struct canary_state *s)
{
	free(s->name);
	free(s->managed);
	memset(s, 0, sizeof(*s));
}

/* Who orders it, and how often. */
static void
say_managed(const struct canary_state *s, struct buf *b)
{
	buf_fmt(b, "%.200s is watched", s->name);
	if (s->managed == NULL) {
		buf_str(b, ", not managed (others declare it)");
		return;
	}
	buf_str(b, ", managed");
	if (strcmp(s->managed, s->name) != 0)
		buf_fmt(b, " as a name of %.200s", s->managed);
	else if (s->every != 0) {
		buf_str(b, ", renewed every ");
		blind_state_span(s->every, b);
	}
}

/* Its newest certificate, which is well. */
static void
say_newest(const struct canary_state *s, struct buf *b)
{
	char	t[CLK_TEXT];

	buf_fmt(b, "; the newest certificate is of %s, ", clk_text(s->at, t));
	if (s->seen_at != INT64_MIN) {
		buf_str(b, "a log showed it after ");
		blind_state_span(s->seconds, b);
		return;
	}
	buf_str(b, "no log has shown it yet, which may take ");
	blind_state_span(s->within, b);
}

int
canary_state_say(const struct canary_state *s, struct buf *b)
{
	if (!s->watched) {
		buf_fmt(b, "%.200s is not watched, and so never seen: "
		    "certvigil watch add %.200s, or certvigil config apply "
		    "where the configuration has it", s->name, s->name);
		return 1;
	}
	say_managed(s, b);
	if (s->late) {
		buf_str(b, "; its newest certificate was received or declared ");
		blind_state_span(s->age, b);
		buf_str(b, " ago, and no log has shown it: certvigil findings "
		    "list, certvigil coverage");
		return 2;
	}
	if (s->at == INT64_MIN || s->quiet) {
		buf_str(b, s->at == INT64_MIN ? "; there was no certificate "
		    "for it yet" : "; the newest certificate is ");
		if (s->at != INT64_MIN) {
			blind_state_span(s->age, b);
			buf_str(b, " old");
		}
		buf_fmt(b, ": certvigil issue %.200s, or list it below "
		    "managed; who orders elsewhere says so by certvigil "
		    "expect issuance", s->name);
		return s->quiet ? 2 : 1;
	}
	say_newest(s, b);
	if (s->every != 0 && (s->managed == NULL ||
	    strcmp(s->managed, s->name) != 0)) {
		buf_fmt(b, "; canary.every renews it only where it is the "
		    "first name of a managed certificate: certvigil issue "
		    "%.200s", s->name);
		return 1;
	}
	return 0;
}

static json_t *
moment(int64_t t)
{
	char	text[CLK_TEXT];

	return t == INT64_MIN ? json_null() : json_string(clk_text(t, text));
}

json_t *
canary_state_json(const struct canary_state *s)
{
	return json_pack("{ss sb ss? so so}", "name", s->name, "watched",
	    s->watched, "managed", s->managed, "newest_at", moment(s->at),
	    "seen_at", moment(s->seen_at));
}
