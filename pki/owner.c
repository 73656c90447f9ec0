#include "pki/owner.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/enc.h"
#include "base/mem.h"
#include "pki/cert.h"
#include "pki/csv.h"
#include "pki/owner_table.h"

/* What a CSV brought: fingerprints, sorted, and their owners. */
struct loaded {
	uint8_t	 cert[32];
	char	*owner;		/* owned by names, not by this */
};

static struct loaded	*loaded;
static size_t		 nloaded, cap_loaded;
static char		**names;	/* each owner's name once */
static size_t		 nnames, cap_names;

const char *
owner_of_key(const uint8_t key[32])
{
	char	hex[65];
	size_t	i, k;

	enc_hex_to(hex, key, 32);
	for (i = 0; i < owner_nrows; i++)
		for (k = 0; k < owner_rows[i].n; k++)
			if (memcmp(owner_keys[owner_rows[i].first + k], hex,
			    64) == 0)
				return owner_rows[i].id;
	return NULL;
}

const char *
owner_of_chain(const struct span *certs, size_t n)
{
	const char	*owner;
	uint8_t		 key[32];
	size_t		 i;

	for (i = 1; i < n; i++) {
		if (cert_signed_by(certs[i - 1], certs[i], NULL) != 1 ||
		    cert_key_hash(certs[i], key, NULL) == -1)
			return NULL;
		if ((owner = owner_of_key(key)) != NULL)
			return owner;
	}
	return NULL;
}

const char *
owner_contact(const char *id)
{
	size_t	i;

	for (i = 0; i < owner_nrows; i++)
		if (strcmp(owner_rows[i].id, id) == 0)
			return owner_rows[i].contact;
	return NULL;
}

int
owner_known(const char *id)
{
	size_t	i;

	for (i = 0; i < owner_nrows; i++)
		if (strcmp(owner_rows[i].id, id) == 0)
			return 1;
	return 0;
}

const char *
owner_identifier(const char *name)
{
	size_t	i;

	for (i = 0; i < owner_naliases; i++)
		if (strcasecmp(owner_aliases[i].ccadb, name) == 0)
			return owner_aliases[i].id;
	return name;
}

/* --- names in CAA records --- */

/* A dot in front: any name below it, as resellers have them. */
static const struct {
	const char	*id, *name;
} recognised[] = {
	{ "amazon.com", "amazontrust.com" },
	{ "amazon.com", "amazonaws.com" },
	{ "amazon.com", "aws.amazon.com" },
	{ "amazon.com", "awstrust.com" },
	{ "buypass.com", "buypass.no" },
	{ "certum.pl", "certum.eu" },
	{ "digicert.com", "www.digicert.com" },
	{ "digicert.com", "digicert.ne.jp" },
	{ "digicert.com", "cybertrust.ne.jp" },
	{ "digicert.com", "symantec.com" },
	{ "digicert.com", "thawte.com" },
	{ "digicert.com", "geotrust.com" },
	{ "digicert.com", "rapidssl.com" },
	{ "digicert.com", "quovadisglobal.com" },
	{ "digicert.com", "digitalcertvalidation.com" },
	{ "digicert.com", ".digitalcertvalidation.com" },
	{ "entrust.net", "entrust.com" },
	{ "entrust.net", "affirmtrust.com" },
	{ "godaddy.com", "starfieldtech.com" },
	{ "pki.goog", "google.com" },
	{ "sectigo.com", "comodoca.com" },
	{ "sectigo.com", "comodo.com" },
	{ "sectigo.com", "usertrust.com" },
	{ "sectigo.com", "trust-provider.com" }
};

static int
is_name(struct span name, const char *s)
{
	size_t	n = strlen(s);

	if (*s == '.' && name.n > n) {
		name.p += name.n - n;
		name.n = n;
	}
	return name.n == n && strncasecmp((const char *)name.p, s, n) == 0;
}

int
owner_is(const char *id, struct span name)
{
	size_t	i;

	if (is_name(name, id))
		return 1;
	for (i = 0; i < sizeof(recognised) / sizeof(recognised[0]); i++)
		if (strcmp(recognised[i].id, id) == 0 &&
		    is_name(name, recognised[i].name))
			return 1;
	return 0;
}

/* --- the CSV of CCADB --- */

/* The name of an owner, stored once. */
static char *
intern(const char *name)
{
	size_t	i;

	for (i = 0; i < nnames; i++)
		if (strcmp(names[i], name) == 0)
			return names[i];
	names = mem_grow(names, &cap_names, nnames + 1, sizeof(*names));
	return names[nnames++] = mem_str(name);
}

/* Which columns are wanted; -1 while not seen. */
struct columns {
	int	owner;
	int	cert;
};

static int
read_head(const char **p, const char *end, struct columns *c, struct err *e)
{
	static const char *const	heads[2] = {
		"CA Owner", "SHA-256 Fingerprint"
	};
	int				at[2];

	/* A line that cannot be read has no columns. */
	(void)csv_head(p, end, heads, at, 2);
	c->owner = at[0];
	c->cert = at[1];
	if (c->owner == -1 || c->cert == -1)
		return err_set(e, ERR_FORMAT, "CCADB file: line 1 has no "
		    "column \"%s\"; AllCertificateRecords has it",
		    heads[c->owner != -1]);
	return 0;
}

/* One record; 0, or -1 when it cannot be read. */
static int
read_record(const char **p, const char *end, const struct columns *c)
{
	struct buf	f = BUF_INIT;
	struct loaded	l;
	int		i, last = 0, got = 0, r = -1;

	l.owner = NULL;
	for (i = 0; !last; i++) {
		if (csv_field(p, end, &f, &last) == -1)
			goto out;
		if (i == c->owner && f.n != 0)
			l.owner = intern(owner_identifier(buf_text(&f)));
		else if (i == c->cert && f.n != 0) {
			if (f.n != 64 ||
			    enc_unhex_to(l.cert, 32, buf_text(&f)) == -1)
				goto out;
			got = 1;
		}
	}
	if (l.owner != NULL && got) {
		loaded = mem_grow(loaded, &cap_loaded, nloaded + 1,
		    sizeof(*loaded));
		loaded[nloaded++] = l;
	}
	r = 0;
out:
	buf_free(&f);
	return r;
}

static int
loaded_cmp(const void *a, const void *b)
{
	return memcmp(a, b, 32);
}

long
owner_load_csv(const char *text, size_t n, struct err *e)
{
	const char	*p = text, *end = text + n;
	struct columns	 c;
	size_t		 no = 1;

	owner_reset();
	csv_begin(&p, end);
	if (read_head(&p, end, &c, e) == -1)
		return -1;
	while (p < end) {
		no++;
		if (read_record(&p, end, &c) == -1) {
			owner_reset();
			return err_set(e, ERR_FORMAT, "CCADB file: record "
			    "%zu is cut off or has a wrong SHA-256 "
			    "Fingerprint (64 hex digits)", no);
		}
	}
	if (nloaded != 0)
		qsort(loaded, nloaded, sizeof(*loaded), loaded_cmp);
	return (long)nloaded;
}

const char *
owner_of_fingerprint(const uint8_t cert[32])
{
	const struct loaded	*l;

	if (nloaded == 0)
		return NULL;
	l = bsearch(cert, loaded, nloaded, sizeof(*loaded), loaded_cmp);
	return l != NULL ? l->owner : NULL;
}

void
owner_reset(void)
{
	size_t	i;

	for (i = 0; i < nnames; i++)
		free(names[i]);
	free(names);
	free(loaded);
	names = NULL;
	loaded = NULL;
	nnames = cap_names = nloaded = cap_loaded = 0;
}
