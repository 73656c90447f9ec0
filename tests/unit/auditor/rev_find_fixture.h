#ifndef TESTS_UNIT_AUDITOR_REV_FIND_FIXTURE_H
#define TESTS_UNIT_AUDITOR_REV_FIND_FIXTURE_H

#include "auditor/rev_find.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/unit/auditor/sql.h"
#include "tests/unit/auditor/rev_fixture.h"


/* From changes of revocation to findings: what is news, once, and what not. */

#define FINDINGS "select coalesce(string_agg(kind || ' ' || state || ' ' || " \
	"severity || ' ' || owner, ',' order by kind, owner, id), '') from " \
	"finding"
#define EVENTS(kind) "select coalesce(string_agg(v.event, ',' order by v.at, v.event), " \
	"'') from finding_event v join finding f on f.id = v.finding_id " \
	"where f.kind = '" kind "'"

/* --- what was ordered ----------------------------------------------------------- */

static inline void
expect(const char *serial, const char *by)
{
	char	*text = mem_printf("insert into expectation (kind, "
		    "issuer_spki_sha256, serial, not_before_ms, not_after_ms, "
		    "origin, author, added_at) values ('revocation', "
		    "hash('aa'), '%s', 0, (extract(epoch from now() + "
		    "interval '%s') * 1000)::bigint, 'cli', 'me', now() - "
		    "interval '1 hour')", serial, by);

	sql(text);
	free(text);
}

/* A certificate that was good, for owners `web` and `mail`. */
static inline void
one(void)
{
	sql("select named('11', '01', '{a.example}', '{http://c}', "
	    "'{http://o}');"
	    "update issuance set facts = '{\"watches\": [{\"owner\": \"web\", "
	    "\"pattern\": \".example\", \"name\": \"a.example\"}, {\"owner\": "
	    "\"mail\", \"pattern\": \".example\", \"name\": \"a.example\"}, "
	    "{\"owner\": \"web\", \"pattern\": \"a.example\", \"name\": "
	    "\"a.example\"}]}'");
	rev_say(1, "01", REV_GOOD, -1);
	rev_say(2, "01", REV_GOOD, -1);
	rev_found(1);
	is(FINDINGS, "");
}

#endif
