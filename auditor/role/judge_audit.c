#include "auditor/role/judge_audit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "auditor/ipc.h"
#include "auditor/role/judge.h"
#include "base/mem.h"
#include "pki/cert.h"
#include "pki/der.h"
#include "pki/weak.h"

/* What a judge does as auditor: certificates, CRLs, OCSP, inclusion, AIA. */

#define PIECE	(256u << 10)	/* bytes of a CRL that are read at once */

static int
bad_request(struct err *e)
{
	return err_set(e, ERR_FORMAT, "bad request");
}

int
judge_do_trust(struct judge *j, struct cur *c, struct err *e)
{
	if (j->trust == NULL)
		j->trust = mem_zero(sizeof(*j->trust));
	judge_trust_free(j->trust);
	return judge_trust_read(c, j->trust) == 0 ? 0 : bad_request(e);
}

int
judge_do_roots(struct judge *j, struct cur *c, struct err *e)
{
	judge_roots_free(j->programs, j->nprograms);
	return judge_roots_read(c, &j->programs, &j->nprograms) == 0 ? 0 :
	    bad_request(e);
}

int
judge_do_weak(struct judge *j, struct ipc *ipc, struct ipc_msg *m,
    struct err *e)
{
	const uint8_t	*text;
	uint64_t	 size;
	int		 fd = ipc_take_fd(ipc, 0), rc = -1;

	weak_list_free(j->weak);
	j->weak = NULL;
	if (cur_u64(&m->body, &size) == -1)
		(void)bad_request(e);
	else if (size == 0)
		rc = 0;
	else if (fd == -1 || (text = judge_map(fd, size)) == NULL)
		(void)bad_request(e);
	else {
		j->weak = weak_list_read((struct span){ text, (size_t)size },
		    e);
		(void)munmap((void *)(uintptr_t)text, (size_t)size);
		rc = j->weak != NULL ? 0 : -1;
	}
	if (fd != -1)
		(void)close(fd);
	return rc;
}

/* A list of logs, or NULL: there is none. */
static int
list(struct cur *c, struct loglist **out, struct err *e)
{
	struct cur	v;

	*out = NULL;
	if (cur_vec32(c, &v) == -1)
		return bad_request(e);
	return cur_left(&v) == 0 ? 0 : loglist_read(cur_rest(&v), out, e);
}

int
judge_do_logs(struct judge *j, struct cur *c, uint64_t id, struct err *e)
{
	struct loglist	*chrome = NULL, *apple = NULL, *both = NULL;
	int		 rc = -1;

	if (list(c, &chrome, e) == -1 || list(c, &apple, e) == -1)
		goto out;
	if (chrome != NULL && apple != NULL)
		both = loglist_union(chrome, apple);
	judge_ok(j, id);
	if (chrome != NULL || apple != NULL)
		judge_loglist_pack(&j->out, both != NULL ? both :
		    chrome != NULL ? chrome : apple);
	rc = 0;
out:
	loglist_free(both);
	loglist_free(chrome);
	loglist_free(apple);
	return rc;
}

int
judge_do_cert(struct judge *j, struct cur *c, uint64_t id, struct err *e)
{
	struct judge_cert_ask	*q = mem_zero(sizeof(*q));
	struct assess		*a = mem_zero(sizeof(*a));
	struct assess_in	 in;
	int			 rc = -1;

	if (judge_cert_ask_read(c, q) == -1) {
		(void)bad_request(e);
		goto out;
	}
	memset(&in, 0, sizeof(in));
	in.cert = q->cert;
	in.pool = q->pool;
	in.npool = q->npool;
	in.tls = q->tls;
	in.ocsp = q->ocsp;
	in.name = q->name;
	in.at = q->at;
	in.programs = (const struct roots *const *)j->programs;
	in.nprograms = j->nprograms;
	in.weak = j->weak;
	if (j->trust != NULL) {
		in.logs = j->trust->logs;
		if (j->trust->weak != NULL)
			in.weak = j->trust->weak;
	}
	if (assess_read(&in, a, e) == -1)
		goto out;
	judge_ok(j, id);
	judge_cert_pack(&j->out, a);
	rc = 0;
out:
	assess_free(a);
	free(a);
	free(q);
	return rc;
}

/* All that comes through the pipe. */
static int
drain(struct crlscan *s, int fd, struct err *e)
{
	uint8_t	*piece = mem_zero(PIECE);
	ssize_t	 n;
	int	 rc = 0;

	while (rc == 0 && (n = read(fd, piece, PIECE)) != 0) {
		if (n == -1 && errno != EINTR)
			rc = err_set(e, ERR_SYS, "reading the CRL");
		else if (n > 0)
			rc = crlscan_update(s, piece, (size_t)n, e);
	}
	free(piece);
	return rc;
}

