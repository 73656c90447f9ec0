#include "ocsp/rev.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* RFC 5280 5.3.1; 7 is not used. */
static const char *const	reasons[] = { "unspecified", "keyCompromise",
    "cACompromise", "affiliationChanged", "superseded",
    "cessationOfOperation", "certificateHold", "", "removeFromCRL",
    "privilegeWithdrawn", "aACompromise" };
#define NREASONS	((int)(sizeof(reasons) / sizeof(reasons[0])))

#define UNSPECIFIED	0
#define KEY_COMPROMISE	1
#define HOLD		6
#define REMOVED		8

const char *
rev_name(enum rev_status v)
{
	static const char *const	name[] = { "unknown", "good",
	    "revoked", "not_applicable" };

	return (unsigned)v < 4 ? name[v] : "unknown";
}

const char *
rev_reason_name(int v)
{
	if (v == -1)
		return "";
	return v >= 0 && v < NREASONS && reasons[v][0] != '\0' ? reasons[v] :
	    "unknown reason";
}

int
rev_reason_parse(const char *s)
{
	char	*end;
	long	 v;
	int	 i;

	for (i = 0; i < NREASONS; i++)
		if (*s != '\0' && strcasecmp(s, reasons[i]) == 0)
			return i;
	if (*s < '0' || *s > '9')
		return -1;
	v = strtol(s, &end, 10);
	return *end == '\0' && v >= 0 && v < NREASONS &&
	    reasons[v][0] != '\0' ? (int)v : -1;
}

/*
 * Does the source say revoked?  removeFromCRL takes a hold back: what it
 * marks in a CRL is not revoked any more, and not thereby good.  In an OCSP
 * answer the reason takes nothing back from the status (RFC 6960 2.2).
 */
static int
revoked(const struct rev_source *s)
{
	return s->status == REV_REVOKED &&
	    (s->kind == REV_OCSP || s->reason != REMOVED);
}

/* How much a reason says; the more, the better. */
static int
weight(int reason)
{
	switch (reason) {
	case KEY_COMPROMISE:
		return 4;
	case -1:
		return 0;
	case UNSPECIFIED:
		return 1;
	case HOLD:
		return 2;	/* may end; a final reason stands above it */
	default:
		return 3;
	}
}

/* Is ${b}, which revokes, the better source than ${a}? */
static int
better(const struct rev_source *a, const struct rev_source *b)
{
	if (weight(a->reason) != weight(b->reason))
		return weight(b->reason) > weight(a->reason);
	return b->revoked_at != INT64_MIN && (a->revoked_at == INT64_MIN ||
	    b->revoked_at < a->revoked_at);
}

static const char *
kind(const struct rev_source *s)
{
	return s->kind == REV_CRL ? "CRL" : "OCSP";
}

/* Why a source that should say good does not. */
static const char *
excuse(const struct rev_source *s)
{
	if (s->refusal != NULL && s->refusal[0] != '\0')
		return s->refusal;
	return s->status == REV_REVOKED ? "it only takes a hold back "
	    "(removeFromCRL, RFC 5280 5.3.1)" : "it gives no answer";
}

/* A source that says good while another says revoked; n: none does. */
static size_t
contradicts(const struct rev_source *v, size_t n)
{
	size_t	i, parts = 0, silent = 0, part = n, good = n;

	for (i = 0; i < n; i++) {
		parts += v[i].part != 0;
		if (v[i].status != REV_GOOD)
			continue;
		if (v[i].part) {
			silent++;
			part = i;
		} else
			good = i;
	}
	/* a list in parts says good when all of them do */
	return good != n ? good : silent == parts ? part : n;
}

static void
merge_revoked(const struct rev_source *v, size_t n, struct rev *out)
{
	const struct rev_source	*s = &v[out->source];
	size_t			 i, good = contradicts(v, n);

	for (i = 0; i < n; i++)
		if (revoked(&v[i]) && v[i].revoked_at != INT64_MIN &&
		    (out->stated_at == INT64_MIN ||
		    v[i].revoked_at < out->stated_at))
			out->stated_at = v[i].revoked_at;
	out->status = REV_REVOKED;
	out->reason = s->reason;
	out->disagree = good != n;
	(void)snprintf(out->why, sizeof(out->why), "revoked%s%s by %s %.100s"
	    "%s%.60s", s->reason > 0 ? " for " : "", s->reason > 0 ?
	    rev_reason_name(s->reason) : "", kind(s), s->where,
	    out->disagree ? ", but good by " : "",
	    out->disagree ? v[good].where : "");
}

/* Nobody revokes: is there a source that was needed and does not say good? */
static void
merge_silent(const struct rev_source *v, size_t n, int none,
    struct rev *out)
{
	const struct rev_source	*s;
	size_t			 i, good = n;

	for (i = 0; i < n; i++) {
		s = &v[i];
		if (s->status == REV_GOOD) {
			if (good == n || (s->required && !v[good].required))
				good = i;
		} else if (s->required) {
			out->source = (long)i;
			(void)snprintf(out->why, sizeof(out->why),
			    "%s %.100s: %.120s", kind(s), s->where,
			    excuse(s));
			return;
		}
	}
	if (good != n) {
		out->status = REV_GOOD;
		out->source = (long)good;
		(void)snprintf(out->why, sizeof(out->why), "not revoked by "
		    "%s %.100s", kind(&v[good]), v[good].where);
	} else if (none) {
		out->status = REV_NOT_APPLICABLE;
		(void)snprintf(out->why, sizeof(out->why), "the certificate "
		    "may do without revocation");
	} else
		(void)snprintf(out->why, sizeof(out->why), n == 0 ?
		    "there is no source to ask" : "no source answered");
}

void
rev_merge(const struct rev_source *v, size_t n, int none, struct rev *out)
{
	size_t	i;

	memset(out, 0, sizeof(*out));
	out->status = REV_UNKNOWN;
	out->reason = -1;
	out->stated_at = INT64_MIN;
	out->source = -1;
	for (i = 0; i < n; i++)
		if (revoked(&v[i]) && (out->source == -1 ||
		    better(&v[out->source], &v[i])))
			out->source = (long)i;
	if (out->source != -1)
		merge_revoked(v, n, out);
	else
		merge_silent(v, n, none, out);
}

/* "Unspecified" is what no reason means (RFC 5280 5.3.1). */
static int
plain(int reason)
{
	return reason == -1 ? UNSPECIFIED : reason;
}

const char *
rev_change(const struct rev *a, const struct rev *b)
{
	if (b->status == REV_REVOKED && a->status != REV_REVOKED)
		return "revoked";
	if (a->status != REV_REVOKED)
		return NULL;
	if (b->status == REV_GOOD)
		return "unrevoked";
	if (b->status != REV_REVOKED)
		return NULL;
	if (plain(a->reason) != plain(b->reason))
		return "reason";
	return a->stated_at != b->stated_at ? "date" : NULL;
}
