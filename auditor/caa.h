#ifndef AUDITOR_CAA_H
#define AUDITOR_CAA_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cur.h"
#include "base/err.h"

/*
 * CAA (RFC 8659, RFC 8657): record sets, tree climbing, and whether they
 * allow an issuer.  Pure: who asks does the asking.
 */
struct caa_rr {
	uint8_t		flags;		/* 128: issuer critical */
	char		tag[16];	/* lower case; longer: cut, ends in ~ */
	char		value[1024];	/* printable ASCII: a backslash doubled,
					   other bytes \xNN */
};

struct caa_set {
	char		 at[256];	/* the name that has them; "": none */
	struct caa_rr	*v;		/* sorted; owned */
	size_t		 n;
	uint32_t	 ttl;		/* least */
	int		 ad;		/* all answers on the way had AD */
};

void caa_free(struct caa_set *);

/*
 * Add the RDATA of one record: 0, or -1 ERR_FORMAT (it is kept as tag "").
 * More than LIMIT_CAA are ERR_LIMIT: one record of tag "" stands for them.
 */
int caa_add(struct caa_set *, struct span rdata, struct err *);

/*
 * The next name of the climb (RFC 8659 section 3): the parent, or NULL at the
 * root.  Points into ${name}.  The parent of "*.X" is X, where the climb for
 * a wildcard begins.
 */
const char *caa_parent(const char *name);

/*
 * Canonical text of the set ("0 issue \"ca.example\"" a line): compare it.
 * free() it.
 */
char *caa_text(const struct caa_set *);

/*
 * Do they allow ${issuer} (CAA identifier) to issue for the name (a wildcard
 * asks issuewild)?  1 yes, 0 no, -1 it cannot be said: ${issuer} is NULL or no
 * domain name (not known) and records name others, or a record cannot be read.
 * An issuer is all that owner_is() says.  An unknown
 * critical tag: no.  A malformed value allows nobody.  ${why} says which
 * record.  Parameters (accounturi, validationmethods)
 * are reported in ${why} and decide only when ${account} or ${method} is not
 * NULL.
 */
int caa_allows(const struct caa_set *, const char *issuer, int wildcard,
    const char *account, const char *method, char *why, size_t cap);

/* A TXT record of _validation-persist (draft dns-persist-01): what it says. */
struct caa_grant {
	char	issuer[256];		/* issuer domain */
	char	account[1024];		/* accounturi */
	int	wildcard;		/* policy=wildcard */
	int64_t	until;			/* persistUntil, microseconds;
					   INT64_MIN: no end */
};

/*
 * 1 it is one, 0 another text, -1 malformed.  ${rdata} as on the wire: strings
 * of up to 255 bytes.  The grammar is that of an issue value (RFC 8659 4.2),
 * accounturi is needed, no parameter that we know may come twice.
 */
int caa_grant_read(struct span rdata, struct caa_grant *);

/*
 * As JSON: [{"flags","tag","value"}]; and from it into a set that owns
 * nothing, 0 or -1 (empty then).
 */
json_t *caa_json(const struct caa_set *);
int caa_from_json(const json_t *, struct caa_set *);

#endif
