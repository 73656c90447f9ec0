/* Records of dns-01 by RFC 2136, declared in acme_dns_part.h. */
#include <stdlib.h>
#include <string.h>

#include "auditor/role/acme_dns_part.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/mem.h"

/* A second value at a name must not wait for the first one to be forgotten. */
#define TTL_S		10u
#define GRANT_TTL_S	3600u
#define RFC2136		"acme.challenges.dns-01.rfc2136"

/* The key of RFC 2136, read when it is first needed. */
static int
key(struct acme_dns *d, struct err *e)
{
	const struct conf	*c = d->conf;
	struct buf		 raw = BUF_INIT;
	char			*text;
	int			 rc = -1;

	if (d->has_key)
		return 0;
	text = conf_secret(c->dns01_secret_file, e);
	if (text == NULL)
		return err_prefix(e, RFC2136);
	if (enc_unb64(text, strlen(text), &raw) == -1)
		(void)err_set(e, ERR_CONF, RFC2136 ".secret_file: %.160s is "
		    "not base64; write only the secret of the key there, as "
		    "the server's configuration has it",
		    c->dns01_secret_file);
	else if (tsig_key_set(&d->key, c->dns01_key_name, c->dns01_algorithm,
	    buf_bytes(&raw), e) == -1)
		(void)err_prefix(e, RFC2136);
	else
		rc = 0;
	d->has_key = rc == 0;
	mem_wipe(text, strlen(text));
	free(text);
	if (raw.n != 0)
		mem_wipe(raw.p, raw.n);
	buf_free(&raw);
	return rc;
}

/* Where the record belongs: CNAMEs are followed. */
static int
place(struct acme_dns *d, const char *owner, uint32_t timeout_ms,
    struct dnszone_place *at, struct err *e)
{
	const char	*server = d->at.v[0].text;
	int64_t		 end = timeout_ms == 0 ? INT64_MAX : clk_mono() +
			     timeout_ms * (CLK_SEC / 1000), when;
	struct dnszone	*z;
	struct pollfd	 p;
	int		 rc;

	if (dnszone_recall(&d->known, server, owner, clk_mono(), at))
		return 0;
	z = dnszone_new(&d->lookup, &d->at, owner, clk_mono());
	while ((rc = dnszone_turn(z, clk_mono())) == 0 && clk_mono() < end) {
		p.fd = dnszone_fd(z);
		p.events = dnszone_events(z);
		when = dnszone_when(z);
		acme_dns_wait(&p, 1, when < end ? when : end);
	}
	rc = rc == 0 ? err_set(e, ERR_NET, "%s does not answer in %u ms",
	    server, timeout_ms) : dnszone_result(z, at, e);
	if (rc == 0)
		dnszone_remember(&d->known, server, owner, clk_mono(), at);
	dnszone_free(z);
	return rc;
}

/* Where to look, and for a server that is away what for. */
static int
refused(const struct err *why, struct err *e)
{
	return err_set(e, why->code, RFC2136 ": %s%s", why->msg,
	    why->code == ERR_NET ? "; it must be up, and reached from here "
	    "over UDP and TCP" : "");
}

int
acme_dns_update(struct acme_dns *d, enum dnsupdate_what what,
    const struct acme_dns_record *r, uint32_t timeout_ms, struct err *e)
{
	struct dnszone_place	 at;
	struct dnsupdate	 u;
	struct dnssend		*s;
	struct pollfd		 p;
	struct err		 why = ERR_INIT;
	int			 rc;

	if (key(d, e) == -1)
		return -1;
	if (place(d, r->owner, timeout_ms, &at, &why) == -1)
		return refused(&why, e);
	u = (struct dnsupdate){ what, at.zone, at.name, r->value,
	    r->place->type == CHALLENGE_DNS_PERSIST_01 ? GRANT_TTL_S : TTL_S };
	s = dnssend_new(&d->at.v[0], &d->key, &u, timeout_ms, clk_mono());
	while (!dnssend_turn(s, clk_mono())) {
		p.fd = dnssend_fd(s);
		p.events = dnssend_events(s);
		acme_dns_wait(&p, 1, dnssend_when(s));
	}
	rc = dnssend_result(s, &why);
	dnssend_free(s);
	return rc == 0 ? 0 : refused(&why, e);
}

int
acme_dns_may(struct acme_dns *d, const char *ident, uint32_t timeout_ms,
    struct err *e)
{
	struct flow_place	p;
	struct acme_dns_record	r;

	if (d->way != ACME_DNS_UPDATE)
		return 0;
	memset(&p, 0, sizeof(p));
	memset(&r, 0, sizeof(r));
	p.type = CHALLENGE_DNS_01;
	r.place = &p;
	r.ident = ident;
	return chal_owner(CHALLENGE_DNS_01, ident, NULL, r.owner, e) == -1 ||
	    acme_dns_update(d, DNSUPDATE_MAY, &r, timeout_ms, e) == -1 ? -1 :
	    1;
}
