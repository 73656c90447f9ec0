#include "tests/unit/ctlog/data.h"

#include "base/clk.h"
#include "base/limit.h"
#include "base/sha.h"
#include "ctlog/scts.h"
#include "pki/cert.h"
#include "pki/der.h"
#include "tests/unit/ctlog/made_sct.h"
#include "tests/unit/pki/forge.h"

/* Certificates, logs and CAs of our own; the data of others is elsewhere. */

#define FROM	1780000000LL		/* seconds */
#define TO	1785000000LL
#define AT	(1782000000LL * CLK_SEC)
#define TS	1780000000000ULL	/* ms */

static struct made_logs	logs;
static struct made_ca	root, other, pre;

static int
setup(void **state)
{
	(void)state;
	made_logs(&logs, 6);
	made_ca(&root, "root", NULL, 0);
	/* The same name, another key. */
	made_ca(&other, "root", NULL, 0);
	made_ca(&pre, "presigner", &root, 1);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	made_logs_free(&logs);
	made_ca_free(&root);
	made_ca_free(&other);
	made_ca_free(&pre);
	return 0;
}

/* A certificate with one SCT of log ${i}, dated ${ts}; ext may be empty. */
static void
leaf(struct buf *cert, size_t i, uint64_t ts, struct span ext)
{
	struct made_leaf	l;
	struct buf		items = BUF_INIT, sct = BUF_INIT;

	made_leaf(&l, &root, FROM, TO);
	l.en.timestamp = ts;
	l.en.ext = ext;
	made_sct(&sct, &logs, i, &l.en);
	made_item(&items, &sct);
	made_leaf_done(&l, &items, cert);
	buf_free(&items);
	buf_free(&sct);
}

/* Judge with the root at hand; fails the test when that cannot be done. */
static void
judge(struct span cert, struct span tls, struct span ocsp, struct scts *s)
{
	static struct span	issuer;
	struct scts_in		in = { cert, &issuer, 1, tls, ocsp,
				    &logs.list, AT };
	struct err		e = ERR_INIT;

	issuer = buf_bytes(&root.der);
	if (scts_read(&in, s, &e) == -1)
		fail_msg("%s", e.msg);
}

#define NONE ((struct span){ NULL, 0 })

/* The issuer is found by its signature, wherever it stands. */
static void
embedded(void **state)
{
	static const uint8_t	junk[] = { 0x30, 0x01, 0x00 };
	struct made_leaf	l;
	struct buf		cert = BUF_INIT, items = BUF_INIT;
	struct buf		sct = BUF_INIT, b = BUF_INIT;
	struct span		issuers[4];
	struct scts_in		in = { .issuers = issuers, .nissuers = 4,
				    .logs = &logs.list, .at = AT };
	struct scts		s;
	uint8_t			want[32];
	size_t			k;

	(void)state;
	issuers[0] = (struct span){ junk, 3 };
	issuers[1] = buf_bytes(&other.der);
	issuers[2] = buf_bytes(&pre.der);
	issuers[3] = buf_bytes(&root.der);
	made_leaf(&l, &root, FROM, TO);
	buf_u8(&b, 0);
	l.en.timestamp = TS + 2;
	entry_put(&b, &l.en);
	for (k = 0; k < 3; k++) {
		l.en.timestamp = TS + k;
		buf_reset(&sct);
		made_sct(&sct, &logs, k, &l.en);
		made_item(&items, &sct);
	}
	sha_256(want, l.tbs.p, l.tbs.n);
	made_leaf_done(&l, &items, &cert);
	in.cert = buf_bytes(&cert);
	assert_int_equal(scts_read(&in, &s, NULL), 0);
	assert_int_equal(s.issuer, 3);
	assert_int_equal(s.presigned, 0);
	assert_memory_equal(s.tbs_sha256, want, 32);
	assert_string_equal(s.reason, "");
	assert_ptr_equal(s.logs, &logs.list);
	assert_int_equal(s.n, 3);
	for (k = 0; k < 3; k++) {
		assert_int_equal(s.v[k].status, SCTS_VALID);
		assert_int_equal(s.v[k].source, SCTS_CERT);
		assert_string_equal(s.v[k].reason, "");
		assert_int_equal(s.v[k].timestamp, TS + k);
		assert_int_equal(s.v[k].leaf_index, -1);
		assert_ptr_equal(s.v[k].log, &logs.logs[k]);
		assert_memory_equal(s.v[k].log_id, logs.logs[k].log_id, 32);
	}
	sha_256(want, b.p, b.n);
	assert_memory_equal(s.v[2].leaf_hash, want, 32);
	scts_free(&s);
	assert_null(s.v);
	/* Without the issuer nobody knows what was signed. */
	in.nissuers = 3;
	assert_int_equal(scts_read(&in, &s, NULL), 0);
	assert_int_equal(s.issuer, -1);
	assert_int_equal(s.n, 3);
	memset(want, 0, 32);
	for (k = 0; k < 3; k++) {
		assert_int_equal(s.v[k].status, SCTS_NOT_COUNTED);
		assert_non_null(strstr(s.v[k].reason, "issuer"));
		assert_memory_equal(s.v[k].leaf_hash, want, 32);
	}
	scts_free(&s);
	/* Nor who signed, without a list. */
	in.nissuers = 4;
	in.logs = NULL;
	assert_int_equal(scts_read(&in, &s, NULL), 0);
	assert_int_equal(s.v[0].status, SCTS_UNKNOWN_LOG);
	scts_free(&s);
	buf_free(&cert);
	buf_free(&items);
	buf_free(&sct);
	buf_free(&b);
}

