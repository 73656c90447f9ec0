#include "auditor/cmd/check.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "auditor/cmd/opt.h"
#include "auditor/ipc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "pki/ccadb.h"
#include "pki/pem.h"

/* What the sources of revocation say: files, CRLs, responders. */

/* Another source; what was returned before may have moved. */
static struct check_source *
add(struct check *c, enum rev_kind kind, const char *where, int is_file,
    int required)
{
	struct check_source	*s;

	c->source = mem_grow(c->source, &c->capsource, c->nsource + 1,
	    sizeof(*c->source));
	s = &c->source[c->nsource++];
	memset(s, 0, sizeof(*s));
	s->kind = kind;
	s->where = mem_str(where);
	s->is_file = is_file;
	s->required = required;
	s->reason = -1;
	s->stated_at = INT64_MIN;
	s->status = REV_UNKNOWN;
	return s;
}

/*
 * A CRL in PEM (RFC 7468), as OpenSSL writes it: a descriptor of its DER, or
 * ${fd} itself when it is none.  Which it is, its first bytes say: a CRL in
 * DER begins with a SEQUENCE.  -1: it begins as PEM and cannot be read.
 */
static int
crl_der(int fd)
{
	struct buf	text = BUF_INIT, der = BUF_INIT;
	struct cur	at;
	uint8_t		first = 0;
	size_t		done = 0;
	ssize_t		n = 0;
	int		out = fd;

	if (pread(fd, &first, 1, 0) != 1 || first == 0x30)
		return fd;
	while (text.n <= LIMIT_CRL / 2 * 3 &&
	    (n = read(fd, buf_room(&text, 65536), 65536)) > 0)
		text.n += (size_t)n;
	at = cur_span(buf_bytes(&text));
	if (n == 0 && pem_next(&at, "X509 CRL", &der) == 1)
		out = memfd_create("cv-crl", MFD_CLOEXEC);
	else if (n == 0)
		(void)lseek(fd, 0, SEEK_SET);
	for (n = 1; out != fd && out != -1 && done < der.n && n > 0;
	    done += (size_t)n)
		n = write(out, der.p + done, der.n - done);
	if (out != fd && out != -1 && (done < der.n || lseek(out, 0,
	    SEEK_SET) == -1)) {
		(void)close(out);
		out = -1;
	}
	buf_free(&text);
	buf_free(&der);
	return out;
}

static void
file_source(struct check *c, enum rev_kind kind, const char *path)
{
	struct check_source	*s = add(c, kind, path, 1, 1);
	struct buf		 body = BUF_INIT;
	struct err		 e = ERR_INIT;
	int			 fd, der;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	der = fd != -1 && kind == REV_CRL ? crl_der(fd) : fd;
	if (fd != -1 && der != fd)
		(void)close(fd);
	fd = der;
	if (fd == -1) {
		(void)snprintf(s->refusal, sizeof(s->refusal),
		    "it cannot be read");
		return;
	}
	if (kind == REV_CRL)
		(void)check_crl(c, s, fd, &e);
	else {
		ssize_t	n = -1;

		while (body.n <= LIMIT_BODY_OCSP && (n = read(fd,
		    buf_room(&body, 65536), 65536)) > 0)
			body.n += (size_t)n;
		(void)check_ocsp(c, s, buf_bytes(&body), &e);
	}
	if (e.code != ERR_NONE)
		(void)snprintf(s->refusal, sizeof(s->refusal), "%.250s",
		    e.msg);
	buf_free(&body);
	(void)close(fd);
}

/* A CRL from the network, through a pipe into the box. */
static void
url_crl(struct check *c, struct check_source *s)
{
	struct fetch_client	*f;
	struct fetch_get	 g;
	struct fetch_done	 d;
	struct err		 e = ERR_INIT;
	int			 p[2], rc;

	f = check_fetcher(c, EGRESS_REVOCATION, &e);
	if (f == NULL || pipe2(p, O_CLOEXEC) == -1) {
		(void)snprintf(s->refusal, sizeof(s->refusal), "%.250s",
		    e.code != ERR_NONE ? e.msg : "no pipe");
		return;
	}
	memset(&g, 0, sizeof(g));
	g.cap = LIMIT_CRL;
	g.timeout_ms = CHECK_CRL_MS;
	g.flags = FETCH_F_FOLLOW | FETCH_F_PIPE;
	g.method = "GET";
	g.url = s->where;
	(void)fetch_client_pipe(f, &g, p[1]);
	while (ipc_wants_write(fetch_client_ipc(f)) &&
	    fetch_client_turn(f, &e) == 0)
		(void)poll(NULL, 0, 1);
	/* our own copy of the writing end is closed by the turn */
	rc = check_crl(c, s, p[0], &e);
	(void)close(p[0]);
	err_clear(&e);
	if (check_hear(f, &d, &e) == -1) {
		s->status = REV_UNKNOWN;
		(void)snprintf(s->refusal, sizeof(s->refusal), "%.250s",
		    e.msg);
	} else if (d.failure != FETCH_OK || d.status != 200) {
		s->status = REV_UNKNOWN;
		check_why_not(&d, s->refusal, sizeof(s->refusal));
	} else if (rc == -1 && s->refusal[0] == '\0')
		(void)snprintf(s->refusal, sizeof(s->refusal),
		    "it cannot be read");
}

