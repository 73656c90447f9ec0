#include "auditor/role/judge_ari.h"
#include "auditor/role/judge_audit.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include <openssl/ocsp.h>
#include <openssl/pkcs7.h>

#include "auditor/ipc.h"
#include "auditor/proc.h"
#include "auditor/role/judge_client.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/mem.h"
#include "base/sha.h"
#include "ctlog/merkle.h"
#include "pki/watch.h"
#include "tests/unit/pki/made.h"

/* A judge process as auditor, asked as the engine asks it. */

#define ARENA	4096
#define NOW	"2026-06-01"
/* The first and the last moment of the calendar. */
#define FIRST	INT64_C(-62135596800000000)
#define LAST	INT64_C(253402300799999999)

static struct judge_pool	*pool;
static struct judge_link	*judge;
static int			 arena = -1;
static uint64_t			 last;		/* number of a question */
static struct made		 root, ca, leaf, rsa;

/* --- asking ------------------------------------------------------------------- */

static void
start(void)
{
	struct judge_log	none = { LOGLIST_RFC6962, { NULL, 0 }, "" };
	struct err		e = ERR_INIT;

	judge_free(judge, 1);
	judge = judge_fork(pool, arena, ARENA, &none, &e);
	if (judge == NULL)
		fail_msg("%s", e.msg);
}

/* The answer to the question that was asked last; 0: the judge is dead. */
static int
answer(struct judge_reply *r, struct cur *c)
{
	struct pollfd	p = { ipc_fd(judge->ipc), POLLIN, 0 };
	int		n, eof = 0;

	while ((n = judge_next(judge, r, c)) == 0 && !eof) {
		assert_int_equal(poll(&p, 1, 60000), 1);
		eof = ipc_read(judge->ipc, NULL) == -1;
	}
	if (n == 0)
		n = judge_next(judge, r, c);
	if (n == 1)
		assert_true(r->id == last);
	return n;
}

static void
put(enum judge_type type, const struct buf *b, const int *fds, int nfds)
{
	judge_ask(judge, type, ++last, b, fds, nfds);
}

/* Ask, and have an answer that is well. */
static struct cur
ask(enum judge_type type, struct buf *b)
{
	struct judge_reply	r;
	struct cur		c;

	put(type, b, NULL, 0);
	buf_free(b);
	assert_int_equal(answer(&r, &c), 1);
	if (!r.ok)
		fail_msg("%s", r.msg);
	return c;
}

/* Ask what cannot be answered; the judge lives on. */
static void
refuses(enum judge_type type, struct buf *b)
{
	struct judge_reply	r;
	struct cur		c;

	put(type, b, NULL, 0);
	buf_free(b);
	assert_int_equal(answer(&r, &c), 1);
	assert_false(r.ok);
	assert_true(r.msg[0] != '\0');
}

/* --- the certificates -------------------------------------------------------------- */

static int
setup(void **state)
{
	struct watch_build	*b = watch_build_new();
	struct watch_pieces	 o;
	struct err		 e = ERR_INIT;

	(void)state;
	root = made_cert((struct made_spec){ .cn = "Root", .ca = 1 });
	ca = made_cert((struct made_spec){ .cn = "CA", .ca = 1, .issuer =
	    &root });
	leaf = made_cert((struct made_spec){ .cn = "www.example.com",
	    .issuer = &ca, .serial = 0x1234, .ext = { { "crlDistributionPoints",
	    "URI:http://crl.example/1", { NULL, 0 }, 0 } } });
	rsa = made_cert((struct made_spec){ .cn = "www.example.com",
	    .issuer = &ca, .key_type = "rsa2048" });
	assert_int_equal(watch_build_file(b, ".example.com\n", 13, "test",
	    &e), 0);
	watch_build_end(b, &o);
	pool = judge_pool_new(b, &o, &e);
	if (pool == NULL)
		fail_msg("%s", e.msg);
	arena = memfd_create("cv-none", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(arena, ARENA), 0);
	assert_int_equal(fcntl(arena, F_ADD_SEALS, F_SEAL_SHRINK |
	    F_SEAL_GROW), 0);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	judge_free(judge, 1);
	judge_pool_free(pool);
	(void)close(arena);
	made_free(&root);
	made_free(&ca);
	made_free(&leaf);
	made_free(&rsa);
	return 0;
}

static void
tell_roots(int with)
{
	struct roots	*r = roots_new("system");
	struct buf	 b = BUF_INIT;
	struct err	 e = ERR_INIT;

	if (with)
		assert_int_equal(roots_add(r, buf_bytes(&root.der), INT64_MIN,
		    NULL), 0);
	roots_done(r);
	judge_roots_pack(&b, (const struct roots *const *)&r, 1);
	assert_int_equal(judge_pool_roots(pool, &b, &e), 0);
	buf_free(&b);
	roots_free(r);
}

static void
cert_ask(struct buf *b, const struct made *m)
{
	struct judge_cert_ask	*q = mem_zero(sizeof(*q));

	q->at = made_day(NOW);
	q->name = "www.example.com";
	q->cert = buf_bytes(&m->der);
	q->npool = 1;
	q->pool[0] = buf_bytes(&ca.der);
	judge_cert_ask_pack(b, q);
	free(q);
}