/* Those of TLS and OCSP are over the certificate, whoever issued it. */
static void
delivered(void **state)
{
	struct buf	cert = BUF_INIT, items = BUF_INIT, sct = BUF_INIT;
	struct buf	list = BUF_INIT, b = BUF_INIT;
	struct scts_in	in = { .logs = &logs.list, .at = AT };
	struct entry	en = { .type = ENTRY_X509, .timestamp = TS };
	struct scts	s;
	uint8_t		want[32];

	(void)state;
	leaf(&cert, 0, TS, NONE);
	en.cert = buf_bytes(&cert);
	made_sct(&sct, &logs, 1, &en);
	made_item(&items, &sct);
	made_list(&list, &items);
	buf_u8(&b, 0);
	entry_put(&b, &en);
	sha_256(want, b.p, b.n);
	in.cert = en.cert;
	in.tls = buf_bytes(&list);
	in.ocsp = buf_bytes(&list);
	assert_int_equal(scts_read(&in, &s, NULL), 0);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.v[0].status, SCTS_NOT_COUNTED);
	assert_int_equal(s.v[1].status, SCTS_VALID);
	assert_int_equal(s.v[1].source, SCTS_TLS);
	assert_memory_equal(s.v[1].leaf_hash, want, 32);
	assert_int_equal(s.v[2].status, SCTS_VALID);
	assert_int_equal(s.v[2].source, SCTS_OCSP);
	scts_free(&s);
	/* An embedded one is none of TLS. */
	in.ocsp = NONE;
	en.type = ENTRY_PRECERT;
	buf_reset(&sct);
	buf_reset(&items);
	made_sct(&sct, &logs, 1, &en);
	made_item(&items, &sct);
	made_list(&list, &items);
	in.tls = buf_bytes(&list);
	assert_int_equal(scts_read(&in, &s, NULL), 0);
	assert_int_equal(s.v[1].status, SCTS_BAD_SIGNATURE);
	scts_free(&s);
	buf_free(&cert);
	buf_free(&items);
	buf_free(&sct);
	buf_free(&list);
	buf_free(&b);
}

