#ifndef AUDITOR_ACMEDNS_H
#define AUDITOR_ACMEDNS_H

#include <stddef.h>

#include "auditor/alert/message.h"
#include "base/buf.h"
#include "base/cur.h"

struct err;

/*
 * acme-dns: a small name server with an HTTP interface, to which users point
 * _acme-challenge.NAME by a CNAME.  It keeps the last two values of an
 * account, so a name and its wildcard fit at once.  Pure: the requests, and
 * what the answers say.
 */
struct acmedns {
	char	*user;		/* owned; letters, digits, '-', '_' */
	char	*key;		/* owned; the same; wiped */
	char	*subdomain;	/* owned; the same */
	char	*fulldomain;	/* owned; where the CNAME must lead */
};

#define ACMEDNS_INIT { NULL, NULL, NULL, NULL }

/*
 * Read an account: what POST /register answered, as the clients of acme-dns
 * keep it (username, password, subdomain, fulldomain; others are passed
 * over).  A file with accounts by name, as lego and certbot's hook keep them
 * ({"example.org": {...}}), gives that of ${ident} (A-labels, no "*.").  0, or
 * -1 ERR_CONF, ERR_LIMIT, ERR_NOENT (none for that name).
 */
int acmedns_read(struct span json, const char *ident, struct acmedns *,
    struct err *);
void acmedns_free(struct acmedns *);

/*
 * The request that sets a value (43 characters of base64url) at the server
 * ${base} ("https://auth.example.org", perhaps a path): ${url} gets where, and
 * *req (empty) what is posted.  0, or -1 ERR_CONF, ERR_FORMAT.
 */
int acmedns_update(const struct acmedns *, const char *base,
    const char *value, struct buf *url, struct message_req *, struct err *);

/*
 * What was answered: 0 it has the value; -1 and a sentence: ERR_PERM (user,
 * key or our address are refused), ERR_TEMP (its database), ERR_HTTP,
 * ERR_FORMAT.
 */
int acmedns_said(const struct acmedns *, long status, struct span body,
    const char *value, struct err *);

/*
 * CNAMEs lead from the record's name ${owner} to ${place}: 0 when that is the
 * account's, else -1 ERR_CONF with the record that must be made.
 */
int acmedns_place(const struct acmedns *, const char *owner,
    const char *place, struct err *);

#endif