/* --- JUDGE_CERT, JUDGE_ROOTS, JUDGE_WEAK, JUDGE_TRUST ----------------------------------- */

static void
certificate(void **state)
{
	struct judge_cert	k;
	struct buf		b = BUF_INIT;
	struct cur		c;
	uint8_t			sha[32];
	int			with;

	(void)state;
	for (with = 0; with < 2; with++) {
		tell_roots(with);
		start();
		cert_ask(&b, &leaf);
		c = ask(JUDGE_CERT, &b);
		assert_int_equal(judge_cert_read(&c, &k), 0);
		assert_string_equal(k.serial, "1234");
		assert_string_equal(k.names[0], "www.example.com");
		assert_string_equal(k.crl[0], "http://crl.example/1");
		assert_int_equal(k.name_ok, 1);
		assert_true(k.has_issuer);
		sha_256(sha, ca.der.p, ca.der.n);
		assert_memory_equal(k.issuer_sha256, sha, 32);
		sha_256(sha, leaf.der.p, leaf.der.n);
		assert_memory_equal(k.cert_sha256, sha, 32);
		assert_string_equal(k.weak, "");
		assert_int_equal(k.npaths, with ? 1 : 0);
		if (with) {
			assert_string_equal(k.paths[0].program, "system");
			assert_int_equal(k.paths[0].hashes.n, 96);
			if (k.paths[0].verdict != CHAIN_TRUSTED)
				fail_msg("%s", k.paths[0].reason);
		}
		judge_cert_free(&k);
	}
}

static void
not_certificates(void **state)
{
	struct judge_cert_ask	*q = mem_zero(sizeof(*q));
	struct buf		 b = BUF_INIT;
	struct judge_cert	 k;
	struct cur		 c;
	size_t			 n;

	(void)state;
	start();
	refuses(JUDGE_CERT, &b);
	buf_str(&b, "garbage");
	refuses(JUDGE_CERT, &b);
	/* cut anywhere */
	q->name = "";
	for (n = 0; n < leaf.der.n; n += 7) {
		q->cert = (struct span){ leaf.der.p, n };
		judge_cert_ask_pack(&b, q);
		refuses(JUDGE_CERT, &b);
	}
	/* garbage beside it does no harm */
	q->cert = buf_bytes(&leaf.der);
	q->tls = q->ocsp = SPAN_STR("garbage");
	q->name = "\xff\xfe..";
	q->at = FIRST;
	q->npool = LIMIT_POOL;
	for (n = 0; n < LIMIT_POOL; n++)
		q->pool[n] = n % 2 ? SPAN_STR("garbage") :
		    buf_bytes(&leaf.der);
	judge_cert_ask_pack(&b, q);
	c = ask(JUDGE_CERT, &b);
	assert_int_equal(judge_cert_read(&c, &k), 0);
	assert_false(k.has_issuer);
	assert_true(k.scts_reason[0] != '\0');
	judge_cert_free(&k);
	free(q);
}

/* The template reads the list once; every judge has it. */
static void
weak_keys(void **state)
{
	struct judge_cert	k;
	struct buf		b = BUF_INIT, text = BUF_INIT;
	struct cur		c;
	struct err		e = ERR_INIT;
	BIGNUM			*n = NULL;
	uint8_t			sha[EVP_MAX_MD_SIZE];
	unsigned		len;
	char			*hex;
	int			i;

	(void)state;
	/* the end of SHA-1 of "Modulus=HEX\n" */
	assert_int_equal(EVP_PKEY_get_bn_param(rsa.key, "n", &n), 1);
	hex = BN_bn2hex(n);
	buf_fmt(&b, "Modulus=%s\n", hex);
	assert_int_equal(EVP_Digest(b.p, b.n, sha, &len, EVP_sha1(), NULL), 1);
	OPENSSL_free(hex);
	BN_free(n);
	buf_reset(&b);
	buf_str(&text, "# list\n");
	enc_hex(&text, sha + 10, 10);
	buf_str(&text, "\n");
	for (i = 0; i < 3; i++) {
		assert_int_equal(judge_pool_weak(pool, i == 1 ?
		    buf_bytes(&text) : (struct span){ NULL, 0 }, &e), 0);
		start();
		cert_ask(&b, &rsa);
		c = ask(JUDGE_CERT, &b);
		assert_int_equal(judge_cert_read(&c, &k), 0);
		assert_string_equal(k.weak, i == 1 ? "debian" : "");
		judge_cert_free(&k);
	}
	/* 20 MB of it, which is more than a message */
	while (text.n < (20u << 20))
		buf_fmt(&text, "%020zx\n%020zx\n%020zx\n%020zx\n", text.n,
		    text.n + 1, text.n + 2, text.n + 3);
	assert_int_equal(judge_pool_weak(pool, buf_bytes(&text), &e), 0);
	start();
	cert_ask(&b, &rsa);
	c = ask(JUDGE_CERT, &b);
	assert_int_equal(judge_cert_read(&c, &k), 0);
	assert_string_equal(k.weak, "debian");
	judge_cert_free(&k);
	assert_int_equal(judge_pool_weak(pool, (struct span){ NULL, 0 }, &e),
	    0);
	buf_free(&text);
}