/* One bad SCT does not hide the others. */
static void
apart(void **state)
{
	static const enum scts_status	want[] = { SCTS_VALID,
	    SCTS_BAD_SIGNATURE, SCTS_MALFORMED, SCTS_UNKNOWN_LOG,
	    SCTS_MALFORMED, SCTS_NOT_COUNTED, SCTS_VALID, SCTS_VALID };
	struct made_leaf		l;
	struct buf			cert = BUF_INIT, items = BUF_INIT;
	struct buf			sct = BUF_INIT;
	struct scts			s;
	size_t				i;

	(void)state;
	logs.logs[3].state = LOGLIST_PENDING;
	made_leaf(&l, &root, FROM, TO);
	l.en.timestamp = TS;
	for (i = 0; i < 8; i++) {
		buf_reset(&sct);
		made_sct(&sct, &logs, i == 5 ? 3 : 0, &l.en);
		if (i == 1)
			sct.p[40] ^= 1;		/* timestamp */
		if (i == 2)
			sct.p[0] = 1;		/* version */
		if (i == 3)
			sct.p[1] ^= 1;		/* log id */
		if (i == 4)
			sct.n--;
		made_item(&items, &sct);
	}
	made_leaf_done(&l, &items, &cert);
	judge(buf_bytes(&cert), NONE, NONE, &s);
	assert_int_equal(s.n, 8);
	for (i = 0; i < 8; i++) {
		assert_int_equal(s.v[i].status, want[i]);
		assert_int_equal(s.v[i].reason[0] == '\0',
		    want[i] == SCTS_VALID);
		assert_int_equal(s.v[i].log == NULL,
		    want[i] == SCTS_MALFORMED || want[i] == SCTS_UNKNOWN_LOG);
	}
	scts_free(&s);
	logs.logs[3].state = LOGLIST_USABLE;
	buf_free(&cert);
	buf_free(&items);
	buf_free(&sct);
}

/* When a log counts: both sides of each border. */
static void
counted(void **state)
{
	static const struct {
		enum loglist_state	 state;
		int64_t			 state_at;	/* ms */
		int64_t			 start, end;	/* seconds */
		int64_t			 ts;		/* ms */
		const char		*why;		/* NULL: valid */
	} cases[] = {
		{ LOGLIST_USABLE, 1, 0, 0, TS, NULL },
		{ LOGLIST_QUALIFIED, 1, 0, 0, TS, NULL },
		{ LOGLIST_READONLY, 1, 0, 0, TS, NULL },
		{ LOGLIST_UNSTATED, 0, 0, 0, TS, NULL },
		{ LOGLIST_PENDING, 1, 0, 0, TS, "is pending" },
		{ LOGLIST_REJECTED, 1, 0, 0, TS, "is rejected" },
		{ LOGLIST_RETIRED, (int64_t)TS + 1, 0, 0, TS, NULL },
		{ LOGLIST_RETIRED, (int64_t)TS, 0, 0, TS, "was retired" },
		{ LOGLIST_RETIRED, 0, 0, 0, TS, "was retired" },
		{ LOGLIST_USABLE, 1, TO, TO + 1, TS, NULL },
		{ LOGLIST_USABLE, 1, TO + 1, TO + 2, TS, "interval" },
		{ LOGLIST_USABLE, 1, TO - 1, TO, TS, "interval" },
		{ LOGLIST_USABLE, 1, 0, 0, AT / 1000, NULL },
		{ LOGLIST_USABLE, 1, 0, 0, AT / 1000 + 60000, NULL },
		{ LOGLIST_USABLE, 1, 0, 0, AT / 1000 + 60001, "future" },
		{ LOGLIST_USABLE, 1, 0, 0, INT64_MAX, "future" },
	};
	struct loglist_log	*l = &logs.logs[0];
	struct buf		 cert = BUF_INIT;
	struct scts		 s;
	size_t			 i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		leaf(&cert, 0, (uint64_t)cases[i].ts, NONE);
		l->state = cases[i].state;
		l->state_at = cases[i].state_at * 1000;
		l->has_interval = cases[i].end != 0;
		l->start = cases[i].start * CLK_SEC;
		l->end = cases[i].end * CLK_SEC;
		judge(buf_bytes(&cert), NONE, NONE, &s);
		assert_int_equal(s.n, 1);
		assert_int_equal(s.v[0].status, cases[i].why == NULL ?
		    SCTS_VALID : SCTS_NOT_COUNTED);
		if (cases[i].why != NULL && strstr(s.v[0].reason,
		    cases[i].why) == NULL)
			fail_msg("%zu: %s", i, s.v[0].reason);
		scts_free(&s);
	}
	l->state = LOGLIST_USABLE;
	l->state_at = 1;
	l->has_interval = 0;
	buf_free(&cert);
}

