#include "pki/ccadb.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "pki/csv.h"

/* A URL that nobody answers; what is shown of the one that was there. */
#define LEFT		"ccadb:"
#define LEFT_SHOWN	120

enum column { FINGERPRINT, PARTS, FULL, FULLS, COLUMNS };

/* As the reports name them, and as their programming interface does. */
static const char *const names[2 * COLUMNS] = {
	"SHA-256 Fingerprint", "JSON Array of Partitioned CRLs",
	"Full CRL Issued By This CA", "JSON Array of All Full CRL URLs",
	"SHA_256_Fingerprint", "JSON_Array_of_Partitioned_CRLs",
	"Full_CRL_Issued_By_This_CA", "JSON_Array_of_All_Full_CRL_URLs"
};

/* --- URLs --- */

static int
follows(struct span v)
{
	static const char *const	schemes[] = { "http://", "https://" };
	size_t				i, n;
	int				r = 0;

	if (v.n > LIMIT_PTR_URL)
		return 0;
	for (i = 0; i < 2; i++) {
		n = strlen(schemes[i]);
		r |= v.n > n && strncasecmp((const char *)v.p, schemes[i], n)
		    == 0;
	}
	for (i = 0; i < v.n; i++)
		if (v.p[i] <= ' ' || v.p[i] >= 0x7f)
			return 0;
	return r;
}

static void
add(struct ccadb_ca *ca, char *url)
{
	ca->crl = mem_grow(ca->crl, &ca->cap, ca->ncrl + 1,
	    sizeof(*ca->crl));
	ca->crl[ca->ncrl++] = url;
}

/* That something is left out, and what, as far as it can be shown. */
static void
leave(struct ccadb_ca *ca, struct span v)
{
	char	shown[LEFT_SHOWN + 1];
	size_t	i;

	for (i = 0; i < v.n && i < LEFT_SHOWN; i++)
		shown[i] = v.p[i] > ' ' && v.p[i] < 0x7f ? (char)v.p[i] :
		    '?';
	shown[i] = '\0';
	add(ca, mem_printf(LEFT "%s", shown));
}

/* One URL of a record. */
static void
take(struct ccadb_ca *ca, struct span v)
{
	static const char	more[] = "more";

	if (v.n == 0 || ca->ncrl > LIMIT_CCADB_CRLS)
		return;
	if (v.n == 7 && (strncasecmp((const char *)v.p, "expired", 7) == 0 ||
	    strncasecmp((const char *)v.p, "revoked", 7) == 0))
		return;
	if (ca->ncrl == LIMIT_CCADB_CRLS)
		leave(ca, (struct span){ (const uint8_t *)more,
		    sizeof(more) - 1 });
	else if (follows(v))
		add(ca, mem_dup(v.p, v.n));
	else
		leave(ca, v);
}

/* --- lists of them --- */

static int
blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Does it end an item without quotes? */
static int
ends(uint8_t c, int list)
{
	return blank(c) || (list && (c == ',' || c == ']'));
}

/*
 * A string in quotes, *i behind the first of them: what it says.  An escape
 * that no URL needs is kept as it is, backslash and all, and is no URL then.
 */
static void
quoted(struct span v, size_t *i, struct buf *out)
{
	for (; *i < v.n && v.p[*i] != '"'; (*i)++) {
		if (v.p[*i] == '\\' && *i + 1 < v.n &&
		    (v.p[*i + 1] == '"' || v.p[*i + 1] == '\\' ||
		    v.p[*i + 1] == '/'))
			(*i)++;
		else if (v.p[*i] == '\\')
			buf_u8(out, ' ');
		buf_u8(out, v.p[*i]);
	}
	(*i)++;
}

/*
 * A JSON array of strings, or a URL.  CAs have left out quotes and brackets:
 * items end at commas and blanks, where they are not quoted.
 */
static void
read_urls(struct ccadb_ca *ca, const struct buf *field)
{
	struct span	v = buf_bytes(field);
	struct buf	item = BUF_INIT;
	int		list = 0;
	size_t		i;

	for (i = 0; i < v.n && blank(v.p[i]); i++)
		;
	list = i < v.n && v.p[i] == '[';
	for (i += (size_t)list; i < v.n;) {
		if (ends(v.p[i], list)) {
			i++;
			continue;
		}
		buf_reset(&item);
		if (v.p[i] == '"') {
			i++;
			quoted(v, &i, &item);
		} else
			for (; i < v.n && !ends(v.p[i], list); i++)
				buf_u8(&item, v.p[i]);
		take(ca, buf_bytes(&item));
	}
	buf_free(&item);
}

/* --- records --- */

