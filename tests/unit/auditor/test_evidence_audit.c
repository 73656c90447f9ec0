/* Evidence of what the audit finds. */
/* takes: 2 */
#include "tests/unit/auditor/evidence_audit_world.h"

/* Statements of a type, or texts of one. */
static size_t
count(const json_t *o, const char *type)
{
	const json_t	*s = json_object_get(o, "statements"), *v;
	json_t		*t;
	const char	*text;
	size_t		 i, n = 0;

	for (i = 0; i < json_array_size(s); i++) {
		v = json_array_get(s, i);
		n += strcmp(json_string_value(json_object_get(v, "type")),
		    type) == 0;
		text = json_string_value(json_object_get(v, "text"));
		if (text == NULL)
			continue;
		t = json_loads(text, 0, NULL);
		n += strcmp(json_string_value(json_object_get(t, "type")) +
		    strlen("certvigil.statement."), type) == 0;
		json_decref(t);
	}
	return n;
}

/* What is in the file about each finding. */
static const struct {
	int			 finding;
	enum evidence_verdict	 verdict;
	const char		*holds;		/* "type n type n" */
} files[] = {
	{ F_REVOKED, EVIDENCE_VALID, "certificate 1 crl 2 crl_parts 1 ocsp 1 "
	    "source 3 recheck 6 finding 1" },
	{ F_DISAGREE, EVIDENCE_VALID, "crl 2 ocsp 1 finding 1" },
	{ F_UNPUBLISHED, EVIDENCE_VALID, "crl 2 ocsp 1 finding 1" },
	{ F_CAMPAIGN, EVIDENCE_VALID, "crl 2 crl_parts 1 ocsp 1 source 3 "
	    "finding 1" },
	{ F_SOURCE, EVIDENCE_VALID, "source 1 crl_parts 1 recheck 2 "
	    "finding 1" },
	{ F_SCT, EVIDENCE_VALID, "certificate 1 sct 5 absence 1 head 1 "
	    "recheck 2 finding 1" },
	{ F_ABSENT, EVIDENCE_VALID, "sct 5 absence 1 finding 1" },
	{ F_POLICY, EVIDENCE_VALID, "sct 5 finding 1" },
	{ F_CHAIN, EVIDENCE_VALID, "certificate 1 finding 1" },
	{ F_WEAK, EVIDENCE_VALID, "certificate 1 finding 1" },
	{ F_SERVED, EVIDENCE_VALID, "certificate 1 served 2 recheck 2 "
	    "finding 1" },
	{ F_SMTP, EVIDENCE_VALID, "certificate 1 served 1 recheck 1 "
	    "finding 1" },
	{ F_CAA, EVIDENCE_VALID, "dns 2 certificate 1 finding 1" },
	{ F_GRANT, EVIDENCE_VALID, "dns 1 certificate 0 recheck 1 "
	    "finding 1" },
	{ F_STRAY, EVIDENCE_UNCHECKED, "certificate 1 sct 1 finding 1" },
};

static void
test_files(void **state)
{
	struct buf	 b = BUF_INIT;
	json_t		*o;
	char		*holds, *type, *n, *save;
	size_t		 i;
	enum evidence_verdict v;

	(void)state;
	if (db == NULL)
		skip();
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		buf_reset(&b);
		export(files[i].finding, &b);
		v = judge(buf_text(&b), b.n, 0);
		if (v != files[i].verdict)
			(void)judge(buf_text(&b), b.n, 1);
		assert_int_equal(v, files[i].verdict);
		o = json_loads(buf_text(&b), 0, NULL);
		holds = mem_str(files[i].holds);
		for (type = strtok_r(holds, " ", &save); type != NULL;
		    type = strtok_r(NULL, " ", &save)) {
			n = strtok_r(NULL, " ", &save);
			if (count(o, type) != strtoul(n, NULL, 10))
				print_message("finding %d: %zu of %s\n",
				    files[i].finding, count(o, type), type);
			assert_int_equal(count(o, type), strtoul(n, NULL,
			    10));
		}
		free(holds);
		json_decref(o);
	}
	buf_free(&b);
}