/* More roots than a message holds are the operator's fault. */
static void
many_roots(void **state)
{
	struct buf	b = BUF_INIT;
	struct err	e = ERR_INIT;

	(void)state;
	memset(buf_room(&b, LIMIT_FRAME + 1), 0, LIMIT_FRAME + 1);
	b.n = LIMIT_FRAME + 1;
	assert_int_equal(judge_pool_roots(pool, &b, &e), -1);
	assert_int_equal(e.code, ERR_CONF);
	buf_free(&b);
	tell_roots(1);
	start();
}

/* --- JUDGE_LOGS -------------------------------------------------------------------------- */

/* A list of one log, whose key is that of the CA. */
static void
make_list(struct buf *out)
{
	struct buf	key = BUF_INIT, id = BUF_INIT;
	uint8_t		*spki = NULL, sha[32];
	int		 n = i2d_PUBKEY(ca.key, &spki);

	sha_256(sha, spki, (size_t)n);
	enc_b64(&key, spki, (size_t)n);
	enc_b64(&id, sha, 32);
	OPENSSL_free(spki);
	buf_fmt(out, "{\"version\":\"1\",\"log_list_timestamp\":"
	    "\"2026-05-01T00:00:00Z\",\"operators\":[{\"name\":\"Op\","
	    "\"email\":[],\"logs\":[{\"description\":\"log\","
	    "\"log_id\":\"%s\",\"key\":\"%s\",\"url\":"
	    "\"https://log.example/\",\"mmd\":86400,\"state\":{\"usable\":"
	    "{\"timestamp\":\"2026-01-01T00:00:00Z\"}}}]}]}", buf_text(&id),
	    buf_text(&key));
	buf_free(&key);
	buf_free(&id);
}

static void
logs(void **state)
{
	struct loglist	*l;
	struct buf	 b = BUF_INIT, text = BUF_INIT;
	struct span	 none = { NULL, 0 };
	struct cur	 c;
	size_t		 i;

	(void)state;
	start();
	make_list(&text);
	for (i = 0; i < 4; i++) {
		judge_logs_pack(&b, i & 1 ? buf_bytes(&text) : none,
		    i & 2 ? buf_bytes(&text) : none);
		c = ask(JUDGE_LOGS, &b);
		if (i == 0) {
			assert_int_equal(cur_left(&c), 0);
			continue;
		}
		assert_int_equal(judge_loglist_read(&c, &l), 0);
		assert_int_equal(l->nlogs, 1);
		assert_string_equal(l->logs[0].description, "log");
		loglist_free(l);
	}
	judge_logs_pack(&b, SPAN_STR("{"), buf_bytes(&text));
	refuses(JUDGE_LOGS, &b);
	judge_logs_pack(&b, buf_bytes(&text), SPAN_STR("\xff"));
	refuses(JUDGE_LOGS, &b);
	buf_str(&b, "abc");
	refuses(JUDGE_LOGS, &b);
	buf_free(&text);
}

/* What a judge is told that is nonsense it does not know. */
static void
trust(void **state)
{
	struct judge_cert	k;
	struct buf		b = BUF_INIT;
	struct cur		c;
	int			i;

	(void)state;
	start();
	for (i = 0; i < 3; i++) {
		if (i == 1)
			judge_trust_pack(&b, SPAN_STR("garbage"),
			    SPAN_STR(""));
		else if (i == 2)
			judge_trust_pack(&b, SPAN_STR(""),
			    SPAN_STR("00112233445566778899\n"));
		else
			buf_str(&b, "garbage");
		judge_tell(judge, JUDGE_TRUST, &b);
		buf_reset(&b);
		cert_ask(&b, &leaf);
		c = ask(JUDGE_CERT, &b);
		assert_int_equal(judge_cert_read(&c, &k), 0);
		judge_cert_free(&k);
	}
}

/* --- JUDGE_CRL -------------------------------------------------------------------------------- */

/* A CRL of ${by} with these serials; until ${next}. */
static void
make_crl(struct buf *out, const struct made *by, const long *serial, size_t n,
    const char *next)
{
	X509_CRL	*x = X509_CRL_new();
	X509_REVOKED	*r;
	ASN1_INTEGER	*i = ASN1_INTEGER_new();
	ASN1_TIME	*t = ASN1_TIME_new();
	uint8_t		*der = NULL;
	size_t		 k;
	int		 len;

	(void)X509_CRL_set_version(x, 1);
	(void)X509_CRL_set_issuer_name(x, X509_get_subject_name(by->x));
	made_time(t, "2026-05-31");
	(void)X509_CRL_set1_lastUpdate(x, t);
	for (k = 0; k < n; k++) {
		r = X509_REVOKED_new();
		(void)ASN1_INTEGER_set(i, serial[k]);
		(void)X509_REVOKED_set_serialNumber(r, i);
		(void)X509_REVOKED_set_revocationDate(r, t);
		(void)X509_CRL_add0_revoked(x, r);
	}
	made_time(t, next);
	(void)X509_CRL_set1_nextUpdate(x, t);
	(void)ASN1_INTEGER_set(i, 7);
	(void)X509_CRL_add1_ext_i2d(x, NID_crl_number, i, 0, 0);
	assert_true(X509_CRL_sign(x, by->key, EVP_sha256()) > 0);
	len = i2d_X509_CRL(x, &der);
	buf_reset(out);
	buf_add(out, der, (size_t)len);
	OPENSSL_free(der);
	ASN1_INTEGER_free(i);
	ASN1_TIME_free(t);
	X509_CRL_free(x);
}

