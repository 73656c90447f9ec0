#include "auditor/cmd/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auditor/assess.h"
#include "auditor/cmd/box.h"
#include "auditor/role/judge.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"
#include "ctlog/note.h"
#include "ctlog/sth.h"
#include "ocsp/crlscan.h"
#include "ocsp/ocsp_ask.h"

/* What `check` looks at in boxes: nothing from outside is parsed elsewhere. */

#define PIECE	(256u << 10)

/* A sentence instead of an answer; its status. */
static int
refuse(struct buf *out, const struct err *e)
{
	buf_reset(out);
	buf_str(out, e->msg[0] != '\0' ? e->msg : "it cannot be read");
	return 1;
}

/* Run it; what it refuses is an error with its sentence. */
static int
boxed(int (*fn)(void *, struct buf *), void *arg, struct buf *out,
    struct err *e)
{
	int	rc = box_run(fn, arg, out, e);

	if (rc == 1)
		return err_set(e, ERR_FORMAT, "%.400s", buf_text(out));
	return rc == 0 ? 0 : -1;
}

/* --- the certificate -------------------------------------------------------- */

static int
look(void *arg, struct buf *out)
{
	struct check	*c = arg;
	struct assess	*a = mem_zero(sizeof(*a));
	struct assess_in in;
	struct loglist	*list = NULL;
	struct buf	 m1 = BUF_INIT, m2 = BUF_INIT;
	struct span	 v[LIMIT_POOL];
	struct err	 e = ERR_INIT;
	struct cur	 more = cur_span(buf_bytes(&c->more)), der;
	long		 n, k = 0, i;

	memset(&in, 0, sizeof(in));
	n = chain_aia_read(buf_bytes(&c->file), &m1, v, LIMIT_POOL, &e);
	if (n <= 0)
		return refuse(out, &e);
	if (c->extra.n != 0 && (k = chain_aia_read(buf_bytes(&c->extra), &m2,
	    v + n, (size_t)(LIMIT_POOL - n), &e)) == -1)
		return refuse(out, &e);
	n += k;
	while (n < LIMIT_POOL && cur_vec32(&more, &der) == 0)
		v[n++] = cur_rest(&der);
	if (c->list.n != 0 && loglist_read(buf_bytes(&c->list), &list, &e)
	    == -1)
		return refuse(out, &e);
	in.cert = v[0];
	in.pool = v + 1;
	in.npool = (size_t)n - 1;
	in.tls = buf_bytes(&c->tls_scts);
	in.ocsp = buf_bytes(&c->ocsp_scts);
	in.logs = list;
	in.programs = (const struct roots *const *)c->programs;
	in.nprograms = c->nprograms;
	in.name = c->name != NULL ? c->name : "";
	in.at = c->at;
	if (assess_read(&in, a, &e) == -1)
		return refuse(out, &e);
	buf_u32(out, (uint32_t)n);
	for (i = 0; i < n; i++)
		buf_vec32(out, v[i].p, v[i].n);
	judge_cert_pack(out, a);
	return 0;
}

int
check_look(struct check *c, struct err *e)
{
	struct cur	cur, v;
	uint32_t	n, i;

	if (c->have)
		judge_cert_free(&c->said);
	c->have = 0;
	buf_reset(&c->raw);
	if (boxed(look, c, &c->raw, e) == -1)
		return err_prefix(e, "%s", c->target);
	cur = cur_span(buf_bytes(&c->raw));
	if (cur_u32(&cur, &n) == -1 || n == 0 || n > LIMIT_POOL)
		return err_set(e, ERR_SYS, "the box talks nonsense");
	for (i = 0; i < n; i++) {
		if (cur_vec32(&cur, &v) == -1)
			return err_set(e, ERR_SYS, "the box talks nonsense");
		c->cert[i] = cur_rest(&v);
	}
	c->ncert = n;
	if (judge_cert_read(&cur, &c->said) == -1)
		return err_set(e, ERR_SYS, "the box talks nonsense");
	c->have = 1;
	return 0;
}

struct span
check_issuer(const struct check *c)
{
	uint8_t	h[32];
	size_t	i;

	for (i = 1; c->said.has_issuer && i < c->ncert; i++) {
		sha_256(h, c->cert[i].p, c->cert[i].n);
		if (memcmp(h, c->said.issuer_sha256, 32) == 0)
			return c->cert[i];
	}
	return (struct span){ NULL, 0 };
}

/* --- issuers that AIA names --------------------------------------------------- */

static int
aia(void *arg, struct buf *out)
{
	const struct span	*body = arg;
	struct buf		 mem = BUF_INIT;
	struct span		 v[JUDGE_AIA_MAX];
	struct err		 e = ERR_INIT;
	long			 n, i;

	n = chain_aia_read(*body, &mem, v, JUDGE_AIA_MAX, &e);
	if (n == -1)
		return refuse(out, &e);
	for (i = 0; i < n; i++)
		buf_vec32(out, v[i].p, v[i].n);
	return 0;
}

