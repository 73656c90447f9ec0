#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clk.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"
#include "pki/csv.h"
#include "pki/pem.h"
#include "pki/roots.h"

/*
 * CCADB's lists: AllCertificateRecords says which roots a program includes,
 * AllCertificatePEMs has the certificates, bound by SHA-256.
 */

/* A root that the program includes. */
struct included {
	uint8_t	sha256[32];
	int64_t	distrust;
};

struct list {
	struct included	*v;
	size_t		 n, cap;
};

/* Columns of AllCertificateRecords; those behind the first two may miss. */
enum column { FINGERPRINT, STATUS, TYPE, TLS, DISTRUST, COLUMNS };

/* One record, each field as text. */
struct record {
	struct buf	f[COLUMNS];
};

static int
read_record(const char **p, const char *end, const int *at, size_t n,
    struct buf *out)
{
	struct buf	f = BUF_INIT;
	size_t		k;
	int		i, last = 0, r = -1;

	for (k = 0; k < n; k++)
		buf_reset(&out[k]);
	for (i = 0; !last; i++) {
		if (csv_field(p, end, &f, &last) == -1)
			goto out;
		for (k = 0; k < n; k++)
			if (at[k] == i)
				buf_span(&out[k], buf_bytes(&f));
	}
	r = 0;
out:
	buf_free(&f);
	return r;
}

/*
 * "2024.11.30" or "2024-11-30": the last second of that day, as certdata.txt
 * has it.  0, or -1.
 */
static int
last_second(const struct buf *b, int64_t *us)
{
	char	date[16];
	size_t	i;

	if (b->n >= sizeof(date))
		return -1;
	for (i = 0; i < b->n; i++)
		date[i] = b->p[i] == '.' || b->p[i] == '/' ? '-' :
		    (char)b->p[i];
	date[i] = '\0';
	if (clk_parse(date, us) == -1)
		return -1;
	*us += 86399 * CLK_SEC;
	return 0;
}

/* Does the record speak of a root of the program, for TLS? */
static int
counts(const struct record *r)
{
	const struct buf	*type = &r->f[TYPE], *tls = &r->f[TLS];

	return strcasecmp(buf_text(&r->f[STATUS]), "Included") == 0 &&
	    (type->n == 0 || strcasestr(buf_text(type), "root") != NULL) &&
	    (tls->n == 0 || strcasecmp(buf_text(tls), "false") != 0);
}

static int
take_record(struct list *l, const struct record *r, size_t no, struct err *e)
{
	struct included	*x;

	if (!counts(r))
		return 0;
	l->v = mem_grow(l->v, &l->cap, l->n + 1, sizeof(*l->v));
	x = &l->v[l->n];
	x->distrust = INT64_MIN;
	if (r->f[FINGERPRINT].n != 64 || enc_unhex_to(x->sha256, 32,
	    buf_text(&r->f[FINGERPRINT])) == -1)
		return err_set(e, ERR_FORMAT, "CCADB records: record %zu has "
		    "no SHA-256 Fingerprint of 64 hex digits", no);
	if (r->f[DISTRUST].n != 0 &&
	    last_second(&r->f[DISTRUST], &x->distrust) == -1)
		return err_set(e, ERR_FORMAT, "CCADB records: record %zu has "
		    "a Distrust for TLS After Date that is no date", no);
	l->n++;
	return 0;
}

static int
included_cmp(const void *a, const void *b)
{
	return memcmp(((const struct included *)a)->sha256,
	    ((const struct included *)b)->sha256, 32);
}

static int
read_records(struct list *l, const char *program, struct span text,
    struct err *e)
{
	char		 status[64];
	const char	*names[COLUMNS] = { "SHA-256 Fingerprint", status,
			    "Certificate Record Type", "TLS Capable",
			    "Distrust for TLS After Date" };
	const char	*p = (const char *)text.p, *end = p + text.n;
	struct record	 r;
	size_t		 no = 1, k;
	int		 at[COLUMNS], rc = -1;

