#include "tests/unit/ctlog/scts_fixture.h"

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
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
