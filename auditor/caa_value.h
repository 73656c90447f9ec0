#ifndef AUDITOR_CAA_VALUE_H
#define AUDITOR_CAA_VALUE_H

#include "base/cur.h"

/*
 * The value of an issue or issuewild property, which a TXT record of
 * _validation-persist has too: an issuer's domain name, then parameters
 * (grammar of RFC 8659 4.2).  Spans point into the text.
 */
struct caa_value {
	struct span	issuer;		/* n 0: nobody */
	struct cur	rest;		/* parameters that are still to come */
};

struct caa_param {
	struct span	tag, value;
};

/* Begin: 0, or -1 when it is malformed up to its first parameter. */
int caa_value_start(struct span, struct caa_value *);

/* The next parameter: 1, 0 at the end, -1 malformed. */
int caa_value_next(struct caa_value *, struct caa_param *);

/* Is the text that word, in whatever case? */
int caa_value_is(struct span, const char *word);

#endif
