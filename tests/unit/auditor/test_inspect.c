#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libdeflate.h>

#include "auditor/cmd/box.h"
#include "auditor/cmd/cmd.h"
#include "auditor/cmd/inspect.h"
#include "auditor/cmd/opt.h"
#include "base/limit.h"
#include "base/mem.h"
#include "tests/unit/auditor/evidence_fixture.h"

/* commands of main.c's table, which this program does not have */
const struct cmd *const cmd_table[] = { NULL };

const struct cmd *
cmd_find(const char *name)
{
	(void)name;
	return NULL;
}

static struct world	w;

static int
setup(void **state)
{
	(void)state;
	world_make(&w);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	world_free(&w);
	return 0;
}

/* Look at bytes: the first line as "type signature", "!" when malformed. */
static int
look(struct span s, struct trust *t, char *out, size_t cap)
{
	struct inspect	 in;
	struct trust	 none;
	struct buf	 text = BUF_INIT;
	const json_t	*o;

	memset(&none, 0, sizeof(none));
	memset(&in, 0, sizeof(in));
	in.name = "x";
	in.trust = t != NULL ? t : &none;
	in.lines = json_array();
	inspect_file(&in, s);
	assert_true(json_array_size(in.lines) > 0);
	o = json_array_get(in.lines, 0);
	(void)snprintf(out, cap, "%s %s%s",
	    json_string_value(json_object_get(o, "type")),
	    json_string_value(json_object_get(o, "signature")),
	    json_object_get(o, "malformed") != NULL ? " !" : "");
	assert_non_null(json_object_get(o, "reason"));
	inspect_text(o, &text);
	assert_true(text.n > 0);
	/* nothing that moves a cursor */
	assert_null(memchr(text.p, '\033', text.n));
	buf_free(&text);
	json_decref(in.lines);
	return in.worst;
}

static void
want(struct span s, struct trust *t, const char *expect, int status)
{
	char	got[80];
	int	r = look(s, t, got, sizeof(got));

	assert_string_equal(got, expect);
	assert_int_equal(r, status);
}

static void
test_small(void **state)
{
	static const struct {
		const char	*text;
		const char	*want;
	} t[] = {
		{ "", "unknown unchecked !" }, { " \n", "unknown unchecked !" },
		{ "{}", "unknown unchecked !" }, { "{", "json unchecked !" },
		{ "{\"a\":1,\"a\":2}", "json unchecked !" },
		{ "{\"entries\":[]}", "get_entries unchecked" },
		{ "{\"entries\":[1]}", "get_entries unchecked !" },
		{ "{\"operators\":7}", "log_list unchecked !" },
		{ "{\"tree_head_signature\":7}", "sth unchecked !" },
		{ "{\"statements\":[]}", "evidence invalid" },
		{ "0", "unknown unchecked !" },
		{ "0\x03\x01\x01\xff", "unknown unchecked !" },
		{ "0\x02" "0", "unknown unchecked !" },
		{ "origin\n1\n", "checkpoint unchecked !" },
		{ "origin\n1\nAAAA\n\n", "checkpoint unchecked !" },
		{ "-----BEGIN X-----\n", "unknown unchecked !" },
		{ "hello", "unknown unchecked !" },
		{ "\x1f\x8b\x08", "data_tile unchecked !" },
		{ "\xff\xfe", "unknown unchecked !" },
	};
	size_t	i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		want(SPAN_STR(t[i].text), NULL, t[i].want,
		    strchr(t[i].want, '!') != NULL ||
		    strstr(t[i].want, "invalid") != NULL ? 2 : 0);
}

/* Things of our own making: each kind with and without its key. */
static void
test_made(void **state)
{
	struct trust	ca, log, other;
	struct buf	sth = BUF_INIT, tls = BUF_INIT;

	(void)state;
	memset(&ca, 0, sizeof(ca));
	memset(&log, 0, sizeof(log));
	memset(&other, 0, sizeof(other));
	buf_span(&ca.cert, buf_bytes(&w.ca));
	buf_span(&log.spki, buf_bytes(&w.spki));
	want(buf_bytes(&w.cert), NULL, "certificate unchecked", 0);
	want(buf_bytes(&w.cert), &ca, "certificate valid", 0);
	want(buf_bytes(&w.pre), &ca, "precertificate valid", 0);
	want(buf_bytes(&w.cert), &log, "certificate invalid", 2);
	want(buf_bytes(&w.ca), NULL, "certificate valid", 0);
	make_sth(&w, 5, 1767225700000ULL, NULL, &sth);
	want(buf_bytes(&sth), NULL, "sth unchecked", 0);
	want(buf_bytes(&sth), &log, "sth valid", 0);
	other.list = &w.list;
	want(buf_bytes(&sth), &other, "sth valid", 0);
	sth.p[13] = '6';	/* the size */
	want(buf_bytes(&sth), &log, "sth invalid", 2);
	want(buf_bytes(&sth), &other, "sth invalid", 2);
	buf_free(&ca.cert);
	buf_free(&log.spki);
	buf_free(&sth);
	buf_free(&tls);
}