	memset(&r, 0, sizeof(r));
	/* The program "Google Chrome" has the column "Chrome Status". */
	if (strncasecmp(program, "Google ", 7) == 0)
		program += 7;
	snprintf(status, sizeof(status), "%s Status", program);
	csv_begin(&p, end);
	if (csv_head(&p, end, names, at, COLUMNS) == -1 ||
	    at[FINGERPRINT] == -1 || at[STATUS] == -1)
		return err_set(e, ERR_FORMAT, "CCADB records: line 1 has no "
		    "column \"%s\"; AllCertificateRecords has it",
		    names[at[FINGERPRINT] == -1 ? FINGERPRINT : STATUS]);
	while (p < end) {
		no++;
		if (read_record(&p, end, at, COLUMNS, r.f) == -1) {
			(void)err_set(e, ERR_FORMAT, "CCADB records: record "
			    "%zu is cut off", no);
			goto out;
		}
		if (take_record(l, &r, no, e) == -1)
			goto out;
	}
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), included_cmp);
	rc = 0;
out:
	for (k = 0; k < COLUMNS; k++)
		buf_free(&r.f[k]);
	return rc;
}

/*
 * Add the certificate of one record of AllCertificatePEMs, when the program
 * includes it: 1, 0, or -1.  Its hash, not the record's word, binds it.
 */
static int
take_pem(struct roots *r, const struct list *l, const struct buf *pem,
    struct err *e)
{
	struct cur		 c = cur_span(buf_bytes(pem));
	struct buf		 der = BUF_INIT;
	const struct included	*x;
	struct included		 key;
	int			 rc = 0;

	if (pem_next(&c, "CERTIFICATE", &der) != 1)
		goto out;
	sha_256(key.sha256, der.p, der.n);
	x = bsearch(&key, l->v, l->n, sizeof(*l->v), included_cmp);
	if (x != NULL)
		rc = roots_add(r, buf_bytes(&der), x->distrust, e) == -1 ?
		    -1 : 1;
out:
	buf_free(&der);
	return rc;
}

static long
read_pems(struct roots *r, const struct list *l, struct span text,
    struct err *e)
{
	static const char *const	name = "X.509 Certificate (PEM)";
	const char			*p = (const char *)text.p;
	const char			*end = p + text.n;
	struct buf			pem = BUF_INIT;
	long				n = -1, sum = 0;
	int				at, got;

	csv_begin(&p, end);
	if (csv_head(&p, end, &name, &at, 1) == -1 || at == -1) {
		(void)err_set(e, ERR_FORMAT, "CCADB PEMs: line 1 has no "
		    "column \"%s\"; AllCertificatePEMs has it", name);
		goto out;
	}
	while (p < end) {
		if (read_record(&p, end, &at, 1, &pem) == -1) {
			(void)err_set(e, ERR_FORMAT, "CCADB PEMs: the last "
			    "record is cut off");
			goto out;
		}
		if ((got = take_pem(r, l, &pem, e)) == -1)
			goto out;
		sum += got;
	}
	n = sum;
out:
	buf_free(&pem);
	return n;
}

long
roots_ccadb(struct roots *r, const char *program, struct span records,
    struct span pems, struct err *e)
{
	struct list	l = { NULL, 0, 0 };
	long		n = -1;

	if (records.n > LIMIT_CCADB || pems.n > LIMIT_ROOTS)
		return err_set(e, ERR_LIMIT, "CCADB files: more than %u bytes",
		    LIMIT_CCADB);
	if (read_records(&l, program, records, e) == -1)
		goto out;
	if (l.n == 0) {
		(void)err_set(e, ERR_FORMAT, "CCADB records: %s includes no "
		    "root", program);
		goto out;
	}
	if ((n = read_pems(r, &l, pems, e)) == 0)
		n = err_set(e, ERR_FORMAT, "CCADB PEMs: none of the %zu "
		    "roots that %s includes", l.n, program);
out:
	free(l.v);
	return n;
}