/* Bytes as a memfd; ${sealed}: as the engine makes it. */
static int
memory(struct span s, int sealed)
{
	int	fd = memfd_create("cv-serials", MFD_CLOEXEC |
		    MFD_ALLOW_SEALING);

	assert_true(write(fd, s.p, s.n) == (ssize_t)s.n);
	if (sealed)
		assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK |
		    F_SEAL_GROW | F_SEAL_WRITE), 0);
	return fd;
}

/* The set of these serials, as hex. */
static void
make_set(struct buf *image, const char *const *serial, size_t n)
{
	struct crlset_build	*b = crlset_new();
	size_t			 i;

	for (i = 0; i < n; i++)
		(void)crlset_add(b, serial[i], NULL);
	buf_reset(image);
	crlset_done(b, image);
}

/* The first ${n} bytes come through the pipe, then its end. */
static void
feed(struct span crl, const struct judge_crl_ask *q, int setfd)
{
	struct buf	b = BUF_INIT;
	int		p[2], fds[2];
	size_t		at;
	ssize_t		n;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	fds[0] = p[0];
	fds[1] = setfd;
	judge_crl_ask_pack(&b, q);
	put(JUDGE_CRL, &b, fds, 2);
	buf_free(&b);
	(void)close(p[0]);
	for (at = 0; at < crl.n; at += (size_t)n)
		if ((n = write(p[1], crl.p + at, crl.n - at)) <= 0)
			break;
	(void)close(p[1]);
}

static struct judge_crl_ask
crl_ask(const struct buf *image)
{
	return (struct judge_crl_ask){ made_day(NOW), buf_bytes(&ca.der),
	    "http://crl.example/1", 0, "", INT64_MIN, LIMIT_CRL_KEEP,
	    image->n };
}

static const char *const	serials[] = { "99", "1234" };
static const long		revoked[] = { 0x11, 0x1234, 0x5678 };

/* Feed it and read the answer; crlscan_out_free(). */
static struct crlscan_out
scan(struct span crl, const struct judge_crl_ask *q, const struct buf *image)
{
	struct judge_reply	r;
	struct crlscan_out	o;
	struct cur		c;
	int			fd = memory(buf_bytes(image), 1);

	feed(crl, q, fd);
	(void)close(fd);
	assert_int_equal(answer(&r, &c), 1);
	if (!r.ok)
		fail_msg("%s", r.msg);
	assert_int_equal(judge_crl_read(&c, &o), 0);
	/* what is pointed to is in the message: keep what is looked at */
	return o;
}

static void
crl(void **state)
{
	struct judge_crl_ask	q;
	struct crlscan_out	o;
	struct buf		der = BUF_INIT, image = BUF_INIT;
	uint8_t			sha[32];
	struct cur		c;
	struct der		d;

	(void)state;
	start();
	make_set(&image, serials, 2);
	make_crl(&der, &ca, revoked, 3, "2026-06-08");
	q = crl_ask(&image);
	o = scan(buf_bytes(&der), &q, &image);
	if (o.fault != CRL_OK)
		fail_msg("%s", o.why);
	assert_true(o.authentic && o.count == 3 && o.bytes == der.n);
	assert_int_equal(o.nhits, 1);
	assert_int_equal(o.hits[0].number, 1);
	assert_true(o.hits[0].at == made_day("2026-05-31"));
	assert_string_equal(o.number, "07");
	assert_true(o.this_update == made_day("2026-05-31"));
	/* the first element of the outer SEQUENCE */
	c = cur_span(buf_bytes(&der));
	assert_int_equal(der_next_strict(&c, &d), 0);
	c = cur_span(d.body);
	assert_int_equal(der_next_strict(&c, &d), 0);
	sha_256(sha, d.whole.p, d.whole.n);
	assert_memory_equal(o.tbs_sha256, sha, 32);
	assert_int_equal(o.kept.n, der.n);
	crlscan_out_free(&o);
	/* a number that was seen before, a time that is over */
	q.last_number = "08";
	o = scan(buf_bytes(&der), &q, &image);
	assert_int_equal(o.fault, CRL_REWOUND);
	assert_int_equal(o.nhits, 1);
	crlscan_out_free(&o);
	q.now = made_day("2026-06-09");
	q.last_number = "";
	o = scan(buf_bytes(&der), &q, &image);
	assert_int_equal(o.fault, CRL_STALE);
	assert_int_equal(o.nhits, 1);
	crlscan_out_free(&o);
	/* another CA's: no hits */
	q = crl_ask(&image);
	q.issuer = buf_bytes(&root.der);
	o = scan(buf_bytes(&der), &q, &image);
	assert_true(o.fault != CRL_OK && !o.authentic && o.nhits == 0);
	crlscan_out_free(&o);
	buf_free(&der);
	buf_free(&image);
}