/* A log's name that came from a list does not reach a terminal as it is. */
static void
cleaned(void **state)
{
	struct buf	 cert = BUF_INIT;
	char		*own = logs.logs[0].description;
	struct scts	 s;

	(void)state;
	logs.logs[0].description = mem_str("a\033[2Jb\xc3\xa9");
	logs.logs[0].state = LOGLIST_PENDING;
	leaf(&cert, 0, TS, NONE);
	judge(buf_bytes(&cert), NONE, NONE, &s);
	assert_string_equal(s.v[0].reason, "the log a?[2Jb?? is pending");
	scts_free(&s);
	free(logs.logs[0].description);
	logs.logs[0].description = own;
	logs.logs[0].state = LOGLIST_USABLE;
	buf_free(&cert);
}

/* leaf_index is signed; CAs dropped it, or left it in base64. */
static void
extensions(void **state)
{
	static const uint8_t	index[] = { 0, 0, 5, 0, 0, 0, 1, 2 };
	static const char	b64[] = "AAAFAAAAAQI=";
	struct span		ext = { index, sizeof(index) };
	struct made_leaf	l;
	struct buf		cert = BUF_INIT, items = BUF_INIT;
	struct buf		right = BUF_INIT, b = BUF_INIT;
	struct scts		s;
	size_t			k, tail;

	(void)state;
	logs.logs[0].protocol = LOGLIST_STATIC;
	made_leaf(&l, &root, FROM, TO);
	l.en.timestamp = TS;
	l.en.ext = ext;
	made_sct(&right, &logs, 0, &l.en);
	made_item(&items, &right);
	/* Behind version, id and time: 2 bytes of length and the extension. */
	tail = right.n - 43 - sizeof(index);
	for (k = 0; k < 3; k++) {
		buf_reset(&b);
		buf_add(&b, right.p, 41);
		buf_u16(&b, k == 0 ? 0 : (uint16_t)strlen(b64));
		if (k != 0)
			buf_str(&b, b64);
		buf_add(&b, right.p + right.n - tail, tail);
		if (k == 2)
			b.p[b.n - 1] ^= 1;
		made_item(&items, &b);
	}
	made_leaf_done(&l, &items, &cert);
	judge(buf_bytes(&cert), NONE, NONE, &s);
	assert_int_equal(s.n, 4);
	assert_int_equal(s.v[0].status, SCTS_VALID);
	assert_int_equal(s.v[0].leaf_index, 0x102);
	for (k = 1; k < 4; k++)
		assert_int_equal(s.v[k].status, SCTS_BAD_SIGNATURE);
	assert_non_null(strstr(s.v[1].reason, "dropped"));
	assert_non_null(strstr(s.v[2].reason, "(decoded, it verifies)"));
	assert_non_null(strstr(s.v[3].reason, "base64"));
	assert_null(strstr(s.v[3].reason, "(decoded"));
	scts_free(&s);
	/* Elsewhere an SCT has no extensions: nothing to be explained. */
	logs.logs[0].protocol = LOGLIST_RFC6962;
	judge(buf_bytes(&cert), NONE, NONE, &s);
	assert_non_null(strstr(s.v[1].reason, "RFC 6962 2.1.4"));
	scts_free(&s);
	buf_free(&cert);
	buf_free(&items);
	buf_free(&right);
	buf_free(&b);
}