/* A data tile as static-ct-api has it: raw, gzip, cut at each byte. */
static void
test_tile(void **state)
{
	struct libdeflate_compressor *c = libdeflate_alloc_compressor(6);
	struct buf	 b = BUF_INIT, z = BUF_INIT;
	struct entry	 en;
	char		 got[80];
	size_t		 i, one = 0;

	(void)state;
	for (i = 0; i < 3; i++) {
		assert_int_equal(entry_read(buf_bytes(&w.leaf[i]), &en, NULL),
		    0);
		/* without version and leaf type, then no chain */
		buf_add(&b, w.leaf[i].p + 2, w.leaf[i].n - 2);
		buf_u16(&b, 0);
		if (i == 0)
			one = b.n;
	}
	want(buf_bytes(&b), NULL, "data_tile unchecked", 0);
	z.n = libdeflate_gzip_compress(c, b.p, b.n, buf_room(&z, b.n + 100),
	    b.n + 100);
	assert_true(z.n > 0);
	want(buf_bytes(&z), NULL, "data_tile unchecked", 0);
	for (i = 1; i < b.n; i++)
		if (i != one && i != 2 * one) {
			(void)look((struct span){ b.p, i }, NULL, got,
			    sizeof(got));
			assert_non_null(strchr(got, '!'));
		}
	for (i = 3; i < z.n; i++)
		want((struct span){ z.p, i }, NULL, "data_tile unchecked !",
		    2);
	libdeflate_free_compressor(c);
	buf_free(&b);
	buf_free(&z);
}

/* Any byte changed, and cut anywhere: no crash, an answer each time. */
static void
test_broken(void **state)
{
	const struct buf *const	 what[] = { &w.cert, &w.pre };
	struct buf		 b = BUF_INIT;
	char			 got[80];
	size_t			 i, k, n = 0;

	(void)state;
	for (k = 0; k < 2; k++) {
		buf_reset(&b);
		buf_span(&b, buf_bytes(what[k]));
		for (i = 0; i < b.n; i++, n += 2) {
			b.p[i] ^= 0x41;
			(void)look(buf_bytes(&b), NULL, got, sizeof(got));
			b.p[i] ^= 0x41;
			assert_int_equal(look((struct span){ b.p, i }, NULL,
			    got, sizeof(got)), 2);
		}
	}
	(void)printf("%zu broken certificates looked at\n", n);
	buf_free(&b);
}

/* --- data of others --- */

static const char *
data(void)
{
	const char	*d = getenv("CERTVIGIL_DATA");

	return d != NULL && d[0] != '\0' ? d : "../shared/data";
}

static int
load(const char *name, struct buf *b)
{
	char	*path = mem_printf("%s/%s", data(), name);
	int	 rc;

	buf_reset(b);
	rc = opt_file(path, LIMIT_INSPECT_FILE, b, NULL);
	free(path);
	return rc;
}

static void
test_real(void **state)
{
	static const struct {
		const char	*file, *want;
		int		 status;
	} t[] = {
		{ "loglist/google-v80.14/log_list.json",
		    "log_list unchecked", 0 },
		{ "rfc6962/argon2020/get-sth", "sth unchecked", 0 },
		{ "rfc6962/ct-go/get-entries-client-two.json",
		    "get_entries unchecked", 0 },
		{ "static-ct/checkpoints/willow2025h1b_1237717073.checkpoint",
		    "checkpoint unchecked", 0 },
		{ "static-ct/navigli2025h2/tile/data/003.p/10",
		    "data_tile unchecked", 0 },
		{ "static-ct/navigli2025h2/tile/data/000",
		    "data_tile unchecked", 0 },
		{ "crl/webpki/crl.idp.valid.der", "crl unchecked", 0 },
		{ "ocsp/golang/ocspResponseHex.der",
		    "ocsp_response unchecked", 0 },
		{ "ocsp/openssl/ND3.ors", "ocsp_response unchecked", 0 },
		{ "certs/letsencrypt-issuers/e1.pem",
		    "certificate unchecked", 0 },
		{ "sct/sct.rs/ecdsa_p256-basic-sct.bin", "sct unchecked", 0 },
		{ "revocation/boringssl/crl_unittest/good.pem",
		    "crl valid", 0 },
		{ "revocation/boringssl/crl_unittest/bad_signature.pem",
		    "crl invalid", 2 },
		{ "revocation/boringssl/ocsp_unittest/good_response.pem",
		    "ocsp_response valid", 0 },
	};
	struct buf	b = BUF_INIT;
	size_t		i, skipped = 0;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (load(t[i].file, &b) == -1)
			skipped++;
		else
			want(buf_bytes(&b), NULL, t[i].want, t[i].status);
	if (skipped != 0)
		(void)printf("SKIP %zu files of others\n", skipped);
	buf_free(&b);
}

