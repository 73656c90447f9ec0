#include "auditor/blind_find.h"

#include <stdlib.h>

#include "auditor/blind_state.h"
#include "auditor/db/blind_store.h"
#include "auditor/db/coverage_store.h"
#include "auditor/db/finding.h"
#include "base/mem.h"

#define KIND	"coverage.blind"
#define SUBJECT	"ct"
/* So much of the issuance that was seen is grave at once. */
#define SHARE	0.1

/* Which programs would take a certificate that nobody showed us. */
static void
programs(const struct blind_state *s, struct buf *b)
{
	const struct blind_verdict	*v;
	size_t				 i, n = 0;

	for (i = 0; i < BLIND_WAYS; i++) {
		v = &s->way[i];
		if (v->kind == POLICY_EMBEDDED && v->seconds >= BLIND_AFTER)
			buf_fmt(b, "%s%s", n++ > 0 ? " and " : "",
			    v->program == POLICY_CHROME ? "Chrome" : "Apple");
	}
}

static int
open_finding(struct db *db, const struct blind_state *s, struct err *e)
{
	struct buf	 why = BUF_INIT;
	const char	**logs = mem_array(s->nblind + 1, sizeof(*logs));
	json_t		*detail = blind_state_json(s);
	char		*text = json_dumps(detail, JSON_COMPACT);
	struct finding	 f = { .kind = KIND, .subject = SUBJECT, .owner = "",
	    .watch = "", .name = "", .severity = "medium",
	    .issuer_first_seen = INT64_MIN, .detail = text };
	size_t		 i, n = 0;
	int		 rc;

	if (s->seconds >= BLIND_LONG || blind_state_share(s) > SHARE)
		f.severity = "high";
	for (i = 0; i < s->n; i++)
		if (blind_state_is(s, i))
			logs[n++] = db_text(s->rows, s->row[i],
			    COV_DESCRIPTION);
	f.logs = (struct db_strs){ logs, n };
	buf_str(&why, "for ");
	blind_state_span(s->seconds, &why);
	buf_str(&why, " a certificate that satisfies ");
	programs(s, &why);
	buf_str(&why, " could be in none of the logs that were read; behind "
	    "are ");
	blind_state_logs(s, &why);
	buf_str(&why, "; ");
	blind_state_estimate(s, &why);
	f.reason = buf_text(&why);
	rc = finding_open(db, &f, NULL, NULL, e);
	buf_free(&why);
	free(logs);
	free(text);
	json_decref(detail);
	return rc;
}

int
blind_find_time(struct db *db, int64_t poll, int64_t settle, struct err *e)
{
	struct blind_state	s;
	int			rc, settled = 1;

	if (settle > 0 && blind_store_settled(db, settle, &settled, e) == -1)
		return -1;
	rc = blind_state_load(&s, db, poll, e);
	if (rc == 0 && s.seconds >= BLIND_AFTER && settled) {
		rc = blind_state_seen(&s, db, e);
		if (rc == 0)
			rc = open_finding(db, &s, e);
	} else if (rc == 0 && s.seconds < BLIND_AFTER / 2)
		rc = finding_resolve(db, KIND, SUBJECT, "", "no certificate "
		    "that a program accepts could be in unread logs only", e);
	blind_state_free(&s);
	return rc;
}