/* The results of SCTs, and what they are by who has another key. */
static void
test_scts(void **state)
{
	static const char *const results[] = { "valid", "valid",
	    "bad_signature", "malformed", "valid" };
	struct evidence_keys	 none = { NULL, { NULL, 0 }, NULL };
	struct buf		 b = BUF_INIT;
	size_t			 seen[5] = { 0 }, i, k;
	const char		*r;
	json_t			*o, *s, *v;

	(void)state;
	if (db == NULL)
		skip();
	export(F_SCT, &b);
	o = json_loads(buf_text(&b), 0, NULL);
	s = json_object_get(o, "statements");
	json_array_foreach(s, i, v) {
		r = json_string_value(json_object_get(v, "result"));
		for (k = 0; r != NULL && k < 5; k++)
			if (strcmp(results[k], r) == 0)
				seen[k]++;
	}
	assert_int_equal(seen[0], 3);
	assert_int_equal(seen[2], 1);
	assert_int_equal(seen[3], 1);
	assert_int_equal(evidence_verify(buf_bytes(&b), &none, &v),
	    EVIDENCE_UNCHECKED);
	json_decref(v);
	json_decref(o);
	buf_free(&b);
}

/* --- statements alone --- */

static int
add_crl(struct evidence *ev, const struct buf *raw,
    const char *const *serials, size_t n, struct err *e)
{
	struct evidence_crl	in = { CRL_URL, buf_bytes(&w.ca),
				    buf_bytes(raw), serials, n };

	err_clear(e);
	return evidence_crl(ev, &in, e);
}