long
check_aia(struct check *c, struct span body, struct err *e)
{
	struct buf	out = BUF_INIT;
	size_t		n;

	if (boxed(aia, &body, &out, e) == -1) {
		buf_free(&out);
		return -1;
	}
	n = out.n;
	buf_span(&c->more, buf_bytes(&out));
	buf_free(&out);
	return (long)n;
}

/* --- revocation ----------------------------------------------------------------- */

struct crl_box {
	struct check		*c;
	struct check_source	*s;
	int			 fd;
};

/* Of which certificates does a CRL speak that was given as a file? */
enum crl_scope { CRL_OURS, CRL_OTHERS, CRL_SOME };

static enum crl_scope
scope_of(const struct check *c, const struct crlscan_out *said)
{
	size_t	i;

	if (!said->partitioned)
		return CRL_OURS;
	for (i = 0; i < c->said.ncrl; i++)
		if (crlscan_names(said, c->said.crl[i]))
			return CRL_OURS;
	/* who names none is in one of the parts (RFC 5280 6.3.3 b 2 i) */
	return c->said.ncrl == 0 ? CRL_SOME : CRL_OTHERS;
}

static int
crl(void *arg, struct buf *out)
{
	struct crl_box		*b = arg;
	struct crlset_build	*build = crlset_new();
	struct buf		 image = BUF_INIT;
	struct crlset		 set;
	struct crlscan_in	 in;
	struct crlscan_out	 said;
	struct crlscan		*s;
	struct err		 e = ERR_INIT;
	uint8_t			*piece = mem_zero(PIECE);
	ssize_t			 n;

	if (crlset_add(build, b->c->said.serial, &e) == -1) {
		crlset_free(build);
		return refuse(out, &e);
	}
	crlset_done(build, &image);
	if (crlset_open(&set, image.p, image.n, &e) == -1)
		return refuse(out, &e);
	memset(&in, 0, sizeof(in));
	in.issuer = check_issuer(b->c);
	in.url = b->s->is_file ? NULL : b->s->where;
	in.for_ca = b->c->said.is_ca;
	in.set = &set;
	in.now = b->c->at;
	in.last_this = INT64_MIN;
	in.profile = 1;
	s = crlscan_new(&in);
	while ((n = read(b->fd, piece, PIECE)) != 0) {
		if (n == -1 && errno != EINTR)
			break;
		if (n > 0 && crlscan_update(s, piece, (size_t)n, NULL) == -1)
			break;
	}
	crlscan_finish(s, &said);
	buf_u8(out, b->s->is_file ? (uint8_t)scope_of(b->c, &said) :
	    CRL_OURS);
	judge_crl_pack(out, &said);
	return 0;
}

int
check_crl(struct check *c, struct check_source *s, int fd, struct err *e)
{
	struct crl_box		 b = { c, s, fd };
	struct crlscan_out	 said;
	struct buf		 out = BUF_INIT;
	struct cur		 cur;
	uint8_t			 scope;

	memset(&said, 0, sizeof(said));
	if (boxed(crl, &b, &out, e) == -1) {
		buf_free(&out);
		return -1;
	}
	cur = cur_span(buf_bytes(&out));
	if (cur_u8(&cur, &scope) == -1 ||
	    judge_crl_read(&cur, &said) == -1) {
		crlscan_out_free(&said);
		buf_free(&out);
		return err_set(e, ERR_SYS, "the box talks nonsense");
	}
	s->status = REV_UNKNOWN;
	(void)snprintf(s->refusal, sizeof(s->refusal), "%s", said.why);
	if (said.authentic && scope == CRL_OTHERS)
		(void)snprintf(s->refusal, sizeof(s->refusal), "its scope is "
		    "%.150s, which the certificate does not name", said.idp);
	else if (said.nhits != 0 && crl_fault_revokes(said.fault) &&
	    said.hits[0].reason != 8) {
		s->status = REV_REVOKED;
		s->reason = said.hits[0].reason;
		s->stated_at = said.hits[0].at;
		s->refusal[0] = '\0';
	} else if (said.fault == CRL_OK && scope == CRL_SOME)
		(void)snprintf(s->refusal, sizeof(s->refusal), "it is one of "
		    "several (%.150s), and the certificate does not say in "
		    "which it would be", said.idp);
	else if (said.fault == CRL_OK)
		s->status = REV_GOOD;
	crlscan_out_free(&said);
	buf_free(&out);
	return 0;
}

struct ocsp_box {
	struct check	*c;
	struct span	 body;
};

static int
ocsp(void *arg, struct buf *out)
{
	struct ocsp_box		*b = arg;
	struct ocsp_read_in	 in;
	struct ocsp_said	 said;

	memset(&in, 0, sizeof(in));
	in.issuer = check_issuer(b->c);
	in.serial = b->c->said.serial;
	in.now = b->c->at;
	in.skew = JUDGE_OCSP_SKEW;
	in.max_age = JUDGE_OCSP_AGE;
	ocsp_said_read(b->body, &in, &said);
	judge_ocsp_pack(out, &said);
	return 0;
}