/* Lists that are malformed as a whole, in hex; the embedded one is right. */
static void
lists(void **state)
{
	static const char *const	bad[] = { "00", "0000", "0005aabb",
	    "000400020102ff", "00020000", "0003000201" };
	struct buf			cert = BUF_INIT, b = BUF_INIT;
	struct scts			s;
	size_t				i;

	(void)state;
	leaf(&cert, 0, TS, NONE);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		buf_reset(&b);
		data_hex(bad[i], &b);
		judge(buf_bytes(&cert), buf_bytes(&b), buf_bytes(&b), &s);
		assert_int_equal(s.n, 1);
		assert_int_equal(s.v[0].status, SCTS_VALID);
		assert_int_equal(strncmp(s.reason, "tls: SCT list", 13), 0);
		assert_non_null(strstr(s.reason, "; ocsp: SCT list"));
		scts_free(&s);
	}
	buf_free(&cert);
	buf_free(&b);
}

/* The extension itself: what is in it is no list, or it does not belong. */
static void
extension(void **state)
{
#define SCTS_OID "1.3.6.1.4.1.11129.2.4.2"
#define POISON_OID "1.3.6.1.4.1.11129.2.4.3"
	static const struct {
		const char	*value[2];
		int		 poison;
		int		 rc;
		const char	*why;
	} cases[] = {
		{ { "", NULL }, 0, 0, "certificate: SCT extension" },
		{ { "0400", NULL }, 0, 0, "certificate: SCT list" },
		{ { "04020000", NULL }, 0, 0, "certificate: SCT list" },
		{ { "0406000400020102", NULL }, 1, 0,
		    "a precertificate holds no SCTs" },
		{ { "0406000400020102", "0406000400020102" }, 0, -1, "" },
		{ { NULL, NULL }, 0, 0, "" },
	};
	struct made_leaf	l;
	struct buf		cert = BUF_INIT, b = BUF_INIT;
	struct scts_in		in = { .logs = &logs.list, .at = AT };
	struct scts		s;
	struct err		e;
	size_t			i, k;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		made_leaf(&l, &root, FROM, TO);
		for (k = 0; k < 2 && cases[i].value[k] != NULL; k++) {
			buf_reset(&b);
			data_hex(cases[i].value[k], &b);
			made_raw_ext(l.x, SCTS_OID, 0, buf_bytes(&b));
		}
		if (cases[i].poison)
			made_raw_ext(l.x, POISON_OID, 1, (struct span){
			    (const uint8_t *)"\5\0", 2 });
		made_leaf_done(&l, NULL, &cert);
		in.cert = buf_bytes(&cert);
		err_clear(&e);
		assert_int_equal(scts_read(&in, &s, &e), cases[i].rc);
		if (cases[i].rc == -1)
			assert_int_equal(e.code, ERR_FORMAT);
		assert_int_equal(s.n, 0);
		if (strstr(s.reason, cases[i].why) == NULL ||
		    (*cases[i].why == '\0' && s.reason[0] != '\0'))
			fail_msg("%zu: %s", i, s.reason);
		scts_free(&s);
	}
	in.cert = NONE;
	assert_int_equal(scts_read(&in, &s, NULL), -1);
	in.cert = SPAN_STR("\x30\x03\x02\x01\x01");
	assert_int_equal(scts_read(&in, &s, NULL), -1);
	buf_free(&cert);
	buf_free(&b);
}

