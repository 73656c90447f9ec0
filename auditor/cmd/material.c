#include "auditor/cmd/material.h"

#include <sys/stat.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "auditor/cmd/opt.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/sha.h"
#include "pki/cert.h"
#include "pki/name.h"

static void
free_one(struct material *m)
{
	size_t	i;

	for (i = 0; i < m->nnames; i++)
		free(m->names[i]);
	free(m->names);
	free(m->der);
	free(m->place);
	free(m->lineage);
}

void
material_free(struct material_set *s)
{
	size_t	i;

	for (i = 0; i < s->n; i++)
		free_one(&s->v[i]);
	free(s->v);
	memset(s, 0, sizeof(*s));
}

void
material_name(struct material *m, const char *name)
{
	char	 fold[NAME_TEXT];
	size_t	 i;

	if (name_fold(name, strlen(name), fold, sizeof(fold)) != -1)
		name = fold;
	for (i = 0; i < m->nnames; i++)
		if (strcmp(m->names[i], name) == 0)
			return;
	m->names = mem_grow(m->names, &m->capnames, m->nnames + 1,
	    sizeof(*m->names));
	m->names[m->nnames++] = mem_str(name);
}

/* --- one certificate --- */

static int
take_cert(struct material *m, struct span der, struct err *e)
{
	struct cert	c;
	size_t		i;
	int		rc;

	memset(&c, 0, sizeof(c));
	if ((rc = cert_read(der, &c, e)) == 0) {
		m->ca = c.is_ca;
		memcpy(m->tbs, c.tbs_sha256, 32);
		memcpy(m->spki, c.spki_sha256, 32);
		memcpy(m->key_type, c.key_type, sizeof(m->key_type));
		m->not_after = c.not_after;
		for (i = 0; !c.is_ca && i < c.nnames; i++)
			material_name(m, c.names[i]);
	}
	cert_free(&c);
	return rc;
}

/* --- one request --- */

static void
alt_name(struct material *m, const GENERAL_NAME *g)
{
	char			 text[INET6_ADDRSTRLEN];
	const ASN1_STRING	*s;
	char			*name;
	int			 n;

	if (g->type == GEN_DNS) {
		s = g->d.dNSName;
		name = mem_dup(ASN1_STRING_get0_data(s),
		    (size_t)ASN1_STRING_length(s));
		material_name(m, name);
		free(name);
	} else if (g->type == GEN_IPADD) {
		s = g->d.iPAddress;
		n = ASN1_STRING_length(s);
		if ((n == 4 || n == 16) && inet_ntop(n == 4 ? AF_INET :
		    AF_INET6, ASN1_STRING_get0_data(s), text,
		    sizeof(text)) != NULL)
			material_name(m, text);
	}
}

static void
common_names(struct material *m, const X509_NAME *subject)
{
	unsigned char	*text;
	int		 i = -1, n;

	while ((i = X509_NAME_get_index_by_NID(subject, NID_commonName,
	    i)) >= 0) {
		n = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(
		    X509_NAME_get_entry(subject, i)));
		if (n < 0)
			continue;
		if (n > 0)
			material_name(m, (const char *)text);
		OPENSSL_free(text);
	}
}

static int
take_csr(struct material *m, struct span der, struct err *e)
{
	STACK_OF(X509_EXTENSION) *exts = NULL;
	GENERAL_NAMES		*alt = NULL;
	const unsigned char	*p = der.p;
	unsigned char		*spki = NULL;
	X509_REQ		*req;
	int			 i, n, rc = -1;

	if ((req = d2i_X509_REQ(NULL, &p, (long)der.n)) == NULL ||
	    p != der.p + der.n) {
		err_set(e, ERR_FORMAT, "neither a certificate nor a request "
		    "(RFC 2986)");
		goto out;
	}
	if (X509_REQ_verify(req, X509_REQ_get0_pubkey(req)) != 1) {
		err_set(e, ERR_VERIFY, "the request's own signature is not "
		    "valid (RFC 2986, 4.2)");
		goto out;
	}
	if ((n = i2d_X509_PUBKEY(X509_REQ_get_X509_PUBKEY(req),
	    &spki)) <= 0) {
		err_set(e, ERR_FORMAT, "the request's key cannot be read");
		goto out;
	}
	m->csr = 1;
	m->not_after = INT64_MIN;
	sha_256(m->spki, spki, (size_t)n);
	cert_key_type((struct span){ spki, (size_t)n }, m->key_type,
	    sizeof(m->key_type));
	exts = X509_REQ_get_extensions(req);
	alt = X509V3_get_d2i(exts, NID_subject_alt_name, NULL, NULL);
	for (i = 0; alt != NULL && i < sk_GENERAL_NAME_num(alt); i++)
		alt_name(m, sk_GENERAL_NAME_value(alt, i));
	common_names(m, X509_REQ_get_subject_name(req));
	rc = 0;
out:
	ERR_clear_error();
	GENERAL_NAMES_free(alt);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	OPENSSL_free(spki);
	X509_REQ_free(req);
	return rc;
}

/* --- bytes --- */

/* Add one DER object: 0 or -1. */
static int
take(struct material_set *s, const uint8_t *der, size_t n, int csr,
    const char *place, struct err *e)
{
	struct material	 m;
	struct span	 d = { der, n };
	int		 rc;

	if (s->n >= LIMIT_IMPORT_ITEMS)
		return err_set(e, ERR_LIMIT, "%s: more than %d certificates "
		    "at once", place, LIMIT_IMPORT_ITEMS);
	memset(&m, 0, sizeof(m));
	rc = csr ? take_csr(&m, d, e) : take_cert(&m, d, e);
	if (rc == -1) {
		free_one(&m);
		return err_prefix(e, "%s", place);
	}
	m.der = mem_dup(der, n);
	m.nder = n;
	m.place = mem_str(place);
	s->v = mem_grow(s->v, &s->cap, s->n + 1, sizeof(*s->v));
	s->v[s->n++] = m;
	return 0;
}

