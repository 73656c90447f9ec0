#include <stdlib.h>
#include <string.h>

#include <libdeflate.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include "tests/rig/lib/bomb.h"
#include "tests/rig/lib/der.h"
#include "tests/rig/lib/pub_wire.h"

static void
plain(struct web_res *s, int status)
{
	buf_reset(&s->head);
	blob_drop(s->blob);
	s->blob = NULL;
	web_say(s, status, "this server says %d", status);
}

/* Put all of the body into one buf, so that it can be changed. */
static void
join(struct web_res *s)
{
	if (s->blob == NULL)
		return;
	buf_add(&s->body, s->blob->p, s->blob->n);
	blob_drop(s->blob);
	s->blob = NULL;
}

static int
tell_status(struct plies *l, const struct pask *q, struct web_res *s)
{
	static const struct { enum plie_id id; int status; } t[] = {
		{ PLIE_400, 400 }, { PLIE_404, 404 }, { PLIE_410, 410 },
		{ PLIE_429, 429 }, { PLIE_500, 500 }, { PLIE_503, 503 }
	};
	const struct plie *x;
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		x = plie_tell(l, t[i].id, q);
		if (x == NULL)
			continue;
		plain(s, t[i].status);
		if (x->n < 0)
			return 1;
		buf_str(&s->head, "Retry-After: ");
		if (strcmp(x->mode, "date") == 0)
			web_date(&s->head, (long)x->n);
		else
			buf_fmt(&s->head, "%lld", (long long)x->n);
		buf_str(&s->head, "\r\n");
		return 1;
	}
	return 0;
}

static int
tell_redirect(struct plies *l, const struct pask *q, const char *url,
    struct web_res *s)
{
	const struct plie *x = plie_tell(l, PLIE_REDIRECT, q);
	const char *to = x != NULL ? x->url : url;

	if (x == NULL)
		x = plie_tell(l, PLIE_LOOP, q);
	if (x == NULL)
		return 0;
	plain(s, (int)x->n);
	buf_fmt(&s->head, "Location: %s\r\n", to);
	return 1;
}

/* Another body of the same type. */
static int
tell_body(struct plies *l, const struct pask *q, struct web_res *s)
{
	const struct plie *x;

	if ((x = plie_tell(l, PLIE_HTML, q)) != NULL) {
		plain(s, 200);
		s->type = "text/html";
		buf_reset(&s->body);
		buf_str(&s->body, "<!DOCTYPE html>\n<html><head><title>Please "
		    "wait</title></head><body>We are checking your browser."
		    "</body></html>\n");
		return 1;
	}
	x = plie_tell(l, PLIE_BODY, q);
	if (x == NULL && q->kind != PKIND_CRL)
		x = plie_tell(l, PLIE_HUGE, q);
	if (x != NULL) {
		join(s);
		buf_reset(&s->body);
		s->fill = (uint64_t)(x->n < 0 ? 64 : x->n) << 20;
		s->chunked = strcmp(x->mode, "chunked") == 0;
		return 1;
	}
	return 0;
}

/* Base64 between two lines, where DER should be. */
static void
to_pem(struct buf *b, const char *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long n;

	if (bio == NULL || PEM_write_bio(bio, name, "", b->p,
	    (long)b->n) <= 0)
		abort();
	n = BIO_get_mem_data(bio, &text);
	buf_reset(b);
	buf_add(b, text, (size_t)n);
	BIO_free(bio);
}

/* The same body, changed. */
static void
tell_bytes(struct plies *l, const struct pask *q, struct web_res *s)
{
	const struct plie *x;
	size_t n;

	if (plie_tell(l, PLIE_EMPTY, q) != NULL) {
		join(s);
		buf_reset(&s->body);
	}
	if ((x = plie_tell(l, PLIE_GARBAGE, q)) != NULL) {
		join(s);
		buf_reset(&s->body);
		n = (size_t)x->n;
		if (RAND_bytes(buf_room(&s->body, n), (int)n) != 1)
			abort();
		s->body.n = n;
	}
	if (q->kind == PKIND_AIA &&
	    (x = plie_tell(l, PLIE_DEEP, q)) != NULL) {
		buf_reset(&s->body);
		der_deep(&s->body, (size_t)x->n);
	}
	if (plie_tell(l, PLIE_PEM, q) != NULL) {
		join(s);
		to_pem(&s->body, q->kind == PKIND_CRL ? "X509 CRL" :
		    "CERTIFICATE");
	}
	if ((x = plie_tell(l, PLIE_TRUNCATED, q)) != NULL) {
		join(s);
		s->body.n = s->body.n * (size_t)x->n / 100;
	}
	if (plie_tell(l, PLIE_TYPE, q) != NULL)
		s->type = "text/plain";
}

static void
gzip(struct buf *b)
{
	struct libdeflate_compressor *z = libdeflate_alloc_compressor(6);
	struct buf out = BUF_INIT;
	size_t room;

	if (z == NULL)
		abort();
	room = libdeflate_gzip_compress_bound(z, b->n);
	out.n = libdeflate_gzip_compress(z, b->p, b->n, buf_room(&out, room),
	    room);
	libdeflate_free_compressor(z);
	buf_free(b);
	*b = out;
}

static void
tell_gzip(struct plies *l, const struct pask *q, struct web_res *s)
{
	const struct plie *x;

	if (plie_tell(l, PLIE_GZIP, q) != NULL) {
		join(s);
		gzip(&s->body);
		buf_str(&s->head, "Content-Encoding: gzip\r\n");
	}
	if (plie_tell(l, PLIE_WRONGGZIP, q) != NULL)
		buf_str(&s->head, "Content-Encoding: gzip\r\n");
	/* that of a CRL was made by pub_crl() */
	if (q->kind != PKIND_CRL &&
	    (x = plie_tell(l, PLIE_BOMB, q)) != NULL) {
		join(s);
		buf_reset(&s->body);
		bomb_put(&s->body, SPAN_STR("\x30\x84\x7f"), 0,
		    (uint64_t)x->n);
		buf_str(&s->head, "Content-Encoding: gzip\r\n");
	}
}

void
pub_wire(struct pub *p, const struct pask *q, const char *url,
    struct web_res *s)
{
	struct plies *l = &p->lies;
	const struct plie *x;

	if (l->n == 0)
		return;
	if (plie_tell(l, PLIE_STALL, q) != NULL) {
		s->pace = WEB_STALL;
		return;
	}
	if ((x = plie_tell(l, PLIE_SLOW, q)) != NULL) {
		s->pace = WEB_SLOW;
		s->rate = (long)x->n;
	}
	if (plie_tell(l, PLIE_RESET, q) != NULL)
		s->pace = WEB_RESET;
	if (plie_tell(l, PLIE_CUT, q) != NULL)
		s->pace = WEB_CUT;
	if (tell_status(l, q, s) || tell_redirect(l, q, url, s) ||
	    tell_body(l, q, s) || s->status != 200)
		return;
	tell_bytes(l, q, s);
	tell_gzip(l, q, s);
}