/* A precertificate whose issuer is a Precertificate Signing Certificate. */
static void
presigner(void **state)
{
	struct made_leaf	l;
	struct buf		cert = BUF_INIT, tbs = BUF_INIT;
	struct span		issuers[2];
	struct scts_in		in = { .issuers = issuers, .nissuers = 2,
				    .logs = &logs.list, .at = AT };
	struct scts		s;
	uint8_t			hash[32];

	(void)state;
	issuers[0] = buf_bytes(&root.der);
	issuers[1] = buf_bytes(&pre.der);
	made_leaf(&l, &pre, FROM, TO);
	made_raw_ext(l.x, POISON_OID, 1, (struct span){
	    (const uint8_t *)"\5\0", 2 });
	made_leaf_done(&l, NULL, &cert);
	in.cert = buf_bytes(&cert);
	assert_int_equal(scts_read(&in, &s, NULL), 0);
	assert_int_equal(s.issuer, 1);
	assert_int_equal(s.presigned, 1);
	assert_int_equal(cert_precert_tbs(in.cert, &issuers[1], 1, &tbs,
	    NULL, NULL), 0);
	sha_256(hash, tbs.p, tbs.n);
	assert_memory_equal(s.tbs_sha256, hash, 32);
	scts_free(&s);
	buf_free(&cert);
	buf_free(&tbs);
}

/*
 * Bytes are cut, never encoded anew: a certificate whose other extensions are
 * not DER (critical FALSE is written out) has a right SCT all the same.
 */
static void
not_der(void **state)
{
	struct made_ca		ca;
	struct forge		f = FORGE_INIT, g = FORGE_INIT;
	struct buf		tbs = BUF_INIT, b = BUF_INIT, c = BUF_INIT;
	struct buf		sct = BUF_INIT, items = BUF_INIT;
	struct buf		cert = BUF_INIT;
	struct entry		en = { .type = ENTRY_PRECERT,
				    .timestamp = TS };
	struct span		issuer;
	struct scts_in		in = { .issuers = &issuer, .nissuers = 1,
				    .logs = &logs.list, .at = AT };
	struct scts		s;

	(void)state;
	made_ca(&ca, "", NULL, 0);
	issuer = buf_bytes(&ca.der);
	memcpy(en.issuer_key_hash, ca.key_hash, 32);
	data_hex("300c0603551d63010100" "04020400", &f.exts);
	forge_dns(&f, "x.example");
	forge_done(&f, &tbs);
	en.cert = buf_bytes(&tbs);
	made_sct(&sct, &logs, 0, &en);
	made_item(&items, &sct);
	made_list(&c, &items);
	forge_tlv(&b, DER_OCTETS, c.p, c.n);
	data_hex("300c0603551d63010100" "04020400", &g.exts);
	forge_ext(&g.exts, DER_OID_SCTS, 10, 0, b.p, b.n);
	forge_dns(&g, "x.example");
	buf_reset(&c);
	forge_done(&g, &c);
	/* The certificate around it. */
	buf_reset(&b);
	buf_u8(&b, 0);
	made_sign(ca.key, buf_bytes(&c), &b);
	buf_add(&c, "\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", 12);
	forge_tlv(&c, DER_BITS, b.p, b.n);
	forge_tlv(&cert, DER_SEQ, c.p, c.n);
	in.cert = buf_bytes(&cert);
	assert_int_equal(scts_read(&in, &s, NULL), 0);
	assert_int_equal(s.issuer, 0);
	assert_int_equal(s.n, 1);
	assert_string_equal(s.v[0].reason, "");
	assert_int_equal(s.v[0].status, SCTS_VALID);
	scts_free(&s);
	made_ca_free(&ca);
	buf_free(&tbs);
	buf_free(&b);
	buf_free(&c);
	buf_free(&sct);
	buf_free(&items);
	buf_free(&cert);
}