/* Real signatures: valid with the right key, invalid when changed. */
static void
test_real_signatures(void **state)
{
	static const struct {
		const char	*file, *want, *broken;
	} t[] = {
		{ "static-ct/checkpoints/willow2025h1b_1237717073.checkpoint",
		    "checkpoint", NULL },
		{ "rfc6962/argon2020/get-sth", "sth", NULL },
	};
	struct buf	 b = BUF_INIT;
	struct trust	 trust;
	struct inspect	 in;
	struct buf	 sig = BUF_INIT;
	size_t		 i, skipped = 0;
	char		 got[80];

	(void)state;
	memset(&trust, 0, sizeof(trust));
	if (load("loglist/google-v80.14/log_list.json", &trust.json) == -1 ||
	    load("loglist/google-v80.14/log_list.sig", &sig) == -1) {
		(void)printf("SKIP %zu no log list\n",
		    sizeof(t) / sizeof(t[0]) + 2);
		return;
	}
	memset(&in, 0, sizeof(in));
	in.name = "x";
	in.trust = &trust;
	in.sig = buf_bytes(&sig);
	in.lines = json_array();
	inspect_file(&in, buf_bytes(&trust.json));
	assert_int_equal(in.worst, 0);
	assert_string_equal(json_string_value(json_object_get(
	    json_array_get(in.lines, 0), "signature")), "valid");
	trust.json.p[trust.json.n - 1] ^= ' ' ^ '\n';
	inspect_file(&in, buf_bytes(&trust.json));
	assert_int_equal(in.worst, 2);
	json_decref(in.lines);
	assert_int_equal(trust_open(&trust, NULL), 0);
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (load(t[i].file, &b) == -1)
			skipped++;
		else {
			(void)look(buf_bytes(&b), &trust, got, sizeof(got));
			assert_int_equal(strncmp(got, t[i].want,
			    strlen(t[i].want)), 0);
		}
	if (skipped != 0)
		(void)printf("SKIP %zu files of others\n", skipped);
	buf_free(&b);
	buf_free(&sig);
	trust_free(&trust);
}

/* --- the box --- */

static int
box_open(void *arg, struct buf *out)
{
	FILE	*f = fopen("/etc/passwd", "r");

	(void)arg;
	buf_str(out, f == NULL ? "closed" : "open");
	if (f != NULL)
		(void)fclose(f);
	return 7;
}

static int
box_die(void *arg, struct buf *out)
{
	(void)arg;
	(void)out;
	abort();
}

static int
box_large(void *arg, struct buf *out)
{
	memset(buf_room(out, *(size_t *)arg), 'x', *(size_t *)arg);
	out->n = *(size_t *)arg;
	return 0;
}

static void
test_box(void **state)
{
	struct buf	out = BUF_INIT;
	struct err	e = ERR_INIT;
	size_t		n;

	(void)state;
	assert_int_equal(box_run(box_open, NULL, &out, &e), 7);
	assert_string_equal(buf_text(&out), "closed");
	assert_int_equal(box_run(box_die, NULL, &out, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	err_clear(&e);
	buf_reset(&out);
	n = LIMIT_INSPECT_SAID;
	assert_int_equal(box_run(box_large, &n, &out, &e), 0);
	assert_int_equal(out.n, LIMIT_INSPECT_SAID);
	buf_reset(&out);
	n++;
	assert_int_equal(box_run(box_large, &n, &out, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest	tests[] = {
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_made),
		cmocka_unit_test(test_tile),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_real),
		cmocka_unit_test(test_real_signatures),
		cmocka_unit_test(test_box),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