static void
url_ocsp(struct check *c, struct check_source *s)
{
	struct ocsp_ask		 q;
	struct fetch_get	 g;
	struct buf		 der = BUF_INIT, body = BUF_INIT;
	struct err		 e = ERR_INIT;
	char			 url[HTTP_URL_MAX];
	int			 status;

	memset(&q, 0, sizeof(q));
	q.issuer = check_issuer(c);
	q.serial = c->said.serial;
	if (ocsp_ask_der(&q, &der, &e) == -1) {
		(void)snprintf(s->refusal, sizeof(s->refusal), "%.250s",
		    e.msg);
		buf_free(&der);
		return;
	}
	memset(&g, 0, sizeof(g));
	g.cap = LIMIT_BODY_OCSP;
	g.timeout_ms = CHECK_ASK_MS;
	if (ocsp_ask_url(s->where, buf_bytes(&der), url, sizeof(url))) {
		g.method = "GET";
		g.url = url;
		g.flags = FETCH_F_FOLLOW;
	} else {
		g.method = "POST";
		g.url = s->where;
		g.headers[g.nheaders++] =
		    "Content-Type: application/ocsp-request";
		g.body = buf_bytes(&der);
	}
	if (check_ask(c, EGRESS_REVOCATION, &g, &body, &status, s->refusal,
	    sizeof(s->refusal)) == 0 &&
	    check_ocsp(c, s, buf_bytes(&body), &e) == -1)
		(void)snprintf(s->refusal, sizeof(s->refusal), "%.250s",
		    e.msg);
	buf_free(&der);
	buf_free(&body);
}

/*
 * The CRLs that CCADB has of the issuer, where the configuration has CCADB's
 * list: how many.  All of them together are one CRL.
 */
static size_t
ccadb_sources(struct check *c)
{
	struct check_source	*s;
	struct ccadb_ca		ca;
	struct buf		csv = BUF_INIT;
	struct err		e = ERR_INIT;
	size_t			n, i;

	if (c->conf->ccadb_csv == NULL || !c->said.has_issuer)
		return 0;
	memset(&ca, 0, sizeof(ca));
	memcpy(ca.sha256, c->said.issuer_sha256, 32);
	if (opt_file(c->conf->ccadb_csv, LIMIT_CCADB, &csv, &e) == 0)
		(void)ccadb_crls(buf_bytes(&csv), &ca, 1, &e);
	for (i = 0; i < ca.ncrl; i++)
		add(c, REV_CRL, ca.crl[i], 0, 1)->part = 1;
	n = ca.ncrl;
	/* who is not asked does not say good */
	if (e.code != ERR_NONE) {
		s = add(c, REV_CRL, c->conf->ccadb_csv, 1, 1);
		(void)snprintf(s->refusal, sizeof(s->refusal), "%.250s",
		    e.msg);
		n++;
	}
	ccadb_free(&ca, 1);
	buf_free(&csv);
	return n;
}

/*
 * What the certificate names, or CCADB for it; asked unless we are offline.
 */
static void
url_sources(struct check *c)
{
	struct check_source	*s;
	int			 ca = check_issuer(c).n != 0;
	size_t			 i, ncrl = c->said.ncrl;

	for (i = 0; i < ncrl; i++)
		(void)add(c, REV_CRL, c->said.crl[i], 0, 1);
	if (ncrl == 0)
		ncrl = ccadb_sources(c);
	for (i = 0; i < c->said.nocsp; i++)
		(void)add(c, REV_OCSP, c->said.ocsp[i], 0, ncrl == 0);
	for (i = 0; i < c->nsource; i++) {
		s = &c->source[i];
		if (s->is_file)
			continue;
		if (c->offline)
			(void)snprintf(s->refusal, sizeof(s->refusal),
			    "not asked: --offline");
		else if (!ca)
			(void)snprintf(s->refusal, sizeof(s->refusal),
			    "not asked: the issuer's certificate is not at "
			    "hand");
		else if (s->kind == REV_CRL)
			url_crl(c, s);
		else
			url_ocsp(c, s);
	}
}

/* What the host stapled is a source too, never a required one. */
static void
stapled(struct check *c)
{
	struct check_source	*s;
	struct err		 e = ERR_INIT;

	if (c->staple.n == 0 || check_issuer(c).n == 0)
		return;
	s = add(c, REV_OCSP, "stapled", 0, 0);
	s->is_file = 1;
	if (check_ocsp(c, s, buf_bytes(&c->staple), &e) == -1)
		(void)snprintf(s->refusal, sizeof(s->refusal), "%.250s",
		    e.msg);
}

void
check_sources(struct check *c)
{
	struct rev_source	*v;
	size_t			 i;

	for (i = 0; i < c->ncrl; i++)
		file_source(c, REV_CRL, c->crl[i]);
	for (i = 0; i < c->nocsp; i++)
		file_source(c, REV_OCSP, c->ocsp[i]);
	stapled(c);
	if (c->ncrl == 0 && c->nocsp == 0)
		url_sources(c);
	v = mem_array(c->nsource, sizeof(*v));
	for (i = 0; i < c->nsource; i++)
		v[i] = (struct rev_source){ .kind = c->source[i].kind,
		    .where = c->source[i].where,
		    .required = c->source[i].required,
		    .part = c->source[i].part,
		    .status = c->source[i].status,
		    .reason = c->source[i].reason,
		    .revoked_at = c->source[i].stated_at, .seen_at = c->at,
		    .refusal = c->source[i].refusal };
	rev_merge(v, c->nsource, c->said.short_lived ||
	    (c->said.ncrl == 0 && c->said.nocsp == 0), &c->rev);
	free(v);
}