struct reading {
	struct ccadb_ca	**by_hash;
	size_t		  n;
	int		  at[COLUMNS];
	struct buf	  f[COLUMNS];
};

static int
hash_cmp(const void *a, const void *b)
{
	return memcmp((*(struct ccadb_ca *const *)a)->sha256,
	    (*(struct ccadb_ca *const *)b)->sha256, 32);
}

static int
head(struct reading *r, const char **p, const char *end, struct err *e)
{
	int	at[2 * COLUMNS], i;

	csv_begin(p, end);
	if (csv_head(p, end, names, at, 2 * COLUMNS) == -1)
		return err_set(e, ERR_FORMAT, "CCADB records: the first line "
		    "cannot be read");
	for (i = 0; i < COLUMNS; i++)
		r->at[i] = at[i] != -1 ? at[i] : at[COLUMNS + i];
	if (r->at[FINGERPRINT] == -1 || (r->at[PARTS] == -1 &&
	    r->at[FULL] == -1 && r->at[FULLS] == -1))
		return err_set(e, ERR_FORMAT, "CCADB records: line 1 has no "
		    "column \"%s\"; AllCertificateRecords has it",
		    names[r->at[FINGERPRINT] == -1 ? FINGERPRINT : PARTS]);
	return 0;
}

/* The next record's fields: 0, or -1 when it is cut off. */
static int
fields(struct reading *r, const char **p, const char *end)
{
	struct buf	f = BUF_INIT;
	int		i, k, last = 0;

	for (k = 0; k < COLUMNS; k++)
		buf_reset(&r->f[k]);
	for (i = 0; !last; i++) {
		if (csv_field(p, end, &f, &last) == -1) {
			buf_free(&f);
			return -1;
		}
		for (k = 0; k < COLUMNS; k++)
			if (r->at[k] == i)
				buf_span(&r->f[k], buf_bytes(&f));
	}
	buf_free(&f);
	return 0;
}

/* A record of a CA that is looked for. */
static void
record(struct reading *r)
{
	struct ccadb_ca	 key, *k = &key, **ca;
	int		 i;

	if (r->f[FINGERPRINT].n != 64 || enc_unhex_to(key.sha256, 32,
	    buf_text(&r->f[FINGERPRINT])) == -1)
		return;
	ca = bsearch(&k, r->by_hash, r->n, sizeof(*r->by_hash), hash_cmp);
	if (ca == NULL)
		return;
	(*ca)->listed = 1;
	for (i = PARTS; i < COLUMNS; i++)
		read_urls(*ca, &r->f[i]);
}

static int
url_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In order, each once. */
static void
unique(struct ccadb_ca *ca)
{
	size_t	i, n = 0;

	if (ca->ncrl > 1)
		qsort(ca->crl, ca->ncrl, sizeof(*ca->crl), url_cmp);
	for (i = 0; i < ca->ncrl; i++) {
		if (n != 0 && strcmp(ca->crl[n - 1], ca->crl[i]) == 0)
			free(ca->crl[i]);
		else
			ca->crl[n++] = ca->crl[i];
	}
	ca->ncrl = n;
}

long
ccadb_crls(struct span csv, struct ccadb_ca *v, size_t n, struct err *e)
{
	const char	*p = (const char *)csv.p, *end = p + csv.n;
	struct reading	 r;
	long		 listed = -1;
	size_t		 i;

	if (csv.n > LIMIT_CCADB)
		return err_set(e, ERR_LIMIT, "CCADB records: more than %u "
		    "bytes", LIMIT_CCADB);
	memset(&r, 0, sizeof(r));
	r.by_hash = mem_array(n, sizeof(*r.by_hash));
	r.n = n;
	for (i = 0; i < n; i++)
		r.by_hash[i] = &v[i];
	qsort(r.by_hash, n, sizeof(*r.by_hash), hash_cmp);
	if (head(&r, &p, end, e) == -1)
		goto out;
	for (i = 2; p < end; i++) {
		if (fields(&r, &p, end) == -1) {
			(void)err_set(e, ERR_FORMAT, "CCADB records: record "
			    "%zu is cut off", i);
			goto out;
		}
		record(&r);
	}
	for (listed = 0, i = 0; i < n; i++) {
		unique(&v[i]);
		listed += v[i].listed;
	}
out:
	for (i = 0; i < COLUMNS; i++)
		buf_free(&r.f[i]);
	free(r.by_hash);
	return listed;
}

void
ccadb_free(struct ccadb_ca *v, size_t n)
{
	size_t	i, k;

	for (i = 0; i < n; i++) {
		for (k = 0; k < v[i].ncrl; k++)
			free(v[i].crl[k]);
		free(v[i].crl);
	}
}