/* The pipe ends early: at each byte it is no CRL, and its judge lives on. */
static void
crl_cut(void **state)
{
	struct judge_crl_ask	q;
	struct crlscan_out	o;
	struct buf		der = BUF_INIT, image = BUF_INIT;
	size_t			n;

	(void)state;
	start();
	make_set(&image, serials, 2);
	make_crl(&der, &ca, revoked, 3, "2026-06-08");
	q = crl_ask(&image);
	for (n = 0; n < der.n; n += n < 8 || n + 8 > der.n ? 1 : 5) {
		o = scan((struct span){ der.p, n }, &q, &image);
		if (o.fault == CRL_OK || o.nhits != 0 || o.authentic)
			fail_msg("%zu of %zu bytes: %s", n, der.n, o.why);
		crlscan_out_free(&o);
	}
	/* and with something behind it */
	buf_str(&der, "x");
	o = scan(buf_bytes(&der), &q, &image);
	assert_true(o.fault != CRL_OK && o.nhits == 0);
	crlscan_out_free(&o);
	buf_free(&der);
	buf_free(&image);
}

/* Garbage in every field, and descriptors that are not there. */
static void
crl_garbage(void **state)
{
	struct judge_crl_ask	q;
	struct crlscan_out	o;
	struct judge_reply	r;
	struct buf		der = BUF_INIT, image = BUF_INIT, b = BUF_INIT;
	struct cur		c;
	int			i, fd;

	(void)state;
	start();
	make_set(&image, serials, 2);
	make_crl(&der, &ca, revoked, 3, "2026-06-08");
	for (i = 0; i < 8; i++) {
		q = crl_ask(&image);
		if (i == 0)
			q.now = FIRST;
		else if (i == 1)
			q.now = LAST;
		else if (i == 2)
			q.issuer = SPAN_STR("garbage");
		else if (i == 3)
			q.issuer = SPAN_STR("");
		else if (i == 4)
			q.url = "\xff\xfe";
		else if (i == 5)
			q.last_number = "no number at all";
		else if (i == 6)
			q.last_this = LAST;
		else
			q.keep = UINT32_MAX;
		o = scan(buf_bytes(&der), &q, &image);
		assert_true(i == 0 || i > 6 || o.fault != CRL_OK ||
		    i == 4 || i == 5);
		crlscan_out_free(&o);
	}
	/* without a message, without descriptors, without a set */
	refuses(JUDGE_CRL, &b);
	q = crl_ask(&image);
	judge_crl_ask_pack(&b, &q);
	refuses(JUDGE_CRL, &b);
	for (i = 0; i < 4; i++) {
		q = crl_ask(&image);
		if (i == 0)
			fd = memory(SPAN_STR("this is no set of serials, at "
			    "all; but as long as one might be"), 1);
		else
			fd = memory(buf_bytes(&image), i != 1);
		if (i == 0)
			q.set_size = 60;
		else if (i == 2)
			q.set_size = image.n + 1;
		else if (i == 3)
			q.set_size = image.n - 8;
		feed((struct span){ der.p, 10 }, &q, fd);
		(void)close(fd);
		assert_int_equal(answer(&r, &c), 1);
		assert_false(r.ok);
	}
	/* it has not lost its mind, nor its descriptors */
	for (i = 0; i < 300; i++) {
		q = crl_ask(&image);
		o = scan(buf_bytes(&der), &q, &image);
		assert_true(o.fault == CRL_OK && o.nhits == 1);
		crlscan_out_free(&o);
	}
	buf_free(&der);
	buf_free(&image);
}

/* --- JUDGE_OCSP ----------------------------------------------------------------------------------- */

/* An answer of ${by} for the leaf. */
static void
make_ocsp(struct buf *out, const struct made *by, int status)
{
	OCSP_BASICRESP	*bs = OCSP_BASICRESP_new();
	OCSP_CERTID	*id = OCSP_cert_to_id(NULL, leaf.x, ca.x);
	ASN1_TIME	*from = ASN1_TIME_new(), *to = ASN1_TIME_new();
	OCSP_RESPONSE	*r;
	uint8_t		*der = NULL;
	int		 len;

	made_time(from, "2026-05-31");
	made_time(to, "2026-06-02");
	assert_non_null(OCSP_basic_add1_status(bs, id, status, 1, status ==
	    V_OCSP_CERTSTATUS_REVOKED ? from : NULL, from, to));
	assert_non_null(ASN1_GENERALIZEDTIME_set((ASN1_GENERALIZEDTIME *)
	    (uintptr_t)OCSP_resp_get0_produced_at(bs), made_day("2026-05-31") /
	    CLK_SEC));
	assert_int_equal(OCSP_basic_sign(bs, by->x, by->key, EVP_sha256(),
	    NULL, OCSP_NOCERTS | OCSP_NOTIME), 1);
	r = OCSP_response_create(0, bs);
	len = i2d_OCSP_RESPONSE(r, &der);
	buf_reset(out);
	buf_add(out, der, (size_t)len);
	OPENSSL_free(der);
	OCSP_RESPONSE_free(r);
	OCSP_CERTID_free(id);
	OCSP_BASICRESP_free(bs);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
}

