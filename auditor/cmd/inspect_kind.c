#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auditor/cmd/cmd.h"
#include "auditor/cmd/inspect.h"
#include "auditor/evidence_json.h"
#include "base/clk.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "pki/der.h"

/* Which kind of thing bytes are, and the lines that are made of it. */

json_t *
inspect_begin(const struct inspect *in, const char *type)
{
	json_t	*o = json_object();

	inspect_str(o, "file", in->name);
	json_object_set_new(o, "type", json_string(type));
	return o;
}

void
inspect_end(struct inspect *in, json_t *o, enum inspect_sig sig,
    const char *reason)
{
	static const char *const names[] = { "valid", "unchecked", "invalid" };

	json_object_set_new(o, "signature", json_string(names[sig]));
	inspect_str(o, "reason", reason);
	if (sig == INSPECT_INVALID)
		in->worst = 2;
	json_array_append_new(in->lines, o);
}

void
inspect_malformed(struct inspect *in, json_t *o, const struct err *e)
{
	json_object_set_new(o, "malformed", json_true());
	in->worst = 2;
	inspect_end(in, o, INSPECT_UNCHECKED, e->msg);
}

void
inspect_hex(json_t *o, const char *key, const void *p, size_t n)
{
	json_object_set_new(o, key, evidence_hex(p, n));
}

void
inspect_b64(json_t *o, const char *key, const void *p, size_t n)
{
	json_object_set_new(o, key, evidence_b64(p, n));
}

void
inspect_str(json_t *o, const char *key, const char *s)
{
	char	*clean = cmd_clean(s);

	json_object_set_new(o, key, json_string(clean));
	free(clean);
}

void
inspect_time(json_t *o, const char *key, int64_t t)
{
	char	text[CLK_TEXT];

	json_object_set_new(o, key, t == INT64_MIN ? json_null() :
	    json_string(clk_text(t, text)));
}

void
inspect_int(json_t *o, const char *key, uint64_t v)
{
	json_object_set_new(o, key, json_integer((json_int_t)v));
}

int
inspect_log(const struct inspect *in, const uint8_t id[32],
    struct span *key, const char **description)
{
	const struct loglist_log *l = NULL;

	if (in->trust->list != NULL)
		l = loglist_find(in->trust->list, id);
	if (l == NULL)
		return -1;
	*key = (struct span){ l->key, l->nkey };
	*description = l->description;
	return 0;
}

static void
unknown(struct inspect *in, const char *why)
{
	struct err	e = ERR_INIT;

	(void)err_set(&e, ERR_FORMAT, "%s", why);
	inspect_malformed(in, inspect_begin(in, "unknown"), &e);
}

/*
 * Certificates, CRLs and OCSP responses begin alike; which one it is shows
 * in the tags of the first elements (RFC 5280 4.1, 5.1; RFC 6960 4.2.1).
 */
static void
der(struct inspect *in, struct span s)
{
	struct cur	c = cur_span(s);
	struct der	whole, tbs, d;

	if (der_want(&c, DER_SEQ, &whole) == -1) {
		unknown(in, "is DER that ends too early");
		return;
	}
	c = cur_span(whole.body);
	if (c.p != c.end && c.p[0] == 0x0a) {
		inspect_ocsp(in, s);
		return;
	}
	if (der_want(&c, DER_SEQ, &tbs) == -1) {
		unknown(in, "is DER, but no certificate, CRL or OCSP response");
		return;
	}
	c = cur_span(tbs.body);
	/* [0] version and INTEGER, or SEQUENCE after an INTEGER */
	if (c.p != c.end && c.p[0] == 0xa0) {
		inspect_certificate(in, s);
		return;
	}
	(void)der_want(&c, DER_INT, &d);
	if (der_want(&c, DER_SEQ, &d) == 0 && der_want(&c, DER_SEQ, &d) == 0 &&
	    der_next(&c, &d) == 0 && (d.tag == DER_UTC ||
	    d.tag == DER_GENTIME))
		inspect_crl(in, s);
	else
		inspect_certificate(in, s);
}

/* Of a PEM file's objects, those to show: keys and requests are not. */
static int
ours(const char *label)
{
	return strstr(label, "REQUEST") == NULL &&
	    (strstr(label, "CERTIFICATE") != NULL ||
	    strstr(label, "CRL") != NULL ||
	    strcmp(label, "OCSP RESPONSE") == 0);
}

/* All objects of a PEM file; certificates first, for who signed whom. */
static void
pem(struct inspect *in, struct span s)
{
	BIO		*bio = BIO_new_mem_buf(s.p, (int)s.n);
	struct span	*all = NULL, *certs = NULL;
	char		**names = NULL, *name, *header;
	unsigned char	*data;
	size_t		 n = 0, cap = 0, capn = 0, ncerts = 0, shown = 0, i;
	long		 len;

	while (bio != NULL && n < LIMIT_INSPECT_ITEMS &&
	    PEM_read_bio(bio, &name, &header, &data, &len) == 1) {
		all = mem_grow(all, &cap, n + 1, sizeof(*all));
		names = mem_grow(names, &capn, n + 1, sizeof(*names));
		all[n].p = data;
		all[n].n = (size_t)len;
		names[n++] = name;
		OPENSSL_free(header);
	}
	certs = mem_array(n, sizeof(*certs));
	for (i = 0; i < n; i++)
		if (strstr(names[i], "CERTIFICATE") != NULL &&
		    ours(names[i]))
			certs[ncerts++] = all[i];
	in->certs = certs;
	in->ncerts = ncerts;
	for (i = 0; i < n; i++) {
		if (!ours(names[i]))
			continue;
		shown++;
		if (all[i].n != 0 && all[i].p[0] == 0x30)
			der(in, all[i]);
		else
			unknown(in, "holds PEM without DER in it");
	}
	if (shown == 0)
		unknown(in, n == 0 ? "is PEM that cannot be read (RFC 7468)" :
		    "is PEM, but has no certificate, CRL or OCSP response");
	for (i = 0; i < n; i++) {
		mem_wipe((void *)(uintptr_t)all[i].p, all[i].n);
		OPENSSL_free((void *)(uintptr_t)all[i].p);
		OPENSSL_free(names[i]);
	}
	in->certs = NULL;
	in->ncerts = 0;
	free(certs);
	free(all);
	free(names);
	BIO_free(bio);
	ERR_clear_error();
}

