#ifndef AUDITOR_DNS01_H
#define AUDITOR_DNS01_H

#include <stddef.h>

#include "auditor/alert/exec.h"
#include "base/buf.h"

struct err;

/*
 * How a hook program for dns-01 is called: the conventions of other ACME
 * clients, so that the scripts that people have for them work.  Pure.
 *
 * Everything that a program gets is checked against its alphabet first: a
 * token comes from a CA, and nothing of a CA reaches a program unread.
 *
 *	uacme		PROGRAM begin|done|failed dns-01 IDENT TOKEN VALUE, and
 *			UACME_METHOD, _TYPE, _IDENT, _TOKEN, _AUTH
 *	dehydrated	PROGRAM deploy_challenge|clean_challenge IDENT TOKEN
 *			VALUE
 *	lego		PROGRAM present|cleanup FQDN. VALUE
 *	lego-raw	PROGRAM present|cleanup -- IDENT TOKEN KEYAUTH
 *	certbot		PROGRAM, and CERTBOT_DOMAIN, _IDENTIFIER, _VALIDATION,
 *			_REMAINING_CHALLENGES, _ALL_DOMAINS, _ALL_IDENTIFIERS;
 *			for the cleanup _AUTH_OUTPUT, what the program printed
 */
enum dns01_convention {
	DNS01_UACME,
	DNS01_DEHYDRATED,
	DNS01_LEGO,
	DNS01_LEGO_RAW,
	DNS01_CERTBOT
};

enum dns01_step {
	DNS01_PRESENT,		/* put the value there */
	DNS01_DONE,		/* validated: take it away */
	DNS01_FAILED		/* not validated: take it away */
};

struct dns01_call {
	enum dns01_convention	 convention;
	enum dns01_step		 step;
	const char		*program;	/* absolute path */
	const char		*ident;		/* A-labels, without "*." */
	const char		*place;		/* where the record goes; NULL:
						   _acme-challenge.IDENT */
	const char		*token;
	const char		*keyauth;	/* RFC 8555 8.1 */
	const char		*value;		/* base64url of its SHA-256 */
	const char *const	*all;		/* names of the order; "*."
						   may stand before */
	size_t			 nall;
	unsigned		 remaining;	/* challenges after this one */
	const char		*output;	/* that of DNS01_PRESENT; "" */
};

struct dns01_args {
	char		**v;	/* owned, v[n] is NULL */
	size_t		  n, cap;
	struct exec_env	  env;	/* the convention's own */
};

/* "uacme", "dehydrated", "lego", "lego-raw", "certbot": 0, or -1 ERR_CONF. */
int dns01_convention(const char *, enum dns01_convention *, struct err *);

/*
 * Make the arguments (into an empty *args, to be freed also after an error).
 * 0, or -1 ERR_FORMAT with what is not of its alphabet, ERR_CONF (the path),
 * ERR_LIMIT.
 */
int dns01_make(const struct dns01_call *, struct dns01_args *, struct err *);
void dns01_args_free(struct dns01_args *);

/*
 * Of what a program said (hostile) the last line that is not empty, cleaned,
 * with ": " before it, into out[n]; "" when there is none.
 */
void dns01_last_line(const char *said, char *out, size_t n);

/* What the end of a program means. */
enum dns01_end {
	DNS01_OK,
	DNS01_DECLINED,		/* uacme: this challenge is not for it */
	DNS01_BROKEN
};

/*
 * Judge an exit: ${status} as from waitpid(), ${late} when it was killed for
 * its time, ${said} what it printed on stderr (hostile; its last line is
 * quoted, cleaned).  For other than DNS01_OK a sentence in ${e}: ERR_NOENT
 * for DNS01_DECLINED, else ERR_CONF.
 */
enum dns01_end dns01_judge(const struct dns01_call *, int status, int late,
    const char *said, struct err *e);

#endif