/* What is no evidence does not become any. */
static void
test_refused(void **state)
{
	static const char *const serials[] = { SERIAL, "77", SERIAL };
	const char	**many = mem_array(LIMIT_EVIDENCE_SERIALS + 1,
			    sizeof(*many));
	struct evidence	*ev = evidence_new(&signer);
	struct evidence_ocsp o = { OCSP_URL, buf_bytes(&w.ca),
	    buf_bytes(&a.ocsp), "77" };
	struct err	 e = ERR_INIT;
	struct buf	 b = BUF_INIT;
	char		*digits = mem_zero((LIMIT_EVIDENCE_SERIALS + 1) * 8);
	size_t		 i;

	(void)state;
	assert_int_equal(add_crl(ev, &a.crl, serials, 2, &e), 0);
	assert_int_equal(add_crl(ev, &a.crl, serials, 3, &e), -1);
	assert_int_equal(add_crl(ev, &a.crl, serials, 0, &e), -1);
	for (i = 0; i <= LIMIT_EVIDENCE_SERIALS; i++) {
		(void)snprintf(digits + i * 8, 8, "%zx", i + 1);
		many[i] = digits + i * 8;
	}
	assert_int_equal(add_crl(ev, &a.crl, many, LIMIT_EVIDENCE_SERIALS,
	    &e), 1);
	assert_int_equal(add_crl(ev, &a.crl, many,
	    LIMIT_EVIDENCE_SERIALS + 1, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	buf_span(&b, buf_bytes(&a.crl));
	b.p[b.n - 1] ^= 1;
	assert_int_equal(add_crl(ev, &b, serials, 1, &e), -1);
	assert_int_equal(e.code, ERR_VERIFY);
	/* an answer about another certificate, one by nobody */
	err_clear(&e);
	assert_int_equal(evidence_ocsp(ev, &o, &e), -1);
	assert_int_equal(e.code, ERR_VERIFY);
	buf_reset(&b);
	buf_span(&b, buf_bytes(&a.ocsp));
	b.p[b.n - 1] ^= 1;
	o.serial = SERIAL;
	o.raw = buf_bytes(&b);
	err_clear(&e);
	assert_int_equal(evidence_ocsp(ev, &o, &e), -1);
	assert_int_equal(e.code, ERR_VERIFY);
	/* a certificate is no CRL, and a file of it is not from anywhere */
	assert_int_equal(add_crl(ev, &w.ca, serials, 1, &e), -1);
	assert_int_equal(evidence_recheck_of(ev, 0, EVIDENCE_ASK_OCSP, &e),
	    -1);
	assert_int_equal(evidence_recheck_of(ev, 99, EVIDENCE_ASK_CRL, &e),
	    -1);
	assert_int_equal(evidence_recheck_of(ev, 0, EVIDENCE_ASK_CRL, &e), 2);
	evidence_free(ev);
	free(many);
	free(digits);
	buf_free(&b);
}

/* A CRL at the limit of what is kept, and one byte longer. */
static void
test_large(void **state)
{
	static const char *const serial[] = { SERIAL };
	struct evidence	*ev = evidence_new(&signer);
	struct err	 e = ERR_INIT;
	struct buf	 crl = BUF_INIT;
	struct made	 m;
	struct span	 t;
	struct der_tbs	 ca;
	uint8_t		*zeros = mem_zero(LIMIT_CRL_TAIL);
	size_t		 i, over, exts, pad;

	(void)state;
	assert_int_equal(der_cert(buf_bytes(&w.ca), &t, NULL, NULL, NULL), 0);
	assert_int_equal(der_tbs(t, &ca, NULL), 0);
	for (over = 0; over < 2; over++) {
		made_new(&m, w.ca_key);
		buf_reset(&m.issuer);
		buf_span(&m.issuer, ca.subject);
		for (i = 0; m.entries.n < LIMIT_CRL_KEEP - 4096; i++) {
			uint8_t	s[4] = { 0x7f, (uint8_t)(i >> 16),
			    (uint8_t)(i >> 8), (uint8_t)i };

			made_revoked(&m.entries, (struct span){ s, 4 },
			    "260601000000Z", 1);
		}
		exts = m.exts.n;
		pad = 1000;
		/* signatures vary by a byte or two: until it fits */
		for (i = 0; i < 1000 && crl.n != LIMIT_CRL_KEEP + over; i++) {
			if (crl.n > LIMIT_CRL_KEEP / 2)
				pad += LIMIT_CRL_KEEP + over - crl.n;
			m.exts.n = exts;
			made_ext(&m.exts, 99, 0, zeros, pad);
			made_crl(&m, &crl);
		}
		assert_int_equal(crl.n, LIMIT_CRL_KEEP + over);
		assert_int_equal(add_crl(ev, &crl, serial, 1, &e),
		    over ? -1 : 0);
		assert_int_equal(e.code, over ? ERR_LIMIT : ERR_NONE);
		buf_reset(&crl);
		made_free(&m);
	}
	evidence_free(ev);
	free(zeros);
	buf_free(&crl);
}

/* Packed parts come back as they were; nothing shorter does. */
static void
test_parts(void **state)
{
	struct crlparts	p;
	struct buf	b = BUF_INIT;
	size_t		i;

	(void)state;
	assert_int_equal(crlparts_unpack(buf_bytes(&a.parts), &p, NULL), 0);
	assert_int_equal(p.digest.n, 32);
	assert_true(p.entry.n > 10);
	assert_int_equal(p.count, 2);
	crlparts_pack(&b, &p);
	assert_int_equal(b.n, a.parts.n);
	assert_memory_equal(b.p, a.parts.p, b.n);
	for (i = 0; i < b.n; i++)
		assert_int_equal(crlparts_unpack((struct span){ b.p, i }, &p,
		    NULL), -1);
	buf_u8(&b, 0);
	assert_int_equal(crlparts_unpack(buf_bytes(&b), &p, NULL), -1);
	b.p[0] = 2;
	assert_int_equal(crlparts_unpack((struct span){ b.p, b.n - 1 }, &p,
	    NULL), -1);
	buf_free(&b);
}

/* A finding of which nothing is stored. */
static void
test_nothing(void **state)
{
	struct evidence	*ev = evidence_new(&signer);
	struct err	 e = ERR_INIT;
	char		 what[16];

	(void)state;
	if (db == NULL) {
		evidence_free(ev);
		skip();
	}
	(void)snprintf(what, sizeof(what), "%d", F_NOTHING);
	assert_int_equal(evidence_store_what(db, what, ev, &e), -1);
	assert_int_equal(e.code, ERR_NOENT);
	evidence_free(ev);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_scts),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