static struct ocsp_said
ocsp_say(struct span body, struct span issuer, const char *serial, int64_t now)
{
	struct judge_ocsp_ask	q = { now, issuer, serial, { NULL, 0 }, body };
	struct ocsp_said	s;
	struct buf		b = BUF_INIT;
	struct cur		c;

	judge_ocsp_ask_pack(&b, &q);
	c = ask(JUDGE_OCSP, &b);
	assert_int_equal(judge_ocsp_read(&c, &s), 0);
	return s;
}

static void
ocsp(void **state)
{
	struct ocsp_said	s;
	struct buf		der = BUF_INIT, b = BUF_INIT;
	int64_t			now = made_day(NOW);
	size_t			n;

	(void)state;
	start();
	make_ocsp(&der, &ca, V_OCSP_CERTSTATUS_GOOD);
	s = ocsp_say(buf_bytes(&der), buf_bytes(&ca.der), "1234", now);
	if (ocsp_said_counts(&s) != OCSP_SAYS_GOOD)
		fail_msg("%s", s.why);
	assert_true(s.next_update == made_day("2026-06-02"));
	ocsp_said_free(&s);
	/* of another serial, later, by another CA */
	s = ocsp_say(buf_bytes(&der), buf_bytes(&ca.der), "1235", now);
	assert_int_equal(ocsp_said_counts(&s), OCSP_SAYS_NOTHING);
	ocsp_said_free(&s);
	s = ocsp_say(buf_bytes(&der), buf_bytes(&ca.der), "1234",
	    made_day("2026-06-03"));
	assert_int_equal(ocsp_said_counts(&s), OCSP_SAYS_NOTHING);
	ocsp_said_free(&s);
	s = ocsp_say(buf_bytes(&der), buf_bytes(&root.der), "1234", now);
	assert_int_equal(ocsp_said_counts(&s), OCSP_SAYS_NOTHING);
	ocsp_said_free(&s);
	make_ocsp(&der, &root, V_OCSP_CERTSTATUS_GOOD);
	s = ocsp_say(buf_bytes(&der), buf_bytes(&ca.der), "1234", now);
	assert_int_equal(ocsp_said_counts(&s), OCSP_SAYS_NOTHING);
	ocsp_said_free(&s);
	make_ocsp(&der, &ca, V_OCSP_CERTSTATUS_REVOKED);
	s = ocsp_say(buf_bytes(&der), buf_bytes(&ca.der), "1234", now);
	assert_int_equal(ocsp_said_counts(&s), OCSP_SAYS_REVOKED);
	assert_true(s.revoked_at == made_day("2026-05-31"));
	ocsp_said_free(&s);
	/* cut anywhere it says nothing */
	for (n = 0; n < der.n; n += 3) {
		s = ocsp_say((struct span){ der.p, n }, buf_bytes(&ca.der),
		    "1234", now);
		assert_int_equal(ocsp_said_counts(&s), OCSP_SAYS_NOTHING);
		ocsp_said_free(&s);
	}
	/* garbage in every field */
	s = ocsp_say(buf_bytes(&der), SPAN_STR("garbage"), "1234", now);
	assert_int_equal(ocsp_said_counts(&s), OCSP_SAYS_NOTHING);
	ocsp_said_free(&s);
	s = ocsp_say(buf_bytes(&der), SPAN_STR(""), "", FIRST);
	assert_int_equal(ocsp_said_counts(&s), OCSP_SAYS_NOTHING);
	ocsp_said_free(&s);
	s = ocsp_say(buf_bytes(&der), buf_bytes(&ca.der), "no serial \xff",
	    LAST);
	assert_int_equal(ocsp_said_counts(&s), OCSP_SAYS_NOTHING);
	ocsp_said_free(&s);
	refuses(JUDGE_OCSP, &b);
	buf_str(&b, "garbage");
	refuses(JUDGE_OCSP, &b);
	buf_free(&der);
}

/* --- JUDGE_INCL ------------------------------------------------------------------------------------- */

/* A tree of 5 leaves: its root and the path of the third. */
static void
tree(uint8_t leaf_hash[32], uint8_t root_hash[32], struct merkle_path *path)
{
	struct merkle_range	r;
	uint8_t			h[5][32];
	size_t			i;

	for (i = 0; i < 5; i++)
		sha_256(h[i], &i, sizeof(i));
	memcpy(leaf_hash, h[2], 32);
	merkle_start(&r, 0);
	merkle_path_start(path, 2);
	merkle_leaves(&r, h, 5, path, 1);
	assert_int_equal(merkle_root(&r, root_hash, path, 1), 0);
}

