#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/enc.h"
#include "base/limit.h"
#include "base/mem.h"
#include "pki/weak.h"
#include "pki/weak_rsa.h"

/* The last half of SHA-1. */
#define PRINT	10

struct weak_list {
	uint8_t	(*v)[PRINT];	/* sorted */
	size_t	  n;
};

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, PRINT);
}

/* A line without its end; 1 taken, 0 nothing in it, -1 wrong. */
static int
read_line(struct span line, uint8_t out[PRINT])
{
	char	hex[2 * PRINT + 1];

	while (line.n > 0 && strchr(" \t\r", line.p[line.n - 1]) != NULL)
		line.n--;
	if (line.n == 0 || line.p[0] == '#')
		return 0;
	if (line.n != 2 * PRINT)
		return -1;
	memcpy(hex, line.p, line.n);
	hex[line.n] = '\0';
	return enc_unhex_to(out, PRINT, hex) == -1 ? -1 : 1;
}

struct weak_list *
weak_list_read(struct span text, struct err *e)
{
	struct weak_list	*l = mem_zero(sizeof(*l));
	const uint8_t		*p = text.p, *end = text.p + text.n, *nl;
	size_t			 cap = 0, number = 0;
	int			 r;

	if (text.n > LIMIT_WEAK_LIST) {
		(void)err_set(e, ERR_LIMIT, "a list of weak keys of %zu bytes, "
		    "more than %u", text.n, LIMIT_WEAK_LIST);
		goto bad;
	}
	for (; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			nl = end;
		number++;
		l->v = mem_grow(l->v, &cap, l->n + 1, sizeof(*l->v));
		r = read_line((struct span){ p, (size_t)(nl - p) },
		    l->v[l->n]);
		if (r == -1) {
			(void)err_set(e, ERR_FORMAT, "line %zu of the list of "
			    "weak keys is no %d hex digits", number,
			    2 * PRINT);
			goto bad;
		}
		l->n += (size_t)r;
	}
	if (l->n != 0)
		qsort(l->v, l->n, sizeof(*l->v), compare);
	return l;
bad:
	weak_list_free(l);
	return NULL;
}

void
weak_list_free(struct weak_list *l)
{
	if (l == NULL)
		return;
	free(l->v);
	free(l);
}

int
weak_list_has(const struct weak_list *l, const struct weak_rsa *k)
{
	static const char	digit[] = "0123456789ABCDEF";
	struct buf		b = BUF_INIT;
	uint8_t			md[EVP_MAX_MD_SIZE];
	unsigned		n = 0;
	size_t			i;
	int			ok;

	if (l->n == 0)
		return 0;
	/* As `openssl rsa -modulus` prints it. */
	buf_str(&b, "Modulus=");
	for (i = 0; i < k->n.n; i++) {
		if (i != 0 || k->n.p[i] >> 4 != 0)
			buf_u8(&b, (uint8_t)digit[k->n.p[i] >> 4]);
		buf_u8(&b, (uint8_t)digit[k->n.p[i] & 15]);
	}
	buf_u8(&b, '\n');
	ok = EVP_Digest(b.p, b.n, md, &n, EVP_sha1(), NULL) == 1 && n == 20;
	buf_free(&b);
	return ok && bsearch(md + 20 - PRINT, l->v, l->n, sizeof(*l->v),
	    compare) != NULL;
}