/* 1: a certificate, 2: a request, 0: something else. */
static int
pem_kind(const char *name)
{
	if (strcmp(name, PEM_STRING_X509) == 0 ||
	    strcmp(name, PEM_STRING_X509_OLD) == 0)
		return 1;
	if (strcmp(name, PEM_STRING_X509_REQ) == 0 ||
	    strcmp(name, PEM_STRING_X509_REQ_OLD) == 0)
		return 2;
	return 0;
}

static int
parse_pem(struct material_set *s, BIO *in, const char *place, struct err *e)
{
	unsigned char	*der = NULL;
	char		*name = NULL, *head = NULL;
	long		 n;
	int		 k, rc = 0;

	while (rc == 0 && PEM_read_bio(in, &name, &head, &der, &n) == 1) {
		if ((k = pem_kind(name)) != 0)
			rc = take(s, der, (size_t)n, k == 2, place, e);
		OPENSSL_free(name);
		OPENSSL_free(head);
		OPENSSL_clear_free(der, (size_t)n);
		name = head = NULL;
		der = NULL;
	}
	k = ERR_GET_REASON(ERR_peek_last_error());
	if (rc == 0 && k != 0 && k != PEM_R_NO_START_LINE)
		rc = err_set(e, ERR_FORMAT, "%s: broken PEM (RFC 7468) "
		    "behind %zu good ones", place, s->n);
	ERR_clear_error();
	return rc;
}

int
material_parse(struct material_set *s, const void *p, size_t n,
    const char *place, struct err *e)
{
	struct err	 first = ERR_INIT;
	BIO		*in;
	int		 rc;

	if (n > 0 && ((const uint8_t *)p)[0] == 0x30) {
		if (take(s, p, n, 0, place, &first) == 0)
			return 0;
		if (take(s, p, n, 1, place, NULL) == 0)
			return 0;
		return err_set(e, first.code, "%s", first.msg);
	}
	if (n == 0 || memmem(p, n, "-----BEGIN ", 11) == NULL)
		return 0;
	if ((in = BIO_new_mem_buf(p, (int)n)) == NULL)
		abort();
	rc = parse_pem(s, in, place, e);
	BIO_free(in);
	return rc;
}

/* --- files and folders --- */

static int
read_file(struct material_set *s, const char *path, int named, struct err *e)
{
	struct buf	b = BUF_INIT;
	struct err	sub = ERR_INIT;
	size_t		had = s->n;
	int		rc = 0;

	if (opt_file(path, LIMIT_IMPORT_FILE, &b, &sub) == -1 ||
	    material_parse(s, b.p, b.n, strcmp(path, "-") == 0 ?
	    "standard input" : path, &sub) == -1)
		rc = -1;
	if (b.p != NULL)
		mem_wipe(b.p, b.n);
	buf_free(&b);
	s->files++;
	if (rc == 0 && s->n == had) {
		if (named)
			return err_set(e, ERR_FORMAT, "%s: there is no "
			    "certificate and no request in it (PEM or DER)",
			    path);
		s->without++;
	}
	/* In a folder, what is no certificate is none of our business. */
	if (rc == -1 && !named && sub.code == ERR_FORMAT) {
		s->without++;
		return 0;
	}
	return rc == -1 ? err_set(e, sub.code, "%s", sub.msg) : 0;
}

static int read_path(struct material_set *, const char *, int, struct err *);

static int
read_folder(struct material_set *s, const char *path, int depth,
    struct err *e)
{
	struct dirent	**v = NULL;
	char		 *sub;
	int		  i, n, rc = 0;

	if (depth >= LIMIT_IMPORT_DEPTH)
		return err_set(e, ERR_LIMIT, "%s: more than %d folders deep",
		    path, LIMIT_IMPORT_DEPTH);
	if ((n = scandir(path, &v, NULL, alphasort)) == -1)
		return err_set(e, ERR_SYS, "%s", path);
	for (i = 0; i < n; i++) {
		if (rc == 0 && v[i]->d_name[0] != '.') {
			sub = mem_printf("%s/%s", path, v[i]->d_name);
			rc = read_path(s, sub, depth + 1, e);
			free(sub);
		}
		free(v[i]);
	}
	free(v);
	return rc;
}

static int
read_path(struct material_set *s, const char *path, int depth, struct err *e)
{
	struct stat	st;

	if (stat(path, &st) == -1) {
		/* A link to nowhere in a folder. */
		if (depth > 0 && errno == ENOENT)
			return 0;
		return err_set(e, errno == ENOENT ? ERR_NOENT :
		    errno == EACCES ? ERR_PERM : ERR_SYS, "%s: %s", path,
		    errno == ENOENT ? "there is no such file" :
		    "may not be read");
	}
	if (S_ISDIR(st.st_mode))
		return read_folder(s, path, depth, e);
	if (depth > 0 && !S_ISREG(st.st_mode))
		return 0;
	return read_file(s, path, depth == 0, e);
}

int
material_read(struct material_set *s, const char *path, struct err *e)
{
	if (strcmp(path, "-") == 0)
		return read_file(s, path, 1, e);
	return read_path(s, path, 0, e);
}