static struct incl
incl_ask(const struct incl *x, const int *status, const struct span *body)
{
	static struct incl	y;
	struct buf		b = BUF_INIT;
	struct cur		c;
	size_t			i;

	judge_incl_pack(&b, x);
	buf_u32(&b, (uint32_t)x->nask);
	for (i = 0; i < x->nask; i++) {
		buf_u32(&b, (uint32_t)status[i]);
		buf_vec32(&b, body[i].p, body[i].n);
	}
	c = ask(JUDGE_INCL, &b);
	assert_int_equal(judge_incl_read(&c, &y), 0);
	return y;
}

static void
inclusion(void **state)
{
	static struct incl	x, y;
	struct merkle_path	path;
	uint8_t			l[32], r[32];
	struct buf		json = BUF_INIT, b64 = BUF_INIT, b = BUF_INIT;
	struct span		body;
	int			status;
	size_t			i;

	(void)state;
	start();
	tree(l, r, &path);
	assert_int_equal(incl_start(&x, 0, "https://log.example/", l, -1, 5,
	    r), 0);
	buf_str(&json, "{\"leaf_index\":2,\"audit_path\":[");
	for (i = 0; i < path.n; i++) {
		buf_reset(&b64);
		enc_b64(&b64, path.hash[i], 32);
		buf_fmt(&json, "%s\"%s\"", i != 0 ? "," : "",
		    buf_text(&b64));
	}
	buf_str(&json, "]}");
	status = 200;
	body = buf_bytes(&json);
	y = incl_ask(&x, &status, &body);
	assert_int_equal(y.state, INCL_PROVED);
	assert_true(y.index == 2 && y.npath == path.n);
	assert_int_equal(merkle_inclusion(l, 2, 5, (const uint8_t (*)[32])
	    y.path, y.npath, r), 0);
	/* it is not there; nonsense; what does not lead to the root */
	status = 404;
	y = incl_ask(&x, &status, &(struct span){ NULL, 0 });
	assert_int_equal(y.state, INCL_ABSENT);
	status = 200;
	y = incl_ask(&x, &status, &SPAN_STR("\xff"));
	assert_int_equal(y.state, INCL_REFUSED);
	assert_false(y.misled);
	json.p[14] = '3';
	y = incl_ask(&x, &status, &body);
	assert_int_equal(y.state, INCL_REFUSED);
	assert_true(y.misled);
	status = -1;
	y = incl_ask(&x, &status, &body);
	assert_int_equal(y.state, INCL_REFUSED);
	/* other numbers of answers than were asked for */
	judge_incl_pack(&b, &x);
	buf_u32(&b, 0);
	refuses(JUDGE_INCL, &b);
	judge_incl_pack(&b, &x);
	buf_u32(&b, UINT32_MAX);
	refuses(JUDGE_INCL, &b);
	buf_str(&b, "garbage");
	refuses(JUDGE_INCL, &b);
	buf_free(&json);
	buf_free(&b64);
}

/* --- JUDGE_AIA ---------------------------------------------------------------------------------------- */

static struct judge_aia
aia_say(struct span body)
{
	static struct judge_aia	a;
	struct buf		b = BUF_INIT;
	struct cur		c;

	buf_vec32(&b, body.p, body.n);
	c = ask(JUDGE_AIA, &b);
	assert_int_equal(judge_aia_read(&c, &a), 0);
	return a;
}

static void
aia(void **state)
{
	struct judge_aia	 a;
	PKCS7			*p7 = PKCS7_new();
	struct buf		 b = BUF_INIT;
	uint8_t			*der = NULL;
	uint8_t			 key[32];
	int			 n;

	(void)state;
	start();
	a = aia_say(buf_bytes(&ca.der));
	assert_int_equal(a.n, 1);
	assert_true(a.der[0].n == ca.der.n &&
	    memcmp(a.der[0].p, ca.der.p, ca.der.n) == 0);
	assert_int_equal(cert_key_hash(buf_bytes(&ca.der), key, NULL), 0);
	assert_memory_equal(a.spki_sha256[0], key, 32);
	(void)PKCS7_set_type(p7, NID_pkcs7_signed);
	(void)PKCS7_content_new(p7, NID_pkcs7_data);
	(void)PKCS7_add_certificate(p7, ca.x);
	(void)PKCS7_add_certificate(p7, root.x);
	n = i2d_PKCS7(p7, &der);
	a = aia_say((struct span){ der, (size_t)n });
	assert_int_equal(a.n, 2);
	OPENSSL_free(der);
	PKCS7_free(p7);
	/* an error page, nothing, a request that is none */
	buf_vec32(&b, "<html>", 6);
	refuses(JUDGE_AIA, &b);
	buf_vec32(&b, "", 0);
	refuses(JUDGE_AIA, &b);
	buf_str(&b, "xyz");
	refuses(JUDGE_AIA, &b);
}

/* --- JUDGE_KEYS ----------------------------------------------------------------------------------------- */