/* The caps, at the limit and one above it. */
static void
limits(void **state)
{
	struct buf	cert = BUF_INIT, one = BUF_INIT, b = BUF_INIT;
	struct buf	list = BUF_INIT;
	struct entry	en = { .type = ENTRY_X509, .timestamp = TS };
	struct span	many[LIMIT_SCTS_ISSUERS + 1];
	struct scts_in	in = { .issuers = many, .logs = &logs.list,
			    .at = AT };
	struct scts	s;
	size_t		i, k;

	(void)state;
	leaf(&cert, 0, TS, NONE);
	en.cert = buf_bytes(&cert);
	made_sct(&one, &logs, 1, &en);
	/* One is embedded, the others come by TLS. */
	for (k = LIMIT_SCTS - 1; k <= LIMIT_SCTS; k++) {
		buf_reset(&b);
		for (i = 0; i < k; i++)
			made_item(&b, &one);
		made_list(&list, &b);
		judge(buf_bytes(&cert), buf_bytes(&list), NONE, &s);
		assert_int_equal(s.n, k == LIMIT_SCTS ? 1 : LIMIT_SCTS);
		assert_int_equal(s.reason[0] == '\0', k != LIMIT_SCTS);
		scts_free(&s);
	}
	in.cert = buf_bytes(&cert);
	for (k = LIMIT_SCTS_ISSUERS; k <= LIMIT_SCTS_ISSUERS + 1; k++) {
		for (i = 0; i < k; i++)
			many[i] = buf_bytes(i == k - 1 ? &root.der :
			    &other.der);
		in.nissuers = k;
		assert_int_equal(scts_read(&in, &s, NULL), 0);
		assert_int_equal(s.issuer, k == LIMIT_SCTS_ISSUERS ?
		    (int)k - 1 : -1);
		scts_free(&s);
	}
	buf_free(&cert);
	buf_free(&one);
	buf_free(&b);
	buf_free(&list);
}

/* A spoiled certificate has a right SCT only if its TBS is the same. */
static void
spoiled(void **state)
{
	static const unsigned	times = 2000;
	struct buf		cert = BUF_INIT, bad = BUF_INIT;
	struct span		issuer = buf_bytes(&root.der);
	struct scts_in		in = { .issuers = &issuer, .nissuers = 1,
				    .logs = &logs.list, .at = AT };
	struct scts		s;
	uint64_t		seed = 7;
	uint8_t			good[32], *p;
	unsigned		i, read = 0, valid = 0;

	(void)state;
	leaf(&cert, 0, TS, NONE);
	judge(buf_bytes(&cert), NONE, NONE, &s);
	memcpy(good, s.tbs_sha256, 32);
	scts_free(&s);
	for (i = 0; i < times; i++) {
		data_spoil(&seed, buf_bytes(&cert), &bad);
		p = data_exact(buf_bytes(&bad));
		in.cert = (struct span){ p, bad.n };
		if (scts_read(&in, &s, NULL) == 0) {
			read++;
			if (s.n > 0 && s.v[0].status == SCTS_VALID) {
				valid++;
				assert_memory_equal(s.tbs_sha256, good, 32);
			}
		}
		scts_free(&s);
		free(p);
	}
	printf("%u spoiled certificates, %u read, %u with a valid SCT\n",
	    times, read, valid);
	assert_true(read > 0 && read < times);
	buf_free(&cert);
	buf_free(&bad);
}

static void
names(void **state)
{
	(void)state;
	assert_string_equal(scts_status_name(SCTS_VALID), "valid");
	assert_string_equal(scts_status_name(SCTS_BAD_SIGNATURE),
	    "bad_signature");
	assert_string_equal(scts_status_name(SCTS_UNKNOWN_LOG),
	    "unknown_log");
	assert_string_equal(scts_status_name(SCTS_NOT_COUNTED),
	    "not_counted");
	assert_string_equal(scts_status_name(SCTS_MALFORMED), "malformed");
	assert_string_equal(scts_source_name(SCTS_CERT), "certificate");
	assert_string_equal(scts_source_name(SCTS_TLS), "tls");
	assert_string_equal(scts_source_name(SCTS_OCSP), "ocsp");
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(embedded),
		cmocka_unit_test(delivered),
		cmocka_unit_test(apart),
		cmocka_unit_test(counted),
		cmocka_unit_test(cleaned),
		cmocka_unit_test(extensions),
		cmocka_unit_test(lists),
		cmocka_unit_test(extension),
		cmocka_unit_test(presigner),
		cmocka_unit_test(not_der),
		cmocka_unit_test(limits),
		cmocka_unit_test(spoiled),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