int
judge_do_crl(struct judge *j, struct ipc *ipc, struct ipc_msg *m,
    uint64_t id, struct err *e)
{
	struct judge_crl_ask	 q;
	struct crlscan_in	 in;
	struct crlscan_out	 out;
	struct crlset		 set;
	struct crlscan		*s;
	const uint8_t		*image = NULL;
	int			 fd = ipc_take_fd(ipc, 0);
	int			 setfd = ipc_take_fd(ipc, 1), rc = -1;

	memset(&in, 0, sizeof(in));
	if (fd == -1 || setfd == -1 || judge_crl_ask_read(&m->body, &q) == -1
	    || (image = judge_map(setfd, q.set_size)) == NULL) {
		(void)bad_request(e);
		goto out;
	}
	if (crlset_open(&set, image, (size_t)q.set_size, e) == -1)
		goto out;
	in.issuer = q.issuer;
	in.url = q.url[0] != '\0' ? q.url : NULL;
	in.for_ca = q.for_ca;
	in.set = &set;
	in.now = q.now;
	in.last_number = q.last_number;
	in.last_this = q.last_this;
	in.keep = q.keep;
	in.profile = 1;
	s = crlscan_new(&in);
	/* what is too long is a verdict too; the pipe's end tells its writer */
	(void)drain(s, fd, NULL);
	crlscan_finish(s, &out);
	judge_ok(j, id);
	judge_crl_pack(&j->out, &out);
	crlscan_out_free(&out);
	crlscan_free(s);
	rc = 0;
out:
	if (image != NULL)
		(void)munmap((void *)(uintptr_t)image,
		    (size_t)q.set_size);
	if (fd != -1)
		(void)close(fd);
	if (setfd != -1)
		(void)close(setfd);
	return rc;
}

int
judge_do_ocsp(struct judge *j, struct cur *c, uint64_t id, struct err *e)
{
	struct judge_ocsp_ask	q;
	struct ocsp_read_in	in;
	struct ocsp_said	said;

	if (judge_ocsp_ask_read(c, &q) == -1)
		return bad_request(e);
	memset(&in, 0, sizeof(in));
	in.issuer = q.issuer;
	in.serial = q.serial;
	in.nonce = q.nonce;
	in.now = q.now;
	in.skew = JUDGE_OCSP_SKEW;
	in.max_age = JUDGE_OCSP_AGE;
	ocsp_said_read(q.body, &in, &said);
	judge_ok(j, id);
	judge_ocsp_pack(&j->out, &said);
	ocsp_said_free(&said);
	return 0;
}

int
judge_do_incl(struct judge *j, struct cur *c, uint64_t id, struct err *e)
{
	struct incl	*x = mem_zero(sizeof(*x));
	int		 status[TILE_SET_MAX];
	struct span	 body[TILE_SET_MAX];
	struct cur	 v;
	uint32_t	 s, n;
	size_t		 i;

	if (judge_incl_read(c, x) == -1 || cur_u32(c, &n) == -1 ||
	    n > TILE_SET_MAX || n != x->nask) {
		free(x);
		return bad_request(e);
	}
	for (i = 0; i < n; i++) {
		if (cur_u32(c, &s) == -1 || cur_vec32(c, &v) == -1) {
			free(x);
			return bad_request(e);
		}
		status[i] = (int)s;
		body[i] = cur_rest(&v);
	}
	incl_read(x, status, body, n);
	judge_ok(j, id);
	judge_incl_pack(&j->out, x);
	free(x);
	return 0;
}

int
judge_do_aia(struct judge *j, struct cur *c, uint64_t id, struct err *e)
{
	struct judge_aia	a;
	struct buf		mem = BUF_INIT;
	struct span		v[JUDGE_AIA_MAX];
	struct cur		body;
	long			n, i;

	if (cur_vec32(c, &body) == -1)
		return bad_request(e);
	n = chain_aia_read(cur_rest(&body), &mem, v, JUDGE_AIA_MAX, e);
	if (n == -1) {
		buf_free(&mem);
		return -1;
	}
	memset(&a, 0, sizeof(a));
	for (i = 0; i < n; i++) {
		if (cert_key_hash(v[i], a.spki_sha256[a.n], NULL) == -1)
			continue;
		a.der[a.n++] = v[i];
	}
	judge_ok(j, id);
	judge_aia_pack(&j->out, &a);
	buf_free(&mem);
	return 0;
}

/* The key of a certificate; p NULL: it has none that can be found. */
static struct span
key_of(struct span cert)
{
	struct der_tbs	t;
	struct span	tbs;

	if (der_cert(cert, &tbs, NULL, NULL, NULL) == -1 ||
	    der_tbs(tbs, &t, NULL) == -1)
		return (struct span){ NULL, 0 };
	return t.spki;
}

int
judge_do_keys(struct judge *j, struct cur *c, uint64_t id, struct err *e)
{
	struct span	*spki;
	struct cur	 v;
	uint8_t		*bad;
	uint32_t	 n;
	size_t		 i;
	int		 rc = -1;

	if (cur_u32(c, &n) == -1 || n > JUDGE_KEYS_MAX)
		return bad_request(e);
	spki = mem_array(n, sizeof(*spki));
	bad = mem_zero(n);
	for (i = 0; i < n; i++) {
		if (cur_vec32(c, &v) == -1) {
			(void)bad_request(e);
			goto out;
		}
		spki[i] = key_of(cur_rest(&v));
	}
	if (weak_shared(spki, n, WEAK_SHARED_BITS, bad, e) == -1)
		goto out;
	judge_ok(j, id);
	buf_u32(&j->out, n);
	buf_add(&j->out, bad, n);
	rc = 0;
out:
	free(spki);
	free(bad);
	return rc;
}