static void
keys(void **state)
{
	struct buf	b = BUF_INIT;
	struct cur	c;
	uint8_t		bad[JUDGE_KEYS_MAX];
	size_t		n;

	(void)state;
	start();
	buf_u32(&b, 3);
	buf_vec32(&b, rsa.der.p, rsa.der.n);
	buf_vec32(&b, leaf.der.p, leaf.der.n);
	buf_vec32(&b, "garbage", 7);
	c = ask(JUDGE_KEYS, &b);
	assert_int_equal(judge_keys_read(&c, bad, &n), 0);
	assert_true(n == 3 && bad[0] == 0 && bad[1] == 0 && bad[2] == 0);
	buf_u32(&b, JUDGE_KEYS_MAX + 1);
	refuses(JUDGE_KEYS, &b);
	buf_u32(&b, 2);
	buf_vec32(&b, rsa.der.p, rsa.der.n);
	refuses(JUDGE_KEYS, &b);
}

/* --- JUDGE_ARI ------------------------------------------------------------ */

static void
ari_refuses(enum judge_ari_what what, const char *text)
{
	struct buf	b = BUF_INIT;

	judge_ari_pack(&b, what, (struct span){ (const uint8_t *)text,
	    strlen(text) });
	refuses(JUDGE_ARI, &b);
}

static void
ari(void **state)
{
	static const char	answer[] = "{\"suggestedWindow\": {\"start\": "
	    "\"2026-11-01T00:00:00Z\", \"end\": \"2026-11-02T00:00:00Z\"}, "
	    "\"explanationURL\": \"https://ca.example/why\"}";
	static const char *const bad[] = { "https://ca.example/\n",
	    "https://ca.example/\x1b[0m" };
	struct judge_ari	a;
	struct buf		b = BUF_INIT;
	struct cur		c;
	size_t			i;

	(void)state;
	start();
	judge_ari_pack(&b, JUDGE_ARI_ANSWER, SPAN_STR(answer));
	c = ask(JUDGE_ARI, &b);
	assert_int_equal(judge_ari_read(&c, &a), 0);
	assert_int_equal(a.end - a.start, 86400 * CLK_SEC);
	assert_string_equal(a.url, "https://ca.example/why");
	ari_refuses(JUDGE_ARI_ANSWER, "");
	ari_refuses(JUDGE_ARI_ANSWER, "<html>");
	ari_refuses(JUDGE_ARI_ANSWER, "{\"suggestedWindow\": {\"start\": "
	    "\"2026-11-02T00:00:00Z\", \"end\": \"2026-11-01T00:00:00Z\"}}");
	ari_refuses(JUDGE_ARI_CERT, "garbage");
	ari_refuses((enum judge_ari_what)2, answer);
	buf_str(&b, "xyz");
	refuses(JUDGE_ARI, &b);
	/* a judge that lies says nothing that goes into a URL or a sentence */
	for (i = 0; i < 4; i++) {
		buf_reset(&b);
		judge_text_pack(&b, i == 0 ? "../../admin?x=" : i == 1 ?
		    "a b" : "aYhba4dG.AIdl");
		buf_u64(&b, 1);
		buf_u64(&b, 2);
		judge_text_pack(&b, i < 2 ? "" : bad[i - 2]);
		c = cur_span(buf_bytes(&b));
		assert_int_equal(judge_ari_read(&c, &a), -1);
	}
	buf_free(&b);
}

/* --- all of them ------------------------------------------------------------------------------------------ */

/* Random bytes as each kind of question: an answer to each, of one judge. */
static void
noise(void **state)
{
	static const enum judge_type	t[] = { JUDGE_LOGS, JUDGE_CERT,
	    JUDGE_CRL, JUDGE_OCSP, JUDGE_INCL, JUDGE_AIA, JUDGE_KEYS,
	    JUDGE_ARI };
	uint8_t				seed[32] = { 0 };
	struct judge_reply		r;
	struct buf			b = BUF_INIT;
	struct cur			c;
	size_t				i, n;

	(void)state;
	start();
	for (i = 0; i < 400; i++) {
		buf_reset(&b);
		for (n = 0; n < i % 9; n++) {
			sha_256(seed, seed, 32);
			buf_add(&b, seed, 32);
		}
		/* half of them begin with a length that is right */
		if (i % 2 && b.n > 4) {
			b.p[0] = b.p[1] = b.p[2] = 0;
			b.p[3] = (uint8_t)(b.n - 4);
		}
		put(t[i % (sizeof(t) / sizeof(t[0]))], &b, NULL, 0);
		assert_int_equal(answer(&r, &c), 1);
	}
	buf_free(&b);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest	t[] = {
		cmocka_unit_test(certificate),
		cmocka_unit_test(not_certificates),
		cmocka_unit_test(weak_keys),
		cmocka_unit_test(many_roots),
		cmocka_unit_test(logs),
		cmocka_unit_test(trust),
		cmocka_unit_test(crl),
		cmocka_unit_test(crl_cut),
		cmocka_unit_test(crl_garbage),
		cmocka_unit_test(ocsp),
		cmocka_unit_test(inclusion),
		cmocka_unit_test(aia),
		cmocka_unit_test(keys),
		cmocka_unit_test(ari),
		cmocka_unit_test(noise),
	};

	if (argc == 2 && proc_role(argv[1]) != NULL)
		return judge_main();
	/* a judge that refuses a CRL does not read the rest of it */
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(t, setup, teardown);
}
