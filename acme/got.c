#include "acme/got.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "acme/ari.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "pki/der.h"
#include "pki/dn.h"
#include "pki/pem.h"
#include "pki/ptr.h"

#define BEGIN		"-----BEGIN CERTIFICATE-----"
#define END		"-----END CERTIFICATE-----"
#define PEM_WIDTH	64		/* RFC 7468, 2 */
#define AHEAD		(3600 * CLK_SEC)
#define OID_SERVER_AUTH	"\x2b\x06\x01\x05\x05\x07\x03\x01"

/* The next line without its end, CR LF or LF: 1, or 0 at the end. */
static int
line(struct cur *c, struct span *out)
{
	const uint8_t	*nl;

	if (cur_left(c) == 0)
		return 0;
	nl = memchr(c->p, '\n', cur_left(c));
	*out = (struct span){ c->p, (size_t)((nl != NULL ? nl : c->end) -
	    c->p) };
	c->p = nl != NULL ? nl + 1 : c->end;
	if (out->n != 0 && out->p[out->n - 1] == '\r')
		out->n--;
	return 1;
}

static int
is(struct span s, const char *text)
{
	return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

/* The rest of a block, whose first line has been read, decoded. */
static int
block(struct cur *c, struct buf *der)
{
	struct buf	text = BUF_INIT;
	struct span	s = { NULL, 0 };
	int		r = -1, last = 0;

	while (line(c, &s) && !is(s, END)) {
		/* whole lines, and a shorter one at the end */
		if (s.n == 0 || s.n > PEM_WIDTH || last)
			goto out;
		last = s.n != PEM_WIDTH;
		buf_span(&text, s);
		s.n = 0;
	}
	if (is(s, END) && text.n != 0)
		r = enc_unb64(buf_text(&text), text.n, der);
out:
	buf_free(&text);
	return r;
}

/* All blocks; blank lines between them are what CAs send. */
static int
read_pem(struct span pem, struct got *g, struct err *e)
{
	struct cur	c = cur_span(pem);
	struct span	s;

	if (pem.n > LIMIT_GOT)
		return err_set(e, ERR_LIMIT, "%zu bytes; at most %u are read",
		    pem.n, LIMIT_GOT);
	g->der = mem_array(LIMIT_GOT_CERTS, sizeof(*g->der));
	while (line(&c, &s)) {
		if (s.n == 0)
			continue;
		if (!is(s, BEGIN))
			return err_set(e, ERR_FORMAT, "something else than "
			    "PEM blocks of certificates (RFC 8555, 9.1)");
		if (g->n == LIMIT_GOT_CERTS)
			return err_set(e, ERR_LIMIT, "more than %u "
			    "certificates", LIMIT_GOT_CERTS);
		if (block(&c, &g->der[g->n++]) == -1)
			return err_set(e, ERR_FORMAT, "PEM block %zu cannot "
			    "be read (RFC 7468, 3)", g->n);
	}
	return g->n != 0 ? 0 : err_set(e, ERR_FORMAT, "no certificate");
}

/* Does the extended key usage name serverAuth (RFC 5280, 4.2.1.12)? */
static int
server_auth(const struct der_tbs *t)
{
	struct span	v, body;
	struct cur	c;
	struct der	d;

	if (der_ext(t, DER_OID_ARG(DER_OID_EKU), &v, NULL) != 1 ||
	    der_only(v, DER_SEQ, &body) == -1)
		return 0;
	for (c = cur_span(body); cur_left(&c) != 0;) {
		if (der_want(&c, DER_OID, &d) == -1)
			return 0;
		if (d.body.n == sizeof(OID_SERVER_AUTH) - 1 &&
		    memcmp(d.body.p, OID_SERVER_AUTH, d.body.n) == 0)
			return 1;
	}
	return 0;
}

static int
check_time(const struct cert *c, int64_t now, struct err *e)
{
	char	at[CLK_TEXT];

	if (c->not_after <= c->not_before)
		return err_set(e, ERR_VERIFY, "it ends before it begins");
	if (c->not_after <= now)
		return err_set(e, ERR_VERIFY, "it expired at %s",
		    clk_text(c->not_after, at));
	if (c->not_before > now + AHEAD)
		return err_set(e, ERR_VERIFY, "it is valid only from %s on; "
		    "is the clock of this machine right?",
		    clk_text(c->not_before, at));
	return 0;
}

/* Is the leaf what was ordered? */
static int
check_leaf(const struct got *g, const struct der_tbs *t,
    const struct got_want *w, struct err *e)
{
	struct san	names = SAN_INIT;
	int		r = -1;

	if (memcmp(g->leaf.spki_sha256, w->spki_sha256, 32) != 0)
		return err_set(e, ERR_VERIFY, "the first certificate is not "
		    "for our key");
	if (g->leaf.is_precert)
		return err_set(e, ERR_VERIFY, "it is a precertificate "
		    "(RFC 6962, 3.1)");
	if (g->leaf.is_ca)
		return err_set(e, ERR_VERIFY, "it is a CA certificate");
	if (t->san.p == NULL)
		return err_set(e, ERR_VERIFY, "it has no subjectAltName");
	if (san_read(t->san, &names, e) == 0 &&
	    san_same(w->names, &names, e) == 0 &&
	    san_subject(&names, t->subject, e) == 0)
		r = 0;
	san_free(&names);
	if (r == -1)
		return -1;
	if (!server_auth(t))
		return err_set(e, ERR_VERIFY, "its extended key usage is not "
		    "serverAuth");
	return check_time(&g->leaf, w->now, e);
}

/* Who signed number ${i}, and whether it is a CA that is still valid. */
static int
check_issuer(const struct got *g, size_t i, int64_t now, struct err *e)
{
	struct span	der = buf_bytes(&g->der[i + 1]);
	struct cert	ca;
	struct err	why = ERR_INIT;
	int		r = -1;

	if (cert_read(der, &ca, e) == -1)
		goto out;
	if (!ca.is_ca)
		(void)err_set(e, ERR_VERIFY, "it is no CA certificate, but "
		    "should have signed the one before");
	else if (cert_signed_by(buf_bytes(&g->der[i]), der, &why) != 1)
		(void)err_set(e, ERR_VERIFY, "it did not sign the one before: "
		    "%s", why.msg);
	else
		r = check_time(&ca, now, e);
out:
	cert_free(&ca);
	return r == 0 ? 0 : err_prefix(e, "certificate %zu of the chain",
	    i + 2);
}

/* The rest that there is to know about the leaf. */
static int
read_rest(struct got *g, const struct der_tbs *t, struct err *e)
{
	struct ptr	p;
	struct span	v;

	if (ari_key_id(t, &v) == 0 && v.n <= GOT_AKI_MAX) {
		memcpy(g->aki, v.p, v.n);
		g->naki = v.n;
	}
	g->has_scts = der_ext(t, DER_OID_ARG(DER_OID_SCTS), &v, NULL) == 1;
	if (ptr_read(buf_bytes(&g->der[0]), &p, e) == -1)
		return -1;
	g->has_crldp = p.ncrl != 0;
	g->short_lived = p.short_lived;
	ptr_free(&p);
	return 0;
}

static int
read_all(struct span pem, const struct got_want *w, struct got *g,
    struct err *e)
{
	struct span	tbs;
	struct der_tbs	t;
	size_t		i;

	if (read_pem(pem, g, e) == -1 ||
	    cert_read(buf_bytes(&g->der[0]), &g->leaf, e) == -1 ||
	    der_cert(buf_bytes(&g->der[0]), &tbs, NULL, NULL, e) == -1 ||
	    der_tbs(tbs, &t, e) == -1 || check_leaf(g, &t, w, e) == -1 ||
	    read_rest(g, &t, e) == -1)
		return -1;
	for (i = 0; i + 1 < g->n; i++)
		if (check_issuer(g, i, w->now, e) == -1)
			return -1;
	return 0;
}

int
got_read(struct span pem, const struct got_want *w, struct got *g,
    struct err *e)
{
	memset(g, 0, sizeof(*g));
	return read_all(pem, w, g, e) == 0 ? 0 :
	    err_prefix(e, "what the CA sent");
}

void
got_pem(const struct got *g, size_t from, struct buf *out)
{
	size_t	i;

	for (i = from; i < g->n; i++)
		pem_put(out, "CERTIFICATE", buf_bytes(&g->der[i]));
}

/* Has this Name that common name? */
static int
has_cn(struct span name, const char *cn)
{
	struct dn_walk	w;
	struct dn_attr	a;
	struct buf	text = BUF_INIT;
	int		is_it = 0;

	if (dn_begin(&w, name) == -1)
		return 0;
	while (!is_it && dn_next(&w, &a) == 1) {
		if (a.oid.n != sizeof(DER_OID_CN) - 1 ||
		    memcmp(a.oid.p, DER_OID_CN, a.oid.n) != 0)
			continue;
		buf_reset(&text);
		is_it = dn_text(&a, &text) == 0 && text.n == strlen(cn) &&
		    strcasecmp(buf_text(&text), cn) == 0;
	}
	buf_free(&text);
	return is_it;
}

int
got_leads_to(struct span pem, const char *cn)
{
	struct got	g;
	struct span	tbs;
	struct der_tbs	t;
	int		r = 0;

	memset(&g, 0, sizeof(g));
	if (read_pem(pem, &g, NULL) == 0 &&
	    der_cert(buf_bytes(&g.der[g.n - 1]), &tbs, NULL, NULL, NULL) == 0
	    && der_tbs(tbs, &t, NULL) == 0)
		r = has_cn(t.issuer, cn) || has_cn(t.subject, cn);
	got_free(&g);
	return r;
}

void
got_free(struct got *g)
{
	size_t	i;

	for (i = 0; i < g->n; i++)
		buf_free(&g->der[i]);
	free(g->der);
	cert_free(&g->leaf);
	memset(g, 0, sizeof(*g));
}
