#include "acme/revoke.h"

#include <string.h>

#include "acme/doc.h"
#include "base/enc.h"

static const int usual[] = { REVOKE_UNSPECIFIED, REVOKE_KEY_COMPROMISE,
    REVOKE_SUPERSEDED, REVOKE_CESSATION };

const char *
revoke_name(int reason)
{
	switch (reason) {
	case REVOKE_UNSPECIFIED:
		return "unspecified";
	case REVOKE_KEY_COMPROMISE:
		return "keyCompromise";
	case REVOKE_AFFILIATION:
		return "affiliationChanged";
	case REVOKE_SUPERSEDED:
		return "superseded";
	case REVOKE_CESSATION:
		return "cessationOfOperation";
	case REVOKE_PRIVILEGE:
		return "privilegeWithdrawn";
	default:
		return NULL;
	}
}

static int
is_allowed(const struct revoke_allowed *a, int reason)
{
	const int	*v = usual;
	size_t		 i, n = sizeof(usual) / sizeof(usual[0]);

	if (a != NULL && a->n != 0) {
		v = a->reason;
		n = a->n;
	}
	for (i = 0; i < n; i++)
		if (v[i] == reason)
			return revoke_name(reason) != NULL;
	return 0;
}

char *
revoke_new(struct span cert, int reason, enum revoke_by by,
    const struct revoke_allowed *allowed, struct err *e)
{
	struct buf	 b = BUF_INIT;
	json_t		*o;

	if (!is_allowed(allowed, reason)) {
		(void)err_set(e, ERR_USAGE, "reason %d: this CA takes it not; "
		    "0, 1 (key compromise), 4 (superseded) and 5 (no longer "
		    "used) are the usual ones", reason);
		return NULL;
	}
	if (by == REVOKE_BY_KEY && reason != REVOKE_UNSPECIFIED &&
	    reason != REVOKE_KEY_COMPROMISE) {
		(void)err_set(e, ERR_USAGE, "reason %d: revoked with the "
		    "certificate's key it is published as key compromise "
		    "(1); revoke with the account for another reason",
		    reason);
		return NULL;
	}
	enc_b64url(&b, cert.p, cert.n);
	o = json_object();
	(void)json_object_set_new(o, "certificate",
	    json_string(buf_text(&b)));
	if (reason != REVOKE_UNSPECIFIED)
		(void)json_object_set_new(o, "reason",
		    json_integer(reason));
	buf_free(&b);
	return doc_end(o);
}

int
revoke_published(int reason, enum revoke_by by)
{
	switch (by) {
	case REVOKE_BY_OTHER:
		return REVOKE_CESSATION;
	case REVOKE_BY_KEY:
		return REVOKE_KEY_COMPROMISE;
	case REVOKE_BY_ISSUING:
	default:
		return reason;
	}
}

int
revoke_read(const struct acme_reply *r, int64_t now, struct problem *p,
    struct err *e)
{
	struct buf	b = BUF_INIT;

	memset(p, 0, sizeof(*p));
	if (r->status == 200)
		return 0;
	problem_read(p, r, now);
	if (p->type == PROBLEM_ALREADY_REVOKED)
		return 1;
	problem_say(p, &b);
	(void)err_set(e, ERR_HTTP, "%s", buf_text(&b));
	buf_free(&b);
	return -1;
}