int
check_ocsp(struct check *c, struct check_source *s, struct span body,
    struct err *e)
{
	struct ocsp_box		b = { c, body };
	struct ocsp_said	said;
	struct buf		out = BUF_INIT;
	struct cur		cur;
	enum ocsp_says		says;

	if (boxed(ocsp, &b, &out, e) == -1) {
		buf_free(&out);
		return -1;
	}
	cur = cur_span(buf_bytes(&out));
	if (judge_ocsp_read(&cur, &said) == -1) {
		ocsp_said_free(&said);
		buf_free(&out);
		return err_set(e, ERR_SYS, "the box talks nonsense");
	}
	says = ocsp_said_counts(&said);
	s->status = says == OCSP_SAYS_GOOD ? REV_GOOD :
	    says == OCSP_SAYS_REVOKED ? REV_REVOKED : REV_UNKNOWN;
	if (s->status == REV_UNKNOWN)
		(void)snprintf(s->refusal, sizeof(s->refusal), "%s",
		    says == OCSP_SAYS_UNKNOWN ? "the responder does not know "
		    "it" : said.why);
	if (s->status == REV_REVOKED) {
		s->reason = said.reason;
		s->stated_at = said.revoked_at;
	}
	if (s->is_file && says != OCSP_SAYS_NOTHING && c->ocsp_scts.n == 0)
		buf_span(&c->ocsp_scts, buf_bytes(&said.scts));
	ocsp_said_free(&said);
	buf_free(&out);
	return 0;
}

/* --- logs ------------------------------------------------------------------------- */

static int
list(void *arg, struct buf *out)
{
	struct check	*c = arg;
	struct loglist	*l = NULL;
	struct err	 e = ERR_INIT;

	if (c->list_fetched && loglist_verify(buf_bytes(&c->list),
	    buf_bytes(&c->list_sig), (struct span){ NULL, 0 }, &e) == -1)
		return refuse(out, &e);
	if (loglist_read(buf_bytes(&c->list), &l, &e) == -1)
		return refuse(out, &e);
	judge_loglist_pack(out, l);
	return 0;
}

int
check_list(struct check *c, struct loglist **l, struct err *e)
{
	struct buf	out = BUF_INIT;
	struct cur	cur;
	int		rc;

	*l = NULL;
	rc = boxed(list, c, &out, e);
	cur = cur_span(buf_bytes(&out));
	if (rc == 0 && judge_loglist_read(&cur, l) == -1)
		rc = err_set(e, ERR_SYS, "the box talks nonsense");
	buf_free(&out);
	return rc;
}

struct head_box {
	const struct loglist_log *log;
	struct span		  body;
};

static int
head(void *arg, struct buf *out)
{
	struct head_box	*b = arg;
	struct sth	 sth;
	struct err	 e = ERR_INIT;
	struct span	 key = { b->log->key, b->log->nkey };
	char		 origin[NOTE_ORIGIN_MAX];

	if (b->log->protocol == LOGLIST_STATIC) {
		if (note_origin(b->log->submit_url, origin) == -1)
			return refuse(out, &e);
		if (note_read(b->body, origin, key, &sth, &e) == -1)
			return refuse(out, &e);
	} else if (sth_read_json(b->body, &sth, &e) == -1 ||
	    sth_verify(&sth, key, &e) == -1)
		return refuse(out, &e);
	buf_u64(out, sth.tree_size);
	buf_u64(out, sth.timestamp);
	buf_add(out, sth.root, 32);
	return 0;
}

int
check_head(const struct loglist_log *log, struct span body, uint64_t *size,
    uint8_t root[32], uint64_t *timestamp, struct err *e)
{
	struct head_box	b = { log, body };
	struct buf	out = BUF_INIT;
	struct cur	cur;
	int		rc;

	rc = boxed(head, &b, &out, e);
	cur = cur_span(buf_bytes(&out));
	if (rc == 0 && (cur_u64(&cur, size) == -1 ||
	    cur_u64(&cur, timestamp) == -1 || cur_copy(&cur, root, 32) == -1))
		rc = err_set(e, ERR_SYS, "the box talks nonsense");
	buf_free(&out);
	return rc;
}

struct incl_box {
	struct incl		*x;
	const int		*status;
	const struct span	*body;
	size_t			 n;
};

static int
incl(void *arg, struct buf *out)
{
	struct incl_box	*b = arg;

	incl_read(b->x, b->status, b->body, b->n);
	judge_incl_pack(out, b->x);
	return 0;
}

int
check_incl(struct incl *x, const int *status, const struct span *body,
    size_t n, struct err *e)
{
	struct incl_box	b = { x, status, body, n };
	struct buf	out = BUF_INIT;
	struct cur	cur;
	int		rc;

	rc = boxed(incl, &b, &out, e);
	cur = cur_span(buf_bytes(&out));
	if (rc == 0 && judge_incl_read(&cur, x) == -1)
		rc = err_set(e, ERR_SYS, "the box talks nonsense");
	buf_free(&out);
	return rc;
}