/* A file that is one line of base64, as some programs keep DER. */
static int
base64(struct inspect *in, struct span s)
{
	struct buf	text = BUF_INIT, b = BUF_INIT;
	size_t		i;
	int		r = 0;

	for (i = 0; i < s.n; i++)
		if (s.p[i] != '\n' && s.p[i] != '\r' && s.p[i] != ' ')
			buf_u8(&text, s.p[i]);
	if (text.n > 8 && enc_unb64(buf_text(&text), text.n, &b) == 0) {
		r = 1;
		if (b.p[0] == 0x30)
			der(in, buf_bytes(&b));
		else
			inspect_sct_list(in, buf_bytes(&b));
	}
	buf_free(&text);
	buf_free(&b);
	return r;
}

/* The length in front of an SCT list is that of all the rest. */
static int
is_sct_list(struct span s)
{
	return s.n > 4 && (size_t)(s.p[0] << 8 | s.p[1]) == s.n - 2 &&
	    (size_t)(s.p[2] << 8 | s.p[3]) <= s.n - 4;
}

/* Two lines, the second a number: a note's begin. */
static int
is_note(struct span s)
{
	const uint8_t	*nl = memchr(s.p, '\n', s.n < 1024 ? s.n : 1024);
	const uint8_t	*end = s.p + s.n, *d;

	if (nl == NULL || nl == s.p)
		return 0;
	for (d = nl + 1; d < end && *d >= '0' && *d <= '9'; d++)
		;
	return d != nl + 1 && d < end && *d == '\n';
}

void
inspect_file(struct inspect *in, struct span s)
{
	struct span	list;
	size_t		i = 0;

	while (i < s.n && (s.p[i] == ' ' || s.p[i] == '\n' ||
	    s.p[i] == '\r' || s.p[i] == '\t'))
		i++;
	if (i == s.n)
		unknown(in, "is empty");
	else if (s.p[i] == '{') {
		if (!inspect_json(in, s))
			unknown(in, "is JSON, but no STH, get-entries answer, "
			    "log list or evidence file");
	} else if (s.n > 2 && s.p[0] == 0x1f && s.p[1] == 0x8b)
		inspect_tile(in, s, 1);
	else if (s.p[0] == 0x30 && !is_sct_list(s))
		der(in, s);
	else if (s.p[0] == 0x04 && der_only(s, DER_OCTETS, &list) == 0)
		inspect_sct_list(in, list);
	else if (is_sct_list(s))
		inspect_sct_list(in, s);
	else if (memmem(s.p, s.n, "-----BEGIN ", 11) != NULL)
		pem(in, s);
	else if (is_note(s))
		inspect_checkpoint(in, s);
	else if (s.p[0] == 0 && inspect_sct(in, s))
		return;
	else if (s.p[0] == 0 && s.n > 12)
		inspect_tile(in, s, 0);
	else if (!base64(in, s))
		unknown(in, "is nothing that inspect knows");
}

static void
value(const json_t *v, int depth, struct buf *out)
{
	const json_t	*item;
	const char	*key;
	char		*text;
	size_t		 i;

	if (json_is_object(v)) {
		json_object_foreach((json_t *)(uintptr_t)v, key, item) {
			buf_fmt(out, "%*s%-*s ", depth * 2, "",
			    depth == 0 ? 18 : 14, key);
			if (json_is_object(item) || (json_is_array(item) &&
			    json_is_object(json_array_get(item, 0))))
				buf_str(out, "\n");
			value(item, depth + 1, out);
		}
	} else if (json_is_array(v) &&
	    json_is_object(json_array_get(v, 0))) {
		json_array_foreach(v, i, item) {
			value(item, depth, out);
			if (i + 1 < json_array_size(v))
				buf_str(out, "\n");
		}
	} else if (json_is_array(v)) {
		json_array_foreach(v, i, item)
			buf_fmt(out, "%s%s", i == 0 ? "" : ", ",
			    json_is_string(item) ? json_string_value(item) :
			    "?");
		buf_str(out, "\n");
	} else if (json_is_string(v)) {
		buf_fmt(out, "%s\n", json_string_value(v));
	} else {
		text = json_dumps(v, JSON_ENCODE_ANY);
		buf_fmt(out, "%s\n", json_is_null(v) ? "-" :
		    text != NULL ? text : "?");
		free(text);
	}
}

void
inspect_text(const json_t *line, struct buf *out)
{
	value(line, 0, out);
}
